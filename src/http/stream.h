/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A two-way byte stream: a socket, or TLS over one. What a handler reads a hijacked connection
 * through, and what the client speaks over. One thread reads while another may write.
 */
#include <sys/types.h>
#include <sys/uio.h>

#include "base/error.h"

struct http_stream;

struct http_stream_ops {
	/* Bytes (0 at the end of the peer's side) or -errno; -EAGAIN when nothing came for timeout_ms. */
	ssize_t (*read)(struct http_stream *s, void *buf, size_t n);
	/* The same without waiting: -EAGAIN when nothing is there. */
	ssize_t (*try_read)(struct http_stream *s, void *buf, size_t n);
	ssize_t (*write)(struct http_stream *s, const void *buf, size_t n);
	/* Optional (NULL): several pieces at once; more says that something follows at once. */
	ssize_t (*writev)(struct http_stream *s, const struct iovec *iov, int n, bool more);
	/* Optional (NULL): n bytes of a file from offset, as sendfile(2). */
	ssize_t (*send_file)(struct http_stream *s, int fd, int64_t offset, size_t n);
	/* Tells the peer that we are done writing; reading goes on. */
	int (*shutdown_write)(struct http_stream *s);
	void (*close)(struct http_stream *s); /* frees s */
	bool (*pending)(const struct http_stream *s); /* bytes are buffered above the descriptor */
};

struct http_stream {
	const struct http_stream_ops *ops;
	int fd;         /* for poll() and getsockopt() */
	int timeout_ms; /* of one read or write without progress; 0: waits for ever */
};

/* Owns fd; the n_rest bytes at rest (copied) are read before the socket. */
struct http_stream *http_stream_plain(int fd, const void *rest, size_t n_rest) MUST_USE;
/* Any stream, owned from now on, with bytes that are read before it; s itself when there are none. */
struct http_stream *http_stream_unread(struct http_stream *s, const void *rest, size_t n_rest) MUST_USE;

static inline ssize_t http_stream_read(struct http_stream *s, void *buf, size_t n)
{
	return s->ops->read(s, buf, n);
}

/* All of it: 0 or -errno. */
int http_stream_write(struct http_stream *s, const void *buf, size_t n) MUST_USE;
/* All pieces; changes iov. */
int http_stream_writev(struct http_stream *s, struct iovec *iov, int n, bool more) MUST_USE;
/* Waits for events (POLLIN, POLLOUT) as long as s->timeout_ms says: 0, -EAGAIN or -errno. */
int http_stream_wait(const struct http_stream *s, short events) MUST_USE;
void http_stream_close(struct http_stream *s);
DEFINE_CLEANUP(struct http_stream *, http_stream_close)
