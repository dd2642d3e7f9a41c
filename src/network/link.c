/* SPDX-License-Identifier: Apache-2.0 */
#include "network/link.h"

#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <stdio.h>

enum { NEW = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL };

static void copy_name(char *to, size_t size, struct str from)
{
	size_t n = MIN(from.len, size - 1);

	memcpy(to, from.ptr ? from.ptr : "", n);
	to[n] = '\0';
}

static void collect_link(const struct nl_message *m, void *arg)
{
	struct link_info_vec *links = arg;
	struct link_info link = { 0 };
	struct ifinfomsg head;
	struct str attrs = m->payload;
	struct nl_attr a;

	if (m->type != RTM_NEWLINK || attrs.len < sizeof(head))
		return;
	memcpy(&head, attrs.ptr, sizeof(head));
	nl_skip(&attrs, sizeof(head));
	link.index = head.ifi_index;
	while (nl_next_attr(&attrs, &a)) {
		if (a.type == IFLA_IFNAME)
			copy_name(link.name, sizeof(link.name), nl_string(a.data));
		else if (a.type == IFLA_IFALIAS)
			copy_name(link.alias, sizeof(link.alias), nl_string(a.data));
		else if (a.type == IFLA_MASTER)
			link.master = (int)nl_u32(a.data);
		else if (a.type == IFLA_LINKINFO)
			copy_name(link.kind, sizeof(link.kind),
			          nl_string(nl_find(a.data, IFLA_INFO_KIND)));
	}
	link_info_vec_push(links, link);
}

int link_list(struct netlink *nl, struct link_info_vec *ret, struct error *err)
{
	AUTO_STRBUF b = { 0 };
	struct ifinfomsg head = { .ifi_family = AF_UNSPEC };
	int r;

	nl_end(&b, nl_begin(&b, RTM_GETLINK, NLM_F_REQUEST | NLM_F_DUMP, &head, sizeof(head)));
	r = netlink_dump(nl, &b, collect_link, ret, err);
	return r < 0 ? error_prefix(err, "cannot list network interfaces") : 0;
}

int link_index(const char *name, struct error *err)
{
	unsigned index = if_nametoindex(name);

	if (!index)
		return error_set(err, ERROR_NOT_FOUND, "no network interface %s", name);
	return (int)index;
}

static int request_link(struct netlink *nl, struct strbuf *b, size_t message, int *ret_errno,
                        struct error *err)
{
	nl_end(b, message);
	return netlink_request(nl, b, ret_errno, err);
}

static int check_is_bridge(struct netlink *nl, const char *name, struct error *err)
{
	CLEANUP(link_info_vec_done) struct link_info_vec links = { 0 };
	int r = link_list(nl, &links, err);

	if (r < 0)
		return r;
	vec_for_each (&links, link)
		if (streq(link->name, name) && streq(link->kind, "bridge"))
			return 1;
	return error_set(err, ERROR_CONFLICT,
	                 "network interface %s exists and is no bridge: choose another name", name);
}

int link_add_bridge(struct netlink *nl, const char *name, const uint8_t *mac, int mtu,
                    struct error *err)
{
	AUTO_STRBUF b = { 0 };
	struct ifinfomsg head = { .ifi_family = AF_UNSPEC };
	size_t m = nl_begin(&b, RTM_NEWLINK, NEW, &head, sizeof(head));
	size_t info;
	int e, r;

	nl_attr_string(&b, IFLA_IFNAME, name);
	nl_attr(&b, IFLA_ADDRESS, mac, MAC_LEN);
	if (mtu > 0)
		nl_attr_u32(&b, IFLA_MTU, (uint32_t)mtu);
	info = nl_nest(&b, IFLA_LINKINFO);
	nl_attr_string(&b, IFLA_INFO_KIND, "bridge");
	nl_nest_end(&b, info);
	r = request_link(nl, &b, m, &e, err);
	if (r < 0 && e == EEXIST) {
		error_clear(err);
		return check_is_bridge(nl, name, err);
	}
	return r < 0 ? error_prefix(err, "cannot make the bridge %s", name) : 0;
}

int link_add_veth(struct netlink *nl, const struct veth_options *o, struct error *err)
{
	AUTO_STRBUF b = { 0 };
	struct ifinfomsg head = { .ifi_family = AF_UNSPEC };
	size_t m = nl_begin(&b, RTM_NEWLINK, NEW, &head, sizeof(head));
	size_t info, data, peer;
	int r;

	nl_attr_string(&b, IFLA_IFNAME, o->name);
	if (o->master)
		nl_attr_u32(&b, IFLA_MASTER, (uint32_t)o->master);
	if (o->mtu > 0)
		nl_attr_u32(&b, IFLA_MTU, (uint32_t)o->mtu);
	info = nl_nest(&b, IFLA_LINKINFO);
	nl_attr_string(&b, IFLA_INFO_KIND, "veth");
	data = nl_nest(&b, IFLA_INFO_DATA);
	peer = b.len;
	nl_attr(&b, VETH_INFO_PEER, &head, sizeof(head));
	nl_attr_string(&b, IFLA_IFNAME, o->peer_name);
	nl_attr(&b, IFLA_ADDRESS, o->peer_mac, MAC_LEN);
	nl_attr_u32(&b, IFLA_NET_NS_FD, (uint32_t)o->peer_netns);
	if (o->mtu > 0)
		nl_attr_u32(&b, IFLA_MTU, (uint32_t)o->mtu);
	nl_nest_end(&b, peer);
	nl_nest_end(&b, data);
	nl_nest_end(&b, info);
	r = request_link(nl, &b, m, NULL, err);
	return r < 0 ? error_prefix(err, "cannot make the interface pair %s, %s", o->name,
	                            o->peer_name)
	             : 0;
}

int link_add_macvlan(struct netlink *nl, const struct macvlan_options *o, struct error *err)
{
	AUTO_STRBUF b = { 0 };
	struct ifinfomsg head = { .ifi_family = AF_UNSPEC };
	size_t m = nl_begin(&b, RTM_NEWLINK, NEW, &head, sizeof(head));
	size_t info, data;
	int r;

	nl_attr_string(&b, IFLA_IFNAME, o->name);
	nl_attr(&b, IFLA_ADDRESS, o->mac, MAC_LEN);
	nl_attr_u32(&b, IFLA_LINK, (uint32_t)o->parent);
	nl_attr_u32(&b, IFLA_NET_NS_FD, (uint32_t)o->netns);
	if (o->mtu > 0)
		nl_attr_u32(&b, IFLA_MTU, (uint32_t)o->mtu);
	info = nl_nest(&b, IFLA_LINKINFO);
	nl_attr_string(&b, IFLA_INFO_KIND, "macvlan");
	data = nl_nest(&b, IFLA_INFO_DATA);
	nl_attr_u32(&b, IFLA_MACVLAN_MODE, o->mode);
	nl_nest_end(&b, data);
	nl_nest_end(&b, info);
	r = request_link(nl, &b, m, NULL, err);
	return r < 0 ? error_prefix(err, "cannot make the macvlan interface %s", o->name) : 0;
}

int link_set_port(struct netlink *nl, int index, bool hairpin, bool isolated, struct error *err)
{
	AUTO_STRBUF b = { 0 };
	struct ifinfomsg head = { .ifi_family = AF_BRIDGE, .ifi_index = index };
	size_t m = nl_begin(&b, RTM_SETLINK, NLM_F_REQUEST | NLM_F_ACK, &head, sizeof(head));
	size_t port = nl_nest(&b, IFLA_PROTINFO);
	int r;

	nl_attr_u8(&b, IFLA_BRPORT_MODE, hairpin);
	nl_attr_u8(&b, IFLA_BRPORT_ISOLATED, isolated);
	nl_nest_end(&b, port);
	r = request_link(nl, &b, m, NULL, err);
	return r < 0 ? error_prefix(err, "cannot set up a bridge port") : 0;
}

int link_set_alias(struct netlink *nl, int index, const char *alias, struct error *err)
{
	AUTO_STRBUF b = { 0 };
	struct ifinfomsg head = { .ifi_family = AF_UNSPEC, .ifi_index = index };
	size_t m = nl_begin(&b, RTM_SETLINK, NLM_F_REQUEST | NLM_F_ACK, &head, sizeof(head));
	int r;

	nl_attr(&b, IFLA_IFALIAS, alias, MIN(strlen(alias), (size_t)LINK_ALIAS_MAX - 1));
	r = request_link(nl, &b, m, NULL, err);
	return r < 0 ? error_prefix(err, "cannot name an interface's owner") : 0;
}

int link_set_up(struct netlink *nl, int index, struct error *err)
{
	AUTO_STRBUF b = { 0 };
	struct ifinfomsg head = { .ifi_family = AF_UNSPEC,
		                  .ifi_index = index,
		                  .ifi_flags = IFF_UP,
		                  .ifi_change = IFF_UP };
	size_t m = nl_begin(&b, RTM_SETLINK, NLM_F_REQUEST | NLM_F_ACK, &head, sizeof(head));
	int r = request_link(nl, &b, m, NULL, err);

	return r < 0 ? error_prefix(err, "cannot bring an interface up") : 0;
}

int link_settle(struct netlink *nl, int index, struct error *err)
{
	AUTO_STRBUF b = { 0 };
	struct ifinfomsg head = { .ifi_family = AF_UNSPEC, .ifi_index = index };
	size_t m = nl_begin(&b, RTM_GETLINK, NLM_F_REQUEST | NLM_F_ACK, &head, sizeof(head));

	return request_link(nl, &b, m, NULL, err);
}

int link_remove(struct netlink *nl, int index, struct error *err)
{
	AUTO_STRBUF b = { 0 };
	struct ifinfomsg head = { .ifi_family = AF_UNSPEC, .ifi_index = index };
	size_t m = nl_begin(&b, RTM_DELLINK, NLM_F_REQUEST | NLM_F_ACK, &head, sizeof(head));
	int e, r = request_link(nl, &b, m, &e, err);

	if (r < 0 && e == ENODEV) {
		error_clear(err);
		return 0;
	}
	return r < 0 ? error_prefix(err, "cannot remove an interface") : 0;
}

int link_add_address(struct netlink *nl, int index, const struct ip_net *address, struct error *err)
{
	AUTO_STRBUF b = { 0 };
	struct ifaddrmsg head = { .ifa_family = (uint8_t)address->ip.family,
		                  .ifa_prefixlen = (uint8_t)address->prefix,
		                  .ifa_index = (uint32_t)index,
		                  /* our pools give an address out once: no probing before use */
		                  .ifa_flags = address->ip.family == AF_INET6 ? IFA_F_NODAD : 0 };
	size_t m = nl_begin(&b, RTM_NEWADDR, NEW, &head, sizeof(head));
	size_t n = ip_len(&address->ip);
	char text[IP_TEXT_MAX];
	int e, r;

	nl_attr(&b, IFA_LOCAL, address->ip.bytes, n);
	nl_attr(&b, IFA_ADDRESS, address->ip.bytes, n);
	if (address->ip.family == AF_INET && address->prefix < 31) {
		struct ip_net base = ip_net_masked(address);
		struct ip broadcast = ip_add(&base.ip, ip_net_size(&base) - 1);

		nl_attr(&b, IFA_BROADCAST, broadcast.bytes, n);
	}
	r = request_link(nl, &b, m, &e, err);
	if (r < 0 && e == EEXIST) {
		error_clear(err);
		return 0;
	}
	return r < 0 ? error_prefix(err, "cannot add the address %s", ip_net_format(address, text))
	             : 0;
}

static void begin_route(struct strbuf *b, size_t *m, uint16_t type, uint16_t flags, int family,
                        unsigned prefix, uint8_t scope)
{
	struct rtmsg head = { .rtm_family = (uint8_t)family,
		              .rtm_dst_len = (uint8_t)prefix,
		              .rtm_table = RT_TABLE_MAIN,
		              .rtm_protocol = RTPROT_BOOT,
		              .rtm_scope = scope,
		              .rtm_type = RTN_UNICAST };

	*m = nl_begin(b, type, flags, &head, sizeof(head));
}

int link_add_route(struct netlink *nl, int index, const struct ip_net *destination,
                   const struct ip *gateway, struct error *err)
{
	AUTO_STRBUF b = { 0 };
	int family = gateway ? gateway->family : destination ? destination->ip.family : AF_INET;
	size_t m;
	int e, r;

	begin_route(&b, &m, RTM_NEWROUTE, NEW, family, destination ? destination->prefix : 0,
	            gateway ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK);
	if (destination)
		nl_attr(&b, RTA_DST, destination->ip.bytes, ip_len(&destination->ip));
	if (gateway)
		nl_attr(&b, RTA_GATEWAY, gateway->bytes, ip_len(gateway));
	nl_attr_u32(&b, RTA_OIF, (uint32_t)index);
	r = request_link(nl, &b, m, &e, err);
	if (r < 0 && e == EEXIST) {
		error_clear(err);
		return 0;
	}
	return r < 0 ? error_prefix(err, "cannot add a route") : 0;
}

int link_remove_default_route(struct netlink *nl, int family, struct error *err)
{
	AUTO_STRBUF b = { 0 };
	size_t m;
	int e, r;

	begin_route(&b, &m, RTM_DELROUTE, NLM_F_REQUEST | NLM_F_ACK, family, 0, RT_SCOPE_NOWHERE);
	r = request_link(nl, &b, m, &e, err);
	if (r < 0 && (e == ESRCH || e == ENOENT)) {
		error_clear(err);
		return 0;
	}
	return r < 0 ? error_prefix(err, "cannot remove the default route") : 0;
}

static bool take_net(int family, struct str bytes, unsigned prefix, struct ip_net *ret)
{
	struct ip_net net = { .ip.family = family, .prefix = prefix };

	if ((family != AF_INET && family != AF_INET6) || bytes.len != ip_len(&net.ip) ||
	    prefix > bytes.len * 8)
		return false;
	memcpy(net.ip.bytes, bytes.ptr, bytes.len);
	*ret = net;
	return true;
}

static void collect_route(const struct nl_message *m, void *arg)
{
	struct str attrs = m->payload;
	struct rtmsg head;
	struct ip_net net;

	if (m->type != RTM_NEWROUTE || attrs.len < sizeof(head))
		return;
	memcpy(&head, attrs.ptr, sizeof(head));
	nl_skip(&attrs, sizeof(head));
	if (head.rtm_type == RTN_UNICAST && head.rtm_dst_len &&
	    take_net(head.rtm_family, nl_find(attrs, RTA_DST), head.rtm_dst_len, &net))
		ip_net_vec_push(arg, net);
}

static void collect_address(const struct nl_message *m, void *arg)
{
	struct str attrs = m->payload, local;
	struct ifaddrmsg head;
	struct ip_net net;

	if (m->type != RTM_NEWADDR || attrs.len < sizeof(head))
		return;
	memcpy(&head, attrs.ptr, sizeof(head));
	nl_skip(&attrs, sizeof(head));
	local = nl_find(attrs, IFA_LOCAL);
	if (!local.ptr)
		local = nl_find(attrs, IFA_ADDRESS);
	if (take_net(head.ifa_family, local, head.ifa_prefixlen, &net))
		ip_net_vec_push(arg, net);
}

int link_list_addresses(struct netlink *nl, int family, struct ip_net_vec *ret, struct error *err)
{
	AUTO_STRBUF b = { 0 };
	struct ifaddrmsg head = { .ifa_family = (uint8_t)family };
	int r;

	nl_end(&b, nl_begin(&b, RTM_GETADDR, NLM_F_REQUEST | NLM_F_DUMP, &head, sizeof(head)));
	r = netlink_dump(nl, &b, collect_address, ret, err);
	return r < 0 ? error_prefix(err, "cannot list addresses") : 0;
}

int link_list_used_networks(struct netlink *nl, struct ip_net_vec *ret, struct error *err)
{
	AUTO_STRBUF b = { 0 };
	struct rtmsg head = { .rtm_family = AF_UNSPEC };
	int r;

	nl_end(&b, nl_begin(&b, RTM_GETROUTE, NLM_F_REQUEST | NLM_F_DUMP, &head, sizeof(head)));
	r = netlink_dump(nl, &b, collect_route, ret, err);
	if (r < 0)
		return error_prefix(err, "cannot list routes");
	return link_list_addresses(nl, AF_UNSPEC, ret, err);
}

int mac_parse(const char *text, uint8_t *ret)
{
	uint8_t mac[MAC_LEN];

	if (strlen(text) != MAC_TEXT_MAX - 1)
		return -EINVAL;
	for (int i = 0; i < MAC_LEN; i++) {
		const char *at = text + 3 * i;

		if (hex_decode(str_n(at, 2), mac + i, 1) < 0)
			return -EINVAL;
		if (i < MAC_LEN - 1 && at[2] != ':' && at[2] != '-')
			return -EINVAL;
	}
	memcpy(ret, mac, MAC_LEN);
	return 0;
}

const char *mac_format(const uint8_t *mac, char *buf)
{
	snprintf(buf, MAC_TEXT_MAX, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3],
	         mac[4], mac[5]);
	return buf;
}
