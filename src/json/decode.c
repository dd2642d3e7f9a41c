/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <limits.h>

#include "base/alloc.h"
#include "base/time.h"
#include "json/fields-internal.h"
#include "json/fields.h"

/* Where we are in the document: a chain on the stack, spelled out only when something is wrong. */
struct place {
	const struct place *parent;
	const char *name; /* or an index */
	size_t index;
};

struct decoder {
	const struct json_decode_options *options;
	struct error *err;
};

static void put_place(struct strbuf *out, const struct place *at)
{
	if (!at)
		return;
	put_place(out, at->parent);
	if (!at->name)
		strbuf_printf(out, "[%zu]", at->index);
	else if (at->parent && at->parent->name && !*at->name)
		strbuf_puts(out, ".\"\"");
	else
		strbuf_printf(out, "%s%s", out->len ? "." : "", at->name);
}

static int fail(struct decoder *d, const struct place *at, const char *what)
{
	AUTO_STRBUF path = { .limit = 512 };

	put_place(&path, at);
	if (!path.len)
		return error_set(d->err, ERROR_INVALID, "%s", what);
	return error_set(d->err, ERROR_INVALID, "%s: %s", strbuf_cstr(&path), what);
}

static int decode_object(struct decoder *d, const struct place *at, const json_t *obj,
                         const struct json_field *fields, void *out);
static int decode_value(struct decoder *d, const struct place *at, json_t *v,
                        const struct json_field *f, void *member);

static int decode_i64(struct decoder *d, const struct place *at, const json_t *v, int64_t *ret)
{
	if (!json_is_number(v))
		return fail(d, at, "expected a number");
	if (json_number_i64(v, ret) < 0)
		return fail(d, at, "expected a whole number of at most 64 bits");
	return 0;
}

static int decode_int(struct decoder *d, const struct place *at, const json_t *v, int *ret)
{
	int64_t wide;
	int r = decode_i64(d, at, v, &wide);

	if (r < 0)
		return r;
	if (wide < INT_MIN || wide > INT_MAX)
		return fail(d, at, "the number is out of range");
	*ret = (int)wide;
	return 0;
}

static int decode_u64(struct decoder *d, const struct place *at, const json_t *v, uint64_t *ret)
{
	int64_t wide;
	int r = decode_i64(d, at, v, &wide);

	if (r < 0)
		return r;
	if (wide < 0)
		return fail(d, at, "the number must not be negative");
	*ret = (uint64_t)wide;
	return 0;
}

static int decode_i64_ptr(struct decoder *d, const struct place *at, const json_t *v, int64_t **ret)
{
	int64_t n;
	int r = decode_i64(d, at, v, &n);

	if (r < 0)
		return r;
	*ret = xmemdup(&n, sizeof(n));
	return 0;
}

static int decode_double(struct decoder *d, const struct place *at, const json_t *v, double *ret)
{
	if (!json_is_number(v))
		return fail(d, at, "expected a number");
	*ret = json_number_value(v);
	return 0;
}

static int decode_bool(struct decoder *d, const struct place *at, const json_t *v, bool *ret)
{
	if (!json_is_boolean(v))
		return fail(d, at, "expected true or false");
	*ret = json_is_true(v);
	return 0;
}

static int decode_tristate(struct decoder *d, const struct place *at, const json_t *v,
                           enum tristate *ret)
{
	bool b;
	int r = decode_bool(d, at, v, &b);

	if (r < 0)
		return r;
	*ret = b ? TRISTATE_TRUE : TRISTATE_FALSE;
	return 0;
}

static int decode_string(struct decoder *d, const struct place *at, const json_t *v, char **ret)
{
	if (!json_is_string(v))
		return fail(d, at, "expected a string");
	*ret = xstrdup(json_string_value(v));
	return 0;
}

static int decode_time(struct decoder *d, const struct place *at, const json_t *v, int64_t *ret)
{
	const char *text = json_string_value(v);

	if (!text)
		return fail(d, at, "expected a time as a string");
	if (!*text)
		return 0;
	if (time_parse(text, ret) < 0)
		return fail(d, at, "expected a time in RFC 3339");
	return 0;
}

static int decode_strv(struct decoder *d, const struct place *at, const json_t *v, struct strv *out)
{
	if (!json_is_array(v))
		return fail(d, at, "expected a list of strings");
	strv_mark_given(out);
	for (size_t i = 0; i < json_array_size(v); i++) {
		struct place here = { .parent = at, .index = i };
		const json_t *item = json_array_get(v, i);

		if (!json_is_string(item) && !json_is_null(item))
			return fail(d, &here, "expected a string");
		strv_add(out, json_is_null(item) ? "" : json_string_value(item));
	}
	return 0;
}

static int decode_string_or_list(struct decoder *d, const struct place *at, const json_t *v,
                                 struct strv *out)
{
	if (!json_is_string(v))
		return decode_strv(d, at, v, out);
	strv_add(out, json_string_value(v));
	return 0;
}

/* Appends without strmap_set()'s search: the parser has already refused duplicate keys. */
static void add_pair(struct strmap *m, const char *key, const char *value)
{
	struct strpair *p = any_vec_grow((struct any_vec *)m, sizeof(*p));

	p->key = xstrdup(key);
	p->value = xstrdup(value);
}

static int decode_strmap(struct decoder *d, const struct place *at, json_t *v, struct strmap *out)
{
	const char *key;
	json_t *value;

	if (!json_is_object(v))
		return fail(d, at, "expected an object with strings");
	any_vec_mark_given((struct any_vec *)out, sizeof(struct strpair));
	json_object_foreach (v, key, value) {
		struct place here = { .parent = at, .name = key };

		if (!json_is_string(value) && !json_is_null(value))
			return fail(d, &here, "expected a string");
		add_pair(out, key, json_is_null(value) ? "" : json_string_value(value));
	}
	return 0;
}

static int decode_set(struct decoder *d, const struct place *at, json_t *v, struct strv *out)
{
	const char *key;
	json_t *value;

	if (!json_is_object(v))
		return fail(d, at, "expected an object");
	strv_mark_given(out);
	json_object_foreach (v, key, value) {
		struct place here = { .parent = at, .name = key };

		if (!json_is_object(value) && !json_is_null(value))
			return fail(d, &here, "expected an object");
		strv_add(out, key);
	}
	return 0;
}

static int decode_object_ptr(struct decoder *d, const struct place *at, const json_t *v,
                             const struct json_field *f, void **ret)
{
	if (!json_is_object(v))
		return fail(d, at, "expected an object");
	*ret = xcalloc(1, f->size);
	return decode_object(d, at, v, f->fields, *ret);
}

static int decode_list(struct decoder *d, const struct place *at, const json_t *v,
                       const struct json_field *f, struct any_vec *out)
{
	if (!json_is_array(v))
		return fail(d, at, "expected a list");
	any_vec_mark_given(out, f->size);
	for (size_t i = 0; i < json_array_size(v); i++) {
		struct place here = { .parent = at, .index = i };
		void *element = any_vec_grow(out, f->size);
		const json_t *item = json_array_get(v, i);
		int r;

		if (json_is_null(item))
			continue;
		r = decode_object(d, &here, item, f->fields, element);
		if (r < 0)
			return r;
	}
	return 0;
}

static int decode_map(struct decoder *d, const struct place *at, json_t *v,
                      const struct json_field *f, struct any_vec *out)
{
	const char *key;
	json_t *value;

	if (!json_is_object(v))
		return fail(d, at, "expected an object");
	any_vec_mark_given(out, f->size);
	json_object_foreach (v, key, value) {
		struct place here = { .parent = at, .name = key };
		void *element = any_vec_grow(out, f->size);
		int r;

		*(char **)element = xstrdup(key);
		if (json_is_null(value))
			continue;
		if (f->flags & JSON_VALUE_LIST)
			r = decode_value(d, &here, value, f->fields, member_of(f->fields, element));
		else
			r = decode_object(d, &here, value, f->fields, element);
		if (r < 0)
			return r;
	}
	return 0;
}

static int decode_value(struct decoder *d, const struct place *at, json_t *v,
                        const struct json_field *f, void *member)
{
	switch (f->type) {
	case JSON_F_BOOL:
		return decode_bool(d, at, v, member);
	case JSON_F_TRISTATE:
		return decode_tristate(d, at, v, member);
	case JSON_F_INT:
		return decode_int(d, at, v, member);
	case JSON_F_I64:
		return decode_i64(d, at, v, member);
	case JSON_F_U64:
		return decode_u64(d, at, v, member);
	case JSON_F_I64_PTR:
		return decode_i64_ptr(d, at, v, member);
	case JSON_F_DOUBLE:
		return decode_double(d, at, v, member);
	case JSON_F_STRING:
		return decode_string(d, at, v, member);
	case JSON_F_TIME:
		return decode_time(d, at, v, member);
	case JSON_F_STRV:
		return decode_strv(d, at, v, member);
	case JSON_F_STRING_OR_LIST:
		return decode_string_or_list(d, at, v, member);
	case JSON_F_STRMAP:
		return decode_strmap(d, at, v, member);
	case JSON_F_SET:
		return decode_set(d, at, v, member);
	case JSON_F_RAW:
		*(json_t **)member = json_incref(v);
		return 0;
	case JSON_F_OBJECT:
		return decode_object(d, at, v, f->fields, member);
	case JSON_F_OBJECT_PTR:
		return decode_object_ptr(d, at, v, f, member);
	case JSON_F_LIST:
		return decode_list(d, at, v, f, member);
	case JSON_F_MAP:
		return decode_map(d, at, v, f, member);
	}
	return fail(d, at, "cannot be decoded");
}

static int decode_object(struct decoder *d, const struct place *at, const json_t *obj,
                         const struct json_field *fields, void *out)
{
	if (!json_is_object(obj))
		return fail(d, at, "expected an object");
	for (const struct json_field *f = fields; f->name; f++) {
		struct place here = { .parent = at, .name = f->name };
		json_t *v = json_member(obj, f->name, d->options && d->options->case_insensitive);
		int r;

		if (!v || json_is_null(v)) {
			if (f->flags & JSON_REQUIRED)
				return fail(d, &here, "is required");
			continue;
		}
		r = decode_value(d, &here, v, f, member_of(f, out));
		if (r < 0)
			return r;
	}
	return 0;
}

int json_fields_decode(const json_t *obj, const struct json_field *fields, void *out,
                       const struct json_decode_options *options, struct error *err)
{
	struct decoder d = { .options = options, .err = err };
	int r = decode_object(&d, NULL, obj, fields, out);

	if (r < 0)
		json_fields_clear(fields, out);
	return r;
}
