/* SPDX-License-Identifier: Apache-2.0 */
/* /containers/{id}/exec and /exec/{id}. */
#include "api/api-internal.h"

/* The body of a creation; ConsoleSize is a pair, or absent. */
struct exec_body {
	struct exec_config config;
	json_t *console_size;
};

#define EXEC(member, wire, kind, ...)                                                              \
	JSON_FIELD(struct exec_body, config.member, wire, kind, ##__VA_ARGS__)
static const struct json_field exec_fields[] = {
	EXEC(user, "User", JSON_F_STRING),
	EXEC(tty, "Tty", JSON_F_BOOL),
	EXEC(attach_stdin, "AttachStdin", JSON_F_BOOL),
	EXEC(attach_stdout, "AttachStdout", JSON_F_BOOL),
	EXEC(attach_stderr, "AttachStderr", JSON_F_BOOL),
	EXEC(privileged, "Privileged", JSON_F_BOOL),
	EXEC(detach_keys, "DetachKeys", JSON_F_STRING),
	EXEC(env, "Env", JSON_F_STRV),
	EXEC(cmd, "Cmd", JSON_F_STRING_OR_LIST),
	EXEC(working_dir, "WorkingDir", JSON_F_STRING),
	JSON_FIELD(struct exec_body, console_size, "ConsoleSize", JSON_F_RAW),
	JSON_FIELDS_END,
};

static int exec_create_handler(struct api_request *req, struct error *err)
{
	CLEANUP(container_unref_ptr) struct container *c = NULL;
	struct exec_body body = { 0 };
	AUTO_FREE char *id = NULL;
	int r = api_find_container(req, &c, err);

	if (r >= 0)
		r = api_decode(req, exec_fields, &body, err);
	if (r >= 0 && body.config.cmd.len == 0)
		r = error_set(err, ERROR_INVALID, "no exec command specified");
	for (size_t i = 0; r >= 0 && i < 2; i++)
		body.config.console_size[i] =
			json_integer_value(json_array_get(body.console_size, i));
	if (r >= 0)
		r = exec_create(c, &body.config, &id, err);
	json_fields_clear(exec_fields, &body);
	return r < 0 ? r : api_respond_id(req, 201, id, NULL);
}

struct exec_start_body {
	bool detach, tty;
};

static const struct json_field exec_start_fields[] = {
	JSON_FIELD(struct exec_start_body, detach, "Detach", JSON_F_BOOL),
	JSON_FIELD(struct exec_start_body, tty, "Tty", JSON_F_BOOL),
	JSON_FIELDS_END,
};

static int exec_start_handler(struct api_request *req, struct error *err)
{
	static const struct json_decode_options options = { .case_insensitive = true };
	struct exec_start_body body = { 0 };
	struct attachment *attachment = NULL;
	struct exec_info info = { 0 };
	AUTO_JSON *json = NULL;
	int r = exec_inspect(req->engine->containers, api_param(req, "id"), &info, err);

	if (r < 0)
		return r;
	exec_info_done(&info);
	r = api_read_json(req, true, &json, err);
	if (r >= 0 && json)
		r = json_fields_decode(json, exec_start_fields, &body, &options, err);
	if (r >= 0)
		r = exec_start(req->engine->containers, api_param(req, "id"), body.detach, body.tty,
		               &attachment, err);
	if (r < 0)
		return r;
	if (body.detach)
		return api_respond_empty(req, 200);
	return api_run_attachment(req, attachment, body.tty, err);
}

static int exec_resize_handler(struct api_request *req, struct error *err)
{
	int64_t height = 0, width = 0;
	int r = api_query_i64(req, "h", &height, err);

	if (r >= 0)
		r = api_query_i64(req, "w", &width, err);
	if (r >= 0 && (height < 0 || width < 0 || height > UINT16_MAX || width > UINT16_MAX))
		r = error_set(err, ERROR_INVALID, "invalid terminal size %lldx%lld",
		              (long long)width, (long long)height);
	if (r >= 0)
		r = exec_resize(req->engine->containers, api_param(req, "id"), (unsigned)height,
		                (unsigned)width, err);
	return r < 0 ? r : api_respond_empty(req, 200);
}

static void write_process(struct json_writer *w, const struct exec_config *c)
{
	jw_key(w, "ProcessConfig");
	jw_object(w);
	jw_kv_bool(w, "tty", c->tty);
	jw_kv_string(w, "entrypoint", c->cmd.len ? c->cmd.ptr[0] : "");
	jw_key(w, "arguments");
	jw_array(w);
	for (size_t i = 1; i < c->cmd.len; i++)
		jw_string(w, c->cmd.ptr[i]);
	jw_array_end(w);
	jw_kv_bool(w, "privileged", c->privileged);
	if (!str_empty_or_null(c->user))
		jw_kv_string(w, "user", c->user);
	jw_object_end(w);
}

static int exec_inspect_handler(struct api_request *req, struct error *err)
{
	struct exec_info i = { 0 };
	AUTO_STRBUF out = { 0 };
	struct json_writer w;
	int r = exec_inspect(req->engine->containers, api_param(req, "id"), &i, err);

	if (r < 0)
		return r;
	json_writer_init(&w, &out);
	jw_object(&w);
	jw_kv_string(&w, "ID", i.id);
	jw_kv_bool(&w, "Running", i.running);
	jw_key(&w, "ExitCode");
	if (i.has_exit_code)
		jw_i64(&w, i.exit_code);
	else
		jw_null(&w);
	write_process(&w, &i.config);
	jw_kv_bool(&w, "OpenStdin", i.config.attach_stdin);
	jw_kv_bool(&w, "OpenStderr", i.config.attach_stderr);
	jw_kv_bool(&w, "OpenStdout", i.config.attach_stdout);
	jw_kv_bool(&w, "CanRemove", i.can_remove);
	jw_kv_string(&w, "ContainerID", i.container_id);
	jw_kv_string(&w, "DetachKeys", i.config.detach_keys);
	jw_kv_i64(&w, "Pid", i.pid);
	jw_object_end(&w);
	exec_info_done(&i);
	return api_respond_json(req, 200, &out);
}

/* clang-format off */
static const struct api_route routes[] = {
	{ { POST, "/containers/{id}/exec" }, exec_create_handler },
	{ { POST, "/exec/{id}/start" },      exec_start_handler },
	{ { POST, "/exec/{id}/resize" },     exec_resize_handler },
	{ { GET,  "/exec/{id}/json" },       exec_inspect_handler },
};
/* clang-format on */
API_TABLE(api_exec_routes, routes);
