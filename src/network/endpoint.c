/* SPDX-License-Identifier: Apache-2.0 */
#include "network/endpoint.h"

#include "network/address.h"
#include "network/link.h"

/* clang-format off: tables */
static const struct json_field ipam_config_fields[] = {
	JSON_FIELD(struct endpoint_ipam_config, ipv4_address, "IPv4Address", JSON_F_STRING,
	           .flags = JSON_OMIT_EMPTY),
	JSON_FIELD(struct endpoint_ipam_config, ipv6_address, "IPv6Address", JSON_F_STRING,
	           .flags = JSON_OMIT_EMPTY),
	JSON_FIELD(struct endpoint_ipam_config, link_local_ips, "LinkLocalIPs", JSON_F_STRV,
	           .flags = JSON_OMIT_EMPTY),
	JSON_FIELDS_END
};

const struct json_field endpoint_fields[] = {
	JSON_FIELD(struct endpoint, ipam_config, "IPAMConfig", JSON_F_OBJECT_PTR,
	           .fields = ipam_config_fields, .size = sizeof(struct endpoint_ipam_config)),
	JSON_FIELD(struct endpoint, links, "Links", JSON_F_STRV, .flags = JSON_NULL_EMPTY),
	JSON_FIELD(struct endpoint, aliases, "Aliases", JSON_F_STRV, .flags = JSON_NULL_EMPTY),
	JSON_FIELD(struct endpoint, mac_address, "MacAddress", JSON_F_STRING),
	JSON_FIELD(struct endpoint, driver_opts, "DriverOpts", JSON_F_STRMAP,
	           .flags = JSON_NULL_EMPTY),
	JSON_FIELD(struct endpoint, gw_priority, "GwPriority", JSON_F_INT),
	JSON_FIELD(struct endpoint, network_id, "NetworkID", JSON_F_STRING),
	JSON_FIELD(struct endpoint, endpoint_id, "EndpointID", JSON_F_STRING),
	JSON_FIELD(struct endpoint, gateway, "Gateway", JSON_F_STRING),
	JSON_FIELD(struct endpoint, ip_address, "IPAddress", JSON_F_STRING),
	JSON_FIELD(struct endpoint, ip_prefix_len, "IPPrefixLen", JSON_F_INT),
	JSON_FIELD(struct endpoint, ipv6_gateway, "IPv6Gateway", JSON_F_STRING),
	JSON_FIELD(struct endpoint, global_ipv6_address, "GlobalIPv6Address", JSON_F_STRING),
	JSON_FIELD(struct endpoint, global_ipv6_prefix_len, "GlobalIPv6PrefixLen", JSON_F_INT),
	JSON_FIELD(struct endpoint, dns_names, "DNSNames", JSON_F_STRV, .flags = JSON_NULL_EMPTY),
	JSON_FIELDS_END
};

const struct json_field port_binding_fields[] = {
	JSON_FIELD(struct port_binding, host_ip, "HostIp", JSON_F_STRING),
	JSON_FIELD(struct port_binding, host_port, "HostPort", JSON_F_STRING), JSON_FIELDS_END
};

const struct json_field port_bindings_value_fields[] = {
	JSON_FIELD(struct port_bindings, bindings, "", JSON_F_LIST, .flags = JSON_NULL_EMPTY,
	           .fields = port_binding_fields, .size = sizeof(struct port_binding)),
	JSON_FIELDS_END
};
/* clang-format on */

bool endpoint_mac_is_derived(const struct endpoint *e)
{
	uint8_t mac[MAC_LEN];
	struct ip ip;

	return e->mac_address && e->ip_address && mac_parse(e->mac_address, mac) == 0 &&
	       ip_parse(e->ip_address, &ip) == 0 && ip.family == AF_INET && mac[0] == 0x02 &&
	       mac[1] == 0x42 && memcmp(mac + 2, ip.bytes, 4) == 0;
}
