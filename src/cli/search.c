/* SPDX-License-Identifier: Apache-2.0 */
/* search: images on a registry. */
#include "cli/auth.h"
#include "cli/commands.h"
#include "cli/engine.h"
#include "cli/human.h"
#include "cli/table.h"

static void print_name(const struct row *row, const char *arg, struct strbuf *out)
{
	strbuf_puts(out, item_string(row->item, "name"));
}

static void print_description(const struct row *row, const char *arg, struct strbuf *out)
{
	AUTO_STRBUF one = { 0 };

	for (const char *c = item_string(row->item, "description"); *c; c++)
		strbuf_putc(&one, *c == '\n' || *c == '\r' ? ' ' : *c);
	if (row->no_trunc)
		strbuf_puts(out, strbuf_cstr(&one));
	else
		print_ellipsis(strbuf_cstr(&one), 45, out);
}

static void print_stars(const struct row *row, const char *arg, struct strbuf *out)
{
	strbuf_printf(out, "%lld", (long long)item_int(row->item, "star_count"));
}

static void print_official(const struct row *row, const char *arg, struct strbuf *out)
{
	strbuf_puts(out, item_bool(row->item, "is_official") ? "[OK]" : "");
}

static const struct row_field fields[] = {
	{ "Name", "NAME", print_name },
	{ "Description", "DESCRIPTION", print_description },
	{ "StarCount", "STARS", print_stars },
	{ "IsOfficial", "OFFICIAL", print_official },
	{ NULL },
};

static int search(struct cli *cli, struct error *err)
{
	AUTO_STRBUF target = { 0 }, header = { 0 }, text = { 0 };
	AUTO_TABLE table = { 0 };
	CLEANUP(json_decref_ptr) json_t *all = NULL;
	const char *headers[] = { NULL, NULL };
	struct engine_request r = { .method = "GET", .headers = headers };
	struct http_response answer;
	const json_t *one;
	size_t i;
	int rc;

	strbuf_puts(&target, "/images/search");
	target_arg(&target, "term", cli->args.ptr[0]);
	if (opt_given(cli, "limit"))
		target_arg(&target, "limit", opt_string(cli, "limit"));
	target_filters(&target, opt_list(cli, "filter"));
	if (auth_header(cli, "docker.io", &header, err) < 0 ||
	    table_begin(&table, fields, opt_string(cli, "format"),
	                "table {{.Name}}\t{{.Description}}\t{{.StarCount}}\t{{.IsOfficial}}",
	                err) < 0)
		return error_errno(err);
	headers[0] = strbuf_cstr(&header);
	r.target = strbuf_cstr(&target);
	if (engine_send(cli, &r, &answer, err) < 0)
		return error_errno(err);
	rc = http_response_read_all(&answer, ENGINE_ANSWER_MAX, &text, err);
	http_response_done(&answer);
	if (rc < 0 || !(all = json_parse(strbuf_str(&text), err)))
		return error_errno(err);
	json_array_foreach (all, i, one) {
		struct row row = { .fields = fields,
			           .item = one,
			           .no_trunc = opt_bool(cli, "no-trunc") };

		if (table_add(&table, &row, err) < 0)
			return error_errno(err);
	}
	return table_end(&table, err);
}

/* clang-format off */
static const struct cli_option options[] = {
	{ "filter", 'f', OPTION_FILTER, "Only those that match, as is-official=true" },
	{ "format", 0, OPTION_STRING, FORMAT_HELP },
	{ "limit", 0, OPTION_INT, "At most so many" },
	{ "no-trunc", 0, OPTION_BOOL, "Cut nothing short" },
	{ NULL },
};
/* clang-format on */

const struct cli_command command_search = {
	.name = "search",
	.usage = "TERM",
	.brief = "Search a registry for images",
	.options = options,
	.min_args = 1,
	.max_args = 1,
	.run = search,
	.group = CLI_GROUP_COMMON,
};
