/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What decoding, encoding and the rest of the field tables share: access to members by offset. */
#include "base/vec.h"
#include "json/fields.h"

/* The layout that every DEFINE_VEC has. */
struct any_vec {
	void *ptr;
	size_t len;
	size_t cap;
};

static inline void *member_of(const struct json_field *f, void *obj)
{
	return (char *)obj + f->offset;
}

static inline const void *member_of_const(const struct json_field *f, const void *obj)
{
	return (const char *)obj + f->offset;
}

static inline void *element_of(const struct any_vec *v, size_t i, size_t size)
{
	return (char *)v->ptr + i * size;
}

/* Appends a zeroed element. */
void *any_vec_grow(struct any_vec *v, size_t size);
/* Gives an empty vector memory, which tells "given as empty" from "not given". */
void any_vec_mark_given(struct any_vec *v, size_t size);
void strv_mark_given(struct strv *v);
void json_field_clear(const struct json_field *f, void *member);
