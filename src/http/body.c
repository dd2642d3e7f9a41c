/* SPDX-License-Identifier: Apache-2.0 */
/* The body of a request. */
#include <errno.h>

#include "http/server-internal.h"

static size_t buffered(const struct http_worker *w)
{
	return w->in_end - w->in_at;
}

/* From the worker's buffer first, then from the connection right into buf. */
static ssize_t read_raw(struct http_exchange *x, void *buf, size_t n)
{
	struct http_worker *w = x->worker;
	ssize_t r;

	if (buffered(w)) {
		n = MIN(n, buffered(w));
		memcpy(buf, w->in + w->in_at, n);
		w->in_at += n;
		return (ssize_t)n;
	}
	r = http_stream_read(x->conn->stream, buf, n);
	if (r == 0)
		return -ECONNRESET;
	return r == -EAGAIN ? -ETIMEDOUT : r;
}

/* Reads something into the worker's buffer, which is empty. */
static int fill(struct http_exchange *x)
{
	struct http_worker *w = x->worker;
	ssize_t r;

	w->in_at = w->in_end = 0;
	r = read_raw(x, w->in, w->in_cap);
	if (r < 0)
		return (int)r;
	w->in_end = (size_t)r;
	return 0;
}

static ssize_t read_with_length(struct http_exchange *x, void *buf, size_t n)
{
	ssize_t r = read_raw(x, buf, (size_t)MIN((uint64_t)n, (uint64_t)x->body_left));

	if (r > 0)
		x->body_left -= r;
	if (!x->body_left)
		x->body_done = true;
	return r;
}

/* Goes over framing until data or the end is next. */
static int read_framing(struct http_exchange *x)
{
	struct http_worker *w = x->worker;

	while (x->chunked.state != HTTP_CHUNK_DATA && x->chunked.state != HTTP_CHUNK_END) {
		size_t used;
		int r = buffered(w) ? 0 : fill(x);

		if (r == 0)
			r = http_chunked_frame(&x->chunked, w->in + w->in_at, buffered(w), &used);
		if (r < 0)
			return r;
		w->in_at += used;
	}
	return 0;
}

static ssize_t read_chunked(struct http_exchange *x, void *buf, size_t n)
{
	ssize_t r = read_framing(x);

	if (r < 0)
		return r;
	if (x->chunked.state == HTTP_CHUNK_END) {
		x->body_done = true;
		return 0;
	}
	r = read_raw(x, buf, (size_t)MIN((uint64_t)n, x->chunked.remaining));
	if (r > 0)
		http_chunked_took(&x->chunked, (size_t)r);
	return r;
}

static int send_continue(struct http_exchange *x)
{
	static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n";

	x->expects_continue = false;
	if (x->head_sent)
		return 0;
	return http_stream_write(x->conn->stream, text, sizeof(text) - 1);
}

ssize_t http_read(struct http_request *req, void *buf, size_t n)
{
	struct http_exchange *x = http_exchange_of(req);
	ssize_t r;

	if (x->body_failed)
		return -ECONNRESET;
	if (x->body_done || !n)
		return 0;
	r = x->expects_continue ? send_continue(x) : 0;
	if (r == 0)
		r = req->content_length < 0 ? read_chunked(x, buf, n) : read_with_length(x, buf, n);
	if (r < 0)
		x->body_failed = true;
	return r;
}

static int body_error(ssize_t code, struct error *err)
{
	switch (code) {
	case -EBADMSG:
		return error_set(err, ERROR_INVALID, "the request body's chunks are malformed");
	case -ETIMEDOUT:
		return error_set(err, ERROR_CANCELLED, "the request body did not arrive in time");
	default:
		return error_set(err, ERROR_CANCELLED, "the client went away in mid-request");
	}
}

int http_read_all(struct http_request *req, size_t limit, struct strbuf *out, struct error *err)
{
	size_t start = out->len;

	if (req->content_length > 0 && (uint64_t)req->content_length > limit)
		return error_set(err, ERROR_TOO_LARGE, "the request body is larger than %zu bytes",
		                 limit);
	for (;;) {
		size_t want = req->content_length > 0 ? (size_t)req->content_length + 1 : 4096;
		char *place = strbuf_reserve(out, MIN(want, (size_t)65536));
		ssize_t r;

		if (!place)
			return error_set(err, ERROR_TOO_LARGE, "the request body is too large");
		r = http_read(req, place, MIN(want, (size_t)65536));
		if (r < 0)
			return body_error(r, err);
		if (r == 0)
			return 0;
		strbuf_added(out, (size_t)r);
		if (out->len - start > limit)
			return error_set(err, ERROR_TOO_LARGE,
			                 "the request body is larger than %zu bytes", limit);
	}
}

bool http_body_drainable(const struct http_exchange *x)
{
	if (x->body_failed)
		return false;
	/* a client that was not told to go on may send its body or not: nobody can know */
	if (x->body_done)
		return true;
	return !x->expects_continue && x->body_left <= HTTP_DRAIN_MAX;
}

bool http_body_drain(struct http_exchange *x)
{
	struct http_stream *s = x->conn->stream;
	int saved = s->timeout_ms;
	char scrap[4096];
	size_t total = 0;

	if (!http_body_drainable(x))
		return false;
	s->timeout_ms = HTTP_DRAIN_TIMEOUT_MS;
	while (!x->body_done && total <= HTTP_DRAIN_MAX) {
		ssize_t r = http_read(&x->req, scrap, sizeof(scrap));

		if (r < 0)
			break;
		total += (size_t)r;
	}
	s->timeout_ms = saved;
	return x->body_done;
}
