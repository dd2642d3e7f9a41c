/* SPDX-License-Identifier: Apache-2.0 */
#include "network/test-world.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/socket.h>

enum { PATIENCE_MS = 3000, BLOCKED_MS = 300 };

static struct world the_world = { .outside = -1, .home = -1 };

static int give_namespace(void *arg, struct error *err)
{
	AUTO_NETLINK nl = NETLINK_NONE;

	assert_true(netlink_open(&nl, NETLINK_ROUTE, err) >= 0);
	assert_true(link_set_up(&nl, 1, err) >= 0);
	return open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
}

static int set_up_outside(void *arg, struct error *err)
{
	AUTO_NETLINK nl = NETLINK_NONE;
	struct ip_net address;
	struct ip host;
	int index;

	assert_true(netlink_open(&nl, NETLINK_ROUTE, err) >= 0);
	index = link_index("lan0", err);
	assert_true(index > 0);
	assert_int_equal(ip_net_parse("192.0.2.1/24", &address), 0);
	assert_int_equal(ip_parse("192.0.2.2", &host), 0);
	assert_true(link_add_address(&nl, index, &address, err) >= 0);
	assert_int_equal(ip_net_parse("2001:db8::1/64", &address), 0);
	assert_true(link_add_address(&nl, index, &address, err) >= 0);
	assert_true(link_set_up(&nl, index, err) >= 0);
	/* a neighbour who sends everything our way */
	assert_true(link_add_route(&nl, index, NULL, &host, err) >= 0);
	assert_int_equal(ip_parse("2001:db8::2", &host), 0);
	return link_add_route(&nl, index, NULL, &host, err);
}

static void make_outside(struct world *w)
{
	static const uint8_t mac[MAC_LEN] = { 0x02, 0, 0, 0, 0, 1 };
	struct error err = { 0 };
	AUTO_NETLINK nl = NETLINK_NONE;
	struct veth_options o = { .name = "uplink0", .peer_name = "lan0", .peer_mac = mac };
	struct ip_net address;
	int index;

	w->outside = netns_run(-1, give_namespace, NULL, &err);
	assert_true(w->outside >= 0);
	assert_true(netlink_open(&nl, NETLINK_ROUTE, &err) >= 0);
	o.peer_netns = w->outside;
	assert_true(link_set_up(&nl, 1, &err) >= 0);
	assert_true(link_add_veth(&nl, &o, &err) >= 0);
	index = link_index("uplink0", &err);
	assert_int_equal(ip_net_parse("192.0.2.2/24", &address), 0);
	assert_true(link_add_address(&nl, index, &address, &err) >= 0);
	assert_int_equal(ip_net_parse("2001:db8::2/64", &address), 0);
	assert_true(link_add_address(&nl, index, &address, &err) >= 0);
	assert_true(link_set_up(&nl, index, &err) >= 0);
	assert_true(netns_run(w->outside, set_up_outside, NULL, &err) >= 0);
	assert_true(link_settle(&nl, index, &err) >= 0);
}

static void open_networks(struct world *w, const struct strv *live)
{
	AUTO_FREE char *exec = xasprintf("%s/exec", unit_scratch());
	struct networks_options o = {
		.exec_directory = exec, .icc = true, .ip_forward = true, .ip_masquerade = true
	};
	struct error err = { 0 };

	w->networks = networks_new(&o, w->db, NULL, &err);
	if (!w->networks || networks_recover(w->networks, live, &err) < 0)
		fail_msg("networks: %s", err.message);
}

static void end_world(void)
{
	struct strv nobody = { 0 };
	struct error err = { 0 };

	/* unmounts what is under the scratch directory */
	if (the_world.networks)
		IGNORE_RESULT(networks_recover(the_world.networks, &nobody, &err), "at the end");
	networks_close(the_world.networks);
	db_close(the_world.db);
}

struct world *world(void)
{
	struct world *w = &the_world;
	AUTO_FREE char *path = NULL;
	struct error err = { 0 };

	if (w->networks)
		return w;
	if (geteuid() != 0 || unshare(CLONE_NEWNET | CLONE_NEWNS) < 0) {
		print_message("# SKIP: needs root for network namespaces of its own\n");
		skip();
	}
	assert_int_equal(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	path = xasprintf("%s/test.db", unit_scratch());
	atexit(end_world); /* runs before the scratch directory is removed */
	w->db = db_open(path, &err);
	assert_non_null(w->db);
	w->home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	make_outside(w);
	open_networks(w, NULL);
	return w;
}

void world_restart(struct world *w, const struct strv *live)
{
	networks_close(w->networks);
	open_networks(w, live);
}

void box_start(struct world *w, struct box *b, const char *network)
{
	box_start_named(w, b, network, "box", NULL);
}

void box_start_named(struct world *w, struct box *b, const char *network, const char *name,
                     const struct strv *dns)
{
	struct error err = { 0 };
	struct endpoint_request r = { .container_id = b->id, .container_name = name, .dns = dns };

	*b = (struct box){ 0 };
	random_hex(b->id, 32);
	if (netns_create(w->networks, b->id, &b->path, &err) < 0)
		fail_msg("namespace: %s", err.message);
	b->netns = netns_open(b->path, &err);
	r.netns_path = b->path;
	if (network_connect(w->networks, network, &r, &b->endpoint, &err) < 0)
		fail_msg("connect: %s", err.message);
}

char *world_network(struct world *w, const char *name, bool internal, bool icc, const char *subnet)
{
	struct network_info spec = { .name = xstrdup(name), .internal = internal };
	struct error err = { 0 };
	char *id = NULL;

	if (!icc)
		strmap_set(&spec.options, "com.docker.network.bridge.enable_icc", "false");
	if (subnet)
		ipam_pool_vec_push(&spec.pools, (struct ipam_pool){ .subnet = xstrdup(subnet) });
	if (network_create(w->networks, &spec, NULL, &id, &err) < 0)
		fail_msg("create: %s", err.message);
	network_info_done(&spec);
	return id;
}

void box_stop(struct world *w, struct box *b)
{
	network_disconnect_all(w->networks, b->id);
	netns_destroy(w->networks, b->id);
	close(b->netns);
	free(b->path);
	json_fields_clear(endpoint_fields, &b->endpoint);
}

static int any_socket(int netns, int family, int type)
{
	struct error err = { 0 };
	int fd = netns < 0 ? socket(family, type | SOCK_CLOEXEC, 0)
	                   : netns_socket(netns, family, type, 0, &err);

	assert_true(fd >= 0);
	return fd;
}

static int family_of(const char *address)
{
	return strchr(address, ':') ? AF_INET6 : AF_INET;
}

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

static union address address_of(const char *address, uint16_t port)
{
	union address a = { .any.sa_family = (sa_family_t)family_of(address) };

	a.v4.sin_port = htons(port); /* at the same place in both */
	assert_int_equal(inet_pton(a.any.sa_family, address,
	                           a.any.sa_family == AF_INET ? (void *)&a.v4.sin_addr
	                                                      : (void *)&a.v6.sin6_addr),
	                 1);
	return a;
}

int box_listen(const struct box *b, int type, uint16_t port)
{
	return box_listen_at(b, type, "0.0.0.0", port);
}

int box_listen_at(const struct box *b, int type, const char *address, uint16_t port)
{
	int fd = any_socket(b->netns, family_of(address), type);
	union address a = address_of(address, port);

	assert_int_equal(bind(fd, &a.any, sizeof(a)), 0);
	if (type == SOCK_STREAM)
		assert_int_equal(listen(fd, 16), 0);
	return fd;
}

/* The errno of connecting: 0, ECONNREFUSED, ETIMEDOUT, … */
static int connect_within(int fd, const char *address, uint16_t port, int ms)
{
	union address a = address_of(address, port);
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	int e = 0;
	socklen_t len = sizeof(e);

	fcntl(fd, F_SETFL, O_NONBLOCK);
	if (connect(fd, &a.any, sizeof(a)) == 0)
		return 0;
	if (errno != EINPROGRESS)
		return errno;
	if (poll(&p, 1, ms) == 0)
		return ETIMEDOUT;
	getsockopt(fd, SOL_SOCKET, SO_ERROR, &e, &len);
	return e;
}

bool reaches(int netns, const char *address, uint16_t port, int listener, char *ret_from)
{
	AUTO_CLOSE int client = any_socket(netns, family_of(address), SOCK_STREAM);
	AUTO_CLOSE int server = -1;
	struct pollfd p = { .fd = listener, .events = POLLIN };
	union address from = { 0 };
	socklen_t len = sizeof(from);

	if (connect_within(client, address, port, PATIENCE_MS) != 0 ||
	    poll(&p, 1, PATIENCE_MS) != 1)
		return false;
	server = accept4(listener, &from.any, &len, SOCK_CLOEXEC);
	if (ret_from)
		inet_ntop(AF_INET, &from.v4.sin_addr, ret_from, INET_ADDRSTRLEN);
	return server >= 0;
}

bool reaches_udp(int netns, const char *address, uint16_t port, int server)
{
	AUTO_CLOSE int client = any_socket(netns, family_of(address), SOCK_DGRAM);
	union address to = address_of(address, port), from = { 0 };
	struct pollfd p = { .fd = server, .events = POLLIN };
	socklen_t len = sizeof(from);
	char buf[8];

	/* connected: the answer has to come from where we sent to */
	if (connect(client, &to.any, sizeof(to)) < 0 || send(client, "?", 1, 0) != 1 ||
	    poll(&p, 1, PATIENCE_MS) != 1)
		return false;
	if (recvfrom(server, buf, sizeof(buf), 0, &from.any, &len) != 1 ||
	    sendto(server, "!", 1, 0, &from.any, len) != 1)
		return false;
	p.fd = client;
	return poll(&p, 1, PATIENCE_MS) == 1 && recv(client, buf, sizeof(buf), 0) == 1;
}

bool is_blocked(int netns, const char *address, uint16_t port)
{
	AUTO_CLOSE int client = any_socket(netns, family_of(address), SOCK_STREAM);

	return connect_within(client, address, port, BLOCKED_MS) != 0;
}
