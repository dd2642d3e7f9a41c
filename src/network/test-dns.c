/* SPDX-License-Identifier: Apache-2.0 */
/* The name service, asked from inside containers with real sockets. */
#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>

#include "network/dns-message.h"
#include "network/test-world.h"

enum { PATIENCE_MS = 5000 };

struct reply {
	unsigned rcode, answers;
	uint8_t data[DNS_MESSAGE_MAX];
	size_t len, question_end;
};

static size_t write_query(uint8_t *buf, uint16_t id, const char *name, uint16_t type)
{
	struct str rest = str_from(name), label;
	const uint8_t head[DNS_HEADER] = { (uint8_t)(id >> 8), (uint8_t)id, 1, 0, 0, 1 };
	size_t n = sizeof(head);

	memcpy(buf, head, sizeof(head));
	while (str_cut(&rest, '.', &label)) {
		buf[n++] = (uint8_t)label.len;
		memcpy(buf + n, label.ptr, label.len);
		n += label.len;
	}
	buf[n++] = 0;
	buf[n++] = (uint8_t)(type >> 8);
	buf[n++] = (uint8_t)type;
	buf[n++] = 0;
	buf[n++] = 1;
	return n;
}

static void read_reply(struct reply *r, uint16_t id, size_t question_end)
{
	assert_true(r->len >= question_end);
	assert_int_equal(r->data[0] << 8 | r->data[1], id);
	assert_true(r->data[2] & 0x80);
	r->rcode = r->data[3] & 15;
	r->answers = (unsigned)(r->data[6] << 8 | r->data[7]);
	r->question_end = question_end;
}

static int service(int netns, int type)
{
	struct error err = { 0 };
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(53) };
	int fd = netns_socket(netns, AF_INET, type, 0, &err);

	inet_pton(AF_INET, "127.0.0.11", &a.sin_addr);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	return fd;
}

static struct reply ask(const struct box *b, const char *name, uint16_t type)
{
	AUTO_CLOSE int fd = service(b->netns, SOCK_DGRAM);
	struct pollfd p = { .fd = fd, .events = POLLIN };
	uint8_t query[512];
	size_t n = write_query(query, 0x4242, name, type);
	struct reply r = { 0 };

	assert_int_equal(send(fd, query, n, 0), n);
	assert_int_equal(poll(&p, 1, PATIENCE_MS), 1);
	r.len = (size_t)recv(fd, r.data, sizeof(r.data), 0);
	read_reply(&r, 0x4242, n);
	return r;
}

static struct reply ask_tcp(const struct box *b, const char *name, uint16_t type)
{
	AUTO_CLOSE int fd = service(b->netns, SOCK_STREAM);
	uint8_t query[514], head[2];
	size_t n = write_query(query + 2, 0x4343, name, type);
	struct reply r = { 0 };

	query[0] = 0;
	query[1] = (uint8_t)n;
	assert_int_equal(send(fd, query, n + 2, 0), n + 2);
	assert_int_equal(recv(fd, head, 2, MSG_WAITALL), 2);
	r.len = (size_t)(head[0] << 8 | head[1]);
	assert_int_equal(recv(fd, r.data, r.len, MSG_WAITALL), r.len);
	read_reply(&r, 0x4343, n);
	return r;
}

static bool has_address(const struct reply *r, const char *address)
{
	struct ip ip;

	assert_int_equal(ip_parse(address, &ip), 0);
	for (unsigned i = 0; i < r->answers; i++) {
		size_t at = r->question_end + (size_t)i * 16 + 12;

		assert_true(at + 4 <= r->len);
		if (memcmp(r->data + at, ip.bytes, 4) == 0)
			return true;
	}
	return false;
}

TEST(neighbours_are_found_by_name)
{
	struct world *w = world();
	struct error err = { 0 };
	AUTO_FREE char *id = world_network(w, "alpha", false, true, NULL);
	AUTO_FREE char *id2 = world_network(w, "beta", false, true, NULL);
	struct box web, client, other;
	AUTO_STRV no_server = { 0 };
	struct reply r;
	struct ip ip;
	AUTO_FREE char *reverse = NULL;

	strv_add(&no_server, "127.0.0.99");
	box_start_named(w, &web, "alpha", "web", &no_server);
	box_start_named(w, &client, "alpha", "client", &no_server);
	box_start_named(w, &other, "beta", "other", &no_server);
	r = ask(&client, "web", DNS_A);
	assert_int_equal(r.rcode, DNS_NOERROR);
	assert_int_equal(r.answers, 1);
	assert_true(has_address(&r, web.endpoint.ip_address));
	r = ask(&client, "WEB.alpha", DNS_A);
	assert_true(has_address(&r, web.endpoint.ip_address));
	r = ask_tcp(&client, "web", DNS_A);
	assert_true(has_address(&r, web.endpoint.ip_address));
	r = ask(&client, "web", DNS_AAAA); /* the name is there, the address is not */
	assert_int_equal(r.rcode, DNS_NOERROR);
	assert_int_equal(r.answers, 0);
	assert_int_equal(ip_parse(web.endpoint.ip_address, &ip), 0);
	reverse = xasprintf("%u.%u.%u.%u.in-addr.arpa", ip.bytes[3], ip.bytes[2], ip.bytes[1],
	                    ip.bytes[0]);
	r = ask(&client, reverse, DNS_PTR);
	assert_int_equal(r.answers, 1);
	assert_memory_equal(r.data + r.question_end + 12, "\3web\5alpha", 11);
	/* another network's names stay there, and nobody answers for them */
	r = ask(&client, "other", DNS_A);
	assert_int_equal(r.rcode, DNS_SERVFAIL);
	box_stop(w, &other);
	box_stop(w, &client);
	box_stop(w, &web);
	assert_int_equal(network_remove(w->networks, "alpha", &err), 0);
	assert_int_equal(network_remove(w->networks, "beta", &err), 0);
}

TEST(one_name_shared_by_two)
{
	struct world *w = world();
	struct error err = { 0 };
	AUTO_FREE char *id = world_network(w, "alpha", false, true, NULL);
	struct box a, b;
	struct reply r;

	box_start_named(w, &a, "alpha", "pool", NULL);
	box_start_named(w, &b, "alpha", "pool", NULL);
	r = ask(&a, "pool", DNS_A);
	assert_int_equal(r.answers, 2);
	assert_true(has_address(&r, a.endpoint.ip_address));
	assert_true(has_address(&r, b.endpoint.ip_address));
	box_stop(w, &b);
	r = ask(&a, "pool", DNS_A);
	assert_int_equal(r.answers, 1);
	box_stop(w, &a);
	assert_int_equal(network_remove(w->networks, "alpha", &err), 0);
}

/* A server on the host's loopback that the service may ask. */
static int fake_server(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(53) };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	inet_pton(AF_INET, "127.0.0.5", &a.sin_addr);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	return fd;
}

TEST(the_rest_is_asked_outside)
{
	struct world *w = world();
	struct error err = { 0 };
	AUTO_FREE char *id = world_network(w, "alpha", false, true, NULL);
	AUTO_CLOSE int server = fake_server();
	struct pollfd p = { .fd = server, .events = POLLIN };
	struct sockaddr_in from;
	socklen_t len = sizeof(from);
	AUTO_STRV dns = { 0 };
	struct box b;
	uint8_t query[512], asked[512], reply[512];
	ssize_t n;

	strv_add(&dns, "127.0.0.77"); /* nobody is there: the next is asked */
	strv_add(&dns, "127.0.0.5");
	box_start_named(w, &b, "alpha", "b", &dns);
	AUTO_CLOSE int client = service(b.netns, SOCK_DGRAM);
	n = (ssize_t)write_query(query, 7, "example.com", DNS_A);
	assert_int_equal(send(client, query, (size_t)n, 0), n);
	assert_int_equal(poll(&p, 1, PATIENCE_MS), 1);
	assert_int_equal(recvfrom(server, asked, sizeof(asked), 0, (struct sockaddr *)&from, &len),
	                 n);
	assert_memory_equal(asked + 2, query + 2, (size_t)n - 2);

	/* an answer to something else is not passed on */
	asked[2] |= 0x80;
	asked[0] ^= 0xff;
	assert_int_equal(sendto(server, asked, (size_t)n, 0, (struct sockaddr *)&from, len), n);
	asked[0] ^= 0xff;
	asked[3] |= DNS_NXDOMAIN;
	assert_int_equal(sendto(server, asked, (size_t)n, 0, (struct sockaddr *)&from, len), n);
	p.fd = client;
	assert_int_equal(poll(&p, 1, PATIENCE_MS), 1);
	assert_int_equal(recv(client, reply, sizeof(reply), 0), n);
	assert_int_equal(reply[0] << 8 | reply[1], 7);
	assert_int_equal(reply[3] & 15, DNS_NXDOMAIN);
	box_stop(w, &b);
	assert_int_equal(network_remove(w->networks, "alpha", &err), 0);
}

TEST(internal_networks_ask_nobody)
{
	struct world *w = world();
	struct error err = { 0 };
	AUTO_FREE char *id = world_network(w, "inner", true, true, NULL);
	AUTO_CLOSE int server = fake_server();
	struct pollfd p = { .fd = server, .events = POLLIN };
	AUTO_STRV dns = { 0 };
	struct box b;
	struct reply r;

	strv_add(&dns, "127.0.0.5");
	box_start_named(w, &b, "inner", "b", &dns);
	r = ask(&b, "secret.example.com", DNS_A);
	assert_int_equal(r.rcode, DNS_SERVFAIL);
	r = ask_tcp(&b, "secret.example.com", DNS_A);
	assert_int_equal(r.rcode, DNS_SERVFAIL);
	assert_int_equal(poll(&p, 1, 0), 0);
	box_stop(w, &b);
	assert_int_equal(network_remove(w->networks, "inner", &err), 0);
}

TEST(names_survive_the_engine)
{
	struct world *w = world();
	struct error err = { 0 };
	AUTO_FREE char *id = world_network(w, "alpha", false, true, NULL);
	AUTO_STRV live = { 0 };
	struct box b;
	struct reply r;

	box_start_named(w, &b, "alpha", "b", NULL);
	strv_add(&live, b.id);
	world_restart(w, &live);
	r = ask(&b, "b", DNS_A);
	assert_true(has_address(&r, b.endpoint.ip_address));
	box_stop(w, &b);
	assert_int_equal(network_remove(w->networks, "alpha", &err), 0);
}
