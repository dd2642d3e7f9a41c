/* SPDX-License-Identifier: Apache-2.0 */
#include "base/strbuf.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>

#include "base/alloc.h"

void strbuf_done(struct strbuf *b)
{
	free(b->ptr);
	*b = (struct strbuf){ .limit = b->limit };
}

void strbuf_clear(struct strbuf *b)
{
	b->len = 0;
	b->overflow = false;
	if (b->ptr)
		b->ptr[0] = '\0';
}

char *strbuf_reserve(struct strbuf *b, size_t n)
{
	size_t need, cap;

	if (ckd_add(&need, b->len, n) || need == SIZE_MAX || (b->limit && need > b->limit)) {
		b->overflow = true;
		return NULL;
	}
	need++;
	if (need > b->cap) {
		cap = MAX(b->cap * 2, (size_t)64);
		b->cap = MAX(cap, need);
		b->ptr = xreallocarray(b->ptr, b->cap, 1);
		b->ptr[b->len] = '\0';
	}
	return b->ptr + b->len;
}

void strbuf_added(struct strbuf *b, size_t n)
{
	b->len += n;
	b->ptr[b->len] = '\0';
}

int strbuf_add(struct strbuf *b, const void *data, size_t n)
{
	char *to = strbuf_reserve(b, n);

	if (!to)
		return -E2BIG;
	if (n)
		memcpy(to, data, n);
	strbuf_added(b, n);
	return 0;
}

int strbuf_add_str(struct strbuf *b, struct str s)
{
	return strbuf_add(b, s.ptr, s.len);
}

int strbuf_puts(struct strbuf *b, const char *s)
{
	return strbuf_add(b, s, strlen(s));
}

int strbuf_putc(struct strbuf *b, char c)
{
	return strbuf_add(b, &c, 1);
}

int strbuf_vprintf(struct strbuf *b, const char *fmt, va_list ap)
{
	va_list again;
	int n;

	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	if (n >= 0 && strbuf_reserve(b, (size_t)n)) {
		vsnprintf(b->ptr + b->len, (size_t)n + 1, fmt, again);
		b->len += (size_t)n;
		n = 0;
	} else {
		n = -E2BIG;
	}
	va_end(again);
	return n;
}

int strbuf_printf(struct strbuf *b, const char *fmt, ...)
{
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = strbuf_vprintf(b, fmt, ap);
	va_end(ap);
	return r;
}

void strbuf_remove_front(struct strbuf *b, size_t n)
{
	if (!n)
		return;
	memmove(b->ptr, b->ptr + n, b->len - n);
	b->len -= n;
	b->ptr[b->len] = '\0';
}

void strbuf_truncate(struct strbuf *b, size_t len)
{
	if (len < b->len) {
		b->len = len;
		b->ptr[len] = '\0';
	}
}

char *strbuf_steal(struct strbuf *b)
{
	char *p = b->ptr ? b->ptr : xstrdup("");

	*b = (struct strbuf){ .limit = b->limit };
	return p;
}

const char *strbuf_cstr(const struct strbuf *b)
{
	return b->ptr ? b->ptr : "";
}

int strbuf_add_urlencoded(struct strbuf *b, struct str s, const char *keep)
{
	int r = 0;

	for (size_t i = 0; i < s.len && r == 0; i++) {
		unsigned char c = (unsigned char)s.ptr[i];

		if (isalnum(c) || strchr("-._~", c) || (keep && c && strchr(keep, c)))
			r = strbuf_putc(b, (char)c);
		else
			r = strbuf_printf(b, "%%%02X", c);
	}
	return r;
}

int strbuf_add_base64(struct strbuf *b, const void *data, size_t n, bool url_alphabet)
{
	static const char standard[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	static const char url[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	const char *alphabet = url_alphabet ? url : standard;
	const unsigned char *p = data;
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i += 3) {
		size_t left = MIN(n - i, (size_t)3);
		uint32_t v = (uint32_t)p[i] << 16 | (left > 1 ? (uint32_t)p[i + 1] << 8 : 0) |
		             (left > 2 ? p[i + 2] : 0);
		char out[4] = { alphabet[v >> 18], alphabet[v >> 12 & 63],
			        left > 1 ? alphabet[v >> 6 & 63] : '=',
			        left > 2 ? alphabet[v & 63] : '=' };

		r = strbuf_add(b, out, 4);
	}
	return r;
}

static int base64_digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+' || c == '-')
		return 62;
	if (c == '/' || c == '_')
		return 63;
	return -1;
}

int base64_decode(struct str s, struct strbuf *out)
{
	uint32_t acc = 0;
	int bits = 0;

	while (s.len && s.ptr[s.len - 1] == '=')
		s.len--;
	if (s.len % 4 == 1)
		return -EINVAL;
	for (size_t i = 0; i < s.len; i++) {
		int d = base64_digit(s.ptr[i]);

		if (d < 0)
			return -EINVAL;
		acc = acc << 6 | (uint32_t)d;
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			if (strbuf_putc(out, (char)(acc >> bits & 0xff)) < 0)
				return -EINVAL;
		}
	}
	return 0;
}

int url_decode(struct str s, bool plus, struct strbuf *out)
{
	for (size_t i = 0; i < s.len; i++) {
		char c = s.ptr[i];

		if (c == '%') {
			unsigned char v;

			if (s.len - i < 3 || hex_decode(str_n(s.ptr + i + 1, 2), &v, 1) < 0 || !v)
				return -EINVAL;
			c = (char)v;
			i += 2;
		} else if (c == '+' && plus) {
			c = ' ';
		}
		if (!c || strbuf_putc(out, c) < 0)
			return -EINVAL;
	}
	return 0;
}
