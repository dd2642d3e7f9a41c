/* SPDX-License-Identifier: Apache-2.0 */
#include "network/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>

size_t ip_len(const struct ip *ip)
{
	return ip->family == AF_INET6 ? 16 : 4;
}

int ip_parse(const char *text, struct ip *ret)
{
	struct ip ip = { .family = strchr(text, ':') ? AF_INET6 : AF_INET };

	if (inet_pton(ip.family, text, ip.bytes) != 1)
		return -EINVAL;
	*ret = ip;
	return 0;
}

int ip_net_parse(const char *text, struct ip_net *ret)
{
	struct str rest = str_from(text), address;
	struct ip_net net;
	uint64_t prefix;
	char buf[IP_TEXT_MAX];

	if (!str_cut(&rest, '/', &address) || !rest.ptr || address.len >= sizeof(buf))
		return -EINVAL;
	memcpy(buf, address.ptr, address.len);
	buf[address.len] = '\0';
	if (ip_parse(buf, &net.ip) < 0 || parse_u64_str(rest, 10, &prefix) < 0 ||
	    prefix > ip_len(&net.ip) * 8)
		return -EINVAL;
	net.prefix = (unsigned)prefix;
	*ret = net;
	return 0;
}

const char *ip_format(const struct ip *ip, char *buf)
{
	if (!ip->family || !inet_ntop(ip->family, ip->bytes, buf, IP_TEXT_MAX))
		buf[0] = '\0';
	return buf;
}

const char *ip_net_format(const struct ip_net *net, char *buf)
{
	char address[IP_TEXT_MAX];

	snprintf(buf, IP_TEXT_MAX, "%.45s/%u", ip_format(&net->ip, address), net->prefix);
	return buf;
}

bool ip_equal(const struct ip *a, const struct ip *b)
{
	return a->family == b->family && memcmp(a->bytes, b->bytes, ip_len(a)) == 0;
}

bool ip_is_loopback(const struct ip *ip)
{
	if (ip->family == AF_INET)
		return ip->bytes[0] == 127;
	return ip->family == AF_INET6 && memcmp(ip->bytes, &in6addr_loopback, 16) == 0;
}

bool ip_is_any(const struct ip *ip)
{
	static const uint8_t zero[16];

	return memcmp(ip->bytes, zero, ip_len(ip)) == 0;
}

static bool same_prefix(const struct ip *a, const struct ip *b, unsigned prefix)
{
	unsigned whole = prefix / 8, bits = prefix % 8;

	if (a->family != b->family || memcmp(a->bytes, b->bytes, whole) != 0)
		return false;
	return !bits || (a->bytes[whole] ^ b->bytes[whole]) >> (8 - bits) == 0;
}

bool ip_net_contains(const struct ip_net *net, const struct ip *ip)
{
	return same_prefix(&net->ip, ip, net->prefix);
}

bool ip_net_overlaps(const struct ip_net *a, const struct ip_net *b)
{
	return same_prefix(&a->ip, &b->ip, MIN(a->prefix, b->prefix));
}

struct ip_net ip_net_masked(const struct ip_net *net)
{
	struct ip_net masked = *net;

	for (size_t i = 0; i < ip_len(&net->ip); i++) {
		unsigned at = (unsigned)i * 8;
		unsigned keep = net->prefix > at ? MIN(net->prefix - at, 8U) : 0;

		masked.ip.bytes[i] &= (uint8_t)(0xff00U >> keep);
	}
	return masked;
}

uint64_t ip_net_size(const struct ip_net *net)
{
	unsigned bits = (unsigned)ip_len(&net->ip) * 8 - net->prefix;

	return bits > 63 ? UINT64_MAX : UINT64_C(1) << bits;
}

static unsigned __int128 to_number(const struct ip *ip)
{
	unsigned __int128 v = 0;

	for (size_t i = 0; i < ip_len(ip); i++)
		v = v << 8 | ip->bytes[i];
	return v;
}

struct ip ip_add_pieces(const struct ip *ip, uint64_t n, unsigned bits)
{
	unsigned __int128 v = to_number(ip) + (bits < 128 ? (unsigned __int128)n << bits : 0);
	struct ip sum = { .family = ip->family };

	for (size_t i = ip_len(ip); i-- > 0; v >>= 8)
		sum.bytes[i] = (uint8_t)v;
	return sum;
}

struct ip ip_add(const struct ip *ip, uint64_t n)
{
	return ip_add_pieces(ip, n, 0);
}

uint64_t ip_distance(const struct ip *base, const struct ip *ip)
{
	unsigned __int128 a = to_number(base), b = to_number(ip);

	if (base->family != ip->family || b < a || b - a > UINT64_MAX)
		return UINT64_MAX;
	return (uint64_t)(b - a);
}
