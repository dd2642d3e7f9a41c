/* SPDX-License-Identifier: Apache-2.0 */
/* A container on its networks: endpoints planned at creation, plumbed at start, given back at the
 * end. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "base/fs.h"
#include "base/log.h"
#include "container/container-internal.h"

/* Modes that are no network's name. */
static bool is_plain_mode(const char *mode)
{
	return streq(mode, "host") || streq(mode, "none") ||
	       str_skip_prefix(mode, "container:") != NULL;
}

static struct endpoint *find_endpoint(struct container *c, const char *network)
{
	vec_for_each (&c->info.endpoints, e)
		if (streq_null(e->network, network) || streq_null(e->network_id, network))
			return e;
	return NULL;
}

static void remove_endpoint(struct container *c, const char *network)
{
	for (size_t i = 0; i < c->info.endpoints.len; i++) {
		struct endpoint *e = &c->info.endpoints.ptr[i];

		if (!streq_null(e->network, network) && !streq_null(e->network_id, network))
			continue;
		json_fields_clear(endpoint_fields, e);
		free(e->network);
		endpoint_vec_remove(&c->info.endpoints, i);
		return;
	}
}

struct container *container_of_mode(struct containers *cs, const char *mode, struct error *err)
{
	const char *name = str_skip_prefix(mode, "container:");
	struct container *c;

	if (!name || container_find(cs, name, &c, err) < 0)
		return NULL;
	if (!container_is_running(c)) {
		error_set(err, ERROR_CONFLICT, "cannot join network of a non running container: %s",
		          c->info.id);
		container_unref(c);
		return NULL;
	}
	return c;
}

int container_network_plan(struct container *c, struct error *err)
{
	const char *mode = c->info.host_config.network_mode;

	vec_for_each (&c->info.endpoints, e)
		if (streq_null(e->network, "default")) {
			free(e->network);
			e->network = xstrdup("bridge");
		}
	if (is_plain_mode(mode)) {
		const char *name = str_skip_prefix(mode, "container:");
		CLEANUP(container_unref_ptr) struct container *other = NULL;

		while (c->info.endpoints.len)
			remove_endpoint(c, c->info.endpoints.ptr[0].network);
		return name ? container_find(c->cs, name, &other, err) : 0;
	}
	if (!find_endpoint(c, mode))
		endpoint_vec_push(&c->info.endpoints,
		                  (struct endpoint){ .network = xstrdup(mode) });
	if (c->info.config.mac_address && !find_endpoint(c, mode)->mac_address)
		find_endpoint(c, mode)->mac_address = xstrdup(c->info.config.mac_address);
	return 0;
}

static int connect_one(struct container *c, const char *netns, struct endpoint *e,
                       struct error *err)
{
	CLEANUP(network_info_done) struct network_info info = { 0 };
	struct endpoint settings = { 0 };
	AUTO_FREE char *shorter = xstrndup(c->info.id, 12);
	int r = network_inspect(c->cs->networks, e->network, &info, err);

	if (r < 0)
		return r;
	if (!streq(info.name, "bridge") && !strv_has(&e->aliases, shorter))
		strv_add(&e->aliases, shorter);
	json_fields_copy(endpoint_fields, e, &settings);
	struct endpoint_request request = {
		.container_id = c->info.id,
		.container_name = c->info.name,
		.netns_path = netns,
		.settings = &settings,
		.dns = c->info.host_config.dns.len ? &c->info.host_config.dns
		                                   : &c->cs->default_dns_list,
	};
	r = network_connect(c->cs->networks, e->network, &request, e, err);
	json_fields_clear(endpoint_fields, &settings);
	return r;
}

/* PortBindings, and with --publish-all a random port for each that is exposed. */
static void wanted_ports(const struct container *c, struct port_map *ret)
{
	const struct host_config *h = &c->info.host_config;

	vec_for_each (&h->port_bindings, b)
		port_map_push(ret, *b);
	for (size_t i = 0; h->publish_all_ports && i < c->info.config.exposed_ports.len; i++) {
		bool bound = false;

		vec_for_each (&h->port_bindings, b)
			bound = bound || streq(b->port, c->info.config.exposed_ports.ptr[i]);
		if (!bound) {
			struct port_bindings p = { .port = c->info.config.exposed_ports.ptr[i] };

			port_binding_vec_push(&p.bindings, (struct port_binding){ 0 });
			port_map_push(ret, p);
		}
	}
}

static int publish(struct container *c, struct error *err)
{
	struct published_port_vec published = { 0 };
	struct port_map wanted = { 0 };
	size_t own = c->info.host_config.port_bindings.len;
	int r = 0;

	wanted_ports(c, &wanted);
	if (wanted.len)
		r = network_publish(c->cs->networks, c->info.id, &wanted, &published, err);
	for (size_t i = own; i < wanted.len; i++)
		port_binding_vec_done(&wanted.ptr[i].bindings);
	port_map_done(&wanted);
	if (r < 0) {
		error_prefix(err, "driver failed programming external connectivity on endpoint %s",
		             c->info.name);
		return r;
	}
	WITH_LOCK(&c->lock);
	vec_for_each (&published, p)
		port_assignment_vec_push(
			&c->info.ports,
			(struct port_assignment){ p->port, p->host_ip, p->host_port });
	published_port_vec_done(&published);
	return 0;
}

static int join_namespace(struct container *c, struct container_plan *plan, struct error *err)
{
	CLEANUP(container_unref_ptr)
	struct container *other = container_of_mode(c->cs, c->info.host_config.network_mode, err);

	if (!other)
		return error_errno(err);
	WITH_LOCK(&other->lock);
	if (other->info.sandbox_key)
		plan->netns = xstrdup(other->info.sandbox_key);
	return 0;
}

int container_network_up(struct container *c, struct container_plan *plan, struct error *err)
{
	const char *mode = c->info.host_config.network_mode;
	int r;

	if (streq(mode, "host"))
		return 0;
	if (str_skip_prefix(mode, "container:"))
		return join_namespace(c, plan, err);
	r = netns_create(c->cs->networks, c->info.id, &plan->netns, err);
	if (r < 0)
		return r;
	pthread_mutex_lock(&c->lock);
	free(c->info.sandbox_key);
	c->info.sandbox_key = xstrdup(plan->netns);
	if (!c->info.sandbox_id) {
		char id[65];

		random_hex(id, 32);
		c->info.sandbox_id = xstrdup(id);
	}
	pthread_mutex_unlock(&c->lock);
	for (size_t i = 0; i < c->info.endpoints.len; i++) {
		r = connect_one(c, plan->netns, &c->info.endpoints.ptr[i], err);
		if (r < 0)
			return r;
	}
	return streq(mode, "none") ? 0 : publish(c, err);
}

static void forget_addresses(struct endpoint *e)
{
	char **members[] = { &e->endpoint_id, &e->gateway, &e->ip_address, &e->ipv6_gateway,
		             &e->global_ipv6_address };

	if (endpoint_mac_is_derived(e)) {
		free(e->mac_address);
		e->mac_address = NULL;
	}
	for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
		free(*members[i]);
		*members[i] = NULL;
	}
	e->ip_prefix_len = e->global_ipv6_prefix_len = 0;
}

void container_network_down(struct container *c)
{
	const char *mode = c->info.host_config.network_mode;

	if (streq(mode, "host") || str_skip_prefix(mode, "container:"))
		return;
	network_unpublish(c->cs->networks, c->info.id);
	network_disconnect_all(c->cs->networks, c->info.id);
	netns_destroy(c->cs->networks, c->info.id);
	WITH_LOCK(&c->lock);
	vec_for_each (&c->info.ports, p) {
		free(p->port);
		free(p->host_ip);
	}
	port_assignment_vec_done(&c->info.ports);
	free(c->info.sandbox_key);
	c->info.sandbox_key = NULL;
	vec_for_each (&c->info.endpoints, e)
		forget_addresses(e);
}

static int write_run_file(const char *path, const struct strbuf *text, struct error *err)
{
	return write_file(AT_FDCWD, path, strbuf_cstr(text), text->len, 0644, err);
}

/* --link: names for containers that run now, as Docker's default bridge has them. */
static void add_links(const struct container *c, struct strbuf *hosts)
{
	for (size_t i = 0; i < c->info.host_config.links.len; i++) {
		const char *link = c->info.host_config.links.ptr[i];
		const char *colon = strrchr(link, ':'), *alias = colon ? colon + 1 : link;
		AUTO_FREE char *name =
			colon ? xstrndup(link, (size_t)(colon - link)) : xstrdup(link);
		CLEANUP(container_unref_ptr) struct container *other = NULL;
		struct error err = { 0 };

		if (container_find(c->cs, name, &other, &err) < 0)
			continue;
		WITH_LOCK(&other->lock);
		if (other->info.endpoints.len && other->info.endpoints.ptr[0].ip_address)
			strbuf_printf(hosts, "%s\t%s %.12s %s\n",
			              other->info.endpoints.ptr[0].ip_address, alias,
			              other->info.id, other->info.name);
	}
}

/* A container in another's network has its files, too. */
static int copy_network_files(struct container *c, struct error *err)
{
	CLEANUP(container_unref_ptr)
	struct container *other = container_of_mode(c->cs, c->info.host_config.network_mode, err);
	const struct container_info *i = &c->info;

	if (!other)
		return error_errno(err);
	const struct {
		const char *from, *to;
	} files[] = { { other->info.hosts_path, i->hosts_path },
		      { other->info.resolv_conf_path, i->resolv_conf_path },
		      { other->info.hostname_path, i->hostname_path } };
	for (size_t k = 0; k < ARRAY_SIZE(files); k++) {
		AUTO_STRBUF text = { 0 };
		int r = read_file(AT_FDCWD, files[k].from, 1 << 20, &text, err);

		if (r >= 0)
			r = write_run_file(files[k].to, &text, err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* /etc/hosts, /etc/resolv.conf and /etc/hostname, bound into the container. */
int container_write_network_files(struct container *c, struct error *err)
{
	const struct container_info *i = &c->info;
	const char *mode = i->host_config.network_mode;
	AUTO_STRBUF hosts = { 0 };
	AUTO_STRBUF resolv = { 0 };
	AUTO_STRBUF hostname = { 0 };
	struct resolv_options o = {
		.dns = &i->host_config.dns,
		.search = &i->host_config.dns_search,
		.options = &i->host_config.dns_options,
		.default_dns = c->cs->default_dns_list.len
		                       ? (const char *const *)c->cs->default_dns_list.ptr
		                       : NULL,
		.embedded = !is_plain_mode(mode) && !streq(mode, "bridge"),
	};
	const char *gateway = i->endpoints.len ? i->endpoints.ptr[0].gateway : NULL;
	int r;

	if (str_skip_prefix(mode, "container:"))
		return copy_network_files(c, err);
	if (streq(mode, "host")) {
		r = read_file(AT_FDCWD, "/etc/hosts", 1 << 20, &hosts, err);
		if (r < 0)
			strbuf_clear(&hosts);
	} else {
		network_hosts(i->config.hostname, i->config.domainname, &i->endpoints,
		              &i->host_config.extra_hosts, gateway, &hosts);
		add_links(c, &hosts);
	}
	r = network_resolv_conf(&o, &resolv, err);
	strbuf_printf(&hostname, "%s\n", i->config.hostname ? i->config.hostname : "");
	if (r >= 0)
		r = write_run_file(i->hosts_path, &hosts, err);
	if (r >= 0)
		r = write_run_file(i->resolv_conf_path, &resolv, err);
	if (r >= 0)
		r = write_run_file(i->hostname_path, &hostname, err);
	return r;
}

int container_network_connect(struct container *c, const char *network,
                              const struct endpoint *settings, struct error *err)
{
	CLEANUP(network_info_done) struct network_info info = { 0 };
	struct endpoint e = { 0 };
	int r = network_inspect(c->cs->networks, network, &info, err);

	if (r < 0)
		return r;
	pthread_mutex_lock(&c->operation);
	if (is_plain_mode(c->info.host_config.network_mode) &&
	    !streq(c->info.host_config.network_mode, "none"))
		r = error_set(
			err, ERROR_FORBIDDEN,
			"container sharing network namespace with another container or host cannot be connected to any "
			"other network");
	else if (find_endpoint(c, info.name) || find_endpoint(c, info.id))
		r = error_set(err, ERROR_FORBIDDEN,
		              "endpoint with name %s already exists in network %s", c->info.name,
		              info.name);
	if (r >= 0) {
		if (settings)
			json_fields_copy(endpoint_fields, settings, &e);
		e.network = xstrdup(info.name);
		if (container_is_running(c))
			r = connect_one(c, c->info.sandbox_key, &e, err);
		pthread_mutex_lock(&c->lock);
		if (r >= 0) {
			endpoint_vec_push(&c->info.endpoints, e);
			container_save_or_log(c);
		} else {
			json_fields_clear(endpoint_fields, &e);
			free(e.network);
		}
		pthread_mutex_unlock(&c->lock);
	}
	pthread_mutex_unlock(&c->operation);
	return r;
}

int container_network_disconnect(struct container *c, const char *network, bool force,
                                 struct error *err)
{
	CLEANUP(network_info_done) struct network_info info = { 0 };
	int r = network_inspect(c->cs->networks, network, &info, err);

	if (r < 0)
		return r;
	pthread_mutex_lock(&c->operation);
	if (!find_endpoint(c, info.name))
		r = error_set(err, ERROR_FORBIDDEN, "container %s is not connected to network %s",
		              c->info.id, info.name);
	if (r >= 0 && container_is_running(c))
		r = network_disconnect(c->cs->networks, info.name, c->info.id, err);
	if (r >= 0 || (force && find_endpoint(c, info.name))) {
		pthread_mutex_lock(&c->lock);
		remove_endpoint(c, info.name);
		container_save_or_log(c);
		pthread_mutex_unlock(&c->lock);
		r = 0;
	}
	pthread_mutex_unlock(&c->operation);
	return r;
}
