/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A request's head, parsed strictly: what two parsers could read differently is refused, for
 * request smuggling lives from such differences. Needs no connection, so that it can be fuzzed.
 */
#include "base/arena.h"
#include "http/server.h"

struct http_head_limits {
	size_t max_header;
	unsigned max_headers;
};

struct http_head {
	enum http_method method;
	int minor; /* HTTP/1.minor */
	const char *target;
	const char *raw_path;
	const char *path;
	struct http_param *query;
	size_t n_query;
	struct http_header *headers;
	size_t n_headers;
	int64_t content_length; /* -1: chunked */
	bool keep_alive;
	bool expect_continue;
};

/* Looks for a head's end in buf, of which *at bytes have been looked at before (0 at first).
 * 1: *ret_length is its length with the empty line; 0: more is needed; -EBADMSG: a line does not
 * end in CRLF. Empty lines before the request line are counted in. */
int http_head_find(const char *buf, size_t n, size_t *at, size_t *ret_length) MUST_USE;
/* Parses a whole head, copied to the arena. 0, or the HTTP status to refuse it with and *why. */
int http_head_parse(const char *buf, size_t n, const struct http_head_limits *limits,
		    struct arena *arena, struct http_head *ret, const char **why) MUST_USE;
bool http_is_token(struct str s);
/* True when the comma-separated list has the token, compared without case. */
bool http_list_has(const char *list, const char *token);
