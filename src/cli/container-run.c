/* SPDX-License-Identifier: Apache-2.0 */
/* run and create. The order of run is fixed: create, attach, wait, start, copy, exit code. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "base/fs.h"
#include "cli/attach.h"
#include "cli/commands.h"
#include "cli/create-options.h"
#include "cli/image-name.h"
#include "cli/pull.h"
#include "cli/terminal.h"

/* The file is made before the container, so that an id is never lost. */
static int cidfile_open(struct cli *cli, struct error *err)
{
	const char *path = opt_string(cli, "cidfile");
	int fd;

	if (!*path)
		return -1;
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (fd < 0 && errno == EEXIST)
		return error_set(
			err, ERROR_CONFLICT,
			"container ID file found, make sure the other container isn't running or "
			"delete %s",
			path);
	if (fd < 0)
		return error_set_errno(err, errno, "failed to create the container ID file %s",
		                       path);
	return fd;
}

static const char *platform_of(struct cli *cli)
{
	const char *p = opt_string(cli, "platform"), *env = getenv("DOCKER_DEFAULT_PLATFORM");

	return *p ? p : env ? env : "";
}

static json_t *post_create(struct cli *cli, const struct strbuf *body, struct error *err)
{
	AUTO_STRBUF target = { 0 };

	strbuf_puts(&target, "/containers/create");
	if (*opt_string(cli, "name"))
		target_arg(&target, "name", opt_string(cli, "name"));
	if (*platform_of(cli) && engine_api_at_least(cli, 41))
		target_arg(&target, "platform", platform_of(cli));
	return engine_json(cli, "POST", strbuf_cstr(&target), body, err);
}

static int pull_image(struct cli *cli, struct error *err)
{
	struct pull_options o = { .platform = platform_of(cli),
		                  .quiet = opt_bool(cli, "quiet"),
		                  .to_stderr = true };

	return image_pull(cli, cli->args.ptr[0], &o, err);
}

static bool is_missing_image(const struct error *err)
{
	return err->kind == ERROR_NOT_FOUND && strcasestr(err->message, "no such image");
}

static json_t *create_with_pull(struct cli *cli, const struct strbuf *body, struct error *err)
{
	const char *policy = opt_string(cli, "pull");
	AUTO_REFERENCE r = { 0 };
	AUTO_FREE char *familiar = NULL;
	struct error ignored = { 0 };
	json_t *answer;

	if (!streq(policy, "always") && !streq(policy, "missing") && !streq(policy, "never")) {
		error_set(
			err, ERROR_INVALID,
			"invalid pull option: '%s': must be one of \"always\", \"missing\" or \"never\"",
			policy);
		return NULL;
	}
	if (streq(policy, "always") && pull_image(cli, err) < 0)
		return NULL;
	answer = post_create(cli, body, err);
	if (answer || streq(policy, "never") || streq(policy, "always") || !is_missing_image(err))
		return answer;
	if (image_name_parse(cli->args.ptr[0], &r, &ignored) < 0)
		return NULL;
	reference_default_tag(&r);
	familiar = reference_familiar(&r);
	if (!opt_bool(cli, "quiet"))
		cli_say("Unable to find image '%s' locally", familiar);
	error_clear(err);
	if (pull_image(cli, err) < 0)
		return NULL;
	return post_create(cli, body, err);
}

/* Makes the container; its answer, with warnings shown and the id written where it was wanted. */
static json_t *create_container(struct cli *cli, const struct create_plan *plan, struct error *err)
{
	AUTO_CLOSE int cidfile = -1;
	AUTO_STRBUF body = { 0 };
	CLEANUP(json_decref_ptr) json_t *answer = NULL;
	const json_t *warning;
	const char *id;
	size_t i;

	if (engine_open(cli, err) < 0 || create_body_write(cli, plan, &body, err) < 0)
		return NULL;
	cidfile = cidfile_open(cli, err);
	if (err->kind)
		return NULL;
	answer = create_with_pull(cli, &body, err);
	if (!answer) {
		if (cidfile >= 0)
			unlink(opt_string(cli, "cidfile"));
		return NULL;
	}
	json_array_foreach (item_at(answer, "Warnings"), i, warning)
		cli_say("WARNING: %s", json_is_string(warning) ? json_string_value(warning) : "");
	id = item_string(answer, "Id");
	if (cidfile >= 0 && write_full(cidfile, id, strlen(id)) < 0) {
		error_set_errno(err, errno, "failed to write the container ID to %s",
		                opt_string(cli, "cidfile"));
		return NULL;
	}
	return TAKE_PTR(answer);
}

static int create(struct cli *cli, struct error *err)
{
	struct create_plan plan;
	CLEANUP(json_decref_ptr) json_t *answer = NULL;

	if (create_plan_make(cli, false, &plan, err) < 0)
		return error_errno(err);
	answer = create_container(cli, &plan, err);
	if (!answer)
		return error_errno(err);
	printf("%s\n", item_string(answer, "Id"));
	return 0;
}

static int start_container(struct cli *cli, const char *id, struct error *err)
{
	AUTO_STRBUF target = { 0 };

	target_path(&target, "/containers/{}/start", id);
	return engine_do(cli, "POST", strbuf_cstr(&target), NULL, err);
}

/* When the streams are open and the container runs. */
static int follow(struct cli *cli, struct session *s, struct waiting *w, struct error *err)
{
	struct error own = { 0 };
	int r;

	if (s->tty)
		session_resize(s);
	if (s->tty && s->with_input && terminal_raw(err) < 0)
		return error_errno(err);
	r = session_run(s, &own);
	if (r == SESSION_DETACHED)
		return 0;
	if (r == SESSION_ENDED)
		r = wait_end(w, &own);
	if (r < 0) { /* it ran: no more 125 */
		cli_say("%s", own.message);
		return 1;
	}
	return r;
}

static int run_attached(struct cli *cli, const struct create_plan *plan, const char *id,
                        struct error *err)
{
	CLEANUP(wait_done) struct waiting w = { 0 };
	struct attach_streams streams = { plan->attach_in, plan->attach_out, plan->attach_err };
	struct session s = { .cli = cli,
		             .container = id,
		             .tty = plan->tty,
		             .detach_keys = detach_keys_of(cli),
		             .proxy_signals = opt_bool(cli, "sig-proxy") && !plan->tty };

	session_block_signals(&s);
	if (attach_open(&s, &streams, err) < 0 ||
	    wait_begin(cli, id, opt_bool(cli, "rm") ? "removed" : "next-exit", &w, err) < 0)
		return error_errno(err);
	if (start_container(cli, id, err) < 0) {
		http_stream_close(s.stream);
		return error_errno(err);
	}
	return follow(cli, &s, &w, err);
}

static int run(struct cli *cli, struct error *err)
{
	struct create_plan plan;
	CLEANUP(json_decref_ptr) json_t *answer = NULL;
	const char *id;

	if (create_plan_make(cli, true, &plan, err) < 0 ||
	    input_check(plan.attach_in, plan.tty, err) < 0)
		return error_errno(err);
	answer = create_container(cli, &plan, err);
	if (!answer)
		return error_errno(err);
	id = item_string(answer, "Id");
	if (!plan.detach && (plan.attach_in || plan.attach_out || plan.attach_err))
		return run_attached(cli, &plan, id, err);
	if (start_container(cli, id, err) < 0) {
		if (plan.detach)
			printf("%s\n", id);
		return error_errno(err);
	}
	printf("%s\n", id);
	return 0;
}

const struct cli_command command_run = {
	.name = "run",
	.usage = "IMAGE [COMMAND] [ARG...]",
	.brief = "Create and run a new container from an image",
	.options = run_options,
	.min_args = 1,
	.max_args = CLI_ARGS_ANY,
	.stop_early = true,
	.run = run,
	.usage_errors = true,
	.complete = "@images",
	.group = CLI_GROUP_COMMON,
};
const struct cli_command command_create = {
	.name = "create",
	.usage = "IMAGE [COMMAND] [ARG...]",
	.brief = "Create a container without starting it",
	.options = create_options,
	.min_args = 1,
	.max_args = CLI_ARGS_ANY,
	.stop_early = true,
	.run = create,
	.complete = "@images",
	.group = CLI_GROUP_MORE,
};
