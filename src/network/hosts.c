/* SPDX-License-Identifier: Apache-2.0 */
/* A container's /etc/hosts. */
#include "network/network.h"

static const char usual[] = "127.0.0.1\tlocalhost\n"
			    "::1\tlocalhost ip6-localhost ip6-loopback\n"
			    "fe00::0\tip6-localnet\n"
			    "ff00::0\tip6-mcastprefix\n"
			    "ff02::1\tip6-allnodes\n"
			    "ff02::2\tip6-allrouters\n";

/* "name:address" or "name=address"; the address may have colons and brackets. */
static void add_extra(const char *entry, const char *host_gateway, struct strbuf *out)
{
	size_t name = strcspn(entry, ":=");
	struct str address;

	if (!name || !entry[name])
		return;
	address = str_from(entry + name + 1);
	if (str_eq_c(address, "host-gateway") && host_gateway)
		address = str_from(host_gateway);
	if (address.len > 2 && address.ptr[0] == '[' && address.ptr[address.len - 1] == ']')
		address = str_n(address.ptr + 1, address.len - 2);
	strbuf_printf(out, "%.*s\t%.*s\n", STR_ARG(address), (int)name, entry);
}

static void add_self(const char *address, const char *hostname, const char *domainname,
                     struct strbuf *out)
{
	if (str_empty_or_null(address))
		return;
	if (str_empty_or_null(domainname))
		strbuf_printf(out, "%s\t%s\n", address, hostname);
	else
		strbuf_printf(out, "%s\t%s.%s %s\n", address, hostname, domainname, hostname);
}

void network_hosts(const char *hostname, const char *domainname,
                   const struct endpoint_vec *endpoints, const struct strv *extra_hosts,
                   const char *host_gateway, struct strbuf *out)
{
	strbuf_puts(out, usual);
	for (size_t i = 0; extra_hosts && i < extra_hosts->len; i++)
		add_extra(extra_hosts->ptr[i], host_gateway, out);
	if (!endpoints || str_empty_or_null(hostname))
		return;
	vec_for_each (endpoints, e) {
		add_self(e->ip_address, hostname, domainname, out);
		add_self(e->global_ipv6_address, hostname, domainname, out);
	}
}
