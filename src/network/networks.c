/* SPDX-License-Identifier: Apache-2.0 */
#include "network/network.h"

#include <errno.h>

#include "base/fs.h"
#include "base/log.h"
#include "network/networks-internal.h"

enum { MIN_ID_PREFIX = 3 };

struct net *net_find(struct networks *n, const char *name, struct error *err)
{
	struct net *found = NULL;
	size_t matches = 0;

	vec_for_each (&n->nets, net)
		if (streq((*net)->info.id, name) || streq((*net)->info.name, name))
			return *net;
	vec_for_each (&n->nets, net)
		if (strlen(name) >= MIN_ID_PREFIX && str_skip_prefix((*net)->info.id, name)) {
			found = *net;
			matches++;
		}
	if (matches == 1)
		return found;
	if (matches)
		error_set(err, ERROR_INVALID,
		          "network %s is ambiguous (%zu matches found on ID prefix)", name,
		          matches);
	else
		error_set(err, ERROR_NOT_FOUND, "network %s not found", name);
	return NULL;
}

struct net_endpoint *net_endpoint_of(struct net *net, const char *container_id)
{
	vec_for_each (&net->endpoints, e)
		if (streq(e->container_id, container_id))
			return e;
	return NULL;
}

void net_event(struct networks *n, const struct net *net, const char *action,
               const struct net_endpoint *endpoint)
{
	AUTO_STRMAP attributes = { 0 };
	struct event e = { .type = "network", .action = action, .id = net->info.id };

	strmap_set(&attributes, "name", net->info.name);
	strmap_set(&attributes, "type", net->info.driver);
	if (endpoint)
		strmap_set(&attributes, "container", endpoint->container_id);
	e.attributes = attributes;
	event_publish(n->events, &e);
}

void net_to_firewall(struct networks *n, const struct net *net)
{
	struct firewall_network f = { .internal = net->info.internal,
		                      .masquerade = net->masquerade };

	if (net->kind != NET_BRIDGE)
		return;
	memcpy(f.bridge, net->bridge, sizeof(f.bridge));
	if (net->pool4.used)
		ip_net_vec_push(&f.subnets, net->pool4.subnet);
	if (net->pool6.used)
		ip_net_vec_push(&f.subnets, net->pool6.subnet);
	firewall_set_network(&n->firewall, &f);
}

static void copy_info(const struct net *net, struct network_info *ret)
{
	*ret = (struct network_info){ 0 };
	json_fields_copy(network_row_fields, &net->info, ret);
	for (size_t i = 0; i < net->endpoints.len; i++) {
		const struct net_endpoint *e = &net->endpoints.ptr[i];
		struct network_endpoint_info info = {
			.container_id = xstrdup(e->container_id),
			.name = xstrdup(e->container_name ? e->container_name : ""),
			.endpoint_id = xstrdup(e->endpoint_id),
			.mac_address = xstrdup(e->mac ? e->mac : ""),
			.ipv4_address =
				e->ipv4 ? xasprintf("%s/%u", e->ipv4, net->pool4.subnet.prefix)
					: xstrdup(""),
			.ipv6_address =
				e->ipv6 ? xasprintf("%s/%u", e->ipv6, net->pool6.subnet.prefix)
					: xstrdup(""),
		};

		network_endpoint_vec_push(&ret->endpoints, info);
	}
}

void network_info_done(struct network_info *i)
{
	json_fields_clear(network_row_fields, i);
	vec_for_each (&i->endpoints, e) {
		free(e->container_id);
		free(e->name);
		free(e->endpoint_id);
		free(e->mac_address);
		free(e->ipv4_address);
		free(e->ipv6_address);
	}
	network_endpoint_vec_done(&i->endpoints);
}

void network_list_done(struct network_info_vec *v)
{
	vec_for_each (v, i)
		network_info_done(i);
	network_info_vec_done(v);
}

int network_list(struct networks *n, struct network_info_vec *ret, struct error *err)
{
	WITH_LOCK(&n->lock);
	vec_for_each (&n->nets, net)
		copy_info(*net, network_info_vec_push(ret, (struct network_info){ 0 }));
	return 0;
}

int network_inspect(struct networks *n, const char *name, struct network_info *ret,
                    struct error *err)
{
	struct net *net;

	WITH_LOCK(&n->lock);
	net = net_find(n, name, err);
	if (!net)
		return error_errno(err);
	copy_info(net, ret);
	return 0;
}

static bool name_taken(struct networks *n, const char *name)
{
	vec_for_each (&n->nets, net)
		if (streq((*net)->info.name, name))
			return true;
	return false;
}

static int check_name(struct networks *n, const char *name, struct error *err)
{
	if (str_empty_or_null(name) || !is_safe_name(name))
		return error_set(
			err, ERROR_INVALID,
			"invalid network name \"%s\": only \"[a-zA-Z0-9][a-zA-Z0-9_.-]\" are "
			"allowed",
			name ? name : "");
	if (streq(name, "bridge") || streq(name, "host") || streq(name, "none") ||
	    streq(name, "default"))
		return error_set(err, ERROR_FORBIDDEN,
		                 "operation is not permitted on predefined %s network", name);
	if (name_taken(n, name))
		return error_set(err, ERROR_CONFLICT, "network with name %s already exists", name);
	return 0;
}

static int check_driver(struct networks *n, const struct net *net, struct error *err)
{
	if (net->kind == NET_HOST || net->kind == NET_NONE)
		return error_set(err, ERROR_FORBIDDEN,
		                 "only one instance of \"%s\" network is allowed",
		                 net->info.driver);
	if (net->kind == NET_MACVLAN && !strmap_get(&net->info.options, "parent"))
		return error_set(err, ERROR_INVALID,
		                 "a macvlan network needs its interface: --opt parent=eth0");
	vec_for_each (&n->nets, other)
		if (net->kind == NET_BRIDGE && streq((*other)->bridge, net->bridge))
			return error_set(err, ERROR_FORBIDDEN,
			                 "bridge name %s is used by network %s", net->bridge,
			                 (*other)->info.name);
	return 0;
}

/* In the kernel: the bridge, then the rules that fence it, before anybody can be on it. */
static int realise(struct networks *n, struct net *net, struct error *err)
{
	int r;

	if (net->kind != NET_BRIDGE)
		return 0;
	net_to_firewall(n, net);
	r = n->ip_forward ? firewall_enable_forwarding(&n->firewall, net->pool6.used, err) : 0;
	if (r >= 0)
		r = firewall_replace(&n->firewall, err);
	if (r >= 0)
		r = bridge_make(n, net, err);
	return r;
}

static void unrealise(struct networks *n, const struct net *net)
{
	struct error err = { 0 };

	if (net->kind != NET_BRIDGE)
		return;
	bridge_remove(net->bridge);
	firewall_forget_network(&n->firewall, net->bridge);
	if (firewall_replace(&n->firewall, &err) < 0)
		log_error("the firewall still has the rules of a removed network: %s network=%s",
		          err.message, net->info.name);
}

static int add_network(struct networks *n, struct network_info *info, char **ret_id,
                       struct error *err)
{
	CLEANUP(net_free_ptr) struct net *net = NULL;
	int r = net_new(n, info, &net, err);

	if (r < 0)
		return r;
	r = check_driver(n, net, err);
	if (r < 0)
		return r;
	r = realise(n, net, err);
	if (r >= 0)
		r = rows_add_network(n, net, err);
	if (r < 0) {
		unrealise(n, net);
		return r;
	}
	*ret_id = xstrdup(net->info.id);
	net_event(n, net, "create", NULL);
	net_vec_push(&n->nets, TAKE_PTR(net));
	return 0;
}

int network_create(struct networks *n, const struct network_info *spec, struct strv *warnings,
                   char **ret_id, struct error *err)
{
	struct network_info info = { 0 };
	int r;

	WITH_LOCK(&n->lock);
	r = check_name(n, spec->name, err);
	if (r < 0)
		return r;
	json_fields_copy(network_row_fields, spec, &info);
	r = add_network(n, &info, ret_id, err);
	json_fields_clear(network_row_fields, &info);
	return r;
}

int network_remove(struct networks *n, const char *name, struct error *err)
{
	struct net *net;
	int r;

	WITH_LOCK(&n->lock);
	net = net_find(n, name, err);
	if (!net)
		return error_errno(err);
	if (net_is_predefined(net))
		return error_set(err, ERROR_FORBIDDEN,
		                 "%s is a pre-defined network and cannot be removed",
		                 net->info.name);
	if (net->endpoints.len)
		return error_set(err, ERROR_FORBIDDEN,
		                 "error while removing network: network %s has active endpoints "
		                 "(name:\"%s\" id:\"%.12s\")",
		                 net->info.name, net->endpoints.ptr[0].container_name,
		                 net->endpoints.ptr[0].container_id);
	r = rows_remove_network(n, net->info.id, err);
	if (r < 0)
		return r;
	unrealise(n, net);
	for (size_t i = 0; i < n->nets.len; i++)
		if (n->nets.ptr[i] == net)
			net_vec_remove(&n->nets, i);
	net_event(n, net, "destroy", NULL);
	net_free(net);
	return 0;
}

static int add_predefined(struct networks *n, const char *name, const char *driver,
                          struct error *err)
{
	CLEANUP(net_free_ptr) struct net *net = NULL;
	struct network_info info = { .name = xstrdup(name), .driver = xstrdup(driver) };
	int r;

	if (streq(name, "bridge")) {
		strmap_set(&info.options, "com.docker.network.bridge.default_bridge", "true");
		strmap_set(&info.options, "com.docker.network.bridge.enable_icc",
		           n->icc ? "true" : "false");
		strmap_set(&info.options, "com.docker.network.bridge.enable_ip_masquerade",
		           n->ip_masquerade ? "true" : "false");
		strmap_set(&info.options, "com.docker.network.bridge.host_binding_ipv4",
		           n->publish_address ? n->publish_address : "0.0.0.0");
		strmap_set(&info.options, "com.docker.network.bridge.name", n->bridge_name);
		strmap_set(&info.options, "com.docker.network.driver.mtu", "1500");
		if (n->bridge_subnet) {
			struct ipam_pool pool = { .subnet = xstrdup(n->bridge_subnet) };

			ipam_pool_vec_push(&info.pools, pool);
		}
	}
	r = net_new(n, &info, &net, err);
	json_fields_clear(network_row_fields, &info);
	if (r < 0)
		return error_prefix(err, "cannot make the network %s", name);
	r = rows_add_network(n, net, err);
	if (r >= 0)
		net_vec_push(&n->nets, TAKE_PTR(net));
	return r;
}

static int add_missing(struct networks *n, struct error *err)
{
	static const char *const predefined[][2] = { { "bridge", "bridge" },
		                                     { "host", "host" },
		                                     { "none", "null" } };

	for (size_t i = 0; i < ARRAY_SIZE(predefined); i++) {
		int r = name_taken(n, predefined[i][0])
		                ? 0
		                : add_predefined(n, predefined[i][0], predefined[i][1], err);

		if (r < 0)
			return r;
	}
	return 0;
}

/* The default bridge follows the engine's settings, which may differ from those it was made with,
 * as long as no container is on it. */
static int renew_default(struct networks *n, struct error *err)
{
	struct net *net = net_find(n, "bridge", err);
	struct ip_net subnet;
	bool same;
	int r;

	if (!net) {
		error_clear(err);
		return 0;
	}
	same = streq(net->bridge, n->bridge_name) && net->icc == n->icc &&
	       net->masquerade == n->ip_masquerade;
	if (n->bridge_subnet && ip_net_parse(n->bridge_subnet, &subnet) == 0) {
		struct ip_net masked = ip_net_masked(&subnet);

		same = same && ip_equal(&masked.ip, &net->pool4.subnet.ip) &&
		       masked.prefix == net->pool4.subnet.prefix;
	}
	if (same || net->endpoints.len)
		return 0;
	r = rows_remove_network(n, net->info.id, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < n->nets.len; i++)
		if (n->nets.ptr[i] == net)
			net_vec_remove(&n->nets, i);
	net_free(net);
	return 0;
}

static void take_options(struct networks *n, const struct networks_options *o)
{
	n->bridge_name = xstrdup(o->bridge_name ? o->bridge_name : "coracle0");
	n->bridge_subnet = xstrdup_null(o->bridge_subnet);
	n->publish_address = xstrdup_null(o->publish_address);
	n->exec_directory = xstrdup(o->exec_directory);
	n->netns_directory = xasprintf("%s/netns", o->exec_directory);
	n->icc = o->icc;
	n->ip_forward = o->ip_forward;
	n->ip_masquerade = o->ip_masquerade;
	n->firewall.disabled = o->no_firewall;
	/* two engines in one namespace differ by their bridges */
	n->firewall.table = streq(n->bridge_name, "coracle0")
	                            ? xstrdup("coracle")
	                            : xasprintf("coracle-%s", n->bridge_name);
}

struct networks *networks_new(const struct networks_options *o, struct db *db,
                              struct event_bus *events, struct error *err)
{
	struct networks *n = NEW(struct networks);
	int r;

	pthread_mutex_init(&n->lock, NULL);
	n->db = db;
	n->events = events;
	take_options(n, o);
	r = ipam_sources_parse(o->pools, &n->sources, err);
	if (r >= 0)
		r = rows_load(n, err);
	if (r >= 0)
		r = renew_default(n, err);
	if (r >= 0)
		r = add_missing(n, err);
	if (r >= 0)
		r = dns_new(n, &n->dns, err);
	if (r < 0) {
		networks_close(n);
		return NULL;
	}
	return n;
}

void networks_close(struct networks *n)
{
	if (!n)
		return;
	guard_free(n->guard);
	dns_free(n->dns);
	vec_for_each (&n->nets, net)
		net_free(*net);
	net_vec_done(&n->nets);
	vec_for_each (&n->publications, p)
		publication_done(p);
	publication_vec_done(&n->publications);
	firewall_done(&n->firewall);
	ipam_source_vec_done(&n->sources);
	free(n->bridge_name);
	free(n->bridge_subnet);
	free(n->publish_address);
	free(n->exec_directory);
	free(n->netns_directory);
	pthread_mutex_destroy(&n->lock);
	free(n);
}

int netns_create(struct networks *n, const char *container_id, char **ret_path, struct error *err)
{
	int r = netns_make(n->netns_directory, container_id, err);

	if (r < 0 && err->kind == ERROR_CONFLICT) {
		/* left by a start that was cut off */
		error_clear(err);
		netns_drop(n->netns_directory, container_id);
		r = netns_make(n->netns_directory, container_id, err);
	}
	if (r < 0)
		return r;
	*ret_path = xasprintf("%s/%s", n->netns_directory, container_id);
	return 0;
}

void netns_destroy(struct networks *n, const char *container_id)
{
	netns_drop(n->netns_directory, container_id);
}
