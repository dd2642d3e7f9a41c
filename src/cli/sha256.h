/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* SHA-256 of a few bytes (names of contexts): linking libcrypto for it would double the command
 * line's start. Everything large is hashed by oci/digest.h. */
#include <stddef.h>

enum { SHA256_HEX_MAX = 65 };

void sha256_hex(const void *data, size_t n, char *out);
