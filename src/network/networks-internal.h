/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What the files of this room share: the networks in memory, as the rows say, behind one lock.
 * Everything here wants the lock held, but where said otherwise.
 */
#include "base/thread.h"
#include "base/vec.h"
#include "network/firewall.h"
#include "network/ipam.h"
#include "network/netns.h"
#include "network/network.h"

enum net_kind { NET_BRIDGE, NET_HOST, NET_NONE, NET_MACVLAN };

/* A connected container. The members with a field in net_endpoint_fields are its row. */
struct net_endpoint {
	char *container_id, *container_name, *endpoint_id;
	char *netns_path;
	char *interface;      /* inside; NULL on host and none */
	char *host_interface; /* our side; NULL on host, none and macvlan */
	char *ipv4, *ipv6;    /* addresses without prefix, or NULL */
	char *mac;
	struct strv names; /* what others on the network may call it */
	struct strv dns;   /* servers of its own, asked instead of the host's */
	int gw_priority;
	bool has_gateway; /* the container's default route goes here */
};
DEFINE_VEC(net_endpoint_vec, struct net_endpoint);
extern const struct json_field net_endpoint_fields[];

struct net {
	struct network_info info; /* the row; endpoints stay empty */
	enum net_kind kind;
	bool user_subnet; /* the client chose it, so it may choose addresses */
	char bridge[IFNAMSIZ];
	int mtu;
	bool icc, masquerade;
	struct ipam pool4, pool6; /* subnet.ip.family 0: none */
	struct net_endpoint_vec endpoints;
};
DEFINE_VEC(net_vec, struct net *);

struct publication {
	char *container_id;
	char *port; /* "80/tcp" */
	struct firewall_port fw;
	int fd; /* holds the host port against other programs; -1 where it could not */
};
DEFINE_VEC(publication_vec, struct publication);

struct networks {
	pthread_mutex_t lock; /* over all below that changes */
	char *exec_directory, *netns_directory;
	char *bridge_name, *bridge_subnet, *publish_address; /* owned; the last two may be NULL */
	bool icc, ip_forward, ip_masquerade;
	struct db *db;            /* borrowed */
	struct event_bus *events; /* borrowed */
	struct ipam_source_vec sources;
	struct net_vec nets; /* owned */
	struct firewall firewall;
	struct publication_vec publications;
	uint16_t last_port; /* of the ones we chose */
	struct dns *dns;     /* owned; the name service */
	struct guard *guard; /* owned; restores the firewall, from the first recovery on */
};

/* networks.c */
struct net *net_find(struct networks *n, const char *name, struct error *err); /* NULL with err set */
struct net_endpoint *net_endpoint_of(struct net *net, const char *container_id); /* or NULL */
void net_event(struct networks *n, const struct net *net, const char *action,
	       const struct net_endpoint *endpoint);
bool net_is_predefined(const struct net *net);
bool net_is_default_bridge(const struct net *net);
/* What of net concerns the firewall. */
void net_to_firewall(struct networks *n, const struct net *net);

/* rows.c */
int rows_load(struct networks *n, struct error *err) MUST_USE;
int rows_add_network(struct networks *n, const struct net *net, struct error *err) MUST_USE;
int rows_remove_network(struct networks *n, const char *id, struct error *err) MUST_USE;
int rows_set_endpoint(struct networks *n, const struct net *net, const struct net_endpoint *e,
		      struct error *err) MUST_USE;
int rows_remove_endpoint(struct networks *n, const struct net_endpoint *e,
			 struct error *err) MUST_USE;
int rows_add_publication(struct networks *n, const struct publication *p,
			 struct error *err) MUST_USE;
int rows_move_publication(struct networks *n, const struct publication *p,
			  struct error *err) MUST_USE;
int rows_remove_publications(struct networks *n, const char *container_id,
			     struct error *err) MUST_USE;

/* net.c: one network, made from its description. */
/* Completes info (ids, subnets) and derives the rest. Takes info's contents. */
int net_new(struct networks *n, struct network_info *info, struct net **ret,
	    struct error *err) MUST_USE;
/* From a row. */
int net_restore(struct network_info *info, struct net **ret, struct error *err) MUST_USE;
void net_free(struct net *net);
DEFINE_CLEANUP(struct net *, net_free)
extern const struct json_field network_row_fields[];

/* bridge.c */
int bridge_make(struct networks *n, struct net *net, struct error *err) MUST_USE;
void bridge_remove(const char *name);
/* The alias that says whose an interface is: "coracle <default bridge> <what> <ids>". */
char *bridge_alias(struct networks *n, const char *what, const char *ids) MUST_USE;

/* connect.c */
int endpoint_plumb(struct networks *n, struct net *net, struct net_endpoint *e,
		   const struct strv *sysctls, struct error *err) MUST_USE;
void endpoint_unplumb(struct net *net, const struct net_endpoint *e);
void endpoint_done(struct net_endpoint *e);
/* Removes endpoint i of net from the kernel, the rows and memory. */
void endpoint_drop(struct networks *n, struct net *net, size_t i);
/* Lets the best of the container's endpoints have its default route. */
int endpoint_choose_gateway(struct networks *n, const char *container_id,
			    struct error *err) MUST_USE;

/* publish.c */
void publication_done(struct publication *p);
/* Holds the host port; -1 when the protocol has no sockets here. */
int port_hold(const struct firewall_port *p, int *ret, struct error *err) MUST_USE;
void unpublish(struct networks *n, const char *container_id);
/* Leads the container's ports to the address it is reached at now, after its networks changed. */
int republish(struct networks *n, const char *container_id, struct error *err) MUST_USE;

/* dns.c, which has a lock of its own, below ours. */
int dns_new(struct networks *n, struct dns **ret, struct error *err) MUST_USE;
void dns_free(struct dns *d);
/* Listens at 127.0.0.11:53 in the container's namespace. Already there is fine. */
int dns_serve(struct dns *d, const char *container_id, const char *netns_path,
	      struct error *err) MUST_USE;
void dns_stop(struct dns *d, const char *container_id);

/* guard.c, whose thread takes our lock: never freed with the lock held. */
int guard_new(struct networks *n, struct guard **ret, struct error *err) MUST_USE;
void guard_free(struct guard *g);
