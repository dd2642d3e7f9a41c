/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Byte views and the few string helpers that libc lacks. Nothing here owns memory. */
#include <string.h>

#include "base/macros.h"

struct str {
	const char *ptr; /* borrowed; not terminated */
	size_t len;
};

#define STR(literal) ((struct str){ .ptr = "" literal, .len = sizeof(literal) - 1 })
/* For printf's "%.*s". */
#define STR_ARG(s) (int)(s).len, (s).ptr

static inline struct str str_from(const char *s)
{
	return (struct str){ .ptr = s, .len = s ? strlen(s) : 0 };
}

static inline struct str str_n(const char *s, size_t n)
{
	return (struct str){ .ptr = s, .len = n };
}

static inline bool streq(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}

/* NULL equals only NULL. */
bool streq_null(const char *a, const char *b);
static inline bool str_empty_or_null(const char *s)
{
	return !s || !*s;
}

/* The text after the prefix, or NULL when s does not start with it. */
const char *str_skip_prefix(const char *s, const char *prefix);
bool str_has_suffix(const char *s, const char *suffix);

bool str_eq(struct str a, struct str b);
bool str_eq_c(struct str a, const char *b);
bool str_ieq_c(struct str a, const char *b); /* ASCII case folded */
struct str str_trim(struct str s);           /* spaces and tabs at both ends */
/* Cuts *rest at the first sep: returns what is before it, leaves what is after. false when *rest
 * was exhausted before (its ptr is then NULL). An empty *rest yields one empty piece. */
bool str_cut(struct str *rest, char sep, struct str *ret_piece);

/* Whole-string numbers; decimal unless base says otherwise. 0, or -EINVAL / -ERANGE. */
int parse_u64(const char *s, uint64_t *ret) MUST_USE;
int parse_i64(const char *s, int64_t *ret) MUST_USE;
int parse_u64_str(struct str s, int base, uint64_t *ret) MUST_USE;
/* "64m", "1.5GiB", "100" -> bytes, as docker's units.RAMInBytes. */
int parse_size(const char *s, int64_t *ret) MUST_USE;
/* Docker's idea of a boolean in a query: "1", "true", "True", "yes"…; empty and others false. */
bool parse_query_bool(const char *s);

/* Lower-case hex. out has room for 2*n+1 bytes. */
void hex_encode(const void *data, size_t n, char *out);
/* 0 or -EINVAL; exactly 2*n digits of either case. */
int hex_decode(struct str s, void *out, size_t n) MUST_USE;
/* n random bytes as 2*n hex digits and a NUL. */
void random_hex(char *out, size_t n);
void random_bytes(void *out, size_t n);
