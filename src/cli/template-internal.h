/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What the template's parser, interpreter and functions share. All nodes live in the template's arena. */
#include <errno.h>

#include "base/vec.h"
#include "cli/template.h"

enum {
	TEMPLATE_TEXT_MAX = 64 * 1024,
	TEMPLATE_DEPTH_MAX = 64,
	TEMPLATE_OUTPUT_MAX = 64 * 1024 * 1024,
	TEMPLATE_STEPS_MAX = 5 * 1000 * 1000, /* nodes executed; ends nested ranges gone wild */
};

enum tnode_kind {
	TNODE_TEXT,
	TNODE_ACTION,   /* pipe */
	TNODE_IF,       /* pipe, body, otherwise */
	TNODE_RANGE,
	TNODE_WITH,
	TNODE_BREAK,
	TNODE_CONTINUE,
	TNODE_PIPE,     /* children: commands; vars declared or assigned */
	TNODE_COMMAND,  /* children: operands */
	TNODE_CONSTANT, /* value */
	TNODE_DOT,
	TNODE_FIELD,    /* names, from the dot */
	TNODE_VARIABLE, /* names[0] is "$x" without the dollar, then fields */
	TNODE_CHAIN,    /* children: one operand; names: fields of its value */
	TNODE_FUNCTION, /* names[0] */
};

struct tnode {
	enum tnode_kind kind;
	size_t at, end;       /* offsets in the source */
	struct tnode *next;   /* the following one in its list */
	struct tnode *children;
	struct tnode *pipe, *body, *otherwise;
	struct str text;
	struct tvalue value;
	const char **names;
	size_t n_names;
	const char *vars[2];
	unsigned n_vars;
	bool assign; /* vars exist already */
};

struct template {
	struct arena arena;
	const char *source;
	struct tnode *body;
};

/* One run. */
struct texec {
	const struct template *t;
	struct arena *arena; /* of this run */
	struct strbuf *out;
	unsigned flags;
	unsigned long steps;
	unsigned depth;
};

struct tfunction {
	const char *name;
	int min_args, max_args; /* max -1: any number */
	/* Fills *ret; err without a prefix. */
	int (*call)(struct texec *x, const struct tvalue *args, size_t n, struct tvalue *ret,
		    struct error *err);
};

const struct tfunction *tfunction_find(const char *name);

/* Sets err to "template: :LINE: text" (parsing) or "template: :LINE:COL: executing "" at <node>: text". */
int template_syntax_error(const struct template *t, size_t at, struct error *err, const char *fmt, ...)
	PRINTF_FORMAT(4, 5);

bool tvalue_true(const struct tvalue *v);
struct tvalue tvalue_string(struct str s);
struct tvalue tvalue_int(int64_t v);
struct tvalue tvalue_bool(bool v);
/* As Go's fmt prints it with %v. */
void tvalue_print(const struct tvalue *v, struct strbuf *out);
void tvalue_json(const struct tvalue *v, struct strbuf *out);
/* Elements of a list, an array, an object or a string; -1 when it has no length. */
int64_t tvalue_len(const struct tvalue *v);
bool tvalue_is_list(const struct tvalue *v);
struct tvalue tvalue_at(const struct tvalue *list, size_t i);
/* Text as Go's %q. */
void go_quote(struct str s, struct strbuf *out);
