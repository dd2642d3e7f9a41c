/* SPDX-License-Identifier: Apache-2.0 */
/* attach, start (also -a and -i): an existing container's streams. */
#include <inttypes.h>
#include <stdio.h>

#include "cli/attach.h"
#include "cli/commands.h"
#include "cli/each.h"
#include "cli/terminal.h"

int attach_open(struct session *s, const struct attach_streams *w, struct error *err)
{
	AUTO_STRBUF target = { 0 };

	target_path(&target, "/containers/{}/attach", s->container);
	target_arg(&target, "stream", "1");
	target_flag(&target, "stdin", w->in);
	target_flag(&target, "stdout", w->out);
	target_flag(&target, "stderr", w->err);
	if (!str_empty_or_null(s->detach_keys))
		target_arg(&target, "detachKeys", s->detach_keys);
	s->with_input = w->in;
	s->stream = session_open(s->cli, strbuf_cstr(&target), NULL, err);
	return s->stream ? 0 : error_errno(err);
}

int wait_begin(struct cli *cli, const char *container, const char *condition, struct waiting *w,
               struct error *err)
{
	AUTO_STRBUF target = { 0 };

	target_path(&target, "/containers/{}/wait", container);
	target_arg(&target, "condition", condition);
	w->client = engine_client_new(cli);
	struct engine_request r = { .method = "POST",
		                    .target = strbuf_cstr(&target),
		                    .client = w->client };
	if (engine_send(cli, &r, &w->answer, err) < 0)
		return error_errno(err);
	w->begun = true;
	return 0;
}

int wait_end(struct waiting *w, struct error *err)
{
	CLEANUP(json_decref_ptr) json_t *doc = NULL;
	AUTO_STRBUF text = { 0 };
	const char *message;
	int64_t status = 0;

	if (http_response_read_all(&w->answer, 1024 * 1024, &text, err) < 0)
		return error_prefix(err, "cannot learn the container's exit code");
	doc = json_parse(strbuf_str(&text), err);
	if (!doc)
		return error_errno(err);
	message = json_member_string(json_member(doc, "Error", false), "Message");
	if (!str_empty_or_null(message)) {
		cli_say("Error waiting for container: %s", message);
		return 125;
	}
	if (json_member_i64(doc, "StatusCode", &status) != 1)
		return error_set(err, ERROR_INTERNAL, "the engine's answer names no exit code");
	return (int)(status & 0xff);
}

void wait_done(struct waiting *w)
{
	if (w->begun)
		http_response_done(&w->answer);
	http_client_free(w->client);
}

json_t *container_load(struct cli *cli, const char *name, struct error *err)
{
	AUTO_STRBUF target = { 0 };

	target_path(&target, "/containers/{}/json", name);
	return engine_json(cli, "GET", strbuf_cstr(&target), NULL, err);
}

const char *detach_keys_of(const struct cli *cli)
{
	const char *keys = opt_string(cli, "detach-keys");
	const char *saved = json_string_value(json_object_get(cli->config, "detachKeys"));

	return *keys ? keys : saved ? saved : "";
}

int input_check(bool with_input, bool tty, struct error *err)
{
	if (with_input && tty && !terminal_is(STDIN_FILENO))
		return error_set(err, ERROR_INVALID, "the input device is not a TTY");
	return 0;
}

static int attach(struct cli *cli, struct error *err)
{
	CLEANUP(json_decref_ptr) json_t *c = container_load(cli, cli->args.ptr[0], err);
	CLEANUP(wait_done) struct waiting w = { 0 };
	struct session s = { .cli = cli,
		             .detach_keys = detach_keys_of(cli),
		             .proxy_signals = opt_bool(cli, "sig-proxy") };
	struct attach_streams streams = { .out = true, .err = true };
	int r;

	if (!c)
		return error_errno(err);
	if (!item_bool(c, "State.Running"))
		return error_set(err, ERROR_CONFLICT,
		                 "cannot attach to a stopped container, start it first");
	if (item_bool(c, "State.Paused"))
		return error_set(err, ERROR_CONFLICT,
		                 "cannot attach to a paused container, unpause it first");
	if (item_bool(c, "State.Restarting"))
		return error_set(
			err, ERROR_CONFLICT,
			"cannot attach to a restarting container, wait until it is running");
	s.container = item_string(c, "Id");
	s.tty = item_bool(c, "Config.Tty");
	streams.in = !opt_bool(cli, "no-stdin") && item_bool(c, "Config.OpenStdin");
	s.proxy_signals &= !s.tty;
	if (input_check(streams.in, s.tty, err) < 0)
		return error_errno(err);
	session_block_signals(&s);
	if (wait_begin(cli, s.container, "", &w, err) < 0 || attach_open(&s, &streams, err) < 0)
		return error_errno(err);
	session_resize(&s);
	if (s.tty && streams.in && terminal_raw(err) < 0)
		return error_errno(err);
	r = session_run(&s, err);
	if (r == SESSION_DETACHED) {
		cli_say("read escape sequence");
		return 0;
	}
	return r < 0 ? r : wait_end(&w, err);
}

static int start_one(struct cli *cli, const char *name, struct error *err)
{
	AUTO_STRBUF target = { 0 };

	target_path(&target, "/containers/{}/start", name);
	return engine_do(cli, "POST", strbuf_cstr(&target), NULL, err);
}

static int start_attached(struct cli *cli, struct error *err)
{
	CLEANUP(json_decref_ptr) json_t *c = container_load(cli, cli->args.ptr[0], err);
	CLEANUP(wait_done) struct waiting w = { 0 };
	struct session s = { .cli = cli,
		             .detach_keys = detach_keys_of(cli),
		             .proxy_signals = opt_bool(cli, "sig-proxy") };
	struct attach_streams streams = { .out = true, .err = true };
	int r;

	if (!c)
		return error_errno(err);
	s.container = item_string(c, "Id");
	s.tty = item_bool(c, "Config.Tty");
	s.proxy_signals &= !s.tty;
	streams.in = opt_bool(cli, "interactive") && item_bool(c, "Config.OpenStdin");
	session_block_signals(&s);
	if (attach_open(&s, &streams, err) < 0 ||
	    wait_begin(cli, s.container,
	               item_bool(c, "HostConfig.AutoRemove") ? "removed" : "next-exit", &w,
	               err) < 0 ||
	    start_one(cli, s.container, err) < 0)
		return error_errno(err);
	session_resize(&s);
	if (s.tty && streams.in && terminal_is(STDIN_FILENO) && terminal_raw(err) < 0)
		return error_errno(err);
	r = session_run(&s, err);
	if (r == SESSION_DETACHED)
		return 0;
	return r < 0 ? r : wait_end(&w, err);
}

static int start(struct cli *cli, struct error *err)
{
	AUTO_STRBUF failed = { 0 };

	if (opt_bool(cli, "attach") || opt_bool(cli, "interactive")) {
		if (cli->args.len > 1)
			return error_set(err, ERROR_INVALID,
			                 "you cannot start and attach multiple containers at once");
		return start_attached(cli, err);
	}
	for (size_t i = 0; i < cli->args.len; i++) {
		struct error one = { 0 };

		if (start_one(cli, cli->args.ptr[i], &one) < 0) {
			cli_say("%s", one.message);
			strbuf_printf(&failed, "%s%s", failed.len ? ", " : "", cli->args.ptr[i]);
			if (one.kind == ERROR_UNAVAILABLE)
				return 1;
			continue;
		}
		cli_print_safe(stdout, cli->args.ptr[i]);
		putchar('\n');
	}
	if (failed.len)
		return error_set(err, ERROR_INTERNAL, "Error: failed to start containers: %s",
		                 strbuf_cstr(&failed));
	return 0;
}

/* clang-format off */
static const struct cli_option attach_options[] = {
	{ "detach-keys", 0, OPTION_STRING, "Keys that detach (default ctrl-p,ctrl-q)" },
	{ "no-stdin", 0, OPTION_BOOL, "Leave its input alone" },
	{ "sig-proxy", 0, OPTION_BOOL, "Pass signals on to the process", .initial = "true" },
	{ NULL },
};
static const struct cli_option start_options[] = {
	{ "attach", 'a', OPTION_BOOL, "Show its output and pass signals on" },
	{ "detach-keys", 0, OPTION_STRING, "Keys that detach (default ctrl-p,ctrl-q)" },
	{ "interactive", 'i', OPTION_BOOL, "Send it our input too" },
	{ "sig-proxy", 0, OPTION_BOOL, "", .initial = "true", .flags = OPTION_HIDDEN },
	{ NULL },
};
/* clang-format on */

const struct cli_command command_attach = {
	.name = "attach",
	.usage = "CONTAINER",
	.brief = "Connect to a running container's input and output",
	.options = attach_options,
	.min_args = 1,
	.max_args = 1,
	.run = attach,
	.complete = "@containers",
	.group = CLI_GROUP_MORE,
};
const struct cli_command command_start = {
	.name = "start",
	.usage = "CONTAINER [CONTAINER...]",
	.brief = "Start stopped containers",
	.options = start_options,
	.min_args = 1,
	.max_args = CLI_ARGS_ANY,
	.run = start,
	.complete = "@containers",
	.group = CLI_GROUP_MORE,
};
