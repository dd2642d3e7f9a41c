/* SPDX-License-Identifier: Apache-2.0 */
#include "network/netlink.h"

#include <arpa/inet.h>
#include <errno.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "base/alloc.h"

enum {
	NETLINK_RECEIVE = 64 * 1024,
	NETLINK_SEND_BUFFER =
		8 << 20, /* a firewall of tens of thousands of ports is one datagram */
};

int netlink_open(struct netlink *nl, int protocol, struct error *err)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);

	if (fd < 0)
		return error_set_errno(err, errno, "cannot open a netlink socket");
	netlink_adopt(nl, fd);
	return 0;
}

void netlink_adopt(struct netlink *nl, int fd)
{
	int on = 1, size = NETLINK_SEND_BUFFER;
	struct timeval patience = { .tv_sec = 10 };

	setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
	setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on));
	/* an answer always comes; the time-out turns a kernel bug into an error */
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
	*nl = (struct netlink){ .fd = fd };
}

void netlink_close(struct netlink *nl)
{
	if (nl->fd >= 0)
		close(nl->fd);
	nl->fd = -1;
}

static void pad(struct strbuf *b)
{
	static const char zero[NLMSG_ALIGNTO];

	strbuf_add(b, zero, NLMSG_ALIGN(b->len) - b->len);
}

size_t nl_begin(struct strbuf *b, uint16_t type, uint16_t flags, const void *header, size_t n)
{
	struct nlmsghdr h = { .nlmsg_type = type, .nlmsg_flags = flags };
	size_t at;

	pad(b);
	at = b->len;
	strbuf_add(b, &h, sizeof(h));
	strbuf_add(b, header, n);
	pad(b);
	return at;
}

void nl_end(struct strbuf *b, size_t message)
{
	uint32_t len = (uint32_t)(b->len - message);

	memcpy(b->ptr + message + offsetof(struct nlmsghdr, nlmsg_len), &len, sizeof(len));
}

void nl_attr(struct strbuf *b, uint16_t type, const void *data, size_t n)
{
	struct nlattr a = { .nla_len = (uint16_t)(NLA_HDRLEN + n), .nla_type = type };

	strbuf_add(b, &a, sizeof(a));
	if (n)
		strbuf_add(b, data, n);
	pad(b);
}

void nl_attr_u8(struct strbuf *b, uint16_t type, uint8_t v)
{
	nl_attr(b, type, &v, sizeof(v));
}

void nl_attr_u32(struct strbuf *b, uint16_t type, uint32_t v)
{
	nl_attr(b, type, &v, sizeof(v));
}

void nl_attr_be32(struct strbuf *b, uint16_t type, uint32_t v)
{
	nl_attr_u32(b, type, htonl(v));
}

void nl_attr_string(struct strbuf *b, uint16_t type, const char *s)
{
	nl_attr(b, type, s, strlen(s) + 1);
}

size_t nl_nest(struct strbuf *b, uint16_t type)
{
	size_t at = b->len;

	nl_attr(b, type | NLA_F_NESTED, NULL, 0);
	return at;
}

void nl_nest_end(struct strbuf *b, size_t nest)
{
	uint16_t len = (uint16_t)(b->len - nest);

	memcpy(b->ptr + nest + offsetof(struct nlattr, nla_len), &len, sizeof(len));
}

bool nl_next(struct str *rest, struct nl_message *ret)
{
	struct nlmsghdr h;
	size_t whole;

	if (rest->len < sizeof(h))
		return false;
	memcpy(&h, rest->ptr, sizeof(h));
	if (h.nlmsg_len < sizeof(h) || h.nlmsg_len > rest->len)
		return false;
	*ret = (struct nl_message){ .type = h.nlmsg_type,
		                    .flags = h.nlmsg_flags,
		                    .seq = h.nlmsg_seq,
		                    .payload =
		                            str_n(rest->ptr + sizeof(h), h.nlmsg_len - sizeof(h)) };
	whole = MIN(((size_t)h.nlmsg_len + NLMSG_ALIGNTO - 1) & ~((size_t)NLMSG_ALIGNTO - 1),
	            rest->len);
	*rest = str_n(rest->ptr + whole, rest->len - whole);
	return true;
}

bool nl_next_attr(struct str *rest, struct nl_attr *ret)
{
	struct nlattr a;
	size_t whole;

	if (rest->len < sizeof(a))
		return false;
	memcpy(&a, rest->ptr, sizeof(a));
	if (a.nla_len < sizeof(a) || a.nla_len > rest->len)
		return false;
	ret->type = a.nla_type & NLA_TYPE_MASK;
	ret->data = str_n(rest->ptr + sizeof(a), a.nla_len - sizeof(a));
	whole = MIN((size_t)NLA_ALIGN(a.nla_len), rest->len);
	*rest = str_n(rest->ptr + whole, rest->len - whole);
	return true;
}

bool nl_skip(struct str *rest, size_t n)
{
	n = NLMSG_ALIGN(n);
	if (rest->len < n)
		return false;
	*rest = str_n(rest->ptr + n, rest->len - n);
	return true;
}

struct str nl_find(struct str attrs, uint16_t type)
{
	struct nl_attr a;

	while (nl_next_attr(&attrs, &a))
		if (a.type == type)
			return a.data;
	return (struct str){ 0 };
}

uint32_t nl_u32(struct str data)
{
	uint32_t v = 0;

	if (data.len == sizeof(v))
		memcpy(&v, data.ptr, sizeof(v));
	return v;
}

struct str nl_string(struct str data)
{
	const char *end = data.len ? memchr(data.ptr, '\0', data.len) : NULL;

	return end ? str_n(data.ptr, (size_t)(end - data.ptr)) : data;
}

/* Numbers the messages and returns how many there are. */
static uint32_t number(struct netlink *nl, struct strbuf *b)
{
	uint32_t n = 0;

	for (size_t at = 0; at < b->len; n++) {
		struct nlmsghdr h;

		memcpy(&h, b->ptr + at, sizeof(h));
		h.nlmsg_seq = nl->seq + 1 + n;
		memcpy(b->ptr + at, &h, sizeof(h));
		at += NLMSG_ALIGN(h.nlmsg_len);
	}
	return n;
}

static int transmit(struct netlink *nl, const struct strbuf *b, struct error *err)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	ssize_t n;

	do
		n = sendto(nl->fd, b->ptr, b->len, 0, (struct sockaddr *)&kernel, sizeof(kernel));
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return error_set_errno(err, errno, "cannot send a netlink request");
	return 0;
}

/* One datagram from the kernel into buf. Others may send to our port too: those are dropped. */
static ssize_t receive(struct netlink *nl, char *buf, size_t size, struct error *err)
{
	for (;;) {
		struct sockaddr_nl from = { 0 };
		socklen_t len = sizeof(from);
		ssize_t n = recvfrom(nl->fd, buf, size, 0, (struct sockaddr *)&from, &len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_set_errno(err, errno, "no answer to a netlink request");
		if (from.nl_pid == 0)
			return n;
	}
}

/* An error message's errno (positive) and the kernel's explanation, which follows the request's
 * header because of NETLINK_CAP_ACK. */
static int parse_error(const struct nl_message *m, struct str *ret_text)
{
	struct str rest = m->payload;
	int32_t code;

	*ret_text = (struct str){ 0 };
	if (rest.len < sizeof(struct nlmsgerr))
		return EBADMSG;
	memcpy(&code, rest.ptr, sizeof(code));
	nl_skip(&rest, sizeof(struct nlmsgerr));
	if (m->flags & NLM_F_ACK_TLVS)
		*ret_text = nl_string(nl_find(rest, NLMSGERR_ATTR_MSG));
	return code < 0 && code > -4096 ? -code : code ? EBADMSG : 0;
}

static int refuse(int errnum, struct str text, int *ret_errno, struct error *err)
{
	if (ret_errno)
		*ret_errno = errnum;
	if (text.len)
		return error_set_errno(err, errnum, "%.*s", STR_ARG(text));
	return error_set_errno(err, errnum, "the kernel refused");
}

struct acks {
	uint32_t first, last; /* sequence numbers of the requests */
	uint32_t awaited;     /* answers still missing: errors of others do not count */
	bool only_last;
	int errnum; /* of the first failure */
	char text[256];
};

static void take_ack(struct acks *a, const struct nl_message *m)
{
	struct str text;
	int e;

	if (m->type != NLMSG_ERROR || m->seq - a->first > a->last - a->first)
		return;
	e = parse_error(m, &text);
	if (e && !a->errnum) {
		a->errnum = e;
		memcpy(a->text, text.ptr ? text.ptr : "", MIN(text.len, sizeof(a->text) - 1));
	}
	/* a batch that fails as a whole is answered at its first message */
	if (!a->only_last || m->seq == a->last || (e && m->seq == a->first))
		a->awaited--;
}

static int await_acks(struct netlink *nl, struct acks *a, int *ret_errno, struct error *err)
{
	AUTO_FREE char *buf = xmalloc(NETLINK_RECEIVE);

	while (a->awaited) {
		struct nl_message m;
		ssize_t n = receive(nl, buf, NETLINK_RECEIVE, err);
		struct str rest;

		if (n < 0)
			return (int)n;
		rest = str_n(buf, (size_t)n);
		while (a->awaited && nl_next(&rest, &m))
			take_ack(a, &m);
	}
	if (ret_errno)
		*ret_errno = 0;
	return a->errnum ? refuse(a->errnum, str_from(a->text), ret_errno, err) : 0;
}

int netlink_request(struct netlink *nl, struct strbuf *b, int *ret_errno, struct error *err)
{
	uint32_t n = number(nl, b);
	struct acks a = { .first = nl->seq + 1, .last = nl->seq + n, .awaited = n };
	int r;

	nl->seq += n;
	r = transmit(nl, b, err);
	if (r < 0)
		return r;
	return await_acks(nl, &a, ret_errno, err);
}

int netlink_batch(struct netlink *nl, struct strbuf *b, uint32_t ack_message, int *ret_errno,
                  struct error *err)
{
	uint32_t n = number(nl, b);
	struct acks a = { .first = nl->seq + 1,
		          .last = nl->seq + 1 + ack_message,
		          .awaited = 1,
		          .only_last = true };
	int r;

	nl->seq += n;
	r = transmit(nl, b, err);
	if (r < 0)
		return r;
	return await_acks(nl, &a, ret_errno, err);
}

int netlink_dump(struct netlink *nl, struct strbuf *b, netlink_fn fn, void *arg, struct error *err)
{
	AUTO_FREE char *buf = xmalloc(NETLINK_RECEIVE);
	int r;

	number(nl, b);
	nl->seq++;
	r = transmit(nl, b, err);
	if (r < 0)
		return r;
	for (;;) {
		ssize_t n = receive(nl, buf, NETLINK_RECEIVE, err);
		struct nl_message m;
		struct str rest, text;
		int e;

		if (n < 0)
			return (int)n;
		rest = str_n(buf, (size_t)n);
		while (nl_next(&rest, &m)) {
			if (m.seq != nl->seq)
				continue;
			if (m.type == NLMSG_DONE)
				return 0;
			if (m.type != NLMSG_ERROR) {
				fn(&m, arg);
				continue;
			}
			e = parse_error(&m, &text);
			return e ? refuse(e, text, NULL, err) : 0;
		}
	}
}
