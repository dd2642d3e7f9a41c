/* SPDX-License-Identifier: Apache-2.0 */
#include "http/client.h"

#include <errno.h>
#include <stdio.h>
#include <strings.h>

#include "base/alloc.h"
#include "http/chunked.h"

enum {
	IN_SIZE = 65536, /* also the bound of an answer's head */
	BODY_PIECE = 32768,
	DISCARD_MAX = 262144, /* of an unread answer, to keep the connection */
};

enum body_kind { BODY_NONE, BODY_LENGTH, BODY_CHUNKED, BODY_TO_END };

struct http_client {
	http_dial_fn dial;
	void *ctx; /* borrowed */
	char *host;
	struct http_stream *stream; /* NULL while not connected */
	bool used;                  /* an answer came over this stream before */
	bool sent_all;              /* the request went out whole */
	char *in;                   /* bytes [at, end) are read but not used */
	size_t at, end;
	bool got_any; /* of this answer */
	/* the answer's body */
	enum body_kind kind;
	uint64_t left;
	struct http_chunked chunked;
	bool body_done, keep_alive;
	bool is_head; /* the request was HEAD */
};

struct http_client *http_client_new(http_dial_fn dial, void *ctx, const char *host)
{
	struct http_client *c = NEW(struct http_client);

	c->dial = dial;
	c->ctx = ctx;
	c->host = xstrdup(host);
	c->in = xmalloc(IN_SIZE);
	c->body_done = true;
	return c;
}

static void disconnect(struct http_client *c)
{
	http_stream_close(TAKE_PTR(c->stream));
	c->at = c->end = 0;
	c->used = false;
}

void http_client_free(struct http_client *c)
{
	if (!c)
		return;
	disconnect(c);
	free(c->host);
	free(c->in);
	free(c);
}

static int connect_if_needed(struct http_client *c, struct error *err)
{
	if (c->stream)
		return 0;
	c->stream = c->dial(c->ctx, err);
	return c->stream ? 0 : error_errno(err);
}

static bool has_header(const struct http_client_request *req, const char *name)
{
	size_t n = strlen(name);

	for (const char *const *h = req->headers; h && *h; h++)
		if (strncasecmp(*h, name, n) == 0 && (*h)[n] == ':')
			return true;
	return false;
}

static bool expects_body(const struct http_client_request *req)
{
	return strcasecmp(req->method, "POST") == 0 || strcasecmp(req->method, "PUT") == 0 ||
	       strcasecmp(req->method, "PATCH") == 0;
}

static void build_head(struct http_client *c, const struct http_client_request *req,
                       struct strbuf *out)
{
	strbuf_printf(out, "%s %s HTTP/1.1\r\n", req->method, req->target);
	if (!has_header(req, "Host"))
		strbuf_printf(out, "Host: %s\r\n", c->host);
	for (const char *const *h = req->headers; h && *h; h++)
		strbuf_printf(out, "%s\r\n", *h);
	if (req->upgrade)
		strbuf_puts(out, "Connection: Upgrade\r\nUpgrade: tcp\r\n");
	if (req->body_read)
		strbuf_puts(out, "Transfer-Encoding: chunked\r\n");
	else if (req->n_body > 0 || expects_body(req))
		strbuf_printf(out, "Content-Length: %lld\r\n", (long long)req->n_body);
	strbuf_puts(out, "\r\n");
}

static int send_chunk(struct http_stream *s, const void *data, size_t n)
{
	char line[24];
	struct iovec iov[3] = {
		{ line, (size_t)snprintf(line, sizeof(line), "%zx\r\n", n) },
		{ (void *)(uintptr_t)data, n },
		{ (void *)(uintptr_t) "\r\n", 2 },
	};

	return http_stream_writev(s, iov, 3, false);
}

/* -errno of the connection; a failing body_read sets err as well. */
static int send_chunked(struct http_client *c, const struct http_client_request *req,
                        struct error *err)
{
	AUTO_FREE char *buf = xmalloc(BODY_PIECE);
	ssize_t n;

	while ((n = req->body_read(req->body_ctx, buf, BODY_PIECE)) > 0) {
		int r = send_chunk(c->stream, buf, (size_t)n);

		if (r < 0)
			return r;
	}
	if (n < 0) /* the body stays without its end, so the server knows that it is cut */
		return error_set_errno(err, (int)-n, "cannot read what was to be sent");
	return http_stream_write(c->stream, "0\r\n\r\n", 5);
}

static int send_request(struct http_client *c, const struct http_client_request *req,
                        struct error *err)
{
	AUTO_STRBUF head = { 0 };
	struct iovec iov[2];
	int r;

	build_head(c, req, &head);
	iov[0] = (struct iovec){ head.ptr, head.len };
	iov[1] = (struct iovec){ (void *)(uintptr_t)req->body,
		                 req->body_read ? 0 : (size_t)req->n_body };
	r = http_stream_writev(c->stream, iov, 2, false);
	if (r == 0 && req->body_read)
		r = send_chunked(c, req, err);
	return r;
}

/* Reads more into the buffer behind what is there: bytes, 0 at the end, -errno. */
static ssize_t fill(struct http_client *c)
{
	ssize_t r;

	if (c->at == c->end) {
		c->at = c->end = 0;
	} else if (c->end == IN_SIZE) {
		memmove(c->in, c->in + c->at, c->end - c->at);
		c->end -= c->at;
		c->at = 0;
	}
	if (c->end == IN_SIZE)
		return -EMSGSIZE;
	r = http_stream_read(c->stream, c->in + c->end, IN_SIZE - c->end);
	if (r > 0) {
		c->end += (size_t)r;
		c->got_any = true;
	}
	return r;
}

static struct str next_line(struct str *rest)
{
	struct str line;

	if (!str_cut(rest, '\n', &line))
		return (struct str){ 0 };
	if (line.len && line.ptr[line.len - 1] == '\r')
		line.len--;
	return line;
}

static int parse_status(struct str line, struct http_response *r)
{
	uint64_t status;

	if (line.len < 12 || memcmp(line.ptr, "HTTP/1.", 7) != 0 || line.ptr[8] != ' ' ||
	    parse_u64_str(str_n(line.ptr + 9, 3), 10, &status) < 0 || status < 100)
		return -EBADMSG;
	r->status = (int)status;
	return 0;
}

const char *http_response_header(const struct http_response *r, const char *name)
{
	size_t n = strlen(name);

	vec_for_each (&r->headers, h)
		if (strncasecmp(*h, name, n) == 0 && (*h)[n] == ':')
			return *h + n + 1 + strspn(*h + n + 1, " \t");
	return NULL;
}

static bool header_is(const struct http_response *r, const char *name, const char *value)
{
	const char *has = http_response_header(r, name);

	return has && strcasecmp(has, value) == 0;
}

static bool has_no_body(const struct http_client *c, int status)
{
	return c->is_head || status < 200 || status == 204 || status == 304;
}

static int set_up_body(struct http_client *c, struct http_response *r, int minor)
{
	const char *length = http_response_header(r, "Content-Length");

	c->keep_alive = minor > 0 ? !header_is(r, "Connection", "close")
	                          : header_is(r, "Connection", "keep-alive");
	c->chunked = (struct http_chunked){ 0 };
	c->left = 0;
	c->kind = BODY_TO_END;
	r->content_length = -1;
	if (length && (parse_u64(length, &c->left) < 0 || c->left > INT64_MAX))
		return -EBADMSG;
	if (length)
		r->content_length = (int64_t)c->left;
	if (has_no_body(c, r->status)) {
		c->kind = BODY_NONE;
	} else if (header_is(r, "Transfer-Encoding", "chunked")) {
		c->kind = BODY_CHUNKED;
		r->content_length = -1;
	} else if (length) {
		c->kind = BODY_LENGTH;
	}
	c->body_done = c->kind == BODY_NONE || (c->kind == BODY_LENGTH && !c->left);
	return 0;
}

static int parse_head(struct http_client *c, size_t n, struct http_response *r)
{
	struct str rest = str_n(c->in + c->at, n), line = next_line(&rest);
	int minor = line.len > 7 && line.ptr[7] == '0' ? 0 : 1;

	strv_clear(&r->headers);
	if (parse_status(line, r) < 0)
		return -EBADMSG;
	for (line = next_line(&rest); line.len; line = next_line(&rest)) {
		if (!memchr(line.ptr, ':', line.len) || memchr(line.ptr, '\0', line.len))
			return -EBADMSG;
		strv_add_n(&r->headers, line.ptr, line.len);
	}
	return set_up_body(c, r, minor);
}

/* The length of the head in the buffer, or 0. */
static size_t head_length(const struct http_client *c)
{
	const char *start = c->in + c->at;
	const char *end = memmem(start, c->end - c->at, "\r\n\r\n", 4);

	return end ? (size_t)(end - start) + 4 : 0;
}

/* One head, whatever its status. */
static int read_head(struct http_client *c, struct http_response *r)
{
	size_t n;
	int e;

	while (!(n = head_length(c))) {
		ssize_t got = fill(c);

		if (got <= 0)
			return got ? (int)got : -ECONNRESET;
	}
	e = parse_head(c, n, r);
	c->at += n;
	return e;
}

static int read_answer(struct http_client *c, struct http_response *r)
{
	int e;

	do
		e = read_head(c, r);
	while (e == 0 && r->status < 200 && r->status != 101);
	return e;
}

static int describe(struct http_client *c, int code, struct error *err)
{
	if (code == -EBADMSG || code == -EMSGSIZE)
		return error_set(err, ERROR_INTERNAL, "the answer of %s is not HTTP", c->host);
	if (code == -EAGAIN)
		return error_set(err, ERROR_TIMEOUT, "no answer came from %s in time", c->host);
	return error_set_errno(err, -code, "the connection to %s broke before its answer", c->host);
}

/* -errno; err is set only when the connection is not to blame. */
static int exchange(struct http_client *c, const struct http_client_request *req,
                    struct http_response *r, struct error *err)
{
	int sent, got;

	c->got_any = false;
	c->is_head = strcasecmp(req->method, "HEAD") == 0;
	sent = send_request(c, req, err);
	if (err->kind)
		return sent;
	/* a server that refuses a large body early closes, but its answer is there to be read */
	got = read_answer(c, r);
	c->sent_all = sent == 0;
	return got < 0 && sent < 0 && !c->got_any ? sent : got;
}

int http_client_send(struct http_client *c, const struct http_client_request *req,
                     struct http_response *ret, struct error *err)
{
	struct http_response r = { .client = c };
	bool kept;
	int e;

	if (c->stream && (!c->body_done || !c->keep_alive))
		disconnect(c);
	kept = c->stream != NULL;
	error_clear(err);
	e = connect_if_needed(c, err);
	if (e < 0)
		return e;
	e = exchange(c, req, &r, err);
	/* only a body that can be sent again, and only when the server cannot have seen the request
	 */
	if (e < 0 && !err->kind && kept && !c->got_any && !req->body_read) {
		disconnect(c);
		e = connect_if_needed(c, err);
		if (e == 0)
			e = exchange(c, req, &r, err);
	}
	if (e < 0) {
		disconnect(c);
		strv_done(&r.headers);
		return err->kind ? e : describe(c, e, err);
	}
	c->keep_alive = c->keep_alive && c->sent_all;
	*ret = r;
	return 0;
}

static ssize_t read_raw(struct http_client *c, void *buf, size_t n)
{
	if (c->at < c->end) {
		n = MIN(n, c->end - c->at);
		memcpy(buf, c->in + c->at, n);
		c->at += n;
		return (ssize_t)n;
	}
	return http_stream_read(c->stream, buf, n);
}

static ssize_t read_with_length(struct http_client *c, void *buf, size_t n)
{
	ssize_t r = read_raw(c, buf, (size_t)MIN((uint64_t)n, c->left));

	if (r <= 0)
		return r ? r : -ECONNRESET;
	c->left -= (uint64_t)r;
	c->body_done = !c->left;
	return r;
}

static int read_framing(struct http_client *c)
{
	while (c->chunked.state != HTTP_CHUNK_DATA && c->chunked.state != HTTP_CHUNK_END) {
		ssize_t got = c->at < c->end ? 1 : fill(c);
		size_t used;

		if (got <= 0)
			return got ? (int)got : -ECONNRESET;
		if (http_chunked_frame(&c->chunked, c->in + c->at, c->end - c->at, &used) < 0)
			return -EBADMSG;
		c->at += used;
	}
	return 0;
}

static ssize_t read_chunked(struct http_client *c, void *buf, size_t n)
{
	ssize_t r = read_framing(c);

	if (r < 0)
		return r;
	if (c->chunked.state == HTTP_CHUNK_END) {
		c->body_done = true;
		return 0;
	}
	r = read_raw(c, buf, (size_t)MIN((uint64_t)n, c->chunked.remaining));
	if (r <= 0)
		return r ? r : -ECONNRESET;
	http_chunked_took(&c->chunked, (size_t)r);
	return r;
}

static ssize_t read_to_end(struct http_client *c, void *buf, size_t n)
{
	ssize_t r = read_raw(c, buf, n);

	c->keep_alive = false;
	c->body_done = r == 0;
	return r;
}

ssize_t http_response_read(struct http_response *res, void *buf, size_t n)
{
	struct http_client *c = res->client;
	ssize_t r = 0;

	if (!c || c->body_done || !n)
		return 0;
	if (!c->stream)
		return -ECONNRESET;
	switch (c->kind) {
	case BODY_LENGTH:
		r = read_with_length(c, buf, n);
		break;
	case BODY_CHUNKED:
		r = read_chunked(c, buf, n);
		break;
	case BODY_TO_END:
		r = read_to_end(c, buf, n);
		break;
	case BODY_NONE:
		break;
	}
	if (r < 0 && r != -EAGAIN)
		disconnect(c);
	return r;
}

int http_response_read_all(struct http_response *r, size_t limit, struct strbuf *out,
                           struct error *err)
{
	size_t start = out->len;

	for (;;) {
		char *place = strbuf_reserve(out, 8192);
		ssize_t n = place ? http_response_read(r, place, 8192) : -EFBIG;

		if (n == -EFBIG || (n > 0 && out->len - start + (size_t)n > limit))
			return error_set(err, ERROR_TOO_LARGE,
			                 "the answer is larger than %zu bytes", limit);
		if (n < 0)
			return error_set_errno(err, (int)-n, "the answer was cut off");
		if (n == 0)
			return 0;
		strbuf_added(out, (size_t)n);
	}
}

/* A little that is left is read off, so that the connection can be kept; much is not. */
static void discard_rest(struct http_response *r)
{
	struct http_client *c = r->client;
	char scrap[4096];
	size_t total = 0;

	if (c->kind == BODY_TO_END || (c->kind == BODY_LENGTH && c->left > DISCARD_MAX))
		return;
	/* an endless answer must not hold us: only what is there already is read */
	while (!c->body_done && c->stream && total < DISCARD_MAX) {
		struct http_stream *s = c->stream;
		int saved = s->timeout_ms;
		ssize_t n;

		s->timeout_ms = 1;
		n = http_response_read(r, scrap, sizeof(scrap));
		if (c->stream)
			c->stream->timeout_ms = saved;
		if (n < 0)
			return;
		total += (size_t)n;
	}
}

void http_response_done(struct http_response *r)
{
	struct http_client *c = r->client;

	strv_done(&r->headers);
	r->client = NULL;
	if (!c || !c->stream)
		return;
	r->client = c;
	discard_rest(r);
	r->client = NULL;
	if (!c->body_done || !c->keep_alive)
		disconnect(c);
}

struct http_stream *http_response_hijack(struct http_response *r)
{
	struct http_client *c = r->client;
	struct http_stream *s = TAKE_PTR(c->stream);

	if (s)
		s = http_stream_unread(s, c->in + c->at, c->end - c->at);
	disconnect(c);
	c->body_done = true;
	return s;
}
