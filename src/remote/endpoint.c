/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "base/alloc.h"
#include "remote/remote-internal.h"
#include "remote/trust.h"

#define HUB_URL "https://registry-1.docker.io"

static void endpoint_free(struct endpoint *e)
{
	free(e->base);
	free(e->realm);
	free(e->service);
	free(e);
}

static int add_endpoint(struct remote *r, const char *url, bool mirror, struct error *err)
{
	struct origin o;
	size_t n = strlen(url);
	int rc = origin_parse(url, &o, err);
	if (rc < 0)
		return error_prefix(err, "registry %s", url);
	while (n && url[n - 1] == '/')
		n--;
	struct endpoint *e = NEW(struct endpoint);
	e->base = xstrndup(url, n);
	e->origin = o;
	e->mirror = mirror;
	endpoint_vec_push(&r->endpoints, e);
	return 0;
}

static int add_endpoints(struct remote *r, const char *domain, struct error *err)
{
	bool hub = streq(domain, "docker.io");

	for (const char *const *m = r->config->mirrors; hub && m && *m && r->action == REMOTE_PULL;
	     m++) {
		int rc = add_endpoint(r, *m, true, err);
		if (rc < 0)
			return rc;
	}
	if (hub)
		return add_endpoint(r, HUB_URL, false, err);
	AUTO_FREE char *url = xasprintf("https://%s", domain);
	return add_endpoint(r, url, false, err);
}

static struct remote *remote_new(const struct remote_config *config,
                                 const struct remote_credentials *c, enum remote_action action,
                                 atomic_bool *cancel)
{
	struct remote *r = NEW(struct remote);

	r->config = config;
	r->owns_shared = !config->shared;
	r->shared = config->shared ? config->shared : remote_shared_new();
	r->action = action;
	pthread_mutex_init(&r->lock, NULL);
	transport_init(&r->transport, config, r->shared, cancel);
	if (c) {
		r->username = xstrdup_null(c->username);
		r->password = xstrdup_null(c->password);
		r->identity_token =
			str_empty_or_null(c->identity_token) ? NULL : xstrdup(c->identity_token);
		r->registry_token =
			str_empty_or_null(c->registry_token) ? NULL : xstrdup(c->registry_token);
	}
	return r;
}

static void free_secret(char *s)
{
	if (s)
		explicit_bzero(s, strlen(s));
	free(s);
}

void remote_free(struct remote *r)
{
	if (!r)
		return;
	vec_for_each (&r->endpoints, e)
		endpoint_free(*e);
	endpoint_vec_done(&r->endpoints);
	transport_done(&r->transport);
	if (r->owns_shared)
		remote_shared_free(r->shared);
	strv_done(&r->uploads);
	reference_done(&r->ref);
	free_secret(r->username);
	free_secret(r->password);
	free_secret(r->identity_token);
	free_secret(r->registry_token);
	pthread_mutex_destroy(&r->lock);
	free(r);
}

void remote_stop(struct remote *r)
{
	atomic_store(&r->transport.stopped, true);
}

struct endpoint *remote_current(struct remote *r)
{
	WITH_LOCK(&r->lock);
	return r->endpoints.ptr[r->current];
}

const char *remote_endpoint(const struct remote *r)
{
	return r->endpoints.ptr[r->current]->base;
}

/* Switches between https and http on the same authority. */
static int set_scheme(struct endpoint *e, const char *scheme, struct error *err)
{
	const char *rest = strstr(e->base, "://");
	char *url = xasprintf("%s%s", scheme, rest);

	free(e->base);
	e->base = url;
	return origin_parse(url, &e->origin, err);
}

/* GET /v2/ as the endpoint stands: 200 and 401 are answers of a registry. */
static int ask(struct remote *r, struct endpoint *e, struct error *err)
{
	AUTO_RESPONSE answer = { 0 };
	AUTO_FREE char *url = xasprintf("%s/v2/", e->base);
	AUTO_FREE char *scope = NULL;
	struct http_request q = { .method = "GET", .url = url };

	int rc = transport_exchange(&r->transport, &q, NULL, &answer, err);
	if (rc < 0)
		return rc;
	if (answer.status == 401) {
		rc = auth_challenged(r, e, &answer, "", &scope, err);
		return rc < 0 ? rc : 0;
	}
	/* What else it says (a proxy's 404, a redirect) is judged by the real request. */
	return answer.status >= 500 ? answer_error(&q, &answer, err) : 0;
}

/* Docker's rule: TLS first, plain HTTP when that fails, both only for hosts that may. */
static int ask_insecure(struct remote *r, struct endpoint *e, struct error *err)
{
	AUTO_FREE char *authority = xstrdup(strstr(e->base, "://") + 3);
	bool plain_first = shared_is_plain(r->shared, authority);

	for (unsigned i = 0; i < 2; i++) {
		bool plain = plain_first == (i == 0);
		int rc = set_scheme(e, plain ? "http" : "https", err);
		if (rc < 0)
			return rc;
		rc = ask(r, e, err);
		if (rc >= 0) {
			/* what the other scheme said is no error any more */
			error_clear(err);
			shared_set_plain(r->shared, authority, plain);
		}
		if (rc >= 0 || err->kind == ERROR_CANCELLED)
			return rc;
	}
	/* Both failed; people expect to read of the plain one. */
	if (!plain_first)
		return error_errno(err);
	int rc = set_scheme(e, "http", err);
	return rc < 0 ? rc : ask(r, e, err);
}

int endpoint_probe(struct remote *r, struct endpoint *e, struct error *err)
{
	if (e->probed)
		return 0;
	/* A mirror's URL says which scheme it means. */
	int rc = !e->mirror && trust_is_insecure(r->config, &e->origin) ? ask_insecure(r, e, err)
	                                                                : ask(r, e, err);
	if (rc >= 0)
		e->probed = true;
	return rc;
}

/* Makes the first endpoint from index on that answers the current one. */
static int advance(struct remote *r, size_t index, struct error *err)
{
	for (; index < r->endpoints.len; index++) {
		int rc = endpoint_probe(r, r->endpoints.ptr[index], err);
		if (rc < 0 && (err->kind == ERROR_CANCELLED || index + 1 == r->endpoints.len))
			return rc;
		if (rc < 0)
			continue;
		r->current = index;
		return 1;
	}
	return 0;
}

int remote_next(struct remote *r, struct endpoint *e, struct endpoint **ret, struct error *err)
{
	size_t index = 0;

	while (r->endpoints.ptr[index] != e)
		index++;
	if (index + 1 == r->endpoints.len)
		return 0;
	int rc = advance(r, index + 1, err);
	if (rc > 0)
		*ret = remote_current(r);
	return rc;
}

int remote_open(const struct remote_config *config, const struct reference *ref,
                const struct remote_credentials *c, enum remote_action action, atomic_bool *cancel,
                struct remote **ret, struct error *err)
{
	CLEANUP(remote_free_ptr) struct remote *r = remote_new(config, c, action, cancel);

	reference_copy(ref, &r->ref);
	int rc = add_endpoints(r, ref->domain, err);
	if (rc < 0)
		return rc;
	rc = advance(r, 0, err);
	if (rc < 0)
		return rc;
	*ret = TAKE_PTR(r);
	return 0;
}

/* A registry alone, without a repository. */
static int open_domain(const struct remote_config *config, const char *domain,
                       const struct remote_credentials *c, struct remote **ret, struct error *err)
{
	CLEANUP(remote_free_ptr) struct remote *r = remote_new(config, c, REMOTE_PUSH, NULL);
	int rc = add_endpoints(r, domain, err);
	if (rc < 0)
		return rc;
	rc = advance(r, 0, err);
	if (rc < 0)
		return rc;
	*ret = TAKE_PTR(r);
	return 0;
}

/* "https://index.docker.io/v1/", "https://reg:5000/v2/", "reg:5000" -> the registry's domain;
 * owned. */
static char *domain_of(const char *server)
{
	const char *rest = str_skip_prefix(server, "https://");
	if (!rest)
		rest = str_skip_prefix(server, "http://");
	if (!rest)
		rest = server;
	AUTO_FREE char *domain = xstrndup(rest, strcspn(rest, "/"));
	if (!*domain || streq(domain, "index.docker.io") || streq(domain, "registry-1.docker.io"))
		return xstrdup("docker.io");
	return TAKE_PTR(domain);
}

int remote_login(const struct remote_config *config, const char *server,
                 const struct remote_credentials *c, char **ret_token, struct error *err)
{
	CLEANUP(remote_free_ptr) struct remote *r = NULL;
	AUTO_RESPONSE answer = { 0 };
	AUTO_FREE char *domain = domain_of(server);
	int rc = open_domain(config, domain, c, &r, err);
	if (rc < 0)
		return rc;
	struct endpoint *e = remote_current(r);
	AUTO_FREE char *url = xasprintf("%s/v2/", e->base);
	struct http_request q = { .method = "GET", .url = url };
	rc = remote_request(r, e, &q, "", &answer, err);
	if (rc < 0)
		return error_prefix(err, "Get \"%s\"", url);
	if (answer.status == 401)
		return error_set(err, ERROR_UNAUTHORIZED,
		                 "login attempt to %s failed with status: 401 Unauthorized", url);
	if (answer.status != 200)
		return answer_error(&q, &answer, err);
	if (ret_token)
		*ret_token = r->identity_token && !(c && c->identity_token)
		                     ? xstrdup(r->identity_token)
		                     : NULL;
	return 0;
}

int remote_list(const struct remote_config *config, const char *domain, const char *target,
                struct strbuf *ret_json, struct error *err)
{
	enum { LIST_SIZE_MAX = 8 * 1024 * 1024 };
	CLEANUP(remote_free_ptr) struct remote *r = NULL;
	AUTO_RESPONSE answer = { 0 };
	int rc = open_domain(config, domain, NULL, &r, err);
	if (rc < 0)
		return rc;
	struct endpoint *e = remote_current(r);
	AUTO_FREE char *url = xasprintf("%s%s", e->base, target);
	struct http_request q = { .method = "GET", .url = url, .body_limit = LIST_SIZE_MAX };
	rc = remote_request(r, e, &q, "registry:catalog:*", &answer, err);
	if (rc < 0)
		return rc;
	if (answer.status != 200)
		return answer_error(&q, &answer, err);
	strbuf_add(ret_json, answer.body.ptr, answer.body.len);
	return 0;
}
