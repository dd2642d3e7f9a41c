/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Command line options, table driven: one table gives parsing, --help, completion and the manual
 * page. Parsing follows pflag, which docker's users are used to: "-it", "-p80:80", "--name=x",
 * "--rm=false", repeated options, "--" ends them.
 */
#include "base/error.h"
#include "base/strmap.h"

enum option_type {
	OPTION_BOOL,
	OPTION_STRING,
	OPTION_INT,
	OPTION_UINT,
	OPTION_DECIMAL,
	OPTION_BYTES,    /* "64m" */
	OPTION_DURATION, /* "1m30s" */
	OPTION_LIST,     /* may be repeated */
	OPTION_STRINGS,  /* may be repeated, commas separate too */
	OPTION_MAP,      /* key=value, may be repeated */
	OPTION_FILTER,   /* name=value, may be repeated */
};

enum option_flags {
	OPTION_HIDDEN = 1 << 0,
	OPTION_VALUE_OPTIONAL = 1 << 1, /* "--x" alone means the text in .bare */
};

struct cli_option {
	const char *name; /* NULL ends the table */
	char letter;      /* or 0 */
	enum option_type type;
	const char *help;
	const char *type_name; /* shown instead of the type's own, or NULL */
	const char *initial;   /* value when not given; shown unless empty */
	unsigned flags;
	const char *bare;
	/* What completes it: words ("always missing never"), or "@containers", "@images",
	 * "@networks", "@volumes", "@files". */
	const char *complete;
	/* A check beyond the type's; sets err without a prefix. */
	int (*check)(const char *value, struct error *err);
};

struct option_value {
	const struct cli_option *option;
	bool set;
	struct strv texts; /* as given; one for a single-valued option, the last */
};

struct option_values {
	struct option_value *ptr;
	size_t len;
	size_t cap;
};

void option_values_done(struct option_values *v);
/* Adds a table's options. */
void option_values_add(struct option_values *v, const struct cli_option *table);
/* Parses argv (NULL-terminated) into v, operands into args. With stop_early the first operand ends
 * the options. Returns the number of words used. err: one line in pflag's wording. */
int options_parse(struct option_values *v, char *const *argv, bool stop_early, struct strv *args,
		  struct error *err) MUST_USE;

/* A name that is in no table is our bug and asserts. */
const struct option_value *option_find(const struct option_values *v, const char *name);
bool option_given(const struct option_values *v, const char *name);
bool option_bool(const struct option_values *v, const char *name);
const char *option_string(const struct option_values *v, const char *name); /* "" when unset */
int64_t option_int(const struct option_values *v, const char *name);        /* also BYTES, DURATION (ns) */
const struct strv *option_list(const struct option_values *v, const char *name);
const char *option_type_name(const struct cli_option *o);
bool option_takes_value(const struct cli_option *o);
/* "-t, --timeout" or "--timeout"; into buf of 64 bytes. */
const char *option_label(const struct cli_option *o, char *buf);
