/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a request to a handler and back: takes the version off the path, finds the route, renders
 * errors as {"message"}, logs who asked. Every answer carries the headers by which clients know
 * what they talk to.
 */
#include <errno.h>
#include <stdio.h>

#include "api/api-internal.h"
#include "base/log.h"
#include "base/time.h"

/* The first that matches serves the request. */
static const struct api_table *const tables[] = {
	&api_system_routes,         &api_event_routes,        &api_container_routes,
	&api_container_io_routes,   &api_exec_routes,         &api_container_file_routes,
	&api_image_transfer_routes, &api_image_routes,        &api_network_routes,
	&api_volume_routes,         &api_distribution_routes, &api_build_routes,
	&api_plugin_routes,         &api_swarm_routes,
};

static void set_common_headers(struct http_request *req)
{
	http_set_header(req, "Api-Version", API_VERSION_MAX);
	http_set_header(req, "Docker-Experimental", "false");
	http_set_header(req, "Ostype", "linux");
}

static void respond_error(struct http_request *req, int status, const char *message)
{
	AUTO_STRBUF out = { 0 };
	struct json_writer w;

	json_writer_init(&w, &out);
	jw_object(&w);
	jw_kv_string(&w, "message", message);
	jw_object_end(&w);
	strbuf_putc(&out, '\n');
	http_respond(req, status, "application/json", out.ptr, out.len);
}

/* "/v1.47/x" -> 1047 and "/x"; the newest when there is no version. */
static int take_version(const char *path, const char **ret_rest, unsigned *ret, struct error *err)
{
	unsigned major, minor;
	int n = 0;

	*ret = API_NEWEST;
	*ret_rest = path;
	if (path[1] != 'v' || sscanf(path, "/v%2u.%3u%n", &major, &minor, &n) != 2 ||
	    path[n] != '/')
		return 0;
	*ret_rest = path + n;
	*ret = API(major, minor);
	if (*ret > API_NEWEST)
		return error_set(
			err, ERROR_INVALID,
			"client version %u.%u is too new. Maximum supported API version is " API_VERSION_MAX,
			major, minor);
	if (*ret < API_OLDEST)
		return error_set(
			err, ERROR_INVALID,
			"client version %u.%u is too old. Minimum supported API version is " API_VERSION_MIN
			", please upgrade your client to a newer version",
			major, minor);
	return 0;
}

static const struct api_route *find_route(struct http_request *req, const char *path,
                                          unsigned version, struct http_route_params *params)
{
	for (size_t t = 0; t < ARRAY_SIZE(tables); t++) {
		unsigned allowed = 0;
		size_t i;

		if (http_route_match(&tables[t]->routes->route, tables[t]->n,
		                     sizeof(struct api_route), req->method, path, req->arena, &i,
		                     params, &allowed) > 0)
			return version >= tables[t]->routes[i].min_api ? &tables[t]->routes[i]
			                                               : NULL;
	}
	return NULL;
}

static char *without_trailing_slash(struct http_request *req, const char *path)
{
	char *copy = arena_strdup(req->arena, path);
	size_t n = strlen(copy);

	if (n > 1 && copy[n - 1] == '/')
		copy[n - 1] = '\0';
	return copy;
}

static void log_request(const struct http_request *req, int64_t began, const struct error *err)
{
	log_debug("API %s %s status=%d ms=%lld pid=%d uid=%d%s%s", http_method_name(req->method),
	          req->path, http_status_sent(req),
	          (long long)((time_monotonic() - began) / NSEC_PER_MSEC),
	          req->peer.is_unix ? (int)req->peer.pid : 0,
	          req->peer.is_unix ? (int)req->peer.uid : -1, err->kind ? " error=" : "",
	          err->kind ? err->message : "");
}

static void fail(struct http_request *req, const struct error *err)
{
	int status = http_status_of(err->kind);

	if (err->kind == ERROR_NOT_MODIFIED) {
		http_respond(req, status, NULL, NULL, 0);
		return;
	}
	if (err->kind == ERROR_INTERNAL)
		log_error("%s %s: %s", http_method_name(req->method), req->path, err->message);
	respond_error(req, status, err->message);
}

void api_handle(struct http_request *http, void *ctx)
{
	struct api_request req = { .http = http, .engine = ctx, .arena = http->arena };
	struct http_route_params params = { 0 };
	int64_t began = time_monotonic();
	const struct api_route *route = NULL;
	struct error err = { 0 };
	const char *path;

	set_common_headers(http);
	if (take_version(http->path, &path, &req.version, &err) >= 0)
		route = find_route(http, without_trailing_slash(http, path), req.version, &params);
	req.params = &params;
	if (!err.kind && !route)
		error_set(&err, ERROR_NOT_FOUND, "page not found");
	else if (!err.kind && route->handler(&req, &err) >= 0)
		error_clear(&err);
	if (err.kind && !http_answered(http))
		fail(http, &err);
	log_request(http, began, &err);
}

void api_coverage(struct strbuf *out)
{
	for (size_t t = 0; t < ARRAY_SIZE(tables); t++) {
		for (size_t i = 0; i < tables[t]->n; i++) {
			const struct api_route *r = &tables[t]->routes[i];

			for (unsigned m = 0; m < HTTP_METHOD_COUNT; m++)
				if (r->route.methods & (1u << m))
					strbuf_printf(out, "%s\t%s\t%s\n", http_method_name(m),
					              r->route.pattern,
					              r->note ? r->note : "supported");
		}
	}
}
