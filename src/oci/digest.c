/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/digest.h"

#include <errno.h>

static const struct {
	const char *name;
	size_t size;
} algorithms[] = {
	[DIGEST_NONE] = { "", 0 },
	[DIGEST_SHA256] = { "sha256", 32 },
	[DIGEST_SHA512] = { "sha512", 64 },
};

size_t digest_size(enum digest_algorithm a)
{
	return algorithms[a].size;
}

const char *digest_algorithm_name(enum digest_algorithm a)
{
	return algorithms[a].name;
}

static bool is_lower_hex(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if (!(s.ptr[i] >= '0' && s.ptr[i] <= '9') && !(s.ptr[i] >= 'a' && s.ptr[i] <= 'f'))
			return false;
	return true;
}

int digest_parse(struct str s, struct digest *ret)
{
	struct digest d = { 0 };
	struct str algorithm;

	if (!str_cut(&s, ':', &algorithm) || !s.ptr)
		return -EINVAL;
	for (size_t a = DIGEST_SHA256; a < ARRAY_SIZE(algorithms); a++) {
		if (!str_eq_c(algorithm, algorithms[a].name))
			continue;
		if (s.len != 2 * algorithms[a].size || !is_lower_hex(s) ||
		    hex_decode(s, d.bytes, algorithms[a].size) < 0)
			return -EINVAL;
		d.algorithm = (enum digest_algorithm)a;
		*ret = d;
		return 0;
	}
	return -EINVAL;
}

int digest_parse_error(const char *s, struct digest *ret, struct error *err)
{
	if (digest_parse(str_from(s), ret) < 0)
		return error_set(
			err, ERROR_INVALID,
			"invalid digest \"%.200s\": expected sha256: or sha512: and its lower-case "
			"hexadecimal digits",
			s ? s : "");
	return 0;
}

const char *digest_hex(const struct digest *d, char *buf)
{
	hex_encode(d->bytes, digest_size(d->algorithm), buf);
	return buf;
}

const char *digest_format(const struct digest *d, char *buf)
{
	const char *name = digest_algorithm_name(d->algorithm);
	size_t n = strlen(name);

	memcpy(buf, name, n);
	buf[n] = ':';
	digest_hex(d, buf + n + 1);
	return buf;
}

bool digest_equal(const struct digest *a, const struct digest *b)
{
	return a->algorithm == b->algorithm &&
	       memcmp(a->bytes, b->bytes, digest_size(a->algorithm)) == 0;
}
