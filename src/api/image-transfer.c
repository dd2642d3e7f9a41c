/* SPDX-License-Identifier: Apache-2.0 */
/* /images/create (pull, import), push, get (save), load. */
#include <errno.h>

#include "api/api-internal.h"
#include "base/fs.h"

struct transfer {
	struct image_store *store;
	struct reference ref;
	bool has_tag, all, quiet;
	struct platform platform;
	struct remote_credentials credentials;
	struct strv names, changes;
	const char *message;
	int fd;
};

static void transfer_done(struct transfer *t)
{
	reference_done(&t->ref);
	platform_done(&t->platform);
	strv_done(&t->names);
	strv_done(&t->changes);
}

static const struct platform *wanted_platform(const struct transfer *t)
{
	return t->platform.os || t->platform.architecture ? &t->platform : NULL;
}

static int run_pull(void *ctx, const struct job *job, struct error *err)
{
	struct transfer *t = ctx;

	return image_pull(t->store, &t->ref, wanted_platform(t), &t->credentials, job, err);
}

static int pull(struct api_request *req, struct transfer *t, struct error *err)
{
	int r = api_reference(api_query(req, "fromImage"), api_query(req, "tag"), &t->ref, err);

	if (r < 0)
		return r;
	reference_default_tag(&t->ref);
	api_registry_auth(req, &t->credentials);
	return api_stream_job(req, run_pull, t, err);
}

static int run_import(void *ctx, const struct job *job, struct error *err)
{
	struct transfer *t = ctx;
	char text[DIGEST_TEXT_MAX];
	struct digest id;
	int r = image_import(t->store, t->fd, t->has_tag ? &t->ref : NULL, t->message, &t->changes,
	                     wanted_platform(t), job, &id, err);

	if (r >= 0)
		job->progress(job->ctx, &(struct progress){ .status = digest_format(&id, text) });
	return r;
}

static int import(struct api_request *req, struct transfer *t, struct error *err)
{
	const char *source = api_query(req, "fromSrc"), *repo = api_query(req, "repo");
	int r = 0;

	if (!streq(source, "-"))
		return error_set(
			err, ERROR_NOT_IMPLEMENTED,
			"importing from a URL is not supported: download %s and import the file",
			source);
	if (repo) {
		r = api_reference(repo, api_query(req, "tag"), &t->ref, err);
		if (r >= 0 && digest_is_set(&t->ref.digest))
			r = error_set(err, ERROR_INVALID, "cannot import digest reference");
		reference_default_tag(&t->ref);
		t->has_tag = true;
	}
	if (r < 0)
		return r;
	t->message = api_query(req, "message");
	for (size_t i = 0; i < req->http->n_query; i++)
		if (streq(req->http->query[i].name, "changes") && *req->http->query[i].value)
			strv_add(&t->changes, req->http->query[i].value);
	return api_stream_upload(req, &t->fd, run_import, t, err);
}

static int image_create_handler(struct api_request *req, struct error *err)
{
	CLEANUP(transfer_done) struct transfer t = { .store = req->engine->images };
	int r = api_query_platform(req, &t.platform, err);

	if (r < 0)
		return r;
	if (api_query(req, "fromImage"))
		return pull(req, &t, err);
	if (api_query(req, "fromSrc"))
		return import(req, &t, err);
	return error_set(err, ERROR_INVALID, "fromImage or fromSrc is needed");
}

static int run_push(void *ctx, const struct job *job, struct error *err)
{
	struct transfer *t = ctx;

	return image_push(t->store, &t->ref, t->all, &t->credentials, job, err);
}

static int image_push_handler(struct api_request *req, struct error *err)
{
	CLEANUP(transfer_done) struct transfer t = { .store = req->engine->images };
	int r = api_reference(api_param(req, "name"), api_query(req, "tag"), &t.ref, err);

	if (r < 0)
		return r;
	t.all = !t.ref.tag && !digest_is_set(&t.ref.digest);
	api_registry_auth(req, &t.credentials);
	return api_stream_job(req, run_push, &t, err);
}

static int run_save(void *ctx, const struct job *job, struct error *err)
{
	struct transfer *t = ctx;

	return image_save(t->store, &t->names, t->fd, job, err);
}

static int image_save_one_handler(struct api_request *req, struct error *err)
{
	CLEANUP(transfer_done) struct transfer t = { .store = req->engine->images };

	strv_add(&t.names, api_param(req, "name"));
	return api_stream_download(req, "application/x-tar", &t.fd, run_save, &t, err);
}

static int image_save_handler(struct api_request *req, struct error *err)
{
	CLEANUP(transfer_done) struct transfer t = { .store = req->engine->images };

	for (size_t i = 0; i < req->http->n_query; i++)
		if (streq(req->http->query[i].name, "names"))
			strv_add(&t.names, req->http->query[i].value);
	if (t.names.len == 0)
		return error_set(err, ERROR_INVALID, "no image names were given to save");
	return api_stream_download(req, "application/x-tar", &t.fd, run_save, &t, err);
}

static int run_load(void *ctx, const struct job *job, struct error *err)
{
	struct transfer *t = ctx;

	return image_load(t->store, t->fd, t->quiet, job, err);
}

static int image_load_handler(struct api_request *req, struct error *err)
{
	CLEANUP(transfer_done)
	struct transfer t = {
		.store = req->engine->images,
		.quiet = api_query_bool(req, "quiet", false),
	};

	return api_stream_upload(req, &t.fd, run_load, &t, err);
}

/* clang-format off */
static const struct api_route routes[] = {
	{ { POST, "/images/create" },         image_create_handler, .note = "partly: fromSrc takes the body, no URL" },
	{ { GET,  "/images/get" },            image_save_handler },
	{ { POST, "/images/load" },           image_load_handler },
	{ { GET,  "/images/{name...}/get" },  image_save_one_handler },
	{ { POST, "/images/{name...}/push" }, image_push_handler },
};
/* clang-format on */
API_TABLE(api_image_transfer_routes, routes);
