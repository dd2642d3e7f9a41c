/* SPDX-License-Identifier: Apache-2.0 */
/* One network as its description says: subnets, bridge name, options. */
#include <errno.h>
#include <stdio.h>

#include "base/fs.h"
#include "base/time.h"
#include "network/networks-internal.h"

/* clang-format off: tables */
static const struct json_field pool_fields[] = {
	JSON_FIELD(struct ipam_pool, subnet, "Subnet", JSON_F_STRING),
	JSON_FIELD(struct ipam_pool, ip_range, "IPRange", JSON_F_STRING, .flags = JSON_OMIT_EMPTY),
	JSON_FIELD(struct ipam_pool, gateway, "Gateway", JSON_F_STRING, .flags = JSON_OMIT_EMPTY),
	JSON_FIELD(struct ipam_pool, auxiliary, "AuxiliaryAddresses", JSON_F_STRMAP,
	           .flags = JSON_OMIT_EMPTY),
	JSON_FIELDS_END
};

const struct json_field network_row_fields[] = {
	JSON_FIELD(struct network_info, id, "Id", JSON_F_STRING),
	JSON_FIELD(struct network_info, name, "Name", JSON_F_STRING),
	JSON_FIELD(struct network_info, driver, "Driver", JSON_F_STRING),
	JSON_FIELD(struct network_info, scope, "Scope", JSON_F_STRING),
	JSON_FIELD(struct network_info, created, "Created", JSON_F_I64),
	JSON_FIELD(struct network_info, enable_ipv4, "EnableIPv4", JSON_F_BOOL),
	JSON_FIELD(struct network_info, enable_ipv6, "EnableIPv6", JSON_F_BOOL),
	JSON_FIELD(struct network_info, internal, "Internal", JSON_F_BOOL),
	JSON_FIELD(struct network_info, attachable, "Attachable", JSON_F_BOOL),
	JSON_FIELD(struct network_info, ingress, "Ingress", JSON_F_BOOL),
	JSON_FIELD(struct network_info, ipam_driver, "IPAMDriver", JSON_F_STRING),
	JSON_FIELD(struct network_info, ipam_options, "IPAMOptions", JSON_F_STRMAP),
	JSON_FIELD(struct network_info, pools, "Pools", JSON_F_LIST, .fields = pool_fields,
	           .size = sizeof(struct ipam_pool)),
	JSON_FIELD(struct network_info, options, "Options", JSON_F_STRMAP),
	JSON_FIELD(struct network_info, labels, "Labels", JSON_F_STRMAP),
	JSON_FIELDS_END
};
/* clang-format on */

static const struct {
	const char *driver;
	enum net_kind kind;
} drivers[] = {
	{ "bridge", NET_BRIDGE },
	{ "host", NET_HOST },
	{ "null", NET_NONE },
	{ "macvlan", NET_MACVLAN },
};

void net_free(struct net *net)
{
	if (!net)
		return;
	vec_for_each (&net->endpoints, e)
		endpoint_done(e);
	net_endpoint_vec_done(&net->endpoints);
	json_fields_clear(network_row_fields, &net->info);
	if (net->pool4.used)
		ipam_done(&net->pool4);
	if (net->pool6.used)
		ipam_done(&net->pool6);
	free(net);
}

bool net_is_predefined(const struct net *net)
{
	return streq(net->info.name, "bridge") || streq(net->info.name, "host") ||
	       streq(net->info.name, "none");
}

bool net_is_default_bridge(const struct net *net)
{
	return streq(net->info.name, "bridge");
}

static int parse_kind(struct net *net, struct error *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(drivers); i++)
		if (streq(net->info.driver, drivers[i].driver)) {
			net->kind = drivers[i].kind;
			return 0;
		}
	return error_set(err, ERROR_NOT_FOUND,
	                 "could not find plugin %s in v1 plugin registry: plugin not found "
	                 "(drivers here: bridge, macvlan, host, null)",
	                 net->info.driver);
}

static bool option_bool(const struct net *net, const char *name, bool usual)
{
	const char *value = strmap_get(&net->info.options, name);

	return value ? parse_query_bool(value) : usual;
}

static int parse_mtu(struct net *net, struct error *err)
{
	const char *mtu = strmap_get(&net->info.options, "com.docker.network.driver.mtu");
	uint64_t v;

	if (!mtu)
		return 0;
	if (parse_u64(mtu, &v) < 0 || v < 68 || v > 65535)
		return error_set(err, ERROR_INVALID, "invalid mtu %s: wanted 68 to 65535", mtu);
	net->mtu = (int)v;
	return 0;
}

static int parse_bridge_name(struct net *net, struct error *err)
{
	const char *name = strmap_get(&net->info.options, "com.docker.network.bridge.name");

	if (str_empty_or_null(name)) {
		snprintf(net->bridge, sizeof(net->bridge), "br-%.12s", net->info.id);
		return 0;
	}
	if (strlen(name) >= IFNAMSIZ || !is_safe_name(name))
		return error_set(err, ERROR_INVALID,
		                 "invalid bridge name %s: wanted at most %d of [a-zA-Z0-9_.-]",
		                 name, IFNAMSIZ - 1);
	snprintf(net->bridge, sizeof(net->bridge), "%s", name);
	return 0;
}

static int parse_options(struct net *net, struct error *err)
{
	int r = parse_mtu(net, err);

	if (r < 0)
		return r;
	net->icc = option_bool(net, "com.docker.network.bridge.enable_icc", true);
	net->masquerade = option_bool(net, "com.docker.network.bridge.enable_ip_masquerade", true);
	return net->kind == NET_BRIDGE ? parse_bridge_name(net, err) : 0;
}

static int reserve_auxiliary(struct ipam *pool, const struct ipam_pool *spec, struct error *err)
{
	vec_for_each (&spec->auxiliary, pair) {
		struct ip ip;
		int r;

		if (ip_parse(pair->value, &ip) < 0)
			return error_set(err, ERROR_INVALID, "invalid auxiliary address %s=%s",
			                 pair->key, pair->value);
		r = ipam_take(pool, &ip, &ip, err);
		if (r < 0)
			return error_prefix(err, "auxiliary address %s", pair->key);
	}
	return 0;
}

static int init_pool(struct net *net, struct ipam_pool *spec, struct error *err)
{
	struct ipam pool, *place;
	char text[IP_TEXT_MAX];
	int r = ipam_init(&pool, spec->subnet, spec->ip_range, spec->gateway, err);

	if (r < 0)
		return r;
	place = pool.subnet.ip.family == AF_INET ? &net->pool4 : &net->pool6;
	if (place->used) {
		ipam_done(&pool);
		return error_set(err, ERROR_NOT_IMPLEMENTED,
		                 "one subnet of each family for a network: %s is one more",
		                 spec->subnet);
	}
	*place = pool;
	free(spec->subnet);
	spec->subnet = xstrdup(ip_net_format(&pool.subnet, text));
	free(spec->gateway);
	spec->gateway = xstrdup(ip_format(&pool.gateway, text));
	return reserve_auxiliary(place, spec, err);
}

static int init_pools(struct net *net, struct error *err)
{
	if (net->kind == NET_HOST || net->kind == NET_NONE)
		return 0;
	vec_for_each (&net->info.pools, spec) {
		int r = str_empty_or_null(spec->subnet) ? 0 : init_pool(net, spec, err);

		if (r < 0)
			return r;
	}
	return 0;
}

int net_restore(struct network_info *info, struct net **ret, struct error *err)
{
	CLEANUP(net_free_ptr) struct net *net = NEW(struct net);
	int r;

	net->info = *info;
	*info = (struct network_info){ 0 };
	r = parse_kind(net, err);
	if (r < 0)
		return r;
	r = parse_options(net, err);
	if (r < 0)
		return r;
	r = init_pools(net, err);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(net);
	return 0;
}

static int used_networks(struct networks *n, struct ip_net_vec *ret, struct error *err)
{
	AUTO_NETLINK nl = NETLINK_NONE;
	int r = netlink_open(&nl, NETLINK_ROUTE, err);

	if (r < 0)
		return r;
	vec_for_each (&n->nets, net) {
		if ((*net)->pool4.used)
			ip_net_vec_push(ret, (*net)->pool4.subnet);
		if ((*net)->pool6.used)
			ip_net_vec_push(ret, (*net)->pool6.subnet);
	}
	return link_list_used_networks(&nl, ret, err);
}

static bool has_family(const struct network_info *info, int family)
{
	vec_for_each (&info->pools, pool)
		if (pool->subnet && (strchr(pool->subnet, ':') != NULL) == (family == AF_INET6))
			return true;
	return false;
}

static int choose_subnet(struct networks *n, struct network_info *info, int family,
                         struct error *err)
{
	CLEANUP(ip_net_vec_done) struct ip_net_vec used = { 0 };
	struct ipam_pool *empty = NULL;
	struct ip_net net;
	char text[IP_TEXT_MAX];
	int r;

	if (has_family(info, family))
		return 0;
	r = used_networks(n, &used, err);
	if (r < 0)
		return r;
	r = ipam_choose_subnet(&n->sources, family, &used, &net, err);
	if (r < 0)
		return r;
	vec_for_each (&info->pools, pool)
		if (str_empty_or_null(pool->subnet))
			empty = pool; /* a client may ask for options without a subnet */
	if (!empty)
		empty = ipam_pool_vec_push(&info->pools, (struct ipam_pool){ 0 });
	free(empty->subnet);
	empty->subnet = xstrdup(ip_net_format(&net, text));
	return 0;
}

static int choose_subnets(struct networks *n, struct network_info *info, struct error *err)
{
	int r;

	if (streq(info->driver, "host") || streq(info->driver, "null"))
		return 0;
	if (info->enable_ipv4) {
		r = choose_subnet(n, info, AF_INET, err);
		if (r < 0)
			return r;
	}
	return info->enable_ipv6 ? choose_subnet(n, info, AF_INET6, err) : 0;
}

static int check_overlap(struct networks *n, const struct net *net, struct error *err)
{
	vec_for_each (&n->nets, other)
		if ((net->pool4.used && (*other)->pool4.used &&
		     ip_net_overlaps(&net->pool4.subnet, &(*other)->pool4.subnet)) ||
		    (net->pool6.used && (*other)->pool6.used &&
		     ip_net_overlaps(&net->pool6.subnet, &(*other)->pool6.subnet)))
			return error_set(
				err, ERROR_FORBIDDEN,
				"invalid pool request: Pool overlaps with other one on this "
				"address space (network %s)",
				(*other)->info.name);
	return 0;
}

static void complete(struct network_info *info)
{
	char id[65];

	random_hex(id, 32);
	free(info->id);
	info->id = xstrdup(id);
	info->created = time_now();
	if (str_empty_or_null(info->driver)) {
		free(info->driver);
		info->driver = xstrdup("bridge");
	}
	if (!info->scope)
		info->scope = xstrdup("local");
	if (str_empty_or_null(info->ipam_driver)) {
		free(info->ipam_driver);
		info->ipam_driver = xstrdup("default");
	}
	if (!info->enable_ipv6)
		info->enable_ipv4 = true;
}

int net_new(struct networks *n, struct network_info *info, struct net **ret, struct error *err)
{
	CLEANUP(net_free_ptr) struct net *net = NULL;
	bool user_subnet = has_family(info, AF_INET) || has_family(info, AF_INET6);
	int r;

	complete(info);
	r = choose_subnets(n, info, err);
	if (r < 0)
		return r;
	r = net_restore(info, &net, err);
	if (r < 0)
		return r;
	net->user_subnet = user_subnet;
	r = check_overlap(n, net, err);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(net);
	return 0;
}
