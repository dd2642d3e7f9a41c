/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Interfaces, addresses and routes by rtnetlink. All act in the network namespace where the
 * netlink socket was opened. What exists already is fine; what is missing already is removed.
 */
#include <net/if.h>

#include "base/vec.h"
#include "network/address.h"
#include "network/netlink.h"

enum { MAC_LEN = 6, MAC_TEXT_MAX = 18, LINK_ALIAS_MAX = 256 };

struct link_info {
	int index;
	int master; /* 0: none */
	char name[IFNAMSIZ];
	char kind[16]; /* "bridge", "veth"; "" for devices */
	char alias[LINK_ALIAS_MAX];
};
DEFINE_VEC(link_info_vec, struct link_info);

int link_list(struct netlink *nl, struct link_info_vec *ret, struct error *err) MUST_USE;
/* The index in the calling thread's namespace, or negative with NOT_FOUND. */
int link_index(const char *name, struct error *err) MUST_USE;

/* Makes the bridge unless one with this name exists (1 then, and CONFLICT when it is no bridge). */
int link_add_bridge(struct netlink *nl, const char *name, const uint8_t *mac, int mtu,
		    struct error *err) MUST_USE;

struct veth_options {
	const char *name;      /* this side's */
	const char *peer_name; /* the other side's, in */
	int peer_netns;        /* this namespace */
	const uint8_t *peer_mac;
	int master; /* index of the bridge that takes this side */
	int mtu;    /* 0: the kernel's */
};
int link_add_veth(struct netlink *nl, const struct veth_options *o, struct error *err) MUST_USE;

struct macvlan_options {
	const char *name;
	int netns; /* where it is made */
	int parent;
	uint32_t mode; /* MACVLAN_MODE_ */
	const uint8_t *mac;
	int mtu;
};
int link_add_macvlan(struct netlink *nl, const struct macvlan_options *o, struct error *err) MUST_USE;

/* hairpin: frames may leave by the port they came from; isolated: not to other isolated ports. */
int link_set_port(struct netlink *nl, int index, bool hairpin, bool isolated,
		  struct error *err) MUST_USE;
int link_set_alias(struct netlink *nl, int index, const char *alias, struct error *err) MUST_USE;
int link_set_up(struct netlink *nl, int index, struct error *err) MUST_USE;
/*
 * Waits until the interface can send. The kernel tells an interface that its other side came up
 * later, from a queue; until then what it sends is lost. Asking for it by index empties the queue.
 */
int link_settle(struct netlink *nl, int index, struct error *err) MUST_USE;
int link_remove(struct netlink *nl, int index, struct error *err) MUST_USE;

int link_add_address(struct netlink *nl, int index, const struct ip_net *address,
		     struct error *err) MUST_USE;
/* destination NULL: the default route. gateway NULL: on-link. */
int link_add_route(struct netlink *nl, int index, const struct ip_net *destination,
		   const struct ip *gateway, struct error *err) MUST_USE;
int link_remove_default_route(struct netlink *nl, int family, struct error *err) MUST_USE;

DEFINE_VEC(ip_net_vec, struct ip_net);
/* Destinations of the namespace's routes (without default ones) and its addresses. */
int link_list_used_networks(struct netlink *nl, struct ip_net_vec *ret, struct error *err) MUST_USE;
/* Addresses of one family that belong to the namespace. */
int link_list_addresses(struct netlink *nl, int family, struct ip_net_vec *ret,
			struct error *err) MUST_USE;

/* "02:42:ac:11:00:02". 0 or -EINVAL. */
int mac_parse(const char *text, uint8_t *ret) MUST_USE;
const char *mac_format(const uint8_t *mac, char *buf); /* MAC_TEXT_MAX bytes */
