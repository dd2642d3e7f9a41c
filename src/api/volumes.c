/* SPDX-License-Identifier: Apache-2.0 */
/* /volumes. */
#include "api/api-internal.h"
#include "base/fs.h"
#include "base/time.h"
#include "snapshot/snapshot.h"

static void optional_map(struct json_writer *w, const char *key, const struct strmap *m)
{
	if (m->len) {
		jw_kv_strmap(w, key, m);
	} else {
		jw_key(w, key);
		jw_null(w);
	}
}

/* size: bytes, -1 not counted, -2: without usage. */
static void write_volume(struct json_writer *w, const struct volume_info *v, int64_t size)
{
	jw_object(w);
	jw_kv_time(w, "CreatedAt", v->created - v->created % NSEC_PER_SEC);
	jw_kv_string(w, "Driver", v->driver);
	optional_map(w, "Labels", &v->labels);
	jw_kv_string(w, "Mountpoint", v->mountpoint);
	jw_kv_string(w, "Name", v->name);
	optional_map(w, "Options", &v->options);
	jw_kv_string(w, "Scope", v->scope ? v->scope : "local");
	if (size > -2) {
		jw_key(w, "UsageData");
		jw_object(w);
		jw_kv_i64(w, "RefCount", v->ref_count);
		jw_kv_i64(w, "Size", size);
		jw_object_end(w);
	}
	jw_object_end(w);
}

void api_volume(struct json_writer *w, const struct volume_info *v, int64_t size)
{
	write_volume(w, v, MAX(size, -1));
}

static int volume_list_handler(struct api_request *req, struct error *err)
{
	static const char *const allowed[] = { "dangling", "driver", "label", "name", NULL };
	CLEANUP(volume_list_done) struct volume_info_vec volumes = { 0 };
	AUTO_FILTERS f = { 0 };
	AUTO_STRBUF out = { 0 };
	struct json_writer w;
	bool dangling;
	int r = api_query_filters(req, allowed, &f, err);

	if (r >= 0)
		r = filters_bool(&f, "dangling", false, &dangling, err);
	if (r >= 0)
		r = volume_list(req->engine->volumes, &volumes, err);
	if (r < 0)
		return r;
	json_writer_init(&w, &out);
	jw_object(&w);
	jw_key(&w, "Volumes");
	jw_array(&w);
	vec_for_each (&volumes, v) {
		if (filters_get(&f, "dangling") && dangling != (v->ref_count == 0))
			continue;
		if (filters_contains(&f, "name", v->name) &&
		    filters_match(&f, "driver", v->driver) && filters_labels(&f, &v->labels))
			write_volume(&w, v, -2);
	}
	jw_array_end(&w);
	jw_key(&w, "Warnings");
	jw_null(&w);
	jw_object_end(&w);
	return api_respond_json(req, 200, &out);
}

struct create_body {
	char *name, *driver;
	struct strmap options, labels;
	json_t *cluster;
};

static const struct json_field create_fields[] = {
	JSON_FIELD(struct create_body, name, "Name", JSON_F_STRING),
	JSON_FIELD(struct create_body, driver, "Driver", JSON_F_STRING),
	JSON_FIELD(struct create_body, options, "DriverOpts", JSON_F_STRMAP),
	JSON_FIELD(struct create_body, labels, "Labels", JSON_F_STRMAP),
	JSON_FIELD(struct create_body, cluster, "ClusterVolumeSpec", JSON_F_RAW),
	JSON_FIELDS_END,
};

static int volume_create_handler(struct api_request *req, struct error *err)
{
	static const struct json_decode_options options = { .case_insensitive = true };
	CLEANUP(volume_info_done) struct volume_info v = { 0 };
	struct create_body body = { 0 };
	AUTO_JSON *json = NULL;
	AUTO_STRBUF out = { 0 };
	struct json_writer w;
	int r = api_read_json(req, true, &json, err);

	if (r >= 0 && json)
		r = json_fields_decode(json, create_fields, &body, &options, err);
	if (r >= 0 && json_is_object(body.cluster))
		r = error_set(err, ERROR_UNAVAILABLE,
		              "cluster volumes need a swarm, which this engine has not");
	if (r >= 0)
		r = volume_create(req->engine->volumes, body.name,
		                  str_empty_or_null(body.driver) ? "local" : body.driver,
		                  &body.options, &body.labels, &v, err);
	json_fields_clear(create_fields, &body);
	if (r < 0)
		return r;
	json_writer_init(&w, &out);
	write_volume(&w, &v, -2);
	return api_respond_json(req, 201, &out);
}

static int volume_inspect_handler(struct api_request *req, struct error *err)
{
	CLEANUP(volume_info_done) struct volume_info v = { 0 };
	AUTO_STRBUF out = { 0 };
	struct json_writer w;
	int r = volume_inspect(req->engine->volumes, api_param(req, "name"), &v, err);

	if (r < 0)
		return r;
	json_writer_init(&w, &out);
	write_volume(&w, &v, -2);
	return api_respond_json(req, 200, &out);
}

static int volume_remove_handler(struct api_request *req, struct error *err)
{
	int r = volume_remove(req->engine->volumes, api_param(req, "name"),
	                      api_query_bool(req, "force", false), err);

	return r < 0 ? r : api_respond_empty(req, 204);
}

static int volume_update_handler(struct api_request *req, struct error *err)
{
	return error_set(err, ERROR_UNAVAILABLE,
	                 "cluster volumes need a swarm, which this engine has not");
}

static int64_t size_of(const struct volume_info *v)
{
	AUTO_CLOSE int fd = open(v->mountpoint, O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

	return fd < 0 ? 0 : snapshot_tree_size(fd, ".");
}

/* Since 1.42 anonymous ones only, unless all is set. */
static int volume_prune_handler(struct api_request *req, struct error *err)
{
	static const char *const allowed[] = { "all", "label", "label!", NULL };
	CLEANUP(volume_list_done) struct volume_info_vec volumes = { 0 };
	AUTO_FILTERS f = { 0 };
	AUTO_STRBUF out = { 0 };
	struct json_writer w;
	int64_t bytes = 0;
	bool all;
	int r = api_query_filters(req, allowed, &f, err);

	if (r >= 0)
		r = filters_bool(&f, "all", req->version < API(1, 42), &all, err);
	if (r >= 0)
		r = volume_list(req->engine->volumes, &volumes, err);
	if (r < 0)
		return r;
	json_writer_init(&w, &out);
	jw_object(&w);
	jw_key(&w, "VolumesDeleted");
	jw_array(&w);
	vec_for_each (&volumes, v) {
		struct error ignored = { 0 };
		int64_t size;

		if (v->ref_count > 0 || (!all && !v->anonymous) || !filters_labels(&f, &v->labels))
			continue;
		size = size_of(v);
		if (volume_remove(req->engine->volumes, v->name, false, &ignored) < 0)
			continue;
		jw_string(&w, v->name);
		bytes += size;
	}
	jw_array_end(&w);
	jw_kv_i64(&w, "SpaceReclaimed", bytes);
	jw_object_end(&w);
	return api_respond_json(req, 200, &out);
}

/* clang-format off */
static const struct api_route routes[] = {
	{ { GET,    "/volumes" },        volume_list_handler },
	{ { POST,   "/volumes/create" }, volume_create_handler, .note = "partly: no cluster volumes" },
	{ { POST,   "/volumes/prune" },  volume_prune_handler, .min_api = API(1, 25) },
	{ { GET,    "/volumes/{name}" }, volume_inspect_handler },
	{ { PUT,    "/volumes/{name}" }, volume_update_handler, .note = "answers as a node without a swarm" },
	{ { DELETE, "/volumes/{name}" }, volume_remove_handler },
};
/* clang-format on */
API_TABLE(api_volume_routes, routes);
