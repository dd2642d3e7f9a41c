/* SPDX-License-Identifier: Apache-2.0 */
#include "network/ipam.h"

#include <stdio.h>

#include "unit.h"

static void assert_takes(struct ipam *p, const char *wanted, const char *got)
{
	struct error err = { 0 };
	struct ip w = { 0 }, ip;
	char text[IP_TEXT_MAX];

	if (wanted)
		assert_int_equal(ip_parse(wanted, &w), 0);
	if (ipam_take(p, &w, &ip, &err) < 0)
		assert_null(got);
	else
		assert_string_equal(ip_format(&ip, text), got);
}

TEST(gives_the_lowest_free_address)
{
	struct ipam p;
	struct error err = { 0 };
	struct ip ip;

	assert_int_equal(ipam_init(&p, "10.0.0.0/29", NULL, NULL, &err), 0);
	assert_takes(&p, NULL, "10.0.0.2");
	assert_takes(&p, "10.0.0.4", "10.0.0.4");
	assert_takes(&p, "10.0.0.4", NULL);
	assert_takes(&p, "10.0.1.4", NULL);
	assert_takes(&p, NULL, "10.0.0.3");
	assert_takes(&p, NULL, "10.0.0.5");
	assert_takes(&p, NULL, "10.0.0.6");
	assert_takes(&p, NULL, NULL); /* .7 is the broadcast address */
	assert_int_equal(ip_parse("10.0.0.3", &ip), 0);
	ipam_give_back(&p, &ip);
	assert_takes(&p, NULL, "10.0.0.3");
	ipam_done(&p);
}

TEST(ranges_and_gateways)
{
	struct ipam p;
	struct error err = { 0 };
	char text[IP_TEXT_MAX];

	assert_int_equal(ipam_init(&p, "10.1.0.0/16", "10.1.5.0/24", "10.1.0.254", &err), 0);
	assert_takes(&p, NULL, "10.1.5.0");
	assert_takes(&p, "10.1.9.9", "10.1.9.9");
	ipam_done(&p);
	assert_int_equal(ipam_init(&p, "192.168.7.5/24", NULL, NULL, &err), 0);
	assert_string_equal(ip_format(&p.gateway, text), "192.168.7.5");
	ipam_done(&p);
	assert_int_equal(ipam_init(&p, "fd00:1::/64", NULL, NULL, &err), 0);
	assert_takes(&p, NULL, "fd00:1::2");
	ipam_done(&p);
	assert_true(ipam_init(&p, "10.1.0.0/16", "10.2.0.0/24", NULL, &err) < 0);
	assert_true(ipam_init(&p, "10.1.0.0/16", NULL, "10.2.0.1", &err) < 0);
	assert_true(ipam_init(&p, "10.1.0.0", NULL, NULL, &err) < 0);
	assert_true(ipam_init(&p, "10.1.0.0/31", NULL, NULL, &err) < 0);
}

TEST(subnets_step_over_what_is_used)
{
	CLEANUP(ipam_source_vec_done) struct ipam_source_vec sources = { 0 };
	CLEANUP(ip_net_vec_done) struct ip_net_vec used = { 0 };
	struct error err = { 0 };
	struct ip_net net;
	char text[IP_TEXT_MAX];

	assert_int_equal(ipam_sources_parse(NULL, &sources, &err), 0);
	for (int i = 17; i < 32; i++) {
		snprintf(text, sizeof(text), "172.%d.0.0/16", i);
		assert_int_equal(ipam_choose_subnet(&sources, AF_INET, &used, &net, &err), 0);
		char got[IP_TEXT_MAX];
		assert_string_equal(ip_net_format(&net, got), text);
		ip_net_vec_push(&used, net);
	}
	assert_int_equal(ip_net_parse("192.168.1.0/24", &net), 0);
	ip_net_vec_push(&used, net); /* somebody's LAN lies in the first piece */
	assert_int_equal(ipam_choose_subnet(&sources, AF_INET, &used, &net, &err), 0);
	assert_string_equal(ip_net_format(&net, text), "192.168.16.0/20");
}
