/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* JSON as text: indented as Go's json.Indent does, and cut out of a stream of documents. */
#include "base/strbuf.h"
#include "base/error.h"
#include "http/client.h"
#include "json/json.h"

/* Re-indents without touching values; text that is not JSON comes out as garbage, never read past. */
void json_indent(struct str json, unsigned spaces, struct strbuf *out);

/* A stream of documents on an answer's body, as progress and events send them. */
struct json_stream {
	struct http_response *answer; /* borrowed */
	struct strbuf buffer;
	size_t scanned;
	unsigned depth;
	bool in_string, escaped;
};

void json_stream_done(struct json_stream *s);
/* The next document: 1 with *ret (the caller's), 0 at the proper end, negative with err when the
 * stream was cut or is not JSON. */
int json_stream_next(struct json_stream *s, json_t **ret, struct error *err) MUST_USE;
