/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A two-way byte stream: a socket, or TLS over one. What a handler reads a hijacked connection
 * through, and what the client speaks over. One thread reads while another may write.
 */
#include <sys/types.h>

#include "base/error.h"

struct http_stream;

struct http_stream_ops {
	/* Bytes (0 at the end of the peer's side) or -errno; -EAGAIN after the socket's timeout. */
	ssize_t (*read)(struct http_stream *s, void *buf, size_t n);
	ssize_t (*write)(struct http_stream *s, const void *buf, size_t n);
	/* Tells the peer that we are done writing; reading goes on. */
	int (*shutdown_write)(struct http_stream *s);
	void (*close)(struct http_stream *s); /* frees s */
	bool (*pending)(const struct http_stream *s); /* bytes are buffered above the descriptor */
};

struct http_stream {
	const struct http_stream_ops *ops;
	int fd; /* for poll() and getsockopt() */
};

/* Owns fd; the n_rest bytes at rest (copied) are read before the socket. */
struct http_stream *http_stream_plain(int fd, const void *rest, size_t n_rest) MUST_USE;

static inline ssize_t http_stream_read(struct http_stream *s, void *buf, size_t n)
{
	return s->ops->read(s, buf, n);
}

/* All of it: 0 or -errno. */
int http_stream_write(struct http_stream *s, const void *buf, size_t n) MUST_USE;
void http_stream_close(struct http_stream *s);
DEFINE_CLEANUP(struct http_stream *, http_stream_close)
