/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a request proves itself. An endpoint's first 401 says which way: Basic sends the user's
 * name and password, Bearer fetches a token from the realm (registry/token.md, oauth.md), which
 * is kept until it expires. Credentials go to the registry that they were stored for and to the
 * realm it names, if that one is its own or a sister by https; never to a mirror.
 */
#include <stdio.h>

#include "base/alloc.h"
#include "base/time.h"
#include "json/json.h"
#include "remote/header.h"
#include "remote/remote-internal.h"

enum { TOKEN_ANSWER_MAX = 256 * 1024, TOKEN_SECONDS_DEFAULT = 60, SCOPE_MAX = 2048 };

char *auth_default_scope(const struct remote *r)
{
	if (!r->ref.path)
		return xstrdup("");
	return xasprintf("repository:%s:%s", r->ref.path,
	                 r->action == REMOTE_PUSH ? "pull,push" : "pull");
}

static bool has_password(const struct remote *r, const struct endpoint *e)
{
	return !e->mirror && !str_empty_or_null(r->username) && r->password;
}

static char *basic_value(const struct remote *r)
{
	AUTO_STRBUF pair = { 0 };
	AUTO_STRBUF out = { 0 };

	strbuf_printf(&pair, "%s:%s", r->username, r->password);
	strbuf_puts(&out, "Basic ");
	strbuf_add_base64(&out, pair.ptr, pair.len, false);
	return strbuf_steal(&out);
}

/* One query parameter per scope entry; "a b" has two. */
static void add_scopes(struct strbuf *query, const char *scope)
{
	struct str rest = str_from(scope), piece;
	while (str_cut(&rest, ' ', &piece)) {
		if (!piece.len)
			continue;
		strbuf_puts(query, "&scope=");
		strbuf_add_urlencoded(query, piece, ":/,");
	}
}

static char *token_url(const struct remote *r, const char *realm, const char *service,
                       const char *scope, bool with_password)
{
	AUTO_STRBUF url = { 0 };

	strbuf_printf(&url, "%s%cclient_id=docker", realm, strchr(realm, '?') ? '&' : '?');
	if (service) {
		strbuf_puts(&url, "&service=");
		strbuf_add_urlencoded(&url, str_from(service), NULL);
	}
	add_scopes(&url, scope);
	if (with_password) {
		strbuf_puts(&url, "&account=");
		strbuf_add_urlencoded(&url, str_from(r->username), NULL);
		if (!r->ref.path)
			strbuf_puts(&url, "&offline_token=true");
	}
	return strbuf_steal(&url);
}

static void refresh_body(const struct remote *r, const char *service, const char *scope,
                         struct strbuf *out)
{
	strbuf_puts(out, "grant_type=refresh_token&client_id=docker&refresh_token=");
	strbuf_add_urlencoded(out, str_from(r->identity_token), NULL);
	strbuf_puts(out, "&service=");
	strbuf_add_urlencoded(out, str_from(service), NULL);
	strbuf_puts(out, "&scope=");
	strbuf_add_urlencoded(out, str_from(scope), NULL);
}

/* A token must fit a header line. */
static bool is_token_text(const char *s)
{
	for (const char *p = s; *p; p++) {
		if (*p <= ' ' || *p > '~')
			return false;
	}
	return *s;
}

static int read_token(struct remote *r, const struct http_response *answer, char **ret,
                      int64_t *ret_seconds, struct error *err)
{
	AUTO_JSON *doc = json_parse(strbuf_str(&answer->body), err);
	if (!doc)
		return error_prefix(err, "token server's answer");
	const char *token = json_member_string(doc, "token");
	if (str_empty_or_null(token))
		token = json_member_string(doc, "access_token");
	if (str_empty_or_null(token) || !is_token_text(token))
		return error_set(err, ERROR_UNAUTHORIZED,
		                 "authorization server did not include a token in the response");
	int64_t seconds = 0;
	if (json_member_i64(doc, "expires_in", &seconds) != 1 || seconds < TOKEN_SECONDS_DEFAULT)
		seconds = TOKEN_SECONDS_DEFAULT;
	/* What `login` keeps instead of the password. */
	const char *refresh = json_member_string(doc, "refresh_token");
	if (!r->ref.path && !str_empty_or_null(refresh) && !r->identity_token)
		r->identity_token = xstrdup(refresh);
	*ret = xstrdup(token);
	*ret_seconds = seconds;
	return 0;
}

/* Whether secrets may be sent to the realm; an error when it must not be asked at all. */
static int check_realm(const struct remote *r, const struct endpoint *e, const char *realm,
                       bool *ret_trusted, struct error *err)
{
	struct origin o;
	int rc = origin_parse(realm, &o, err);
	if (rc < 0)
		return error_prefix(err, "token server of %s", e->base);
	if (origin_is_https(&e->origin) && !origin_is_https(&o))
		return error_set(err, ERROR_FORBIDDEN,
		                 "%s sends its logins to %s, which is not encrypted: refused",
		                 e->base, realm);
	*ret_trusted = origin_trusts_realm(&e->origin, &o);
	if (!*ret_trusted && (has_password(r, e) || (!e->mirror && r->identity_token)))
		return error_set(
			err, ERROR_FORBIDDEN,
			"%s sends its logins to %s, another site: your credentials were not sent "
			"(log out of this registry to go on without them)",
			e->base, realm);
	return 0;
}

static int token_answer(struct remote *r, const struct endpoint *e, const char *realm,
                        const char *service, const char *scope, struct http_response *answer,
                        struct error *err)
{
	bool trusted = false;
	AUTO_STRBUF form = { 0 };
	AUTO_FREE char *url = NULL;
	AUTO_FREE char *basic = NULL;
	struct http_request q = { .body_limit = TOKEN_ANSWER_MAX };

	int rc = check_realm(r, e, realm, &trusted, err);
	if (rc < 0)
		return rc;
	if (trusted && !e->mirror && !str_empty_or_null(r->identity_token)) {
		refresh_body(r, service ? service : "", scope, &form);
		q.method = "POST";
		q.url = realm;
		q.content_type = "application/x-www-form-urlencoded";
		q.body = strbuf_str(&form);
	} else {
		bool with_password = trusted && has_password(r, e);
		url = token_url(r, realm, service, scope, with_password);
		basic = with_password ? basic_value(r) : NULL;
		q.method = "GET";
		q.url = url;
	}
	rc = transport_exchange(&r->transport, &q, basic, answer, err);
	if (rc < 0)
		return rc;
	if (answer->status == 401)
		return error_set(err, ERROR_UNAUTHORIZED,
		                 "unauthorized: incorrect username or password");
	return answer->status == 200 ? 0 : answer_error(&q, answer, err);
}

static char *token_key(const struct remote *r, const struct endpoint *e, const char *realm,
                       const char *service, const char *scope)
{
	struct digest who;
	char hex[DIGEST_TEXT_MAX];
	/* Tokens of one user must not serve another, nor a password that was changed. */
	AUTO_FREE char *secret =
		xasprintf("%s\n%s\n%s", e->mirror || !r->username ? "" : r->username,
	                  e->mirror || !r->password ? "" : r->password,
	                  e->mirror || !r->identity_token ? "" : r->identity_token);
	digest_of(DIGEST_SHA256, secret, strlen(secret), &who);
	explicit_bzero(secret, strlen(secret));
	return xasprintf("%s %s %s %s %s", digest_hex(&who, hex), e->base, realm,
	                 service ? service : "", scope);
}

static int bearer_value(struct remote *r, struct endpoint *e, const char *scope, char **ret,
                        struct error *err)
{
	AUTO_FREE char *realm = NULL;
	AUTO_FREE char *service = NULL;
	AUTO_RESPONSE answer = { 0 };
	int64_t seconds = 0;

	pthread_mutex_lock(&r->lock);
	realm = xstrdup_null(e->realm);
	service = xstrdup_null(e->service);
	pthread_mutex_unlock(&r->lock);
	AUTO_FREE char *key = token_key(r, e, realm, service, scope);
	AUTO_FREE char *token = shared_token(r->shared, key);
	if (!token) {
		int rc = token_answer(r, e, realm, service, scope, &answer, err);
		if (rc < 0)
			return rc;
		rc = read_token(r, &answer, &token, &seconds, err);
		if (rc < 0)
			return rc;
		shared_set_token(r->shared, key, token, seconds);
	}
	*ret = xasprintf("Bearer %s", token);
	return 0;
}

int auth_header(struct remote *r, struct endpoint *e, const char *scope, char **ret,
                struct error *err)
{
	pthread_mutex_lock(&r->lock);
	enum auth_kind kind = e->auth;
	pthread_mutex_unlock(&r->lock);

	*ret = NULL;
	if (r->registry_token && !e->mirror) {
		*ret = xasprintf("Bearer %s", r->registry_token);
		return 0;
	}
	switch (kind) {
	case AUTH_NONE:
		return 0;
	case AUTH_BASIC:
		if (!has_password(r, e))
			return error_set(err, ERROR_UNAUTHORIZED, "no basic auth credentials");
		*ret = basic_value(r);
		return 0;
	case AUTH_BEARER:
		return bearer_value(r, e, scope, ret, err);
	}
	return 0;
}

/* realm NULL: Basic. */
static void learn(struct remote *r, struct endpoint *e, const char *realm, const char *service)
{
	WITH_LOCK(&r->lock);
	e->auth = realm ? AUTH_BEARER : AUTH_BASIC;
	if (!realm)
		return;
	free(e->realm);
	free(e->service);
	e->realm = xstrdup(realm);
	e->service = xstrdup_null(service);
}

int auth_challenged(struct remote *r, struct endpoint *e, const struct http_response *answer,
                    const char *scope, char **ret_scope, struct error *err)
{
	AUTO_CHALLENGES v = { 0 };
	const char *header = strmap_get(&answer->headers, "www-authenticate");
	if (!header || (r->registry_token && !e->mirror))
		return 0;

	pthread_mutex_lock(&r->lock);
	enum auth_kind before = e->auth;
	pthread_mutex_unlock(&r->lock);
	int rc = challenges_parse(str_from(header), &v, err);
	if (rc < 0)
		return error_prefix(err, "%s", e->base);
	const struct challenge *bearer = challenges_find(&v, "bearer");
	const char *realm = bearer ? strmap_get(&bearer->params, "realm") : NULL;
	const char *service = bearer ? strmap_get(&bearer->params, "service") : NULL;
	const char *wanted = bearer ? strmap_get(&bearer->params, "scope") : NULL;
	if (!realm && (!challenges_find(&v, "basic") || before == AUTH_BASIC))
		return 0;
	learn(r, e, realm, service);
	*ret_scope = xstrdup(wanted && strlen(wanted) <= SCOPE_MAX ? wanted : scope);
	if (realm) {
		/* The token that was refused is of no more use. */
		AUTO_FREE char *key = token_key(r, e, realm, service, *ret_scope);
		shared_drop_token(r->shared, key);
	}
	return 1;
}
