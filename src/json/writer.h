/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Writing JSON: appends to a strbuf as it goes, places the commas itself, escapes as Go's encoder
 * does (<, >, & as \u003c..., U+2028/2029; invalid UTF-8 becomes U+FFFD). Misnesting is our bug
 * and asserts.
 */
#include <jansson.h>

#include "base/strbuf.h"
#include "base/vec.h"

struct json_writer {
	struct strbuf *out; /* borrowed */
	unsigned depth;
	bool need_comma;
	bool after_key;
	bool html_escape; /* Go's json.Marshal default; json_writer_init sets it */
	unsigned indent;  /* spaces per level; 0 = compact */
};

void json_writer_init(struct json_writer *w, struct strbuf *out);
void jw_object(struct json_writer *w);
void jw_object_end(struct json_writer *w);
void jw_array(struct json_writer *w);
void jw_array_end(struct json_writer *w);
void jw_key(struct json_writer *w, const char *key);
void jw_string(struct json_writer *w, const char *s); /* NULL writes "" */
void jw_str(struct json_writer *w, struct str s);
void jw_i64(struct json_writer *w, int64_t v);
void jw_u64(struct json_writer *w, uint64_t v);
void jw_double(struct json_writer *w, double v);
void jw_bool(struct json_writer *w, bool v);
void jw_null(struct json_writer *w);
void jw_time(struct json_writer *w, int64_t wall); /* RFC 3339 with nanoseconds */
void jw_strv(struct json_writer *w, const struct strv *v); /* an array; [] for NULL */
void jw_value(struct json_writer *w, const json_t *v);
void jw_raw(struct json_writer *w, struct str json); /* one complete value, trusted */

/* key and value at once */
void jw_kv_string(struct json_writer *w, const char *key, const char *s);
void jw_kv_i64(struct json_writer *w, const char *key, int64_t v);
void jw_kv_bool(struct json_writer *w, const char *key, bool v);
void jw_kv_strv(struct json_writer *w, const char *key, const struct strv *v);
void jw_kv_time(struct json_writer *w, const char *key, int64_t wall);
