/* SPDX-License-Identifier: Apache-2.0 */
#include "http/chunked.h"

#include <assert.h>
#include <errno.h>

static int hex_digit(unsigned char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
		return (c | 0x20) - 'a' + 10;
	return -1;
}

static bool is_line_text(unsigned char c)
{
	return (c >= 0x20 && c != 0x7f) || c == '\t';
}

static int size_byte(struct http_chunked *c, unsigned char b)
{
	int digit = hex_digit(b);

	if (digit >= 0) {
		/* 15 digits cannot overflow, nor become negative anywhere */
		if (++c->digits > 15)
			return -EBADMSG;
		c->remaining = c->remaining << 4 | (unsigned)digit;
		return 0;
	}
	if (!c->digits || (b != '\r' && b != ';'))
		return -EBADMSG;
	c->state = b == '\r' ? HTTP_CHUNK_SIZE_LF : HTTP_CHUNK_EXTENSION;
	c->line = 0;
	return 0;
}

static int extension_byte(struct http_chunked *c, unsigned char b)
{
	if (b == '\r') {
		c->state = HTTP_CHUNK_SIZE_LF;
		return 0;
	}
	return is_line_text(b) && ++c->line <= HTTP_CHUNK_LINE_MAX ? 0 : -EBADMSG;
}

static int trailer_byte(struct http_chunked *c, unsigned char b)
{
	if (b == '\r') {
		c->state =
			c->state == HTTP_CHUNK_TRAILER ? HTTP_CHUNK_END_LF : HTTP_CHUNK_TRAILER_LF;
		return 0;
	}
	c->state = HTTP_CHUNK_TRAILER_LINE;
	return is_line_text(b) && ++c->line <= HTTP_CHUNK_TRAILER_MAX ? 0 : -EBADMSG;
}

static int expect(struct http_chunked *c, unsigned char b, unsigned char want,
                  enum http_chunk_state next)
{
	if (b != want)
		return -EBADMSG;
	c->state = next;
	return 0;
}

static int one_byte(struct http_chunked *c, unsigned char b)
{
	switch (c->state) {
	case HTTP_CHUNK_SIZE:
		return size_byte(c, b);
	case HTTP_CHUNK_EXTENSION:
		return extension_byte(c, b);
	case HTTP_CHUNK_SIZE_LF:
		c->line = 0;
		return expect(c, b, '\n', c->remaining ? HTTP_CHUNK_DATA : HTTP_CHUNK_TRAILER);
	case HTTP_CHUNK_DATA_CR:
		return expect(c, b, '\r', HTTP_CHUNK_DATA_LF);
	case HTTP_CHUNK_DATA_LF:
		c->digits = 0;
		return expect(c, b, '\n', HTTP_CHUNK_SIZE);
	case HTTP_CHUNK_TRAILER:
	case HTTP_CHUNK_TRAILER_LINE:
		return trailer_byte(c, b);
	case HTTP_CHUNK_TRAILER_LF:
		return expect(c, b, '\n', HTTP_CHUNK_TRAILER);
	case HTTP_CHUNK_END_LF:
		return expect(c, b, '\n', HTTP_CHUNK_END);
	case HTTP_CHUNK_DATA:
	case HTTP_CHUNK_END:
		break;
	}
	return -EBADMSG;
}

int http_chunked_frame(struct http_chunked *c, const char *buf, size_t n, size_t *ret_used)
{
	size_t i = 0;

	while (i < n && c->state != HTTP_CHUNK_DATA && c->state != HTTP_CHUNK_END) {
		int r = one_byte(c, (unsigned char)buf[i++]);

		if (r < 0)
			return r;
	}
	*ret_used = i;
	return 0;
}

void http_chunked_took(struct http_chunked *c, size_t k)
{
	assert(c->state == HTTP_CHUNK_DATA && k <= c->remaining);
	c->remaining -= k;
	if (!c->remaining)
		c->state = HTTP_CHUNK_DATA_CR;
}
