/* SPDX-License-Identifier: Apache-2.0 */
/* The answer: its head, made when the first bytes go out, and its body in one of four framings. */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <strings.h>
#include <time.h>

#include "http/server-internal.h"

enum { CHUNK_LINE_MAX = 24, PIECES_MAX = 8, FILE_BUFFER = 65536, SEND_FILE_MAX = 1 << 30 };

static bool is_header_text(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			return false;
	return true;
}

void http_add_header(struct http_request *req, const char *name, const char *value)
{
	struct http_exchange *x = http_exchange_of(req);

	assert(x->n_set < HTTP_RESPONSE_HEADERS_MAX);
	assert(http_is_token(str_from(name)) && is_header_text(value));
	assert(strcasecmp(name, "Content-Length") != 0 &&
	       strcasecmp(name, "Transfer-Encoding") != 0);
	x->set[x->n_set++] = (struct http_header){ .name = arena_strdup(req->arena, name),
		                                   .value = arena_strdup(req->arena, value) };
}

void http_set_header(struct http_request *req, const char *name, const char *value)
{
	struct http_exchange *x = http_exchange_of(req);

	for (size_t i = 0; i < x->n_set; i++)
		if (strcasecmp(x->set[i].name, name) == 0) {
			assert(is_header_text(value));
			x->set[i].value = arena_strdup(req->arena, value);
			return;
		}
	http_add_header(req, name, value);
}

void http_set_headerf(struct http_request *req, const char *name, const char *fmt, ...)
{
	AUTO_STRBUF value = { 0 };
	va_list ap;

	va_start(ap, fmt);
	strbuf_vprintf(&value, fmt, ap);
	va_end(ap);
	http_set_header(req, name, strbuf_cstr(&value));
}

static bool has_set(const struct http_exchange *x, const char *name)
{
	for (size_t i = 0; i < x->n_set; i++)
		if (strcasecmp(x->set[i].name, name) == 0)
			return true;
	return false;
}

static bool body_forbidden(int status)
{
	return status < 200 || status == 204 || status == 304;
}

/* The body's bytes are counted, but not sent. */
static bool is_silent(const struct http_exchange *x)
{
	return x->req.method == HTTP_HEAD || x->framing == HTTP_FRAMING_NONE;
}

static void add_header(struct strbuf *b, const char *name, const char *value)
{
	strbuf_puts(b, name);
	strbuf_add(b, ": ", 2);
	strbuf_puts(b, value);
	strbuf_add(b, "\r\n", 2);
}

/* Formatting the date costs more than the rest of a head; it changes once a second. */
static const char *http_date(struct http_worker *w)
{
	struct timespec now;
	struct tm tm;

	clock_gettime(CLOCK_REALTIME_COARSE, &now);
	if (now.tv_sec != w->date_second) {
		gmtime_r(&now.tv_sec, &tm);
		strftime(w->date, sizeof(w->date), "%a, %d %b %Y %H:%M:%S GMT", &tm);
		w->date_second = now.tv_sec;
	}
	return w->date;
}

static void add_framing(struct http_exchange *x, struct strbuf *b)
{
	if (x->framing == HTTP_FRAMING_LENGTH)
		strbuf_printf(b, "Content-Length: %lld\r\n", (long long)x->length);
	else if (x->framing == HTTP_FRAMING_CHUNKED && !is_silent(x))
		strbuf_puts(b, "Transfer-Encoding: chunked\r\n");
	if (x->close_after)
		strbuf_puts(b, "Connection: close\r\n");
	else if (x->minor == 0)
		strbuf_puts(b, "Connection: keep-alive\r\n");
}

static void build_head(struct http_exchange *x)
{
	struct http_server *s = x->conn->server;
	struct strbuf *b = &x->worker->head;

	if (!x->req.keep_alive || x->framing == HTTP_FRAMING_CLOSE || atomic_load(&s->stopping) ||
	    !http_body_drainable(x))
		x->close_after = true;
	strbuf_clear(b);
	strbuf_printf(b, "HTTP/1.%d %d ", x->minor, x->status);
	strbuf_puts(b, http_reason(x->status));
	strbuf_add(b, "\r\n", 2);
	if (s->server_name && !has_set(x, "Server"))
		add_header(b, "Server", s->server_name);
	if (!has_set(x, "Date"))
		add_header(b, "Date", http_date(x->worker));
	for (size_t i = 0; i < x->n_set; i++)
		add_header(b, x->set[i].name, x->set[i].value);
	add_framing(x, b);
	strbuf_add(b, "\r\n", 2);
}

struct pieces {
	struct iovec iov[PIECES_MAX];
	int n;
};

static void add_piece(struct pieces *p, const void *data, size_t n)
{
	assert(p->n < PIECES_MAX);
	p->iov[p->n++] = (struct iovec){ .iov_base = (void *)(uintptr_t)data, .iov_len = n };
}

static void add_pending_head(struct http_exchange *x, struct pieces *p)
{
	if (x->head_sent)
		return;
	build_head(x);
	add_piece(p, x->worker->head.ptr, x->worker->head.len);
	x->head_sent = true;
}

/* line keeps the chunk's size; it must live until the pieces are sent. */
static void add_chunk_line(struct http_exchange *x, struct pieces *p, char *line, size_t n)
{
	if (x->framing == HTTP_FRAMING_CHUNKED)
		add_piece(p, line, (size_t)snprintf(line, CHUNK_LINE_MAX, "%zx\r\n", n));
}

static void add_chunk_end(struct http_exchange *x, struct pieces *p)
{
	if (x->framing == HTTP_FRAMING_CHUNKED)
		add_piece(p, "\r\n", 2);
}

static int send_pieces(struct http_exchange *x, struct pieces *p, bool more)
{
	int r;

	if (x->write_error)
		return x->write_error;
	r = http_stream_writev(x->conn->stream, p->iov, p->n, more);
	if (r < 0)
		x->write_error = r == -EAGAIN ? -ETIMEDOUT : r;
	return x->write_error;
}

/* Sends the head if it was not, the gathered bytes and n more; then the end of the body. */
static int send_out(struct http_exchange *x, const void *extra, size_t n, bool last)
{
	struct strbuf *out = &x->worker->out;
	struct pieces p = { 0 };
	char line[CHUNK_LINE_MAX];
	int r;

	add_pending_head(x, &p);
	if (out->len + n) {
		add_chunk_line(x, &p, line, out->len + n);
		add_piece(&p, out->ptr, out->len);
		add_piece(&p, extra, n);
		add_chunk_end(x, &p);
	}
	if (last && x->framing == HTTP_FRAMING_CHUNKED && !is_silent(x))
		add_piece(&p, "0\r\n\r\n", 5);
	r = send_pieces(x, &p, false);
	strbuf_clear(out);
	return r;
}

/* A second answer is a bug of the handler, and a broken connection the only honest end. */
static bool begin_once(struct http_exchange *x)
{
	if (x->answer == HTTP_ANSWER_NONE)
		return true;
	http_request_abort(&x->req);
	return false;
}

int http_begin(struct http_request *req, int status, const char *content_type, int64_t length)
{
	struct http_exchange *x = http_exchange_of(req);

	if (!begin_once(x))
		return -ECONNABORTED;
	x->answer = HTTP_ANSWER_BEGUN;
	x->status = status;
	x->length = length;
	if (body_forbidden(status))
		x->framing = HTTP_FRAMING_NONE;
	else if (length >= 0)
		x->framing = HTTP_FRAMING_LENGTH;
	else
		x->framing = x->minor ? HTTP_FRAMING_CHUNKED : HTTP_FRAMING_CLOSE;
	if (content_type && !body_forbidden(status))
		http_set_header(req, "Content-Type", content_type);
	return 0;
}

/* Books n bytes of body: 1 to be sent, 0 only counted, -errno. */
static int take_body(struct http_exchange *x, int64_t n)
{
	assert(x->answer == HTTP_ANSWER_BEGUN);
	if (x->write_error || atomic_load(&x->aborted))
		return x->write_error ? x->write_error : -ECONNABORTED;
	if (x->framing == HTTP_FRAMING_LENGTH && n > x->length - x->n_sent) {
		http_request_abort(&x->req);
		return -EMSGSIZE;
	}
	x->n_sent += n;
	return is_silent(x) ? 0 : 1;
}

int http_write(struct http_request *req, const void *buf, size_t n)
{
	struct http_exchange *x = http_exchange_of(req);
	int r = take_body(x, (int64_t)n);

	if (r <= 0)
		return r;
	if (x->worker->out.len + n > HTTP_OUT_SIZE)
		return send_out(x, buf, n, false);
	strbuf_add(&x->worker->out, buf, n);
	return 0;
}

int http_flush(struct http_request *req)
{
	struct http_exchange *x = http_exchange_of(req);

	assert(x->answer == HTTP_ANSWER_BEGUN);
	if (atomic_load(&x->aborted))
		return -ECONNABORTED;
	return send_out(x, NULL, 0, false);
}

static ssize_t copy_file_part(struct http_stream *s, int fd, int64_t offset, size_t n, char *buf)
{
	ssize_t r = pread(fd, buf, MIN(n, (size_t)FILE_BUFFER), offset);
	int w;

	if (r <= 0)
		return r < 0 ? -errno : 0;
	w = http_stream_write(s, buf, (size_t)r);
	return w < 0 ? w : r;
}

static int send_file_bytes(struct http_exchange *x, int fd, int64_t offset, int64_t n)
{
	struct http_stream *s = x->conn->stream;
	char *buf = s->ops->send_file ? NULL : arena_alloc(x->req.arena, FILE_BUFFER);

	while (n) {
		size_t part = (size_t)MIN(n, (int64_t)SEND_FILE_MAX);
		ssize_t r = buf ? copy_file_part(s, fd, offset, part, buf)
		                : s->ops->send_file(s, fd, offset, part);

		if (r == -EAGAIN && http_stream_wait(s, POLLOUT) == 0)
			continue;
		if (r <= 0) /* 0: the file is shorter than it was */
			return x->write_error = r ? (int)r : -EIO;
		offset += r;
		n -= r;
	}
	return 0;
}

int http_send_file(struct http_request *req, int fd, int64_t offset, int64_t n)
{
	struct http_exchange *x = http_exchange_of(req);
	struct pieces p = { 0 }, tail = { 0 };
	char gathered[CHUNK_LINE_MAX], line[CHUNK_LINE_MAX];
	struct strbuf *out = &x->worker->out;
	int r = take_body(x, n);

	if (r <= 0 || !n)
		return r < 0 ? r : 0;
	add_pending_head(x, &p);
	if (out->len) {
		add_chunk_line(x, &p, gathered, out->len);
		add_piece(&p, out->ptr, out->len);
		add_chunk_end(x, &p);
	}
	add_chunk_line(x, &p, line, (size_t)n);
	r = send_pieces(x, &p, true);
	strbuf_clear(out);
	if (r == 0)
		r = send_file_bytes(x, fd, offset, n);
	add_chunk_end(x, &tail);
	return r == 0 && tail.n ? send_pieces(x, &tail, false) : r;
}

int http_end(struct http_request *req)
{
	struct http_exchange *x = http_exchange_of(req);
	int r;

	assert(x->answer == HTTP_ANSWER_BEGUN);
	x->answer = HTTP_ANSWER_DONE;
	if (atomic_load(&x->aborted))
		return -ECONNABORTED;
	r = send_out(x, NULL, 0, true);
	if (r == 0 && x->framing == HTTP_FRAMING_LENGTH && !is_silent(x) && x->n_sent < x->length) {
		http_request_abort(req);
		return -EMSGSIZE;
	}
	return r;
}

void http_respond(struct http_request *req, int status, const char *content_type, const void *body,
                  size_t n)
{
	struct http_exchange *x = http_exchange_of(req);

	if (http_begin(req, status, content_type, (int64_t)n) < 0)
		return;
	x->answer = HTTP_ANSWER_DONE;
	x->n_sent = is_silent(x) ? 0 : (int64_t)n;
	IGNORE_RESULT(send_out(x, body, is_silent(x) ? 0 : n, true) < 0,
	              "the connection remembers, and is closed");
}

void http_respond_json(struct http_request *req, int status, struct str json)
{
	http_respond(req, status, "application/json", json.ptr, json.len);
}

void http_request_abort(struct http_request *req)
{
	struct http_exchange *x = http_exchange_of(req);

	atomic_store(&x->aborted, true);
	WITH_LOCK(&x->conn->server->lock);
	if (x->conn->stream)
		shutdown(x->conn->stream->fd, SHUT_RDWR);
}

bool http_answered(const struct http_request *req)
{
	return http_exchange_of(req)->answer != HTTP_ANSWER_NONE;
}

int http_status_sent(const struct http_request *req)
{
	return http_exchange_of(req)->status;
}

int64_t http_bytes_sent(const struct http_request *req)
{
	return http_exchange_of(req)->n_sent;
}

bool http_response_finish(struct http_exchange *x)
{
	if (x->answer == HTTP_ANSWER_NONE)
		http_respond(&x->req, 500, "text/plain; charset=utf-8", "no answer was given\n",
		             20);
	else if (x->answer == HTTP_ANSWER_BEGUN)
		IGNORE_RESULT(http_end(&x->req) < 0, "the connection remembers, and is closed");
	return !x->close_after && !x->write_error && !atomic_load(&x->aborted);
}
