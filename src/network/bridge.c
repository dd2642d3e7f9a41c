/* SPDX-License-Identifier: Apache-2.0 */
/* A network's bridge in the kernel. */
#include <errno.h>

#include "network/networks-internal.h"

char *bridge_alias(struct networks *n, const char *what, const char *ids)
{
	return xasprintf("coracle %s %s %s", n->bridge_name, what, ids);
}

static int set_up_ipv6(const struct net *net, struct error *err)
{
	const char *br = net->bridge;
	int r = sysctl_write_if("ipv6", br, "accept_ra", "0", err);

	if (r < 0)
		return r;
	return sysctl_write_if("ipv6", br, "disable_ipv6", net->pool6.used ? "0" : "1", err);
}

static int add_gateway(struct netlink *nl, int index, const struct ipam *pool, struct error *err)
{
	struct ip_net address = { .ip = pool->gateway, .prefix = pool->subnet.prefix };

	if (!pool->used)
		return 0;
	return link_add_address(nl, index, &address, err);
}

static int make(struct networks *n, struct netlink *nl, struct net *net, struct error *err)
{
	uint8_t mac[MAC_LEN] = { 0x02, 0x42 };
	AUTO_FREE char *alias = bridge_alias(n, "network", net->info.id);
	int r, index, found;

	random_bytes(mac + 2, 4);
	found = link_add_bridge(nl, net->bridge, mac, net->mtu, err);
	if (found < 0)
		return found;
	index = link_index(net->bridge, err);
	if (index < 0)
		return index;
	/* a bridge that somebody else made stays theirs: without our alias it is never removed */
	r = found ? 0 : link_set_alias(nl, index, alias, err);
	if (r < 0)
		return r;
	r = set_up_ipv6(net, err);
	if (r < 0)
		return r;
	r = add_gateway(nl, index, &net->pool4, err);
	if (r < 0)
		return r;
	r = add_gateway(nl, index, &net->pool6, err);
	if (r < 0)
		return r;
	/* what makes ports published on localhost reachable there; the firewall keeps others out */
	r = sysctl_write_if("ipv4", net->bridge, "route_localnet", n->firewall.disabled ? "0" : "1",
	                    err);
	if (r < 0)
		return r;
	return link_set_up(nl, index, err);
}

int bridge_make(struct networks *n, struct net *net, struct error *err)
{
	AUTO_NETLINK nl = NETLINK_NONE;
	int r = netlink_open(&nl, NETLINK_ROUTE, err);

	if (r < 0)
		return r;
	r = make(n, &nl, net, err);
	return r < 0 ? error_prefix(err, "network %s: bridge %s", net->info.name, net->bridge) : 0;
}

void bridge_remove(const char *name)
{
	struct error ignored = { 0 };
	AUTO_NETLINK nl = NETLINK_NONE;
	CLEANUP(link_info_vec_done) struct link_info_vec links = { 0 };

	if (netlink_open(&nl, NETLINK_ROUTE, &ignored) < 0 || link_list(&nl, &links, &ignored) < 0)
		return;
	vec_for_each (&links, link)
		if (streq(link->name, name) && str_skip_prefix(link->alias, "coracle "))
			IGNORE_RESULT(link_remove(&nl, link->index, &ignored) < 0,
			              "the next start removes it");
}
