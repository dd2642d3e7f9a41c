/* SPDX-License-Identifier: Apache-2.0 */
/* Where the engine listens: unix://, tcp:// and fd:// (sockets from a service manager). */
#include <arpa/inet.h>
#include <errno.h>
#include <grp.h>
#include <netdb.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/un.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/socket.h"
#include "engine/engine.h"
#include "http/tls.h"

enum { FIRST_PASSED_FD = 3 };

static bool flag_given(const struct engine_config *c, const char *key)
{
	return json_object_get(c->given, key) != NULL;
}

static gid_t socket_group(const struct engine_config *c, struct error *err)
{
	struct group *g;
	uint64_t gid;

	if (str_empty_or_null(c->group))
		return 0;
	if (parse_u64(c->group, &gid) == 0 && gid < UINT32_MAX)
		return (gid_t)gid;
	g = getgrnam(c->group); /* at start-up only, one thread */
	if (g)
		return g->gr_gid;
	if (flag_given(c, "group"))
		error_set(err, ERROR_INVALID, "the group \"%s\" of the socket does not exist",
		          c->group);
	return 0;
}

static int listen_unix(struct engine *e, const char *path, struct error *err)
{
	const char *slash = strrchr(path, '/');
	AUTO_CLOSE int fd = -1;
	gid_t gid = socket_group(&e->config, err);

	if (err->kind)
		return error_errno(err);
	if (slash && slash != path) {
		AUTO_FREE char *parent = xstrndup(path, (size_t)(slash - path));
		int r = mkdir_parents(AT_FDCWD, parent, 0755);

		if (r < 0)
			return error_set_errno(err, -r, "cannot make the directory %s", parent);
	}
	fd = unix_listen(path, gid ? 0660 : 0600, err);
	if (fd < 0)
		return error_errno(err);
	strv_add(&e->sockets, path);
	if (gid && chown(path, 0, gid) < 0)
		return error_set_errno(err, errno, "cannot give %s to group %u", path,
		                       (unsigned)gid);
	return TAKE_FD(fd);
}

static bool is_loopback(const struct sockaddr *a)
{
	if (a->sa_family == AF_INET) {
		struct sockaddr_in in;

		memcpy(&in, a, sizeof(in));
		return (ntohl(in.sin_addr.s_addr) >> 24) == 127;
	}
	if (a->sa_family == AF_INET6) {
		struct sockaddr_in6 in6;

		memcpy(&in6, a, sizeof(in6));
		return IN6_IS_ADDR_LOOPBACK(&in6.sin6_addr);
	}
	return false;
}

/* Whoever reaches the API is root on this host, so a plain socket for the network is only opened
 * for somebody who has said so. */
static int check_exposure(struct engine *e, const char *host, const struct sockaddr *a,
                          struct error *err)
{
	const struct engine_config *c = &e->config;

	if (c->tls || c->tls_verify)
		return 0;
	if (!is_loopback(a) && !flag_given(c, "tls") && !flag_given(c, "tlsverify"))
		return error_set(
			err, ERROR_INVALID,
			"tcp://%s would give everybody on the network root on this host: use --tlsverify with certificates, or say --tls=false if that is wanted",
			host);
	log_warning("the API on tcp://%s is open to everybody who reaches it, without TLS", host);
	return 0;
}

static int bind_tcp(struct engine *e, const char *host, const struct addrinfo *ai,
                    struct error *err)
{
	AUTO_CLOSE int fd = -1;
	int on = 1;
	int r = check_exposure(e, host, ai->ai_addr, err);

	if (r < 0)
		return r;
	fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return error_set_errno(err, errno, "cannot listen on tcp://%s", host);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, ai->ai_addr, ai->ai_addrlen) < 0 || listen(fd, 128) < 0)
		return error_set_errno(err, errno, "cannot listen on tcp://%s", host);
	return TAKE_FD(fd);
}

/* "address:port", ":port", "[v6]:port"; 2375, or 2376 with TLS, when there is no port. */
static int listen_tcp(struct engine *e, const char *host, struct error *err)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE };
	const char *colon = strrchr(host, ':');
	bool bracket = host[0] == '[',
	     has_port = colon && colon > host && (!bracket || colon[-1] == ']');
	AUTO_FREE char *address = NULL;
	struct addrinfo *list = NULL;
	const char *port;
	int r;

	if (colon == host)
		has_port = true;
	address = has_port ? xstrndup(host, (size_t)(colon - host)) : xstrdup(host);
	port = has_port && colon[1]                    ? colon + 1
	       : e->config.tls || e->config.tls_verify ? "2376"
	                                               : "2375";
	if (bracket && str_has_suffix(address, "]")) {
		address[strlen(address) - 1] = '\0';
		memmove(address, address + 1, strlen(address));
	}
	r = getaddrinfo(*address ? address : has_port ? NULL : "127.0.0.1", port, &hints, &list);
	if (r != 0)
		return error_set(err, ERROR_INVALID, "invalid address tcp://%s: %s", host,
		                 gai_strerror(r));
	r = bind_tcp(e, host, list, err);
	freeaddrinfo(list);
	return r;
}

/* All sockets that a service manager passed; they are close-on-exec from here on. */
static int listen_passed(struct engine *e, struct http_server *server, struct error *err)
{
	const char *pid = getenv("LISTEN_PID"), *n = getenv("LISTEN_FDS");
	uint64_t owner, count;

	if (!pid || !n || parse_u64(pid, &owner) < 0 || owner != (uint64_t)getpid() ||
	    parse_u64(n, &count) < 0 || count == 0 || count > 64)
		return error_set(
			err, ERROR_INVALID,
			"no sockets found via socket activation: make sure the service was started by systemd");
	for (int fd = FIRST_PASSED_FD; fd < FIRST_PASSED_FD + (int)count; fd++) {
		int r;

		if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
			return error_set_errno(err, errno, "passed socket %d", fd);
		r = http_server_listen(server, fd, NULL, e, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static struct http_tls *load_tls(const struct engine_config *c, struct error *err)
{
	const struct http_tls_options o = {
		.certificate = c->tls_certificate,
		.key = c->tls_key,
		.client_ca = c->tls_verify ? c->tls_ca : NULL,
		.require_client = c->tls_verify,
	};

	if (!c->tls_certificate || !c->tls_key || (c->tls_verify && !c->tls_ca)) {
		error_set(err, ERROR_INVALID, "TLS needs --tlscert and --tlskey%s",
		          c->tls_verify ? ", and --tlsverify needs --tlscacert" : "");
		return NULL;
	}
	return http_tls_server(&o, err);
}

static int listen_one(struct engine *e, struct http_server *server, const char *host,
                      struct error *err)
{
	struct http_tls *tls = NULL;
	const char *rest;
	int fd, r;

	if (str_skip_prefix(host, "fd://"))
		return listen_passed(e, server, err);
	rest = str_skip_prefix(host, "unix://");
	if (rest || host[0] == '/') {
		fd = listen_unix(e, rest ? rest : host, err);
	} else if ((rest = str_skip_prefix(host, "tcp://"))) {
		if (e->config.tls || e->config.tls_verify) {
			tls = load_tls(&e->config, err);
			if (!tls)
				return error_errno(err);
		}
		fd = listen_tcp(e, rest, err);
	} else {
		return error_set(err, ERROR_INVALID,
		                 "invalid host \"%s\": it must begin with unix://, tcp:// or fd://",
		                 host);
	}
	r = fd < 0 ? fd : http_server_listen(server, fd, tls, e, err);
	if (tls)
		http_tls_unref(tls);
	if (r >= 0)
		log_info("API listen on %s", host);
	return r;
}

int engine_listen(struct engine *e, struct http_server *server, struct error *err)
{
	vec_for_each (&e->config.hosts, host) {
		int r = listen_one(e, server, *host, err);

		if (r < 0)
			return r;
	}
	return 0;
}

void engine_notify(const char *state)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	size_t n = path ? strlen(path) : 0;
	AUTO_CLOSE int fd = -1;

	if (n == 0 || n >= sizeof(a.sun_path))
		return;
	memcpy(a.sun_path, path, n);
	if (path[0] == '@')
		a.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd >= 0)
		IGNORE_RESULT(sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&a,
		                     (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n)) < 0,
		              "the service manager is not our business");
}
