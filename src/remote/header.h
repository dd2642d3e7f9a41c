/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Readers of WWW-Authenticate (RFC 9110, 11.6.1) and Link (RFC 8288), bounded. Any thread. */
#include "base/error.h"
#include "base/strmap.h"

enum { HEADER_VALUE_MAX = 16384, CHALLENGES_MAX = 16, CHALLENGE_PARAMS_MAX = 32 };

struct challenge {
	char *scheme;         /* lower case */
	struct strmap params; /* names in lower case, values unquoted */
};

DEFINE_VEC(challenge_vec, struct challenge);

void challenges_done(struct challenge_vec *v);
#define AUTO_CHALLENGES CLEANUP(challenges_done) struct challenge_vec

/* One header's value, or several joined by commas. */
int challenges_parse(struct str header, struct challenge_vec *ret, struct error *err) MUST_USE;
/* The first one of that scheme, or NULL. Borrowed. */
const struct challenge *challenges_find(const struct challenge_vec *v, const char *scheme);

/* The target of rel="next": 1 and *ret owned, 0 when there is none. */
int link_next(struct str header, char **ret, struct error *err) MUST_USE;
