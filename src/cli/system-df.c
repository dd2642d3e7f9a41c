/* SPDX-License-Identifier: Apache-2.0 */
/* system df: what takes how much room. */
#include <stdio.h>

#include "cli/commands.h"
#include "cli/engine.h"
#include "cli/human.h"
#include "cli/rows.h"
#include "cli/table.h"

/* One line of the summary. */
struct usage {
	const char *type;
	int64_t total, active;
	int64_t size, reclaimable;
	bool percent;
};

static void print_type(const struct row *row, const char *arg, struct strbuf *out)
{
	strbuf_puts(out, ((const struct usage *)row->extra)->type);
}

static void print_total(const struct row *row, const char *arg, struct strbuf *out)
{
	strbuf_printf(out, "%lld", (long long)((const struct usage *)row->extra)->total);
}

static void print_active(const struct row *row, const char *arg, struct strbuf *out)
{
	strbuf_printf(out, "%lld", (long long)((const struct usage *)row->extra)->active);
}

static void print_size(const struct row *row, const char *arg, struct strbuf *out)
{
	human_size((double)((const struct usage *)row->extra)->size, 4, out);
}

static void print_reclaimable(const struct row *row, const char *arg, struct strbuf *out)
{
	const struct usage *u = row->extra;

	human_size((double)u->reclaimable, 4, out);
	if (u->percent && u->size > 0)
		strbuf_printf(out, " (%lld%%)", (long long)(u->reclaimable * 100 / u->size));
}

static const struct row_field fields[] = {
	{ "Type", "TYPE", print_type },
	{ "TotalCount", "TOTAL", print_total },
	{ "Active", "ACTIVE", print_active },
	{ "Size", "SIZE", print_size },
	{ "Reclaimable", "RECLAIMABLE", print_reclaimable },
	{ NULL },
};

static struct usage images_usage(const json_t *df)
{
	struct usage u = { .type = "Images", .size = item_int(df, "LayersSize"), .percent = true };
	const json_t *image;
	int64_t used = 0;
	size_t i;

	json_array_foreach (item_at(df, "Images"), i, image) {
		u.total++;
		if (item_int(image, "Containers") > 0) {
			u.active++;
			used += item_int(image, "Size") -
			        MAX(item_int(image, "SharedSize"), (int64_t)0);
		}
	}
	u.reclaimable = MAX(u.size - used, (int64_t)0);
	return u;
}

static struct usage containers_usage(const json_t *df)
{
	struct usage u = { .type = "Containers", .percent = true };
	const json_t *c;
	size_t i;

	json_array_foreach (item_at(df, "Containers"), i, c) {
		const char *state = item_string(c, "State");
		bool active = streq(state, "running") || streq(state, "paused") ||
		              streq(state, "restarting");

		u.total++;
		u.active += active;
		u.size += item_int(c, "SizeRw");
		u.reclaimable += active ? 0 : item_int(c, "SizeRw");
	}
	return u;
}

static struct usage volumes_usage(const json_t *df)
{
	struct usage u = { .type = "Local Volumes", .percent = true };
	const json_t *v;
	size_t i;

	json_array_foreach (item_at(df, "Volumes"), i, v) {
		int64_t size = MAX(item_int(v, "UsageData.Size"), (int64_t)0);
		bool active = item_int(v, "UsageData.RefCount") > 0;

		u.total++;
		u.active += active;
		u.size += size;
		u.reclaimable += active ? 0 : size;
	}
	return u;
}

static struct usage cache_usage(const json_t *df)
{
	struct usage u = { .type = "Build Cache" };
	const json_t *c;
	size_t i;

	json_array_foreach (item_at(df, "BuildCache"), i, c) {
		int64_t size = item_int(c, "Size");

		u.total++;
		u.active += item_bool(c, "InUse");
		u.size += size;
		if (!item_bool(c, "InUse") && !item_bool(c, "Shared"))
			u.reclaimable += size;
	}
	return u;
}

/* The lists of --verbose reuse the rows of ps, images and volume ls. */
static int list_part(const char *title, const char *format, const struct row_field *part_fields,
                     const json_t *items, struct error *err)
{
	AUTO_TABLE table = { 0 };
	const json_t *item;
	size_t i;

	printf("%s space usage:\n\n", title);
	fflush(stdout);
	if (table_begin(&table, part_fields, format, format, err) < 0)
		return error_errno(err);
	json_array_foreach (items, i, item) {
		const json_t *tag = json_array_get(item_at(item, "RepoTags"), 0);
		struct image_name name = { "<none>", "<none>", "<none>" };
		AUTO_FREE char *repository = NULL;
		const char *text = json_string_value(tag),
			   *colon = text ? strrchr(text, ':') : NULL;

		if (colon) {
			repository = xstrndup(text, (size_t)(colon - text));
			name = (struct image_name){ repository, colon + 1, "<none>" };
		}
		struct row row = {
			.fields = part_fields, .item = item, .extra = &name, .human = true
		};

		if (table_add(&table, &row, err) < 0)
			return error_errno(err);
	}
	return table_end(&table, err);
}

static int df_verbose(struct cli *cli, const json_t *doc, struct error *err)
{
	AUTO_STRBUF cache = { 0 };

	if (list_part("Images",
	              "table {{.Repository}}\t{{.Tag}}\t{{.ID}}\t{{.CreatedSince}}\t{{.Size}}\t"
	              "{{.SharedSize}}\t{{.UniqueSize}}\t{{.Containers}}",
	              image_fields, item_at(doc, "Images"), err) < 0)
		return error_errno(err);
	printf("\n");
	if (list_part(
		    "Containers",
		    "table {{.ID}}\t{{.Image}}\t{{.Command}}\t{{.LocalVolumes}}\t{{.Size}}\t{{.RunningFor}}\t"
		    "{{.Status}}\t{{.Names}}",
		    container_fields, item_at(doc, "Containers"), err) < 0)
		return error_errno(err);
	printf("\n");
	if (list_part("Local Volumes", "table {{.Name}}\t{{.Links}}\t{{.Size}}", volume_fields,
	              item_at(doc, "Volumes"), err) < 0)
		return error_errno(err);
	human_size((double)cache_usage(doc).size, 4, &cache);
	printf("\nBuild cache usage: %s\n\n", strbuf_cstr(&cache));
	return 0;
}

static int df(struct cli *cli, struct error *err)
{
	CLEANUP(json_decref_ptr) json_t *doc = NULL;
	AUTO_TABLE table = { 0 };

	if (table_begin(
		    &table, fields, opt_string(cli, "format"),
		    "table {{.Type}}\t{{.TotalCount}}\t{{.Active}}\t{{.Size}}\t{{.Reclaimable}}",
		    err) < 0)
		return error_errno(err);
	doc = engine_json(cli, "GET", "/system/df", NULL, err);
	if (!doc)
		return error_errno(err);
	if (opt_bool(cli, "verbose"))
		return df_verbose(cli, doc, err);
	struct usage all[] = { images_usage(doc), containers_usage(doc), volumes_usage(doc),
		               cache_usage(doc) };
	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		struct row row = { .fields = fields, .extra = &all[i] };

		if (table_add(&table, &row, err) < 0)
			return error_errno(err);
	}
	return table_end(&table, err);
}

/* clang-format off */
static const struct cli_option options[] = {
	{ "format", 0, OPTION_STRING, FORMAT_HELP },
	{ "verbose", 'v', OPTION_BOOL, "Each object" },
	{ NULL },
};
/* clang-format on */

const struct cli_command command_system_df = {
	.name = "df",
	.brief = "Show what takes how much room",
	.options = options,
	.run = df,
};
