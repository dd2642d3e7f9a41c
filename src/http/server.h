/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * HTTP/1.1 server. An active request has a thread and its handler reads as straight code; idle
 * connections are parked in one epoll set. The head is parsed strictly (no bare LF, no folding,
 * no Content-Length beside Transfer-Encoding: 400 and close). Headers, bodies and writes have
 * deadlines; accept survives EMFILE.
 *
 * Ownership: everything a `struct http_request` hands out lives until the handler returns. The
 * handler must answer exactly once: respond, or begin/write/end, or hijack; a handler that
 * returns without gets a 500. Only the handler's thread touches the request, except
 * http_client_gone() and http_request_abort().
 */
#include <sys/socket.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/strbuf.h"
#include "http/stream.h"

enum http_method {
	HTTP_GET,
	HTTP_HEAD,
	HTTP_POST,
	HTTP_PUT,
	HTTP_PATCH,
	HTTP_DELETE,
	HTTP_OPTIONS,
	HTTP_METHOD_COUNT,
};

struct http_header {
	const char *name; /* as sent; compare without case */
	const char *value;
};

struct http_param {
	const char *name;
	const char *value; /* decoded */
};

struct http_peer {
	bool is_unix;
	pid_t pid; /* unix: SO_PEERCRED */
	uid_t uid;
	gid_t gid;
	struct sockaddr_storage address; /* TCP */
	const char *tls_subject;         /* verified client certificate's subject, or NULL */
	bool tls;
};

struct http_request {
	enum http_method method;
	const char *target; /* raw */
	const char *path;   /* percent-decoded once; begins with '/', has no NUL */
	const char *raw_path;
	const struct http_param *query; /* in order, decoded */
	size_t n_query;
	const struct http_header *headers;
	size_t n_headers;
	int64_t content_length; /* -1: chunked; 0: none */
	bool keep_alive;
	struct http_peer peer;
	struct arena *arena; /* the request's own memory */
	void *listener_tag;  /* what http_server_listen() was given */
};

struct http_server;
typedef void (*http_handler_fn)(struct http_request *req, void *ctx);

struct http_server_options {
	http_handler_fn handler;
	void *ctx;
	const char *server_name;     /* "Server:" header */
	unsigned max_threads;        /* 0: 256 */
	size_t max_header;           /* bytes, 0: 65536; above it 431 */
	unsigned max_headers;        /* 0: 200 */
	unsigned max_connections;    /* 0: 12000; beyond it new ones wait in the backlog */
	unsigned header_timeout_ms;  /* from the first byte to the whole head; 0: 10 s */
	unsigned idle_timeout_ms;    /* between requests; 0: 60 s */
	unsigned body_timeout_ms;    /* without progress, reading or writing; 0: 60 s */
};

struct http_tls; /* http/tls.h */

struct http_server *http_server_new(const struct http_server_options *o, struct error *err) MUST_USE;
/* Takes a listening socket. tls may be NULL (borrowed, counted). */
int http_server_listen(struct http_server *s, int fd, struct http_tls *tls, void *tag, struct error *err) MUST_USE;
/* Serves until http_server_stop(); from one thread. */
int http_server_run(struct http_server *s, struct error *err) MUST_USE;
/* Async-signal-safe: stop accepting; run() returns when active requests are done or drain_ms passed. */
void http_server_stop(struct http_server *s, unsigned drain_ms);
void http_server_free(struct http_server *s);

const char *http_header_get(const struct http_request *req, const char *name);
const char *http_query_get(const struct http_request *req, const char *name); /* NULL: absent */
bool http_query_bool(const struct http_request *req, const char *name, bool def);
const char *http_method_name(enum http_method m);

/* Body: bytes, 0 at its end, -errno (-ECONNRESET gone, -ETIMEDOUT slow, -EBADMSG bad chunk). Sends "100 Continue" when
 * asked for, at the first read. */
ssize_t http_read(struct http_request *req, void *buf, size_t n) MUST_USE;
/* The whole body; more than limit is TOO_LARGE, a broken one CANCELLED or INVALID. */
int http_read_all(struct http_request *req, size_t limit, struct strbuf *out, struct error *err) MUST_USE;

/* Response head: before the first begin/respond. Values with control characters assert. */
void http_set_header(struct http_request *req, const char *name, const char *value);
void http_add_header(struct http_request *req, const char *name, const char *value); /* keeps others of the name */
void http_set_headerf(struct http_request *req, const char *name, const char *fmt, ...) PRINTF_FORMAT(3, 4);
/* A whole answer. HEAD sends the head with this length only. content_type may be NULL. */
void http_respond(struct http_request *req, int status, const char *content_type, const void *body, size_t n);
void http_respond_json(struct http_request *req, int status, struct str json);
/* A streamed answer: length -1 is chunked (or until close for HTTP/1.0). The head is sent with the
 * first write or flush. Writes are buffered; 0 or -errno (then give up, the client is gone). */
int http_begin(struct http_request *req, int status, const char *content_type, int64_t length) MUST_USE;
int http_write(struct http_request *req, const void *buf, size_t n) MUST_USE;
int http_flush(struct http_request *req) MUST_USE;
/* n bytes of fd from offset by sendfile (through a buffer on TLS without kTLS), as the body or a
 * part of it. */
int http_send_file(struct http_request *req, int fd, int64_t offset, int64_t n) MUST_USE;
/* Ends a streamed answer; a body shorter than its length closes the connection. */
int http_end(struct http_request *req) MUST_USE;
/* Breaks the connection instead of ending the answer, so that a failure after the head is seen. */
void http_request_abort(struct http_request *req);
bool http_answered(const struct http_request *req);
int http_status_sent(const struct http_request *req); /* 0 before */
int64_t http_bytes_sent(const struct http_request *req);

/* True once the peer has closed its connection (not just half-closed writing on a hijacked one). */
bool http_client_gone(struct http_request *req);

/* Takes the connection over: writes head (the complete status line and headers, ending in an
 * empty line; n_head may be 0) and gives the raw stream with any bytes already read. NULL with
 * err when the peer is gone. The stream is the caller's; it may outlive the handler. */
struct http_stream *http_hijack(struct http_request *req, const char *head, size_t n_head,
				struct error *err) MUST_USE;

/* A "Range:" header against a size: number of ranges in out (up to max, overlapping ones merged), 0 when the
 * header is absent or to be ignored, -1 when unsatisfiable (416). */
struct http_range {
	int64_t first, last; /* inclusive */
};
int http_parse_range(const char *value, int64_t size, struct http_range *out, size_t max);
/* Serves a file with Range, If-None-Match/If-Range against etag (quoted), multipart/byteranges.
 * size is the file's. */
void http_respond_file(struct http_request *req, int fd, int64_t size, const char *content_type,
		       const char *etag);
/* The HTTP status of an error kind. */
int http_status_of(enum error_kind kind);
