/* SPDX-License-Identifier: Apache-2.0 */
/* Opening the store, listening, and the end by signal. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/time.h"
#include "http/tls.h"
#include "registry/registry-internal.h"

enum { LISTEN_BACKLOG = 1024, DATABASE_PATH_MAX = 4096 };

/* Started on a directory of Docker's registry: what is there is served from now on. Its blobs are
 * taken at their word, which makes it a matter of seconds; `scrub` reads them. */
static int adopt_in_place(struct registry *r, struct error *err)
{
	struct registry_adopted sum;

	log_info("taking over the images of Docker's registry root=%s", r->config->root);
	if (registry_adopt(r, r->config->root, false, &sum, err) < 0)
		return error_errno(err);
	log_info("took over repositories=%lld blobs=%lld manifests=%lld tags=%lld left_out=%lld",
	         (long long)sum.repositories, (long long)sum.blobs, (long long)sum.manifests,
	         (long long)sum.tags, (long long)sum.skipped);
	return 0;
}

struct registry *registry_open(const struct registry_config *config, bool guest, struct error *err)
{
	CLEANUP(registry_close_ptr) struct registry *r = NEW(struct registry);
	AUTO_FREE char *database = xasprintf("%s/registry.db", config->root);
	AUTO_FREE char *content = xasprintf("%s/content", config->root);
	AUTO_CLOSE int dir = -1;

	AUTO_FREE char *theirs = xasprintf("%s/docker/registry/v2/repositories", config->root);
	bool adopt = !guest && access(database, F_OK) < 0 && access(theirs, F_OK) == 0;

	dir = open_or_make_dir(AT_FDCWD, config->root, 0755, err);
	if (dir < 0)
		return NULL;
	r->config = config;
	pthread_mutex_init(&r->upload_lock, NULL);
	r->busy_uploads = map_new();
	r->metrics = metrics_new();
	r->metadata = metadata_open(database, err);
	if (!r->metadata)
		return NULL;
	r->store = content_open(
		content, metadata_db(r->metadata),
		&(struct content_options){ .referenced_sql = metadata_blob_referenced_sql,
	                                   .lease_ns = config->lease_ns,
	                                   .guest = guest },
		err);
	if (!r->store)
		return NULL;
	if (config->htpasswd_path && !(r->htpasswd = htpasswd_open(config->htpasswd_path, err)))
		return NULL;
	if (token_key_load(config->root, &r->token_key, err) < 0)
		return NULL;
	if (adopt && adopt_in_place(r, err) < 0)
		return NULL;
	return TAKE_PTR(r);
}

void registry_close(struct registry *r)
{
	if (!r)
		return;
	http_tls_unref(r->tls);
	content_close(r->store);
	metadata_close(r->metadata);
	htpasswd_free(r->htpasswd);
	metrics_free(r->metrics);
	map_free(r->busy_uploads);
	free(r);
}

/* "[HOST]:PORT" with a numeric host; none is all addresses, IPv6 included where there is any. */
static int parse_address(const char *text, struct sockaddr_storage *ret, socklen_t *ret_len,
                         struct error *err)
{
	const char *colon = strrchr(text, ':');
	AUTO_FREE char *host = colon ? xstrndup(text, (size_t)(colon - text)) : NULL;
	struct sockaddr_in *v4 = (struct sockaddr_in *)ret;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ret;
	uint64_t port;
	size_t n = host ? strlen(host) : 0;

	if (!colon || parse_u64(colon + 1, &port) < 0 || port > 65535)
		return error_set(err, ERROR_INVALID, "http.addr \"%s\" is not [HOST]:PORT", text);
	memset(ret, 0, sizeof(*ret));
	if (n > 2 && host[0] == '[' && host[n - 1] == ']') {
		memmove(host, host + 1, n - 2);
		host[n - 2] = '\0';
	}
	if (streq(host, "localhost"))
		snprintf(host, n + 1, "%s", "127.1");
	if (inet_pton(AF_INET, streq(host, "127.1") ? "127.0.0.1" : host, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons((uint16_t)port);
		*ret_len = sizeof(*v4);
		return 0;
	}
	if (n > 0 && inet_pton(AF_INET6, host, &v6->sin6_addr) != 1)
		return error_set(
			err, ERROR_INVALID,
			"http.addr \"%s\": the host must be a numeric address, localhost or empty",
			text);
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons((uint16_t)port);
	*ret_len = sizeof(*v6);
	return 0;
}

static int listen_at(const char *text, struct error *err)
{
	struct sockaddr_storage a;
	socklen_t len = 0;
	const int one = 1, zero = 0;
	AUTO_CLOSE int fd = -1;
	int r = parse_address(text, &a, &len, err);

	if (r < 0)
		return r;
	fd = socket(a.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 && a.ss_family == AF_INET6 && errno == EAFNOSUPPORT && *text == ':') {
		struct sockaddr_in v4 = { .sin_family = AF_INET,
			                  .sin_port = ((struct sockaddr_in6 *)&a)->sin6_port };

		memcpy(&a, &v4, sizeof(v4));
		len = sizeof(v4);
		fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	}
	if (fd < 0)
		return error_set_errno(err, errno, "cannot make a socket for %s", text);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (a.ss_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof(zero));
	if (bind(fd, (struct sockaddr *)&a, len) < 0 || listen(fd, LISTEN_BACKLOG) < 0)
		return error_set_errno(err, errno, "cannot listen on %s", text);
	return TAKE_FD(fd);
}

/* Where we listen in fact: the configured port may be 0. */
static unsigned bound_port(int fd, char *host)
{
	struct sockaddr_storage a = { 0 };
	socklen_t len = sizeof(a);

	getsockname(fd, (struct sockaddr *)&a, &len);
	if (a.ss_family == AF_INET) {
		const struct sockaddr_in *v4 = (struct sockaddr_in *)&a;

		inet_ntop(AF_INET, &v4->sin_addr, host, INET6_ADDRSTRLEN);
		return ntohs(v4->sin_port);
	}
	const struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&a;

	inet_ntop(AF_INET6, &v6->sin6_addr, host, INET6_ADDRSTRLEN);
	return ntohs(v6->sin6_port);
}

static void log_serving(const struct registry *r, int fd, int debug_fd)
{
	char host[INET6_ADDRSTRLEN] = "", debug_host[INET6_ADDRSTRLEN] = "";
	unsigned port = bound_port(fd, host);

	if (debug_fd >= 0) {
		unsigned debug_port = bound_port(debug_fd, debug_host);

		log_info("counters debug_port=%u debug_host=%s", debug_port, debug_host);
	}
	log_info("serving host=%s port=%u root=%s version=%s", host, port, r->config->root,
	         CORACLE_VERSION);
}

/* For the signal handler: the one server, and how long it may take to end. */
static struct http_server *volatile running;
static volatile unsigned running_drain_ms;

static void on_stop(int sig)
{
	if (running)
		http_server_stop(running, running_drain_ms);
}

/* As PID 1 of a container the default action is not taken: handlers are a must. */
static void catch_signals(void)
{
	struct sigaction stop = { .sa_handler = on_stop }, ignore = { .sa_handler = SIG_IGN };

	sigaction(SIGTERM, &stop, NULL);
	sigaction(SIGINT, &stop, NULL);
	sigaction(SIGPIPE, &ignore, NULL);
}

static void on_reload(int sig)
{
	maintenance_reload();
}

static int open_tls(struct registry *r, struct error *err)
{
	const struct registry_config *c = r->config;
	const struct http_tls_options options = {
		.certificate = c->tls_certificate,
		.key = c->tls_key,
		.client_ca = c->tls_client_cas.len ? c->tls_client_cas.ptr[0] : NULL,
		.require_client = c->tls_client_cas.len &&
		                  (!c->tls_client_auth ||
		                   streq(c->tls_client_auth, "require-and-verify-client-cert")),
	};

	if (!c->tls_certificate)
		return 0;
	r->tls = http_tls_server(&options, err);
	return r->tls ? 0 : error_errno(err);
}

/* Everything is ready: until a signal ends it. */
static int run(struct registry *r, struct http_server *server, struct error *err)
{
	struct sigaction again = { .sa_handler = on_reload, .sa_flags = SA_RESTART };
	int ret = maintenance_start(r, err);

	if (ret < 0)
		return ret;
	running_drain_ms = (unsigned)(r->config->drain_ns / NSEC_PER_MSEC);
	running = server;
	catch_signals();
	sigaction(SIGHUP, &again, NULL);
	ret = http_server_run(server, err);
	running = NULL;
	maintenance_stop(r);
	log_info("stopped");
	return ret;
}

int registry_serve(struct registry *r, struct error *err)
{
	const struct http_server_options options = { .handler = registry_handle,
		                                     .ctx = r,
		                                     .server_name = "coracle-registry" };
	static char debug_tag[] = REGISTRY_DEBUG_TAG;
	AUTO_CLOSE int fd = listen_at(r->config->address, err);
	AUTO_CLOSE int debug_fd = -1;
	struct http_server *server;
	int ret;

	if (fd >= 0 && r->config->debug_address)
		debug_fd = listen_at(r->config->debug_address, err);
	if (fd < 0 || (r->config->debug_address && debug_fd < 0) || open_tls(r, err) < 0)
		return error_errno(err);
	server = http_server_new(&options, err);
	if (!server)
		return error_errno(err);
	log_serving(r, fd, debug_fd);
	ret = http_server_listen(server, TAKE_FD(fd), r->tls, NULL, err);
	if (ret == 0 && debug_fd >= 0)
		ret = http_server_listen(server, TAKE_FD(debug_fd), NULL, debug_tag, err);
	if (ret == 0)
		ret = run(r, server, err);
	http_server_free(server);
	return ret;
}
