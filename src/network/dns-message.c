/* SPDX-License-Identifier: Apache-2.0 */
#include "network/dns-message.h"

#include <errno.h>

enum {
	FLAG_ANSWER = 0x8000,
	FLAG_OPCODE = 0x7800,
	FLAG_TRUNCATED = 0x0200,
	FLAG_RECURSION = 0x0100,
	FLAG_RECURSION_HERE = 0x0080,
	LABEL_MAX = 63,
	POINTER_TO_QUESTION = 0xc000 | DNS_HEADER,
	TYPE_OPT = 41,
	CLASS_IN = 1,
};

static uint16_t get16(struct str m, size_t at)
{
	return (uint16_t)((uint8_t)m.ptr[at] << 8 | (uint8_t)m.ptr[at + 1]);
}

static void put16(struct strbuf *out, uint16_t v)
{
	strbuf_putc(out, (char)(v >> 8));
	strbuf_putc(out, (char)v);
}

static void put32(struct strbuf *out, uint32_t v)
{
	put16(out, (uint16_t)(v >> 16));
	put16(out, (uint16_t)v);
}

static void set16(struct strbuf *out, size_t at, uint16_t v)
{
	out->ptr[at] = (char)(v >> 8);
	out->ptr[at + 1] = (char)v;
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

/* The offset behind the name at *at, or 0. Compression has no place in a question: nothing stands
 * before it that it could point to. name may be NULL. */
static size_t parse_name(struct str m, size_t at, char *name)
{
	size_t n = 0, start = at;
	bool odd = false;

	for (;;) {
		size_t len;

		if (at >= m.len || at - start >= DNS_NAME_MAX)
			return 0;
		len = (uint8_t)m.ptr[at++];
		if (len == 0)
			break;
		if (len > LABEL_MAX || len > m.len - at || n + len + 1 >= DNS_NAME_MAX)
			return 0;
		if (name && n)
			name[n++] = '.';
		for (size_t i = 0; i < len; i++, at++) {
			odd = odd || m.ptr[at] == '.' || m.ptr[at] <= ' ' || m.ptr[at] > '~';
			if (name)
				name[n++] = lower(m.ptr[at]);
		}
	}
	if (name)
		name[odd ? 0 : n] = '\0';
	return at;
}

/* The size in the OPT record, which is looked for only directly behind the question, where every
 * resolver puts it. */
static size_t parse_udp_size(struct str m, size_t at)
{
	if (get16(m, 6) || get16(m, 8) || !get16(m, 10)) /* answers, authorities, additionals */
		return DNS_UDP_PLAIN;
	if (m.len - at < 11 || m.ptr[at] != 0 || get16(m, at + 1) != TYPE_OPT)
		return DNS_UDP_PLAIN;
	return MAX((size_t)DNS_UDP_PLAIN, MIN((size_t)get16(m, at + 3), (size_t)DNS_MESSAGE_MAX));
}

int dns_parse_query(struct str m, struct dns_question *ret)
{
	struct dns_question q = { 0 };

	if (m.len < DNS_HEADER || m.len > DNS_MESSAGE_MAX)
		return -EINVAL;
	q.id = get16(m, 0);
	q.flags = get16(m, 2);
	if (q.flags & FLAG_ANSWER)
		return -EINVAL;
	if (q.flags & FLAG_OPCODE)
		return DNS_NOTIMP;
	if (get16(m, 4) != 1)
		return DNS_FORMERR;
	q.end = parse_name(m, DNS_HEADER, q.name);
	if (!q.end || m.len - q.end < 4)
		return DNS_FORMERR;
	q.type = get16(m, q.end);
	q.class = get16(m, q.end + 2);
	q.end += 4;
	if (q.class != CLASS_IN)
		q.name[0] = '\0';
	q.udp_size = parse_udp_size(m, q.end);
	*ret = q;
	return 0;
}

bool dns_is_answer(struct str query, size_t question_end, struct str m)
{
	if (m.len < question_end || question_end < DNS_HEADER || query.len < question_end ||
	    memcmp(m.ptr, query.ptr, 2) != 0 || !(get16(m, 2) & FLAG_ANSWER) || get16(m, 4) != 1)
		return false;
	for (size_t i = DNS_HEADER; i < question_end; i++)
		if (lower(m.ptr[i]) != lower(query.ptr[i]))
			return false;
	return true;
}

static uint16_t answer_flags(uint16_t query, enum dns_rcode rcode)
{
	return (uint16_t)(FLAG_ANSWER | FLAG_RECURSION_HERE |
	                  (query & (FLAG_OPCODE | FLAG_RECURSION)) | rcode);
}

void dns_answer_begin(struct strbuf *out, struct str query, const struct dns_question *q,
                      enum dns_rcode rcode)
{
	strbuf_clear(out);
	put16(out, q->id);
	put16(out, answer_flags(q->flags, rcode));
	put16(out, 1);
	for (int i = 0; i < 3; i++)
		put16(out, 0);
	strbuf_add(out, query.ptr + DNS_HEADER, q->end - DNS_HEADER);
}

static void begin_record(struct strbuf *out, enum dns_type type, uint32_t ttl)
{
	put16(out, POINTER_TO_QUESTION);
	put16(out, (uint16_t)type);
	put16(out, CLASS_IN);
	put32(out, ttl);
	set16(out, 6, (uint16_t)(get16(strbuf_str(out), 6) + 1));
}

void dns_answer_address(struct strbuf *out, const struct ip *ip, uint32_t ttl)
{
	begin_record(out, ip->family == AF_INET6 ? DNS_AAAA : DNS_A, ttl);
	put16(out, (uint16_t)ip_len(ip));
	strbuf_add(out, ip->bytes, ip_len(ip));
}

void dns_answer_name(struct strbuf *out, const char *name, uint32_t ttl)
{
	struct str rest = str_from(name), label;
	size_t length_at;

	begin_record(out, DNS_PTR, ttl);
	length_at = out->len;
	put16(out, 0);
	while (str_cut(&rest, '.', &label)) {
		size_t n = MIN(label.len, (size_t)LABEL_MAX);

		if (!n)
			continue;
		strbuf_putc(out, (char)n);
		strbuf_add(out, label.ptr, n);
	}
	strbuf_putc(out, '\0');
	set16(out, length_at, (uint16_t)(out->len - length_at - 2));
}

void dns_answer_end(struct strbuf *out, const struct dns_question *q, bool udp)
{
	if (!udp || out->len <= q->udp_size)
		return;
	/* all or nothing: the client asks again over TCP */
	strbuf_truncate(out, q->end);
	set16(out, 6, 0);
	set16(out, 2, get16(strbuf_str(out), 2) | FLAG_TRUNCATED);
}

void dns_answer_error(struct strbuf *out, struct str query, enum dns_rcode rcode)
{
	strbuf_clear(out);
	strbuf_add(out, query.ptr, 2);
	put16(out, answer_flags(get16(query, 2), rcode));
	for (int i = 0; i < 4; i++)
		put16(out, 0);
}

static int parse_reverse4(struct str rest, struct ip *ret)
{
	struct ip ip = { .family = AF_INET };
	struct str part;
	uint64_t v;

	for (int i = 3; i >= 0; i--) {
		if (!str_cut(&rest, '.', &part) || parse_u64_str(part, 10, &v) < 0 || v > 255)
			return -EINVAL;
		ip.bytes[i] = (uint8_t)v;
	}
	if (rest.ptr)
		return -EINVAL;
	*ret = ip;
	return 0;
}

static int parse_reverse6(struct str rest, struct ip *ret)
{
	struct ip ip = { .family = AF_INET6 };
	struct str part;
	uint64_t v;

	for (int i = 31; i >= 0; i--) {
		if (!str_cut(&rest, '.', &part) || part.len != 1 || parse_u64_str(part, 16, &v) < 0)
			return -EINVAL;
		ip.bytes[i / 2] |= (uint8_t)(i % 2 ? v : v << 4);
	}
	if (rest.ptr)
		return -EINVAL;
	*ret = ip;
	return 0;
}

int dns_parse_reverse(const char *name, struct ip *ret)
{
	static const char v4[] = ".in-addr.arpa", v6[] = ".ip6.arpa";

	if (str_has_suffix(name, v4))
		return parse_reverse4(str_n(name, strlen(name) - strlen(v4)), ret);
	if (str_has_suffix(name, v6))
		return parse_reverse6(str_n(name, strlen(name) - strlen(v6)), ret);
	return -EINVAL;
}
