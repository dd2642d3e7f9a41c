/* SPDX-License-Identifier: Apache-2.0 */
/* /containers/{id}: attach, logs, wait, stats, resize: what stays open. */
#include <time.h>

#include "api/api-internal.h"
#include "base/time.h"

static int container_attach_handler(struct api_request *req, struct error *err)
{
	CLEANUP(container_unref_ptr) struct container *c = NULL;
	CLEANUP(container_info_free_ptr) struct container_info *info = NULL;
	const struct attach_options o = {
		.stdin_ = api_query_bool(req, "stdin", false),
		.stdout_ = api_query_bool(req, "stdout", false),
		.stderr_ = api_query_bool(req, "stderr", false),
		.logs = api_query_bool(req, "logs", false),
		.stream = api_query_bool(req, "stream", false),
		.detach_keys = api_query(req, "detachKeys"),
	};
	struct attachment *attachment = NULL;
	int r = api_find_container(req, &c, err);

	if (r < 0)
		return r;
	info = container_inspect(c, false);
	r = container_attach(c, &o, &attachment, err);
	if (r < 0)
		return r;
	return api_run_attachment(req, attachment, info->config.tty, err);
}

static int attach_websocket_handler(struct api_request *req, struct error *err)
{
	return error_set(
		err, ERROR_NOT_IMPLEMENTED,
		"attaching by WebSocket is not supported: use POST /containers/{id}/attach");
}

/* The 200 goes out at once: clients wait for it before they send the start. */
static int container_wait_handler(struct api_request *req, struct error *err)
{
	CLEANUP(container_unref_ptr) struct container *c = NULL;
	const char *condition = api_query(req, "condition");
	enum container_wait_condition until = WAIT_NOT_RUNNING;
	struct container_wait *wait;
	AUTO_FREE char *message = NULL;
	AUTO_STRBUF out = { 0 };
	struct json_writer w;
	int status = 0, r;

	if (condition && streq(condition, "next-exit"))
		until = WAIT_NEXT_EXIT;
	else if (condition && streq(condition, "removed"))
		until = WAIT_REMOVED;
	else if (condition && !streq(condition, "not-running"))
		return error_set(err, ERROR_INVALID, "invalid condition: \"%s\"", condition);
	r = api_find_container(req, &c, err);
	if (r < 0)
		return r;
	wait = container_wait_begin(c, until);
	if (req->version >= API(1, 30) &&
	    (http_begin(req->http, 200, "application/json", -1) < 0 || http_flush(req->http) < 0)) {
		http_request_abort(req->http);
		return container_wait_finish(wait, api_gone, req, &status, &message, err);
	}
	r = container_wait_finish(wait, api_gone, req, &status, &message, err);
	if (r < 0) {
		if (http_answered(req->http))
			http_request_abort(req->http);
		return r;
	}
	json_writer_init(&w, &out);
	jw_object(&w);
	jw_kv_i64(&w, "StatusCode", status);
	if (!str_empty_or_null(message)) {
		jw_key(&w, "Error");
		jw_object(&w);
		jw_kv_string(&w, "Message", message);
		jw_object_end(&w);
	}
	jw_object_end(&w);
	if (!http_answered(req->http))
		return api_respond_json(req, 200, &out);
	strbuf_putc(&out, '\n');
	if (http_write(req->http, out.ptr, out.len) < 0 || http_end(req->http) < 0)
		http_request_abort(req->http);
	return 0;
}

static int container_resize_handler(struct api_request *req, struct error *err)
{
	CLEANUP(container_unref_ptr) struct container *c = NULL;
	int64_t height = 0, width = 0;
	int r = api_query_i64(req, "h", &height, err);

	if (r >= 0)
		r = api_query_i64(req, "w", &width, err);
	if (r >= 0 && (height < 0 || width < 0 || height > UINT16_MAX || width > UINT16_MAX))
		r = error_set(err, ERROR_INVALID, "invalid terminal size %lldx%lld",
		              (long long)width, (long long)height);
	if (r >= 0)
		r = api_find_container(req, &c, err);
	if (r >= 0)
		r = container_resize(c, (unsigned)height, (unsigned)width, err);
	return r < 0 ? r : api_respond_empty(req, 200);
}

/* Log lines go out as they come; frames unless there is a terminal. */
struct log_writer {
	struct api_request *req;
	bool tty, follow;
};

static int write_log(void *ctx, int stream, const void *data, size_t n)
{
	struct log_writer *l = ctx;
	struct http_request *http = l->req->http;
	const uint8_t head[8] = {
		(uint8_t)stream,   0,         0, 0, (uint8_t)(n >> 24), (uint8_t)(n >> 16),
		(uint8_t)(n >> 8), (uint8_t)n
	};
	int r = l->tty ? 0 : http_write(http, head, sizeof(head));

	if (r >= 0)
		r = http_write(http, data, n);
	if (r >= 0 && l->follow)
		r = http_flush(http);
	return r;
}

static bool log_gone(void *ctx)
{
	struct log_writer *l = ctx;

	return api_gone(l->req);
}

static int parse_log_options(struct api_request *req, struct log_options *o, struct error *err)
{
	const char *tail = api_query(req, "tail");
	int r = api_query_time(req, "since", &o->since, err);

	o->stdout_ = api_query_bool(req, "stdout", false);
	o->stderr_ = api_query_bool(req, "stderr", false);
	o->follow = api_query_bool(req, "follow", false);
	o->timestamps = api_query_bool(req, "timestamps", false);
	o->details = api_query_bool(req, "details", false);
	o->tail = -1;
	if (r >= 0)
		r = api_query_time(req, "until", &o->until, err);
	if (r < 0)
		return r;
	/* as Docker: what is no number means all */
	if (tail && (parse_i64(tail, &o->tail) < 0 || o->tail < 0))
		o->tail = -1;
	if (!o->stdout_ && !o->stderr_)
		return error_set(err, ERROR_INVALID,
		                 "Bad parameters: you must choose at least one stream");
	return 0;
}

static int container_logs_handler(struct api_request *req, struct error *err)
{
	CLEANUP(container_unref_ptr) struct container *c = NULL;
	CLEANUP(container_info_free_ptr) struct container_info *info = NULL;
	struct log_writer l = { .req = req };
	struct log_options o = { 0 };
	const char *type = "application/vnd.docker.raw-stream";
	int r = parse_log_options(req, &o, err);

	if (r >= 0)
		r = api_find_container(req, &c, err);
	if (r < 0)
		return r;
	info = container_inspect(c, false);
	if (streq_null(info->host_config.log_config.type, "none"))
		return error_set(err, ERROR_NOT_IMPLEMENTED,
		                 "configured logging driver does not support reading");
	l.tty = info->config.tty;
	l.follow = o.follow;
	if (!l.tty && req->version >= API(1, 42))
		type = "application/vnd.docker.multiplexed-stream";
	if (http_begin(req->http, 200, type, -1) < 0 || http_flush(req->http) < 0)
		return error_set(err, ERROR_CANCELLED, "the client is gone");
	r = container_logs(c, &o, write_log, log_gone, &l, err);
	if (r < 0 || http_end(req->http) < 0)
		http_request_abort(req->http);
	return r;
}

/* One sample, read back so that it can stand in for the next one's past. */
static json_t *take_sample(struct container *c, struct error *err)
{
	AUTO_STRBUF text = { 0 };
	struct json_writer w;
	int r;

	json_writer_init(&w, &text);
	r = container_stats(c, &w, err);
	return r < 0 ? NULL : json_parse(strbuf_str(&text), err);
}

static void pair_samples(json_t *now, const json_t *before)
{
	json_t *cpu = json_object_get(before, "cpu_stats"), *read = json_object_get(before, "read");

	json_object_set_new(now, "precpu_stats",
	                    cpu ? json_incref(cpu)
	                        : json_pack("{s:{s:i}, s:{s:i}}", "cpu_usage", "total_usage", 0,
	                                    "throttling_data", "periods", 0));
	json_object_set_new(now, "preread",
	                    read ? json_incref(read) : json_string("0001-01-01T00:00:00Z"));
}

static int send_sample(struct api_request *req, const json_t *sample)
{
	AUTO_FREE char *text = json_dumps(sample, JSON_COMPACT);
	int r = http_write(req->http, text, strlen(text));

	if (r >= 0)
		r = http_write(req->http, "\n", 1);
	return r < 0 ? r : http_flush(req->http);
}

/* A second, in steps in which a client that left is noticed. */
static bool pause_second(struct api_request *req)
{
	const struct timespec step = { .tv_nsec = 200 * NSEC_PER_MSEC };

	for (int i = 0; i < 5; i++) {
		if (api_gone(req))
			return false;
		clock_nanosleep(CLOCK_MONOTONIC, 0, &step, NULL);
	}
	return true;
}

static int container_stats_handler(struct api_request *req, struct error *err)
{
	CLEANUP(container_unref_ptr) struct container *c = NULL;
	AUTO_JSON *before = NULL, *now = NULL;
	bool stream = api_query_bool(req, "stream", true),
	     one_shot = api_query_bool(req, "one-shot", false);
	int r = api_find_container(req, &c, err);

	if (r < 0)
		return r;
	if (stream && one_shot)
		return error_set(err, ERROR_INVALID, "cannot have stream=true and one-shot=true");
	now = take_sample(c, err);
	if (!now)
		return error_errno(err);
	if (!stream && !one_shot && pause_second(req)) {
		before = TAKE_PTR(now);
		now = take_sample(c, err);
		if (!now)
			return error_errno(err);
	}
	if (http_begin(req->http, 200, "application/json", -1) < 0)
		return error_set(err, ERROR_CANCELLED, "the client is gone");
	for (;;) {
		pair_samples(now, before);
		if (send_sample(req, now) < 0 || !stream || !pause_second(req))
			break;
		json_decref(before);
		before = TAKE_PTR(now);
		now = take_sample(c, err);
		if (!now)
			break; /* it is gone */
	}
	if (http_end(req->http) < 0)
		http_request_abort(req->http);
	return 0;
}

/* clang-format off */
static const struct api_route routes[] = {
	{ { POST, "/containers/{id}/attach" },    container_attach_handler },
	{ { GET,  "/containers/{id}/attach/ws" }, attach_websocket_handler, .note = "not supported: answers 501" },
	{ { POST, "/containers/{id}/wait" },      container_wait_handler },
	{ { POST, "/containers/{id}/resize" },    container_resize_handler },
	{ { GET,  "/containers/{id}/logs" },      container_logs_handler },
	{ { GET,  "/containers/{id}/stats" },     container_stats_handler },
};
/* clang-format on */
API_TABLE(api_container_io_routes, routes);
