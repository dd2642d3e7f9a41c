/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What the resources' files share. A handler reads its request through the helpers here, calls
 * the engine, and answers once; when it fails before the first byte it returns the error and the
 * router renders it. After the first byte an error belongs into the stream.
 */
#include "api/api.h"
#include "api/filters.h"
#include "http/router.h"
#include "image/image.h"
#include "json/fields.h"
#include "json/json.h"
#include "json/writer.h"

#define API(major, minor) ((major) * 1000 + (minor))
enum { API_NEWEST = API(1, 51), API_OLDEST = API(1, 24), API_BODY_MAX = 4 * 1024 * 1024 };

struct api_request {
	struct http_request *http;
	struct engine *engine;
	struct arena *arena;
	unsigned version; /* API(1, 47) */
	const struct http_route_params *params;
};

typedef int (*api_handler_fn)(struct api_request *req, struct error *err);

struct api_route {
	struct http_route route; /* first: http_route_match() strides over it */
	api_handler_fn handler;
	unsigned min_api;  /* 0: always */
	const char *note; /* for the coverage: NULL is whole, else what is missing */
};

#define GET  (1u << HTTP_GET)
#define HEAD (1u << HTTP_HEAD)
#define POST (1u << HTTP_POST)
#define PUT  (1u << HTTP_PUT)
#define DELETE (1u << HTTP_DELETE)

struct api_table {
	const struct api_route *routes;
	size_t n;
};
extern const struct api_table api_build_routes, api_container_routes, api_container_io_routes, api_container_file_routes,
	api_distribution_routes, api_event_routes, api_exec_routes, api_image_routes, api_image_transfer_routes,
	api_network_routes, api_plugin_routes, api_swarm_routes, api_system_routes, api_volume_routes;
#define API_TABLE(name, table) const struct api_table name = { table, ARRAY_SIZE(table) }

/* request.c: reading */
const char *api_param(const struct api_request *req, const char *name);
const char *api_query(const struct api_request *req, const char *name); /* NULL when absent or empty */
bool api_query_bool(const struct api_request *req, const char *name, bool def);
/* 1 given, 0 not, INVALID when no number. */
int api_query_i64(const struct api_request *req, const char *name, int64_t *ret, struct error *err) MUST_USE;
/* since/until; 0 when absent. */
int api_query_time(const struct api_request *req, const char *name, int64_t *ret, struct error *err) MUST_USE;
/* The filters= parameter checked against allowed (NULL-terminated). */
int api_query_filters(const struct api_request *req, const char *const *allowed, struct filters *ret,
		      struct error *err) MUST_USE;
/* The platform= parameter; untouched when absent. */
int api_query_platform(const struct api_request *req, struct platform *ret, struct error *err) MUST_USE;
/* A JSON body. Empty: NULL in *ret when optional, else INVALID. */
int api_read_json(struct api_request *req, bool optional, json_t **ret, struct error *err) MUST_USE;
/* Its Content-Type must be JSON: 400 in Docker's words. */
int api_check_json_type(struct api_request *req, struct error *err) MUST_USE;
int api_decode(struct api_request *req, const struct json_field *fields, void *out, struct error *err) MUST_USE;
/* X-Registry-Auth; strings live in the request's arena. Absent or broken: all NULL. */
void api_registry_auth(struct api_request *req, struct remote_credentials *ret);
/* Reference in familiar terms from name and tag as clients send them apart; tag may be a digest. */
int api_reference(const char *name, const char *tag, struct reference *ret, struct error *err) MUST_USE;
/* For calls that wait: the client went away, or we are stopping. ctx is the api_request. */
bool api_gone(void *ctx);
int api_find_container(struct api_request *req, struct container **ret, struct error *err) MUST_USE; /* {id} */

/* request.c: answering */
int api_respond_json(struct api_request *req, int status, const struct strbuf *json);
int api_respond_empty(struct api_request *req, int status);
int api_respond_id(struct api_request *req, int status, const char *id, const struct strv *warnings);

/* stream.c: jobs with a stream of JSON messages. The job runs in a thread of its own, this thread writes what
 * it says and watches the client, who cancels the job by leaving. */
typedef int (*api_job_fn)(void *ctx, const struct job *job, struct error *err);
/* Answers 200 with the first message; an error before it is returned. */
int api_stream_job(struct api_request *req, api_job_fn run, void *ctx, struct error *err) MUST_USE;
/* The same, with the body pumped into a pipe whose reading end run finds in *body_fd. */
int api_stream_upload(struct api_request *req, int *body_fd, api_job_fn run, void *ctx, struct error *err) MUST_USE;
/* The body into a pipe that run reads; no stream of messages: the caller answers. */
int api_pump_upload(struct api_request *req, int *body_fd, api_job_fn run, void *ctx, struct error *err) MUST_USE;
/* What run writes to *out_fd becomes the body. */
int api_stream_download(struct api_request *req, const char *content_type, int *out_fd, api_job_fn run, void *ctx,
			struct error *err) MUST_USE;

/* hijack.c: takes the connection over as Docker's clients expect it. */
/* ... and runs a over it to the end; takes a. */
int api_run_attachment(struct api_request *req, struct attachment *a, bool tty, struct error *err) MUST_USE;

int api_container_list(struct api_request *req, struct error *err); /* container-list.c */

/* Shapes shared by list, inspect and df. */
void api_container_summary(struct api_request *req, struct json_writer *w, const struct container_info *i);
void api_container_inspect(struct api_request *req, struct json_writer *w, const struct container_info *i);
void api_image_summary(struct api_request *req, struct json_writer *w, const struct image *i, int64_t containers,
		       int64_t shared);
void api_volume(struct json_writer *w, const struct volume_info *v, int64_t size);
/* Copies of every container; free each, then the vector: api_container_infos_done(). */
DEFINE_VEC(container_info_vec, struct container_info *);
void api_container_infos(struct api_request *req, bool size, struct container_info_vec *ret);
void api_container_infos_done(struct container_info_vec *v);
#define AUTO_CONTAINER_INFOS CLEANUP(api_container_infos_done) struct container_info_vec
void jw_kv_strmap(struct json_writer *w, const char *key, const struct strmap *m); /* {} when empty */
