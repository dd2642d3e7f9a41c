/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * nf_tables transactions on one table of family inet. A batch collects changes; nft_commit()
 * applies all or none of them. Rules are written as a list of expressions between
 * nft_rule_begin() and nft_rule_end().
 */
#include "network/address.h" /* libc's in.h has to come before the kernel's */
#include "network/netlink.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

struct nft_batch {
	struct strbuf b;
	const char *table; /* borrowed */
	uint32_t messages; /* with the one that opens the batch */
	uint32_t set_id;
	uint32_t rules; /* added so far */
	size_t rule, expressions, elements, element_message; /* offsets of what is open */
};

void nft_begin(struct nft_batch *t, const char *table);
void nft_done(struct nft_batch *t);
#define AUTO_NFT CLEANUP(nft_done) struct nft_batch
/* Applies the batch in the netlink socket's namespace. ret_errno as for netlink_request(). */
int nft_commit(struct nft_batch *t, struct netlink *nl, int *ret_errno, struct error *err) MUST_USE;

void nft_add_table(struct nft_batch *t);
void nft_delete_table(struct nft_batch *t);
/* 1 when the table (chain not NULL: this chain of it) exists in the kernel, 0 when not. */
int nft_exists(struct netlink *nl, const char *table, const char *chain, struct error *err) MUST_USE;

/* How many rules the table has in the kernel; 0 when there is no such table. */
int nft_count_rules(struct netlink *nl, const char *table, uint32_t *ret, struct error *err) MUST_USE;

struct nft_chain {
	const char *name;
	const char *type; /* "filter", "nat"; NULL: no base chain */
	uint32_t hook;    /* NF_INET_ */
	int priority;
};
void nft_add_chain(struct nft_batch *t, const struct nft_chain *c);

/* Types as nft(8) numbers them, so that it can show our sets. */
enum nft_type {
	NFT_T_IPV4 = 7,
	NFT_T_IPV6 = 8,
	NFT_T_PROTOCOL = 12,
	NFT_T_PORT = 13,
	NFT_T_INTERFACE = 41,
};

struct nft_set {
	const char *name;
	enum nft_type key[4], data[4]; /* 0 ends; data makes it a map */
};
void nft_add_set(struct nft_batch *t, const struct nft_set *s);
/* Bytes of the concatenation, each part padded to four. */
uint32_t nft_types_len(const enum nft_type *types);

/* Elements: begin names the set, then any number of elements; data may be NULL. */
void nft_elements_begin(struct nft_batch *t, const char *set, bool add);
void nft_element(struct nft_batch *t, const void *key, size_t key_len, const void *data,
		 size_t data_len);
void nft_elements_end(struct nft_batch *t);

void nft_rule_begin(struct nft_batch *t, const char *chain);
void nft_rule_end(struct nft_batch *t);

/* Expressions. Registers are NFT_REG32_00 + n, four bytes each. */
#define NFT_R(n) ((uint32_t)NFT_REG32_00 + (n))
void nft_meta(struct nft_batch *t, enum nft_meta_keys key, uint32_t reg);
void nft_ct(struct nft_batch *t, enum nft_ct_keys key, uint32_t reg);
void nft_payload(struct nft_batch *t, enum nft_payload_bases base, uint32_t offset, uint32_t len,
		 uint32_t reg);
void nft_cmp(struct nft_batch *t, enum nft_cmp_ops op, uint32_t reg, const void *data, size_t len);
void nft_mask(struct nft_batch *t, uint32_t reg, const void *mask, size_t len);
/* The fib address type of the packet's destination, as RTN_ in a register. */
void nft_fib_daddr_type(struct nft_batch *t, uint32_t reg);
/* In a set (or not in it); with data_reg the map's value goes there. */
void nft_lookup(struct nft_batch *t, const char *set, uint32_t reg, bool inverted);
void nft_lookup_map(struct nft_batch *t, const char *set, uint32_t reg, uint32_t data_reg);
void nft_verdict(struct nft_batch *t, int code, const char *chain); /* NF_DROP, NFT_JUMP … */
void nft_dnat(struct nft_batch *t, int family, uint32_t address_reg, uint32_t port_reg);
void nft_masquerade(struct nft_batch *t);

/* Common matches. */
void nft_match_protocol(struct nft_batch *t, int family);               /* meta nfproto */
void nft_match_interface(struct nft_batch *t, bool output, bool equal, const char *name);
void nft_match_source(struct nft_batch *t, const struct ip_net *net);
void nft_match_destination(struct nft_batch *t, const struct ip_net *net);
/* ct state/status & bits != 0 */
void nft_match_ct_bits(struct nft_batch *t, enum nft_ct_keys key, uint32_t bits);
