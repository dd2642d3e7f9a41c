/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The framing of a chunked body, strictly: sizes in hexadecimal, CRLF and nothing else between
 * lines, extensions and trailers skipped but bounded. Used by server and client.
 */
#include "base/macros.h"

enum {
	HTTP_CHUNK_LINE_MAX = 1024,    /* size and extension */
	HTTP_CHUNK_TRAILER_MAX = 8192, /* all trailer lines */
};

enum http_chunk_state {
	HTTP_CHUNK_SIZE,       /* digits of a size */
	HTTP_CHUNK_EXTENSION,  /* what follows them on the line */
	HTTP_CHUNK_SIZE_LF,    /* the line's LF is next */
	HTTP_CHUNK_DATA,       /* `remaining` bytes of data are next */
	HTTP_CHUNK_DATA_CR,
	HTTP_CHUNK_DATA_LF,
	HTTP_CHUNK_TRAILER,    /* at the start of a trailer line */
	HTTP_CHUNK_TRAILER_LINE,
	HTTP_CHUNK_TRAILER_LF, /* a trailer line's LF */
	HTTP_CHUNK_END_LF,     /* the LF of the empty line that ends it all */
	HTTP_CHUNK_END,
};

/* Zeroed: at the first chunk's size. */
struct http_chunked {
	enum http_chunk_state state;
	unsigned digits;
	unsigned line; /* bytes of this size line, or of the trailer so far */
	uint64_t remaining;
};

/*
 * Reads framing from buf until data starts, the body ends or buf is used up; *ret_used says how
 * much of it. Then look at c->state: HTTP_CHUNK_DATA (after taking k bytes of data, call
 * http_chunked_took()), HTTP_CHUNK_END, or something else: give more. 0 or -EBADMSG.
 */
int http_chunked_frame(struct http_chunked *c, const char *buf, size_t n, size_t *ret_used) MUST_USE;
void http_chunked_took(struct http_chunked *c, size_t k);
