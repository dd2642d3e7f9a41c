/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Digests: "sha256:<64 hex>" and "sha512:<128 hex>" (image-spec descriptor.md). A plain value;
 * compare with digest_equal(). The digester's state can be saved and restored, so that an upload
 * that is resumed never reads its first part again.
 */
#include "base/error.h"
#include "base/str.h"

enum digest_algorithm { DIGEST_NONE, DIGEST_SHA256, DIGEST_SHA512 };

enum { DIGEST_BYTES_MAX = 64, DIGEST_TEXT_MAX = 7 + 128 + 1, DIGESTER_STATE_MAX = 256 };

struct digest {
	enum digest_algorithm algorithm;
	uint8_t bytes[DIGEST_BYTES_MAX];
};

static inline bool digest_is_set(const struct digest *d)
{
	return d->algorithm != DIGEST_NONE;
}

/* Lower-case hex of the right length only. 0 or -EINVAL. */
int digest_parse(struct str s, struct digest *ret) MUST_USE;
int digest_parse_error(const char *s, struct digest *ret, struct error *err) MUST_USE;
size_t digest_size(enum digest_algorithm a); /* bytes */
/* "sha256:..." into buf (DIGEST_TEXT_MAX); returns buf. */
const char *digest_format(const struct digest *d, char *buf);
const char *digest_hex(const struct digest *d, char *buf); /* without the algorithm */
const char *digest_algorithm_name(enum digest_algorithm a);
bool digest_equal(const struct digest *a, const struct digest *b);
void digest_of(enum digest_algorithm a, const void *data, size_t n, struct digest *ret);

/* A running hash: a plain value of fixed size. */
struct digester {
	enum digest_algorithm algorithm;
	union {
		uint64_t align;
		uint8_t state[DIGESTER_STATE_MAX];
	} u;
};

void digester_init(struct digester *d, enum digest_algorithm a);
void digester_add(struct digester *d, const void *data, size_t n);
void digester_finish(struct digester *d, struct digest *ret); /* of a copy: adding may go on */
