/* SPDX-License-Identifier: Apache-2.0 */
/* exec: one more process in a running container. */
#include <inttypes.h>
#include <stdio.h>

#include "cli/attach.h"
#include "cli/commands.h"
#include "cli/env-file.h"
#include "cli/terminal.h"
#include "json/writer.h"

static void write_strings(struct json_writer *w, const char *key, const struct strv *v, size_t from)
{
	jw_key(w, key);
	jw_array(w);
	for (size_t i = from; i < v->len; i++)
		jw_string(w, v->ptr[i]);
	jw_array_end(w);
}

static int write_exec(struct cli *cli, struct strbuf *body, struct error *err)
{
	AUTO_STRV env = { 0 };
	struct json_writer w;
	bool detach = opt_bool(cli, "detach"), tty = opt_bool(cli, "tty");
	unsigned rows, columns;

	if (env_collect(opt_list(cli, "env-file"), opt_list(cli, "env"), &env, err) < 0)
		return error_errno(err);
	json_writer_init(&w, body);
	jw_object(&w);
	jw_kv_string(&w, "User", opt_string(cli, "user"));
	jw_kv_bool(&w, "Privileged", opt_bool(cli, "privileged"));
	jw_kv_bool(&w, "Tty", tty);
	if (tty && engine_api_at_least(cli, 42) && terminal_size(STDOUT_FILENO, &rows, &columns)) {
		jw_key(&w, "ConsoleSize");
		jw_array(&w);
		jw_i64(&w, rows);
		jw_i64(&w, columns);
		jw_array_end(&w);
	}
	jw_kv_bool(&w, "AttachStdin", !detach && opt_bool(cli, "interactive"));
	jw_kv_bool(&w, "AttachStdout", !detach);
	jw_kv_bool(&w, "AttachStderr", !detach);
	jw_kv_bool(&w, "Detach", detach);
	jw_kv_string(&w, "DetachKeys", detach_keys_of(cli));
	write_strings(&w, "Env", &env, 0);
	jw_kv_string(&w, "WorkingDir", opt_string(cli, "workdir"));
	write_strings(&w, "Cmd", &cli->args, 1);
	jw_object_end(&w);
	return 0;
}

static int exit_code(struct cli *cli, const char *id, struct error *err)
{
	CLEANUP(json_decref_ptr) json_t *exec = NULL;
	AUTO_STRBUF target = { 0 };

	target_path(&target, "/exec/{}/json", id);
	exec = engine_json(cli, "GET", strbuf_cstr(&target), NULL, err);
	return exec ? (int)(item_int(exec, "ExitCode") & 0xff) : error_errno(err);
}

static int run_attached(struct cli *cli, const char *id, struct error *err)
{
	AUTO_STRBUF target = { 0 }, body = { 0 };
	struct session s = { .cli = cli,
		             .container = cli->args.ptr[0],
		             .exec = id,
		             .tty = opt_bool(cli, "tty"),
		             .with_input = opt_bool(cli, "interactive"),
		             .detach_keys = detach_keys_of(cli) };
	int r;

	target_path(&target, "/exec/{}/start", id);
	strbuf_printf(&body, "{\"Detach\":false,\"Tty\":%s}", s.tty ? "true" : "false");
	s.stream = session_open(cli, strbuf_cstr(&target), &body, err);
	if (!s.stream)
		return error_errno(err);
	session_resize(&s);
	if (s.tty && s.with_input && terminal_raw(err) < 0)
		return error_errno(err);
	r = session_run(&s, err);
	if (r == SESSION_DETACHED)
		return 0;
	return r < 0 ? r : exit_code(cli, id, err);
}

static int exec(struct cli *cli, struct error *err)
{
	CLEANUP(json_decref_ptr) json_t *c = NULL, *created = NULL;
	AUTO_STRBUF target = { 0 }, body = { 0 };

	if (input_check(opt_bool(cli, "interactive") && !opt_bool(cli, "detach"),
	                opt_bool(cli, "tty"), err) < 0)
		return error_errno(err);
	c = container_load(cli, cli->args.ptr[0], err);
	if (!c || write_exec(cli, &body, err) < 0)
		return error_errno(err);
	target_path(&target, "/containers/{}/exec", cli->args.ptr[0]);
	created = engine_json(cli, "POST", strbuf_cstr(&target), &body, err);
	if (!created)
		return error_errno(err);
	if (!opt_bool(cli, "detach"))
		return run_attached(cli, item_string(created, "Id"), err);
	strbuf_clear(&target);
	strbuf_clear(&body);
	target_path(&target, "/exec/{}/start", item_string(created, "Id"));
	strbuf_printf(&body, "{\"Detach\":true,\"Tty\":%s}",
	              opt_bool(cli, "tty") ? "true" : "false");
	return engine_do(cli, "POST", strbuf_cstr(&target), &body, err);
}

/* clang-format off */
static const struct cli_option options[] = {
	{ "detach", 'd', OPTION_BOOL, "Leave it running in the background" },
	{ "detach-keys", 0, OPTION_STRING, "Keys that detach (default ctrl-p,ctrl-q)" },
	{ "env", 'e', OPTION_LIST, "Set an environment variable" },
	{ "env-file", 0, OPTION_LIST, "Read environment variables from a file", .complete = "@files" },
	{ "interactive", 'i', OPTION_BOOL, "Send it our input" },
	{ "privileged", 0, OPTION_BOOL, "With all privileges" },
	{ "tty", 't', OPTION_BOOL, "Give it a terminal" },
	{ "user", 'u', OPTION_STRING, "User, and group: name|uid[:group|gid]" },
	{ "workdir", 'w', OPTION_STRING, "Working directory in the container" },
	{ NULL },
};
/* clang-format on */

const struct cli_command command_exec = {
	.name = "exec",
	.usage = "CONTAINER COMMAND [ARG...]",
	.brief = "Run a command in a running container",
	.options = options,
	.min_args = 2,
	.max_args = CLI_ARGS_ANY,
	.stop_early = true,
	.run = exec,
	.complete = "@containers",
	.group = CLI_GROUP_COMMON,
};
