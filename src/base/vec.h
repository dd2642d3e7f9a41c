/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Typed growing arrays. DEFINE_VEC(name, type) defines struct name { type *ptr; size_t len, cap; }
 * with name_push() (returns the new element's place), name_done() (frees the array, not what the
 * elements own). `struct strv` is a vector of owned strings with a NULL always behind the last.
 */
#include "base/alloc.h"
#include "base/str.h"

#define DEFINE_VEC(name, type)                                                          \
	struct name {                                                                   \
		type *ptr;                                                              \
		size_t len;                                                             \
		size_t cap;                                                             \
	};                                                                              \
	UNUSED static inline type *name##_push(struct name *v, type value)              \
	{                                                                               \
		if (v->len == v->cap) {                                                 \
			v->cap = v->cap ? v->cap * 2 : 8;                               \
			v->ptr = (type *)xreallocarray(v->ptr, v->cap, sizeof(type));   \
		}                                                                       \
		v->ptr[v->len] = value;                                                 \
		return &v->ptr[v->len++];                                               \
	}                                                                               \
	UNUSED static inline void name##_done(struct name *v)                           \
	{                                                                               \
		free(v->ptr);                                                           \
		*v = (struct name){ 0 };                                                \
	}                                                                               \
	UNUSED static inline void name##_remove(struct name *v, size_t i)               \
	{                                                                               \
		memmove(v->ptr + i, v->ptr + i + 1, (v->len - i - 1) * sizeof(type));   \
		v->len--;                                                               \
	}                                                                               \
	struct name

#define vec_for_each(v, it) for (typeof((v)->ptr + 0) it = (v)->ptr; it && it < (v)->ptr + (v)->len; it++)

struct strv {
	char **ptr; /* NULL-terminated once anything was added */
	size_t len;
	size_t cap;
};

#define AUTO_STRV CLEANUP(strv_done) struct strv

void strv_done(struct strv *v);
void strv_clear(struct strv *v);
void strv_add(struct strv *v, const char *s);    /* copies */
void strv_add_n(struct strv *v, const char *s, size_t n);
void strv_take(struct strv *v, char *s);         /* owns s from now on */
void strv_printf(struct strv *v, const char *fmt, ...) PRINTF_FORMAT(2, 3);
void strv_remove(struct strv *v, size_t i);
void strv_copy(struct strv *to, const struct strv *from); /* appends copies */
bool strv_has(const struct strv *v, const char *s);
void strv_sort(struct strv *v);
/* In a list of KEY=VALUE: the value of key, or NULL. Borrowed. */
const char *strv_env_get(const struct strv *v, const char *key);
/* Replaces or adds KEY=VALUE. */
void strv_env_set(struct strv *v, const char *key, const char *value);
/* A NULL-terminated argv, valid until v changes; never NULL. */
char *const *strv_argv(const struct strv *v);
