/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/token.h"

#include <openssl/crypto.h>
#include <openssl/hmac.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fs.h"
#include "base/time.h"
#include "json/json.h"
#include "json/writer.h"

enum { MAC_BYTES = 32 };

static const char issuer[] = "coracle-registry";
/* {"alg":"HS256","typ":"JWT"}: compared as text, so that no header can choose another algorithm */
static const char head[] = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9";
static const char *const uses[] = { [TOKEN_ACCESS] = "access", [TOKEN_REFRESH] = "refresh" };

void token_done(struct token *t)
{
	free(t->subject);
	json_decref(t->access);
	*t = (struct token){ 0 };
}

int token_key_load(const char *directory, struct token_key *ret, struct error *err)
{
	AUTO_CLOSE int dir = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	AUTO_STRBUF text = { 0 };

	if (read_file(dir, "token.key", sizeof(ret->bytes), &text, err) == 0 &&
	    text.len == sizeof(ret->bytes)) {
		memcpy(ret->bytes, text.ptr, sizeof(ret->bytes));
		return 0;
	}
	error_clear(err);
	random_bytes(ret->bytes, sizeof(ret->bytes));
	return write_file_atomic(dir, "token.key", ret->bytes, sizeof(ret->bytes), 0600, err);
}

static void sign(const struct token_key *k, struct str text, unsigned char *mac)
{
	unsigned len = MAC_BYTES;

	HMAC(EVP_sha256(), k->bytes, sizeof(k->bytes), (const unsigned char *)text.ptr, text.len,
	     mac, &len);
}

static void write_claims(struct strbuf *out, enum token_use use, const char *subject,
                         const json_t *access, int64_t now)
{
	int64_t life = use == TOKEN_ACCESS ? TOKEN_LIFE_S : TOKEN_REFRESH_LIFE_S;
	struct json_writer w;

	json_writer_init(&w, out);
	jw_object(&w);
	jw_kv_string(&w, "iss", issuer);
	jw_kv_string(&w, "aud", uses[use]);
	jw_kv_string(&w, "sub", subject);
	jw_kv_i64(&w, "iat", now / NSEC_PER_SEC);
	jw_kv_i64(&w, "exp", now / NSEC_PER_SEC + life);
	if (access) {
		jw_key(&w, "access");
		jw_value(&w, access);
	}
	jw_object_end(&w);
}

/* base64url without padding, as JWTs have it */
static void add_base64(struct strbuf *out, const void *data, size_t n)
{
	strbuf_add_base64(out, data, n, true);
	while (out->len && out->ptr[out->len - 1] == '=')
		strbuf_truncate(out, out->len - 1);
}

void token_issue(const struct token_key *k, enum token_use use, const char *subject,
                 const json_t *access, int64_t now, struct strbuf *out)
{
	AUTO_STRBUF claims = { 0 };
	unsigned char mac[MAC_BYTES];

	write_claims(&claims, use, subject, access, now);
	strbuf_puts(out, head);
	strbuf_putc(out, '.');
	add_base64(out, claims.ptr, claims.len);
	sign(k, strbuf_str(out), mac);
	strbuf_putc(out, '.');
	add_base64(out, mac, sizeof(mac));
}

static int refuse(struct error *err, const char *why)
{
	return error_set(err, ERROR_UNAUTHORIZED, "the token is not valid: %s", why);
}

/* The claims, once the signature is found to be ours. */
static int check_signature(const struct token_key *k, const char *text, struct strbuf *claims,
                           struct error *err)
{
	const char *body = str_skip_prefix(text, head),
		   *dot = body ? strchr(body + (*body == '.'), '.') : NULL;
	AUTO_STRBUF given = { 0 };
	unsigned char mac[MAC_BYTES];

	if (strlen(text) > TOKEN_MAX || !body || *body != '.' || !dot)
		return refuse(err, "it is not one of this registry's");
	sign(k, str_n(text, (size_t)(dot - text)), mac);
	if (base64_decode(str_from(dot + 1), &given) < 0 || given.len != sizeof(mac) ||
	    CRYPTO_memcmp(given.ptr, mac, sizeof(mac)) != 0)
		return refuse(err, "its signature is wrong");
	if (base64_decode(str_n(body + 1, (size_t)(dot - body - 1)), claims) < 0)
		return refuse(err, "it is malformed");
	return 0;
}

int token_verify(const struct token_key *k, enum token_use use, const char *text, int64_t now,
                 struct token *ret, struct error *err)
{
	AUTO_STRBUF claims = { 0 };
	AUTO_JSON *root = NULL;
	const char *audience, *subject;
	int64_t expires;

	if (check_signature(k, text, &claims, err) < 0)
		return error_errno(err);
	root = json_parse(strbuf_str(&claims), err);
	if (!root)
		return refuse(err, "it is malformed");
	audience = json_member_string(root, "aud");
	subject = json_member_string(root, "sub");
	if (!audience || !streq(audience, uses[use]) || !subject)
		return refuse(err, "it is of another kind");
	if (json_member_i64(root, "exp", &expires) <= 0 || expires <= now / NSEC_PER_SEC)
		return refuse(err, "it has expired");
	ret->subject = xstrdup(subject);
	ret->access = json_incref(json_member(root, "access", false));
	return 0;
}

bool token_allows(const struct token *t, const char *type, const char *name, const char *action)
{
	size_t i, k;
	json_t *entry, *word;

	json_array_foreach (t->access, i, entry) {
		if (!streq_null(json_member_string(entry, "type"), type) ||
		    !streq_null(json_member_string(entry, "name"), name))
			continue;
		json_array_foreach (json_object_get(entry, "actions"), k, word)
			if (json_is_string(word) && (streq(json_string_value(word), action) ||
			                             streq(json_string_value(word), "*")))
				return true;
	}
	return false;
}
