/* SPDX-License-Identifier: Apache-2.0 */
/* What a worker does with a connection: handshake, heads, requests, and what comes after. */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/time.h"
#include "http/server-internal.h"

enum serve_result { SERVE_AGAIN, SERVE_DONE }; /* DONE: the connection is not ours any more */

static size_t buffered(const struct http_worker *w)
{
	return w->in_end - w->in_at;
}

static int64_t after_ms(unsigned ms)
{
	return time_monotonic() + ms * NSEC_PER_MSEC;
}

/* Makes room behind the buffered bytes, up to the largest head plus a read's worth. */
static void make_room(struct http_worker *w)
{
	if (w->in_at == w->in_end)
		w->in_at = w->in_end = 0;
	if (w->in_end < w->in_cap)
		return;
	if (w->in_at) {
		memmove(w->in, w->in + w->in_at, buffered(w));
		w->in_end -= w->in_at;
		w->in_at = 0;
		return;
	}
	w->in_cap *= 2;
	w->in = xreallocarray(w->in, w->in_cap, 1);
}

static void shrink(struct http_worker *w)
{
	if (w->in_cap > HTTP_IN_SIZE && buffered(w) == 0) {
		free(w->in);
		w->in_cap = HTTP_IN_SIZE;
		w->in = xmalloc(w->in_cap);
		w->in_at = w->in_end = 0;
	}
}

/* Keeps what the worker has read with the connection, and parks it. A head's time runs from its
 * first byte. */
static void park_head(struct http_worker *w, struct http_conn *c)
{
	size_t n = buffered(w);
	bool began = n && !c->partial.len;

	if (n) {
		strbuf_clear(&c->partial);
		strbuf_add(&c->partial, w->in + w->in_at, n);
	}
	if (!n && !c->handshaking)
		http_server_park(c->server, c, HTTP_PARKED_IDLE,
		                 after_ms(c->server->o.idle_timeout_ms));
	else
		http_server_park(c->server, c, HTTP_PARKED_HEAD,
		                 began || !c->deadline ? after_ms(c->server->o.header_timeout_ms)
		                                       : c->deadline);
	w->in_at = w->in_end = 0;
}

/* Shuts down our side and waits, parked, for the client's end: closing at once would make the
 * kernel reset the connection while an answer is on its way to a client that still sends. */
static enum serve_result linger(struct http_worker *w, struct http_conn *c)
{
	w->in_at = w->in_end = 0;
	strbuf_done(&c->partial);
	if (c->stream->ops->shutdown_write(c->stream) < 0)
		http_server_drop(c->server, c);
	else
		http_server_park(c->server, c, HTTP_PARKED_LINGER, after_ms(HTTP_LINGER_MS));
	return SERVE_DONE;
}

/* A bounded bite of what a lingering client sends; then the deadline decides. */
static void go_on_lingering(struct http_worker *w, struct http_conn *c)
{
	for (int i = 0; i < 64; i++) {
		ssize_t r = c->stream->ops->try_read(c->stream, w->in, w->in_cap);

		if (r == -EAGAIN)
			break;
		if (r <= 0) {
			http_server_drop(c->server, c);
			return;
		}
	}
	http_server_park(c->server, c, HTTP_PARKED_LINGER, c->deadline);
}

static enum serve_result refuse(struct http_worker *w, struct http_conn *c, int status,
                                const char *why)
{
	AUTO_STRBUF text = { 0 };
	size_t n = strlen(why) + 1;

	strbuf_printf(
		&text,
		"HTTP/1.1 %d %s\r\nConnection: close\r\nContent-Type: text/plain; charset=utf-8\r\n"
		"Content-Length: %zu\r\n\r\n%s\n",
		status, http_reason(status), n, why);
	IGNORE_RESULT(http_stream_write(c->stream, text.ptr, text.len) < 0, "it is closed next");
	return linger(w, c);
}

static void fill_peer(struct http_conn *c, struct http_peer *p)
{
	p->is_unix = c->listener->is_unix;
	p->tls = c->listener->tls != NULL;
	p->tls_subject = c->tls_subject;
	if (p->is_unix) {
		p->pid = c->peer.cred.pid;
		p->uid = c->peer.cred.uid;
		p->gid = c->peer.cred.gid;
	} else {
		memcpy(&p->address, c->peer.address.bytes, sizeof(c->peer.address.bytes));
	}
}

static void fill_request(struct http_exchange *x, const struct http_head *h, struct arena *arena)
{
	x->req.method = h->method;
	x->req.target = h->target;
	x->req.path = h->path;
	x->req.raw_path = h->raw_path;
	x->req.query = h->query;
	x->req.n_query = h->n_query;
	x->req.headers = h->headers;
	x->req.n_headers = h->n_headers;
	x->req.content_length = h->content_length;
	x->req.keep_alive = h->keep_alive;
	x->req.arena = arena;
	x->req.listener_tag = x->conn->listener->tag;
	x->minor = h->minor;
	x->expects_continue = h->expect_continue && h->content_length != 0;
	x->body_left = h->content_length;
	x->body_done = h->content_length == 0;
	fill_peer(x->conn, &x->req.peer);
}

/* Runs the handler. What is left of the input then is the next request's. */
static enum serve_result run_request(struct http_worker *w, struct http_conn *c,
                                     struct http_exchange *x)
{
	struct http_server *s = c->server;
	bool keep;

	s->o.handler(&x->req, s->o.ctx);
	if (x->answer == HTTP_ANSWER_HIJACKED) {
		http_server_drop(s, c);
		w->in_at = w->in_end = 0;
		return SERVE_DONE;
	}
	keep = http_response_finish(x);
	if (keep && http_body_drain(x))
		return SERVE_AGAIN;
	if (atomic_load(&x->aborted) || x->write_error || (x->body_done && buffered(w) == 0)) {
		w->in_at = w->in_end = 0;
		http_server_drop(s, c);
		return SERVE_DONE;
	}
	return linger(w, c);
}

static enum serve_result serve_head(struct http_worker *w, struct http_conn *c, size_t length)
{
	struct http_head_limits limits = { .max_header = c->server->o.max_header,
		                           .max_headers = c->server->o.max_headers };
	struct http_exchange x = { .conn = c, .worker = w };
	AUTO_ARENA arena = { 0 };
	struct http_head head;
	enum serve_result r;
	const char *why;
	int status;

	status = http_head_parse(w->in + w->in_at, length, &limits, &arena, &head, &why);
	w->in_at += length;
	strbuf_done(&c->partial);
	c->deadline = 0;
	if (status)
		return refuse(w, c, status, why);
	fill_request(&x, &head, &arena);
	r = run_request(w, c, &x);
	strbuf_clear(&w->out);
	return r;
}

/* A client that sends its next request at once is not worth two switches of threads. */
static bool comes_soon(struct http_worker *w, struct http_conn *c)
{
	struct pollfd p = { .fd = c->stream->fd, .events = POLLIN };

	if (atomic_load(&w->server->pool.n_jobs) || atomic_load(&w->server->stopping))
		return false;
	return poll(&p, 1, HTTP_NEXT_REQUEST_MS) > 0;
}

static enum serve_result read_more(struct http_worker *w, struct http_conn *c)
{
	ssize_t r;

	make_room(w);
	r = c->stream->ops->try_read(c->stream, w->in + w->in_end, w->in_cap - w->in_end);
	if (r == -EAGAIN) {
		park_head(w, c);
		return SERVE_DONE;
	}
	if (r <= 0) {
		w->in_at = w->in_end = 0;
		http_server_drop(c->server, c);
		return SERVE_DONE;
	}
	w->in_end += (size_t)r;
	return SERVE_AGAIN;
}

/* Serves heads while there are any in the buffer, or on the way. */
static void serve_heads(struct http_worker *w, struct http_conn *c)
{
	size_t looked_at = 0, length;

	for (;;) {
		int r = buffered(w)
		                ? http_head_find(w->in + w->in_at, buffered(w), &looked_at, &length)
		                : 0;
		enum serve_result next;

		if (r < 0) {
			refuse(w, c, 400, "a line of the header does not end in CR LF");
			return;
		}
		if (r == 0 && buffered(w) > c->server->o.max_header) {
			refuse(w, c, 431, "the header is too large");
			return;
		}
		if (r == 0) {
			next = read_more(w, c);
		} else {
			looked_at = 0;
			next = serve_head(w, c, length);
			if (next == SERVE_AGAIN && buffered(w) == 0 && !comes_soon(w, c)) {
				park_head(w, c);
				return;
			}
		}
		if (next == SERVE_DONE)
			return;
	}
}

/* 1: go on with requests. */
static int handshake(struct http_worker *w, struct http_conn *c)
{
	const struct http_tls_ops *ops = http_tls_ops_of(c->listener->tls);
	struct error ignored = { 0 };
	int r = ops->handshake(c->stream, &ignored);

	if (r < 0) {
		http_server_drop(c->server, c);
		return 0;
	}
	if (r == 0) {
		park_head(w, c);
		return 0;
	}
	c->handshaking = false;
	c->tls_subject = ops->subject(c->stream);
	return 1;
}

void http_conn_serve(struct http_worker *w, struct http_conn *c)
{
	w->in_at = w->in_end = 0;
	if (c->parked == HTTP_PARKED_LINGER) {
		go_on_lingering(w, c);
		return;
	}
	if (c->handshaking && !handshake(w, c))
		return;
	while (c->partial.len > w->in_cap) {
		w->in_cap *= 2;
		w->in = xreallocarray(w->in, w->in_cap, 1);
	}
	memcpy(w->in, strbuf_cstr(&c->partial), c->partial.len);
	w->in_end = c->partial.len;
	serve_heads(w, c);
	w->in_at = w->in_end = 0;
	shrink(w);
}
