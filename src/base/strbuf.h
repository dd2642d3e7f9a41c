/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A growing byte buffer, always NUL-terminated. Owned by its struct; `strbuf_done` releases.
 * With a limit (bytes; 0 = none), appending past it fails with -E2BIG and sets `overflow`, and
 * the buffer keeps what it had: a writer may append on and check once at the end.
 */
#include <stdarg.h>

#include "base/str.h"

struct strbuf {
	char *ptr; /* owned; NULL while empty */
	size_t len;
	size_t cap;
	size_t limit;
	bool overflow;
};

#define AUTO_STRBUF CLEANUP(strbuf_done) struct strbuf

void strbuf_done(struct strbuf *b);
void strbuf_clear(struct strbuf *b); /* keeps the memory */
int strbuf_add(struct strbuf *b, const void *data, size_t n);
int strbuf_add_str(struct strbuf *b, struct str s);
int strbuf_puts(struct strbuf *b, const char *s);
int strbuf_putc(struct strbuf *b, char c);
int strbuf_printf(struct strbuf *b, const char *fmt, ...) PRINTF_FORMAT(2, 3);
int strbuf_vprintf(struct strbuf *b, const char *fmt, va_list ap) PRINTF_FORMAT(2, 0);
/* Room for n more bytes at the returned place; follow with strbuf_added(). NULL past the limit. */
char *strbuf_reserve(struct strbuf *b, size_t n);
void strbuf_added(struct strbuf *b, size_t n);
void strbuf_remove_front(struct strbuf *b, size_t n);
void strbuf_truncate(struct strbuf *b, size_t len);
/* Gives the bytes away (never NULL); the buffer is empty afterwards. */
char *strbuf_steal(struct strbuf *b) MUST_USE;
/* The text, "" while empty. Borrowed. */
const char *strbuf_cstr(const struct strbuf *b);
static inline struct str strbuf_str(const struct strbuf *b)
{
	return str_n(strbuf_cstr(b), b->len);
}

/* Percent-encodes all but unreserved characters (RFC 3986, 2.3) and those in keep (may be NULL). */
int strbuf_add_urlencoded(struct strbuf *b, struct str s, const char *keep);
int strbuf_add_base64(struct strbuf *b, const void *data, size_t n, bool url_alphabet);
/* Either alphabet, padding optional. 0 or -EINVAL. */
int base64_decode(struct str s, struct strbuf *out) MUST_USE;
/* Decodes %xx (and '+' as space when plus is set). 0, or -EINVAL on a bad escape or a NUL. */
int url_decode(struct str s, bool plus, struct strbuf *out) MUST_USE;
