/* SPDX-License-Identifier: Apache-2.0 */
#include "network/network.h"

#include "unit.h"

#define ARG(literal) ((char *)(uintptr_t)(literal))

TEST(hosts)
{
	struct endpoint e = { .ip_address = ARG("172.17.0.2") };
	struct endpoint_vec endpoints = { &e, 1, 1 };
	AUTO_STRV extra = { 0 };
	AUTO_STRBUF out = { 0 };

	strv_add(&extra, "db:10.0.0.7");
	strv_add(&extra, "six=[2001:db8::1]");
	strv_add(&extra, "up:host-gateway");
	network_hosts("box", "example.com", &endpoints, &extra, "172.17.0.1", &out);
	assert_string_equal(strbuf_cstr(&out), "127.0.0.1\tlocalhost\n"
	                                       "::1\tlocalhost ip6-localhost ip6-loopback\n"
	                                       "fe00::0\tip6-localnet\n"
	                                       "ff00::0\tip6-mcastprefix\n"
	                                       "ff02::1\tip6-allnodes\n"
	                                       "ff02::2\tip6-allrouters\n"
	                                       "10.0.0.7\tdb\n"
	                                       "2001:db8::1\tsix\n"
	                                       "172.17.0.1\tup\n"
	                                       "172.17.0.2\tbox.example.com box\n");
}

TEST(resolv_conf)
{
	AUTO_STRV dns = { 0 }, search = { 0 }, options = { 0 };
	struct resolv_options o = { .dns = &dns, .search = &search, .options = &options };
	AUTO_STRBUF out = { 0 };
	struct error err = { 0 };

	strv_add(&dns, "10.0.0.53");
	strv_add(&search, "example.com");
	strv_add(&search, "corp");
	strv_add(&options, "timeout:1");
	assert_int_equal(network_resolv_conf(&o, &out, &err), 0);
	assert_string_equal(strbuf_cstr(&out), "nameserver 10.0.0.53\n"
	                                       "search example.com corp\n"
	                                       "options timeout:1\n");
	strbuf_clear(&out);
	o.embedded = true;
	strv_clear(&search);
	strv_add(&search, ".");
	assert_int_equal(network_resolv_conf(&o, &out, &err), 0);
	assert_string_equal(strbuf_cstr(&out), "nameserver 127.0.0.11\n"
	                                       "options timeout:1 ndots:0\n");
	strv_add(&dns, "dns.example.com");
	assert_true(network_resolv_conf(&o, &out, &err) < 0);
	assert_int_equal(err.kind, ERROR_INVALID);
}

TEST(loopback_servers_are_of_no_use_inside)
{
	const char *const defaults[] = { "127.0.0.53", "::1", "192.0.2.53", NULL };
	const char *const useless[] = { "127.0.0.1", NULL };
	AUTO_STRV search = { 0 };
	struct resolv_options o = { .search = &search, .default_dns = defaults };
	AUTO_STRBUF out = { 0 };
	struct error err = { 0 };

	strv_add(&search, ".");
	assert_int_equal(network_resolv_conf(&o, &out, &err), 0);
	assert_non_null(str_skip_prefix(strbuf_cstr(&out), "nameserver 192.0.2.53\n"));
	strbuf_clear(&out);
	o.default_dns = useless;
	assert_int_equal(network_resolv_conf(&o, &out, &err), 0);
	assert_non_null(
		str_skip_prefix(strbuf_cstr(&out), "nameserver 8.8.8.8\nnameserver 8.8.4.4\n"));
}
