/* SPDX-License-Identifier: Apache-2.0 */
/* volume create, ls, rm. */
#include <stdio.h>

#include "cli/commands.h"
#include "cli/each.h"
#include "cli/engine.h"
#include "cli/env-file.h"
#include "cli/human.h"
#include "cli/kv.h"
#include "cli/rows.h"
#include "json/writer.h"

static int create(struct cli *cli, struct error *err)
{
	AUTO_STRBUF body = { 0 };
	CLEANUP(json_decref_ptr) json_t *answer = NULL;
	struct json_writer w;

	if (cli->args.len && *opt_string(cli, "name"))
		return error_set(
			err, ERROR_INVALID,
			"conflicting options: cannot specify a volume-name through both --name and as "
			"a positional arg");
	json_writer_init(&w, &body);
	jw_object(&w);
	jw_kv_string(&w, "Name", cli->args.len ? cli->args.ptr[0] : opt_string(cli, "name"));
	jw_kv_string(&w, "Driver", opt_string(cli, "driver"));
	kv_write(&w, "DriverOpts", opt_list(cli, "opt"));
	kv_write(&w, "Labels", opt_list(cli, "label"));
	jw_object_end(&w);
	answer = engine_json(cli, "POST", "/volumes/create", &body, err);
	if (!answer)
		return error_errno(err);
	printf("%s\n", item_string(answer, "Name"));
	return 0;
}

static int remove_one(struct cli *cli, const char *name, struct error *err)
{
	AUTO_STRBUF target = { 0 };

	target_path(&target, "/volumes/{}", name);
	target_flag(&target, "force", opt_bool(cli, "force"));
	return engine_do(cli, "DELETE", strbuf_cstr(&target), NULL, err);
}

static int remove_all(struct cli *cli, struct error *err)
{
	return each_operand(cli, remove_one, true);
}

#define DEFINE_TEXT(name, member)                                                                  \
	static void print_##name(const struct row *row, const char *arg, struct strbuf *out)       \
	{                                                                                          \
		strbuf_puts(out, item_string(row->item, member));                                  \
	}

DEFINE_TEXT(name, "Name")
DEFINE_TEXT(driver, "Driver")
DEFINE_TEXT(scope, "Scope")
DEFINE_TEXT(mountpoint, "Mountpoint")

static void print_row_labels(const struct row *row, const char *arg, struct strbuf *out)
{
	print_labels(item_at(row->item, "Labels"), out);
}

static void print_row_label(const struct row *row, const char *arg, struct strbuf *out)
{
	print_label(item_at(row->item, "Labels"), arg, out);
}

static void print_links(const struct row *row, const char *arg, struct strbuf *out)
{
	if (!item_at(row->item, "UsageData.RefCount"))
		strbuf_puts(out, "N/A");
	else
		strbuf_printf(out, "%lld", (long long)item_int(row->item, "UsageData.RefCount"));
}

static void print_size(const struct row *row, const char *arg, struct strbuf *out)
{
	if (!item_at(row->item, "UsageData.Size") || item_int(row->item, "UsageData.Size") < 0)
		strbuf_puts(out, "N/A");
	else
		human_size((double)item_int(row->item, "UsageData.Size"), 4, out);
}

static void print_na(const struct row *row, const char *arg, struct strbuf *out)
{
	strbuf_puts(out, "N/A");
}

const struct row_field volume_fields[] = {
	{ "Name", "VOLUME NAME", print_name },
	{ "Driver", "DRIVER", print_driver },
	{ "Scope", "SCOPE", print_scope },
	{ "Mountpoint", "MOUNTPOINT", print_mountpoint },
	{ "Labels", "LABELS", print_row_labels },
	{ "Label", NULL, print_row_label, .takes_arg = true },
	{ "Links", "LINKS", print_links },
	{ "Size", "SIZE", print_size },
	{ "Group", "GROUP", print_na },
	{ "Availability", "AVAILABILITY", print_na },
	{ "Status", "STATUS", print_na },
	{ NULL },
};

static int compare_names(const void *a, const void *b)
{
	const char *x = item_string(*(json_t *const *)a, "Name");
	const char *y = item_string(*(json_t *const *)b, "Name");

	return strverscmp(x, y);
}

static int list(struct cli *cli, struct error *err)
{
	AUTO_STRBUF target = { 0 };
	AUTO_TABLE table = { 0 };
	CLEANUP(json_decref_ptr) json_t *answer = NULL;
	const char *format = opt_string(cli, "format");
	const char *saved = json_string_value(json_object_get(cli->config, "volumesFormat"));
	const json_t *all;
	AUTO_FREE const json_t **sorted = NULL;

	if (!*format)
		format = opt_bool(cli, "quiet") ? "{{.Name}}" : saved ? saved : "";
	strbuf_puts(&target, "/volumes");
	target_filters(&target, opt_list(cli, "filter"));
	if (table_begin(&table, volume_fields, format, "table {{.Driver}}\t{{.Name}}", err) < 0)
		return error_errno(err);
	answer = engine_json(cli, "GET", strbuf_cstr(&target), NULL, err);
	if (!answer)
		return error_errno(err);
	all = item_at(answer, "Volumes");
	sorted = xcalloc(json_array_size(all) + 1, sizeof(*sorted));
	for (size_t i = 0; i < json_array_size(all); i++)
		sorted[i] = json_array_get(all, i);
	qsort(sorted, json_array_size(all), sizeof(*sorted), compare_names);
	for (size_t i = 0; i < json_array_size(all); i++) {
		struct row row = { .fields = volume_fields, .item = sorted[i] };

		if (table_add(&table, &row, err) < 0)
			return error_errno(err);
	}
	return table_end(&table, err);
}

/* clang-format off */
static const struct cli_option create_options[] = {
	{ "driver", 'd', OPTION_STRING, "Driver", .initial = "local" },
	{ "label", 0, OPTION_LIST, "Label, as key=value" },
	{ "name", 0, OPTION_STRING, "", .flags = OPTION_HIDDEN },
	{ "opt", 'o', OPTION_MAP, "Option of the driver, as type=tmpfs" },
	{ NULL },
};
static const struct cli_option ls_options[] = {
	{ "filter", 'f', OPTION_FILTER, "Only those that match, as dangling=true" },
	{ "format", 0, OPTION_STRING, FORMAT_HELP },
	{ "quiet", 'q', OPTION_BOOL, "Names only" },
	{ NULL },
};
static const struct cli_option rm_options[] = {
	{ "force", 'f', OPTION_BOOL, "No failure when it is not there" },
	{ NULL },
};
/* clang-format on */

const struct cli_command command_volume_create = {
	.name = "create",
	.usage = "[VOLUME]",
	.brief = "Create a volume",
	.options = create_options,
	.max_args = 1,
	.run = create,
};
const struct cli_command command_volume_ls = {
	.name = "ls",
	.brief = "List volumes",
	.options = ls_options,
	.run = list,
	.aliases = "list",
};
const struct cli_command command_volume_rm = {
	.name = "rm",
	.usage = "VOLUME [VOLUME...]",
	.brief = "Remove volumes that no container uses",
	.options = rm_options,
	.min_args = 1,
	.max_args = CLI_ARGS_ANY,
	.run = remove_all,
	.complete = "@volumes",
	.aliases = "remove",
};
