/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/dial.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>

#include "base/process.h"
#include "base/socket.h"
#include "cli/tls.h"

const char *dial_host_header(const struct cli *cli)
{
	const char *tcp = str_skip_prefix(cli->host, "tcp://");

	return tcp ? tcp : "coracle.localhost";
}

/* What every failure to reach the engine says: where, why, and what to do. */
static int unreachable(const struct cli *cli, const char *reason, struct error *err)
{
	const char *next =
		"Is it running? Start it with \"systemctl start coracled\", or say where it is "
		"with -H or DOCKER_HOST";

	if (strcasestr(reason, "permission denied"))
		next = "Use sudo, or join the group that owns the socket";
	else if (str_skip_prefix(cli->host, "tcp://") || str_skip_prefix(cli->host, "ssh://"))
		next = "Is it running there, and does the network let you reach it?";
	return error_set(err, ERROR_UNAVAILABLE, "Cannot connect to the engine at %s (%s). %s",
	                 cli->host, reason, next);
}

static int dial_unix(const struct cli *cli, const char *path, struct error *err)
{
	struct error reason = { 0 };
	int fd = unix_connect(path, &reason);
	const char *colon = strrchr(reason.message, ':');

	if (fd >= 0)
		return fd;
	return unreachable(cli, colon ? colon + 2 : reason.message, err);
}

/* "host:port", "[v6]:port"; the port defaults. */
static int split_address(const char *s, char *host, size_t n_host, char *port, size_t n_port)
{
	size_t n = strcspn(s, "/");
	const char *colon;
	struct str h;

	if (n >= n_host)
		return -EINVAL;
	h = str_n(s, n);
	if (*s == '[') {
		const char *close = memchr(s, ']', n);

		if (!close)
			return -EINVAL;
		h = str_n(s + 1, (size_t)(close - s - 1));
		colon = close + 1 < s + n && close[1] == ':' ? close + 1 : NULL;
	} else {
		colon = memrchr(s, ':', n);
		if (colon)
			h = str_n(s, (size_t)(colon - s));
	}
	snprintf(host, n_host, "%.*s", STR_ARG(h));
	snprintf(port, n_port, "%.*s", colon ? (int)(s + n - colon - 1) : 4,
	         colon ? colon + 1 : "2375");
	return 0;
}

static int connect_first(const struct addrinfo *list)
{
	int r = -ECONNREFUSED;

	for (const struct addrinfo *a = list; a; a = a->ai_next) {
		AUTO_CLOSE int fd =
			socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, a->ai_protocol);

		if (fd < 0)
			continue;
		if (connect(fd, a->ai_addr, a->ai_addrlen) == 0) {
			int one = 1;

			IGNORE_RESULT(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) <
			                      0,
			              "only a matter of speed");
			return TAKE_FD(fd);
		}
		r = -errno;
	}
	return r;
}

static int dial_tcp(const struct cli *cli, const char *address, struct error *err)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *list = NULL;
	char host[256], port[16];
	int r;

	if (split_address(address, host, sizeof(host), port, sizeof(port)) < 0)
		return error_set(err, ERROR_INVALID, "invalid engine address %s", cli->host);
	r = getaddrinfo(host, port, &hints, &list);
	if (r)
		return unreachable(cli, gai_strerror(r), err);
	r = connect_first(list);
	freeaddrinfo(list);
	return r < 0 ? unreachable(cli, strerror(-r), err) : r;
}

/* ssh runs "docker system dial-stdio" there, which any docker and any coracle installed under that
 * name understand; our end is a socket, so that it can be half-closed. */
static int dial_ssh(const struct cli *cli, const char *address, struct error *err)
{
	AUTO_STRV argv = { 0 };
	int pair[2];
	pid_t pid;
	struct str rest = str_n(address, strcspn(address, "/")), user = { 0 };
	const char *at = memrchr(rest.ptr, '@', rest.len), *colon;

	strv_add(&argv, "ssh");
	if (at) {
		user = str_n(rest.ptr, (size_t)(at - rest.ptr));
		rest = str_n(at + 1, rest.len - user.len - 1);
		strv_add(&argv, "-l");
		strv_add_n(&argv, user.ptr, user.len);
	}
	colon = rest.ptr[0] == '[' ? NULL : memchr(rest.ptr, ':', rest.len);
	if (colon) {
		strv_add(&argv, "-p");
		strv_add_n(&argv, colon + 1, rest.len - (size_t)(colon + 1 - rest.ptr));
		rest.len = (size_t)(colon - rest.ptr);
	}
	strv_add(&argv, "-o");
	strv_add(&argv, "ConnectTimeout=30");
	strv_add(&argv, "--");
	strv_add_n(&argv, rest.ptr, rest.len);
	strv_add(&argv, "docker system dial-stdio");
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return error_set_errno(err, errno, "cannot make a socket pair");
	struct spawn_options o = { .path = "ssh",
		                   .argv = strv_argv(&argv),
		                   .stdio = { pair[1], pair[1], STDERR_FILENO } };
	if (process_spawn(&o, &pid, NULL, err) < 0) {
		close(pair[0]);
		close(pair[1]);
		return error_prefix(err, "cannot reach %s", cli->host);
	}
	close(pair[1]);
	return pair[0];
}

struct http_stream *engine_dial(void *ctx, struct error *err)
{
	const struct cli *cli = ctx;
	const char *rest;
	int fd;

	if ((rest = str_skip_prefix(cli->host, "unix://"))) {
		fd = dial_unix(cli, rest, err);
	} else if ((rest = str_skip_prefix(cli->host, "tcp://"))) {
		fd = dial_tcp(cli, rest, err);
	} else if ((rest = str_skip_prefix(cli->host, "ssh://"))) {
		fd = dial_ssh(cli, rest, err);
	} else {
		error_set(
			err, ERROR_INVALID,
			"unable to parse docker host `%s`: use unix://PATH, tcp://HOST:PORT or ssh://HOST",
			cli->host);
		return NULL;
	}
	if (fd < 0)
		return NULL;
	if (str_skip_prefix(cli->host, "tcp://") && tls_is_wanted(cli)) {
		char host[256], port[16];

		if (split_address(rest, host, sizeof(host), port, sizeof(port)) < 0)
			*host = '\0';
		return tls_connect(cli, fd, host, err);
	}
	return http_stream_plain(fd, NULL, 0);
}
