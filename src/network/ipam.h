/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Addresses. A pool gives out the lowest free address of its range; who holds what is the
 * caller's to keep in rows. Choosing a subnet for a new network steps over those in use. Not
 * locked.
 */
#include "base/map.h"
#include "network/link.h"

struct ipam {
	struct ip_net subnet; /* masked */
	struct ip_net range;  /* where dynamic addresses come from */
	struct ip gateway;
	struct map *used;  /* owned: address text -> anything */
	uint64_t next;     /* no address of the range below this offset is free */
};

/* range and gateway may be NULL: the whole subnet, and its first address. */
int ipam_init(struct ipam *p, const char *subnet, const char *range, const char *gateway,
	      struct error *err) MUST_USE;
void ipam_done(struct ipam *p);
/* Takes the address asked for (CONFLICT "Address already in use"), or the next free one. */
int ipam_take(struct ipam *p, const struct ip *wanted, struct ip *ret, struct error *err) MUST_USE;
void ipam_give_back(struct ipam *p, const struct ip *ip);

/* A pool of subnets: base 172.17.0.0/12 in pieces of /16. */
struct ipam_source {
	struct ip_net base;
	unsigned size;
};
DEFINE_VEC(ipam_source_vec, struct ipam_source);
/* texts as in networks_options; NULL: Docker's. */
int ipam_sources_parse(const char *const *texts, struct ipam_source_vec *ret,
		       struct error *err) MUST_USE;
/* The first subnet of the family that overlaps none of used. */
int ipam_choose_subnet(const struct ipam_source_vec *sources, int family,
		       const struct ip_net_vec *used, struct ip_net *ret, struct error *err) MUST_USE;
