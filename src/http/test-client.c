/* SPDX-License-Identifier: Apache-2.0 */
#include "http/client.h"

#include "http/test-server-support.h"

static void handle(struct http_request *req, void *ctx)
{
	struct error err = { 0 };
	AUTO_STRBUF body = { 0 };

	if (streq(req->path, "/hijack")) {
		CLEANUP(http_stream_close_ptr)
		struct http_stream *s = http_hijack(req, "HTTP/1.1 200 OK\r\n\r\nfirst", 24, &err);
		char buf[16];
		ssize_t n = http_stream_read(s, buf, sizeof(buf));

		if (n > 0)
			IGNORE_RESULT(http_stream_write(s, buf, (size_t)n) < 0,
			              "the test reads it");
		return;
	}
	if (http_read_all(req, 1 << 22, &body, &err) < 0) {
		http_request_abort(req);
		return;
	}
	if (streq(req->path, "/cut")) {
		if (http_begin(req, 200, NULL, 100) == 0 && http_write(req, "abc", 3) == 0 &&
		    http_flush(req) == 0)
			http_request_abort(req);
		return;
	}
	if (streq(req->path, "/last"))
		http_set_header(req, "Connection", "close"); /* beside the server's own mind */
	if (streq(req->path, "/chunked")) {
		if (http_begin(req, 200, NULL, -1) < 0 || http_write(req, body.ptr, body.len) < 0 ||
		    http_end(req) < 0)
			http_request_abort(req);
		return;
	}
	http_set_header(req, "X-Method", http_method_name(req->method));
	http_respond(req, 200, "text/plain", body.ptr, body.len);
}

static unsigned n_dials;

static struct http_stream *dial(void *ctx, struct error *err)
{
	struct test_server *t = ctx;
	int fd = unix_connect(t->path, err);

	n_dials++;
	return fd < 0 ? NULL : http_stream_plain(fd, NULL, 0);
}

#define AUTO_CLIENT CLEANUP(http_client_free_ptr) struct http_client

static void start(struct test_server **t, struct http_client **c)
{
	n_dials = 0;
	*t = test_server_start((struct http_server_options){ .handler = handle });
	*c = http_client_new(dial, *t, "test");
}

static void assert_answer(struct http_client *c, const struct http_client_request *req,
                          const char *expected)
{
	struct error err = { 0 };
	struct http_response res;
	AUTO_STRBUF out = { 0 };

	if (http_client_send(c, req, &res, &err) < 0)
		fail_msg("%s", err.message);
	assert_int_equal(res.status, 200);
	assert_int_equal(http_response_read_all(&res, 1 << 22, &out, &err), 0);
	assert_string_equal(strbuf_cstr(&out), expected);
	http_response_done(&res);
}

static ssize_t read_three(void *ctx, void *buf, size_t n)
{
	int *left = ctx;

	if (!*left)
		return 0;
	(*left)--;
	memcpy(buf, "piece ", 6);
	return 6;
}

TEST(requests_share_a_connection)
{
	AUTO_SERVER *t = NULL;
	AUTO_CLIENT *c = NULL;
	int pieces = 3;

	start(&t, &c);
	assert_answer(c, &(struct http_client_request){ .method = "GET", .target = "/" }, "");
	assert_answer(c,
	              &(struct http_client_request){
			      .method = "POST", .target = "/", .body = "abc", .n_body = 3 },
	              "abc");
	assert_answer(c,
	              &(struct http_client_request){ .method = "PUT",
	                                             .target = "/chunked",
	                                             .body_read = read_three,
	                                             .body_ctx = &pieces },
	              "piece piece piece ");
	assert_answer(c, &(struct http_client_request){ .method = "HEAD", .target = "/" }, "");
	assert_answer(c, &(struct http_client_request){ .method = "POST", .target = "/" }, "");
	assert_int_equal(n_dials, 1);
}

TEST(headers_are_found)
{
	static const char *const headers[] = { "X-Mine: 1", "Host: other", NULL };
	AUTO_SERVER *t = NULL;
	AUTO_CLIENT *c = NULL;
	struct error err = { 0 };
	struct http_response res;

	start(&t, &c);
	assert_int_equal(http_client_send(c,
	                                  &(struct http_client_request){ .method = "GET",
	                                                                 .target = "/",
	                                                                 .headers = headers },
	                                  &res, &err),
	                 0);
	assert_string_equal(http_response_header(&res, "x-method"), "GET");
	assert_null(http_response_header(&res, "x-meth"));
	assert_int_equal(res.content_length, 0);
	http_response_done(&res);
}

TEST(a_connection_the_server_closed_is_dialled_again)
{
	AUTO_SERVER *t = NULL;
	AUTO_CLIENT *c = NULL;

	start(&t, &c);
	assert_answer(c, &(struct http_client_request){ .method = "GET", .target = "/" }, "");
	test_server_stop(t, 0);
	http_server_free(t->server);
	/* the same path, a new server */
	struct error err = { 0 };
	int fd = unix_listen(t->path, 0600, &err);
	t->server = http_server_new(&(struct http_server_options){ .handler = handle }, &err);
	assert_int_equal(http_server_listen(t->server, fd, NULL, NULL, &err), 0);
	assert_int_equal(thread_start(&t->thread, test_server_run, t->server, &err), 0);
	t->stopped = false;
	assert_answer(c, &(struct http_client_request){ .method = "GET", .target = "/" }, "");
	assert_int_equal(n_dials, 2);
}

TEST(cut_answers_are_errors)
{
	AUTO_SERVER *t = NULL;
	AUTO_CLIENT *c = NULL;
	struct error err = { 0 };
	struct http_response res;
	AUTO_STRBUF out = { 0 };

	start(&t, &c);
	assert_int_equal(
		http_client_send(c,
	                         &(struct http_client_request){ .method = "GET", .target = "/cut" },
	                         &res, &err),
		0);
	assert_true(http_response_read_all(&res, 1 << 20, &out, &err) < 0);
	assert_non_null(strstr(err.message, "the answer was cut off"));
	http_response_done(&res);
	assert_answer(c, &(struct http_client_request){ .method = "GET", .target = "/" }, "");
}

TEST(taking_a_connection_over)
{
	AUTO_SERVER *t = NULL;
	AUTO_CLIENT *c = NULL;
	struct error err = { 0 };
	struct http_response res;
	char buf[64] = "";
	size_t n = 0;

	start(&t, &c);
	assert_int_equal(http_client_send(c,
	                                  &(struct http_client_request){ .method = "POST",
	                                                                 .target = "/hijack",
	                                                                 .upgrade = true },
	                                  &res, &err),
	                 0);
	CLEANUP(http_stream_close_ptr) struct http_stream *s = http_response_hijack(&res);
	http_response_done(&res);
	assert_int_equal(http_stream_write(s, "second", 6), 0);
	for (ssize_t r; (r = http_stream_read(s, buf + n, sizeof(buf) - 1 - n)) > 0;)
		n += (size_t)r;
	assert_string_equal(buf, "firstsecond");
	assert_answer(c, &(struct http_client_request){ .method = "GET", .target = "/" }, "");
}

/* What a raw peer says instead of a server of ours. */
struct script {
	int listener;
	const char *answer;
};

static void *play(void *arg)
{
	const struct script *s = arg;
	AUTO_CLOSE int fd = accept(s->listener, NULL, NULL);
	AUTO_STRBUF in = { 0 };

	test_read_until(fd, &in, "\r\n\r\n");
	test_send(fd, s->answer);
	return NULL;
}

static struct http_stream *dial_path(void *ctx, struct error *err)
{
	int fd = unix_connect(ctx, err);

	return fd < 0 ? NULL : http_stream_plain(fd, NULL, 0);
}

TEST(strange_answers)
{
	static const struct {
		const char *answer, *expected; /* NULL: an error */
	} cases[] = {
		{ "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nX: y\r\n\r\n"
		  "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
		  "ok" },
		{ "HTTP/1.0 200 OK\r\n\r\nuntil the end", "until the end" },
		{ "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
		  "ok" },
		{ "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n", NULL },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok", NULL },
		{ "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", NULL },
		{ "HTTP/1.1 20", NULL },
		{ "SSH-2.0-OpenSSH\r\n\r\n", NULL },
		{ "", NULL },
	};
	struct error err = { 0 };
	char path[200];

	snprintf(path, sizeof(path), "%s/script", unit_scratch());
	AUTO_CLOSE int l = unix_listen(path, 0600, &err);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct script s = { .listener = l, .answer = cases[i].answer };
		struct http_client_request req = { .method = "GET", .target = "/" };
		AUTO_CLIENT *c = http_client_new(dial_path, path, "raw");
		struct http_response res = { 0 };
		AUTO_STRBUF out = { 0 };
		pthread_t thread;
		int r;

		assert_int_equal(thread_start(&thread, play, &s, &err), 0);
		r = http_client_send(c, &req, &res, &err);
		if (r == 0)
			r = http_response_read_all(&res, 100, &out, &err);
		http_response_done(&res);
		pthread_join(thread, NULL);
		if (cases[i].expected)
			assert_string_equal(strbuf_cstr(&out), cases[i].expected);
		if ((r == 0) != (cases[i].expected != NULL))
			fail_msg("%d for: %s", r, cases[i].answer);
	}
}
