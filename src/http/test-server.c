/* SPDX-License-Identifier: Apache-2.0 */
#include "http/server.h"

#include <fcntl.h>
#include <sys/resource.h>

#include "http/test-server-support.h"

#define GET(path) "GET " path " HTTP/1.1\r\nHost: h\r\n\r\n"
#define LAST(path) "GET " path " HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"

/* Answers with what it understood of the request. */
static void answer_echo(struct http_request *req)
{
	struct error err = { 0 };
	AUTO_STRBUF body = { 0 };
	AUTO_STRBUF out = { 0 };

	if (http_read_all(req, 1 << 20, &body, &err) < 0) {
		http_respond(req, http_status_of(err.kind), "text/plain", err.message,
		             strlen(err.message));
		return;
	}
	strbuf_printf(&out, "<%s %s body=%s", http_method_name(req->method), req->path,
	              strbuf_cstr(&body));
	for (size_t i = 0; i < req->n_query; i++)
		strbuf_printf(&out, " %s=[%s]", req->query[i].name, req->query[i].value);
	strbuf_puts(&out, ">");
	http_respond(req, 200, "text/plain", out.ptr, out.len);
}

static void answer_stream(struct http_request *req, int64_t length)
{
	if (http_begin(req, 200, "text/plain", length) < 0 || http_write(req, "hello", 5) < 0 ||
	    http_flush(req) < 0 || http_write(req, " world", 6) < 0 || http_end(req) < 0)
		http_request_abort(req);
}

/* Sends back what comes until the other side is done, then says so. */
static void answer_hijack(struct http_request *req)
{
	static const char head[] =
		"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n";
	struct error err = { 0 };
	CLEANUP(http_stream_close_ptr)
	struct http_stream *s = http_hijack(req, head, sizeof(head) - 1, &err);
	char buf[64];
	ssize_t n;

	assert_non_null(s);
	while ((n = http_stream_read(s, buf, sizeof(buf))) > 0)
		if (http_stream_write(s, buf, (size_t)n) < 0)
			return;
	IGNORE_RESULT(http_stream_write(s, "bye", 3) < 0, "the test reads it");
}

static void answer_file(struct http_request *req)
{
	char path[200];

	snprintf(path, sizeof(path), "%s/served", unit_scratch());
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	http_respond_file(req, fd, 10, "text/x", "\"tag\"");
}

/* Until the client has gone. */
static void answer_wait(struct http_request *req)
{
	while (!http_client_gone(req))
		poll(NULL, 0, 1);
	*(atomic_int *)req->listener_tag = 1;
}

static void handle(struct http_request *req, void *ctx)
{
	atomic_int *gate = ctx;

	if (streq(req->path, "/stream"))
		answer_stream(req, -1);
	else if (streq(req->path, "/short"))
		answer_stream(req, 20);
	else if (streq(req->path, "/exact"))
		answer_stream(req, 11);
	else if (streq(req->path, "/hijack"))
		answer_hijack(req);
	else if (streq(req->path, "/file"))
		answer_file(req);
	else if (streq(req->path, "/ignore"))
		http_respond(req, 403, NULL, "no", 2);
	else if (streq(req->path, "/nothing"))
		return;
	else if (streq(req->path, "/wait"))
		answer_wait(req);
	else if (streq(req->path, "/gate")) {
		atomic_store(gate, 1);
		while (atomic_load(gate) != 2)
			poll(NULL, 0, 1);
		http_respond(req, 200, NULL, "through", 7);
	} else
		answer_echo(req);
}

static struct test_server *start(void)
{
	return test_server_start(
		(struct http_server_options){ .handler = handle, .server_name = "test/1" });
}

TEST(one_request)
{
	AUTO_SERVER *t = start();
	AUTO_FREE char *got = test_talk(t, LAST("/a%20b?x=1&y=a%2Bb+c"));

	assert_has(got, "HTTP/1.1 200 OK\r\nServer: test/1\r\nDate: ");
	assert_has(got, "\r\nContent-Length: ");
	assert_has(got, "\r\nConnection: close\r\n");
	assert_has(got, "<GET /a b body= x=[1] y=[a+b c]>");
}

TEST(pipelined_requests_are_answered_in_order)
{
	AUTO_SERVER *t = start();
	AUTO_FREE char *got = test_talk(
		t, GET("/one") "POST /two HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc" GET(
			   "/stream") LAST("/four"));
	const char *one = strstr(got, "<GET /one"), *two = strstr(got, "<POST /two body=abc>");
	const char *three = strstr(got, "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"),
		   *four = strstr(got, "<GET /four");

	assert_true(one && two && three && four);
	assert_true(one < two && two < three && three < four);
}

TEST(a_connection_is_kept_and_parked)
{
	AUTO_SERVER *t = start();
	AUTO_CLOSE int fd = test_connect(t);

	for (int i = 0; i < 3; i++) {
		AUTO_STRBUF out = { 0 };

		test_send(fd, GET("/again"));
		test_read_until(fd, &out, ">");
		assert_has(out.ptr, "200 OK");
		poll(NULL, 0, 5); /* longer than a worker waits before it parks */
	}
}

TEST(a_head_in_single_bytes)
{
	static const char text[] = LAST("/bytes");
	AUTO_SERVER *t = start();
	AUTO_CLOSE int fd = test_connect(t);
	AUTO_STRBUF out = { 0 };

	for (size_t i = 0; i < sizeof(text) - 1; i++)
		assert_int_equal(send(fd, text + i, 1, MSG_NOSIGNAL), 1);
	test_read_to_end(fd, &out);
	assert_has(out.ptr, "<GET /bytes");
}

TEST(chunked_bodies)
{
	AUTO_SERVER *t = start();
	AUTO_FREE char *good =
		test_talk(t, "PUT /c HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
	                     "3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nT: x\r\n\r\n" LAST("/next"));
	AUTO_FREE char *bad =
		test_talk(t, "PUT /c HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
	                     "3\r\nabcd\r\n");

	assert_has(good, "body=abcde>");
	assert_has(good, "<GET /next");
	assert_has(bad, "HTTP/1.1 400 ");
	assert_has(bad, "Connection: close");
}

TEST(smuggling_is_refused_and_the_connection_closed)
{
	AUTO_SERVER *t = start();
	AUTO_FREE char *both =
		test_talk(t, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n"
	                     "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" GET("/smuggled"));
	AUTO_FREE char *bare = test_talk(t, "GET / HTTP/1.1\nHost: h\n\n");

	assert_has(both, "HTTP/1.1 400 ");
	assert_has_not(both, "smuggled");
	assert_has(bare, "HTTP/1.1 400 ");
}

TEST(heads_are_bounded)
{
	AUTO_SERVER *t = start();
	AUTO_STRBUF text = { 0 };

	strbuf_puts(&text, "GET / HTTP/1.1\r\nHost: h\r\nX: ");
	for (int i = 0; i < 70000; i++)
		strbuf_putc(&text, 'a');
	AUTO_FREE char *got = test_talk(t, strbuf_cstr(&text));
	assert_has(got, "HTTP/1.1 431 ");

	text.len = 0;
	strbuf_puts(&text, "GET /large HTTP/1.1\r\nHost: h\r\nConnection: close\r\nX: ");
	for (int i = 0; i < 60000; i++)
		strbuf_putc(&text, 'a');
	strbuf_puts(&text, "\r\n\r\n");
	AUTO_FREE char *fits = test_talk(t, strbuf_cstr(&text));
	assert_has(fits, "<GET /large");
}

TEST(continue_is_sent_when_the_body_is_wanted)
{
	AUTO_SERVER *t = start();
	AUTO_CLOSE int fd = test_connect(t);
	AUTO_STRBUF out = { 0 };

	test_send(
		fd,
		"PUT /x HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
	test_read_until(fd, &out, "\r\n\r\n");
	assert_string_equal(out.ptr, "HTTP/1.1 100 Continue\r\n\r\n");
	test_send(fd, "ok");
	test_read_until(fd, &out, ">");
	assert_has(out.ptr, "body=ok>");

	AUTO_FREE char *refused =
		test_talk(t, "PUT /ignore HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n"
	                     "Content-Length: 2\r\n\r\n");
	assert_has_not(refused, "100 Continue");
	assert_has(refused, "HTTP/1.1 403 ");
	assert_has(refused, "Connection: close");
}

TEST(unread_bodies)
{
	static const char small[] =
		"PUT /ignore HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello";
	AUTO_SERVER *t = start();
	AUTO_STRBUF text = { 0 };

	/* a small one is read off, the connection goes on */
	strbuf_puts(&text, small);
	strbuf_puts(&text, LAST("/next"));
	AUTO_FREE char *got = test_talk(t, strbuf_cstr(&text));
	assert_has(got, "403 ");
	assert_has(got, "<GET /next");

	/* of a large one the client sends on, and yet sees the answer */
	AUTO_CLOSE int fd = test_connect(t);
	AUTO_STRBUF out = { 0 };
	char block[65536] = { 0 };
	test_send(fd, "PUT /ignore HTTP/1.1\r\nHost: h\r\nContent-Length: 100000000\r\n\r\n");
	for (int i = 0; i < 64; i++)
		assert_true(send(fd, block, sizeof(block), MSG_NOSIGNAL) > 0);
	test_read_to_end(fd, &out);
	assert_has(out.ptr, "HTTP/1.1 403 ");
	assert_has(out.ptr, "Connection: close");
}

TEST(too_large_bodies)
{
	AUTO_SERVER *t = start();
	AUTO_FREE char *got =
		test_talk(t, "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 100000000\r\n\r\n");

	assert_has(got, "HTTP/1.1 413 ");
}

TEST(head_requests_have_no_body)
{
	AUTO_SERVER *t = start();
	AUTO_FREE char *got =
		test_talk(t, "HEAD /exact HTTP/1.1\r\nHost: h\r\n\r\n"
	                     "HEAD /stream HTTP/1.1\r\nHost: h\r\n\r\n"
	                     "HEAD /echo HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");

	assert_has(got, "Content-Length: 11\r\n\r\nHTTP/1.1 200 OK\r\n");
	assert_has_not(got, "hello");
	assert_has_not(got, "<HEAD");
	assert_has(got, "Content-Length: 18\r\n");
}

TEST(http_1_0)
{
	AUTO_SERVER *t = start();
	AUTO_FREE char *plain = test_talk(t, "GET /stream HTTP/1.0\r\n\r\n");
	AUTO_FREE char *kept = test_talk(t, "GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
	                                    "GET /b HTTP/1.0\r\n\r\n");

	assert_has(plain, "HTTP/1.0 200 OK");
	assert_has(plain, "\r\n\r\nhello world");
	assert_has(kept, "Connection: keep-alive");
	assert_has(kept, "<GET /b");
}

TEST(answers_that_go_wrong_are_seen)
{
	AUTO_SERVER *t = start();
	AUTO_FREE char *none = test_talk(t, LAST("/nothing"));
	AUTO_FREE char *cut = test_talk(t, GET("/short"));

	assert_has(none, "HTTP/1.1 500 ");
	assert_has(cut, "Content-Length: 20\r\n");
	assert_has_not(cut, "HTTP/1.1 500 ");
}

TEST(a_hijacked_connection_goes_both_ways)
{
	AUTO_SERVER *t = start();
	AUTO_CLOSE int fd = test_connect(t);
	AUTO_STRBUF out = { 0 };

	/* bytes right behind the head belong to the stream */
	test_send(
		fd,
		"POST /hijack HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\nearly");
	test_read_until(fd, &out, "early");
	assert_has(out.ptr, "HTTP/1.1 101 UPGRADED\r\n");
	test_send(fd, "late");
	test_read_until(fd, &out, "late");
	shutdown(fd, SHUT_WR);
	test_read_to_end(fd, &out);
	assert_has(out.ptr, "earlylatebye");
}

TEST(a_client_that_leaves_is_noticed)
{
	AUTO_SERVER *t = start();
	atomic_int gone = 0;
	struct error err = { 0 };
	char path[200];

	snprintf(path, sizeof(path), "%s/leave", unit_scratch());
	int l = unix_listen(path, 0600, &err);
	assert_int_equal(http_server_listen(t->server, l, NULL, &gone, &err), 0);
	int fd = unix_connect(path, &err);
	test_send(fd, GET("/wait"));
	close(fd);
	for (int i = 0; i < 5000 && !atomic_load(&gone); i++)
		poll(NULL, 0, 1);
	assert_int_equal(atomic_load(&gone), 1);
	test_server_stop(t, 1000);
}

static void make_served_file(void)
{
	struct error err = { 0 };
	char path[200];

	snprintf(path, sizeof(path), "%s/served", unit_scratch());
	assert_int_equal(write_file(AT_FDCWD, path, "0123456789", 10, 0600, &err), 0);
}

#define FILE_WITH(header) "GET /file HTTP/1.1\r\nHost: h\r\n" header "Connection: close\r\n\r\n"

TEST(files_and_ranges)
{
	static const struct {
		const char *request, *status, *part;
	} cases[] = {
		{ FILE_WITH(""), "200 OK", "\r\n\r\n0123456789" },
		{ FILE_WITH("Range: bytes=2-4\r\n"), "206 Partial Content", "bytes 2-4/10\r\n" },
		{ FILE_WITH("Range: bytes=2-4\r\n"), "206 Partial Content", "\r\n\r\n234" },
		{ FILE_WITH("Range: bytes=-1\r\n"), "206 Partial Content", "\r\n\r\n9" },
		{ FILE_WITH("Range: bytes=20-\r\n"), "416 ", "Content-Range: bytes */10\r\n" },
		{ FILE_WITH("Range: bytes=0-1,8-9\r\n"), "206 ",
		  "Content-Range: bytes 0-1/10\r\n\r\n01\r\n--" },
		{ FILE_WITH("Range: bytes=0-1,8-9\r\n"), "206 ",
		  "Content-Range: bytes 8-9/10\r\n\r\n89\r\n--" },
		{ FILE_WITH("Range: bytes=2-4\r\nIf-Range: \"tag\"\r\n"), "206 ", "\r\n\r\n234" },
		{ FILE_WITH("Range: bytes=2-4\r\nIf-Range: \"old\"\r\n"), "200 OK", "0123456789" },
		{ FILE_WITH("If-None-Match: \"x\", W/\"tag\"\r\n"), "304 ", "ETag: \"tag\"\r\n" },
		{ FILE_WITH("If-None-Match: \"x\"\r\n"), "200 OK", "0123456789" },
		{ "HEAD /file HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", "200 OK",
		  "Content-Length: 10\r\n" },
	};
	AUTO_SERVER *t = start();

	make_served_file();
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO_FREE char *got = test_talk(t, cases[i].request);

		assert_has(got, cases[i].status);
		assert_has(got, cases[i].part);
	}
	/* the length that multipart answers promise is the length they have */
	AUTO_FREE char *multi = test_talk(t, FILE_WITH("Range: bytes=0-1,8-9\r\n"));
	const char *length = strstr(multi, "Content-Length: ") + 16;
	assert_int_equal(strlen(strstr(multi, "\r\n\r\n") + 4), strtol(length, NULL, 10));
}

TEST(stopping_lets_active_requests_end)
{
	atomic_int gate = 0;
	AUTO_SERVER *t =
		test_server_start((struct http_server_options){ .handler = handle, .ctx = &gate });
	AUTO_CLOSE int idle = test_connect(t);
	AUTO_CLOSE int fd = test_connect(t);
	AUTO_STRBUF out = { 0 };
	AUTO_STRBUF nothing = { 0 };
	struct error err = { 0 };

	test_send(fd, GET("/gate"));
	while (atomic_load(&gate) != 1)
		poll(NULL, 0, 1);
	http_server_stop(t->server, 20000);
	test_read_to_end(idle, &nothing); /* idle connections go at once */
	assert_true(unix_connect(t->path, &err) < 0);
	atomic_store(&gate, 2);
	test_read_to_end(fd, &out);
	assert_has(out.ptr, "through");
	assert_has(out.ptr, "Connection: close");
}

TEST(stopping_does_not_wait_for_ever)
{
	atomic_int gate = 0;
	AUTO_SERVER *t =
		test_server_start((struct http_server_options){ .handler = handle, .ctx = &gate });
	AUTO_CLOSE int fd = test_connect(t);

	test_send(fd, GET("/gate"));
	while (atomic_load(&gate) != 1)
		poll(NULL, 0, 1);
	test_server_stop(t, 10);
	atomic_store(&gate, 2);
}
