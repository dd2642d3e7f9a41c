/* SPDX-License-Identifier: Apache-2.0 */
/* images, image ls, history. */
#include <stdio.h>
#include <time.h>

#include "base/time.h"
#include "cli/commands.h"
#include "cli/engine.h"
#include "cli/human.h"
#include "cli/image-name.h"
#include "cli/rows.h"

static void print_image_id(const struct row *row, const char *arg, struct strbuf *out)
{
	print_id(item_string(row->item, "Id"), row->no_trunc, out);
}

static void print_repository(const struct row *row, const char *arg, struct strbuf *out)
{
	strbuf_puts(out, ((const struct image_name *)row->extra)->repository);
}

static void print_tag(const struct row *row, const char *arg, struct strbuf *out)
{
	strbuf_puts(out, ((const struct image_name *)row->extra)->tag);
}

static void print_digest(const struct row *row, const char *arg, struct strbuf *out)
{
	strbuf_puts(out, ((const struct image_name *)row->extra)->digest);
}

static void print_created_since(const struct row *row, const char *arg, struct strbuf *out)
{
	int64_t created = item_int(row->item, "Created");

	if (created <= 0) {
		strbuf_puts(out, "N/A");
		return;
	}
	human_duration(time_now() - created * NSEC_PER_SEC, out);
	strbuf_puts(out, " ago");
}

static void print_created_at(const struct row *row, const char *arg, struct strbuf *out)
{
	print_unix_time(item_int(row->item, "Created"), out);
}

static void print_size(const struct row *row, const char *arg, struct strbuf *out)
{
	human_size((double)item_int(row->item, "Size"), 3, out);
}

static void print_containers(const struct row *row, const char *arg, struct strbuf *out)
{
	int64_t n = item_int(row->item, "Containers");

	if (n < 0)
		strbuf_puts(out, "N/A");
	else
		strbuf_printf(out, "%lld", (long long)n);
}

static void size_or_na(const struct row *row, const char *member, struct strbuf *out)
{
	int64_t n = item_int(row->item, member);

	if (n < 0 || !item_at(row->item, member))
		strbuf_puts(out, "N/A");
	else
		human_size((double)n, 4, out);
}

static void print_shared(const struct row *row, const char *arg, struct strbuf *out)
{
	size_or_na(row, "SharedSize", out);
}

static void print_unique(const struct row *row, const char *arg, struct strbuf *out)
{
	int64_t shared = item_int(row->item, "SharedSize");

	if (shared < 0)
		strbuf_puts(out, "N/A");
	else
		human_size((double)(item_int(row->item, "Size") - shared), 4, out);
}

static void print_virtual(const struct row *row, const char *arg, struct strbuf *out)
{
	const char *member = item_at(row->item, "VirtualSize") ? "VirtualSize" : "Size";

	human_size((double)item_int(row->item, member), 4, out);
}

const struct row_field image_fields[] = {
	{ "ID", "IMAGE ID", print_image_id },
	{ "Repository", "REPOSITORY", print_repository },
	{ "Tag", "TAG", print_tag },
	{ "Digest", "DIGEST", print_digest },
	{ "CreatedSince", "CREATED", print_created_since },
	{ "CreatedAt", "CREATED AT", print_created_at },
	{ "Size", "SIZE", print_size },
	{ "Containers", "CONTAINERS", print_containers },
	{ "VirtualSize", "SIZE", print_virtual },
	{ "SharedSize", "SHARED SIZE", print_shared },
	{ "UniqueSize", "UNIQUE SIZE", print_unique },
	{ NULL },
};

static int add_line(struct cli *cli, struct table *t, const json_t *image, const char *repository,
                    const char *tag, const char *digest, struct error *err)
{
	struct image_name name = { repository, tag, digest };
	struct row row = { .fields = image_fields,
		           .item = image,
		           .extra = &name,
		           .no_trunc = opt_bool(cli, "no-trunc") };

	return table_add(t, &row, err);
}

/* The digests of a repository among "repo@sha256:…" names. */
static void digests_of(const json_t *image, const char *repository, struct strv *ret)
{
	const json_t *d;
	size_t i;

	json_array_foreach (item_at(image, "RepoDigests"), i, d) {
		const char *s = json_is_string(d) ? json_string_value(d) : "",
			   *at = strrchr(s, '@');
		AUTO_REFERENCE r = { 0 };
		AUTO_FREE char *name = NULL;
		struct error ignored = { 0 };

		if (!at || reference_parse(s, &r, &ignored) < 0)
			continue;
		name = reference_familiar_name(&r);
		if (streq(name, repository))
			strv_add(ret, at + 1);
	}
}

static int add_tagged(struct cli *cli, struct table *t, const json_t *image, const char *text,
                      bool digests, struct error *err)
{
	AUTO_REFERENCE r = { 0 };
	AUTO_FREE char *name = NULL;
	AUTO_STRV all = { 0 };
	struct error ignored = { 0 };
	const char *tag;

	if (reference_parse(text, &r, &ignored) < 0)
		return 0;
	name = reference_familiar_name(&r);
	tag = r.tag ? r.tag : "<none>";
	if (!digests)
		return add_line(cli, t, image, name, tag, "<none>", err);
	digests_of(image, name, &all);
	if (!all.len)
		return add_line(cli, t, image, name, tag, "<none>", err);
	for (size_t i = 0; i < all.len; i++)
		if (add_line(cli, t, image, name, tag, all.ptr[i], err) < 0)
			return error_errno(err);
	return 0;
}

/* Without a tag: once per repository of its digests, or <none>. */
static int add_untagged(struct cli *cli, struct table *t, const json_t *image, bool digests,
                        struct error *err)
{
	const json_t *d;
	size_t i;
	unsigned n = 0;

	json_array_foreach (item_at(image, "RepoDigests"), i, d) {
		const char *s = json_is_string(d) ? json_string_value(d) : "",
			   *at = strrchr(s, '@');
		AUTO_REFERENCE r = { 0 };
		AUTO_FREE char *name = NULL;
		struct error ignored = { 0 };

		if (!at || str_skip_prefix(s, "<none>") || reference_parse(s, &r, &ignored) < 0)
			continue;
		name = reference_familiar_name(&r);
		n++;
		if (add_line(cli, t, image, name, "<none>", digests ? at + 1 : "<none>", err) < 0)
			return error_errno(err);
	}
	return n ? 0 : add_line(cli, t, image, "<none>", "<none>", "<none>", err);
}

static int add_image(struct cli *cli, struct table *t, const json_t *image, bool digests,
                     struct error *err)
{
	const json_t *tag, *tags = item_at(image, "RepoTags");
	size_t i;
	unsigned n = 0;

	json_array_foreach (tags, i, tag) {
		const char *s = json_is_string(tag) ? json_string_value(tag) : "";

		if (streq(s, "<none>:<none>"))
			continue;
		n++;
		if (add_tagged(cli, t, image, s, digests, err) < 0)
			return error_errno(err);
	}
	return n ? 0 : add_untagged(cli, t, image, digests, err);
}

static int list(struct cli *cli, struct error *err)
{
	AUTO_STRBUF target = { 0 };
	AUTO_STRV filters = { 0 };
	AUTO_TABLE table = { 0 };
	CLEANUP(json_decref_ptr) json_t *all = NULL;
	const char *format = opt_string(cli, "format");
	const char *saved = json_string_value(json_object_get(cli->config, "imagesFormat"));
	bool quiet = opt_bool(cli, "quiet"), digests = opt_bool(cli, "digests");
	const json_t *image;
	size_t i;

	if (!*format)
		format = quiet ? "{{.ID}}" : saved ? saved : "";
	strv_copy(&filters, opt_list(cli, "filter"));
	if (cli->args.len)
		strv_printf(&filters, "reference=%s", cli->args.ptr[0]);
	strbuf_puts(&target, "/images/json");
	target_flag(&target, "all", opt_bool(cli, "all"));
	target_filters(&target, &filters);
	if (table_begin(
		    &table, image_fields, format,
		    digests ? "table {{.Repository}}\t{{.Tag}}\t{{.Digest}}\t{{.ID}}\t"
			      "{{.CreatedSince}}\t{{.Size}}"
			    : "table {{.Repository}}\t{{.Tag}}\t{{.ID}}\t{{.CreatedSince}}\t{{.Size}}",
		    err) < 0)
		return error_errno(err);
	all = engine_json(cli, "GET", strbuf_cstr(&target), NULL, err);
	if (!all)
		return error_errno(err);
	digests |= strstr(format, ".Digest") != NULL;
	json_array_foreach (all, i, image)
		if (add_image(cli, &table, image, digests, err) < 0)
			return error_errno(err);
	return table_end(&table, err);
}

/* --- history --- */

static void history_id(const struct row *row, const char *arg, struct strbuf *out)
{
	print_id(item_string(row->item, "Id"), row->no_trunc, out);
}

static void history_since(const struct row *row, const char *arg, struct strbuf *out)
{
	if (!row->human)
		print_unix_time(item_int(row->item, "Created"), out);
	else
		print_created_since(row, arg, out);
}

static void history_at(const struct row *row, const char *arg, struct strbuf *out)
{
	time_t t = (time_t)item_int(row->item, "Created");
	struct tm tm;
	char text[64];
	size_t n;

	localtime_r(&t, &tm);
	n = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S%z", &tm);
	if (n > 5 && streq(text + n - 5, "+0000"))
		memcpy(text + n - 5, "Z", 2);
	else if (n > 2) {
		memmove(text + n - 1, text + n - 2, 3);
		text[n - 2] = ':';
	}
	strbuf_puts(out, text);
}

static void history_by(const struct row *row, const char *arg, struct strbuf *out)
{
	AUTO_STRBUF text = { 0 };

	for (const char *c = item_string(row->item, "CreatedBy"); *c; c++)
		strbuf_putc(&text, *c == '\t' ? ' ' : *c);
	if (row->no_trunc)
		strbuf_puts(out, strbuf_cstr(&text));
	else
		print_ellipsis(strbuf_cstr(&text), 45, out);
}

static void history_size(const struct row *row, const char *arg, struct strbuf *out)
{
	if (row->human)
		human_size((double)item_int(row->item, "Size"), 3, out);
	else
		strbuf_printf(out, "%lld", (long long)item_int(row->item, "Size"));
}

static void history_comment(const struct row *row, const char *arg, struct strbuf *out)
{
	strbuf_puts(out, item_string(row->item, "Comment"));
}

static const struct row_field history_fields[] = {
	{ "ID", "IMAGE", history_id },
	{ "CreatedSince", "CREATED", history_since },
	{ "CreatedAt", "CREATED AT", history_at },
	{ "CreatedBy", "CREATED BY", history_by },
	{ "Size", "SIZE", history_size },
	{ "Comment", "COMMENT", history_comment },
	{ NULL },
};

static int history(struct cli *cli, struct error *err)
{
	AUTO_STRBUF target = { 0 };
	AUTO_TABLE table = { 0 };
	CLEANUP(json_decref_ptr) json_t *all = NULL;
	const char *format = opt_string(cli, "format");
	bool human = opt_bool(cli, "human");
	const json_t *step;
	size_t i;

	if (!*format && opt_bool(cli, "quiet"))
		format = "{{.ID}}";
	target_path(&target, "/images/{}/history", cli->args.ptr[0]);
	if (table_begin(
		    &table, history_fields, format,
		    human ? "table {{.ID}}\t{{.CreatedSince}}\t{{.CreatedBy}}\t{{.Size}}\t{{.Comment}}"
			  : "table {{.ID}}\t{{.CreatedAt}}\t{{.CreatedBy}}\t{{.Size}}\t{{.Comment}}",
		    err) < 0)
		return error_errno(err);
	all = engine_json(cli, "GET", strbuf_cstr(&target), NULL, err);
	if (!all)
		return error_errno(err);
	json_array_foreach (all, i, step) {
		struct row row = { .fields = history_fields,
			           .item = step,
			           .human = human,
			           .no_trunc = opt_bool(cli, "no-trunc") };

		if (table_add(&table, &row, err) < 0)
			return error_errno(err);
	}
	return table_end(&table, err);
}

/* clang-format off */
static const struct cli_option list_options[] = {
	{ "all", 'a', OPTION_BOOL, "Images in the middle of a chain too" },
	{ "digests", 0, OPTION_BOOL, "Show digests" },
	{ "filter", 'f', OPTION_FILTER, "Only those that match, as dangling=true" },
	{ "format", 0, OPTION_STRING, FORMAT_HELP },
	{ "no-trunc", 0, OPTION_BOOL, "Cut nothing short" },
	{ "quiet", 'q', OPTION_BOOL, "Ids only" },
	{ NULL },
};
static const struct cli_option history_options[] = {
	{ "format", 0, OPTION_STRING, FORMAT_HELP },
	{ "human", 'H', OPTION_BOOL, "Sizes and times for people", .initial = "true" },
	{ "no-trunc", 0, OPTION_BOOL, "Cut nothing short" },
	{ "quiet", 'q', OPTION_BOOL, "Ids only" },
	{ NULL },
};
/* clang-format on */

const struct cli_command command_images = {
	.name = "images",
	.usage = "[REPOSITORY[:TAG]]",
	.brief = "List images",
	.options = list_options,
	.max_args = 1,
	.run = list,
	.complete = "@images",
	.group = CLI_GROUP_COMMON,
};
const struct cli_command command_image_ls = {
	.name = "ls",
	.usage = "[REPOSITORY[:TAG]]",
	.brief = "List images",
	.options = list_options,
	.max_args = 1,
	.run = list,
	.complete = "@images",
	.aliases = "list",
};
const struct cli_command command_history = {
	.name = "history",
	.usage = "IMAGE",
	.brief = "Show how an image was made",
	.options = history_options,
	.min_args = 1,
	.max_args = 1,
	.run = history,
	.complete = "@images",
	.group = CLI_GROUP_MORE,
};
