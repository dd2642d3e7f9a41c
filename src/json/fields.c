/* SPDX-License-Identifier: Apache-2.0 */
/* Freeing and copying by field table; decode.c and encode.c have the other two. */
#include "json/fields.h"

#include <assert.h>

#include "base/alloc.h"
#include "json/fields-internal.h"

void *any_vec_grow(struct any_vec *v, size_t size)
{
	if (v->len == v->cap) {
		v->cap = v->cap ? v->cap * 2 : 4;
		v->ptr = xreallocarray(v->ptr, v->cap, size);
	}
	return memset(element_of(v, v->len++, size), 0, size);
}

void any_vec_mark_given(struct any_vec *v, size_t size)
{
	if (!v->ptr) {
		v->ptr = xcalloc(1, size);
		v->cap = 1;
	}
}

void strv_mark_given(struct strv *v)
{
	if (!v->ptr) {
		strv_add(v, "");
		strv_clear(v);
	}
}

static void clear_list(const struct json_field *f, struct any_vec *v)
{
	for (size_t i = 0; i < v->len; i++) {
		void *element = element_of(v, i, f->size);

		if (f->type == JSON_F_MAP)
			free(*(char **)element);
		json_fields_clear(f->fields, element);
	}
	free(v->ptr);
	*v = (struct any_vec){ 0 };
}

static void clear_pointer(void *member)
{
	free(*(void **)member);
	*(void **)member = NULL;
}

void json_field_clear(const struct json_field *f, void *member)
{
	switch (f->type) {
	case JSON_F_BOOL:
		*(bool *)member = false;
		break;
	case JSON_F_TRISTATE:
		*(enum tristate *)member = TRISTATE_UNSET;
		break;
	case JSON_F_INT:
		*(int *)member = 0;
		break;
	case JSON_F_I64:
	case JSON_F_U64:
	case JSON_F_TIME:
		*(int64_t *)member = 0;
		break;
	case JSON_F_DOUBLE:
		*(double *)member = 0;
		break;
	case JSON_F_I64_PTR:
	case JSON_F_STRING:
		clear_pointer(member);
		break;
	case JSON_F_STRV:
	case JSON_F_STRING_OR_LIST:
	case JSON_F_SET:
		strv_done(member);
		break;
	case JSON_F_STRMAP:
		strmap_done(member);
		break;
	case JSON_F_RAW:
		json_decref(*(json_t **)member);
		*(json_t **)member = NULL;
		break;
	case JSON_F_OBJECT:
		json_fields_clear(f->fields, member);
		break;
	case JSON_F_OBJECT_PTR:
		if (*(void **)member)
			json_fields_clear(f->fields, *(void **)member);
		clear_pointer(member);
		break;
	case JSON_F_LIST:
	case JSON_F_MAP:
		clear_list(f, member);
		break;
	}
}

void json_fields_clear(const struct json_field *fields, void *obj)
{
	for (const struct json_field *f = fields; f->name; f++)
		json_field_clear(f, member_of(f, obj));
}

static void copy_list(const struct json_field *f, const struct any_vec *from, struct any_vec *to)
{
	if (from->ptr)
		any_vec_mark_given(to, f->size);
	for (size_t i = 0; i < from->len; i++) {
		const void *source = element_of(from, i, f->size);
		void *element = any_vec_grow(to, f->size);

		if (f->type == JSON_F_MAP)
			*(char **)element = xstrdup_null(*(char *const *)source);
		json_fields_copy(f->fields, source, element);
	}
}

static void copy_strv(const struct strv *from, struct strv *to)
{
	if (from->ptr)
		strv_mark_given(to);
	strv_copy(to, from);
}

static void copy_strmap(const struct strmap *from, struct strmap *to)
{
	if (from->ptr)
		any_vec_mark_given((struct any_vec *)to, sizeof(struct strpair));
	strmap_copy(to, from);
}

static void *copy_pointed(const struct json_field *f, const void *from)
{
	void *to;

	if (!from)
		return NULL;
	to = xcalloc(1, f->size);
	json_fields_copy(f->fields, from, to);
	return to;
}

static json_t *copy_raw(const json_t *from)
{
	json_t *to = from ? json_deep_copy(from) : NULL;

	assert(!from == !to); /* fails for lack of memory only, on which we abort */
	return to;
}

static void copy_field(const struct json_field *f, const void *from, void *to)
{
	switch (f->type) {
	case JSON_F_BOOL:
		*(bool *)to = *(const bool *)from;
		break;
	case JSON_F_TRISTATE:
		*(enum tristate *)to = *(const enum tristate *)from;
		break;
	case JSON_F_INT:
		*(int *)to = *(const int *)from;
		break;
	case JSON_F_I64:
	case JSON_F_U64:
	case JSON_F_TIME:
		*(int64_t *)to = *(const int64_t *)from;
		break;
	case JSON_F_DOUBLE:
		*(double *)to = *(const double *)from;
		break;
	case JSON_F_I64_PTR:
		if (*(int64_t *const *)from)
			*(int64_t **)to = xmemdup(*(int64_t *const *)from, sizeof(int64_t));
		break;
	case JSON_F_STRING:
		*(char **)to = xstrdup_null(*(char *const *)from);
		break;
	case JSON_F_STRV:
	case JSON_F_STRING_OR_LIST:
	case JSON_F_SET:
		copy_strv(from, to);
		break;
	case JSON_F_STRMAP:
		copy_strmap(from, to);
		break;
	case JSON_F_RAW:
		*(json_t **)to = copy_raw(*(json_t *const *)from);
		break;
	case JSON_F_OBJECT:
		json_fields_copy(f->fields, from, to);
		break;
	case JSON_F_OBJECT_PTR:
		*(void **)to = copy_pointed(f, *(void *const *)from);
		break;
	case JSON_F_LIST:
	case JSON_F_MAP:
		copy_list(f, from, to);
		break;
	}
}

void json_fields_copy(const struct json_field *fields, const void *in, void *out)
{
	for (const struct json_field *f = fields; f->name; f++)
		copy_field(f, member_of_const(f, in), member_of(f, out));
}
