/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Rows for people and for scripts: a row type lists the members a format may name, each with its
 * column heading; a table prints rows by "table", "table TEMPLATE", "json" or a template, with the
 * columns docker's users know (at least 10 wide, 3 spaces between).
 */
#include "cli/cli.h"
#include "cli/template.h"

struct row;

struct row_field {
	const char *name; /* NULL ends the list */
	const char *heading;
	/* arg is NULL but for members that take one (takes_arg). */
	void (*print)(const struct row *row, const char *arg, struct strbuf *out);
	bool takes_arg;
	bool json_null; /* null when empty, in JSON */
};

struct row {
	const struct row_field *fields;
	const json_t *item; /* borrowed */
	const void *extra;  /* what the type's printers know */
	bool no_trunc;
	bool human; /* sizes and times for people; of a container, without the virtual one */
};

struct table {
	struct template *template; /* owned */
	bool with_heading;
	bool heading_done;
	const struct row_field *fields;
	struct strbuf text; /* rows so far, cells ended by tabs */
};

/* format: the user's, or NULL/"" or "table" for the default (which begins with "table "). */
int table_begin(struct table *t, const struct row_field *fields, const char *format,
		const char *default_format, struct error *err) MUST_USE;
int table_add(struct table *t, const struct row *row, struct error *err) MUST_USE;
/* Prints it all to stdout. */
int table_end(struct table *t, struct error *err) MUST_USE;
/* The same into out instead. */
int table_text(struct table *t, struct strbuf *out, struct error *err) MUST_USE;
void table_done(struct table *t);
#define AUTO_TABLE CLEANUP(table_done) struct table

/* Lines of tab-separated cells to aligned columns. */
void columns_align(struct str text, unsigned min_width, unsigned padding, struct strbuf *out);

/* Text of a member, by path "A.B"; "" when absent. Borrowed. */
const char *item_string(const json_t *item, const char *path);
int64_t item_int(const json_t *item, const char *path);
const json_t *item_at(const json_t *item, const char *path);
bool item_bool(const json_t *item, const char *path);
/* key=value,… of an object, sorted. */
void print_labels(const json_t *labels, struct strbuf *out);
/* "\"text\"" of a value of labels; used by the Label member. */
void print_label(const json_t *labels, const char *name, struct strbuf *out);
