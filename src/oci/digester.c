/* SPDX-License-Identifier: Apache-2.0 */
/* Hashing, apart from the text of digests: who only reads names need not load libcrypto. */
#include "oci/digest.h"

#include <assert.h>

/*
 * The low-level contexts are plain values: an upload keeps one across restarts, which EVP's opaque
 * contexts do not allow. They reach the same assembly, SHA-NI included.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>

static_assert(sizeof(SHA256_CTX) <= DIGESTER_STATE_MAX, "the state holds SHA-256");
static_assert(sizeof(SHA512_CTX) <= DIGESTER_STATE_MAX, "the state holds SHA-512");

void digest_of(enum digest_algorithm a, const void *data, size_t n, struct digest *ret)
{
	struct digester d;

	digester_init(&d, a);
	digester_add(&d, data, n);
	digester_finish(&d, ret);
}

void digester_init(struct digester *d, enum digest_algorithm a)
{
	assert(a == DIGEST_SHA256 || a == DIGEST_SHA512);
	*d = (struct digester){ .algorithm = a };
	if (a == DIGEST_SHA256)
		SHA256_Init((SHA256_CTX *)(void *)d->u.state);
	else
		SHA512_Init((SHA512_CTX *)(void *)d->u.state);
}

void digester_add(struct digester *d, const void *data, size_t n)
{
	if (d->algorithm == DIGEST_SHA256)
		SHA256_Update((SHA256_CTX *)(void *)d->u.state, data, n);
	else
		SHA512_Update((SHA512_CTX *)(void *)d->u.state, data, n);
}

void digester_finish(struct digester *d, struct digest *ret)
{
	struct digester copy = *d;

	*ret = (struct digest){ .algorithm = d->algorithm };
	if (d->algorithm == DIGEST_SHA256)
		SHA256_Final(ret->bytes, (SHA256_CTX *)(void *)copy.u.state);
	else
		SHA512_Final(ret->bytes, (SHA512_CTX *)(void *)copy.u.state);
}
