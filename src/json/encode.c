/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "base/alloc.h"
#include "json/fields-internal.h"
#include "json/fields.h"

static bool all_empty(const struct json_field *fields, const void *obj);

static bool is_empty(const struct json_field *f, const void *member)
{
	switch (f->type) {
	case JSON_F_BOOL:
		return !*(const bool *)member;
	case JSON_F_TRISTATE:
		return *(const enum tristate *)member == TRISTATE_UNSET;
	case JSON_F_INT:
		return *(const int *)member == 0;
	case JSON_F_I64:
	case JSON_F_U64:
	case JSON_F_TIME:
		return *(const int64_t *)member == 0;
	case JSON_F_DOUBLE:
		return *(const double *)member == 0;
	case JSON_F_STRING:
		return str_empty_or_null(*(char *const *)member);
	case JSON_F_I64_PTR:
	case JSON_F_RAW:
	case JSON_F_OBJECT_PTR:
		return !*(void *const *)member;
	case JSON_F_STRV:
	case JSON_F_STRING_OR_LIST:
	case JSON_F_STRMAP:
	case JSON_F_SET:
	case JSON_F_LIST:
	case JSON_F_MAP:
		return ((const struct any_vec *)member)->len == 0;
	case JSON_F_OBJECT:
		return all_empty(f->fields, member);
	}
	return false;
}

static bool all_empty(const struct json_field *fields, const void *obj)
{
	for (const struct json_field *f = fields; f->name; f++)
		if (!is_empty(f, member_of_const(f, obj)))
			return false;
	return true;
}

/* Lists and maps that were never given, where the table wants null for them. */
static bool is_null_vec(const struct json_field *f, const void *member)
{
	return (f->flags & JSON_NULL_EMPTY) && !((const struct any_vec *)member)->ptr;
}

static int compare_keys(const void *a, const void *b)
{
	return strcmp(**(char *const *const *)a, **(char *const *const *)b);
}

/*
 * Maps are written sorted, as Go does. Their elements all begin with the key as `char *`, so one
 * array of pointers to elements, sorted by what they point to, serves every kind.
 */
static char **const *sorted_elements(const struct any_vec *v, size_t size)
{
	char ***order = xcalloc(v->len + 1, sizeof(*order));

	for (size_t i = 0; i < v->len; i++)
		order[i] = element_of(v, i, size);
	qsort(order, v->len, sizeof(*order), compare_keys);
	return order;
}

static void encode_strmap(struct json_writer *w, const struct strmap *m)
{
	AUTO_FREE char **const *order =
		sorted_elements((const struct any_vec *)m, sizeof(struct strpair));

	jw_object(w);
	for (size_t i = 0; i < m->len; i++)
		jw_kv_string(w, order[i][0], order[i][1]);
	jw_object_end(w);
}

static void encode_set(struct json_writer *w, const struct strv *v)
{
	AUTO_FREE char **const *order = sorted_elements((const struct any_vec *)v, sizeof(char *));

	jw_object(w);
	for (size_t i = 0; i < v->len; i++) {
		jw_key(w, *order[i]);
		jw_object(w);
		jw_object_end(w);
	}
	jw_object_end(w);
}

static void encode_list(struct json_writer *w, const struct json_field *f, const struct any_vec *v)
{
	jw_array(w);
	for (size_t i = 0; i < v->len; i++)
		json_fields_encode(w, f->fields, element_of(v, i, f->size));
	jw_array_end(w);
}

static void encode_value(struct json_writer *w, const struct json_field *f, const void *member);

static void encode_map(struct json_writer *w, const struct json_field *f, const struct any_vec *v)
{
	AUTO_FREE char **const *order = sorted_elements(v, f->size);

	jw_object(w);
	for (size_t i = 0; i < v->len; i++) {
		const void *element = order[i];

		jw_key(w, *order[i]);
		if (f->flags & JSON_VALUE_LIST)
			encode_value(w, f->fields, member_of_const(f->fields, element));
		else
			json_fields_encode(w, f->fields, element);
	}
	jw_object_end(w);
}

static void encode_string(struct json_writer *w, const struct json_field *f, const char *s)
{
	if (!s && (f->flags & JSON_NULL_EMPTY))
		jw_null(w);
	else
		jw_string(w, s);
}

static void encode_tristate(struct json_writer *w, enum tristate t)
{
	if (t == TRISTATE_UNSET)
		jw_null(w);
	else
		jw_bool(w, t == TRISTATE_TRUE);
}

/* The types whose value is a vector, given or empty. */
static void encode_vec(struct json_writer *w, const struct json_field *f, const void *member)
{
	if (is_null_vec(f, member))
		jw_null(w);
	else if (f->type == JSON_F_STRMAP)
		encode_strmap(w, member);
	else if (f->type == JSON_F_SET)
		encode_set(w, member);
	else if (f->type == JSON_F_LIST)
		encode_list(w, f, member);
	else if (f->type == JSON_F_MAP)
		encode_map(w, f, member);
	else
		jw_strv(w, member);
}

/* The types whose value is a pointer that may be NULL. */
static void encode_pointed(struct json_writer *w, const struct json_field *f, const void *value)
{
	if (!value)
		jw_null(w);
	else if (f->type == JSON_F_I64_PTR)
		jw_i64(w, *(const int64_t *)value);
	else if (f->type == JSON_F_RAW)
		jw_value(w, value);
	else
		json_fields_encode(w, f->fields, value);
}

static void encode_value(struct json_writer *w, const struct json_field *f, const void *member)
{
	switch (f->type) {
	case JSON_F_BOOL:
		jw_bool(w, *(const bool *)member);
		break;
	case JSON_F_TRISTATE:
		encode_tristate(w, *(const enum tristate *)member);
		break;
	case JSON_F_INT:
		jw_i64(w, *(const int *)member);
		break;
	case JSON_F_I64:
		jw_i64(w, *(const int64_t *)member);
		break;
	case JSON_F_U64:
		jw_u64(w, *(const uint64_t *)member);
		break;
	case JSON_F_DOUBLE:
		jw_double(w, *(const double *)member);
		break;
	case JSON_F_TIME:
		jw_time(w, *(const int64_t *)member);
		break;
	case JSON_F_STRING:
		encode_string(w, f, *(char *const *)member);
		break;
	case JSON_F_I64_PTR:
	case JSON_F_RAW:
	case JSON_F_OBJECT_PTR:
		encode_pointed(w, f, *(void *const *)member);
		break;
	case JSON_F_STRV:
	case JSON_F_STRING_OR_LIST:
	case JSON_F_SET:
	case JSON_F_STRMAP:
	case JSON_F_LIST:
	case JSON_F_MAP:
		encode_vec(w, f, member);
		break;
	case JSON_F_OBJECT:
		json_fields_encode(w, f->fields, member);
		break;
	}
}

void json_fields_encode_members(struct json_writer *w, const struct json_field *fields,
                                const void *in)
{
	for (const struct json_field *f = fields; f->name; f++) {
		const void *member = member_of_const(f, in);

		if (f->flags & JSON_DECODE_ONLY)
			continue;
		if ((f->flags & JSON_OMIT_EMPTY) && is_empty(f, member))
			continue;
		jw_key(w, f->name);
		encode_value(w, f, member);
	}
}

void json_fields_encode(struct json_writer *w, const struct json_field *fields, const void *in)
{
	jw_object(w);
	json_fields_encode_members(w, fields, in);
	jw_object_end(w);
}
