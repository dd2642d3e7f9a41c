/* SPDX-License-Identifier: Apache-2.0 */
#include "network/nft.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <net/if.h>

enum { FAMILY = NFPROTO_INET };

static void begin_message(struct strbuf *b, uint16_t type, uint16_t flags, size_t *at)
{
	struct nfgenmsg head = { .nfgen_family = FAMILY, .version = NFNETLINK_V0 };

	*at = nl_begin(b, (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type),
	               (uint16_t)(NLM_F_REQUEST | flags), &head, sizeof(head));
}

static size_t open_message(struct nft_batch *t, uint16_t type, uint16_t flags)
{
	size_t at;

	begin_message(&t->b, type, flags, &at);
	t->messages++;
	return at;
}

static void bracket(struct nft_batch *t, uint16_t type)
{
	struct nfgenmsg head = { .nfgen_family = AF_UNSPEC,
		                 .version = NFNETLINK_V0,
		                 .res_id = htons(NFNL_SUBSYS_NFTABLES) };

	nl_end(&t->b, nl_begin(&t->b, type, NLM_F_REQUEST, &head, sizeof(head)));
	t->messages++;
}

void nft_begin(struct nft_batch *t, const char *table)
{
	*t = (struct nft_batch){ .table = table };
	bracket(t, NFNL_MSG_BATCH_BEGIN);
}

void nft_done(struct nft_batch *t)
{
	strbuf_done(&t->b);
}

/* The offset of the last message that was closed. */
static size_t last_message(const struct nft_batch *t)
{
	size_t at = 0;

	for (;;) {
		struct nlmsghdr h;
		size_t next;

		memcpy(&h, t->b.ptr + at, sizeof(h));
		next = at + NLMSG_ALIGN(h.nlmsg_len);
		if (next >= t->b.len)
			return at;
		at = next;
	}
}

int nft_commit(struct nft_batch *t, struct netlink *nl, int *ret_errno, struct error *err)
{
	size_t last = last_message(t);
	uint32_t number = t->messages - 1;
	struct nlmsghdr h;
	int r;

	if (number == 0)
		return 0; /* nothing was asked for */
	memcpy(&h, t->b.ptr + last, sizeof(h));
	h.nlmsg_flags |= NLM_F_ACK;
	memcpy(t->b.ptr + last, &h, sizeof(h));
	bracket(t, NFNL_MSG_BATCH_END);
	r = netlink_batch(nl, &t->b, number, ret_errno, err);
	return r < 0 ? error_prefix(err, "cannot change the firewall (nf_tables)") : 0;
}

void nft_add_table(struct nft_batch *t)
{
	size_t m = open_message(t, NFT_MSG_NEWTABLE, NLM_F_CREATE);

	nl_attr_string(&t->b, NFTA_TABLE_NAME, t->table);
	nl_end(&t->b, m);
}

void nft_delete_table(struct nft_batch *t)
{
	size_t m = open_message(t, NFT_MSG_DELTABLE, 0);

	nl_attr_string(&t->b, NFTA_TABLE_NAME, t->table);
	nl_end(&t->b, m);
}

int nft_exists(struct netlink *nl, const char *table, const char *chain, struct error *err)
{
	AUTO_STRBUF b = { 0 };
	size_t m;
	int e, r;

	begin_message(&b, chain ? NFT_MSG_GETCHAIN : NFT_MSG_GETTABLE, NLM_F_ACK, &m);
	nl_attr_string(&b, chain ? NFTA_CHAIN_TABLE : NFTA_TABLE_NAME, table);
	if (chain)
		nl_attr_string(&b, NFTA_CHAIN_NAME, chain);
	nl_end(&b, m);
	r = netlink_request(nl, &b, &e, err);
	if (r < 0 && e == ENOENT) {
		error_clear(err);
		return 0;
	}
	return r < 0 ? r : 1;
}

static void count_rule(const struct nl_message *m, void *arg)
{
	uint32_t *n = arg;

	if (m->type == (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWRULE))
		++*n;
}

int nft_count_rules(struct netlink *nl, const char *table, uint32_t *ret, struct error *err)
{
	AUTO_STRBUF b = { 0 };
	uint32_t n = 0;
	size_t m;
	int r;

	begin_message(&b, NFT_MSG_GETRULE, NLM_F_DUMP, &m);
	nl_attr_string(&b, NFTA_RULE_TABLE, table);
	nl_end(&b, m);
	r = netlink_dump(nl, &b, count_rule, &n, err);
	if (r < 0)
		return error_prefix(err, "cannot list firewall rules");
	*ret = n;
	return 0;
}

void nft_add_chain(struct nft_batch *t, const struct nft_chain *c)
{
	size_t m = open_message(t, NFT_MSG_NEWCHAIN, NLM_F_CREATE), hook;

	nl_attr_string(&t->b, NFTA_CHAIN_TABLE, t->table);
	nl_attr_string(&t->b, NFTA_CHAIN_NAME, c->name);
	if (c->type) {
		nl_attr_string(&t->b, NFTA_CHAIN_TYPE, c->type);
		hook = nl_nest(&t->b, NFTA_CHAIN_HOOK);
		nl_attr_be32(&t->b, NFTA_HOOK_HOOKNUM, c->hook);
		nl_attr_be32(&t->b, NFTA_HOOK_PRIORITY, (uint32_t)c->priority);
		nl_nest_end(&t->b, hook);
	}
	nl_end(&t->b, m);
}

static uint32_t type_len(enum nft_type type)
{
	switch (type) {
	case NFT_T_IPV6:
	case NFT_T_INTERFACE:
		return 16;
	case NFT_T_IPV4:
	case NFT_T_PROTOCOL:
	case NFT_T_PORT:
		return 4;
	}
	return 0;
}

uint32_t nft_types_len(const enum nft_type *types)
{
	uint32_t len = 0;

	for (int i = 0; i < 4 && types[i]; i++)
		len += type_len(types[i]);
	return len;
}

/* What a part takes before its padding. */
static uint32_t field_len(enum nft_type type)
{
	return type == NFT_T_PROTOCOL ? 1 : type == NFT_T_PORT ? 2 : type_len(type);
}

/* nft(8) packs a concatenation's types six bits each. A single type keeps its own length. */
static uint32_t type_number(const enum nft_type *types)
{
	uint32_t number = 0;

	for (int i = 0; i < 4 && types[i]; i++)
		number = number << 6 | types[i];
	return number;
}

void nft_add_set(struct nft_batch *t, const struct nft_set *s)
{
	size_t m = open_message(t, NFT_MSG_NEWSET, NLM_F_CREATE), description, fields;
	uint32_t flags = (s->data[0] ? NFT_SET_MAP : 0) | (s->key[1] ? NFT_SET_CONCAT : 0);

	nl_attr_string(&t->b, NFTA_SET_TABLE, t->table);
	nl_attr_string(&t->b, NFTA_SET_NAME, s->name);
	nl_attr_be32(&t->b, NFTA_SET_FLAGS, flags);
	nl_attr_be32(&t->b, NFTA_SET_KEY_TYPE, type_number(s->key));
	nl_attr_be32(&t->b, NFTA_SET_KEY_LEN, nft_types_len(s->key));
	if (s->data[0]) {
		nl_attr_be32(&t->b, NFTA_SET_DATA_TYPE, type_number(s->data));
		nl_attr_be32(&t->b, NFTA_SET_DATA_LEN, nft_types_len(s->data));
	}
	nl_attr_be32(&t->b, NFTA_SET_ID, ++t->set_id);
	if (s->key[1]) {
		description = nl_nest(&t->b, NFTA_SET_DESC);
		fields = nl_nest(&t->b, NFTA_SET_DESC_CONCAT);
		for (int i = 0; i < 4 && s->key[i]; i++) {
			size_t field = nl_nest(&t->b, NFTA_LIST_ELEM);

			nl_attr_be32(&t->b, NFTA_SET_FIELD_LEN, field_len(s->key[i]));
			nl_nest_end(&t->b, field);
		}
		nl_nest_end(&t->b, fields);
		nl_nest_end(&t->b, description);
	}
	nl_end(&t->b, m);
}

static void data_value(struct strbuf *b, uint16_t type, const void *data, size_t len)
{
	size_t nest = nl_nest(b, type);

	nl_attr(b, NFTA_DATA_VALUE, data, len);
	nl_nest_end(b, nest);
}

void nft_elements_begin(struct nft_batch *t, const char *set, bool add)
{
	t->element_message = open_message(t, add ? NFT_MSG_NEWSETELEM : NFT_MSG_DELSETELEM,
	                                  add ? NLM_F_CREATE : 0);
	nl_attr_string(&t->b, NFTA_SET_ELEM_LIST_TABLE, t->table);
	nl_attr_string(&t->b, NFTA_SET_ELEM_LIST_SET, set);
	t->elements = nl_nest(&t->b, NFTA_SET_ELEM_LIST_ELEMENTS);
}

void nft_element(struct nft_batch *t, const void *key, size_t key_len, const void *data,
                 size_t data_len)
{
	size_t element = nl_nest(&t->b, NFTA_LIST_ELEM);

	data_value(&t->b, NFTA_SET_ELEM_KEY, key, key_len);
	if (data)
		data_value(&t->b, NFTA_SET_ELEM_DATA, data, data_len);
	nl_nest_end(&t->b, element);
}

void nft_elements_end(struct nft_batch *t)
{
	nl_nest_end(&t->b, t->elements);
	nl_end(&t->b, t->element_message);
}

void nft_rule_begin(struct nft_batch *t, const char *chain)
{
	t->rules++;
	t->rule = open_message(t, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND);
	nl_attr_string(&t->b, NFTA_RULE_TABLE, t->table);
	nl_attr_string(&t->b, NFTA_RULE_CHAIN, chain);
	t->expressions = nl_nest(&t->b, NFTA_RULE_EXPRESSIONS);
}

void nft_rule_end(struct nft_batch *t)
{
	nl_nest_end(&t->b, t->expressions);
	nl_end(&t->b, t->rule);
}

struct open_expression {
	size_t element, data;
};

static struct open_expression open_expression(struct nft_batch *t, const char *name)
{
	struct open_expression e = { .element = nl_nest(&t->b, NFTA_LIST_ELEM) };

	nl_attr_string(&t->b, NFTA_EXPR_NAME, name);
	e.data = nl_nest(&t->b, NFTA_EXPR_DATA);
	return e;
}

static void close_expression(struct nft_batch *t, struct open_expression e)
{
	nl_nest_end(&t->b, e.data);
	nl_nest_end(&t->b, e.element);
}

void nft_meta(struct nft_batch *t, enum nft_meta_keys key, uint32_t reg)
{
	struct open_expression e = open_expression(t, "meta");

	nl_attr_be32(&t->b, NFTA_META_KEY, key);
	nl_attr_be32(&t->b, NFTA_META_DREG, reg);
	close_expression(t, e);
}

void nft_ct(struct nft_batch *t, enum nft_ct_keys key, uint32_t reg)
{
	struct open_expression e = open_expression(t, "ct");

	nl_attr_be32(&t->b, NFTA_CT_KEY, key);
	nl_attr_be32(&t->b, NFTA_CT_DREG, reg);
	close_expression(t, e);
}

void nft_payload(struct nft_batch *t, enum nft_payload_bases base, uint32_t offset, uint32_t len,
                 uint32_t reg)
{
	struct open_expression e = open_expression(t, "payload");

	nl_attr_be32(&t->b, NFTA_PAYLOAD_DREG, reg);
	nl_attr_be32(&t->b, NFTA_PAYLOAD_BASE, base);
	nl_attr_be32(&t->b, NFTA_PAYLOAD_OFFSET, offset);
	nl_attr_be32(&t->b, NFTA_PAYLOAD_LEN, len);
	close_expression(t, e);
}

void nft_cmp(struct nft_batch *t, enum nft_cmp_ops op, uint32_t reg, const void *data, size_t len)
{
	struct open_expression e = open_expression(t, "cmp");

	nl_attr_be32(&t->b, NFTA_CMP_SREG, reg);
	nl_attr_be32(&t->b, NFTA_CMP_OP, op);
	data_value(&t->b, NFTA_CMP_DATA, data, len);
	close_expression(t, e);
}

void nft_mask(struct nft_batch *t, uint32_t reg, const void *mask, size_t len)
{
	static const uint8_t zero[16];
	struct open_expression e = open_expression(t, "bitwise");

	nl_attr_be32(&t->b, NFTA_BITWISE_SREG, reg);
	nl_attr_be32(&t->b, NFTA_BITWISE_DREG, reg);
	nl_attr_be32(&t->b, NFTA_BITWISE_LEN, (uint32_t)len);
	data_value(&t->b, NFTA_BITWISE_MASK, mask, len);
	data_value(&t->b, NFTA_BITWISE_XOR, zero, len);
	close_expression(t, e);
}

void nft_fib_daddr_type(struct nft_batch *t, uint32_t reg)
{
	struct open_expression e = open_expression(t, "fib");

	nl_attr_be32(&t->b, NFTA_FIB_DREG, reg);
	nl_attr_be32(&t->b, NFTA_FIB_RESULT, NFT_FIB_RESULT_ADDRTYPE);
	nl_attr_be32(&t->b, NFTA_FIB_FLAGS, NFTA_FIB_F_DADDR);
	close_expression(t, e);
}

void nft_lookup(struct nft_batch *t, const char *set, uint32_t reg, bool inverted)
{
	struct open_expression e = open_expression(t, "lookup");

	nl_attr_string(&t->b, NFTA_LOOKUP_SET, set);
	nl_attr_be32(&t->b, NFTA_LOOKUP_SREG, reg);
	if (inverted)
		nl_attr_be32(&t->b, NFTA_LOOKUP_FLAGS, NFT_LOOKUP_F_INV);
	close_expression(t, e);
}

void nft_lookup_map(struct nft_batch *t, const char *set, uint32_t reg, uint32_t data_reg)
{
	struct open_expression e = open_expression(t, "lookup");

	nl_attr_string(&t->b, NFTA_LOOKUP_SET, set);
	nl_attr_be32(&t->b, NFTA_LOOKUP_SREG, reg);
	nl_attr_be32(&t->b, NFTA_LOOKUP_DREG, data_reg);
	close_expression(t, e);
}

void nft_verdict(struct nft_batch *t, int code, const char *chain)
{
	struct open_expression e = open_expression(t, "immediate");
	size_t data, verdict;

	nl_attr_be32(&t->b, NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
	data = nl_nest(&t->b, NFTA_IMMEDIATE_DATA);
	verdict = nl_nest(&t->b, NFTA_DATA_VERDICT);
	nl_attr_be32(&t->b, NFTA_VERDICT_CODE, (uint32_t)code);
	if (chain)
		nl_attr_string(&t->b, NFTA_VERDICT_CHAIN, chain);
	nl_nest_end(&t->b, verdict);
	nl_nest_end(&t->b, data);
	close_expression(t, e);
}

void nft_dnat(struct nft_batch *t, int family, uint32_t address_reg, uint32_t port_reg)
{
	struct open_expression e = open_expression(t, "nat");

	nl_attr_be32(&t->b, NFTA_NAT_TYPE, NFT_NAT_DNAT);
	nl_attr_be32(&t->b, NFTA_NAT_FAMILY,
	             family == AF_INET6 ? (uint32_t)NFPROTO_IPV6 : (uint32_t)NFPROTO_IPV4);
	nl_attr_be32(&t->b, NFTA_NAT_REG_ADDR_MIN, address_reg);
	nl_attr_be32(&t->b, NFTA_NAT_REG_PROTO_MIN, port_reg);
	close_expression(t, e);
}

void nft_masquerade(struct nft_batch *t)
{
	close_expression(t, open_expression(t, "masq"));
}

void nft_match_protocol(struct nft_batch *t, int family)
{
	uint8_t protocol = family == AF_INET6 ? NFPROTO_IPV6 : NFPROTO_IPV4;

	nft_meta(t, NFT_META_NFPROTO, NFT_R(0));
	nft_cmp(t, NFT_CMP_EQ, NFT_R(0), &protocol, sizeof(protocol));
}

void nft_match_interface(struct nft_batch *t, bool output, bool equal, const char *name)
{
	char padded[IFNAMSIZ] = { 0 };

	memcpy(padded, name, MIN(strlen(name), sizeof(padded) - 1));
	nft_meta(t, output ? NFT_META_OIFNAME : NFT_META_IIFNAME, NFT_R(0));
	nft_cmp(t, equal ? NFT_CMP_EQ : NFT_CMP_NEQ, NFT_R(0), padded, sizeof(padded));
}

static void match_net(struct nft_batch *t, const struct ip_net *net, uint32_t offset)
{
	struct ip_net base = ip_net_masked(net), ones = { .prefix = net->prefix };
	uint32_t len = (uint32_t)ip_len(&net->ip);

	ones.ip.family = net->ip.family;
	memset(ones.ip.bytes, 0xff, sizeof(ones.ip.bytes));
	ones = ip_net_masked(&ones);
	nft_match_protocol(t, net->ip.family);
	nft_payload(t, NFT_PAYLOAD_NETWORK_HEADER, offset, len, NFT_R(0));
	if (net->prefix < len * 8)
		nft_mask(t, NFT_R(0), ones.ip.bytes, len);
	nft_cmp(t, NFT_CMP_EQ, NFT_R(0), base.ip.bytes, len);
}

void nft_match_source(struct nft_batch *t, const struct ip_net *net)
{
	match_net(t, net, net->ip.family == AF_INET6 ? 8 : 12);
}

void nft_match_destination(struct nft_batch *t, const struct ip_net *net)
{
	match_net(t, net, net->ip.family == AF_INET6 ? 24 : 16);
}

void nft_match_ct_bits(struct nft_batch *t, enum nft_ct_keys key, uint32_t bits)
{
	static const uint32_t zero;

	/* ct values are in the host's byte order */
	nft_ct(t, key, NFT_R(0));
	nft_mask(t, NFT_R(0), &bits, sizeof(bits));
	nft_cmp(t, NFT_CMP_NEQ, NFT_R(0), &zero, sizeof(zero));
}
