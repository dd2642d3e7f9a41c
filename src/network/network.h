/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Networks: bridges, address pools, endpoints and published ports, made by netlink and nf_tables
 * directly. Rows name what should be; networks_recover() makes the kernel agree. Every object in
 * the kernel carries the id of its network or container. Our firewall rules are one nf_tables
 * table, replaced in single transactions. Publishes Docker's network events. Any thread.
 */
#include "db/db.h"
#include "event/event.h"
#include "network/endpoint.h"

struct networks;

struct networks_options {
	const char *exec_directory;  /* network namespaces are kept at <exec>/netns/<container id> */
	const char *bridge_name;     /* "docker0"-like default bridge; NULL: "coracle0" */
	const char *bridge_subnet;   /* "172.17.0.1/16": gateway and prefix; NULL: first free of the pools */
	const char *const *pools;    /* "172.17.0.0/12,16"-like "base,size"; NULL: Docker's */
	bool icc;                    /* containers of the default bridge may talk */
	bool ip_forward, ip_masquerade;
	bool no_firewall;
	const char *publish_address; /* host address when a binding has none; NULL: 0.0.0.0 and [::] */
};

struct networks *networks_new(const struct networks_options *o, struct db *db, struct event_bus *events,
			      struct error *err) MUST_USE;
/* Makes the default bridge and what the rows say; drops kernel objects of containers not in live_ids. */
int networks_recover(struct networks *n, const struct strv *live_ids, struct error *err) MUST_USE;
void networks_close(struct networks *n);

struct ipam_pool {
	char *subnet, *ip_range, *gateway;
	struct strmap auxiliary;
};
DEFINE_VEC(ipam_pool_vec, struct ipam_pool);

struct network_endpoint_info {
	char *container_id, *name, *endpoint_id, *mac_address, *ipv4_address, *ipv6_address; /* with /prefix */
};
DEFINE_VEC(network_endpoint_vec, struct network_endpoint_info);

struct network_info {
	char *id, *name, *driver, *scope;
	int64_t created;
	bool enable_ipv4, enable_ipv6, internal, attachable, ingress;
	char *ipam_driver;
	struct strmap ipam_options;
	struct ipam_pool_vec pools;
	struct strmap options, labels;
	struct network_endpoint_vec endpoints;
};
void network_info_done(struct network_info *i);

DEFINE_VEC(network_info_vec, struct network_info);
int network_list(struct networks *n, struct network_info_vec *ret, struct error *err) MUST_USE;
void network_list_done(struct network_info_vec *v);
/* By id, name or unique id prefix. NOT_FOUND "network x not found". */
int network_inspect(struct networks *n, const char *name, struct network_info *ret, struct error *err) MUST_USE;
/* Driver bridge (macvlan, ipvlan later); host and none exist once. Takes nothing; fills the id. */
int network_create(struct networks *n, const struct network_info *spec, struct strv *warnings, char **ret_id,
		   struct error *err) MUST_USE;
int network_remove(struct networks *n, const char *name, struct error *err) MUST_USE; /* FORBIDDEN with endpoints or predefined */

/* The container's network namespace: made before its first connection, with lo up. Path is owned. */
int netns_create(struct networks *n, const char *container_id, char **ret_path, struct error *err) MUST_USE;
void netns_destroy(struct networks *n, const char *container_id);

struct endpoint_request {
	const char *container_id, *container_name;
	const char *netns_path; /* NULL: reserve only, connected at start */
	const char *interface;  /* NULL: the next free ethN */
	const struct endpoint *settings;
	const struct strv *sysctls; /* "net.ipv4.conf.IFNAME.x=y" */
	const struct strv *dns;     /* --dns: what the name service asks instead of the host's servers */
};
/* Connects and fills in *io (addresses, ids, MAC). */
int network_connect(struct networks *n, const char *network, const struct endpoint_request *r, struct endpoint *io,
		    struct error *err) MUST_USE;
int network_disconnect(struct networks *n, const char *network, const char *container_id, struct error *err) MUST_USE;
/* Every endpoint of the container, its ports and addresses: at stop. keep_addresses is for a restart. */
void network_disconnect_all(struct networks *n, const char *container_id);

/* Publishing: for each binding a host port is chosen (random when none or a range was given) and mapped to the
 * container's address. CONFLICT "Bind for 0.0.0.0:80 failed: port is already allocated"; a port that another program
 * holds says so too. ret gets one entry per binding. */
struct published_port {
	char *port, *host_ip;
	int host_port;
};
DEFINE_VEC(published_port_vec, struct published_port);
int network_publish(struct networks *n, const char *container_id, const struct port_map *bindings,
		    struct published_port_vec *ret, struct error *err) MUST_USE;
void network_unpublish(struct networks *n, const char *container_id);

/* resolv.conf and hosts for a container. */
struct resolv_options {
	const struct strv *dns, *search, *options;
	const char *const *default_dns; /* NULL: the host's file */
	bool embedded; /* 127.0.0.11 for user-defined networks */
};
int network_resolv_conf(const struct resolv_options *o, struct strbuf *out, struct error *err) MUST_USE;
void network_hosts(const char *hostname, const char *domainname, const struct endpoint_vec *endpoints,
		   const struct strv *extra_hosts, const char *host_gateway, struct strbuf *out);
