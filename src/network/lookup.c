/* SPDX-License-Identifier: Apache-2.0 */
/* What a container may know about its neighbours: those on user-defined networks it is on too. */
#include "network/dns-internal.h"

enum { DNS_TTL = 600 };

static bool same_name(const char *a, const char *lower_b)
{
	return str_ieq_c(str_from(a), lower_b);
}

/* "name" or "name.network". */
static bool is_called(const struct net *net, const struct net_endpoint *e, const char *name)
{
	for (size_t i = 0; i < e->names.len; i++) {
		AUTO_FREE char *full = NULL;

		if (same_name(e->names.ptr[i], name))
			return true;
		full = xasprintf("%s.%s", e->names.ptr[i], net->info.name);
		if (same_name(full, name))
			return true;
	}
	return false;
}

DEFINE_VEC(ip_vec, struct ip);

static void add_ip(struct ip_vec *to, const char *text, int family)
{
	struct ip ip;

	if (text && ip_parse(text, &ip) == 0 && ip.family == family)
		ip_vec_push(to, ip);
}

/* The addresses that name has for the container. Whether there is such a name at all. */
static bool find_addresses(struct networks *n, const char *container_id, const char *name,
                           int family, struct ip_vec *ret)
{
	bool found = false;

	vec_for_each (&n->nets, net) {
		if (net_is_predefined(*net) || !net_endpoint_of(*net, container_id))
			continue;
		vec_for_each (&(*net)->endpoints, e) {
			if (!is_called(*net, e, name))
				continue;
			found = true;
			add_ip(ret, family == AF_INET ? e->ipv4 : e->ipv6, family);
		}
	}
	return found;
}

/* "container.network" of an address that a neighbour has; NULL when nobody has it. */
static char *find_name(struct networks *n, const char *container_id, const struct ip *ip)
{
	char text[IP_TEXT_MAX];

	ip_format(ip, text);
	vec_for_each (&n->nets, net) {
		if (net_is_predefined(*net) || !net_endpoint_of(*net, container_id))
			continue;
		vec_for_each (&(*net)->endpoints, e)
			if (e->names.len &&
			    (streq_null(e->ipv4, text) || streq_null(e->ipv6, text)))
				return xasprintf("%s.%s", e->names.ptr[0], (*net)->info.name);
	}
	return NULL;
}

/* Where else to ask. A container that only internal networks have asks nobody: a query is a way
 * out, too. */
static void find_servers(struct networks *n, const char *container_id, struct strv *ret)
{
	bool outside = false;

	vec_for_each (&n->nets, net) {
		const struct net_endpoint *e = net_endpoint_of(*net, container_id);

		if (!e || (*net)->info.internal)
			continue;
		outside = true;
		if (!ret->len)
			strv_copy(ret, &e->dns);
	}
	if (outside && !ret->len)
		dns_system_servers(ret);
}

static void answer_addresses(struct ip_vec *ips, struct str query, const struct dns_question *q,
                             struct strbuf *out)
{
	uint32_t start = 0;

	dns_answer_begin(out, query, q, DNS_NOERROR);
	if (!ips->len)
		return;
	random_bytes(&start, sizeof(start)); /* shares the load among those of one name */
	for (size_t i = 0; i < ips->len; i++)
		dns_answer_address(out, &ips->ptr[(start + i) % ips->len], DNS_TTL);
}

static bool answer_name(struct networks *n, const char *container_id, struct str query,
                        const struct dns_question *q, struct strbuf *out)
{
	AUTO_FREE char *name = NULL;
	struct ip ip;

	if (q->type != DNS_PTR || dns_parse_reverse(q->name, &ip) < 0)
		return false;
	name = find_name(n, container_id, &ip);
	if (!name)
		return false;
	dns_answer_begin(out, query, q, DNS_NOERROR);
	dns_answer_name(out, name, DNS_TTL);
	return true;
}

enum dns_verdict dns_lookup(struct networks *n, const char *container_id, struct str query,
                            const struct dns_question *q, struct strbuf *out, struct strv *servers)
{
	CLEANUP(ip_vec_done) struct ip_vec ips = { 0 };
	int family = q->type == DNS_A ? AF_INET : q->type == DNS_AAAA ? AF_INET6 : AF_UNSPEC;

	WITH_LOCK(&n->lock);
	if (q->name[0] && find_addresses(n, container_id, q->name, family, &ips)) {
		answer_addresses(&ips, query, q, out);
		return DNS_LOCAL;
	}
	if (q->name[0] && answer_name(n, container_id, query, q, out))
		return DNS_LOCAL;
	find_servers(n, container_id, servers);
	if (servers->len)
		return DNS_FORWARD;
	dns_answer_begin(out, query, q, DNS_SERVFAIL);
	return DNS_LOCAL;
}

enum dns_verdict dns_serve_query(struct networks *n, const char *container_id, struct str query,
                                 bool udp, struct dns_question *q, struct strbuf *out,
                                 struct strv *servers)
{
	int r = dns_parse_query(query, q);

	strbuf_clear(out);
	if (r < 0)
		return DNS_LOCAL;
	if (r > 0) {
		dns_answer_error(out, query, (enum dns_rcode)r);
		return DNS_LOCAL;
	}
	if (dns_lookup(n, container_id, query, q, out, servers) == DNS_FORWARD)
		return DNS_FORWARD;
	dns_answer_end(out, q, udp);
	return DNS_LOCAL;
}
