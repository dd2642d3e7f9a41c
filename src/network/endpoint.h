/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What a client asks of a network for a container, and what it got: the Engine API's
 * EndpointSettings and PortBindings as structs, with their field tables. */
#include "json/fields.h"

struct port_binding {
	char *host_ip;
	char *host_port; /* "", "8080", "8000-8010" */
};
DEFINE_VEC(port_binding_vec, struct port_binding);

struct port_bindings { /* of one container port: an entry of PortBindings */
	char *port;    /* "80/tcp" */
	struct port_binding_vec bindings;
};
DEFINE_VEC(port_map, struct port_bindings);

struct endpoint_ipam_config {
	char *ipv4_address, *ipv6_address;
	struct strv link_local_ips;
};

/* EndpointSettings: what was asked for and, once connected, what it got. */
struct endpoint {
	char *network; /* name or id: the key in EndpointsConfig */
	struct endpoint_ipam_config *ipam_config;
	struct strv links, aliases, dns_names;
	char *mac_address;
	struct strmap driver_opts;
	int gw_priority;
	char *network_id, *endpoint_id;
	char *gateway, *ip_address, *ipv6_gateway, *global_ipv6_address;
	int ip_prefix_len, global_ipv6_prefix_len;
};
DEFINE_VEC(endpoint_vec, struct endpoint);

extern const struct json_field endpoint_fields[]; /* without its key */
extern const struct json_field port_binding_fields[];
extern const struct json_field port_bindings_value_fields[]; /* one field: the list, for JSON_VALUE_LIST */

/* Whether its MAC address is the one that its IPv4 address gave it, so nobody asked for it: at the
 * next start, with another address perhaps, it is not a wish. */
bool endpoint_mac_is_derived(const struct endpoint *e);
