/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Our model of who may reach whom, and the one nf_tables table that says so to the kernel. The
 * table is only ever replaced as a whole in one transaction, or changed by elements of its maps:
 * a published port is one element. Not locked.
 */
#include <net/if.h>

#include "network/address.h"
#include "network/link.h"
#include "network/netlink.h"

struct firewall_network {
	char bridge[IFNAMSIZ];
	struct ip_net_vec subnets; /* owned */
	bool internal;   /* nothing in, nothing out */
	bool masquerade; /* what leaves takes the host's address */
};
DEFINE_VEC(firewall_network_vec, struct firewall_network);

struct firewall_port {
	uint8_t protocol; /* IPPROTO_ */
	struct ip host;   /* 0.0.0.0 or [::]: every local address */
	uint16_t host_port;
	struct ip to;
	uint16_t to_port;
};
DEFINE_VEC(firewall_port_vec, struct firewall_port);

struct firewall {
	char *table;   /* owned */
	bool disabled; /* the operator does it */
	bool guard;    /* forwarding was off before us: other interfaces must not profit */
	uint32_t rules; /* in the table as we made it last */
	struct firewall_network_vec networks;
	struct firewall_port_vec ports;
};

void firewall_done(struct firewall *f);
/* Takes *n; replaces the one with the same bridge. Takes effect with firewall_replace(). */
void firewall_set_network(struct firewall *f, struct firewall_network *n);
void firewall_forget_network(struct firewall *f, const char *bridge);
/* Remembers a port without telling the kernel. */
void firewall_note_port(struct firewall *f, const struct firewall_port *p);

/* Replaces the whole table. */
int firewall_replace(struct firewall *f, struct error *err) MUST_USE;
/* Opens and closes ports, all or none. Closing one that is not there is fine. */
int firewall_open_ports(struct firewall *f, const struct firewall_port_vec *ports,
			struct error *err) MUST_USE;
int firewall_close_ports(struct firewall *f, const struct firewall_port_vec *ports,
			 struct error *err) MUST_USE;
/* 1 when our rules stand in the kernel, 0 when somebody flushed them. */
int firewall_stands(const struct firewall *f, struct error *err) MUST_USE;
/* Turns on IPv4 (and IPv6) forwarding in the calling thread's namespace, and remembers whether it
 * was off. */
int firewall_enable_forwarding(struct firewall *f, bool ipv6, struct error *err) MUST_USE;
