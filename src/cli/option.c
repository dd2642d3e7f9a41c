/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/option.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>

#include "base/time.h"
#include "cli/near.h"

void option_values_done(struct option_values *v)
{
	vec_for_each (v, value)
		strv_done(&value->texts);
	free(v->ptr);
	*v = (struct option_values){ 0 };
}

void option_values_add(struct option_values *v, const struct cli_option *table)
{
	for (const struct cli_option *o = table; o && o->name; o++) {
		if (v->len == v->cap) {
			v->cap = v->cap ? v->cap * 2 : 16;
			v->ptr = xreallocarray(v->ptr, v->cap, sizeof(*v->ptr));
		}
		v->ptr[v->len++] = (struct option_value){ .option = o };
	}
}

const char *option_label(const struct cli_option *o, char *buf)
{
	if (o->letter)
		snprintf(buf, 64, "-%c, --%s", o->letter, o->name);
	else
		snprintf(buf, 64, "--%s", o->name);
	return buf;
}

const char *option_type_name(const struct cli_option *o)
{
	static const char *const names[] = {
		[OPTION_BOOL] = "",
		[OPTION_STRING] = "string",
		[OPTION_INT] = "int",
		[OPTION_UINT] = "uint",
		[OPTION_DECIMAL] = "decimal",
		[OPTION_BYTES] = "bytes",
		[OPTION_DURATION] = "duration",
		[OPTION_LIST] = "list",
		[OPTION_STRINGS] = "strings",
		[OPTION_MAP] = "map",
		[OPTION_FILTER] = "filter",
	};

	return o->type_name ? o->type_name : names[o->type];
}

bool option_takes_value(const struct cli_option *o)
{
	return o->type != OPTION_BOOL && !(o->flags & OPTION_VALUE_OPTIONAL);
}

static bool repeats(const struct cli_option *o)
{
	return o->type == OPTION_LIST || o->type == OPTION_STRINGS || o->type == OPTION_MAP ||
	       o->type == OPTION_FILTER;
}

static int parse_bool(const char *s)
{
	static const char *const words[2][6] = { { "0", "f", "F", "false", "FALSE", "False" },
		                                 { "1", "t", "T", "true", "TRUE", "True" } };

	for (int v = 0; v < 2; v++)
		for (size_t i = 0; i < 6; i++)
			if (streq(s, words[v][i]))
				return v;
	return -1;
}

static bool is_decimal(const char *s)
{
	char *end;

	errno = 0;
	strtod(s, &end);
	return *s && !*end && !errno && !strpbrk(s, "xXnN");
}

/* The type's own check; err says only what is wrong with the text. */
static int check_type(const struct cli_option *o, const char *s, struct error *err)
{
	int64_t i;
	uint64_t u;
	int r = 0;

	switch (o->type) {
	case OPTION_BOOL:
		if (parse_bool(s) < 0)
			return error_set(err, ERROR_INVALID,
			                 "strconv.ParseBool: parsing \"%s\": invalid syntax", s);
		break;
	case OPTION_INT:
		r = parse_i64(s[0] == '+' ? s + 1 : s, &i);
		break;
	case OPTION_UINT:
		r = parse_u64(s, &u);
		break;
	case OPTION_DECIMAL:
		if (!is_decimal(s))
			return error_set(err, ERROR_INVALID,
			                 "failed to parse %s as a rational number", s);
		break;
	case OPTION_BYTES:
		if (!streq(s, "-1") && parse_size(s, &i) < 0)
			return error_set(err, ERROR_INVALID, "invalid size: '%s'", s);
		break;
	case OPTION_DURATION:
		if (duration_parse(s, &i) < 0)
			return error_set(err, ERROR_INVALID, "time: invalid duration \"%s\"", s);
		break;
	case OPTION_FILTER:
		if (*s && !strchr(s, '='))
			return error_set(err, ERROR_INVALID,
			                 "bad format of filter (expected name=value)");
		break;
	case OPTION_STRING:
	case OPTION_LIST:
	case OPTION_STRINGS:
	case OPTION_MAP:
		break;
	}
	if (r < 0)
		return error_set(err, ERROR_INVALID, "strconv.Parse%s: parsing \"%s\": %s",
		                 o->type == OPTION_INT ? "Int" : "Uint", s,
		                 r == -ERANGE ? "value out of range" : "invalid syntax");
	return 0;
}

static int set_value(struct option_value *v, const char *s, struct error *err)
{
	char label[64];

	if (check_type(v->option, s, err) < 0 ||
	    (v->option->check && v->option->check(s, err) < 0)) {
		error_prefix(err, "invalid argument \"%s\" for \"%s\" flag", s,
		             option_label(v->option, label));
		return error_errno(err);
	}
	if (!repeats(v->option))
		strv_clear(&v->texts);
	v->set = true;
	if (v->option->type == OPTION_STRINGS) {
		struct str rest = str_from(s), piece;

		while (str_cut(&rest, ',', &piece))
			strv_add_n(&v->texts, piece.ptr, piece.len);
		return 0;
	}
	strv_add(&v->texts, s);
	return 0;
}

static struct option_value *find_long(struct option_values *v, struct str name)
{
	vec_for_each (v, value)
		if (str_eq_c(name, value->option->name))
			return value;
	return NULL;
}

static struct option_value *find_letter(struct option_values *v, char letter)
{
	vec_for_each (v, value)
		if (value->option->letter == letter)
			return value;
	return NULL;
}

static int unknown_long(const struct option_values *v, struct str name, struct error *err)
{
	AUTO_STRV names = { 0 };
	AUTO_FREE char *text = xstrndup(name.ptr, name.len);
	const char *near;

	vec_for_each (v, value)
		if (!(value->option->flags & OPTION_HIDDEN))
			strv_add(&names, value->option->name);
	near = near_miss(text, &names);
	if (near)
		return error_set(err, ERROR_INVALID, "unknown flag: --%s\nDid you mean --%s?", text,
		                 near);
	return error_set(err, ERROR_INVALID, "unknown flag: --%s", text);
}

/* "--name", "--name=value", "--name value". Returns the words used. */
static int parse_long(struct option_values *v, char *const *argv, struct error *err)
{
	struct str rest = str_from(argv[0] + 2), name;
	struct option_value *value;
	const char *bare;

	if (rest.ptr[0] == '-' || rest.ptr[0] == '=')
		return error_set(err, ERROR_INVALID, "bad flag syntax: %s", argv[0]);
	str_cut(&rest, '=', &name);
	value = find_long(v, name);
	if (!value)
		return unknown_long(v, name, err);
	if (rest.ptr)
		return set_value(value, rest.ptr, err) < 0 ? -EINVAL : 1;
	if (!option_takes_value(value->option)) {
		bare = value->option->type == OPTION_BOOL ? "true" : value->option->bare;
		return set_value(value, bare, err) < 0 ? -EINVAL : 1;
	}
	if (!argv[1])
		return error_set(err, ERROR_INVALID, "flag needs an argument: --%s",
		                 value->option->name);
	return set_value(value, argv[1], err) < 0 ? -EINVAL : 2;
}

/* "-abc", "-p80:80", "-p=80:80", "-p 80:80". Returns the words used. */
static int parse_letters(struct option_values *v, char *const *argv, struct error *err)
{
	for (const char *c = argv[0] + 1; *c; c++) {
		struct option_value *value = find_letter(v, *c);

		if (!value)
			return error_set(err, ERROR_INVALID, "unknown shorthand flag: '%c' in -%s",
			                 *c, argv[0] + 1);
		if (c[1] == '=')
			return set_value(value, c + 2, err) < 0 ? -EINVAL : 1;
		if (!option_takes_value(value->option)) {
			if (set_value(value, value->option->bare ? value->option->bare : "true",
			              err) < 0)
				return -EINVAL;
			continue;
		}
		if (c[1])
			return set_value(value, c + 1, err) < 0 ? -EINVAL : 1;
		if (!argv[1])
			return error_set(err, ERROR_INVALID, "flag needs an argument: '%c' in -%s",
			                 *c, argv[0] + 1);
		return set_value(value, argv[1], err) < 0 ? -EINVAL : 2;
	}
	return 1;
}

int options_parse(struct option_values *v, char *const *argv, bool stop_early, struct strv *args,
                  struct error *err)
{
	int i = 0, used;

	while (argv[i]) {
		if (argv[i][0] != '-' || !argv[i][1]) {
			if (stop_early)
				break;
			strv_add(args, argv[i++]);
			continue;
		}
		if (streq(argv[i], "--")) {
			i++;
			break;
		}
		used = argv[i][1] == '-' ? parse_long(v, argv + i, err)
		                         : parse_letters(v, argv + i, err);
		if (used < 0)
			return used;
		i += used;
	}
	for (; argv[i]; i++)
		strv_add(args, argv[i]);
	return i;
}

const struct option_value *option_find(const struct option_values *v, const char *name)
{
	const struct option_value *value =
		find_long((struct option_values *)(uintptr_t)v, str_from(name));

	assert(value);
	return value;
}

bool option_given(const struct option_values *v, const char *name)
{
	return option_find(v, name)->set;
}

const char *option_string(const struct option_values *v, const char *name)
{
	const struct option_value *value = option_find(v, name);

	if (value->texts.len)
		return value->texts.ptr[value->texts.len - 1];
	return value->option->initial ? value->option->initial : "";
}

bool option_bool(const struct option_values *v, const char *name)
{
	return parse_bool(option_string(v, name)) > 0;
}

int64_t option_int(const struct option_values *v, const char *name)
{
	const char *s = option_string(v, name);
	int64_t n = 0;
	int r;

	switch (option_find(v, name)->option->type) {
	case OPTION_BYTES:
		r = streq(s, "-1") ? parse_i64(s, &n) : parse_size(s, &n);
		break;
	case OPTION_DURATION:
		r = duration_parse(s, &n);
		break;
	default:
		r = parse_i64(s[0] == '+' ? s + 1 : s, &n);
		break;
	}
	return r < 0 ? 0 : n;
}

const struct strv *option_list(const struct option_values *v, const char *name)
{
	return &option_find(v, name)->texts;
}
