/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * AF_NETLINK: requests are appended to a strbuf, sent as one datagram, and answered by
 * acknowledgements; dumps call back per message. What the kernel answers is parsed within
 * bounds. A `struct netlink` belongs to one thread at a time.
 */
#include <linux/netlink.h>

#include "base/error.h"
#include "base/strbuf.h"

struct netlink {
	int fd; /* owned; it stays in the network namespace where it was opened */
	uint32_t seq;
};

int netlink_open(struct netlink *nl, int protocol, struct error *err) MUST_USE;
/* Takes a socket opened elsewhere (another namespace). */
void netlink_adopt(struct netlink *nl, int fd);
void netlink_close(struct netlink *nl);
#define AUTO_NETLINK CLEANUP(netlink_close) struct netlink
#define NETLINK_NONE { .fd = -1 }

/* Building. Messages and nests are closed by the offset that opened them. */
size_t nl_begin(struct strbuf *b, uint16_t type, uint16_t flags, const void *header, size_t n);
void nl_end(struct strbuf *b, size_t message);
void nl_attr(struct strbuf *b, uint16_t type, const void *data, size_t n);
void nl_attr_u8(struct strbuf *b, uint16_t type, uint8_t v);
void nl_attr_u32(struct strbuf *b, uint16_t type, uint32_t v);
void nl_attr_be32(struct strbuf *b, uint16_t type, uint32_t v);
void nl_attr_string(struct strbuf *b, uint16_t type, const char *s); /* with its NUL */
size_t nl_nest(struct strbuf *b, uint16_t type);
void nl_nest_end(struct strbuf *b, size_t nest);

/* Sends all messages in b, which ask for an acknowledgement each, and waits for them. The errno
 * of the first that failed (0: none) comes in *ret_errno, which may be NULL; then err is set too. */
int netlink_request(struct netlink *nl, struct strbuf *b, int *ret_errno, struct error *err) MUST_USE;
/* Sends b, in which only the last message asks for an acknowledgement (a nf_tables batch). */
int netlink_batch(struct netlink *nl, struct strbuf *b, uint32_t ack_message, int *ret_errno,
		  struct error *err) MUST_USE;

struct nl_message {
	uint16_t type, flags;
	uint32_t seq;
	struct str payload; /* behind the header; borrowed */
};

typedef void (*netlink_fn)(const struct nl_message *m, void *arg);
/* Sends the one dump request in b and calls fn for each message of the answer. */
int netlink_dump(struct netlink *nl, struct strbuf *b, netlink_fn fn, void *arg, struct error *err) MUST_USE;

/* Parsing. The next message or attribute of *rest; false at the end or when it is malformed. */
bool nl_next(struct str *rest, struct nl_message *ret);
struct nl_attr {
	uint16_t type; /* without the nested and byte-order flags */
	struct str data;
};
bool nl_next_attr(struct str *rest, struct nl_attr *ret);
/* Skips a fixed header of n bytes; false when the payload is shorter. */
bool nl_skip(struct str *rest, size_t n);
/* The first attribute of this type, or an empty str with a NULL ptr. */
struct str nl_find(struct str attrs, uint16_t type);
/* Attribute values; 0 or "" when the size is wrong. A string ends at its first NUL. */
uint32_t nl_u32(struct str data);
struct str nl_string(struct str data);
