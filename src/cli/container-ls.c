/* SPDX-License-Identifier: Apache-2.0 */
/* ps, container ls. */
#include <stdio.h>

#include "base/time.h"
#include "cli/commands.h"
#include "cli/engine.h"
#include "cli/human.h"
#include "cli/ports.h"
#include "cli/rows.h"

static void print_names(const struct row *row, const char *arg, struct strbuf *out)
{
	const json_t *names = item_at(row->item, "Names"), *name;
	size_t i;
	unsigned n = 0;

	json_array_foreach (names, i, name) {
		const char *s = json_is_string(name) ? json_string_value(name) : "";

		if (*s == '/')
			s++;
		/* without --no-trunc the names that links gave ("other/alias") are left out */
		if (!row->no_trunc && strchr(s, '/'))
			continue;
		strbuf_printf(out, "%s%s", n++ ? "," : "", s);
	}
}

static void print_container_id(const struct row *row, const char *arg, struct strbuf *out)
{
	print_id(item_string(row->item, "Id"), row->no_trunc, out);
}

/* A container started by digest shows the digest's start, or nothing but the id when untagged. */
static void print_image(const struct row *row, const char *arg, struct strbuf *out)
{
	const char *image = item_string(row->item, "Image"),
		   *id = item_string(row->item, "ImageID");
	const char *digest;

	if (!*image) {
		strbuf_puts(out, "<no image>");
		return;
	}
	if (!row->no_trunc && *id && str_skip_prefix(image, "sha256:")) {
		print_id(image, false, out);
		return;
	}
	digest = row->no_trunc ? NULL : strchr(image, '@');
	strbuf_add(out, image, digest ? (size_t)(digest - image) : strlen(image));
}

static void print_command(const struct row *row, const char *arg, struct strbuf *out)
{
	AUTO_STRBUF quoted = { 0 };
	const char *command = item_string(row->item, "Command");

	if (!row->no_trunc) {
		AUTO_STRBUF cut = { 0 };

		print_ellipsis(command, 20, &cut);
		strbuf_printf(&quoted, "\"");
		for (const char *c = strbuf_cstr(&cut); *c; c++)
			strbuf_printf(&quoted, *c == '"' || *c == '\\' ? "\\%c" : "%c", *c);
	} else {
		strbuf_printf(&quoted, "\"");
		for (const char *c = command; *c; c++)
			strbuf_printf(&quoted, *c == '"' || *c == '\\' ? "\\%c" : "%c", *c);
	}
	strbuf_printf(out, "%s\"", strbuf_cstr(&quoted));
}

static void print_created_at(const struct row *row, const char *arg, struct strbuf *out)
{
	print_unix_time(item_int(row->item, "Created"), out);
}

static void print_running_for(const struct row *row, const char *arg, struct strbuf *out)
{
	human_duration(time_now() - item_int(row->item, "Created") * NSEC_PER_SEC, out);
	strbuf_puts(out, " ago");
}

static void print_ports(const struct row *row, const char *arg, struct strbuf *out)
{
	ports_display(item_at(row->item, "Ports"), out);
}

static void print_state(const struct row *row, const char *arg, struct strbuf *out)
{
	strbuf_puts(out, item_string(row->item, "State"));
}

static void print_status(const struct row *row, const char *arg, struct strbuf *out)
{
	strbuf_puts(out, item_string(row->item, "Status"));
}

static void print_size(const struct row *row, const char *arg, struct strbuf *out)
{
	int64_t virtual = item_int(row->item, "SizeRootFs");

	human_size((double)item_int(row->item, "SizeRw"), 3, out);
	if (virtual <= 0 || row->human)
		return;
	strbuf_puts(out, " (virtual ");
	human_size((double)virtual, 3, out);
	strbuf_putc(out, ')');
}

static void print_row_labels(const struct row *row, const char *arg, struct strbuf *out)
{
	print_labels(item_at(row->item, "Labels"), out);
}

static void print_row_label(const struct row *row, const char *arg, struct strbuf *out)
{
	print_label(item_at(row->item, "Labels"), arg, out);
}

static void print_mounts(const struct row *row, const char *arg, struct strbuf *out)
{
	const json_t *mount;
	size_t i;

	json_array_foreach (item_at(row->item, "Mounts"), i, mount) {
		const char *name = item_string(mount, "Name");

		strbuf_puts(out, i ? "," : "");
		if (!*name)
			name = item_string(mount, "Source");
		if (row->no_trunc)
			strbuf_puts(out, name);
		else
			print_ellipsis(name, 15, out);
	}
}

static void print_local_volumes(const struct row *row, const char *arg, struct strbuf *out)
{
	const json_t *mount;
	size_t i;
	unsigned n = 0;

	json_array_foreach (item_at(row->item, "Mounts"), i, mount)
		n += streq(item_string(mount, "Driver"), "local");
	strbuf_printf(out, "%u", n);
}

static void print_networks(const struct row *row, const char *arg, struct strbuf *out)
{
	const json_t *networks = item_at(row->item, "NetworkSettings.Networks"), *network;
	AUTO_STRV names = { 0 };
	const char *name;

	json_object_foreach ((json_t *)(uintptr_t)networks, name, network)
		strv_add(&names, name);
	strv_sort(&names);
	for (size_t i = 0; i < names.len; i++)
		strbuf_printf(out, "%s%s", i ? "," : "", names.ptr[i]);
}

static void print_platform(const struct row *row, const char *arg, struct strbuf *out)
{
	const json_t *p = item_at(row->item, "ImageManifestDescriptor.platform");

	if (p)
		strbuf_printf(out, "%s/%s", item_string(p, "os"), item_string(p, "architecture"));
}

const struct row_field container_fields[] = {
	{ "ID", "CONTAINER ID", print_container_id },
	{ "Names", "NAMES", print_names },
	{ "Image", "IMAGE", print_image },
	{ "Command", "COMMAND", print_command },
	{ "CreatedAt", "CREATED AT", print_created_at },
	{ "RunningFor", "CREATED", print_running_for },
	{ "Ports", "PORTS", print_ports },
	{ "State", "STATE", print_state },
	{ "Status", "STATUS", print_status },
	{ "Size", "SIZE", print_size },
	{ "Labels", "LABELS", print_row_labels },
	{ "Label", NULL, print_row_label, .takes_arg = true },
	{ "Mounts", "MOUNTS", print_mounts },
	{ "LocalVolumes", "LOCAL VOLUMES", print_local_volumes },
	{ "Networks", "NETWORKS", print_networks },
	{ "Platform", "PLATFORM", print_platform, .json_null = true },
	{ NULL },
};

static const char *user_format(const struct cli *cli)
{
	const char *format = opt_string(cli, "format"), *saved;

	if (*format)
		return format;
	if (opt_bool(cli, "quiet"))
		return "{{.ID}}";
	saved = json_string_value(json_object_get(cli->config, "psFormat"));
	return saved ? saved : "";
}

static int list(struct cli *cli, struct error *err)
{
	AUTO_STRBUF target = { 0 };
	AUTO_TABLE table = { 0 };
	CLEANUP(json_decref_ptr) json_t *all = NULL;
	int64_t last = opt_bool(cli, "latest") ? 1 : opt_int(cli, "last");
	const char *format = user_format(cli);
	bool size = opt_bool(cli, "size") || strstr(format, ".Size");
	const json_t *item;
	size_t i;

	strbuf_puts(&target, "/containers/json");
	target_flag(&target, "all", opt_bool(cli, "all") || last > 0);
	if (last > 0) {
		char text[32];

		snprintf(text, sizeof(text), "%lld", (long long)last);
		target_arg(&target, "limit", text);
	}
	target_flag(&target, "size", size);
	target_filters(&target, opt_list(cli, "filter"));
	if (table_begin(
		    &table, container_fields, format,
		    size ? "table {{.ID}}\t{{.Image}}\t{{.Command}}\t{{.RunningFor}}\t{{.Status}}\t"
			   "{{.Ports}}\t{{.Names}}\t{{.Size}}"
			 : "table {{.ID}}\t{{.Image}}\t{{.Command}}\t{{.RunningFor}}\t{{.Status}}\t"
			   "{{.Ports}}\t{{.Names}}",
		    err) < 0)
		return error_errno(err);
	all = engine_json(cli, "GET", strbuf_cstr(&target), NULL, err);
	if (!all)
		return error_errno(err);
	json_array_foreach (all, i, item) {
		struct row row = { .fields = container_fields,
			           .item = item,
			           .no_trunc = opt_bool(cli, "no-trunc") };

		if (table_add(&table, &row, err) < 0)
			return error_errno(err);
	}
	return table_end(&table, err);
}

/* clang-format off */
static const struct cli_option options[] = {
	{ "all", 'a', OPTION_BOOL, "Stopped containers too" },
	{ "filter", 'f', OPTION_FILTER, "Only those that match, as status=exited or name=web" },
	{ "format", 0, OPTION_STRING, FORMAT_HELP },
	{ "last", 'n', OPTION_INT, "The last n created, in any state", .initial = "-1" },
	{ "latest", 'l', OPTION_BOOL, "The last one created, in any state" },
	{ "no-trunc", 0, OPTION_BOOL, "Cut nothing short" },
	{ "quiet", 'q', OPTION_BOOL, "Ids only" },
	{ "size", 's', OPTION_BOOL, "Sizes of their files too" },
	{ NULL },
};
/* clang-format on */

const struct cli_command command_ps = {
	.name = "ps",
	.brief = "List containers",
	.options = options,
	.run = list,
	.group = CLI_GROUP_COMMON,
};

const struct cli_command command_container_ls = {
	.name = "ls",
	.brief = "List containers",
	.options = options,
	.run = list,
	.aliases = "list ps",
};
