/* SPDX-License-Identifier: Apache-2.0 */
#include "http/stream.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "base/alloc.h"

int http_stream_wait(const struct http_stream *s, short events)
{
	struct pollfd p = { .fd = s->fd, .events = events };
	int r;

	do
		r = poll(&p, 1, s->timeout_ms ? s->timeout_ms : -1);
	while (r < 0 && errno == EINTR);
	if (r < 0)
		return -errno;
	return r ? 0 : -EAGAIN;
}

static ssize_t plain_try_read(struct http_stream *s, void *buf, size_t n)
{
	ssize_t r;

	do
		r = recv(s->fd, buf, n, MSG_DONTWAIT);
	while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : r;
}

/* Without a timeout the descriptor decides whether and how long a call blocks. */
static int blocking_flags(const struct http_stream *s)
{
	return s->timeout_ms ? MSG_DONTWAIT : 0;
}

static ssize_t plain_read(struct http_stream *s, void *buf, size_t n)
{
	for (;;) {
		ssize_t r = recv(s->fd, buf, n, blocking_flags(s));
		int w;

		if (r >= 0)
			return r;
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN || !s->timeout_ms)
			return -errno;
		w = http_stream_wait(s, POLLIN);
		if (w < 0)
			return w;
	}
}

static ssize_t plain_writev(struct http_stream *s, const struct iovec *iov, int n, bool more)
{
	struct msghdr msg = { .msg_iov = (struct iovec *)(uintptr_t)iov, .msg_iovlen = (size_t)n };
	int flags = MSG_NOSIGNAL | blocking_flags(s) | (more ? MSG_MORE : 0);

	for (;;) {
		ssize_t r = sendmsg(s->fd, &msg, flags);
		int w;

		if (r >= 0)
			return r;
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN || !s->timeout_ms)
			return -errno;
		w = http_stream_wait(s, POLLOUT);
		if (w < 0)
			return w;
	}
}

static ssize_t plain_write(struct http_stream *s, const void *buf, size_t n)
{
	struct iovec iov = { .iov_base = (void *)(uintptr_t)buf, .iov_len = n };

	return plain_writev(s, &iov, 1, false);
}

/* sendfile() knows no flags: room is waited for first, and the socket's own timeout bounds it. */
static ssize_t plain_send_file(struct http_stream *s, int fd, int64_t offset, size_t n)
{
	off_t at = offset;
	ssize_t r;

	if (s->timeout_ms) {
		struct timeval t = { .tv_sec = s->timeout_ms / 1000,
			             .tv_usec = s->timeout_ms % 1000 * 1000 };

		setsockopt(s->fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof(t));
	}
	do
		r = sendfile(s->fd, fd, &at, n);
	while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : r;
}

static int plain_shutdown_write(struct http_stream *s)
{
	return shutdown(s->fd, SHUT_WR) < 0 ? -errno : 0;
}

static void plain_close(struct http_stream *s)
{
	close(s->fd);
	free(s);
}

static bool plain_pending(const struct http_stream *s)
{
	return false;
}

static const struct http_stream_ops plain_ops = {
	.read = plain_read,
	.try_read = plain_try_read,
	.write = plain_write,
	.writev = plain_writev,
	.send_file = plain_send_file,
	.shutdown_write = plain_shutdown_write,
	.close = plain_close,
	.pending = plain_pending,
};

/* A stream before whose bytes others are read first. */
struct unread_stream {
	struct http_stream base;
	struct http_stream *inner; /* owned */
	size_t at, n;
	char rest[];
};

static struct unread_stream *unread_of(const struct http_stream *s)
{
	return container_of((struct http_stream *)(uintptr_t)s, struct unread_stream, base);
}

static ssize_t take_rest(struct unread_stream *u, void *buf, size_t n)
{
	size_t part = MIN(n, u->n - u->at);

	memcpy(buf, u->rest + u->at, part);
	u->at += part;
	return (ssize_t)part;
}

static struct http_stream *inner_of(struct http_stream *s)
{
	struct unread_stream *u = unread_of(s);

	u->inner->timeout_ms = s->timeout_ms;
	return u->inner;
}

static ssize_t unread_read(struct http_stream *s, void *buf, size_t n)
{
	struct unread_stream *u = unread_of(s);

	if (u->at < u->n)
		return take_rest(u, buf, n);
	return http_stream_read(inner_of(s), buf, n);
}

static ssize_t unread_try_read(struct http_stream *s, void *buf, size_t n)
{
	struct unread_stream *u = unread_of(s);

	if (u->at < u->n)
		return take_rest(u, buf, n);
	return u->inner->ops->try_read(u->inner, buf, n);
}

static ssize_t unread_write(struct http_stream *s, const void *buf, size_t n)
{
	return unread_of(s)->inner->ops->write(inner_of(s), buf, n);
}

static int unread_shutdown_write(struct http_stream *s)
{
	return unread_of(s)->inner->ops->shutdown_write(inner_of(s));
}

static void unread_close(struct http_stream *s)
{
	http_stream_close(unread_of(s)->inner);
	free(unread_of(s));
}

static bool unread_pending(const struct http_stream *s)
{
	const struct unread_stream *u = unread_of(s);

	return u->at < u->n || u->inner->ops->pending(u->inner);
}

static const struct http_stream_ops unread_ops = {
	.read = unread_read,
	.try_read = unread_try_read,
	.write = unread_write,
	.shutdown_write = unread_shutdown_write,
	.close = unread_close,
	.pending = unread_pending,
};

struct http_stream *http_stream_unread(struct http_stream *s, const void *rest, size_t n_rest)
{
	struct unread_stream *u;

	if (!n_rest)
		return s;
	u = xcalloc(1, sizeof(*u) + n_rest);
	u->base = (struct http_stream){ .ops = &unread_ops, .fd = s->fd };
	u->base.timeout_ms = s->timeout_ms;
	u->inner = s;
	u->n = n_rest;
	memcpy(u->rest, rest, n_rest);
	return &u->base;
}

struct http_stream *http_stream_plain(int fd, const void *rest, size_t n_rest)
{
	struct http_stream *s = NEW(struct http_stream);

	*s = (struct http_stream){ .ops = &plain_ops, .fd = fd };
	return http_stream_unread(s, rest, n_rest);
}

int http_stream_write(struct http_stream *s, const void *buf, size_t n)
{
	const char *p = buf;

	while (n) {
		ssize_t r = s->ops->write(s, p, n);

		if (r < 0)
			return (int)r;
		p += r;
		n -= (size_t)r;
	}
	return 0;
}

static int write_pieces(struct http_stream *s, const struct iovec *iov, int n)
{
	for (int i = 0; i < n; i++) {
		int r = http_stream_write(s, iov[i].iov_base, iov[i].iov_len);

		if (r < 0)
			return r;
	}
	return 0;
}

int http_stream_writev(struct http_stream *s, struct iovec *iov, int n, bool more)
{
	if (!s->ops->writev)
		return write_pieces(s, iov, n);
	while (n) {
		ssize_t r;

		if (!iov->iov_len) {
			iov++;
			n--;
			continue;
		}
		r = s->ops->writev(s, iov, n, more);
		if (r < 0)
			return (int)r;
		while (n && (size_t)r >= iov->iov_len) {
			r -= (ssize_t)iov->iov_len;
			iov++;
			n--;
		}
		if (n) {
			iov->iov_base = (char *)iov->iov_base + r;
			iov->iov_len -= (size_t)r;
		}
	}
	return 0;
}

void http_stream_close(struct http_stream *s)
{
	if (s)
		s->ops->close(s);
}
