/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* A server in the test's own process, and raw sockets to it. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>

#include "base/fs.h"
#include "base/socket.h"
#include "base/thread.h"
#include "base/time.h"
#include "http/server.h"

#include "unit.h"

struct test_server {
	struct http_server *server;
	pthread_t thread;
	char path[200];
	bool stopped;
};

static inline void *test_server_run(void *arg)
{
	struct error err = { 0 };

	if (http_server_run(arg, &err) < 0)
		abort();
	return NULL;
}

/* Options may be {0} but for the handler. */
static inline struct test_server *test_server_start_tls(struct http_server_options o,
							 struct http_tls *tls)
{
	static unsigned count;
	struct test_server *t = calloc(1, sizeof(*t));
	struct error err = { 0 };
	int fd;

	snprintf(t->path, sizeof(t->path), "%s/http-%u", unit_scratch(), count++);
	fd = unix_listen(t->path, 0600, &err);
	if (fd < 0)
		fail_msg("%s", err.message);
	t->server = http_server_new(&o, &err);
	assert_non_null(t->server);
	assert_int_equal(http_server_listen(t->server, fd, tls, (void *)t->path, &err), 0);
	assert_int_equal(thread_start(&t->thread, test_server_run, t->server, &err), 0);
	return t;
}

static inline struct test_server *test_server_start(struct http_server_options o)
{
	return test_server_start_tls(o, NULL);
}

static inline void test_server_stop(struct test_server *t, unsigned drain_ms)
{
	if (t->stopped)
		return;
	t->stopped = true;
	http_server_stop(t->server, drain_ms);
	pthread_join(t->thread, NULL);
}

static inline void test_server_end(struct test_server **t)
{
	if (!*t)
		return;
	test_server_stop(*t, 1000);
	http_server_free((*t)->server);
	free(*t);
}
#define AUTO_SERVER CLEANUP(test_server_end) struct test_server

static inline int test_connect(struct test_server *t)
{
	struct error err = { 0 };
	struct timeval limit = { .tv_sec = 20 };
	int fd = unix_connect(t->path, &err);

	if (fd < 0)
		fail_msg("%s", err.message);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	return fd;
}

static inline void test_send(int fd, const char *text)
{
	IGNORE_RESULT(send(fd, text, strlen(text), MSG_NOSIGNAL) < 0, "reading shows what came of it");
}

/* Reads until the text has been seen, or the end. */
static inline void test_read_until(int fd, struct strbuf *out, const char *text)
{
	while (!strstr(strbuf_cstr(out), text)) {
		char c;

		if (recv(fd, &c, 1, 0) != 1)
			return;
		strbuf_putc(out, c);
	}
}

static inline void test_read_to_end(int fd, struct strbuf *out)
{
	char buf[4096];
	ssize_t n;

	while ((n = recv(fd, buf, sizeof(buf), 0)) > 0)
		strbuf_add(out, buf, (size_t)n);
}

/* Sends text on a connection of its own and returns all that comes until the server closes. */
static inline char *test_talk(struct test_server *t, const char *text)
{
	AUTO_CLOSE int fd = test_connect(t);
	struct strbuf out = { 0 };

	test_send(fd, text);
	test_read_to_end(fd, &out);
	return strbuf_steal(&out);
}

#define assert_has(text, part)                                                  \
	do {                                                                    \
		if (!strstr((text), (part)))                                    \
			fail_msg("\"%s\" is not in \"%s\"", (part), (text));    \
	} while (0)
#define assert_has_not(text, part)                                              \
	do {                                                                    \
		if (strstr((text), (part)))                                     \
			fail_msg("\"%s\" is in \"%s\"", (part), (text));        \
	} while (0)
