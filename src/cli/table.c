/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/table.h"

#include <stdio.h>

#include "json/writer.h"

static const struct row_field *field_find(const struct row_field *fields, const char *name)
{
	for (const struct row_field *f = fields; f->name; f++)
		if (streq(f->name, name))
			return f;
	return NULL;
}

/* What the engine names must not drive the terminal. */
static void make_safe(struct strbuf *b, size_t from)
{
	for (size_t i = from; i < b->len; i++)
		if ((unsigned char)b->ptr[i] < 0x20 && b->ptr[i] != '\n' && b->ptr[i] != '\t')
			b->ptr[i] = '?';
}

static int row_get(const void *ctx, const char *name, const char *arg, struct strbuf *out)
{
	const struct row *row = ctx;
	const struct row_field *f = field_find(row->fields, name);
	size_t from = out->len;

	if (!f || f->takes_arg != (arg != NULL))
		return 0;
	f->print(row, arg, out);
	make_safe(out, from);
	return 1;
}

static int compare_fields(const void *a, const void *b)
{
	return strcmp((*(const struct row_field *const *)a)->name,
	              (*(const struct row_field *const *)b)->name);
}

static void row_json(const void *ctx, struct strbuf *out)
{
	const struct row *row = ctx;
	const struct row_field *sorted[64];
	size_t n = 0;
	struct json_writer w;

	for (const struct row_field *f = row->fields; f->name && n < ARRAY_SIZE(sorted); f++)
		if (!f->takes_arg)
			sorted[n++] = f;
	qsort(sorted, n, sizeof(*sorted), compare_fields);
	json_writer_init(&w, out);
	jw_object(&w);
	for (size_t i = 0; i < n; i++) {
		AUTO_STRBUF text = { 0 };

		sorted[i]->print(row, NULL, &text);
		jw_key(&w, sorted[i]->name);
		if (sorted[i]->json_null && !text.len)
			jw_null(&w);
		else
			jw_str(&w, strbuf_str(&text));
	}
	jw_object_end(&w);
}

static const struct template_row_ops row_ops = { row_get, row_json, "*formatter.ContainerContext" };

static int heading_get(const void *ctx, const char *name, const char *arg, struct strbuf *out)
{
	const struct row_field *f = field_find(ctx, name);

	if (!f)
		return 0;
	if (arg && f->takes_arg && !f->heading)
		strbuf_puts(out, arg);
	else if (f->heading)
		strbuf_puts(out, f->heading);
	else
		strbuf_puts(out, "<no value>");
	return 1;
}

static void heading_json(const void *ctx, struct strbuf *out)
{
	strbuf_puts(out, "{}");
}

static const struct template_row_ops heading_ops = { heading_get, heading_json, "heading" };

/* \t and \n typed in a shell's quotes mean the characters. */
static void unescape(const char *s, struct strbuf *out)
{
	for (; *s; s++) {
		if (s[0] == '\\' && (s[1] == 't' || s[1] == 'n')) {
			strbuf_putc(out, s[1] == 't' ? '\t' : '\n');
			s++;
		} else {
			strbuf_putc(out, *s);
		}
	}
}

int table_begin(struct table *t, const struct row_field *fields, const char *format,
                const char *default_format, struct error *err)
{
	AUTO_STRBUF text = { 0 };
	const char *rest;

	if (str_empty_or_null(format) || streq(format, "table"))
		format = default_format;
	rest = streq(format, "json") ? "{{json .}}" : format;
	if (!strncmp(rest, "table", 5)) {
		t->with_heading = true;
		rest += 5;
	}
	while (*rest == ' ' && t->with_heading)
		rest++;
	unescape(rest, &text);
	t->fields = fields;
	t->template = template_parse(strbuf_cstr(&text), err);
	return t->template ? 0 : error_prefix(err, "failed to parse template");
}

static int print_heading(struct table *t, struct error *err)
{
	struct tvalue v = { .kind = TVALUE_ROW, .ops = &heading_ops, .row = t->fields };

	t->heading_done = true;
	if (template_execute(t->template, &v, TEMPLATE_HEADER, &t->text, err) < 0)
		return error_prefix(err, "failed to execute template");
	strbuf_putc(&t->text, '\n');
	return 0;
}

int table_add(struct table *t, const struct row *row, struct error *err)
{
	struct tvalue v = { .kind = TVALUE_ROW, .ops = &row_ops, .row = row };

	if (t->with_heading && !t->heading_done && print_heading(t, err) < 0)
		return error_errno(err);
	if (template_execute(t->template, &v, 0, &t->text, err) < 0)
		return error_prefix(err, "failed to execute template");
	strbuf_putc(&t->text, '\n');
	return 0;
}

int table_text(struct table *t, struct strbuf *out, struct error *err)
{
	if (t->with_heading && !t->heading_done && print_heading(t, err) < 0)
		return error_errno(err);
	if (t->with_heading)
		columns_align(strbuf_str(&t->text), 10, 3, out);
	else
		strbuf_add_str(out, strbuf_str(&t->text));
	return 0;
}

int table_end(struct table *t, struct error *err)
{
	AUTO_STRBUF out = { 0 };

	if (table_text(t, &out, err) < 0)
		return error_errno(err);
	return cli_write(strbuf_cstr(&out), out.len, err);
}

void table_done(struct table *t)
{
	template_free(t->template);
	strbuf_done(&t->text);
}

static unsigned width_of(struct str s)
{
	unsigned n = 0;

	for (size_t i = 0; i < s.len; i++)
		n += ((unsigned char)s.ptr[i] & 0xc0) != 0x80;
	return n;
}

/* The width of a column at a line: the widest of the run of lines around it that have that column
 * ended by a tab. */
struct line {
	struct str cells[64];
	unsigned n; /* cells; the last has no tab behind it */
	unsigned widths[64];
};

DEFINE_VEC(lines, struct line);

static void split_lines(struct str text, struct lines *lines)
{
	struct str rest = text, one, cell;

	while (rest.len && str_cut(&rest, '\n', &one)) {
		struct line *l = lines_push(lines, (struct line){ 0 });
		struct str cells = one;

		while (l->n < ARRAY_SIZE(l->cells) && str_cut(&cells, '\t', &cell))
			l->cells[l->n++] = cell;
	}
}

static void set_widths(struct lines *lines, unsigned column, unsigned min_width, unsigned padding)
{
	for (size_t i = 0; i < lines->len;) {
		size_t end = i;
		unsigned width = min_width;

		for (; end < lines->len && lines->ptr[end].n > column + 1; end++)
			width = MAX(width, width_of(lines->ptr[end].cells[column]) + padding);
		for (size_t k = i; k < end; k++)
			lines->ptr[k].widths[column] = width;
		i = end == i ? i + 1 : end;
	}
}

void columns_align(struct str text, unsigned min_width, unsigned padding, struct strbuf *out)
{
	struct lines lines = { 0 };

	split_lines(text, &lines);
	for (unsigned c = 0; c < 63; c++)
		set_widths(&lines, c, min_width, padding);
	vec_for_each (&lines, l) {
		for (unsigned c = 0; c < l->n; c++) {
			strbuf_add_str(out, l->cells[c]);
			for (unsigned w = width_of(l->cells[c]); c + 1 < l->n && w < l->widths[c];
			     w++)
				strbuf_putc(out, ' ');
		}
		strbuf_putc(out, '\n');
	}
	lines_done(&lines);
}

const json_t *item_at(const json_t *item, const char *path)
{
	struct str rest = str_from(path), name;

	while (item && str_cut(&rest, '.', &name))
		item = json_object_getn(item, name.ptr, name.len);
	return item;
}

const char *item_string(const json_t *item, const char *path)
{
	const char *s = json_string_value(item_at(item, path));

	return s ? s : "";
}

int64_t item_int(const json_t *item, const char *path)
{
	return json_integer_value(item_at(item, path));
}

bool item_bool(const json_t *item, const char *path)
{
	return json_is_true(item_at(item, path));
}

void print_labels(const json_t *labels, struct strbuf *out)
{
	AUTO_STRV all = { 0 };
	const char *key;
	const json_t *value;

	json_object_foreach ((json_t *)(uintptr_t)labels, key, value)
		strv_printf(&all, "%s=%s", key,
		            json_is_string(value) ? json_string_value(value) : "");
	strv_sort(&all);
	for (size_t i = 0; i < all.len; i++)
		strbuf_printf(out, "%s%s", i ? "," : "", all.ptr[i]);
}

void print_label(const json_t *labels, const char *name, struct strbuf *out)
{
	const char *value = json_string_value(json_object_get(labels, name));

	strbuf_puts(out, value ? value : "");
}
