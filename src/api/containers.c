/* SPDX-License-Identifier: Apache-2.0 */
/* /containers: what is done to them. Their shapes are in container-json.c, their streams in
 * container-io.c, their files in container-files.c. */
#include <limits.h>

#include "api/api-internal.h"
#include "base/time.h"

static int container_create_handler(struct api_request *req, struct error *err)
{
	struct container_create_request body = { 0 };
	struct platform platform = { 0 };
	AUTO_STRBUF text = { 0 };
	AUTO_STRV warnings = { 0 };
	AUTO_FREE char *id = NULL;
	int r = api_check_json_type(req, err);

	if (r < 0)
		return r;
	r = http_read_all(req->http, API_BODY_MAX, &text, err);
	if (r >= 0)
		r = api_query_platform(req, &platform, err);
	if (r >= 0)
		r = container_create_request_parse(strbuf_str(&text), &body, err);
	if (r >= 0)
		r = container_create(req->engine->containers, api_query(req, "name"),
		                     platform.os || platform.architecture ? &platform : NULL, &body,
		                     &warnings, &id, err);
	container_create_request_done(&body);
	platform_done(&platform);
	return r < 0 ? r : api_respond_id(req, 201, id, &warnings);
}

/* Handlers that find a container, do one thing and have nothing to say. */
typedef int (*act_fn)(struct api_request *req, struct container *c, struct error *err);

static int act(struct api_request *req, act_fn fn, struct error *err)
{
	CLEANUP(container_unref_ptr) struct container *c = NULL;
	int r = api_find_container(req, &c, err);

	if (r >= 0)
		r = fn(req, c, err);
	return r < 0 ? r : api_respond_empty(req, 204);
}

static int do_start(struct api_request *req, struct container *c, struct error *err)
{
	return container_start(c, api_query(req, "detachKeys"), err);
}

static int container_start_handler(struct api_request *req, struct error *err)
{
	return act(req, do_start, err);
}

/* t= as a pointer: NULL when the container's own is meant. */
static int stop_timeout(struct api_request *req, int *seconds, const int **ret, struct error *err)
{
	int64_t t;
	int r = api_query_i64(req, "t", &t, err);

	*ret = NULL;
	if (r <= 0)
		return r;
	*seconds = (int)MAX(MIN(t, INT_MAX), -1);
	*ret = seconds;
	return 0;
}

static int do_stop(struct api_request *req, struct container *c, struct error *err)
{
	const int *timeout;
	int seconds;
	int r = stop_timeout(req, &seconds, &timeout, err);

	return r < 0 ? r : container_stop(c, timeout, api_query(req, "signal"), err);
}

static int container_stop_handler(struct api_request *req, struct error *err)
{
	return act(req, do_stop, err);
}

static int do_restart(struct api_request *req, struct container *c, struct error *err)
{
	const int *timeout;
	int seconds;
	int r = stop_timeout(req, &seconds, &timeout, err);

	return r < 0 ? r : container_restart(c, timeout, api_query(req, "signal"), err);
}

static int container_restart_handler(struct api_request *req, struct error *err)
{
	return act(req, do_restart, err);
}

static int do_kill(struct api_request *req, struct container *c, struct error *err)
{
	return container_kill(c, api_query(req, "signal"), err);
}

static int container_kill_handler(struct api_request *req, struct error *err)
{
	return act(req, do_kill, err);
}

static int do_pause(struct api_request *req, struct container *c, struct error *err)
{
	return container_pause(c, err);
}

static int container_pause_handler(struct api_request *req, struct error *err)
{
	return act(req, do_pause, err);
}

static int do_unpause(struct api_request *req, struct container *c, struct error *err)
{
	return container_unpause(c, err);
}

static int container_unpause_handler(struct api_request *req, struct error *err)
{
	return act(req, do_unpause, err);
}

static int do_rename(struct api_request *req, struct container *c, struct error *err)
{
	const char *name = api_query(req, "name");

	if (!name)
		return error_set(err, ERROR_INVALID, "Neither old nor new names may be empty");
	return container_rename(c, name, err);
}

static int container_rename_handler(struct api_request *req, struct error *err)
{
	return act(req, do_rename, err);
}

static int do_remove(struct api_request *req, struct container *c, struct error *err)
{
	const struct container_remove_options o = {
		.force = api_query_bool(req, "force", false),
		.volumes = api_query_bool(req, "v", false),
		.link = api_query_bool(req, "link", false),
	};

	return container_remove(c, &o, err);
}

static int container_remove_handler(struct api_request *req, struct error *err)
{
	return act(req, do_remove, err);
}

static int container_update_handler(struct api_request *req, struct error *err)
{
	static const struct json_decode_options options = { .case_insensitive = true };
	CLEANUP(container_unref_ptr) struct container *c = NULL;
	struct host_config resources = { 0 };
	AUTO_JSON *body = NULL;
	AUTO_STRV warnings = { 0 };
	AUTO_STRBUF out = { 0 };
	struct json_writer w;
	int r = api_find_container(req, &c, err);

	if (r >= 0)
		r = api_read_json(req, false, &body, err);
	if (r >= 0)
		r = json_fields_decode(body, host_config_fields, &resources, &options, err);
	if (r >= 0)
		r = container_update(c, &resources, body, &warnings, err);
	host_config_done(&resources);
	if (r < 0)
		return r;
	json_writer_init(&w, &out);
	jw_object(&w);
	jw_kv_strv(&w, "Warnings", &warnings);
	jw_object_end(&w);
	return api_respond_json(req, 200, &out);
}

static int container_top_handler(struct api_request *req, struct error *err)
{
	CLEANUP(container_unref_ptr) struct container *c = NULL;
	const char *args = api_query(req, "ps_args");
	struct strv_vec rows = { 0 };
	AUTO_STRV titles = { 0 };
	AUTO_STRBUF out = { 0 };
	struct json_writer w;
	int r = api_find_container(req, &c, err);

	if (r >= 0)
		r = container_top(c, args ? args : "-ef", &titles, &rows, err);
	json_writer_init(&w, &out);
	jw_object(&w);
	jw_kv_strv(&w, "Titles", &titles);
	jw_key(&w, "Processes");
	jw_array(&w);
	vec_for_each (&rows, row) {
		jw_array(&w);
		vec_for_each (row, cell)
			jw_string(&w, *cell);
		jw_array_end(&w);
		strv_done(row);
	}
	strv_vec_done(&rows);
	jw_array_end(&w);
	jw_object_end(&w);
	return r < 0 ? r : api_respond_json(req, 200, &out);
}

/* What prune takes: stopped for good, old enough, labelled so. */
static bool may_prune(const struct container_info *i, const struct filters *f, int64_t until)
{
	if (i->status != CONTAINER_CREATED && i->status != CONTAINER_EXITED &&
	    i->status != CONTAINER_DEAD)
		return false;
	if (until && i->created > until)
		return false;
	return filters_labels(f, &i->config.labels);
}

static int prune_one(struct api_request *req, const char *id, struct error *err)
{
	const struct container_remove_options o = { 0 };
	CLEANUP(container_unref_ptr) struct container *c = NULL;
	int r = container_find(req->engine->containers, id, &c, err);

	return r < 0 ? r : container_remove(c, &o, err);
}

static int container_prune_handler(struct api_request *req, struct error *err)
{
	static const char *const allowed[] = { "label", "label!", "until", NULL };
	AUTO_CONTAINER_INFOS infos = { 0 };
	AUTO_FILTERS filters = { 0 };
	AUTO_STRBUF out = { 0 };
	struct json_writer w;
	int64_t until, bytes = 0;
	int r = api_query_filters(req, allowed, &filters, err);

	if (r >= 0)
		r = filters_until(&filters, &until, err);
	if (r < 0)
		return r;
	api_container_infos(req, true, &infos);
	json_writer_init(&w, &out);
	jw_object(&w);
	jw_key(&w, "ContainersDeleted");
	jw_array(&w);
	vec_for_each (&infos, i) {
		struct error ignored = { 0 };

		if (!may_prune(*i, &filters, until) || prune_one(req, (*i)->id, &ignored) < 0)
			continue;
		jw_string(&w, (*i)->id);
		bytes += (*i)->rw_size;
	}
	jw_array_end(&w);
	jw_kv_i64(&w, "SpaceReclaimed", bytes);
	jw_object_end(&w);
	return api_respond_json(req, 200, &out);
}

static int container_inspect_handler(struct api_request *req, struct error *err)
{
	CLEANUP(container_unref_ptr) struct container *c = NULL;
	CLEANUP(container_info_free_ptr) struct container_info *info = NULL;
	AUTO_STRBUF out = { 0 };
	struct json_writer w;
	int r = api_find_container(req, &c, err);

	if (r < 0)
		return r;
	info = container_inspect(c, api_query_bool(req, "size", false));
	json_writer_init(&w, &out);
	api_container_inspect(req, &w, info);
	return api_respond_json(req, 200, &out);
}

/* clang-format off */
static const struct api_route routes[] = {
	{ { GET,    "/containers/json" },         api_container_list },
	{ { POST,   "/containers/create" },       container_create_handler },
	{ { POST,   "/containers/prune" },        container_prune_handler, .min_api = API(1, 25) },
	{ { GET,    "/containers/{id}/json" },    container_inspect_handler },
	{ { GET,    "/containers/{id}/top" },     container_top_handler },
	{ { POST,   "/containers/{id}/start" },   container_start_handler },
	{ { POST,   "/containers/{id}/stop" },    container_stop_handler },
	{ { POST,   "/containers/{id}/restart" }, container_restart_handler },
	{ { POST,   "/containers/{id}/kill" },    container_kill_handler },
	{ { POST,   "/containers/{id}/pause" },   container_pause_handler },
	{ { POST,   "/containers/{id}/unpause" }, container_unpause_handler },
	{ { POST,   "/containers/{id}/rename" },  container_rename_handler },
	{ { POST,   "/containers/{id}/update" },  container_update_handler },
	{ { DELETE, "/containers/{id}" },         container_remove_handler },
};
/* clang-format on */
API_TABLE(api_container_routes, routes);
