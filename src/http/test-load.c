/* SPDX-License-Identifier: Apache-2.0 */
/* Many connections, slow ones, and too few descriptors. */
#include <malloc.h>
#include <sys/resource.h>

#include "http/server.h"
#include "http/test-server-support.h"

#define GET(path) "GET " path " HTTP/1.1\r\nHost: h\r\n\r\n"

static void hello(struct http_request *req, void *ctx)
{
	http_respond(req, 200, "text/plain", "hello", 5);
}

static void assert_served(int fd)
{
	AUTO_STRBUF out = { 0 };

	test_send(fd, GET("/"));
	test_read_until(fd, &out, "hello");
	assert_has(strbuf_cstr(&out), "hello");
}

enum { MANY = 1000 };

/* Both ends of every connection are in this process. */
static void raise_descriptor_limit(rlim_t n)
{
	struct rlimit l;

	getrlimit(RLIMIT_NOFILE, &l);
	if (l.rlim_max < n)
		skip();
	l.rlim_cur = n;
	setrlimit(RLIMIT_NOFILE, &l);
}

TEST(a_thousand_idle_connections_cost_little)
{
	AUTO_SERVER *t = NULL;
	struct mallinfo2 before, after;
	static int fds[MANY];

	raise_descriptor_limit(2 * MANY + 100);
	t = test_server_start((struct http_server_options){ .handler = hello, .max_threads = 4 });
	AUTO_CLOSE int first = test_connect(t);
	assert_served(first);
	before = mallinfo2();
	for (int i = 0; i < MANY; i++) {
		fds[i] = test_connect(t);
		assert_served(fds[i]);
	}
	after = mallinfo2();
	/* with the address sanitizer's allocator both are zero */
	assert_true(after.uordblks - before.uordblks < (size_t)MANY * 1024);
	for (int i = 0; i < MANY; i += 100)
		assert_served(fds[i]);
	for (int i = 0; i < MANY; i++)
		close(fds[i]);
}

TEST(slow_heads_hold_no_thread_and_end_at_their_deadline)
{
	AUTO_SERVER *t = test_server_start((struct http_server_options){
		.handler = hello, .max_threads = 2, .header_timeout_ms = 600 });
	int slow[8];

	for (size_t i = 0; i < ARRAY_SIZE(slow); i++) {
		slow[i] = test_connect(t);
		test_send(slow[i], "GET / HTTP/1.1\r\nHost: ");
	}
	AUTO_CLOSE int quick = test_connect(t);
	assert_served(quick);
	for (size_t i = 0; i < ARRAY_SIZE(slow); i++) {
		AUTO_STRBUF out = { 0 };

		test_send(slow[i], "x");
		test_read_to_end(slow[i], &out);
		assert_has(strbuf_cstr(&out), "HTTP/1.1 408 ");
		close(slow[i]);
	}
	assert_served(quick);
}

TEST(idle_connections_end_at_their_deadline)
{
	AUTO_SERVER *t = test_server_start(
		(struct http_server_options){ .handler = hello, .idle_timeout_ms = 50 });
	AUTO_CLOSE int fd = test_connect(t);
	char c;

	assert_served(fd);
	assert_int_equal(recv(fd, &c, 1, 0), 0);
}

TEST(running_out_of_descriptors_is_survived)
{
	AUTO_SERVER *t = test_server_start((struct http_server_options){ .handler = hello });
	struct rlimit old, low;
	int fds[12];

	AUTO_CLOSE int kept = test_connect(t);
	assert_served(kept);
	/* clients connect first: the backlog takes them, accepting is what fails */
	getrlimit(RLIMIT_NOFILE, &old);
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
		fds[i] = test_connect(t);
		if (i == 5) {
			low = old;
			low.rlim_cur = 4; /* below all that are open: every accept fails */
			setrlimit(RLIMIT_NOFILE, &low);
			poll(NULL, 0, 20);
			setrlimit(RLIMIT_NOFILE, &old);
		}
	}
	AUTO_CLOSE int later = test_connect(t);
	assert_served(later);
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		close(fds[i]);
}

TEST(beyond_the_limit_connections_wait)
{
	AUTO_SERVER *t = test_server_start(
		(struct http_server_options){ .handler = hello, .max_connections = 2 });
	int a = test_connect(t);
	AUTO_CLOSE int b = test_connect(t);

	assert_served(a);
	assert_served(b);
	AUTO_CLOSE int c = test_connect(t);
	close(a);
	assert_served(c);
}

static void *talk_much(void *arg)
{
	for (int i = 0; i < 20; i++) {
		AUTO_CLOSE int fd = test_connect(arg);

		for (int k = 0; k < 5; k++)
			assert_served(fd);
	}
	return NULL;
}

TEST(many_clients_at_once)
{
	AUTO_SERVER *t = test_server_start(
		(struct http_server_options){ .handler = hello, .max_threads = 3 });
	pthread_t threads[8];
	struct error err = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
		assert_int_equal(thread_start(&threads[i], talk_much, t, &err), 0);
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
		pthread_join(threads[i], NULL);
}
