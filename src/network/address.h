/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* IP addresses and networks of either family as plain values. Any thread; nothing is owned. */
#include <netinet/in.h>

#include "base/str.h"

enum { IP_TEXT_MAX = 64 };

struct ip {
	int family; /* AF_INET, AF_INET6; 0: none */
	uint8_t bytes[16];
};

struct ip_net {
	struct ip ip; /* as written: host bits may be set */
	unsigned prefix;
};

/* 4 or 16. */
size_t ip_len(const struct ip *ip);
/* 0 or -EINVAL; no zone, no brackets. */
int ip_parse(const char *text, struct ip *ret) MUST_USE;
/* "address/prefix"; 0 or -EINVAL. */
int ip_net_parse(const char *text, struct ip_net *ret) MUST_USE;
/* buf has IP_TEXT_MAX bytes; returned. "" for none. */
const char *ip_format(const struct ip *ip, char *buf);
const char *ip_net_format(const struct ip_net *net, char *buf);

bool ip_equal(const struct ip *a, const struct ip *b);
bool ip_is_loopback(const struct ip *ip);
bool ip_is_any(const struct ip *ip);
bool ip_net_contains(const struct ip_net *net, const struct ip *ip);
bool ip_net_overlaps(const struct ip_net *a, const struct ip_net *b);
/* The network's own address: host bits cleared. */
struct ip_net ip_net_masked(const struct ip_net *net);
/* How many addresses it has, at most UINT64_MAX. */
uint64_t ip_net_size(const struct ip_net *net);
/* The address n after ip; may wrap only when n leaves the family's space. */
struct ip ip_add(const struct ip *ip, uint64_t n);
/* The same for n pieces of 2^bits addresses each. */
struct ip ip_add_pieces(const struct ip *ip, uint64_t n, unsigned bits);
/* ip - base when that fits 64 bits, else UINT64_MAX. */
uint64_t ip_distance(const struct ip *base, const struct ip *ip);
