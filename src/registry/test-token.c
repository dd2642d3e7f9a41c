/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/token.h"

#include "base/time.h"
#include "unit.h"

static const struct token_key key = { { 1, 2, 3 } }, other = { { 9 } };
#define NOW (1000 * NSEC_PER_SEC)

static void issue(enum token_use use, struct strbuf *out)
{
	json_t *access = json_pack("[{s:s,s:s,s:[s,s]}]", "type", "repository", "name", "a/b",
	                           "actions", "pull", "push");

	token_issue(&key, use, "alice", access, NOW, out);
	json_decref(access);
}

TEST(a_token_says_who_and_what)
{
	AUTO_STRBUF text = { 0 };
	struct token t = { 0 };
	struct error err = { 0 };

	issue(TOKEN_ACCESS, &text);
	assert_int_equal(token_verify(&key, TOKEN_ACCESS, strbuf_cstr(&text), NOW, &t, &err), 0);
	assert_string_equal(t.subject, "alice");
	assert_true(token_allows(&t, "repository", "a/b", "push"));
	assert_false(token_allows(&t, "repository", "a/b", "delete"));
	assert_false(token_allows(&t, "repository", "a", "pull"));
	assert_false(token_allows(&t, "registry", "a/b", "pull"));
	token_done(&t);
}

TEST(another_key_use_or_time_is_refused)
{
	AUTO_STRBUF text = { 0 };
	struct token t = { 0 };
	struct error err = { 0 };

	issue(TOKEN_ACCESS, &text);
	assert_true(token_verify(&other, TOKEN_ACCESS, strbuf_cstr(&text), NOW, &t, &err) < 0);
	assert_int_equal(err.kind, ERROR_UNAUTHORIZED);
	assert_true(token_verify(&key, TOKEN_REFRESH, strbuf_cstr(&text), NOW, &t, &err) < 0);
	assert_true(token_verify(&key, TOKEN_ACCESS, strbuf_cstr(&text),
	                         NOW + TOKEN_LIFE_S * NSEC_PER_SEC, &t, &err) < 0);
	assert_null(t.subject);
}

TEST(every_changed_byte_is_noticed)
{
	AUTO_STRBUF text = { 0 };

	issue(TOKEN_ACCESS, &text);
	/* the last character carries bits that base64 throws away */
	for (size_t i = 0; i + 1 < text.len; i++) {
		struct token t = { 0 };
		struct error err = { 0 };
		char before = text.ptr[i];

		text.ptr[i] = before == 'A' ? 'B' : 'A';
		assert_true(token_verify(&key, TOKEN_ACCESS, text.ptr, NOW, &t, &err) < 0);
		text.ptr[i] = before;
	}
}
