/* SPDX-License-Identifier: Apache-2.0 */
/* Networks as containers and their neighbours meet them, with real sockets. */
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#include "base/process.h"
#include "json/json.h"
#include "network/test-world.h"

/* exec wants mutable pointers, and never writes through them */
#define ARG(literal) ((char *)(uintptr_t)(literal))

static int publish(struct world *w, const struct box *b, const char *port, const char *host_ip,
                   const char *host_port, struct error *err)
{
	struct port_binding binding = { .host_ip = ARG(host_ip), .host_port = ARG(host_port) };
	struct port_bindings ports = { .port = ARG(port), .bindings = { &binding, 1, 1 } };
	struct port_map map = { &ports, 1, 1 };
	struct published_port_vec done = { 0 };
	int chosen, r = network_publish(w->networks, b->id, &map, &done, err);

	if (r < 0)
		return r;
	assert_int_equal(done.len, 1);
	chosen = done.ptr[0].host_port;
	free(done.ptr[0].port);
	free(done.ptr[0].host_ip);
	published_port_vec_done(&done);
	return chosen;
}

TEST(a_box_gets_dockers_address_and_mac)
{
	struct world *w = world();
	struct box b;

	box_start(w, &b, "bridge");
	assert_string_equal(b.endpoint.ip_address, "172.17.0.2");
	assert_string_equal(b.endpoint.gateway, "172.17.0.1");
	assert_int_equal(b.endpoint.ip_prefix_len, 16);
	assert_string_equal(b.endpoint.mac_address, "02:42:ac:11:00:02");
	assert_true(endpoint_mac_is_derived(&b.endpoint));
	box_stop(w, &b);
	box_start(w, &b, "bridge"); /* given back: the same again */
	assert_string_equal(b.endpoint.ip_address, "172.17.0.2");
	box_stop(w, &b);
}

TEST(a_published_port_is_reached_from_everywhere)
{
	struct world *w = world();
	struct error err = { 0 };
	struct box b, peer;
	char from[64];

	box_start(w, &b, "bridge");
	box_start(w, &peer, "bridge");
	AUTO_CLOSE int listener = box_listen(&b, SOCK_STREAM, 80);
	assert_int_equal(publish(w, &b, "80/tcp", "", "8080", &err), 8080);

	assert_true(reaches(w->outside, "192.0.2.2", 8080, listener, from));
	assert_string_equal(from, "192.0.2.1"); /* the real source (N11) */
	assert_true(reaches(-1, "192.0.2.2", 8080, listener, NULL));
	assert_true(reaches(-1, "127.0.0.1", 8080, listener, NULL));
	assert_true(reaches(-1, "172.17.0.1", 8080, listener, NULL));
	/* with and without bridges that show their frames to the firewall */
	for (int filtered = 0; filtered < 2; filtered++) {
		assert_true(sysctl_write("bridge/bridge-nf-call-iptables", filtered ? "1" : "0",
		                         &err) >= 0);
		assert_true(reaches(b.netns, "192.0.2.2", 8080, listener, NULL)); /* hairpin */
		assert_true(reaches(b.netns, "172.17.0.1", 8080, listener, NULL));
		assert_true(reaches(peer.netns, "192.0.2.2", 8080, listener, NULL));
	}
	assert_true(reaches(-1, b.endpoint.ip_address, 80, listener, NULL));

	network_unpublish(w->networks, b.id);
	assert_true(is_blocked(-1, "127.0.0.1", 8080));
	assert_true(is_blocked(w->outside, "192.0.2.2", 8080));
	box_stop(w, &peer);
	box_stop(w, &b);
}

TEST(udp_too)
{
	struct world *w = world();
	struct error err = { 0 };
	struct box b;

	box_start(w, &b, "bridge");
	AUTO_CLOSE int server = box_listen(&b, SOCK_DGRAM, 53);
	assert_int_equal(publish(w, &b, "53/udp", "", "5353", &err), 5353);
	assert_true(reaches_udp(w->outside, "192.0.2.2", 5353, server));
	assert_true(reaches_udp(-1, "127.0.0.1", 5353, server));
	assert_true(reaches_udp(b.netns, "192.0.2.2", 5353, server));
	box_stop(w, &b);
}

TEST(a_port_published_on_loopback_stays_there)
{
	struct world *w = world();
	struct error err = { 0 };
	struct box b, peer;

	box_start(w, &b, "bridge");
	box_start(w, &peer, "bridge");
	AUTO_CLOSE int listener = box_listen(&b, SOCK_STREAM, 80);
	assert_int_equal(publish(w, &b, "80/tcp", "127.0.0.1", "8081", &err), 8081);
	assert_true(reaches(-1, "127.0.0.1", 8081, listener, NULL));
	assert_true(is_blocked(w->outside, "192.0.2.2", 8081));
	assert_true(is_blocked(peer.netns, "172.17.0.1", 8081));
	box_stop(w, &peer);
	box_stop(w, &b);
}

static int route_loopback_out(void *arg, struct error *err)
{
	AUTO_NETLINK nl = NETLINK_NONE;
	struct ip_net one;
	struct ip *gateway = arg;
	const char *interface = gateway->bytes[0] == 192 ? "lan0" : "eth0";
	int index;

	assert_true(netlink_open(&nl, NETLINK_ROUTE, err) >= 0);
	assert_true(sysctl_write_if("ipv4", "all", "route_localnet", "1", err) >= 0);
	index = link_index(interface, err);
	assert_int_equal(ip_net_parse("127.0.0.2/32", &one), 0);
	return link_add_route(&nl, index, &one, gateway, err);
}

TEST(the_hosts_loopback_is_closed_to_neighbours_and_boxes)
{
	struct world *w = world();
	struct error err = { 0 };
	struct box b;
	struct ip host, bridge;
	struct box self = { .netns = w->home };

	box_start(w, &b, "bridge");
	assert_int_equal(ip_parse("192.0.2.2", &host), 0);
	assert_int_equal(ip_parse("172.17.0.1", &bridge), 0);
	assert_true(netns_run(w->outside, route_loopback_out, &host, &err) >= 0);
	assert_true(netns_run(b.netns, route_loopback_out, &bridge, &err) >= 0);
	AUTO_CLOSE int listener = box_listen(&self, SOCK_STREAM, 631);
	assert_true(reaches(-1, "127.0.0.2", 631, listener, NULL));
	assert_true(is_blocked(w->outside, "127.0.0.2", 631));
	assert_true(is_blocked(b.netns, "127.0.0.2", 631));
	box_stop(w, &b);
}

TEST(nothing_unpublished_is_reached_by_a_route)
{
	struct world *w = world();
	struct error err = { 0 };
	struct box b;

	box_start(w, &b, "bridge");
	AUTO_CLOSE int open_port = box_listen(&b, SOCK_STREAM, 80);
	AUTO_CLOSE int mapped = box_listen(&b, SOCK_STREAM, 81);
	assert_int_equal(publish(w, &b, "81/tcp", "", "8082", &err), 8082);
	assert_true(is_blocked(w->outside, b.endpoint.ip_address, 80));
	assert_true(is_blocked(w->outside, b.endpoint.ip_address, 81));
	assert_true(reaches(-1, b.endpoint.ip_address, 80, open_port, NULL));
	assert_true(reaches(w->outside, "192.0.2.2", 8082, mapped, NULL));
	box_stop(w, &b);
}

TEST(a_box_reaches_out_with_the_hosts_address)
{
	struct world *w = world();
	struct box b, outside = { .netns = w->outside };
	char from[64];

	box_start(w, &b, "bridge");
	AUTO_CLOSE int listener = box_listen(&outside, SOCK_STREAM, 443);
	assert_true(reaches(b.netns, "192.0.2.1", 443, listener, from));
	assert_string_equal(from, "192.0.2.2");
	box_stop(w, &b);
}

TEST(networks_are_apart)
{
	struct world *w = world();
	struct error err = { 0 };
	AUTO_FREE char *first = world_network(w, "first", false, true, NULL);
	AUTO_FREE char *second = world_network(w, "second", false, true, NULL);
	struct box a, b, c, outside = { .netns = w->outside };

	box_start(w, &a, "first");
	box_start(w, &b, "first");
	box_start(w, &c, "second");
	AUTO_CLOSE int listener = box_listen(&a, SOCK_STREAM, 80);
	AUTO_CLOSE int beyond = box_listen(&outside, SOCK_STREAM, 444);
	assert_true(reaches(b.netns, a.endpoint.ip_address, 80, listener, NULL));
	assert_true(is_blocked(c.netns, a.endpoint.ip_address, 80));
	assert_true(reaches(c.netns, "192.0.2.1", 444, beyond, NULL));

	assert_true(network_remove(w->networks, "first", &err) < 0);
	assert_int_equal(err.kind, ERROR_FORBIDDEN);
	box_stop(w, &a);
	box_stop(w, &b);
	box_stop(w, &c);
	assert_int_equal(network_remove(w->networks, "first", &err), 0);
	assert_int_equal(network_remove(w->networks, second, &err), 0);
}

TEST(internal_networks_and_silent_ones)
{
	struct world *w = world();
	struct error err = { 0 };
	AUTO_FREE char *internal = world_network(w, "inner", true, true, NULL);
	AUTO_FREE char *silent = world_network(w, "silent", false, false, "10.99.0.0/24");
	struct box a, b, c, d, outside = { .netns = w->outside };

	box_start(w, &a, "inner");
	box_start(w, &b, "inner");
	box_start(w, &c, "silent");
	box_start(w, &d, "silent");
	AUTO_CLOSE int inner = box_listen(&a, SOCK_STREAM, 80);
	AUTO_CLOSE int quiet = box_listen(&c, SOCK_STREAM, 80);
	AUTO_CLOSE int beyond = box_listen(&outside, SOCK_STREAM, 445);
	assert_true(reaches(b.netns, a.endpoint.ip_address, 80, inner, NULL));
	assert_true(is_blocked(b.netns, "192.0.2.1", 445));
	assert_true(is_blocked(w->outside, a.endpoint.ip_address, 80));
	assert_string_equal(c.endpoint.ip_address, "10.99.0.2");
	assert_true(is_blocked(d.netns, c.endpoint.ip_address, 80));
	assert_true(sysctl_write("bridge/bridge-nf-call-iptables", "0", &err) >= 0);
	assert_true(is_blocked(d.netns, c.endpoint.ip_address, 80));
	assert_true(sysctl_write("bridge/bridge-nf-call-iptables", "1", &err) >= 0);
	assert_true(reaches(-1, c.endpoint.ip_address, 80, quiet, NULL));
	assert_true(reaches(d.netns, "192.0.2.1", 445, beyond, NULL));
	box_stop(w, &a);
	box_stop(w, &b);
	box_stop(w, &c);
	box_stop(w, &d);
	assert_int_equal(network_remove(w->networks, "inner", &err), 0);
	assert_int_equal(network_remove(w->networks, "silent", &err), 0);
}

TEST(a_port_in_use_says_who)
{
	struct world *w = world();
	struct error err = { 0 };
	struct box a, b, self = { .netns = w->home };
	int chosen, next;

	box_start(w, &a, "bridge");
	box_start(w, &b, "bridge");
	assert_int_equal(publish(w, &a, "80/tcp", "", "8083", &err), 8083);
	assert_true(publish(w, &b, "80/tcp", "127.0.0.1", "8083", &err) < 0);
	assert_int_equal(err.kind, ERROR_CONFLICT);
	assert_string_equal(err.message,
	                    "Bind for 127.0.0.1:8083 failed: port is already allocated");
	AUTO_CLOSE int other = box_listen(&self, SOCK_STREAM, 8084);
	error_clear(&err);
	assert_true(publish(w, &b, "80/tcp", "", "8084", &err) < 0);
	assert_non_null(strstr(err.message, "another program"));
	/* nobody else gets what we hold */
	AUTO_CLOSE int thief = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in want = { .sin_family = AF_INET, .sin_port = htons(8083) };
	int on = 1;
	setsockopt(thief, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	assert_int_equal(bind(thief, (struct sockaddr *)&want, sizeof(want)), -1);
	assert_int_equal(errno, EADDRINUSE);
	/* any port, and a range */
	chosen = publish(w, &b, "80/tcp", "", "", &err);
	next = publish(w, &b, "81/tcp", "", "8083-8086", &err);
	assert_in_range(chosen, 32768, 60999);
	assert_int_equal(next, 8085);
	box_stop(w, &a);
	box_stop(w, &b);
}

TEST(a_dead_engine_disturbs_nobody)
{
	struct world *w = world();
	struct error err = { 0 };
	struct box live, dead, next;
	AUTO_STRV ids = { 0 };

	box_start(w, &live, "bridge");
	box_start(w, &dead, "bridge");
	AUTO_CLOSE int listener = box_listen(&live, SOCK_STREAM, 80);
	assert_int_equal(publish(w, &live, "80/tcp", "", "8087", &err), 8087);
	assert_int_equal(publish(w, &dead, "80/tcp", "", "8088", &err), 8088);
	strv_add(&ids, live.id);
	for (int i = 0; i < 2; i++) { /* again: nothing more happens */
		world_restart(w, &ids);
		assert_true(reaches(w->outside, "192.0.2.2", 8087, listener, NULL));
		assert_true(is_blocked(w->outside, "192.0.2.2", 8088));
		assert_int_equal(access(live.path, F_OK), 0);
		assert_int_equal(access(dead.path, F_OK), -1);
	}
	box_start(w, &next, "bridge"); /* the live one's address is still taken */
	assert_string_not_equal(next.endpoint.ip_address, live.endpoint.ip_address);
	assert_true(publish(w, &next, "80/tcp", "", "8087", &err) < 0);
	box_stop(w, &next);
	box_stop(w, &dead);
	box_stop(w, &live);
}

/* What nft(8) reads from the kernel, as JSON. */
static json_t *list_table(void)
{
	char *argv[] = { ARG("nft"),  ARG("-j"),      ARG("list"), ARG("table"),
		         ARG("inet"), ARG("coracle"), NULL };
	struct spawn_options o = { .path = "nft", .argv = argv, .stdio = { -1, -1, -1 } };
	AUTO_STRBUF out = { 0 };
	struct error err = { 0 };
	json_t *json;

	assert_int_equal(process_run(&o, 1 << 20, &out, &err), 0);
	json = json_parse(strbuf_str(&out), &err);
	assert_non_null(json);
	return json;
}

static bool has_element(const json_t *table, const char *map, const char *wanted)
{
	const json_t *items = json_object_get(table, "nftables"), *item;
	size_t i;

	json_array_foreach (items, i, item) {
		const json_t *m = json_object_get(item, "map");
		const json_t *elements = json_object_get(m, "elem"), *e;
		size_t j;

		if (!m || !streq(json_string_value(json_object_get(m, "name")), map))
			continue;
		json_array_foreach (elements, j, e) {
			AUTO_FREE char *text = json_dumps(e, JSON_COMPACT);

			if (streq(text, wanted))
				return true;
		}
	}
	return false;
}

TEST(the_kernel_has_what_we_meant)
{
	struct world *w = world();
	struct error err = { 0 };
	struct box b;

	box_start(w, &b, "bridge");
	assert_int_equal(publish(w, &b, "80/tcp", "127.0.0.1", "258", &err), 258);
	assert_int_equal(publish(w, &b, "4660/udp", "", "8089", &err), 8089);
	AUTO_JSON *table = list_table();
	assert_true(has_element(table, "ports",
	                        "[{\"concat\":[\"tcp\",\"127.0.0.1\",258]},"
	                        "{\"concat\":[\"172.17.0.2\",80]}]"));
	assert_true(
		has_element(table, "ports_any",
	                    "[{\"concat\":[\"udp\",8089]},{\"concat\":[\"172.17.0.2\",4660]}]"));
	box_stop(w, &b);
	AUTO_JSON *after = list_table();
	assert_false(
		has_element(after, "ports_any",
	                    "[{\"concat\":[\"udp\",8089]},{\"concat\":[\"172.17.0.2\",4660]}]"));
}

static void nft(const char *words)
{
	char *argv[] = { ARG("sh"), ARG("-c"), ARG(words), NULL };
	struct spawn_options o = { .path = "sh", .argv = argv, .stdio = { -1, -1, -1 } };
	AUTO_STRBUF out = { 0 };
	struct error err = { 0 };

	assert_int_equal(process_run(&o, 4096, &out, &err), 0);
}

static bool stands(struct world *w)
{
	struct error err = { 0 };

	WITH_LOCK(&w->networks->lock);
	return firewall_stands(&w->networks->firewall, &err) == 1;
}

/* The guard acts by itself: waits for it, looking again and again, up to five seconds. */
static bool stands_soon(struct world *w)
{
	for (int i = 0; i < 100 && !stands(w); i++)
		poll(NULL, 0, 50);
	return stands(w);
}

TEST(a_flushed_firewall_comes_back)
{
	static const char *const commands[] = { "nft flush ruleset",
		                                "nft delete table inet coracle",
		                                "nft flush chain inet coracle forward" };
	struct world *w = world();
	struct error err = { 0 };
	struct box b;

	box_start(w, &b, "bridge");
	AUTO_CLOSE int listener = box_listen(&b, SOCK_STREAM, 80);
	assert_int_equal(publish(w, &b, "80/tcp", "", "8090", &err), 8090);
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		nft(commands[i]);
		assert_true(stands_soon(w));
		assert_true(reaches(w->outside, "192.0.2.2", 8090, listener, NULL));
		assert_true(is_blocked(w->outside, b.endpoint.ip_address, 80));
	}
	/* also when the next change comes before the guard */
	nft("nft flush ruleset");
	assert_int_equal(publish(w, &b, "81/tcp", "", "8091", &err), 8091);
	assert_true(reaches(w->outside, "192.0.2.2", 8090, listener, NULL));
	box_stop(w, &b);
}

TEST(connects_live_and_moves_the_default_route)
{
	struct world *w = world();
	struct error err = { 0 };
	AUTO_FREE char *id = world_network(w, "alpha", false, true, "10.98.0.0/24");
	struct endpoint_ipam_config config = { .ipv4_address = ARG("10.98.0.77") };
	struct endpoint wish = { .ipam_config = &config, .gw_priority = 1 }, got = { 0 };
	struct box b, outside = { .netns = w->outside };
	struct network_info info = { 0 };

	box_start(w, &b, "bridge");
	struct endpoint_request r = { .container_id = b.id,
		                      .container_name = "box",
		                      .netns_path = b.path,
		                      .settings = &wish };
	AUTO_CLOSE int beyond = box_listen(&outside, SOCK_STREAM, 446);
	AUTO_CLOSE int listener = box_listen(&b, SOCK_STREAM, 80);
	assert_int_equal(publish(w, &b, "80/tcp", "", "8093", &err), 8093);
	assert_int_equal(network_connect(w->networks, "alpha", &r, &got, &err), 0);
	assert_string_equal(got.ip_address, "10.98.0.77");
	assert_true(strv_has(&got.dns_names, "box"));
	assert_true(reaches(b.netns, "192.0.2.1", 446, beyond, NULL));
	assert_true(network_connect(w->networks, "alpha", &r, &got, &err) < 0);
	assert_int_equal(network_inspect(w->networks, id, &info, &err), 0);
	assert_int_equal(info.endpoints.len, 1);
	assert_string_equal(info.endpoints.ptr[0].ipv4_address, "10.98.0.77/24");
	network_info_done(&info);
	error_clear(&err);
	assert_true(reaches(w->outside, "192.0.2.2", 8093, listener, NULL));
	assert_int_equal(network_disconnect(w->networks, "alpha", b.id, &err), 0);
	assert_true(reaches(b.netns, "192.0.2.1", 446, beyond, NULL));
	/* published ports follow */
	assert_true(reaches(w->outside, "192.0.2.2", 8093, listener, NULL));
	assert_int_equal(network_disconnect(w->networks, "bridge", b.id, &err), 0);
	assert_true(is_blocked(w->outside, "192.0.2.2", 8093));
	json_fields_clear(endpoint_fields, &got);
	box_stop(w, &b);
	assert_int_equal(network_remove(w->networks, "alpha", &err), 0);
}

static void publish_any(struct world *w, const struct box *b, const char *port, int host_port)
{
	struct port_binding binding = { .host_port = xasprintf("%d", host_port) };
	struct port_bindings ports = { .port = ARG(port), .bindings = { &binding, 1, 1 } };
	struct port_map map = { &ports, 1, 1 };
	struct published_port_vec done = { 0 };
	struct error err = { 0 };

	assert_int_equal(network_publish(w->networks, b->id, &map, &done, &err), 0);
	assert_int_equal(done.len, 2);
	assert_string_equal(done.ptr[1].host_ip, "::");
	vec_for_each (&done, p) {
		assert_int_equal(p->host_port, host_port);
		free(p->port);
		free(p->host_ip);
	}
	published_port_vec_done(&done);
	free(binding.host_port);
}

TEST(ipv6)
{
	struct world *w = world();
	struct network_info spec = { .name = xstrdup("six"),
		                     .enable_ipv4 = true,
		                     .enable_ipv6 = true };
	struct error err = { 0 };
	AUTO_FREE char *id = NULL;
	struct box a, b, plain, outside = { .netns = w->outside };

	if (network_create(w->networks, &spec, NULL, &id, &err) < 0)
		fail_msg("%s", err.message);
	network_info_done(&spec);
	box_start(w, &a, "six");
	box_start(w, &b, "six");
	box_start(w, &plain, "bridge");
	assert_non_null(str_skip_prefix(a.endpoint.global_ipv6_address, "fd"));
	assert_int_equal(a.endpoint.global_ipv6_prefix_len, 64);
	AUTO_CLOSE int listener = box_listen_at(&a, SOCK_STREAM, "::", 80);
	AUTO_CLOSE int beyond = box_listen_at(&outside, SOCK_STREAM, "::", 448);
	assert_true(reaches(b.netns, a.endpoint.global_ipv6_address, 80, listener, NULL));
	assert_true(reaches(b.netns, "2001:db8::1", 448, beyond, NULL));
	assert_true(is_blocked(w->outside, a.endpoint.global_ipv6_address, 80));
	publish_any(w, &a, "80/tcp", 8092);
	assert_true(reaches(w->outside, "2001:db8::2", 8092, listener, NULL));
	assert_true(reaches(w->outside, "192.0.2.2", 8092, listener, NULL));
	assert_true(reaches(a.netns, "2001:db8::2", 8092, listener, NULL));
	/* without IPv6 on its network a container has none at all */
	assert_true(is_blocked(plain.netns, "2001:db8::1", 448));
	box_stop(w, &plain);
	box_stop(w, &a);
	box_stop(w, &b);
	assert_int_equal(network_remove(w->networks, "six", &err), 0);
}

TEST(macvlan)
{
	struct world *w = world();
	struct network_info spec = { .name = xstrdup("lan"), .driver = xstrdup("macvlan") };
	struct ipam_pool pool = { .subnet = xstrdup("192.0.2.0/24"),
		                  .ip_range = xstrdup("192.0.2.128/25"),
		                  .gateway = xstrdup("192.0.2.254") };
	struct error err = { 0 };
	AUTO_FREE char *id = NULL;
	struct box b, outside = { .netns = w->outside };
	char from[64];

	strmap_set(&spec.options, "parent", "uplink0");
	ipam_pool_vec_push(&spec.pools, pool);
	if (network_create(w->networks, &spec, NULL, &id, &err) < 0)
		fail_msg("%s", err.message);
	network_info_done(&spec);
	box_start(w, &b, "lan");
	assert_string_equal(b.endpoint.ip_address, "192.0.2.128");
	AUTO_CLOSE int beyond = box_listen(&outside, SOCK_STREAM, 449);
	assert_true(reaches(b.netns, "192.0.2.1", 449, beyond, from));
	assert_string_equal(from, "192.0.2.128");
	box_stop(w, &b);
	assert_int_equal(network_remove(w->networks, "lan", &err), 0);
}

TEST(refusals)
{
	struct world *w = world();
	struct error err = { 0 };
	struct network_info spec = { .name = ARG("host") }, info;
	char *id = NULL;

	assert_true(network_create(w->networks, &spec, NULL, &id, &err) < 0);
	assert_int_equal(err.kind, ERROR_FORBIDDEN);
	assert_true(network_remove(w->networks, "bridge", &err) < 0);
	assert_string_equal(err.message, "bridge is a pre-defined network and cannot be removed");
	assert_true(network_inspect(w->networks, "nope", &info, &err) < 0);
	assert_string_equal(err.message, "network nope not found");
	spec = (struct network_info){ .name = ARG("x"), .driver = ARG("weave") };
	assert_true(network_create(w->networks, &spec, NULL, &id, &err) < 0);
	assert_int_equal(err.kind, ERROR_NOT_FOUND);
}
