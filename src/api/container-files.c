/* SPDX-License-Identifier: Apache-2.0 */
/* /containers/{id}: archive (cp), export, changes (diff), commit. */
#include "api/api-internal.h"
#include "base/time.h"

static int archive_path(struct api_request *req, const char **ret, struct error *err)
{
	*ret = api_query(req, "path");
	return *ret ? 0 : error_set(err, ERROR_INVALID, "missing path parameter");
}

static void set_stat_header(struct api_request *req, const struct path_stat *s)
{
	AUTO_STRBUF json = { 0 }, encoded = { 0 };
	struct json_writer w;

	json_writer_init(&w, &json);
	jw_object(&w);
	jw_kv_string(&w, "name", s->name);
	jw_kv_i64(&w, "size", s->size);
	jw_kv_i64(&w, "mode", s->go_mode);
	jw_kv_time(&w, "mtime", s->mtime);
	jw_kv_string(&w, "linkTarget", s->link_target);
	jw_object_end(&w);
	strbuf_add_base64(&encoded, json.ptr, json.len, false);
	http_set_header(req->http, "X-Docker-Container-Path-Stat", strbuf_cstr(&encoded));
}

static void path_stat_done(struct path_stat *s)
{
	free(s->name);
	free(s->link_target);
}

/* What the jobs below need; run in a thread of their own. */
struct file_job {
	struct api_request *req;
	struct container *c;
	const char *path;
	int fd;
	bool no_overwrite, copy_ids;
};

/* What is not there is told with the container's name as the client has given it. */
static int find_file(struct api_request *req, struct container *c, const char *path,
                     struct path_stat *ret, struct error *err)
{
	int r = container_path_stat(c, path, ret, err);

	if (r < 0 && err->kind == ERROR_NOT_FOUND)
		return error_set(err, ERROR_NOT_FOUND, "Could not find the file %s in container %s",
		                 path, api_param(req, "id"));
	return r;
}

static int archive_stat_handler(struct api_request *req, struct error *err)
{
	CLEANUP(container_unref_ptr) struct container *c = NULL;
	CLEANUP(path_stat_done) struct path_stat s = { 0 };
	const char *path;
	int r = archive_path(req, &path, err);

	if (r >= 0)
		r = api_find_container(req, &c, err);
	if (r >= 0)
		r = find_file(req, c, path, &s, err);
	if (r < 0)
		return r;
	set_stat_header(req, &s);
	return api_respond_empty(req, 200);
}

static int run_get(void *ctx, const struct job *job, struct error *err)
{
	struct file_job *f = ctx;
	CLEANUP(path_stat_done) struct path_stat s = { 0 };

	return container_archive_get(f->c, f->path, &s, f->fd, err);
}

static int archive_get_handler(struct api_request *req, struct error *err)
{
	CLEANUP(container_unref_ptr) struct container *c = NULL;
	CLEANUP(path_stat_done) struct path_stat s = { 0 };
	struct file_job f = { .req = req };
	int r = archive_path(req, &f.path, err);

	if (r >= 0)
		r = api_find_container(req, &c, err);
	if (r >= 0)
		r = find_file(req, c, f.path, &s, err);
	if (r < 0)
		return r;
	set_stat_header(req, &s);
	f.c = c;
	return api_stream_download(req, "application/x-tar", &f.fd, run_get, &f, err);
}

static int run_put(void *ctx, const struct job *job, struct error *err)
{
	struct file_job *f = ctx;

	return container_archive_put(f->c, f->path, f->fd, f->no_overwrite, f->copy_ids, err);
}

static int archive_put_handler(struct api_request *req, struct error *err)
{
	CLEANUP(container_unref_ptr) struct container *c = NULL;
	struct file_job f = {
		.req = req,
		.no_overwrite = api_query_bool(req, "noOverwriteDirNonDir", false),
		.copy_ids = api_query_bool(req, "copyUIDGID", false),
	};
	int r = archive_path(req, &f.path, err);

	if (r >= 0)
		r = api_find_container(req, &c, err);
	if (r < 0)
		return r;
	f.c = c;
	r = api_pump_upload(req, &f.fd, run_put, &f, err);
	return r < 0 ? r : api_respond_empty(req, 200);
}

static int run_export(void *ctx, const struct job *job, struct error *err)
{
	struct file_job *f = ctx;

	return container_export(f->c, f->fd, err);
}

static int container_export_handler(struct api_request *req, struct error *err)
{
	CLEANUP(container_unref_ptr) struct container *c = NULL;
	struct file_job f = { .req = req };
	int r = api_find_container(req, &c, err);

	if (r < 0)
		return r;
	f.c = c;
	return api_stream_download(req, "application/octet-stream", &f.fd, run_export, &f, err);
}

static int write_change(void *ctx, char kind, const char *path)
{
	struct json_writer *w = ctx;

	jw_object(w);
	jw_kv_string(w, "Path", path);
	jw_kv_i64(w, "Kind", kind == 'C' ? 0 : kind == 'A' ? 1 : 2);
	jw_object_end(w);
	return 0;
}

static int container_changes_handler(struct api_request *req, struct error *err)
{
	CLEANUP(container_unref_ptr) struct container *c = NULL;
	AUTO_STRBUF out = { 0 };
	struct json_writer w;
	size_t empty;
	int r = api_find_container(req, &c, err);

	if (r < 0)
		return r;
	json_writer_init(&w, &out);
	jw_array(&w);
	empty = out.len;
	r = container_changes(c, write_change, &w, err);
	if (r < 0)
		return r;
	if (out.len == empty) { /* Docker says null here */
		strbuf_clear(&out);
		strbuf_puts(&out, "null");
	} else {
		jw_array_end(&w);
	}
	return api_respond_json(req, 200, &out);
}

static int commit_changes(struct api_request *req, struct strv *changes)
{
	for (size_t i = 0; i < req->http->n_query; i++)
		if (streq(req->http->query[i].name, "changes") && *req->http->query[i].value)
			strv_add(changes, req->http->query[i].value);
	return 0;
}

static int commit_reference(struct api_request *req, struct reference *ref, struct error *err)
{
	const char *repo = api_query(req, "repo");
	int r;

	if (!repo)
		return 0;
	r = api_reference(repo, api_query(req, "tag"), ref, err);
	if (r >= 0 && digest_is_set(&ref->digest))
		return error_set(err, ERROR_INVALID, "cannot commit to digest reference");
	if (r >= 0)
		reference_default_tag(ref);
	return r < 0 ? r : 1;
}

static int container_commit_handler(struct api_request *req, struct error *err)
{
	static const struct json_decode_options options = { .case_insensitive = true };
	CLEANUP(container_unref_ptr) struct container *c = NULL;
	struct image_run_config config = { 0 };
	AUTO_REFERENCE ref = { 0 };
	AUTO_STRV changes = { 0 };
	AUTO_JSON *body = NULL;
	char id[DIGEST_TEXT_MAX];
	struct digest digest;
	struct commit_options o = {
		.comment = api_query(req, "comment"),
		.author = api_query(req, "author"),
		.pause = api_query_bool(req, "pause", true),
		.changes = &changes,
	};
	const char *name = api_query(req, "container");
	int r = container_find(req->engine->containers, name ? name : "", &c, err);

	if (r >= 0)
		r = api_read_json(req, true, &body, err);
	if (r >= 0 && json_is_object(body)) {
		r = json_fields_decode(body, image_run_config_fields, &config, &options, err);
		/* the CLI sends an empty object when it has nothing to change */
		o.config = r >= 0 && json_object_size(body) > 0 ? &config : NULL;
	}
	if (r >= 0)
		r = commit_reference(req, &ref, err);
	if (r >= 0) {
		o.tag = r > 0 ? &ref : NULL;
		commit_changes(req, &changes);
		r = container_commit(c, &o, &digest, err);
	}
	json_fields_clear(image_run_config_fields, &config);
	return r < 0 ? r : api_respond_id(req, 201, digest_format(&digest, id), NULL);
}

/* clang-format off */
static const struct api_route routes[] = {
	{ { HEAD, "/containers/{id}/archive" }, archive_stat_handler },
	{ { GET,  "/containers/{id}/archive" }, archive_get_handler },
	{ { PUT,  "/containers/{id}/archive" }, archive_put_handler },
	{ { GET,  "/containers/{id}/export" },  container_export_handler },
	{ { GET,  "/containers/{id}/changes" }, container_changes_handler },
	{ { POST, "/commit" },                  container_commit_handler },
};
/* clang-format on */
API_TABLE(api_container_file_routes, routes);
