/* SPDX-License-Identifier: Apache-2.0 */
/* /events: one JSON object per line, past ones first. */
#include <errno.h>

#include "api/api-internal.h"
#include "base/time.h"

static const char *const allowed[] = { "config", "container", "daemon", "event",  "image",
	                               "label",  "network",   "node",   "plugin", "scope",
	                               "secret", "service",   "type",   "volume", NULL };

/* container=, image=, network=, volume=: the actor's id or name, of that type. */
static bool match_actor(const struct filters *f, const char *key, const struct event *e)
{
	const struct strv *values = filters_get(f, key);
	const char *name = strmap_get(&e->attributes, "name");
	const char *image = strmap_get(&e->attributes, "image");

	if (!values)
		return true;
	vec_for_each (values, v) {
		size_t n = strlen(*v);

		if (streq(e->type, key) &&
		    ((e->id && strncmp(e->id, *v, n) == 0) || (name && strncmp(name, *v, n) == 0)))
			return true;
		if (streq(key, "image") && image && streq(image, *v))
			return true;
	}
	return false;
}

/* "exec_create" also means "exec_create: ls". */
static bool match_action(const struct filters *f, const char *action)
{
	const struct strv *values = filters_get(f, "event");

	if (!values)
		return true;
	vec_for_each (values, v) {
		const char *rest = str_skip_prefix(action, *v);

		if (rest && (!*rest || *rest == ':'))
			return true;
	}
	return false;
}

static bool match(const struct filters *f, const struct event *e)
{
	static const char *const actors[] = { "container", "image", "network", "volume", "daemon" };

	for (size_t i = 0; i < ARRAY_SIZE(actors); i++)
		if (!match_actor(f, actors[i], e))
			return false;
	return filters_match(f, "type", e->type) && filters_match(f, "scope", "local") &&
	       match_action(f, e->action) && filters_labels(f, &e->attributes);
}

static void render(struct strbuf *out, const struct event *e)
{
	bool container = streq(e->type, "container"), image = streq(e->type, "image");
	const char *from = strmap_get(&e->attributes, "image");
	struct json_writer w;

	json_writer_init(&w, out);
	jw_object(&w);
	if (container || image) { /* as it was before actors: gone in 1.52 */
		jw_kv_string(&w, "status", e->action);
		jw_kv_string(&w, "id", e->id);
		if (container && from)
			jw_kv_string(&w, "from", from);
	}
	jw_kv_string(&w, "Type", e->type);
	jw_kv_string(&w, "Action", e->action);
	jw_key(&w, "Actor");
	jw_object(&w);
	jw_kv_string(&w, "ID", e->id);
	jw_kv_strmap(&w, "Attributes", &e->attributes);
	jw_object_end(&w);
	jw_kv_string(&w, "scope", "local");
	jw_kv_i64(&w, "time", e->time / NSEC_PER_SEC);
	jw_kv_i64(&w, "timeNano", e->time);
	jw_object_end(&w);
	strbuf_putc(out, '\n');
}

static int send_event(struct api_request *req, const struct filters *f, const struct event *e)
{
	AUTO_STRBUF out = { 0 };
	int r;

	if (!match(f, e))
		return 0;
	render(&out, e);
	r = http_write(req->http, out.ptr, out.len);
	return r < 0 ? r : http_flush(req->http);
}

/* Until the client leaves, the engine stops, or until has passed. */
static void follow(struct api_request *req, struct event_subscription *s, const struct filters *f,
                   int64_t until)
{
	int64_t left = until ? until - time_now() : INT64_MAX;
	int64_t end = left == INT64_MAX ? INT64_MAX : time_monotonic() + MAX(left, 0);
	int r = 0;

	while (r >= 0 && !api_gone(req)) {
		struct event *e = NULL;
		int64_t turn = time_monotonic() + NSEC_PER_SEC / 2;

		r = event_next(s, end <= turn - NSEC_PER_SEC / 2 ? 0 : MIN(end, turn), &e);
		if (r == 0 && end <= time_monotonic())
			return;
		if (r <= 0)
			continue;
		if (!until || e->time <= until)
			r = send_event(req, f, e);
		event_free(e);
	}
}

static int events_handler(struct api_request *req, struct error *err)
{
	AUTO_FILTERS filters = { 0 };
	struct event_subscription *s;
	int64_t since, until;
	int r = api_query_time(req, "since", &since, err);

	if (r >= 0)
		r = api_query_time(req, "until", &until, err);
	if (r >= 0)
		r = api_query_filters(req, allowed, &filters, err);
	if (r < 0)
		return r;
	if (since && until && until < since)
		return error_set(err, ERROR_INVALID,
		                 "`since` time (%lld) must be before `until` time (%lld)",
		                 (long long)(since / NSEC_PER_SEC),
		                 (long long)(until / NSEC_PER_SEC));
	s = event_subscribe(req->engine->events, since);
	atomic_fetch_add(&req->engine->event_listeners, 1);
	if (http_begin(req->http, 200, "application/json", -1) >= 0 && http_flush(req->http) >= 0)
		follow(req, s, &filters, until);
	atomic_fetch_sub(&req->engine->event_listeners, 1);
	event_unsubscribe(s);
	if (http_end(req->http) < 0)
		http_request_abort(req->http);
	return 0;
}

static const struct api_route routes[] = {
	{ { GET, "/events" }, events_handler },
};
API_TABLE(api_event_routes, routes);
