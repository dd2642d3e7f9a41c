/* SPDX-License-Identifier: Apache-2.0 */
#include "http/head.h"

#include <errno.h>

#include "unit.h"

static const struct http_head_limits limits = { .max_header = 65536, .max_headers = 20 };

static int parse(struct arena *a, const char *text, struct http_head *h)
{
	const char *why = NULL;
	int status = http_head_parse(text, strlen(text), &limits, a, h, &why);

	assert_true(!status == !why);
	return status;
}

TEST(a_good_head)
{
	AUTO_ARENA a = { 0 };
	struct http_head h;

	assert_int_equal(
		parse(&a,
	              "POST /v1.41/a%2Fb?q=1&r&s=%26+x HTTP/1.1\r\nHost: x\r\nX-A:  b c \t\r\n"
	              "Empty:\r\nContent-Length: 12\r\nExpect: 100-continue\r\n\r\n",
	              &h),
		0);
	assert_int_equal(h.method, HTTP_POST);
	assert_string_equal(h.path, "/v1.41/a/b");
	assert_string_equal(h.raw_path, "/v1.41/a%2Fb");
	assert_string_equal(h.target, "/v1.41/a%2Fb?q=1&r&s=%26+x");
	assert_int_equal(h.n_query, 3);
	assert_string_equal(h.query[1].name, "r");
	assert_string_equal(h.query[1].value, "");
	assert_string_equal(h.query[2].value, "& x");
	assert_int_equal(h.n_headers, 5);
	assert_string_equal(h.headers[1].name, "X-A");
	assert_string_equal(h.headers[1].value, "b c");
	assert_string_equal(h.headers[2].value, "");
	assert_int_equal(h.content_length, 12);
	assert_true(h.keep_alive);
	assert_true(h.expect_continue);
}

TEST(variants_that_are_fine)
{
	static const struct {
		const char *text;
		const char *path;
		bool keep_alive;
		int64_t length;
	} cases[] = {
		{ "GET / HTTP/1.0\r\n\r\n", "/", false, 0 },
		{ "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", "/", true, 0 },
		{ "GET / HTTP/1.1\r\nHost:\r\nConnection: a, CLOSE\r\n\r\n", "/", false, 0 },
		{ "\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n", "/", true, 0 },
		{ "GET http://docker/info?x=1 HTTP/1.1\r\nHost: x\r\n\r\n", "/info", true, 0 },
		{ "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", "/", true, 0 },
		{ "PUT /x HTTP/1.1\r\nHost: x\r\ntransfer-encoding: Chunked\r\n\r\n", "/x", true,
		  -1 },
		{ "GET /%e4 HTTP/1.1\r\nHost: x\r\nX: \xe4\r\n\r\n", "/\xe4", true, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO_ARENA a = { 0 };
		struct http_head h;

		assert_int_equal(parse(&a, cases[i].text, &h), 0);
		assert_string_equal(h.path, cases[i].path);
		assert_int_equal(h.keep_alive, cases[i].keep_alive);
		assert_int_equal(h.content_length, cases[i].length);
	}
}

#define HOST "Host: x\r\n"

TEST(what_could_be_read_in_two_ways_is_refused)
{
	static const struct {
		const char *text;
		int status;
	} cases[] = {
		{ "GET / HTTP/1.1\r\n" HOST
		  "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
		  400 },
		{ "GET / HTTP/1.1\r\n" HOST
		  "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n",
		  400 },
		{ "GET / HTTP/1.1\r\n" HOST "Content-Length: 1\r\nContent-Length: 1\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\n" HOST "Content-Length: 1, 1\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\n" HOST "Content-Length: +1\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\n" HOST "Content-Length: 0x1\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\n" HOST "Content-Length:\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\n" HOST "Content-Length: 9999999999999999999\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\n" HOST "Transfer-Encoding: gzip, chunked\r\n\r\n", 501 },
		{ "GET / HTTP/1.1\r\n" HOST
		  "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
		  400 },
		{ "GET / HTTP/1.1\r\n" HOST "Transfer-Encoding: xchunked\r\n\r\n", 501 },
		{ "GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\n" HOST "Content-Length : 1\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\n" HOST "X: a\r\n b\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\n" HOST "X: a\r\n\tb\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\n Host: x\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\n" HOST "no colon\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\n" HOST ": empty\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\n" HOST "X: a\rb\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\n" HOST "X: \x01\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\n" HOST "X\xe4: a\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\n" HOST HOST "\r\n", 400 },
		{ "GET / HTTP/1.1\r\n\r\n", 400 },
		{ "GET  / HTTP/1.1\r\n" HOST "\r\n", 400 },
		{ "GET /  HTTP/1.1\r\n" HOST "\r\n", 400 },
		{ "GET /\tx HTTP/1.1\r\n" HOST "\r\n", 400 },
		{ "GET / HTTP/1.1 \r\n" HOST "\r\n", 400 },
		{ "GET /\r\n" HOST "\r\n", 400 },
		{ "GET\r\n\r\n", 400 },
		{ "G(T / HTTP/1.1\r\n" HOST "\r\n", 400 },
		{ "BREW / HTTP/1.1\r\n" HOST "\r\n", 501 },
		{ "PRI * HTTP/2.0\r\n\r\n", 505 },
		{ "GET / HTTP/1.2\r\n" HOST "\r\n", 505 },
		{ "GET / http/1.1\r\n" HOST "\r\n", 400 },
		{ "GET x HTTP/1.1\r\n" HOST "\r\n", 400 },
		{ "GET * HTTP/1.1\r\n" HOST "\r\n", 400 },
		{ "GET http://x HTTP/1.1\r\n" HOST "\r\n", 400 },
		{ "GET /%zz HTTP/1.1\r\n" HOST "\r\n", 400 },
		{ "GET /%00 HTTP/1.1\r\n" HOST "\r\n", 400 },
		{ "GET /?a=%0 HTTP/1.1\r\n" HOST "\r\n", 400 },
		{ "GET / HTTP/1.1\r\n" HOST "Expect: magic\r\n\r\n", 417 },
		{ "\r\n\r\nGET / HTTP/1.1\r\n" HOST "\r\n", 400 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO_ARENA a = { 0 };
		struct http_head h;
		int status = parse(&a, cases[i].text, &h);

		if (status != cases[i].status)
			fail_msg("%d, not %d, for: %s", status, cases[i].status, cases[i].text);
	}
}

TEST(sizes_are_bounded)
{
	struct http_head_limits small = { .max_header = 40, .max_headers = 1 };
	AUTO_ARENA a = { 0 };
	struct http_head h;
	const char *why;

	assert_int_equal(
		http_head_parse("GET / HTTP/1.1\r\nHost: x\r\n\r\n", 27, &small, &a, &h, &why), 0);
	assert_int_equal(http_head_parse("GET / HTTP/1.1\r\nHost: x\r\nA:b\r\n\r\n", 32, &small, &a,
	                                 &h, &why),
	                 431);
	assert_int_equal(http_head_parse("GET /1234567890123456 HTTP/1.1\r\nHost: x\r\n\r\n", 43,
	                                 &small, &a, &h, &why),
	                 431);
}

TEST(a_nul_hides_nothing)
{
	static const char in_target[] = "GET /a\0/b HTTP/1.1\r\nHost: x\r\n\r\n";
	static const char in_value[] = "GET /a HTTP/1.1\r\nHost: x\0y\r\n\r\n";
	AUTO_ARENA a = { 0 };
	struct http_head h;
	const char *why;

	assert_int_equal(http_head_parse(in_target, sizeof(in_target) - 1, &limits, &a, &h, &why),
	                 400);
	assert_int_equal(http_head_parse(in_value, sizeof(in_value) - 1, &limits, &a, &h, &why),
	                 400);
}

TEST(the_end_is_found_in_any_pieces)
{
	static const char text[] = "\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\nrest";

	for (size_t first = 0; first < sizeof(text); first++) {
		size_t at = 0, length = 0;
		int r = http_head_find(text, first, &at, &length);

		if (r == 0)
			r = http_head_find(text, sizeof(text) - 1, &at, &length);
		assert_int_equal(r, 1);
		assert_int_equal(length, strlen(text) - 4);
	}
	size_t at = 0, length;
	assert_int_equal(http_head_find("GET / HTTP/1.1\nHost: x\n\n", 24, &at, &length), -EBADMSG);
	at = 0;
	assert_int_equal(http_head_find("\n", 1, &at, &length), -EBADMSG);
}
