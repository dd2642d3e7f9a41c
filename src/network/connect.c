/* SPDX-License-Identifier: Apache-2.0 */
/* Endpoints: a container on a network. */
#include <errno.h>
#include <linux/if_link.h>
#include <stdio.h>

#include "base/log.h"
#include "network/networks-internal.h"

void endpoint_done(struct net_endpoint *e)
{
	json_fields_clear(net_endpoint_fields, e);
}

static bool is_plumbed(const struct net *net)
{
	return net->kind == NET_BRIDGE || net->kind == NET_MACVLAN;
}

/* Work inside the container's namespace. */
struct inside {
	const struct net *net;
	struct net_endpoint *e;
	const struct strv *sysctls;
	bool default_route;
	bool replace; /* the default route there was */
};

/* Docker writes an interface's settings with IFNAME for its name. */
static int apply_sysctls(const struct inside *in, struct error *err)
{
	for (size_t i = 0; in->sysctls && i < in->sysctls->len; i++) {
		struct str rest = str_from(in->sysctls->ptr[i]), name;
		AUTO_STRBUF path = { 0 };
		struct str piece;
		int r;

		if (!str_cut(&rest, '=', &name) || !rest.ptr)
			return error_set(err, ERROR_INVALID, "invalid sysctl %s: wanted name=value",
			                 in->sysctls->ptr[i]);
		while (str_cut(&name, '.', &piece)) {
			if (path.len)
				strbuf_putc(&path, '/');
			if (str_eq_c(piece, "IFNAME"))
				strbuf_puts(&path, in->e->interface);
			else
				strbuf_add_str(&path, piece);
		}
		if (!str_skip_prefix(strbuf_cstr(&path), "net/") || strstr(path.ptr, ".."))
			return error_set(err, ERROR_INVALID,
			                 "invalid sysctl %s: not of the network",
			                 in->sysctls->ptr[i]);
		r = sysctl_write(path.ptr + 4, rest.ptr, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int add_address(struct netlink *nl, int index, const struct ipam *pool, const char *text,
                       struct error *err)
{
	struct ip_net address = { .prefix = pool->subnet.prefix };

	if (!text)
		return 0;
	if (ip_parse(text, &address.ip) < 0)
		return error_set(err, ERROR_INTERNAL, "damaged address %s", text);
	return link_add_address(nl, index, &address, err);
}

static int add_default_routes(struct netlink *nl, int index, const struct inside *in,
                              struct error *err)
{
	static const int families[] = { AF_INET, AF_INET6 };

	for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
		const struct ipam *pool = i == 0 ? &in->net->pool4 : &in->net->pool6;
		int r;

		if (in->replace) {
			r = link_remove_default_route(nl, families[i], err);
			if (r < 0)
				return r;
		}
		if (!in->default_route || !pool->used)
			continue;
		r = link_add_route(nl, index, NULL, &pool->gateway, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int configure_inside(void *arg, struct error *err)
{
	struct inside *in = arg;
	struct net_endpoint *e = in->e;
	AUTO_NETLINK nl = NETLINK_NONE;
	int r = netlink_open(&nl, NETLINK_ROUTE, err), index;

	if (r < 0)
		return r;
	index = link_index(e->interface, err);
	if (index < 0)
		return index;
	r = sysctl_write_if("ipv6", e->interface, "disable_ipv6", e->ipv6 ? "0" : "1", err);
	if (r < 0)
		return r;
	r = sysctl_write_if("ipv6", e->interface, "accept_ra", "0", err);
	if (r < 0)
		return r;
	r = add_address(&nl, index, &in->net->pool4, e->ipv4, err);
	if (r < 0)
		return r;
	r = add_address(&nl, index, &in->net->pool6, e->ipv6, err);
	if (r < 0)
		return r;
	r = link_set_up(&nl, index, err);
	if (r < 0)
		return r;
	return apply_sysctls(in, err);
}

static int make_veth(struct networks *n, const struct net *net, const struct net_endpoint *e,
                     int netns, const uint8_t *mac, struct error *err)
{
	AUTO_NETLINK nl = NETLINK_NONE;
	AUTO_FREE char *ids = xasprintf("%s %s", e->container_id, net->info.id);
	AUTO_FREE char *alias = bridge_alias(n, "endpoint", ids);
	struct veth_options o = { .name = e->host_interface,
		                  .peer_name = e->interface,
		                  .peer_netns = netns,
		                  .peer_mac = mac,
		                  .mtu = net->mtu };
	int r = netlink_open(&nl, NETLINK_ROUTE, err), index;

	if (r < 0)
		return r;
	o.master = link_index(net->bridge, err);
	if (o.master < 0)
		return o.master;
	r = link_add_veth(&nl, &o, err);
	if (r < 0)
		return r;
	index = link_index(e->host_interface, err);
	if (index < 0)
		return index;
	r = link_set_alias(&nl, index, alias, err);
	if (r < 0)
		return r;
	r = link_set_port(&nl, index, !n->firewall.disabled, !net->icc, err);
	if (r < 0)
		return r;
	r = sysctl_write_if("ipv6", e->host_interface, "disable_ipv6", "1", err);
	if (r < 0)
		return r;
	return link_set_up(&nl, index, err);
}

static int make_macvlan(const struct net *net, const struct net_endpoint *e, int netns,
                        const uint8_t *mac, struct error *err)
{
	AUTO_NETLINK nl = NETLINK_NONE;
	const char *parent = strmap_get(&net->info.options, "parent");
	struct macvlan_options o = { .name = e->interface,
		                     .netns = netns,
		                     .mac = mac,
		                     .mtu = net->mtu,
		                     .mode = MACVLAN_MODE_BRIDGE };
	int r = netlink_open(&nl, NETLINK_ROUTE, err);

	if (r < 0)
		return r;
	o.parent = link_index(parent, err);
	if (o.parent < 0)
		return o.parent;
	return link_add_macvlan(&nl, &o, err);
}

/* First the port, whose coming up brings the bridge up when it is the first. */
static int settle(const struct net *net, const struct net_endpoint *e, struct error *err)
{
	const char *const names[] = { e->host_interface, net->bridge };
	AUTO_NETLINK nl = NETLINK_NONE;
	int r = netlink_open(&nl, NETLINK_ROUTE, err);

	for (size_t i = 0; i < ARRAY_SIZE(names) && r >= 0; i++) {
		r = link_index(names[i], err);
		if (r >= 0)
			r = link_settle(&nl, r, err);
	}
	return r;
}

int endpoint_plumb(struct networks *n, struct net *net, struct net_endpoint *e,
                   const struct strv *sysctls, struct error *err)
{
	struct inside in = { .net = net, .e = e, .sysctls = sysctls };
	AUTO_CLOSE int netns = netns_open(e->netns_path, err);
	uint8_t mac[MAC_LEN];
	int r;

	if (netns < 0)
		return netns;
	if (mac_parse(e->mac, mac) < 0)
		return error_set(err, ERROR_INVALID, "invalid MAC address %s", e->mac);
	r = net->kind == NET_MACVLAN ? make_macvlan(net, e, netns, mac, err)
	                             : make_veth(n, net, e, netns, mac, err);
	if (r >= 0)
		r = netns_run(netns, configure_inside, &in, err);
	if (r >= 0 && net->kind == NET_BRIDGE)
		r = settle(net, e, err);
	if (r < 0)
		endpoint_unplumb(net, e);
	return r;
}

static int remove_interface(void *arg, struct error *err)
{
	AUTO_NETLINK nl = NETLINK_NONE;
	int r = netlink_open(&nl, NETLINK_ROUTE, err), index;

	if (r < 0)
		return r;
	index = link_index(arg, err);
	return index < 0 ? index : link_remove(&nl, index, err);
}

void endpoint_unplumb(struct net *net, const struct net_endpoint *e)
{
	struct error err = { 0 };
	int r = 0;

	if (!is_plumbed(net) || !e->interface)
		return;
	if (e->host_interface) {
		r = remove_interface(e->host_interface, &err);
	} else {
		AUTO_CLOSE int netns = netns_open(e->netns_path, &err);

		r = netns < 0 ? netns : netns_run(netns, remove_interface, e->interface, &err);
	}
	/* it goes with the namespace of a container that ended */
	if (r < 0 && err.kind != ERROR_NOT_FOUND)
		log_warning("cannot remove an interface: %s container=%s", err.message,
		            e->container_id);
}

static void give_back(struct net *net, const struct net_endpoint *e)
{
	struct ip ip;

	if (e->ipv4 && net->pool4.used && ip_parse(e->ipv4, &ip) == 0)
		ipam_give_back(&net->pool4, &ip);
	if (e->ipv6 && net->pool6.used && ip_parse(e->ipv6, &ip) == 0)
		ipam_give_back(&net->pool6, &ip);
}

void endpoint_drop(struct networks *n, struct net *net, size_t i)
{
	struct net_endpoint e = net->endpoints.ptr[i];
	struct error err = { 0 };

	endpoint_unplumb(net, &e);
	if (rows_remove_endpoint(n, &e, &err) < 0)
		log_warning("cannot forget an endpoint: %s container=%s", err.message,
		            e.container_id);
	give_back(net, &e);
	net_endpoint_vec_remove(&net->endpoints, i);
	net_event(n, net, "disconnect", &e);
	endpoint_done(&e);
}

static int route_inside(void *arg, struct error *err)
{
	struct inside *in = arg;
	AUTO_NETLINK nl = NETLINK_NONE;
	int r = netlink_open(&nl, NETLINK_ROUTE, err), index;

	if (r < 0)
		return r;
	index = link_index(in->e->interface, err);
	return index < 0 ? index : add_default_routes(&nl, index, in, err);
}

struct candidate {
	struct net *net;
	struct net_endpoint *e;
};

/* Higher priority, then the network's name: Docker's order. */
static bool is_better(const struct candidate *a, const struct candidate *b)
{
	if (!b->e)
		return true;
	if (a->e->gw_priority != b->e->gw_priority)
		return a->e->gw_priority > b->e->gw_priority;
	return strcmp(a->net->info.name, b->net->info.name) < 0;
}

int endpoint_choose_gateway(struct networks *n, const char *container_id, struct error *err)
{
	struct candidate best = { 0 }, before = { 0 };
	struct inside in = { .default_route = true, .replace = true };
	int r;

	vec_for_each (&n->nets, net) {
		struct candidate c = { *net, net_endpoint_of(*net, container_id) };

		if (!c.e || !c.e->interface || c.net->info.internal)
			continue;
		if (c.e->has_gateway)
			before = c;
		if (is_better(&c, &best))
			best = c;
	}
	if (!best.e)
		return republish(n, container_id, err);
	if (best.e == before.e)
		return 0;
	AUTO_CLOSE int netns = netns_open(best.e->netns_path, err);
	if (netns < 0)
		return netns;
	in.net = best.net;
	in.e = best.e;
	r = netns_run(netns, route_inside, &in, err);
	if (r < 0)
		return r;
	best.e->has_gateway = true;
	r = rows_set_endpoint(n, best.net, best.e, err);
	if (r >= 0 && before.e) {
		before.e->has_gateway = false;
		r = rows_set_endpoint(n, before.net, before.e, err);
	}
	return r < 0 ? r : republish(n, container_id, err);
}

static bool interface_taken(struct networks *n, const char *container_id, const char *name)
{
	vec_for_each (&n->nets, net) {
		const struct net_endpoint *e = net_endpoint_of(*net, container_id);

		if (e && e->interface && streq(e->interface, name))
			return true;
	}
	return false;
}

static int choose_interface(struct networks *n, const struct endpoint_request *r,
                            struct net_endpoint *e, struct error *err)
{
	if (!str_empty_or_null(r->interface)) {
		if (strlen(r->interface) >= IFNAMSIZ)
			return error_set(err, ERROR_INVALID, "interface name %s is too long",
			                 r->interface);
		e->interface = xstrdup(r->interface);
		return 0;
	}
	for (unsigned i = 0;; i++) {
		AUTO_FREE char *name = xasprintf("eth%u", i);

		if (interface_taken(n, r->container_id, name))
			continue;
		e->interface = TAKE_PTR(name);
		return 0;
	}
}

/* What the client asked for, of one family; .family 0: nothing. */
static int wanted_address(const struct net *net, const struct endpoint *settings, int family,
                          struct ip *ret, struct error *err)
{
	const struct endpoint_ipam_config *c = settings ? settings->ipam_config : NULL;
	const char *text = !c ? NULL : family == AF_INET ? c->ipv4_address : c->ipv6_address;

	*ret = (struct ip){ 0 };
	if (str_empty_or_null(text))
		return 0;
	if (net_is_default_bridge(net) || !is_plumbed(net))
		return error_set(
			err, ERROR_INVALID,
			"user specified IP address is supported on user defined networks only");
	if (ip_parse(text, ret) < 0 || ret->family != family)
		return error_set(err, ERROR_INVALID, "invalid IPv%d address: %s",
		                 family == AF_INET ? 4 : 6, text);
	if (!net->user_subnet)
		return error_set(err, ERROR_INVALID,
		                 "user specified IP address is supported only when connecting to "
		                 "networks with user configured subnets");
	return 0;
}

static int take_address(struct net *net, const struct endpoint *settings, int family, char **ret,
                        struct error *err)
{
	struct ipam *pool = family == AF_INET ? &net->pool4 : &net->pool6;
	struct ip wanted, got;
	char text[IP_TEXT_MAX];
	int r = wanted_address(net, settings, family, &wanted, err);

	if (r < 0 || !pool->used)
		return r;
	r = ipam_take(pool, &wanted, &got, err);
	if (r >= 0)
		*ret = xstrdup(ip_format(&got, text));
	return r;
}

/* Docker's own: 02:42 and the IPv4 address, so that a neighbour's table stays right when an
 * address moves to another container. */
static char *choose_mac(const struct net_endpoint *e, const struct endpoint *settings)
{
	uint8_t mac[MAC_LEN] = { 0x02, 0x42 };
	char text[MAC_TEXT_MAX];
	struct ip ip;

	if (settings && !str_empty_or_null(settings->mac_address))
		return xstrdup(settings->mac_address);
	if (e->ipv4 && ip_parse(e->ipv4, &ip) == 0)
		memcpy(mac + 2, ip.bytes, 4);
	else
		random_bytes(mac + 2, 4);
	return xstrdup(mac_format(mac, text));
}

static void add_name(struct strv *names, const char *name)
{
	if (!str_empty_or_null(name) && !strv_has(names, name))
		strv_add(names, name);
}

static void collect_names(const struct net *net, const struct endpoint_request *r,
                          struct net_endpoint *e)
{
	AUTO_FREE char *short_id = xstrndup(r->container_id, 12);

	if (net_is_predefined(net))
		return;
	add_name(&e->names, r->container_name);
	for (size_t i = 0; r->settings && i < r->settings->aliases.len; i++)
		add_name(&e->names, r->settings->aliases.ptr[i]);
	add_name(&e->names, short_id);
}

static int prepare(struct networks *n, struct net *net, const struct endpoint_request *r,
                   struct net_endpoint *e, struct error *err)
{
	char id[65];
	uint8_t mac[MAC_LEN];
	int ret;

	random_hex(id, 32);
	e->endpoint_id = xstrdup(id);
	e->container_id = xstrdup(r->container_id);
	e->container_name = xstrdup_null(r->container_name);
	e->netns_path = xstrdup_null(r->netns_path);
	e->gw_priority = r->settings ? r->settings->gw_priority : 0;
	collect_names(net, r, e);
	if (r->dns)
		strv_copy(&e->dns, r->dns);
	ret = take_address(net, r->settings, AF_INET, &e->ipv4, err);
	if (ret < 0)
		return ret;
	ret = take_address(net, r->settings, AF_INET6, &e->ipv6, err);
	if (ret < 0 || !is_plumbed(net))
		return ret;
	e->mac = choose_mac(e, r->settings);
	if (mac_parse(e->mac, mac) < 0)
		return error_set(err, ERROR_INVALID, "invalid MAC address %s", e->mac);
	if (net->kind == NET_BRIDGE)
		e->host_interface = xasprintf("veth%.7s", id);
	return choose_interface(n, r, e, err);
}

static void set_text(char **to, const char *value)
{
	free(*to);
	*to = xstrdup(value ? value : "");
}

static void fill(const struct net *net, const struct net_endpoint *e, struct endpoint *io)
{
	char text[IP_TEXT_MAX];

	set_text(&io->network_id, net->info.id);
	set_text(&io->endpoint_id, e->endpoint_id);
	set_text(&io->mac_address, e->mac);
	set_text(&io->ip_address, e->ipv4);
	set_text(&io->global_ipv6_address, e->ipv6);
	set_text(&io->gateway,
	         e->ipv4 && !net->info.internal ? ip_format(&net->pool4.gateway, text) : "");
	set_text(&io->ipv6_gateway,
	         e->ipv6 && !net->info.internal ? ip_format(&net->pool6.gateway, text) : "");
	io->ip_prefix_len = e->ipv4 ? (int)net->pool4.subnet.prefix : 0;
	io->global_ipv6_prefix_len = e->ipv6 ? (int)net->pool6.subnet.prefix : 0;
	if (!net_is_predefined(net)) {
		strv_clear(&io->dns_names);
		strv_copy(&io->dns_names, &e->names);
	}
}

/* A container that does not run: only whether it could connect. */
static int check_only(struct net *net, const struct endpoint_request *r, struct endpoint *io,
                      struct error *err)
{
	static const int families[] = { AF_INET, AF_INET6 };
	struct ip ip;

	for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
		const struct ipam *pool = i == 0 ? &net->pool4 : &net->pool6;
		int ret = wanted_address(net, r->settings, families[i], &ip, err);
		char text[IP_TEXT_MAX];

		if (ret < 0)
			return ret;
		if (ip.family && pool->used && !ip_net_contains(&pool->subnet, &ip))
			return error_set(err, ERROR_INVALID,
			                 "no configured subnet contains IP address %s",
			                 ip_format(&ip, text));
	}
	set_text(&io->network_id, net->info.id);
	return 0;
}

static int establish(struct networks *n, struct net *net, const struct endpoint_request *r,
                     struct net_endpoint *e, struct error *err)
{
	struct net_endpoint *kept;
	int ret = prepare(n, net, r, e, err);

	if (ret < 0)
		return ret;
	if (is_plumbed(net)) {
		ret = endpoint_plumb(n, net, e, r->sysctls, err);
		if (ret < 0)
			return ret;
	}
	ret = rows_set_endpoint(n, net, e, err);
	if (ret < 0) {
		endpoint_unplumb(net, e);
		return ret;
	}
	kept = net_endpoint_vec_push(&net->endpoints, *e);
	*e = (struct net_endpoint){ 0 };
	ret = is_plumbed(net) ? endpoint_choose_gateway(n, r->container_id, err) : 0;
	if (ret >= 0 && is_plumbed(net) && !net_is_predefined(net) && n->dns)
		ret = dns_serve(n->dns, r->container_id, r->netns_path, err);
	if (ret < 0)
		endpoint_drop(n, net, (size_t)(kept - net->endpoints.ptr));
	return ret;
}

int network_connect(struct networks *n, const char *network, const struct endpoint_request *r,
                    struct endpoint *io, struct error *err)
{
	struct net_endpoint e = { 0 };
	struct net *net;
	int ret;

	WITH_LOCK(&n->lock);
	net = net_find(n, network, err);
	if (!net)
		return error_errno(err);
	if (net_endpoint_of(net, r->container_id))
		return error_set(
			err, ERROR_FORBIDDEN, "endpoint with name %s already exists in network %s",
			r->container_name ? r->container_name : r->container_id, net->info.name);
	if (!r->netns_path && is_plumbed(net))
		return check_only(net, r, io, err);
	ret = establish(n, net, r, &e, err);
	if (ret < 0) {
		give_back(net, &e);
		endpoint_done(&e);
		return error_prefix(err, "cannot connect to network %s", net->info.name);
	}
	const struct net_endpoint *kept = net_endpoint_of(net, r->container_id);
	fill(net, kept, io);
	net_event(n, net, "connect", kept);
	return 0;
}

static bool has_endpoints(struct networks *n, const char *container_id)
{
	vec_for_each (&n->nets, net)
		if (net_endpoint_of(*net, container_id))
			return true;
	return false;
}

int network_disconnect(struct networks *n, const char *network, const char *container_id,
                       struct error *err)
{
	struct net_endpoint *e;
	struct net *net;

	WITH_LOCK(&n->lock);
	net = net_find(n, network, err);
	if (!net)
		return error_errno(err);
	e = net_endpoint_of(net, container_id);
	if (!e)
		return error_set(err, ERROR_FORBIDDEN,
		                 "container %s is not connected to network %s", container_id,
		                 net->info.name);
	endpoint_drop(n, net, (size_t)(e - net->endpoints.ptr));
	if (!has_endpoints(n, container_id) && n->dns)
		dns_stop(n->dns, container_id);
	return endpoint_choose_gateway(n, container_id, err);
}

void network_disconnect_all(struct networks *n, const char *container_id)
{
	WITH_LOCK(&n->lock);
	unpublish(n, container_id);
	if (n->dns)
		dns_stop(n->dns, container_id);
	vec_for_each (&n->nets, net) {
		struct net_endpoint *e = net_endpoint_of(*net, container_id);

		if (e)
			endpoint_drop(n, *net, (size_t)(e - (*net)->endpoints.ptr));
	}
}
