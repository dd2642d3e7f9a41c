/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A small HTTP/1.1 client for the command line and the tests: one connection at a time over any
 * stream, kept alive when it can be. Not for registries (that is libcurl's, in remote/).
 * Not locked.
 */
#include "base/strbuf.h"
#include "base/vec.h"
#include "http/stream.h"

/* Opens a connection, or returns NULL with err. */
typedef struct http_stream *(*http_dial_fn)(void *ctx, struct error *err);

struct http_client;

struct http_client_request {
	const char *method;
	const char *target;          /* path and query, already encoded */
	const char *const *headers;  /* "Name: value", NULL-terminated; may be NULL */
	const void *body;            /* with n_body >= 0 and body_read NULL */
	int64_t n_body;              /* 0: none */
	/* or a body of unknown length, sent chunked: bytes, 0 at the end, -errno */
	ssize_t (*body_read)(void *ctx, void *buf, size_t n);
	void *body_ctx;
	bool upgrade; /* sends Upgrade: tcp */
};

struct http_response {
	int status;
	struct strv headers; /* "Name: value" */
	int64_t content_length; /* -1 unknown */
	struct http_client *client; /* borrowed */
};

struct http_client *http_client_new(http_dial_fn dial, void *ctx, const char *host) MUST_USE;
void http_client_free(struct http_client *c);
DEFINE_CLEANUP(struct http_client *, http_client_free)
/* Sends the request and reads the answer's head. A server that closed a kept connection is
 * dialled once more when nothing of the answer came. */
int http_client_send(struct http_client *c, const struct http_client_request *req,
		     struct http_response *ret, struct error *err) MUST_USE;
void http_response_done(struct http_response *r); /* reads off or closes what is left */
const char *http_response_header(const struct http_response *r, const char *name);
/* Body: bytes, 0 at its proper end, -errno; a connection cut in mid-body is -ECONNRESET. */
ssize_t http_response_read(struct http_response *r, void *buf, size_t n) MUST_USE;
int http_response_read_all(struct http_response *r, size_t limit, struct strbuf *out, struct error *err) MUST_USE;
/* After 101 (or a hijacked 200): the raw stream, the caller's; the client dials anew next time. */
struct http_stream *http_response_hijack(struct http_response *r) MUST_USE;
