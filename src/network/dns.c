/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The name service of user-defined networks. Each container has a UDP and a TCP socket at
 * 127.0.0.11:53 inside its own namespace, where nobody else can reach them; one thread serves the
 * UDP sockets of all. What it does not know goes to the container's servers from the engine's
 * namespace, by a socket (so a port) and an id of its own for each query, and the answer must be
 * to the question that was asked. TCP is rare and served by a short thread for each connection.
 *
 * Sockets are opened and queries come by any thread, but only the service's thread closes them:
 * dns_stop() puts a server among the dead and wakes it.
 */
#include <errno.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include "base/list.h"
#include "base/log.h"
#include "base/time.h"
#include "network/dns-internal.h"

enum {
	DNS_PORT = 53,
	PENDING_MAX = 1024,
	PENDING_PER_SERVER = 128, /* one container can't use up the others' share */
	TCP_MAX = 32,
	TCP_PER_SERVER = 4,
	TCP_PATIENCE = 5,
	EVENTS = 64,
	BACKLOG = 8,
};

static const int64_t server_patience = 2 * NSEC_PER_SEC;
static const uint8_t listen_address[4] = { 127, 0, 0, 11 };

enum source_kind { SOURCE_UDP, SOURCE_TCP, SOURCE_PENDING, SOURCE_WAKE };

/* What epoll hands back: embedded in its owner. */
struct source {
	enum source_kind kind;
	int fd;
};

struct server {
	struct list item; /* in dns.servers or dns.dead */
	struct source udp, tcp;
	char *container_id;
	unsigned pending; /* queries under way, the service thread's */
	unsigned refs;    /* TCP connections, under dns.lock */
	bool dead;        /* under dns.lock */
};

/* A query that waits for a server. The service thread's alone. */
struct pending {
	struct list item;
	struct source source; /* connected to the server asked now; its port is random */
	struct server *server;
	struct sockaddr_storage client;
	socklen_t client_len;
	struct dns_question question; /* with the client's id */
	struct strbuf query;          /* with the id that we gave it */
	struct strv servers;          /* still to ask, the current one first */
	int64_t deadline;
};

struct dns {
	struct networks *n; /* borrowed */
	pthread_t thread;
	pthread_mutex_t lock; /* over servers, dead, clients, tcp_count, stop */
	pthread_cond_t tcp_ended;
	struct list servers, dead, clients;
	unsigned tcp_count;
	bool stop;
	int epoll;
	struct source wake;
	struct list pending; /* by deadline; the service thread's, as all below */
	unsigned n_pending;
};

struct tcp_client {
	struct list item; /* in dns.clients */
	struct dns *d;
	struct server *server;
	int fd;
};

static int watch(struct dns *d, struct source *s)
{
	struct epoll_event e = { .events = EPOLLIN, .data.ptr = s };

	return epoll_ctl(d->epoll, EPOLL_CTL_ADD, s->fd, &e) < 0 ? -errno : 0;
}

static void wake(struct dns *d)
{
	uint64_t one = 1;

	IGNORE_RESULT(write(d->wake.fd, &one, sizeof(one)) < 0, "it is awake then");
}

static void server_free(struct server *s)
{
	if (s->udp.fd >= 0)
		close(s->udp.fd);
	if (s->tcp.fd >= 0)
		close(s->tcp.fd);
	free(s->container_id);
	free(s);
}

static void pending_free(struct dns *d, struct pending *p)
{
	list_remove(&p->item);
	d->n_pending--;
	p->server->pending--;
	if (p->source.fd >= 0)
		close(p->source.fd);
	strbuf_done(&p->query);
	strv_done(&p->servers);
	free(p);
}

static int to_address(const char *text, struct sockaddr_storage *ret, socklen_t *ret_len)
{
	struct ip ip;

	*ret = (struct sockaddr_storage){ 0 };
	if (ip_parse(text, &ip) < 0)
		return -EINVAL;
	ret->ss_family = (sa_family_t)ip.family;
	if (ip.family == AF_INET6) {
		struct sockaddr_in6 *a = (struct sockaddr_in6 *)ret;

		a->sin6_port = htons(DNS_PORT);
		memcpy(&a->sin6_addr, ip.bytes, 16);
		*ret_len = sizeof(*a);
		return 0;
	}
	struct sockaddr_in *a = (struct sockaddr_in *)ret;

	a->sin_port = htons(DNS_PORT);
	memcpy(&a->sin_addr, ip.bytes, 4);
	*ret_len = sizeof(*a);
	return 0;
}

static int connect_server(const char *server, int type)
{
	struct sockaddr_storage address;
	struct timeval patience = { .tv_sec = TCP_PATIENCE };
	socklen_t len;
	int fd;

	if (to_address(server, &address, &len) < 0)
		return -1;
	fd = socket(address.ss_family, type | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (connect(fd, (struct sockaddr *)&address, len) == 0)
		return fd;
	close(fd);
	return -1;
}

/* Asks the first of the servers that can be asked. false: none is left. */
static bool ask(struct dns *d, struct pending *p)
{
	while (p->servers.len) {
		if (p->source.fd >= 0)
			close(p->source.fd); /* leaves the epoll set, too */
		p->source.fd = connect_server(p->servers.ptr[0], SOCK_DGRAM | SOCK_NONBLOCK);
		random_bytes(p->query.ptr, 2);
		if (p->source.fd >= 0 && watch(d, &p->source) == 0 &&
		    send(p->source.fd, p->query.ptr, p->query.len, 0) == (ssize_t)p->query.len) {
			p->deadline = time_monotonic() + server_patience;
			list_remove(&p->item);
			list_append(&d->pending, &p->item);
			return true;
		}
		strv_remove(&p->servers, 0);
	}
	return false;
}

static void reply(const struct server *s, const void *data, size_t n,
                  const struct sockaddr_storage *to, socklen_t len)
{
	IGNORE_RESULT(sendto(s->udp.fd, data, n, MSG_DONTWAIT, (const struct sockaddr *)to, len) <
	                      0,
	              "UDP: the client asks again");
}

static void reply_failure(struct pending *p)
{
	AUTO_STRBUF out = { 0 };

	dns_answer_begin(&out, strbuf_str(&p->query), &p->question, DNS_SERVFAIL);
	reply(p->server, out.ptr, out.len, &p->client, p->client_len);
}

/* The current server did not answer well: on to the next. */
static void ask_next(struct dns *d, struct pending *p)
{
	if (p->servers.len)
		strv_remove(&p->servers, 0);
	if (ask(d, p))
		return;
	reply_failure(p);
	pending_free(d, p);
}

static void forward(struct dns *d, struct server *s, struct str query, const struct dns_question *q,
                    struct strv *servers, const struct sockaddr_storage *client, socklen_t len)
{
	struct pending *p;

	if (d->n_pending >= PENDING_MAX || s->pending >= PENDING_PER_SERVER)
		return; /* as a lost datagram: the client asks again */
	p = NEW(struct pending);
	list_init(&p->item);
	p->source = (struct source){ .kind = SOURCE_PENDING, .fd = -1 };
	p->server = s;
	p->client = *client;
	p->client_len = len;
	p->question = *q;
	strbuf_add_str(&p->query, query);
	p->servers = *servers;
	*servers = (struct strv){ 0 };
	d->n_pending++;
	s->pending++;
	if (ask(d, p))
		return;
	reply_failure(p);
	pending_free(d, p);
}

static void on_query(struct dns *d, struct server *s)
{
	char buf[DNS_MESSAGE_MAX + 1];
	struct sockaddr_storage client = { 0 };
	socklen_t len = sizeof(client);
	ssize_t n = recvfrom(s->udp.fd, buf, sizeof(buf), MSG_DONTWAIT, (struct sockaddr *)&client,
	                     &len);
	AUTO_STRBUF out = { 0 };
	AUTO_STRV servers = { 0 };
	struct dns_question q;
	struct str query;

	if (n < 0)
		return;
	query = str_n(buf, (size_t)n);
	if (dns_serve_query(d->n, s->container_id, query, true, &q, &out, &servers) == DNS_FORWARD)
		forward(d, s, query, &q, &servers, &client, len);
	else if (out.len)
		reply(s, out.ptr, out.len, &client, len);
}

static void on_answer(struct dns *d, struct pending *p)
{
	char buf[DNS_MESSAGE_MAX];
	ssize_t n = recv(p->source.fd, buf, sizeof(buf), MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0) {
		ask_next(d, p); /* refused: nobody is there */
		return;
	}
	if (!dns_is_answer(strbuf_str(&p->query), p->question.end, str_n(buf, (size_t)n)))
		return; /* somebody guesses: wait on */
	buf[0] = (char)(p->question.id >> 8);
	buf[1] = (char)p->question.id;
	reply(p->server, buf, (size_t)n, &p->client, p->client_len);
	pending_free(d, p);
}

static void expire(struct dns *d)
{
	int64_t now = time_monotonic();

	list_for_each (&d->pending, it) {
		struct pending *p = container_of(it, struct pending, item);

		if (p->deadline > now)
			return;
		ask_next(d, p);
	}
}

static bool read_all(int fd, void *data, size_t n)
{
	return recv(fd, data, n, MSG_WAITALL) == (ssize_t)n;
}

static bool write_message(int fd, struct str m)
{
	char head[2] = { (char)(m.len >> 8), (char)m.len };

	return send(fd, head, 2, MSG_NOSIGNAL | MSG_MORE) == 2 &&
	       send(fd, m.ptr, m.len, MSG_NOSIGNAL) == (ssize_t)m.len;
}

/* One message with its length before it, at most limit bytes. */
static bool read_message(int fd, size_t limit, struct strbuf *out)
{
	uint8_t head[2];
	size_t n;

	strbuf_clear(out);
	if (!read_all(fd, head, 2))
		return false;
	n = (size_t)head[0] << 8 | head[1];
	if (n < DNS_HEADER || n > limit || !read_all(fd, strbuf_reserve(out, n), n))
		return false;
	strbuf_added(out, n);
	return true;
}

/* The servers' answer over TCP in out; false when none has one. */
static bool forward_tcp(struct str query, size_t question_end, const struct strv *servers,
                        struct strbuf *out)
{
	for (size_t i = 0; i < servers->len; i++) {
		AUTO_CLOSE int fd = connect_server(servers->ptr[i], SOCK_STREAM);

		if (fd >= 0 && write_message(fd, query) && read_message(fd, 65535, out) &&
		    dns_is_answer(query, question_end, strbuf_str(out)))
			return true;
	}
	return false;
}

static bool serve_tcp_query(struct tcp_client *c)
{
	AUTO_STRBUF query = { 0 }, out = { 0 };
	AUTO_STRV servers = { 0 };
	struct dns_question q;

	if (!read_message(c->fd, DNS_MESSAGE_MAX, &query))
		return false;
	if (dns_serve_query(c->d->n, c->server->container_id, strbuf_str(&query), false, &q, &out,
	                    &servers) == DNS_FORWARD &&
	    !forward_tcp(strbuf_str(&query), q.end, &servers, &out))
		dns_answer_begin(&out, strbuf_str(&query), &q, DNS_SERVFAIL);
	return out.len && write_message(c->fd, strbuf_str(&out));
}

static void *serve_tcp(void *arg)
{
	struct tcp_client *c = arg;
	struct dns *d = c->d;

	while (serve_tcp_query(c))
		;
	pthread_mutex_lock(&d->lock);
	list_remove(&c->item);
	close(c->fd);
	c->server->refs--;
	d->tcp_count--;
	pthread_cond_signal(&d->tcp_ended);
	wake(d); /* a dead server may be free of us now */
	pthread_mutex_unlock(&d->lock);
	free(c);
	return NULL;
}

/* NULL when there are too many. */
static struct tcp_client *admit(struct dns *d, struct server *s, int fd)
{
	struct tcp_client *c;

	WITH_LOCK(&d->lock);
	if (d->stop || d->tcp_count >= TCP_MAX || s->refs >= TCP_PER_SERVER)
		return NULL;
	c = NEW(struct tcp_client);
	*c = (struct tcp_client){ .d = d, .server = s, .fd = fd };
	list_append(&d->clients, &c->item);
	d->tcp_count++;
	s->refs++;
	return c;
}

static void on_connection(struct dns *d, struct server *s)
{
	struct timeval patience = { .tv_sec = TCP_PATIENCE };
	int fd = accept4(s->tcp.fd, NULL, NULL, SOCK_CLOEXEC);
	struct error err = { 0 };
	struct tcp_client *c;

	if (fd < 0)
		return;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	c = admit(d, s, fd);
	if (!c) {
		close(fd);
		return;
	}
	if (thread_start(NULL, serve_tcp, c, &err) < 0) {
		shutdown(fd, SHUT_RDWR);
		serve_tcp(c); /* only takes its leave */
	}
}

/* Servers that were stopped go once nothing refers to them. Only between rounds of events: one
 * that epoll has reported may be among them. */
static bool bury(struct dns *d)
{
	WITH_LOCK(&d->lock);
	list_for_each (&d->dead, it) {
		struct server *s = container_of(it, struct server, item);

		list_for_each (&d->pending, p_it) {
			struct pending *p = container_of(p_it, struct pending, item);

			if (p->server == s)
				pending_free(d, p);
		}
		if (s->refs)
			continue;
		list_remove(&s->item);
		server_free(s);
	}
	return d->stop;
}

static void dispatch(struct dns *d, struct source *source)
{
	uint64_t ignored;

	switch (source->kind) {
	case SOURCE_WAKE:
		IGNORE_RESULT(read(source->fd, &ignored, sizeof(ignored)) < 0, "only to reset it");
		return;
	case SOURCE_UDP:
		on_query(d, container_of(source, struct server, udp));
		return;
	case SOURCE_TCP:
		on_connection(d, container_of(source, struct server, tcp));
		return;
	case SOURCE_PENDING:
		on_answer(d, container_of(source, struct pending, source));
		return;
	}
}

static int time_out(const struct dns *d)
{
	const struct pending *first;
	int64_t left;

	if (list_empty(&d->pending))
		return -1;
	first = container_of(d->pending.next, struct pending, item);
	left = first->deadline - time_monotonic();
	return left <= 0 ? 0 : (int)(left / NSEC_PER_MSEC) + 1;
}

static void *serve(void *arg)
{
	struct dns *d = arg;
	struct epoll_event events[EVENTS];

	while (!bury(d)) {
		int n = epoll_wait(d->epoll, events, EVENTS, time_out(d));

		for (int i = 0; i < n; i++)
			dispatch(d, events[i].data.ptr);
		expire(d);
	}
	return NULL;
}

int dns_new(struct networks *n, struct dns **ret, struct error *err)
{
	struct dns *d = NEW(struct dns);
	int r;

	d->n = n;
	pthread_mutex_init(&d->lock, NULL);
	pthread_cond_init(&d->tcp_ended, NULL);
	list_init(&d->servers);
	list_init(&d->dead);
	list_init(&d->clients);
	list_init(&d->pending);
	d->epoll = epoll_create1(EPOLL_CLOEXEC);
	d->wake = (struct source){ .kind = SOURCE_WAKE,
		                   .fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) };
	if (d->epoll < 0 || d->wake.fd < 0 || watch(d, &d->wake) < 0)
		r = error_set_errno(err, errno, "cannot set up the name service");
	else
		r = thread_start(&d->thread, serve, d, err);
	if (r < 0) {
		close(d->epoll);
		close(d->wake.fd);
		free(d);
		return r;
	}
	*ret = d;
	return 0;
}

static void stop(struct dns *d)
{
	WITH_LOCK(&d->lock);
	d->stop = true;
	list_for_each (&d->servers, it) {
		list_remove(it);
		list_append(&d->dead, it);
	}
	list_for_each (&d->clients, it)
		shutdown(container_of(it, struct tcp_client, item)->fd, SHUT_RDWR);
	wake(d);
}

static void await_tcp(struct dns *d)
{
	WITH_LOCK(&d->lock);
	while (d->tcp_count)
		pthread_cond_wait(&d->tcp_ended, &d->lock);
}

void dns_free(struct dns *d)
{
	if (!d)
		return;
	stop(d);
	pthread_join(d->thread, NULL);
	await_tcp(d);
	bury(d);
	close(d->epoll);
	close(d->wake.fd);
	pthread_cond_destroy(&d->tcp_ended);
	pthread_mutex_destroy(&d->lock);
	free(d);
}

static int listen_inside(int netns, int type, struct error *err)
{
	AUTO_CLOSE int fd = netns_socket(netns, AF_INET, type | SOCK_NONBLOCK, 0, err);
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(DNS_PORT) };
	int on = 1;

	if (fd < 0)
		return fd;
	memcpy(&a.sin_addr, listen_address, sizeof(listen_address));
	if (type == SOCK_STREAM)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 ||
	    (type == SOCK_STREAM && listen(fd, BACKLOG) < 0))
		return error_set_errno(err, errno,
		                       "cannot listen at 127.0.0.11:53 in the container's network");
	return TAKE_FD(fd);
}

static struct server *find_server(struct dns *d, const char *container_id)
{
	list_for_each (&d->servers, it) {
		struct server *s = container_of(it, struct server, item);

		if (streq(s->container_id, container_id))
			return s;
	}
	return NULL;
}

static int open_server(struct server *s, const char *netns_path, struct error *err)
{
	AUTO_CLOSE int netns = netns_open(netns_path, err);

	if (netns < 0)
		return netns;
	s->udp.fd = listen_inside(netns, SOCK_DGRAM, err);
	if (s->udp.fd < 0)
		return s->udp.fd;
	s->tcp.fd = listen_inside(netns, SOCK_STREAM, err);
	return s->tcp.fd < 0 ? s->tcp.fd : 0;
}

int dns_serve(struct dns *d, const char *container_id, const char *netns_path, struct error *err)
{
	struct server *s;
	int r;

	WITH_LOCK(&d->lock);
	if (find_server(d, container_id))
		return 0;
	s = NEW(struct server);
	s->udp = (struct source){ .kind = SOURCE_UDP, .fd = -1 };
	s->tcp = (struct source){ .kind = SOURCE_TCP, .fd = -1 };
	s->container_id = xstrdup(container_id);
	r = open_server(s, netns_path, err);
	if (r < 0) {
		server_free(s);
		return error_prefix(err, "name service");
	}
	list_append(&d->servers, &s->item);
	r = watch(d, &s->udp);
	if (r >= 0)
		r = watch(d, &s->tcp);
	if (r < 0) {
		list_remove(&s->item);
		server_free(s);
		return error_set_errno(err, -r, "name service");
	}
	return 0;
}

void dns_stop(struct dns *d, const char *container_id)
{
	struct server *s;

	WITH_LOCK(&d->lock);
	s = find_server(d, container_id);
	if (!s)
		return;
	list_remove(&s->item);
	list_append(&d->dead, &s->item);
	wake(d);
}
