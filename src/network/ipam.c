/* SPDX-License-Identifier: Apache-2.0 */
#include "network/ipam.h"

#include <errno.h>

enum { SUBNETS_TRIED_MAX = 1 << 16 };

static int parse_range(struct ipam *p, const char *range, struct error *err)
{
	p->range = p->subnet;
	if (str_empty_or_null(range))
		return 0;
	if (ip_net_parse(range, &p->range) < 0 || p->range.ip.family != p->subnet.ip.family)
		return error_set(err, ERROR_INVALID, "invalid ip-range %s", range);
	p->range = ip_net_masked(&p->range);
	if (p->range.prefix < p->subnet.prefix || !ip_net_contains(&p->subnet, &p->range.ip))
		return error_set(err, ERROR_INVALID, "no matching subnet for range %s", range);
	return 0;
}

static int parse_gateway(struct ipam *p, const struct ip_net *written, const char *gateway,
                         struct error *err)
{
	if (str_empty_or_null(gateway)) {
		/* "172.17.0.1/16" names its gateway; in a plain subnet it is the first address */
		p->gateway = ip_equal(&written->ip, &p->subnet.ip) ? ip_add(&p->range.ip, 1)
		                                                   : written->ip;
		return 0;
	}
	if (ip_parse(gateway, &p->gateway) < 0 || !ip_net_contains(&p->subnet, &p->gateway))
		return error_set(err, ERROR_INVALID, "no matching subnet for gateway %s", gateway);
	return 0;
}

static void mark(struct ipam *p, const struct ip *ip)
{
	char text[IP_TEXT_MAX];

	map_set(p->used, ip_format(ip, text), p);
}

int ipam_init(struct ipam *p, const char *subnet, const char *range, const char *gateway,
              struct error *err)
{
	struct ipam pool = { 0 };
	struct ip_net written;
	struct ip last;
	int r;

	if (ip_net_parse(subnet, &written) < 0)
		return error_set(err, ERROR_INVALID, "invalid subnet %s: invalid CIDR address",
		                 subnet);
	pool.subnet = ip_net_masked(&written);
	if (ip_net_size(&pool.subnet) < 4)
		return error_set(err, ERROR_INVALID, "invalid subnet %s: too small", subnet);
	r = parse_range(&pool, range, err);
	if (r < 0)
		return r;
	r = parse_gateway(&pool, &written, gateway, err);
	if (r < 0)
		return r;
	pool.used = map_new();
	mark(&pool, &pool.subnet.ip);
	mark(&pool, &pool.gateway);
	if (pool.subnet.ip.family == AF_INET) {
		last = ip_add(&pool.subnet.ip, ip_net_size(&pool.subnet) - 1);
		mark(&pool, &last);
	}
	*p = pool;
	return 0;
}

void ipam_done(struct ipam *p)
{
	map_free(p->used);
	p->used = NULL;
}

static bool is_used(const struct ipam *p, const struct ip *ip)
{
	char text[IP_TEXT_MAX];

	return map_get(p->used, ip_format(ip, text));
}

static int take_wanted(struct ipam *p, const struct ip *wanted, struct error *err)
{
	char text[IP_TEXT_MAX], subnet[IP_TEXT_MAX];

	if (!ip_net_contains(&p->subnet, wanted))
		return error_set(
			err, ERROR_INVALID,
			"no configured subnet contains the address %s (the network has %s)",
			ip_format(wanted, text), ip_net_format(&p->subnet, subnet));
	if (is_used(p, wanted))
		return error_set(err, ERROR_CONFLICT, "Address already in use: %s",
		                 ip_format(wanted, text));
	mark(p, wanted);
	return 0;
}

int ipam_take(struct ipam *p, const struct ip *wanted, struct ip *ret, struct error *err)
{
	uint64_t size = ip_net_size(&p->range);
	char text[IP_TEXT_MAX];
	int r;

	if (wanted && wanted->family) {
		struct ip ip = *wanted;

		r = take_wanted(p, &ip, err);
		if (r >= 0)
			*ret = ip;
		return r;
	}
	for (; p->next < size; p->next++) {
		struct ip ip = ip_add(&p->range.ip, p->next);

		if (is_used(p, &ip))
			continue;
		mark(p, &ip);
		*ret = ip;
		return 0;
	}
	return error_set(err, ERROR_CONFLICT,
	                 "no available IPv%d addresses on this network's address pools: %s",
	                 p->subnet.ip.family == AF_INET ? 4 : 6, ip_net_format(&p->range, text));
}

void ipam_give_back(struct ipam *p, const struct ip *ip)
{
	char text[IP_TEXT_MAX];

	map_remove(p->used, ip_format(ip, text));
	if (ip_net_contains(&p->range, ip))
		p->next = MIN(p->next, ip_distance(&p->range.ip, ip));
}

static int parse_source(const char *text, struct ipam_source *ret, struct error *err)
{
	struct str rest = str_from(text), piece;
	AUTO_FREE char *base = NULL;
	struct ipam_source s;
	uint64_t size;

	if (!str_cut(&rest, ',', &piece) || !rest.ptr || parse_u64_str(rest, 10, &size) < 0)
		return error_set(err, ERROR_INVALID,
		                 "invalid address pool %s: wanted base,size as 10.0.0.0/8,24",
		                 text);
	base = xstrndup(piece.ptr, piece.len);
	if (ip_net_parse(base, &s.base) < 0 || size > ip_len(&s.base.ip) * 8 ||
	    size < s.base.prefix)
		return error_set(err, ERROR_INVALID, "invalid address pool %s", text);
	s.size = (unsigned)size;
	*ret = s;
	return 0;
}

/* Of the addresses that anybody may use without asking (RFC 4193), a /48 by chance: networks keep
 * in their rows what they got of it. */
static void add_private_ipv6(struct ipam_source_vec *to)
{
	struct ipam_source s = { .base = { .ip = { AF_INET6, { 0xfd } }, .prefix = 48 },
		                 .size = 64 };

	random_bytes(s.base.ip.bytes + 1, 5);
	ipam_source_vec_push(to, s);
}

static bool has_ipv6(const struct ipam_source_vec *sources)
{
	vec_for_each (sources, s)
		if (s->base.ip.family == AF_INET6)
			return true;
	return false;
}

int ipam_sources_parse(const char *const *texts, struct ipam_source_vec *ret, struct error *err)
{
	static const char *const usual[] = {
		"172.17.0.0/16,16", "172.18.0.0/16,16", "172.19.0.0/16,16",  "172.20.0.0/14,16",
		"172.24.0.0/14,16", "172.28.0.0/14,16", "192.168.0.0/16,20", NULL,
	};

	if (!texts || !texts[0])
		texts = usual;
	for (; *texts; texts++) {
		struct ipam_source s;
		int r = parse_source(*texts, &s, err);

		if (r < 0)
			return r;
		ipam_source_vec_push(ret, s);
	}
	if (!has_ipv6(ret))
		add_private_ipv6(ret);
	return 0;
}

static bool is_free(const struct ip_net *net, const struct ip_net_vec *used)
{
	vec_for_each (used, u)
		if (ip_net_overlaps(net, u))
			return false;
	return true;
}

/* The n-th subnet of a source: the base, counted in pieces. A base may begin inside its prefix
 * ("172.17.0.0/12"): pieces start where it was written. */
static bool nth_subnet(const struct ipam_source *s, uint64_t n, struct ip_net *ret)
{
	struct ip_net first = { .ip = s->base.ip, .prefix = s->size };
	unsigned bits = (unsigned)ip_len(&s->base.ip) * 8 - s->size;
	struct ip_net net = { .prefix = s->size };

	first = ip_net_masked(&first);
	net.ip = ip_add_pieces(&first.ip, n, bits);
	*ret = net;
	return (n == 0 || !ip_equal(&net.ip, &first.ip)) && ip_net_contains(&s->base, &net.ip);
}

int ipam_choose_subnet(const struct ipam_source_vec *sources, int family,
                       const struct ip_net_vec *used, struct ip_net *ret, struct error *err)
{
	vec_for_each (sources, s) {
		struct ip_net net;

		if (s->base.ip.family != family)
			continue;
		for (uint64_t n = 0; n < SUBNETS_TRIED_MAX && nth_subnet(s, n, &net); n++)
			if (is_free(&net, used)) {
				*ret = net;
				return 0;
			}
	}
	return error_set(err, ERROR_INVALID,
	                 "all predefined address pools have been fully subnetted: "
	                 "give the network a subnet (--subnet)");
}
