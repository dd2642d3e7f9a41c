/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table, in the order a packet meets it:
 *
 * raw (before connection tracking): loopback addresses are for loopback. Our bridges have
 *   route_localnet, without which a port published on localhost could not be reached there; so
 *   a neighbour or a container could otherwise talk to 127.0.0.1 of the host.
 * prerouting, output (nat): what goes to a local address and a published port is sent to the
 *   container, by lookup in two maps: for one host address, and for all of them.
 * forward: within a bridge all is allowed (containers that must not talk are isolated ports of
 *   it); internal networks end at their bridge; into a bridge goes only what is an answer, or
 *   came through a published port. So neither a neighbour with a route to our subnet, nor a
 *   container on another bridge, reaches anything unpublished.
 * postrouting (nat): what leaves a bridge takes the host's address; so does what a container
 *   sends to its own bridge by way of a published port, or the answer would not come back
 *   through us; and what the host sent from 127.0.0.1.
 */
#include "network/firewall.h"

#include <dirent.h>
#include <errno.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter_ipv4.h>
#include <linux/rtnetlink.h>

#include "base/fs.h"
#include "network/netns.h"
#include "network/nft.h"

enum { ELEMENTS_PER_MESSAGE = 512 }; /* an attribute ends at 64 KiB */

static const char guard_chain[] = "forwarding-was-off";
static const struct ip_net loopback4 = { .ip = { AF_INET, { 127 } }, .prefix = 8 };

struct port_key {
	uint8_t bytes[4 + 16 + 4];
	uint32_t len;
};

static void network_done(struct firewall_network *n)
{
	ip_net_vec_done(&n->subnets);
}

void firewall_done(struct firewall *f)
{
	vec_for_each (&f->networks, n)
		network_done(n);
	firewall_network_vec_done(&f->networks);
	firewall_port_vec_done(&f->ports);
	free(f->table);
	f->table = NULL;
}

void firewall_forget_network(struct firewall *f, const char *bridge)
{
	for (size_t i = 0; i < f->networks.len; i++)
		if (streq(f->networks.ptr[i].bridge, bridge)) {
			network_done(&f->networks.ptr[i]);
			firewall_network_vec_remove(&f->networks, i);
			return;
		}
}

void firewall_set_network(struct firewall *f, struct firewall_network *n)
{
	firewall_forget_network(f, n->bridge);
	firewall_network_vec_push(&f->networks, *n);
	*n = (struct firewall_network){ 0 };
}

static bool same_key(const struct firewall_port *a, const struct firewall_port *b)
{
	return a->protocol == b->protocol && a->host_port == b->host_port &&
	       ip_equal(&a->host, &b->host);
}

static void forget_port(struct firewall *f, const struct firewall_port *p)
{
	for (size_t i = 0; i < f->ports.len; i++)
		if (same_key(&f->ports.ptr[i], p)) {
			firewall_port_vec_remove(&f->ports, i);
			return;
		}
}

void firewall_note_port(struct firewall *f, const struct firewall_port *p)
{
	forget_port(f, p);
	firewall_port_vec_push(&f->ports, *p);
}

static void add_part(struct port_key *k, const void *data, size_t len)
{
	memcpy(k->bytes + k->len, data, len);
	k->len += ((uint32_t)len + 3) & ~3U;
}

static void add_port_number(struct port_key *k, uint16_t port)
{
	uint8_t big_endian[2] = { (uint8_t)(port >> 8), (uint8_t)port };

	add_part(k, big_endian, sizeof(big_endian));
}

static const char *map_of(int family, bool any)
{
	if (family == AF_INET6)
		return any ? "ports6_any" : "ports6";
	return any ? "ports_any" : "ports";
}

static void port_element(struct nft_batch *t, const struct firewall_port *p, bool any, bool add)
{
	struct port_key key = { 0 }, to = { 0 };

	add_part(&key, &p->protocol, 1);
	if (!any)
		add_part(&key, p->host.bytes, ip_len(&p->host));
	add_port_number(&key, p->host_port);
	add_part(&to, p->to.bytes, ip_len(&p->to));
	add_port_number(&to, p->to_port);
	nft_element(t, key.bytes, key.len, add ? to.bytes : NULL, to.len);
}

static void port_elements(struct nft_batch *t, const struct firewall_port_vec *ports, int family,
                          bool any, bool add)
{
	size_t n = 0;

	vec_for_each (ports, p) {
		if (p->host.family != family || ip_is_any(&p->host) != any)
			continue;
		if (n % ELEMENTS_PER_MESSAGE == 0) {
			if (n)
				nft_elements_end(t);
			nft_elements_begin(t, map_of(family, any), add);
		}
		port_element(t, p, any, add);
		n++;
	}
	if (n)
		nft_elements_end(t);
}

static void all_port_elements(struct nft_batch *t, const struct firewall_port_vec *ports, bool add)
{
	port_elements(t, ports, AF_INET, false, add);
	port_elements(t, ports, AF_INET, true, add);
	port_elements(t, ports, AF_INET6, false, add);
	port_elements(t, ports, AF_INET6, true, add);
}

static void add_chains(struct nft_batch *t, const struct firewall *f)
{
	static const struct nft_chain chains[] = {
		{ "raw", "filter", NF_INET_PRE_ROUTING, NF_IP_PRI_RAW },
		{ "prerouting", "nat", NF_INET_PRE_ROUTING, NF_IP_PRI_NAT_DST },
		{ "output", "nat", NF_INET_LOCAL_OUT, NF_IP_PRI_NAT_DST },
		{ "forward", "filter", NF_INET_FORWARD, NF_IP_PRI_FILTER },
		{ "postrouting", "nat", NF_INET_POST_ROUTING, NF_IP_PRI_NAT_SRC },
	};
	const struct nft_chain guard = { .name = guard_chain };

	for (size_t i = 0; i < ARRAY_SIZE(chains); i++)
		nft_add_chain(t, &chains[i]);
	if (f->guard)
		nft_add_chain(t, &guard);
}

static void add_sets(struct nft_batch *t)
{
	static const struct nft_set sets[] = {
		{ "bridges", { NFT_T_INTERFACE }, { 0 } },
		{ "internal", { NFT_T_INTERFACE }, { 0 } },
		{ "within", { NFT_T_INTERFACE, NFT_T_INTERFACE }, { 0 } },
		{ "ports", { NFT_T_PROTOCOL, NFT_T_IPV4, NFT_T_PORT }, { NFT_T_IPV4, NFT_T_PORT } },
		{ "ports_any", { NFT_T_PROTOCOL, NFT_T_PORT }, { NFT_T_IPV4, NFT_T_PORT } },
		{ "ports6",
		  { NFT_T_PROTOCOL, NFT_T_IPV6, NFT_T_PORT },
		  { NFT_T_IPV6, NFT_T_PORT } },
		{ "ports6_any", { NFT_T_PROTOCOL, NFT_T_PORT }, { NFT_T_IPV6, NFT_T_PORT } },
	};

	for (size_t i = 0; i < ARRAY_SIZE(sets); i++)
		nft_add_set(t, &sets[i]);
}

static void add_bridge_elements(struct nft_batch *t, const struct firewall *f)
{
	vec_for_each (&f->networks, n) {
		char pair[2 * IFNAMSIZ] = { 0 };

		memcpy(pair, n->bridge, IFNAMSIZ);
		memcpy(pair + IFNAMSIZ, n->bridge, IFNAMSIZ);
		nft_elements_begin(t, "bridges", true);
		nft_element(t, pair, IFNAMSIZ, NULL, 0);
		nft_elements_end(t);
		nft_elements_begin(t, "within", true);
		nft_element(t, pair, sizeof(pair), NULL, 0);
		nft_elements_end(t);
		if (!n->internal)
			continue;
		nft_elements_begin(t, "internal", true);
		nft_element(t, pair, IFNAMSIZ, NULL, 0);
		nft_elements_end(t);
	}
}

static void drop_outside_loopback(struct nft_batch *t)
{
	for (int source = 0; source < 2; source++) {
		nft_rule_begin(t, "raw");
		nft_match_interface(t, false, false, "lo");
		if (source)
			nft_match_source(t, &loopback4);
		else
			nft_match_destination(t, &loopback4);
		nft_verdict(t, NF_DROP, NULL);
		nft_rule_end(t);
	}
}

/* fib daddr type local dnat to meta l4proto . [daddr .] th dport map @… */
static void translate(struct nft_batch *t, const char *chain, int family, bool any)
{
	static const uint32_t local = RTN_LOCAL;
	uint32_t len = family == AF_INET6 ? 16 : 4, reg = 1;

	nft_rule_begin(t, chain);
	nft_match_protocol(t, family);
	nft_fib_daddr_type(t, NFT_R(0));
	nft_cmp(t, NFT_CMP_EQ, NFT_R(0), &local, sizeof(local));
	nft_meta(t, NFT_META_L4PROTO, NFT_R(0));
	if (!any) {
		nft_payload(t, NFT_PAYLOAD_NETWORK_HEADER, family == AF_INET6 ? 24 : 16, len,
		            NFT_R(reg));
		reg += len / 4;
	}
	nft_payload(t, NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, NFT_R(reg));
	nft_lookup_map(t, map_of(family, any), NFT_R(0), NFT_R(0));
	nft_dnat(t, family, NFT_R(0), NFT_R(len / 4));
	nft_rule_end(t);
}

static void forward_interface_rule(struct nft_batch *t, bool output, const char *set, int verdict)
{
	nft_rule_begin(t, "forward");
	nft_meta(t, output ? NFT_META_OIFNAME : NFT_META_IIFNAME, NFT_R(0));
	nft_lookup(t, set, NFT_R(0), false);
	nft_verdict(t, verdict, NULL);
	nft_rule_end(t);
}

static void forward_within(struct nft_batch *t)
{
	nft_rule_begin(t, "forward");
	nft_meta(t, NFT_META_IIFNAME, NFT_R(0));
	nft_meta(t, NFT_META_OIFNAME, NFT_R(4));
	nft_lookup(t, "within", NFT_R(0), false);
	nft_verdict(t, NF_ACCEPT, NULL);
	nft_rule_end(t);
}

static void forward_ct(struct nft_batch *t, enum nft_ct_keys key, uint32_t bits)
{
	nft_rule_begin(t, "forward");
	nft_meta(t, NFT_META_OIFNAME, NFT_R(0));
	nft_lookup(t, "bridges", NFT_R(0), false);
	nft_match_ct_bits(t, key, bits);
	nft_verdict(t, NF_ACCEPT, NULL);
	nft_rule_end(t);
}

/* New connections between interfaces that are none of ours. */
static void forward_guard(struct nft_batch *t)
{
	nft_rule_begin(t, "forward");
	nft_meta(t, NFT_META_IIFNAME, NFT_R(0));
	nft_lookup(t, "bridges", NFT_R(0), true);
	nft_meta(t, NFT_META_OIFNAME, NFT_R(0));
	nft_lookup(t, "bridges", NFT_R(0), true);
	nft_match_ct_bits(t, NFT_CT_STATE, NF_CT_STATE_BIT(IP_CT_NEW));
	nft_verdict(t, NF_DROP, NULL);
	nft_rule_end(t);
}

static void add_forward(struct nft_batch *t, const struct firewall *f)
{
	forward_within(t);
	forward_interface_rule(t, false, "internal", NF_DROP);
	forward_interface_rule(t, true, "internal", NF_DROP);
	forward_ct(t, NFT_CT_STATE,
	           NF_CT_STATE_BIT(IP_CT_ESTABLISHED) | NF_CT_STATE_BIT(IP_CT_RELATED));
	forward_ct(t, NFT_CT_STATUS, IPS_DST_NAT);
	forward_interface_rule(t, true, "bridges", NF_DROP);
	if (f->guard)
		forward_guard(t);
}

static void masquerade_subnet(struct nft_batch *t, const struct firewall_network *n,
                              const struct ip_net *subnet)
{
	nft_rule_begin(t, "postrouting");
	nft_match_interface(t, true, true, n->bridge);
	nft_match_source(t, subnet);
	nft_match_ct_bits(t, NFT_CT_STATUS, IPS_DST_NAT);
	nft_masquerade(t);
	nft_rule_end(t);
	if (!n->masquerade || n->internal)
		return;
	nft_rule_begin(t, "postrouting");
	nft_match_interface(t, true, false, n->bridge);
	nft_match_source(t, subnet);
	nft_masquerade(t);
	nft_rule_end(t);
}

static void add_postrouting(struct nft_batch *t, const struct firewall *f)
{
	nft_rule_begin(t, "postrouting");
	nft_meta(t, NFT_META_OIFNAME, NFT_R(0));
	nft_lookup(t, "bridges", NFT_R(0), false);
	nft_match_source(t, &loopback4);
	nft_masquerade(t);
	nft_rule_end(t);
	vec_for_each (&f->networks, n)
		vec_for_each (&n->subnets, subnet)
			masquerade_subnet(t, n, subnet);
}

static int commit(struct nft_batch *t, int *ret_errno, struct error *err)
{
	AUTO_NETLINK nl = NETLINK_NONE;
	int r = netlink_open(&nl, NETLINK_NETFILTER, err);

	if (r < 0)
		return r;
	return nft_commit(t, &nl, ret_errno, err);
}

int firewall_replace(struct firewall *f, struct error *err)
{
	static const char *const nat[] = { "prerouting", "output" };
	AUTO_NFT t = { 0 };
	int r;

	if (f->disabled)
		return 0;
	nft_begin(&t, f->table);
	nft_add_table(&t); /* so that deleting never fails */
	nft_delete_table(&t);
	nft_add_table(&t);
	add_chains(&t, f);
	add_sets(&t);
	add_bridge_elements(&t, f);
	all_port_elements(&t, &f->ports, true);
	drop_outside_loopback(&t);
	for (size_t i = 0; i < ARRAY_SIZE(nat); i++)
		for (int any = 0; any < 2; any++) {
			translate(&t, nat[i], AF_INET, any);
			translate(&t, nat[i], AF_INET6, any);
		}
	add_forward(&t, f);
	add_postrouting(&t, f);
	r = commit(&t, NULL, err);
	if (r >= 0)
		f->rules = t.rules;
	return r;
}

int firewall_open_ports(struct firewall *f, const struct firewall_port_vec *ports,
                        struct error *err)
{
	AUTO_NFT t = { 0 };
	int r, e = 0;

	nft_begin(&t, f->table);
	all_port_elements(&t, ports, true);
	vec_for_each (ports, p)
		firewall_note_port(f, p);
	r = f->disabled ? 0 : commit(&t, &e, err);
	if (r < 0 && e == ENOENT) {
		error_clear(err);
		r = firewall_replace(f, err); /* somebody flushed our table */
	}
	if (r < 0)
		vec_for_each (ports, p)
			forget_port(f, p);
	return r;
}

int firewall_close_ports(struct firewall *f, const struct firewall_port_vec *ports,
                         struct error *err)
{
	AUTO_NFT t = { 0 };
	int r, e = 0;

	vec_for_each (ports, p)
		forget_port(f, p);
	if (f->disabled)
		return 0;
	nft_begin(&t, f->table);
	all_port_elements(&t, ports, false);
	r = commit(&t, &e, err);
	if (r < 0 && e == ENOENT) {
		error_clear(err);
		r = firewall_replace(f, err);
	}
	return r;
}

int firewall_stands(const struct firewall *f, struct error *err)
{
	AUTO_NETLINK nl = NETLINK_NONE;
	uint32_t rules;
	int r;

	if (f->disabled)
		return 1;
	r = netlink_open(&nl, NETLINK_NETFILTER, err);
	if (r >= 0)
		r = nft_count_rules(&nl, f->table, &rules, err);
	return r < 0 ? r : rules == f->rules;
}

/* 1 when the setting was off and has been turned on. */
static int turn_on(const char *path, struct error *err)
{
	AUTO_FREE char *file = xasprintf("/proc/sys/net/%s", path);
	AUTO_STRBUF now = { 0 };
	int r = read_file(AT_FDCWD, file, 16, &now, err);

	if (r < 0 && err->kind == ERROR_NOT_FOUND) {
		error_clear(err);
		return 0;
	}
	if (r < 0)
		return r;
	if (strbuf_cstr(&now)[0] != '0')
		return 0;
	r = sysctl_write(path, "1", err);
	return r < 0 ? r : 1;
}

/* A host that forwards stops taking router advertisements, and so would lose its own default
 * route: interfaces that took them are told to go on. */
static void keep_router_advertisements(void)
{
	DIR *dir = opendir("/proc/sys/net/ipv6/conf");

	if (!dir)
		return;
	for (struct dirent *e; (e = readdir(dir));) {
		AUTO_FREE char *file = xasprintf("/proc/sys/net/ipv6/conf/%s/accept_ra", e->d_name);
		AUTO_STRBUF now = { 0 };
		struct error ignored = { 0 };

		if (e->d_name[0] != '.' && read_file(AT_FDCWD, file, 16, &now, &ignored) >= 0 &&
		    strbuf_cstr(&now)[0] == '1')
			IGNORE_RESULT(
				sysctl_write_if("ipv6", e->d_name, "accept_ra", "2", &ignored) < 0,
				"the interface may be gone");
	}
	closedir(dir);
}

static int guard_stands(const struct firewall *f, struct error *err)
{
	AUTO_NETLINK nl = NETLINK_NONE;
	int r = netlink_open(&nl, NETLINK_NETFILTER, err);

	if (r < 0)
		return r;
	return nft_exists(&nl, f->table, guard_chain, err);
}

int firewall_enable_forwarding(struct firewall *f, bool ipv6, struct error *err)
{
	int was_off = 0, r;

	r = turn_on("ipv4/ip_forward", err);
	if (r < 0)
		return r;
	was_off = r;
	if (ipv6) {
		keep_router_advertisements();
		r = turn_on("ipv6/conf/all/forwarding", err);
		if (r < 0)
			return r;
		was_off |= r;
	}
	if (f->disabled)
		return 0;
	/* an engine before us may have turned it on: its table still says so */
	r = guard_stands(f, err);
	if (r < 0)
		return r;
	f->guard |= was_off || r;
	return 0;
}
