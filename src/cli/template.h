/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Go's text/template language as `--format` uses it, over JSON values and table rows: fields,
 * variables, pipes, if/else, range, with, and the functions people know from docker. Templates
 * come from the command line and from configuration files: a bad one is an error of kind INVALID
 * that says where. `define`, `template` and `block` are not there and say so.
 */
#include <jansson.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/strbuf.h"

struct template;

enum tvalue_kind {
	TVALUE_NIL,
	TVALUE_BOOL,
	TVALUE_INT,
	TVALUE_FLOAT,
	TVALUE_STRING,
	TVALUE_LIST, /* made by a function */
	TVALUE_JSON, /* an object or an array */
	TVALUE_ROW,  /* a line of a table: fields are computed when asked for */
	TVALUE_EMPTY_MAP, /* null where Go has a map */
	TVALUE_MISSING, /* a member that is not there: prints as <no value> */
};

struct tvalue;

/* Where a row's members come from. */
struct template_row_ops {
	/* Appends the member's text: 1, or 0 when there is none of that name. arg is NULL without one. */
	int (*get)(const void *row, const char *name, const char *arg, struct strbuf *out);
	/* All members that take no argument, as one JSON object. */
	void (*json)(const void *row, struct strbuf *out);
	const char *type_name; /* for messages */
};

struct tvalue {
	enum tvalue_kind kind;
	union {
		bool boolean;
		int64_t integer;
		double number;
		struct str string;   /* borrowed: from the arena, the document or the template */
		const json_t *json;  /* borrowed */
		struct {
			const struct tvalue *items; /* in the arena */
			size_t n_items;
		};
		struct {
			const struct template_row_ops *ops;
			const void *row; /* borrowed */
		};
	};
};

enum template_flags {
	TEMPLATE_HEADER = 1 << 0, /* functions give their argument back: the table's head */
};

/* NULL with err set ("template: :1: …"). */
struct template *template_parse(const char *text, struct error *err) MUST_USE;
void template_free(struct template *t);
DEFINE_CLEANUP(struct template *, template_free)
/* Appends to out; on failure what was printed so far stays there. */
int template_execute(const struct template *t, const struct tvalue *data, unsigned flags,
		     struct strbuf *out, struct error *err) MUST_USE;

struct tvalue tvalue_from_json(const json_t *json);
