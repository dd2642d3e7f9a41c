/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Published ports. The firewall carries the traffic; a socket bound to the host's port, which
 * never serves anybody, keeps other programs from taking it and tells us when one has it.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>

#include "base/fs.h"
#include "base/log.h"
#include "network/networks-internal.h"

enum { PORT_FIRST = 49153, PORT_LAST = 65535 };

static const struct {
	const char *name;
	uint8_t protocol;
	int type;
} protocols[] = {
	{ "tcp", IPPROTO_TCP, SOCK_STREAM },
	{ "udp", IPPROTO_UDP, SOCK_DGRAM },
	{ "sctp", IPPROTO_SCTP, SOCK_STREAM },
};

struct port_range {
	uint16_t first, last; /* 0: any */
};

void publication_done(struct publication *p)
{
	free(p->container_id);
	free(p->port);
	if (p->fd >= 0)
		close(p->fd);
}

static int type_of(uint8_t protocol)
{
	for (size_t i = 0; i < ARRAY_SIZE(protocols); i++)
		if (protocols[i].protocol == protocol)
			return protocols[i].type;
	return SOCK_STREAM;
}

static socklen_t to_sockaddr(const struct firewall_port *p, struct sockaddr_storage *ret)
{
	*ret = (struct sockaddr_storage){ .ss_family = (sa_family_t)p->host.family };
	if (p->host.family == AF_INET6) {
		struct sockaddr_in6 *a = (struct sockaddr_in6 *)ret;

		a->sin6_port = htons(p->host_port);
		memcpy(&a->sin6_addr, p->host.bytes, 16);
		return sizeof(*a);
	}
	struct sockaddr_in *a = (struct sockaddr_in *)ret;

	a->sin_port = htons(p->host_port);
	memcpy(&a->sin_addr, p->host.bytes, 4);
	return sizeof(*a);
}

static int bind_held(int fd, const struct firewall_port *p)
{
	struct sockaddr_storage address;
	socklen_t len = to_sockaddr(p, &address);
	int on = 1, off = 0;

	if (p->host.family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	if (p->protocol != IPPROTO_TCP)
		return bind(fd, (struct sockaddr *)&address, len);
	/*
	 * Connections of the port's last user may linger: SO_REUSEADDR passes over them, and
	 * listening still fails when another program listens. Then the socket stops listening and
	 * being reusable, so that nobody else can have the port, yet a client that the firewall
	 * did not catch is refused instead of waiting for ever.
	 */
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&address, len) < 0 || listen(fd, 1) < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &off, sizeof(off));
	return shutdown(fd, SHUT_RDWR);
}

int port_hold(const struct firewall_port *p, int *ret, struct error *err)
{
	AUTO_CLOSE int fd =
		socket(p->host.family, type_of(p->protocol) | SOCK_CLOEXEC, p->protocol);
	char text[IP_TEXT_MAX];

	*ret = -1;
	if (fd < 0 &&
	    (errno == EPROTONOSUPPORT || errno == EAFNOSUPPORT || errno == ESOCKTNOSUPPORT))
		return 0;
	if (fd < 0)
		return error_set_errno(err, errno, "cannot open a socket");
	if (bind_held(fd, p) == 0) {
		*ret = TAKE_FD(fd);
		return 0;
	}
	ip_format(&p->host, text);
	if (errno == EADDRINUSE)
		return error_set(err, ERROR_CONFLICT,
		                 "failed to bind host port %s:%u: address already in use: another "
		                 "program on this host holds it",
		                 text, p->host_port);
	if (errno == EADDRNOTAVAIL)
		return error_set(
			err, ERROR_INVALID,
			"failed to bind host port %s:%u: cannot assign requested address: this "
			"host has no such address",
			text, p->host_port);
	return error_set_errno(err, errno, "failed to bind host port %s:%u", text, p->host_port);
}

/* "80", "80/tcp"; *ret_protocol indexes protocols. */
static int parse_container_port(const char *text, uint16_t *ret_port, size_t *ret_protocol,
                                struct error *err)
{
	struct str rest = str_from(text), number;
	uint64_t port;

	str_cut(&rest, '/', &number);
	if (parse_u64_str(number, 10, &port) < 0 || port < 1 || port > 65535)
		return error_set(err, ERROR_INVALID, "invalid port specification: %s", text);
	for (size_t i = 0; i < ARRAY_SIZE(protocols); i++)
		if (!rest.ptr || str_ieq_c(rest, protocols[i].name)) {
			*ret_port = (uint16_t)port;
			*ret_protocol = i;
			return 0;
		}
	return error_set(err, ERROR_INVALID, "invalid port specification: %s: unknown protocol",
	                 text);
}

static int parse_host_port(const char *text, struct port_range *ret, struct error *err)
{
	struct str rest = str_from(text), first;
	uint64_t a, b;

	*ret = (struct port_range){ 0 };
	if (str_empty_or_null(text) || streq(text, "0"))
		return 0;
	str_cut(&rest, '-', &first);
	if (parse_u64_str(first, 10, &a) < 0 || a < 1 || a > 65535)
		return error_set(err, ERROR_INVALID, "invalid port specification: %s", text);
	b = a;
	if (rest.ptr && (parse_u64_str(rest, 10, &b) < 0 || b < a || b > 65535))
		return error_set(err, ERROR_INVALID, "invalid range format for port: %s", text);
	*ret = (struct port_range){ .first = (uint16_t)a, .last = (uint16_t)b };
	return 0;
}

/* Docker takes ports nobody asked for from the kernel's range for outgoing connections. */
static struct port_range dynamic_range(void)
{
	struct port_range usual = { .first = PORT_FIRST, .last = PORT_LAST };
	struct error ignored = { 0 };
	AUTO_STRBUF text = { 0 };
	unsigned first, last;

	if (read_file(AT_FDCWD, "/proc/sys/net/ipv4/ip_local_port_range", 64, &text, &ignored) <
	            0 ||
	    sscanf(strbuf_cstr(&text), "%u %u", &first, &last) != 2 || first < 1 || last < first ||
	    last > 65535)
		return usual;
	return (struct port_range){ .first = (uint16_t)first, .last = (uint16_t)last };
}

static bool is_allocated(const struct networks *n, const struct firewall_port *p)
{
	vec_for_each (&n->publications, other) {
		const struct firewall_port *o = &other->fw;

		if (o->protocol == p->protocol && o->host_port == p->host_port &&
		    o->host.family == p->host.family &&
		    (ip_equal(&o->host, &p->host) || ip_is_any(&o->host) || ip_is_any(&p->host)))
			return true;
	}
	return false;
}

static int try_port(struct networks *n, const struct firewall_port *p, int *ret_fd,
                    struct error *err)
{
	char text[IP_TEXT_MAX];

	if (is_allocated(n, p))
		return error_set(err, ERROR_CONFLICT,
		                 "Bind for %s:%u failed: port is already allocated",
		                 ip_format(&p->host, text), p->host_port);
	return port_hold(p, ret_fd, err);
}

/* The first free port of the range. The error is the last one's. */
static int choose_port(struct networks *n, struct firewall_port *p, struct port_range range,
                       int *ret_fd, struct error *err)
{
	bool dynamic = range.first == 0;
	uint32_t size, start = 0;
	int r = 0;

	if (dynamic) {
		range = dynamic_range();
		if (n->last_port >= range.first && n->last_port < range.last)
			start = (uint32_t)(n->last_port + 1 - range.first);
	}
	size = (uint32_t)range.last - range.first + 1;
	for (uint32_t i = 0; i < size; i++) {
		error_clear(err);
		p->host_port = (uint16_t)(range.first + (start + i) % size);
		r = try_port(n, p, ret_fd, err);
		if (r >= 0 && dynamic)
			n->last_port = p->host_port;
		if (r >= 0 || err->kind != ERROR_CONFLICT)
			return r;
	}
	if (size > 1)
		return error_set(err, ERROR_CONFLICT,
		                 "all ports from %u to %u are already allocated", range.first,
		                 range.last);
	return r;
}

/* The endpoint that published ports lead to: the one with the default route. */
static const struct net_endpoint *target_of(struct networks *n, const char *container_id,
                                            const struct net **ret_net)
{
	const struct net_endpoint *found = NULL;

	vec_for_each (&n->nets, net) {
		const struct net_endpoint *e = net_endpoint_of(*net, container_id);

		if (!e || (*net)->kind != NET_BRIDGE || (*net)->info.internal ||
		    (found && !e->has_gateway))
			continue;
		found = e;
		*ret_net = *net;
	}
	return found;
}

struct wish {
	const char *container_id;
	const char *port; /* as the client wrote it */
	size_t protocol;
	uint16_t to_port;
	struct port_range range;
};

static int add_publication(struct networks *n, const struct wish *w, const struct ip *host,
                           const char *to, struct publication_vec *done, struct error *err)
{
	struct publication p = { .fd = -1 };
	int r;

	p.fw = (struct firewall_port){ .protocol = protocols[w->protocol].protocol,
		                       .host = *host,
		                       .to_port = w->to_port };
	if (ip_parse(to, &p.fw.to) < 0)
		return error_set(err, ERROR_INTERNAL, "damaged address %s", to);
	r = choose_port(n, &p.fw, w->range, &p.fd, err);
	if (r < 0)
		return r;
	p.container_id = xstrdup(w->container_id);
	p.port = xasprintf("%u/%s", w->to_port, protocols[w->protocol].name);
	publication_vec_push(&n->publications, p);
	r = rows_add_publication(n, &p, err);
	if (r >= 0)
		publication_vec_push(done, p);
	return r;
}

static const char *default_host(const struct networks *n, const struct net *net)
{
	const char *host =
		strmap_get(&net->info.options, "com.docker.network.bridge.host_binding_ipv4");

	if (!str_empty_or_null(host))
		return host;
	return n->publish_address ? n->publish_address : "0.0.0.0";
}

/* One binding of one port. Without a host address also [::], when the container has IPv6. */
static int publish_one(struct networks *n, struct wish *w, const struct port_binding *b,
                       struct publication_vec *done, struct error *err)
{
	static const struct ip any6 = { .family = AF_INET6 };
	bool chosen = str_empty_or_null(b->host_ip);
	const struct net *net = NULL;
	const struct net_endpoint *e = target_of(n, w->container_id, &net);
	const char *text, *to;
	struct ip host;
	int r;

	if (!e)
		return 0;
	text = chosen ? default_host(n, net) : b->host_ip;
	if (ip_parse(text, &host) < 0)
		return error_set(err, ERROR_INVALID, "invalid IP address %s", text);
	r = parse_host_port(b->host_port, &w->range, err);
	if (r < 0)
		return r;
	to = host.family == AF_INET ? e->ipv4 : e->ipv6;
	if (!to)
		return error_set(
			err, ERROR_NOT_IMPLEMENTED,
			"cannot publish port %s on %s: the container has no address of that "
			"family on network %s",
			w->port, text, net->info.name);
	r = add_publication(n, w, &host, to, done, err);
	if (r < 0 || !chosen || !ip_is_any(&host) || host.family != AF_INET || !e->ipv6)
		return r;
	w->range.first = w->range.last = done->ptr[done->len - 1].fw.host_port;
	return add_publication(n, w, &any6, e->ipv6, done, err);
}

static int publish_all(struct networks *n, const char *container_id, const struct port_map *ports,
                       struct publication_vec *done, struct error *err)
{
	static const struct port_binding none;

	vec_for_each (ports, p) {
		struct wish w = { .container_id = container_id, .port = p->port };
		int r = parse_container_port(p->port, &w.to_port, &w.protocol, err);

		if (r < 0)
			return r;
		if (p->bindings.len == 0) {
			r = publish_one(n, &w, &none, done, err);
			if (r < 0)
				return r;
		}
		vec_for_each (&p->bindings, b) {
			r = publish_one(n, &w, b, done, err);
			if (r < 0)
				return r;
		}
	}
	return 0;
}

static void report(const struct publication_vec *done, struct published_port_vec *ret)
{
	char text[IP_TEXT_MAX];

	vec_for_each (done, p) {
		struct published_port out = { .port = xstrdup(p->port),
			                      .host_ip = xstrdup(ip_format(&p->fw.host, text)),
			                      .host_port = p->fw.host_port };

		published_port_vec_push(ret, out);
	}
}

int network_publish(struct networks *n, const char *container_id, const struct port_map *bindings,
                    struct published_port_vec *ret, struct error *err)
{
	CLEANUP(publication_vec_done) struct publication_vec done = { 0 }; /* borrows */
	CLEANUP(firewall_port_vec_done) struct firewall_port_vec ports = { 0 };
	int r;

	WITH_LOCK(&n->lock);
	r = publish_all(n, container_id, bindings, &done, err);
	if (r >= 0) {
		vec_for_each (&done, p)
			firewall_port_vec_push(&ports, p->fw);
		r = firewall_open_ports(&n->firewall, &ports, err);
	}
	if (r < 0) {
		unpublish(n, container_id);
		return r;
	}
	report(&done, ret);
	return 0;
}

void unpublish(struct networks *n, const char *container_id)
{
	CLEANUP(firewall_port_vec_done) struct firewall_port_vec ports = { 0 };
	struct error err = { 0 };

	for (size_t i = n->publications.len; i-- > 0;) {
		struct publication *p = &n->publications.ptr[i];

		if (!streq(p->container_id, container_id))
			continue;
		firewall_port_vec_push(&ports, p->fw);
		publication_done(p);
		publication_vec_remove(&n->publications, i);
	}
	if (!ports.len)
		return;
	if (firewall_close_ports(&n->firewall, &ports, &err) < 0)
		log_error("a port may still be published: %s container=%s", err.message,
		          container_id);
	error_clear(&err);
	if (rows_remove_publications(n, container_id, &err) < 0)
		log_error("cannot forget published ports: %s container=%s", err.message,
		          container_id);
}

static int move(struct networks *n, struct publication *p, const struct net_endpoint *e,
                struct error *err)
{
	const char *text = p->fw.host.family == AF_INET6 ? e->ipv6 : e->ipv4;
	struct firewall_port_vec one = { &p->fw, 1, 1 }; /* borrows */
	struct ip to;
	int r;

	if (!text || ip_parse(text, &to) < 0 || ip_equal(&to, &p->fw.to))
		return 0;
	r = firewall_close_ports(&n->firewall, &one, err);
	if (r < 0)
		return r;
	p->fw.to = to;
	r = firewall_open_ports(&n->firewall, &one, err);
	return r < 0 ? r : rows_move_publication(n, p, err);
}

int republish(struct networks *n, const char *container_id, struct error *err)
{
	const struct net *net;
	const struct net_endpoint *e = target_of(n, container_id, &net);

	if (!e) {
		unpublish(n, container_id);
		return 0;
	}
	vec_for_each (&n->publications, p) {
		int r = streq(p->container_id, container_id) ? move(n, p, e, err) : 0;

		if (r < 0)
			return r;
	}
	return 0;
}

void network_unpublish(struct networks *n, const char *container_id)
{
	WITH_LOCK(&n->lock);
	unpublish(n, container_id);
}
