/* SPDX-License-Identifier: Apache-2.0 */
/* Questions about a request, and taking its connection over. */
#include <errno.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/time.h>

#include "http/server-internal.h"

const char *http_header_get(const struct http_request *req, const char *name)
{
	for (size_t i = 0; i < req->n_headers; i++)
		if (strcasecmp(req->headers[i].name, name) == 0)
			return req->headers[i].value;
	return NULL;
}

const char *http_query_get(const struct http_request *req, const char *name)
{
	for (size_t i = 0; i < req->n_query; i++)
		if (streq(req->query[i].name, name))
			return req->query[i].value;
	return NULL;
}

bool http_query_bool(const struct http_request *req, const char *name, bool def)
{
	const char *value = http_query_get(req, name);

	return value ? parse_query_bool(value) : def;
}

bool http_client_gone(struct http_request *req)
{
	struct http_exchange *x = http_exchange_of(req);
	struct pollfd p = { .events = POLLRDHUP };

	if (atomic_load(&x->aborted))
		return true;
	WITH_LOCK(&x->conn->server->lock);
	if (!x->conn->stream)
		return false; /* hijacked: its owner reads and writes, and sees */
	p.fd = x->conn->stream->fd;
	return poll(&p, 1, 0) > 0 && (p.revents & (POLLRDHUP | POLLHUP | POLLERR));
}

/* The stream leaves the server: nothing of ours may touch it afterwards. */
static struct http_stream *take_stream(struct http_exchange *x)
{
	struct http_conn *c = x->conn;
	struct http_stream *s;

	WITH_LOCK(&c->server->lock);
	s = c->stream;
	epoll_ctl(c->server->epoll_fd, EPOLL_CTL_DEL, s->fd, NULL);
	return TAKE_PTR(c->stream);
}

struct http_stream *http_hijack(struct http_request *req, const char *head, size_t n_head,
                                struct error *err)
{
	struct http_exchange *x = http_exchange_of(req);
	struct http_worker *w = x->worker;
	struct timeval forever = { 0 };
	struct http_stream *s;
	int r;

	if (x->answer != HTTP_ANSWER_NONE || atomic_load(&x->aborted)) {
		error_set(err, ERROR_CANCELLED, "the connection cannot be taken over any more");
		return NULL;
	}
	r = http_stream_write(x->conn->stream, head, n_head);
	if (r < 0) {
		x->write_error = r;
		error_set(err, ERROR_CANCELLED, "the client is gone");
		return NULL;
	}
	x->answer = HTTP_ANSWER_HIJACKED;
	x->status = n_head > 12 ? (int)strtol(head + 9, NULL, 10) : 200;
	s = take_stream(x);
	s->timeout_ms = 0;
	setsockopt(s->fd, SOL_SOCKET, SO_SNDTIMEO, &forever, sizeof(forever));
	s = http_stream_unread(s, w->in + w->in_at, w->in_end - w->in_at);
	w->in_at = w->in_end = 0;
	return s;
}
