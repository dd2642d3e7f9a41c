/* SPDX-License-Identifier: Apache-2.0 */
/* Accepting, parking, deadlines, stopping. server-internal.h explains how the parts fit. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/un.h>

#include "base/alloc.h"
#include "base/time.h"
#include "http/server-internal.h"

enum {
	EVENTS_MAX = 64,
	ACCEPT_BATCH = 64,
	TICK_MS = 500,        /* how late a deadline may be noticed */
	ACCEPT_PAUSE_MS = 50, /* after descriptors ran out */
};

static unsigned or_default(unsigned value, unsigned def)
{
	return value ? value : def;
}

static void set_options(struct http_server *s, const struct http_server_options *o)
{
	s->o = *o;
	s->server_name = xstrdup_null(o->server_name);
	s->o.server_name = s->server_name;
	s->o.max_threads = or_default(o->max_threads, 256);
	s->o.max_header = o->max_header ? o->max_header : 65536;
	s->o.max_headers = or_default(o->max_headers, 200);
	s->o.max_connections = or_default(o->max_connections, 12000);
	s->o.header_timeout_ms = or_default(o->header_timeout_ms, 10000);
	s->o.idle_timeout_ms = or_default(o->idle_timeout_ms, 60000);
	s->o.body_timeout_ms = or_default(o->body_timeout_ms, 60000);
}

static int open_spare(void)
{
	return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

DEFINE_CLEANUP(struct http_server *, http_server_free)

struct http_server *http_server_new(const struct http_server_options *o, struct error *err)
{
	CLEANUP(http_server_free_ptr) struct http_server *s = NEW(struct http_server);
	struct epoll_event e = { .events = EPOLLIN };

	set_options(s, o);
	list_init(&s->listeners);
	list_init(&s->active);
	for (int i = 0; i < HTTP_PARKED_KINDS; i++)
		list_init(&s->parked[i]);
	pthread_mutex_init(&s->lock, NULL);
	http_pool_init(&s->pool, s->o.max_threads);
	s->accepting = true;
	s->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	s->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	s->spare_fd = open_spare();
	if (s->epoll_fd < 0 || s->wake_fd < 0 ||
	    epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, s->wake_fd, &e) < 0) {
		error_set_errno(err, errno, "cannot set up an HTTP server");
		return NULL;
	}
	return TAKE_PTR(s);
}

static bool is_unix_socket(int fd)
{
	struct sockaddr_storage addr;
	socklen_t n = sizeof(addr);

	return getsockname(fd, (struct sockaddr *)&addr, &n) == 0 && addr.ss_family == AF_UNIX;
}

/* Listeners are told from connections in the epoll set by the lowest bit of the pointer. */
static int watch_listener(struct http_server *s, struct http_listener *l, int op)
{
	struct epoll_event e = { .events = EPOLLIN, .data.u64 = (uintptr_t)l | 1 };

	return epoll_ctl(s->epoll_fd, op, l->fd, &e);
}

int http_server_listen(struct http_server *s, int fd, struct http_tls *tls, void *tag,
                       struct error *err)
{
	struct http_listener *l = NEW(struct http_listener);
	int flags = fcntl(fd, F_GETFL);

	l->fd = fd;
	l->tls = tls ? http_tls_ops_of(tls)->ref(tls) : NULL;
	l->tag = tag;
	l->is_unix = is_unix_socket(fd);
	WITH_LOCK(&s->lock);
	list_append(&s->listeners, &l->link);
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ||
	    watch_listener(s, l, EPOLL_CTL_ADD) < 0)
		return error_set_errno(err, errno, "cannot listen for HTTP");
	return 0;
}

static void conn_free(struct http_conn *c)
{
	http_stream_close(c->stream);
	strbuf_done(&c->partial);
	free(c->tls_subject);
	free(c);
}

static void wake(struct http_server *s)
{
	uint64_t one = 1;

	IGNORE_RESULT(write(s->wake_fd, &one, sizeof(one)) < 0, "a full counter wakes as well");
}

void http_server_drop(struct http_server *s, struct http_conn *c)
{
	bool was_full;

	pthread_mutex_lock(&s->lock);
	list_remove(&c->link);
	was_full = s->n_conns-- >= s->o.max_connections;
	pthread_mutex_unlock(&s->lock);
	conn_free(c);
	if (was_full || atomic_load(&s->stopping))
		wake(s);
}

/* Takes the longest parked connections of a kind that have run out of time, or all. */
static struct http_conn *take_expired(struct http_server *s, enum http_parked kind, int64_t now,
                                      bool all)
{
	WITH_LOCK(&s->lock);
	list_for_each (&s->parked[kind], it) {
		struct http_conn *c = container_of(it, struct http_conn, link);

		if (all || c->deadline <= now) {
			list_remove(&c->link);
			list_append(&s->active, &c->link);
			return c;
		}
		if (kind == HTTP_PARKED_IDLE)
			break; /* ordered: the others have more time */
	}
	return NULL;
}

/* A client that sent part of a request is told; others just see the end. */
static void tell_timeout(struct http_conn *c)
{
	static const char text[] = "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n"
				   "Content-Length: 0\r\n\r\n";

	if (c->parked == HTTP_PARKED_HEAD && c->partial.len && !c->handshaking && !c->listener->tls)
		IGNORE_RESULT(send(c->stream->fd, text, sizeof(text) - 1,
		                   MSG_DONTWAIT | MSG_NOSIGNAL) < 0,
		              "it is closed next");
}

static void expire(struct http_server *s, bool all)
{
	int64_t now = time_monotonic();
	struct http_conn *c;

	for (int kind = 0; kind < HTTP_PARKED_KINDS; kind++)
		while ((c = take_expired(s, (enum http_parked)kind, now, all))) {
			tell_timeout(c);
			http_server_drop(s, c);
		}
}

void http_server_park(struct http_server *s, struct http_conn *c, enum http_parked kind,
                      int64_t deadline)
{
	struct epoll_event e = { .events = EPOLLIN | EPOLLRDHUP | EPOLLONESHOT, .data.ptr = c };
	bool failed = false;

	pthread_mutex_lock(&s->lock);
	if (atomic_load(&s->stopping) && kind != HTTP_PARKED_LINGER) {
		failed = true;
	} else {
		c->parked = kind;
		c->deadline = deadline;
		list_remove(&c->link);
		list_append(&s->parked[kind], &c->link);
		/* armed inside of the lock: as soon as it is, it may be served and freed */
		failed = epoll_ctl(s->epoll_fd, EPOLL_CTL_MOD, c->stream->fd, &e) < 0;
		if (failed) {
			list_remove(&c->link);
			list_append(&s->active, &c->link);
		}
	}
	pthread_mutex_unlock(&s->lock);
	if (failed)
		http_server_drop(s, c);
}

static void read_peer(struct http_conn *c, const struct sockaddr_storage *addr, socklen_t n)
{
	struct ucred cred;
	socklen_t n_cred = sizeof(cred);
	int one = 1;

	if (!c->listener->is_unix) {
		memcpy(c->peer.address.bytes, addr,
		       MIN(n, (socklen_t)sizeof(c->peer.address.bytes)));
		setsockopt(c->stream->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		return;
	}
	if (getsockopt(c->stream->fd, SOL_SOCKET, SO_PEERCRED, &cred, &n_cred) < 0)
		cred = (struct ucred){ .pid = 0, .uid = (uid_t)-1, .gid = (gid_t)-1 };
	c->peer.cred.pid = cred.pid;
	c->peer.cred.uid = cred.uid;
	c->peer.cred.gid = cred.gid;
}

static struct http_stream *make_stream(struct http_listener *l, int fd)
{
	struct error ignored = { 0 };

	/* failing to start TLS is memory or a bad reload, which that function reports */
	return l->tls ? http_tls_ops_of(l->tls)->start(l->tls, fd, &ignored)
	              : http_stream_plain(fd, NULL, 0);
}

static void add_conn(struct http_server *s, struct http_listener *l, int fd,
                     const struct sockaddr_storage *addr, socklen_t n)
{
	struct epoll_event none = { 0 };
	struct http_conn *c;
	struct http_stream *stream = make_stream(l, fd);

	if (!stream)
		return;
	c = NEW(struct http_conn);
	c->server = s;
	c->listener = l;
	c->stream = stream;
	c->stream->timeout_ms = (int)s->o.body_timeout_ms;
	c->handshaking = l->tls != NULL;
	list_init(&c->link);
	read_peer(c, addr, n);
	pthread_mutex_lock(&s->lock);
	s->n_conns++;
	list_append(&s->active, &c->link);
	pthread_mutex_unlock(&s->lock);
	if (epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, fd, &none) < 0) {
		http_server_drop(s, c);
		return;
	}
	http_server_park(s, c, HTTP_PARKED_HEAD,
	                 time_monotonic() + s->o.header_timeout_ms * NSEC_PER_MSEC);
}

static void set_accepting(struct http_server *s, bool on)
{
	WITH_LOCK(&s->lock);
	if (s->accepting == on)
		return;
	s->accepting = on;
	list_for_each (&s->listeners, it)
		IGNORE_RESULT(watch_listener(s, container_of(it, struct http_listener, link),
		                             on ? EPOLL_CTL_ADD : EPOLL_CTL_DEL) < 0,
		              "a listener that cannot be watched is noticed by its clients");
}

/*
 * Descriptors have run out. The connection idle for longest makes room; when there is none, the
 * spare descriptor lets us take the new one and close it, so that its client knows. Either way
 * accepting pauses, for a level-triggered listener would keep us spinning.
 */
static void out_of_descriptors(struct http_server *s, struct http_listener *l)
{
	struct http_conn *idle = take_expired(s, HTTP_PARKED_IDLE, 0, true);
	int fd;

	if (idle) {
		http_server_drop(s, idle);
	} else if (s->spare_fd >= 0) {
		close(TAKE_FD(s->spare_fd));
		fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC);
		if (fd >= 0)
			close(fd);
		s->spare_fd = open_spare();
	}
	set_accepting(s, false);
	s->accept_again = time_monotonic() + ACCEPT_PAUSE_MS * NSEC_PER_MSEC;
}

static bool is_full(struct http_server *s)
{
	WITH_LOCK(&s->lock);
	return s->n_conns >= s->o.max_connections;
}

static void accept_some(struct http_server *s, struct http_listener *l)
{
	for (int i = 0; i < ACCEPT_BATCH && s->accepting; i++) {
		struct sockaddr_storage addr = { 0 };
		socklen_t n = sizeof(addr);
		int fd;

		if (is_full(s)) {
			set_accepting(s, false);
			return;
		}
		fd = accept4(l->fd, (struct sockaddr *)&addr, &n, SOCK_CLOEXEC);
		if (fd >= 0)
			add_conn(s, l, fd, &addr, n);
		else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
			out_of_descriptors(s, l);
		else if (errno != ECONNABORTED && errno != EINTR)
			return;
	}
}

static void resume_accepting(struct http_server *s)
{
	if (s->accepting || atomic_load(&s->stopping) || is_full(s))
		return;
	if (s->accept_again && time_monotonic() < s->accept_again)
		return;
	s->accept_again = 0;
	set_accepting(s, true);
}

static void dispatch(struct http_server *s, struct http_conn *c)
{
	pthread_mutex_lock(&s->lock);
	list_remove(&c->link);
	list_append(&s->active, &c->link);
	pthread_mutex_unlock(&s->lock);
	http_pool_submit(s, c);
}

static void handle_event(struct http_server *s, const struct epoll_event *e)
{
	uint64_t count;

	if (!e->data.u64)
		IGNORE_RESULT(read(s->wake_fd, &count, sizeof(count)) < 0, "it only woke us");
	else if (e->data.u64 & 1)
		accept_some(s, (struct http_listener *)(uintptr_t)(e->data.u64 & ~(uint64_t)1));
	else
		dispatch(s, e->data.ptr);
}

static int wait_events(struct http_server *s, int timeout_ms, struct error *err)
{
	struct epoll_event events[EVENTS_MAX];
	int n = epoll_wait(s->epoll_fd, events, EVENTS_MAX, timeout_ms);

	if (n < 0)
		return errno == EINTR ? 0
		                      : error_set_errno(err, errno, "cannot wait for connections");
	for (int i = 0; i < n; i++)
		handle_event(s, &events[i]);
	return 0;
}

static bool any_active(struct http_server *s)
{
	WITH_LOCK(&s->lock);
	return !list_empty(&s->active) || !list_empty(&s->parked[HTTP_PARKED_LINGER]);
}

static void break_active(struct http_server *s)
{
	WITH_LOCK(&s->lock);
	list_for_each (&s->active, it) {
		struct http_conn *c = container_of(it, struct http_conn, link);

		if (c->stream)
			shutdown(c->stream->fd, SHUT_RDWR);
	}
}

static void close_listeners(struct http_server *s)
{
	set_accepting(s, false);
	WITH_LOCK(&s->lock);
	list_for_each (&s->listeners, it) {
		struct http_listener *l = container_of(it, struct http_listener, link);

		if (l->fd >= 0)
			close(TAKE_FD(l->fd));
	}
}

/* Lets active requests end; their connections are closed as they do. */
static int drain(struct http_server *s, struct error *err)
{
	int64_t until = time_monotonic() + atomic_load(&s->drain_ms) * NSEC_PER_MSEC;

	close_listeners(s);
	while (any_active(s)) {
		int64_t left = until - time_monotonic();
		int r;

		for (int kind = 0; kind < HTTP_PARKED_LINGER; kind++) {
			struct http_conn *c;

			while ((c = take_expired(s, (enum http_parked)kind, 0, true)))
				http_server_drop(s, c);
		}
		if (left <= 0)
			break;
		r = wait_events(s, (int)MIN(left / NSEC_PER_MSEC + 1, (int64_t)TICK_MS), err);
		if (r < 0)
			return r;
		expire(s, false);
	}
	expire(s, true);
	break_active(s);
	return 0;
}

/* Deadlines are looked at now and then; without connections there are none. */
static int tick(struct http_server *s)
{
	WITH_LOCK(&s->lock);
	if (s->accept_again)
		return ACCEPT_PAUSE_MS;
	return s->n_conns ? TICK_MS : -1;
}

int http_server_run(struct http_server *s, struct error *err)
{
	int64_t next_tick = 0;

	while (!atomic_load(&s->stopping)) {
		int r = wait_events(s, tick(s), err);
		int64_t now = time_monotonic();

		if (r < 0)
			return r;
		resume_accepting(s);
		if (now < next_tick)
			continue;
		next_tick = now + TICK_MS * NSEC_PER_MSEC / 2;
		expire(s, false);
	}
	return drain(s, err);
}

void http_server_stop(struct http_server *s, unsigned drain_ms)
{
	int saved = errno;

	atomic_store(&s->drain_ms, drain_ms);
	atomic_store(&s->stopping, true);
	wake(s);
	errno = saved;
}

void http_server_free(struct http_server *s)
{
	if (!s)
		return;
	atomic_store(&s->stopping, true);
	break_active(s);
	http_pool_done(&s->pool);
	expire(s, true);
	close_listeners(s);
	list_for_each (&s->listeners, it) {
		struct http_listener *l = container_of(it, struct http_listener, link);

		if (l->tls)
			http_tls_ops_of(l->tls)->unref(l->tls);
		free(l);
	}
	/* jobs for which no thread could be had */
	list_for_each (&s->active, it)
		http_server_drop(s, container_of(it, struct http_conn, link));
	if (s->spare_fd >= 0)
		close(s->spare_fd);
	if (s->wake_fd >= 0)
		close(s->wake_fd);
	if (s->epoll_fd >= 0)
		close(s->epoll_fd);
	pthread_mutex_destroy(&s->lock);
	free(s->server_name);
	free(s);
}
