/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "base/alloc.h"
#include "remote/remote-internal.h"

enum { REDIRECTS_MAX = 10 };

char *endpoint_url(const struct remote *r, const struct endpoint *e, const char *rest)
{
	return xasprintf("%s/v2/%s/%s", e->base, r->ref.path, rest);
}

static bool is_redirect(const struct http_request *q, long status)
{
	if (!streq(q->method, "GET") && !streq(q->method, "HEAD"))
		return false;
	return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

/* Where the answer points to. From TLS it never leads back to plain text. */
static int redirect_target(const char *url, const struct http_response *answer, char **ret,
                           struct error *err)
{
	const char *location = strmap_get(&answer->headers, "location");
	if (!location)
		return error_set(err, ERROR_INVALID, "%s: redirect without a Location", url);
	int rc = url_follow(url, location, ret, err);
	if (rc < 0)
		return error_prefix(err, "redirect from %.200s", url);
	if (rc > 0)
		return error_set(err, ERROR_FORBIDDEN,
		                 "redirect from %.200s to %.200s, which is not encrypted: refused",
		                 url, *ret);
	return 0;
}

/* Follows redirects; the authorization goes along only to the endpoint's own origin. */
static int follow(struct remote *r, const struct endpoint *e, const struct http_request *q,
                  const char *authorization, struct http_response *ret, struct error *err)
{
	struct http_request hop = *q;
	AUTO_FREE char *url = NULL;

	for (unsigned n = 0; n <= REDIRECTS_MAX; n++) {
		struct origin o;
		int rc = origin_parse(hop.url, &o, err);
		if (rc < 0)
			return rc;
		rc = transport_exchange(&r->transport, &hop,
		                        origin_equal(&o, &e->origin) ? authorization : NULL, ret,
		                        err);
		if (rc < 0 || !is_redirect(q, ret->status))
			return rc;
		char *next = NULL;
		rc = redirect_target(hop.url, ret, &next, err);
		free(url);
		url = next;
		if (rc < 0)
			return rc;
		http_response_done(ret);
		hop.url = url;
	}
	return error_set(err, ERROR_INVALID, "%.300s: more than %d redirects", q->url,
	                 REDIRECTS_MAX);
}

int remote_request(struct remote *r, struct endpoint *e, const struct http_request *q,
                   const char *scope, struct http_response *ret, struct error *err)
{
	AUTO_FREE char *wanted = scope ? xstrdup(scope) : auth_default_scope(r);

	*ret = (struct http_response){ 0 };
	for (unsigned attempt = 0;; attempt++) {
		AUTO_FREE char *authorization = NULL;
		AUTO_FREE char *next = NULL;

		int rc = auth_header(r, e, wanted, &authorization, err);
		if (rc < 0)
			return rc;
		rc = follow(r, e, q, authorization, ret, err);
		if (rc < 0 || ret->status != 401 || attempt == 1)
			return rc;
		rc = auth_challenged(r, e, ret, wanted, &next, err);
		if (rc <= 0)
			return rc;
		http_response_done(ret);
		free(wanted);
		wanted = TAKE_PTR(next);
	}
}
