/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <strings.h>
#include <sys/random.h>

bool streq_null(const char *a, const char *b)
{
	if (!a || !b)
		return a == b;
	return streq(a, b);
}

const char *str_skip_prefix(const char *s, const char *prefix)
{
	size_t n = strlen(prefix);

	return strncmp(s, prefix, n) == 0 ? s + n : NULL;
}

bool str_has_suffix(const char *s, const char *suffix)
{
	size_t n = strlen(s), m = strlen(suffix);

	return n >= m && streq(s + n - m, suffix);
}

bool str_eq(struct str a, struct str b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

bool str_eq_c(struct str a, const char *b)
{
	return str_eq(a, str_from(b));
}

bool str_ieq_c(struct str a, const char *b)
{
	return a.len == strlen(b) && (a.len == 0 || strncasecmp(a.ptr, b, a.len) == 0);
}

struct str str_trim(struct str s)
{
	while (s.len && (s.ptr[0] == ' ' || s.ptr[0] == '\t')) {
		s.ptr++;
		s.len--;
	}
	while (s.len && (s.ptr[s.len - 1] == ' ' || s.ptr[s.len - 1] == '\t'))
		s.len--;
	return s;
}

bool str_cut(struct str *rest, char sep, struct str *ret_piece)
{
	const char *end;

	if (!rest->ptr)
		return false;
	end = rest->len ? memchr(rest->ptr, sep, rest->len) : NULL;
	if (!end) {
		*ret_piece = *rest;
		*rest = (struct str){ 0 };
		return true;
	}
	*ret_piece = str_n(rest->ptr, (size_t)(end - rest->ptr));
	rest->len -= ret_piece->len + 1;
	rest->ptr = end + 1;
	return true;
}

static int digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return 99;
}

int parse_u64_str(struct str s, int base, uint64_t *ret)
{
	uint64_t value = 0;

	if (!s.len)
		return -EINVAL;
	for (size_t i = 0; i < s.len; i++) {
		int d = digit_of(s.ptr[i]);

		if (d >= base)
			return -EINVAL;
		if (ckd_mul(&value, value, (uint64_t)base) || ckd_add(&value, value, (uint64_t)d))
			return -ERANGE;
	}
	*ret = value;
	return 0;
}

int parse_u64(const char *s, uint64_t *ret)
{
	return parse_u64_str(str_from(s), 10, ret);
}

int parse_i64(const char *s, int64_t *ret)
{
	bool negative = s && *s == '-';
	uint64_t value;
	int r;

	r = parse_u64_str(str_from(s ? s + negative : NULL), 10, &value);
	if (r < 0)
		return r;
	if (value > (uint64_t)INT64_MAX + negative)
		return -ERANGE;
	*ret = negative ? (int64_t)(0 - value) : (int64_t)value;
	return 0;
}

int parse_size(const char *s, int64_t *ret)
{
	static const char units[] = "bkmgtp";
	const char *unit;
	double value, scale = 1;
	char *end;

	if (!s || !(isdigit((unsigned char)*s) || *s == '.'))
		return -EINVAL;
	errno = 0;
	value = strtod(s, &end);
	if (errno || !isfinite(value) || strpbrk(s, "xXeEnN"))
		return -EINVAL;
	if (*end == ' ')
		end++;
	if (*end) {
		unit = strchr(units, tolower((unsigned char)*end));
		if (!unit)
			return -EINVAL;
		for (const char *u = units; u < unit; u++)
			scale *= 1024;
		end++;
		if (*unit != 'b' && tolower((unsigned char)*end) == 'i')
			end++;
		if (*unit != 'b' && tolower((unsigned char)*end) == 'b')
			end++;
		if (*end)
			return -EINVAL;
	}
	if (value * scale >= 9.2e18)
		return -ERANGE;
	*ret = (int64_t)(value * scale);
	return 0;
}

bool parse_query_bool(const char *s)
{
	static const char *const falses[] = { "", "0", "no", "false", "none" };

	if (!s)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(falses); i++)
		if (strcasecmp(s, falses[i]) == 0)
			return false;
	return true;
}

void hex_encode(const void *data, size_t n, char *out)
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *p = data;

	for (size_t i = 0; i < n; i++) {
		*out++ = digits[p[i] >> 4];
		*out++ = digits[p[i] & 15];
	}
	*out = '\0';
}

int hex_decode(struct str s, void *out, size_t n)
{
	unsigned char *p = out;

	if (s.len != 2 * n)
		return -EINVAL;
	for (size_t i = 0; i < n; i++) {
		int hi = digit_of(s.ptr[2 * i]), lo = digit_of(s.ptr[2 * i + 1]);

		if (hi > 15 || lo > 15)
			return -EINVAL;
		p[i] = (unsigned char)(hi << 4 | lo);
	}
	return 0;
}

void random_bytes(void *out, size_t n)
{
	unsigned char *p = out;

	while (n) {
		ssize_t r = getrandom(p, n, 0);

		if (r < 0) {
			assert(errno == EINTR);
			continue;
		}
		p += r;
		n -= (size_t)r;
	}
}

void random_hex(char *out, size_t n)
{
	unsigned char raw[64];

	assert(n <= sizeof(raw));
	random_bytes(raw, n);
	hex_encode(raw, n, out);
}
