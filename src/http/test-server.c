/* SPDX-License-Identifier: Apache-2.0 */
#include "http/server.h"

#include "http/test-server-support.h"

/* Answers with what it understood of the request. */
static void echo(struct http_request *req, void *ctx)
{
	struct error err = { 0 };
	AUTO_STRBUF body = { 0 };
	AUTO_STRBUF out = { 0 };

	if (http_read_all(req, 1 << 20, &body, &err) < 0) {
		http_respond(req, http_status_of(err.kind), "text/plain", err.message,
		             strlen(err.message));
		return;
	}
	strbuf_printf(&out, "%s %s body=%s", http_method_name(req->method), req->path,
	              strbuf_cstr(&body));
	for (size_t i = 0; i < req->n_query; i++)
		strbuf_printf(&out, " %s=[%s]", req->query[i].name, req->query[i].value);
	http_respond(req, 200, "text/plain", out.ptr, out.len);
}

TEST(one_request)
{
	AUTO_SERVER *t = test_server_start((struct http_server_options){ .handler = echo });
	AUTO_FREE char *got = test_talk(
		t, "GET /a%20b?x=1&y=a%2Bb+c HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");

	assert_has(got, "HTTP/1.1 200 OK\r\n");
	assert_has(got, "\r\nContent-Length: ");
	assert_has(got, "\r\nConnection: close\r\n");
	assert_has(got, "GET /a b body= x=[1] y=[a+b c]");
}
