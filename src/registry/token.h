/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Tokens of our own: JWTs signed with HMAC-SHA-256 by a key that lies in the store. They say who
 * somebody is and what was asked for; the access rules decide anew at each request, so that a
 * right that is withdrawn ends at once.
 */
#include <jansson.h>

#include "base/error.h"
#include "base/strbuf.h"

struct token_key {
	unsigned char bytes[32];
};

enum token_use { TOKEN_ACCESS, TOKEN_REFRESH };

enum { TOKEN_LIFE_S = 300, TOKEN_REFRESH_LIFE_S = 90 * 24 * 3600, TOKEN_MAX = 16384 };

struct token {
	char *subject;  /* owned; "" for anybody */
	json_t *access; /* owned: [{"type","name","actions"}] */
};

void token_done(struct token *t);
/* Reads or makes the key in directory. */
int token_key_load(const char *directory, struct token_key *ret, struct error *err) MUST_USE;
void token_issue(const struct token_key *k, enum token_use use, const char *subject, const json_t *access,
		 int64_t now, struct strbuf *out);
/* UNAUTHORIZED when it isn't ours, was changed, is of another use or too old. */
int token_verify(const struct token_key *k, enum token_use use, const char *text, int64_t now,
		 struct token *ret, struct error *err) MUST_USE;
/* Whether the access list has the action on a repository ("pull", "push", "delete"). */
bool token_allows(const struct token *t, const char *type, const char *name, const char *action);
