/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who asks, and what they may do. Without a password file or client certificates everybody may do
 * everything, as with Docker's registry. With them the rules decide; without rules whoever has a
 * name may do everything. What a token was issued for narrows that further.
 */
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/time.h"
#include "registry/registry-internal.h"

static const char service[] = "coracle-registry";

bool access_is_open(const struct registry *r)
{
	return !r->htpasswd && !r->config->tls_client_cas.len;
}

static bool rule_names(const struct registry_rule *rule, const char *actor)
{
	if (strv_has(&rule->users, "anonymous"))
		return true;
	return *actor && (strv_has(&rule->users, "*") || strv_has(&rule->users, actor));
}

static bool rule_covers(const struct registry_rule *rule, const char *repo)
{
	for (size_t i = 0; i < rule->repositories.len; i++)
		if (registry_glob(rule->repositories.ptr[i], repo))
			return true;
	return false;
}

unsigned access_rights(const struct registry *r, const char *actor, const char *repo)
{
	const struct registry_config *c = r->config;
	unsigned rights = c->anonymous_pull ? RIGHT_PULL : 0;

	if (access_is_open(r))
		return ~0u;
	if (c->rules.len == 0)
		return *actor ? ~0u : rights;
	vec_for_each (&c->rules, rule)
		if (rule_names(rule, actor) && rule_covers(rule, repo))
			rights |= rule->rights;
	return rights;
}

/* Somebody without a name may do something: then clients must be able to ask for a token. */
static bool has_anonymous(const struct registry *r)
{
	if (r->config->anonymous_pull)
		return true;
	vec_for_each (&r->config->rules, rule)
		if (strv_has(&rule->users, "anonymous"))
			return true;
	return false;
}

static const struct {
	unsigned right;
	const char *word, *scope;
} actions[] = {
	[ACCESS_PULL] = { RIGHT_PULL, "pull", "pull" },
	[ACCESS_PUSH] = { RIGHT_PUSH, "push", "pull,push" },
	[ACCESS_DELETE] = { RIGHT_DELETE, "delete", "delete" },
};

bool access_allowed(struct registry_call *c, const char *repo, enum access_action action)
{
	if (!(access_rights(c->registry, c->actor, repo) & actions[action].right))
		return false;
	return !c->has_token || token_allows(&c->token, "repository", repo, actions[action].word);
}

bool access_visible(struct registry_call *c, const char *repo)
{
	return access_rights(c->registry, c->actor, repo) & RIGHT_PULL;
}

/* --- challenges --- */

static bool is_host(const char *s)
{
	return *s &&
	       strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-:[]") ==
	               strlen(s);
}

/* Where clients get tokens: at this server, as they call it. */
static char *realm_url(struct registry_call *c)
{
	const struct registry_config *config = c->registry->config;
	const char *host = http_header_get(c->http, "Host"),
		   *prefix = config->prefix ? config->prefix : "/";

	if (config->host)
		return arena_printf(c->http->arena, "%s%stoken", config->host, prefix);
	if (!host || !is_host(host))
		return NULL;
	return arena_printf(c->http->arena, "%s://%s%stoken", c->http->peer.tls ? "https" : "http",
	                    host, prefix);
}

static void set_challenge(struct registry_call *c, const char *repo, enum access_action action,
                          const char *error)
{
	const char *realm = has_anonymous(c->registry) || c->has_token ? realm_url(c) : NULL;
	AUTO_STRBUF line = { 0 };

	if (!realm) {
		http_set_headerf(c->http, "WWW-Authenticate", "Basic realm=\"%s\"",
		                 strpbrk(c->registry->config->htpasswd_realm, "\"\\\r\n")
		                         ? "registry"
		                         : c->registry->config->htpasswd_realm);
		return;
	}
	strbuf_printf(&line, "Bearer realm=\"%s\",service=\"%s\"", realm, service);
	if (repo)
		strbuf_printf(&line, ",scope=\"repository:%s:%s\"", repo, actions[action].scope);
	else if (action == ACCESS_CATALOG)
		strbuf_puts(&line, ",scope=\"registry:catalog:*\"");
	if (error)
		strbuf_printf(&line, ",error=\"%s\"", error);
	http_set_header(c->http, "WWW-Authenticate", strbuf_cstr(&line));
}

static int challenge(struct registry_call *c, const char *repo, enum access_action action,
                     const char *error, struct error *err, const char *why)
{
	set_challenge(c, repo, action, error);
	return call_fail(c, CODE_UNAUTHORIZED, err, "%s", why);
}

/* --- who --- */

int access_login(struct registry_call *c, const char *user, const char *password, struct error *err)
{
	int r = 0;

	if (c->registry->htpasswd)
		r = htpasswd_check(c->registry->htpasswd, user, password, call_peer(c), err);
	if (r < 0)
		c->code = CODE_TOOMANYREQUESTS;
	if (r == 0)
		return challenge(c, NULL, ACCESS_ANY, NULL, err, "wrong user name or password");
	if (r > 0)
		c->actor = arena_strdup(c->http->arena, user);
	return r < 0 ? r : 0;
}

static int basic(struct registry_call *c, const char *text, struct error *err)
{
	AUTO_STRBUF plain = { 0 };
	const char *colon;

	if (base64_decode(str_trim(str_from(text)), &plain) < 0 ||
	    memchr(strbuf_cstr(&plain), 0, plain.len) ||
	    !(colon = strchr(strbuf_cstr(&plain), ':')) || colon == plain.ptr)
		return challenge(c, NULL, ACCESS_ANY, NULL, err,
		                 "the Authorization header is malformed");
	return access_login(c,
	                    arena_strndup(c->http->arena, plain.ptr, (size_t)(colon - plain.ptr)),
	                    colon + 1, err);
}

static int bearer(struct registry_call *c, enum access_action action, const char *text,
                  struct error *err)
{
	while (*text == ' ')
		text++;
	if (token_verify(&c->registry->token_key, TOKEN_ACCESS, text, time_now(), &c->token, err) <
	    0) {
		c->has_token = true; /* for the challenge's kind; there is none to check */
		set_challenge(c, c->repo, action, "invalid_token");
		c->code = CODE_UNAUTHORIZED;
		return error_errno(err);
	}
	c->has_token = true;
	c->actor = c->token.subject;
	return 0;
}

/* The common name of a verified client certificate. */
static const char *certificate_name(struct registry_call *c)
{
	const char *subject = c->http->peer.tls_subject,
		   *cn = subject ? strstr(subject, "CN") : NULL;
	size_t n;

	if (!cn || !c->registry->config->tls_client_cas.len)
		return "";
	cn += 2 + strspn(cn + 2, " =");
	n = strcspn(cn, ",/");
	while (n > 0 && cn[n - 1] == ' ')
		n--;
	return arena_strndup(c->http->arena, cn, n);
}

int access_identify(struct registry_call *c, enum access_action action, struct error *err)
{
	const char *header = http_header_get(c->http, "Authorization");

	if (access_is_open(c->registry))
		return 0;
	c->actor = certificate_name(c);
	if (!header)
		return 0;
	if (strncasecmp(header, "Basic ", 6) == 0)
		return basic(c, header + 6, err);
	if (strncasecmp(header, "Bearer ", 7) == 0)
		return bearer(c, action, header + 7, err);
	return challenge(c, NULL, ACCESS_ANY, NULL, err, "Basic or Bearer credentials are wanted");
}

/* --- what --- */

static int check_switches(struct registry_call *c, enum access_action action, struct error *err)
{
	if (c->registry->config->read_only && (action == ACCESS_PUSH || action == ACCESS_DELETE))
		return call_fail(
			c, CODE_UNSUPPORTED, err,
			"this registry is read-only (storage.maintenance.readonly.enabled): try again later");
	if (action == ACCESS_DELETE && !c->registry->config->delete_enabled)
		return call_fail(
			c, CODE_UNSUPPORTED, err,
			"deleting is switched off: set storage.delete.enabled: true to allow it");
	return 0;
}

/* The API's root answers 401 to strangers, also where some may pull: that is how clients learn
 * which credentials are wanted. */
static int check_any(struct registry_call *c, enum access_action action, struct error *err)
{
	if (*c->actor || c->has_token || access_is_open(c->registry))
		return 0;
	return challenge(c, NULL, action, NULL, err, "authentication required");
}

int access_check(struct registry_call *c, const char *repo, enum access_action action,
                 struct error *err)
{
	if (action == ACCESS_NONE)
		return 0;
	if (access_identify(c, action, err) < 0)
		return error_errno(err);
	if (!repo)
		return check_any(c, action, err);
	if (!access_allowed(c, repo, action)) {
		if (!*c->actor || c->has_token)
			return challenge(c, repo, action,
			                 c->has_token ? "insufficient_scope" : NULL, err,
			                 "authentication required");
		return call_fail(c, CODE_DENIED, err, "%s may not %s here", c->actor,
		                 actions[action].word);
	}
	return check_switches(c, action, err);
}
