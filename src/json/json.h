/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Reading JSON from outside: jansson behind bounds. Duplicate keys, invalid UTF-8, nesting deeper
 * than JSON_DEPTH_MAX and trailing bytes are refused, the error says where. Any thread.
 */
#include <jansson.h>

#include "base/error.h"
#include "base/str.h"

enum { JSON_DEPTH_MAX = 64 };

/* The document, whose reference is the caller's (json_decref), or NULL with err set (INVALID). */
json_t *json_parse(struct str text, struct error *err) MUST_USE;
DEFINE_CLEANUP(json_t *, json_decref)
#define AUTO_JSON CLEANUP(json_decref_ptr) json_t

/* Member by name; with ci, as Go's decoder does, an exact match first, then ASCII case folded.
 * NULL when obj is no object or has none. Borrowed. */
json_t *json_member(const json_t *obj, const char *key, bool ci);
/* A member's text, NULL when absent or no string. Borrowed. */
const char *json_member_string(const json_t *obj, const char *key);
/* 1 and *ret set; 0 when absent or null; -EINVAL when of another type. */
int json_member_i64(const json_t *obj, const char *key, int64_t *ret) MUST_USE;
/* A number without a fraction ("1e3" and "2.0" are fine): 0 or -EINVAL. */
int json_number_i64(const json_t *v, int64_t *ret) MUST_USE;
