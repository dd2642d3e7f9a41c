/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* DNS messages, as far as a name service for containers needs them. Pure functions. */
#include "base/strbuf.h"
#include "network/address.h"

enum { DNS_NAME_MAX = 256, DNS_HEADER = 12, DNS_MESSAGE_MAX = 4096, DNS_UDP_PLAIN = 512 };

enum dns_type { DNS_A = 1, DNS_PTR = 12, DNS_AAAA = 28 };
enum dns_rcode {
	DNS_NOERROR = 0,
	DNS_FORMERR = 1,
	DNS_SERVFAIL = 2,
	DNS_NXDOMAIN = 3,
	DNS_NOTIMP = 4,
};

struct dns_question {
	uint16_t id, flags, type, class;
	char name[DNS_NAME_MAX]; /* lower case, no final dot; "" for the root or an odd name */
	size_t end;              /* of the question in the message */
	size_t udp_size;         /* that the client takes */
};

/* A query with exactly one question. 0; or a dns_rcode to answer with; -EINVAL: no answer. */
int dns_parse_query(struct str message, struct dns_question *ret) MUST_USE;
/* Whether message answers the query: the id, and the question's bytes but for case. */
bool dns_is_answer(struct str query, size_t question_end, struct str message);

/* Answers to query, appended to out. */
void dns_answer_begin(struct strbuf *out, struct str query, const struct dns_question *q,
		      enum dns_rcode rcode);
void dns_answer_address(struct strbuf *out, const struct ip *ip, uint32_t ttl);
void dns_answer_name(struct strbuf *out, const char *name, uint32_t ttl);
/* Cuts it to what the client takes over UDP. */
void dns_answer_end(struct strbuf *out, const struct dns_question *q, bool udp);
/* To a query that could not be parsed: only its header. */
void dns_answer_error(struct strbuf *out, struct str query, enum dns_rcode rcode);

/* "2.0.17.172.in-addr.arpa" and ip6.arpa. 0 or -EINVAL. */
int dns_parse_reverse(const char *name, struct ip *ret) MUST_USE;
