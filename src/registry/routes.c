/* SPDX-License-Identifier: Apache-2.0 */
/* From a request to its handler: names checked, access decided, errors turned into answers. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/time.h"
#include "registry/registry-internal.h"

#define GET (1u << HTTP_GET)
#define POST (1u << HTTP_POST)
#define PUT (1u << HTTP_PUT)
#define PATCH (1u << HTTP_PATCH)
#define DELETE (1u << HTTP_DELETE)

static int base_get(struct registry_call *c, struct error *err)
{
	http_respond_json(c->http, 200, STR("{}"));
	return 0;
}

/* clang-format off */
static const struct registry_route routes[] = {
	{ { GET,    "/v2/" },                                base_get,        ACCESS_ANY,     METRICS_BASE },
	{ { GET,    "/v2" },                                 base_get,        ACCESS_ANY,     METRICS_BASE },
	{ { GET,    "/token" },                              token_get,       ACCESS_NONE,    METRICS_TOKEN },
	{ { POST,   "/token" },                              token_post,      ACCESS_NONE,    METRICS_TOKEN },
	{ { GET,    "/healthz" },                            health_alive,    ACCESS_NONE,    METRICS_OTHER },
	{ { GET,    "/readyz" },                             health_ready,    ACCESS_NONE,    METRICS_OTHER },
	{ { GET,    "/v2/_catalog" },                        catalog_list,    ACCESS_CATALOG, METRICS_CATALOG },
	{ { GET,    "/v2/{name...}/blobs/uploads/{id}" },    upload_status,   ACCESS_PUSH,    METRICS_UPLOAD_CHUNK },
	{ { PATCH,  "/v2/{name...}/blobs/uploads/{id}" },    upload_chunk,    ACCESS_PUSH,    METRICS_UPLOAD_CHUNK },
	{ { PUT,    "/v2/{name...}/blobs/uploads/{id}" },    upload_finish,   ACCESS_PUSH,    METRICS_UPLOAD_CHUNK },
	{ { DELETE, "/v2/{name...}/blobs/uploads/{id}" },    upload_cancel,   ACCESS_PUSH,    METRICS_UPLOAD_CHUNK },
	{ { POST,   "/v2/{name...}/blobs/uploads/" },        upload_start,    ACCESS_PUSH,    METRICS_UPLOAD },
	{ { POST,   "/v2/{name...}/blobs/uploads" },         upload_start,    ACCESS_PUSH,    METRICS_UPLOAD },
	{ { GET,    "/v2/{name...}/blobs/{digest}" },        blob_get,        ACCESS_PULL,    METRICS_BLOB },
	{ { DELETE, "/v2/{name...}/blobs/{digest}" },        blob_delete,     ACCESS_DELETE,  METRICS_BLOB },
	{ { GET,    "/v2/{name...}/manifests/{reference}" }, manifest_get,    ACCESS_PULL,    METRICS_MANIFEST },
	{ { PUT,    "/v2/{name...}/manifests/{reference}" }, manifest_put,    ACCESS_PUSH,    METRICS_MANIFEST },
	{ { DELETE, "/v2/{name...}/manifests/{reference}" }, manifest_delete, ACCESS_DELETE,  METRICS_MANIFEST },
	{ { GET,    "/v2/{name...}/tags/list" },             tags_list,       ACCESS_PULL,    METRICS_TAGS },
	{ { GET,    "/v2/{name...}/referrers/{digest}" },    referrers_list,  ACCESS_PULL,    METRICS_REFERRERS },
};

/* What http.debug.addr serves. */
static const struct registry_route debug_routes[] = {
	{ { GET,    "/metrics" },                            metrics_get,     ACCESS_NONE,    METRICS_OTHER },
	{ { GET,    "/debug/health" },                       health_ready,    ACCESS_NONE,    METRICS_OTHER },
	{ { GET,    "/healthz" },                            health_alive,    ACCESS_NONE,    METRICS_OTHER },
	{ { GET,    "/readyz" },                             health_ready,    ACCESS_NONE,    METRICS_OTHER },
};
/* clang-format on */

int64_t call_lease(const struct registry_call *c)
{
	return time_now() + c->registry->config->lease_ns;
}

void call_location(struct registry_call *c, const char *fmt, ...)
{
	AUTO_STRBUF url = { 0 };
	va_list ap;

	if (c->registry->config->host)
		strbuf_puts(&url, c->registry->config->host);
	if (c->registry->config->prefix) /* which ends in the slash that fmt begins with */
		strbuf_add(&url, c->registry->config->prefix,
		           strlen(c->registry->config->prefix) - 1);
	va_start(ap, fmt);
	strbuf_vprintf(&url, fmt, ap);
	va_end(ap);
	http_set_header(c->http, "Location", strbuf_cstr(&url));
}

int call_digest(struct registry_call *c, const char *text, struct digest *ret, struct error *err)
{
	if (digest_parse(str_from(text), ret) == 0)
		return 0;
	return call_fail(
		c, CODE_DIGEST_INVALID, err,
		"\"%.150s\" is no digest: sha256:<64 hex digits> or sha512:<128 hex digits> is",
		text);
}

int call_page(struct registry_call *c, int64_t *ret_n, bool *ret_given, const char **ret_last,
              struct error *err)
{
	const char *n = http_query_get(c->http, "n"), *last = http_query_get(c->http, "last");
	uint64_t value = 0;
	int r = n ? parse_u64(n, &value) : 0;

	if (r == -ERANGE || value > INT32_MAX) {
		value = INT32_MAX;
		r = 0;
	}
	if (r < 0)
		return call_fail(c, CODE_PAGINATION_NUMBER_INVALID, err,
		                 "n=%.40s: a number of entries, 0 or more, is wanted", n);
	*ret_n = (int64_t)value;
	*ret_given = n != NULL;
	*ret_last = last ? last : "";
	return 0;
}

/* The path matched, but not with this method. */
static int refuse_method(struct registry_call *c, unsigned allowed, struct error *err)
{
	AUTO_STRBUF list = { 0 };

	for (unsigned m = 0; m < HTTP_METHOD_COUNT; m++)
		if (allowed & 1u << m)
			strbuf_printf(&list, "%s%s", list.len ? ", " : "",
			              http_method_name((enum http_method)m));
	http_set_header(c->http, "Allow", strbuf_cstr(&list));
	return call_fail(c, CODE_UNSUPPORTED, err, "%s is not possible here, but %s",
	                 http_method_name(c->http->method), strbuf_cstr(&list));
}

static int dispatch(struct registry_call *c, const struct registry_route *route,
                    const struct http_route_params *params, struct error *err)
{
	int r;

	if (params->len > 0) {
		c->repo = params->ptr[0].value;
		if (!reference_is_path(str_from(c->repo)))
			return call_fail(
				c, CODE_NAME_INVALID, err,
				"\"%.100s\" is no repository name: lower-case letters, digits and "
				"separators . _ __ - between them, parts divided by /, at most 255 bytes",
				c->repo);
	}
	if (params->len > 1)
		c->reference = params->ptr[1].value;
	r = access_check(c, c->repo, route->action, err);
	return r < 0 ? r : route->handler(c, err);
}

/* The path below http.prefix, or NULL. */
static const char *path_below_prefix(const struct registry_call *c)
{
	const char *prefix = c->registry->config->prefix, *rest;

	if (!prefix)
		return c->http->path;
	rest = str_skip_prefix(c->http->path, prefix);
	return rest ? rest - 1 : NULL;
}

static void set_common_headers(struct registry_call *c)
{
	const struct strv *extra = &c->registry->config->headers;

	http_set_header(c->http, "Docker-Distribution-API-Version", "registry/2.0");
	http_set_header(c->http, "X-Content-Type-Options", "nosniff");
	for (size_t i = 0; i < extra->len; i++) {
		const char *colon = strchr(extra->ptr[i], ':');

		if (strncasecmp(extra->ptr[i], "x-content-type-options:", 23) != 0)
			http_set_header(c->http,
			                arena_strndup(c->http->arena, extra->ptr[i],
			                              (size_t)(colon - extra->ptr[i])),
			                colon + 2);
	}
}

static int route_among(struct registry_call *c, const struct registry_route *table, size_t n,
                       const char *path, struct error *err)
{
	struct http_route_params params = { .len = 0 };
	unsigned allowed = 0;
	size_t index = 0;
	int r = 0;

	if (path)
		r = http_route_match(&table[0].route, n, sizeof(table[0]), c->http->method, path,
		                     c->http->arena, &index, &params, &allowed);
	if (r < 0)
		return refuse_method(c, allowed, err);
	if (r == 0)
		return call_fail(c, CODE_NOT_FOUND, err, "there is nothing at %.200s",
		                 c->http->path);
	c->counted_as = table[index].counted_as;
	return dispatch(c, &table[index], &params, err);
}

static int route(struct registry_call *c, struct error *err)
{
	if (c->http->listener_tag)
		return route_among(c, debug_routes, ARRAY_SIZE(debug_routes),
		                   streq(c->http->path, c->registry->config->metrics_path)
		                           ? "/metrics"
		                           : c->http->path,
		                   err);
	return route_among(c, routes, ARRAY_SIZE(routes), path_below_prefix(c), err);
}

void registry_handle(struct http_request *req, void *ctx)
{
	struct registry_call c = {
		.registry = ctx, .http = req, .actor = "", .counted_as = METRICS_OTHER
	};
	struct error err = { 0 };
	int64_t start = time_monotonic(), duration;

	metrics_begin(c.registry->metrics);
	set_common_headers(&c);
	if (route(&c, &err) < 0)
		call_render_error(&c, &err);
	duration = time_monotonic() - start;
	metrics_end(c.registry->metrics, c.counted_as, req->method, http_status_sent(req),
	            http_bytes_sent(req), duration);
	access_log(&c, duration);
	strbuf_done(&c.problems);
	token_done(&c.token);
}
