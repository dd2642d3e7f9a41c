/* SPDX-License-Identifier: Apache-2.0 */
/*
 * After a start: the kernel is made to agree with the rows. Containers that live keep their
 * interfaces and addresses; what belongs to others goes. Done twice it does nothing more.
 */
#include "base/log.h"
#include "network/networks-internal.h"

static bool is_live(const struct strv *live, const char *id)
{
	return live && strv_has(live, id);
}

static void drop_dead_endpoints(struct networks *n, const struct strv *live)
{
	vec_for_each (&n->nets, net)
		for (size_t i = (*net)->endpoints.len; i-- > 0;) {
			const struct net_endpoint *e = &(*net)->endpoints.ptr[i];

			if (is_live(live, e->container_id))
				continue;
			log_info("disconnected a container that is gone container=%s network=%s",
			         e->container_id, (*net)->info.name);
			endpoint_drop(n, *net, i);
		}
}

static void drop_dead_ports(struct networks *n, const struct strv *live)
{
	for (size_t i = n->publications.len; i-- > 0;) {
		struct error err = { 0 };
		struct publication *p = &n->publications.ptr[i];

		if (is_live(live, p->container_id))
			continue;
		if (rows_remove_publications(n, p->container_id, &err) < 0)
			log_warning("cannot forget published ports: %s container=%s", err.message,
			            p->container_id);
		publication_done(p);
		publication_vec_remove(&n->publications, i);
	}
}

static void drop_dead_namespaces(struct networks *n, const struct strv *live)
{
	struct error err = { 0 };
	AUTO_STRV names = { 0 };

	if (netns_names(n->netns_directory, &names, &err) < 0) {
		log_warning("cannot look for left network namespaces: %s", err.message);
		return;
	}
	for (size_t i = 0; i < names.len; i++) {
		if (is_live(live, names.ptr[i]))
			continue;
		log_info("removed a network namespace that was left container=%s", names.ptr[i]);
		netns_drop(n->netns_directory, names.ptr[i]);
	}
}

/* Whether an interface with this alias of ours should be there. alias is what follows our mark. */
static bool is_wanted(struct networks *n, const char *alias, const char *name)
{
	const char *id = str_skip_prefix(alias, "network ");

	vec_for_each (&n->nets, net) {
		if (id && streq((*net)->info.id, id))
			return true;
		vec_for_each (&(*net)->endpoints, e)
			if (!id && e->host_interface && streq(e->host_interface, name))
				return true;
	}
	return false;
}

static int drop_left_interfaces(struct networks *n, struct error *err)
{
	AUTO_NETLINK nl = NETLINK_NONE;
	CLEANUP(link_info_vec_done) struct link_info_vec links = { 0 };
	AUTO_FREE char *mark = xasprintf("coracle %s ", n->bridge_name);
	int r = netlink_open(&nl, NETLINK_ROUTE, err);

	if (r < 0)
		return r;
	r = link_list(&nl, &links, err);
	if (r < 0)
		return r;
	vec_for_each (&links, link) {
		const char *alias = str_skip_prefix(link->alias, mark);

		if (!alias || is_wanted(n, alias, link->name))
			continue;
		log_info("removed an interface that was left interface=%s", link->name);
		r = link_remove(&nl, link->index, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static void hold_ports(struct networks *n)
{
	vec_for_each (&n->publications, p) {
		struct error err = { 0 };

		firewall_note_port(&n->firewall, &p->fw);
		if (p->fd < 0 && port_hold(&p->fw, &p->fd, &err) < 0)
			log_warning("cannot hold a published port: %s container=%s", err.message,
			            p->container_id);
	}
}

static int make_bridges(struct networks *n, struct error *err)
{
	vec_for_each (&n->nets, net) {
		int r = (*net)->kind == NET_BRIDGE ? bridge_make(n, *net, err) : 0;

		if (r < 0)
			return r;
	}
	return 0;
}

static int replace_firewall(struct networks *n, struct error *err)
{
	bool ipv6 = false;
	int r;

	vec_for_each (&n->nets, net) {
		net_to_firewall(n, *net);
		ipv6 = ipv6 || ((*net)->kind == NET_BRIDGE && (*net)->pool6.used);
	}
	if (n->ip_forward) {
		/* before the table is replaced: the old one knows whether forwarding was off */
		r = firewall_enable_forwarding(&n->firewall, ipv6, err);
		if (r < 0)
			return r;
	}
	return firewall_replace(&n->firewall, err);
}

static void serve_names(struct networks *n)
{
	vec_for_each (&n->nets, net)
		vec_for_each (&(*net)->endpoints, e) {
			struct error err = { 0 };

			if (!n->dns || !e->interface || net_is_predefined(*net))
				continue;
			if (dns_serve(n->dns, e->container_id, e->netns_path, &err) < 0)
				log_error("a container is without name service: %s container=%s",
				          err.message, e->container_id);
		}
}

int networks_recover(struct networks *n, const struct strv *live_ids, struct error *err)
{
	int r;

	WITH_LOCK(&n->lock);
	drop_dead_ports(n, live_ids);
	drop_dead_endpoints(n, live_ids);
	drop_dead_namespaces(n, live_ids);
	hold_ports(n);
	r = replace_firewall(n, err);
	if (r < 0)
		return error_prefix(err, "network start-up");
	r = drop_left_interfaces(n, err);
	if (r < 0)
		return error_prefix(err, "network start-up");
	r = make_bridges(n, err);
	if (r < 0)
		return error_prefix(err, "network start-up");
	serve_names(n);
	return n->guard ? 0 : guard_new(n, &n->guard, err);
}
