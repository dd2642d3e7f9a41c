/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Field tables: one `struct json_field` array per wire struct drives decoding, encoding, freeing
 * and copying. A zeroed struct is the unset value of every type. Unknown members are ignored in
 * decoding, a member of the wrong type is ERROR_INVALID and names its path ("HostConfig.Memory").
 */
#include "base/strmap.h"
#include "json/json.h"
#include "json/writer.h"

enum tristate { TRISTATE_UNSET, TRISTATE_FALSE, TRISTATE_TRUE };

enum json_type {
	JSON_F_BOOL,           /* bool */
	JSON_F_TRISTATE,       /* enum tristate; unset is null */
	JSON_F_INT,            /* int */
	JSON_F_I64,            /* int64_t */
	JSON_F_U64,            /* uint64_t */
	JSON_F_I64_PTR,        /* int64_t *, NULL is null (owned) */
	JSON_F_DOUBLE,         /* double */
	JSON_F_STRING,         /* char *, owned; NULL encodes as "" (or null with JSON_NULL_EMPTY) */
	JSON_F_TIME,           /* int64_t wall time as RFC 3339 */
	JSON_F_STRV,           /* struct strv */
	JSON_F_STRING_OR_LIST, /* struct strv; decoding also takes one string */
	JSON_F_STRMAP,         /* struct strmap; encoded sorted by key */
	JSON_F_SET,            /* struct strv <-> {"80/tcp":{}}; encoded sorted */
	JSON_F_RAW,            /* json_t *, owned reference; kept as it came */
	JSON_F_OBJECT,         /* embedded struct, described by .fields */
	JSON_F_OBJECT_PTR,     /* pointer to such a struct (owned, .size bytes), NULL is null */
	JSON_F_LIST,           /* {T *ptr; size_t len, cap;} of structs of .size described by .fields */
	JSON_F_MAP,            /* the same, but each T begins with its key as `char *` (not in .fields):
	                        * {"key":{...}}; with JSON_VALUE_LIST the map's value is one field at .fields[0]
	                        * encoded bare (e.g. PortBindings: {"80/tcp":[...]}) */
};

enum json_flags {
	JSON_OMIT_EMPTY = 1 << 0, /* zero, "", empty or NULL is left out */
	JSON_NULL_EMPTY = 1 << 1, /* NULL string, list or map encodes as null, else "", [] or {}.
	                           * A list that was given as [] keeps ptr != NULL and encodes as []. */
	JSON_VALUE_LIST = 1 << 2,
	JSON_DECODE_ONLY = 1 << 3,
	JSON_REQUIRED = 1 << 4, /* decoding fails when absent */
};

struct json_field {
	const char *name; /* NULL ends the table */
	enum json_type type;
	size_t offset;
	unsigned flags;
	const struct json_field *fields; /* of OBJECT, OBJECT_PTR, LIST, MAP */
	size_t size;                     /* of the pointed-to or element struct */
};

#define JSON_FIELD(strct, member, wire, kind, ...) \
	{ .name = (wire), .type = (kind), .offset = offsetof(strct, member), ##__VA_ARGS__ }
#define JSON_FIELDS_END { .name = NULL }

struct json_decode_options {
	bool case_insensitive; /* as Go's decoder: the Engine API and image configurations */
};

/* Decodes obj into the zeroed *out. On failure out is as json_fields_clear() leaves it. */
int json_fields_decode(const json_t *obj, const struct json_field *fields, void *out,
		       const struct json_decode_options *options, struct error *err) MUST_USE;
/* Writes {...}; the _members form writes only the members, into an object the caller opened. */
void json_fields_encode(struct json_writer *w, const struct json_field *fields, const void *in);
void json_fields_encode_members(struct json_writer *w, const struct json_field *fields, const void *in);
/* Frees what the members own and zeroes them. */
void json_fields_clear(const struct json_field *fields, void *obj);
/* Deep copy into the zeroed *out. */
void json_fields_copy(const struct json_field *fields, const void *in, void *out);
