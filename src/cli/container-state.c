/* SPDX-License-Identifier: Apache-2.0 */
/* stop, restart, kill, pause, unpause, rm, rename, wait, prune: one request for each container. */
#include <inttypes.h>
#include <stdio.h>

#include "cli/commands.h"
#include "cli/each.h"
#include "cli/engine.h"
#include "cli/human.h"

static int post(struct cli *cli, const char *pattern, const char *name, struct error *err)
{
	AUTO_STRBUF target = { 0 };

	target_path(&target, pattern, name);
	return engine_do(cli, "POST", strbuf_cstr(&target), NULL, err);
}

static int stop_like(struct cli *cli, const char *pattern, const char *name, struct error *err)
{
	AUTO_STRBUF target = { 0 };

	target_path(&target, pattern, name);
	if (*opt_string(cli, "signal"))
		target_arg(&target, "signal", opt_string(cli, "signal"));
	if (opt_given(cli, "timeout") || opt_given(cli, "time"))
		target_arg(&target, "t",
		           opt_string(cli, opt_given(cli, "timeout") ? "timeout" : "time"));
	return engine_do(cli, "POST", strbuf_cstr(&target), NULL, err);
}

static int stop_one(struct cli *cli, const char *name, struct error *err)
{
	return stop_like(cli, "/containers/{}/stop", name, err);
}

static int stop(struct cli *cli, struct error *err)
{
	return each_operand(cli, stop_one, true);
}

static int restart_one(struct cli *cli, const char *name, struct error *err)
{
	return stop_like(cli, "/containers/{}/restart", name, err);
}

static int restart(struct cli *cli, struct error *err)
{
	return each_operand(cli, restart_one, true);
}

static int kill_one(struct cli *cli, const char *name, struct error *err)
{
	AUTO_STRBUF target = { 0 };

	target_path(&target, "/containers/{}/kill", name);
	if (*opt_string(cli, "signal"))
		target_arg(&target, "signal", opt_string(cli, "signal"));
	return engine_do(cli, "POST", strbuf_cstr(&target), NULL, err);
}

static int kill_all(struct cli *cli, struct error *err)
{
	return each_operand(cli, kill_one, true);
}

static int pause_one(struct cli *cli, const char *name, struct error *err)
{
	return post(cli, "/containers/{}/pause", name, err);
}

static int pause_all(struct cli *cli, struct error *err)
{
	return each_operand(cli, pause_one, true);
}

static int unpause_one(struct cli *cli, const char *name, struct error *err)
{
	return post(cli, "/containers/{}/unpause", name, err);
}

static int unpause_all(struct cli *cli, struct error *err)
{
	return each_operand(cli, unpause_one, true);
}

static int remove_one(struct cli *cli, const char *name, struct error *err)
{
	AUTO_STRBUF target = { 0 };

	while (*name == '/')
		name++;
	if (!*name)
		return error_set(err, ERROR_INVALID, "Container name cannot be empty");
	target_path(&target, "/containers/{}", name);
	target_flag(&target, "force", opt_bool(cli, "force"));
	target_flag(&target, "link", opt_bool(cli, "link"));
	target_flag(&target, "v", opt_bool(cli, "volumes"));
	return engine_do(cli, "DELETE", strbuf_cstr(&target), NULL, err);
}

/* With --force a container that is not there is told, and is no failure. */
static int remove_forced(struct cli *cli, const char *name, struct error *err)
{
	if (remove_one(cli, name, err) == 0) {
		cli_print_safe(stdout, name);
		putchar('\n');
		return 0;
	}
	if (err->kind != ERROR_NOT_FOUND)
		return error_errno(err);
	cli_say("%s", err->message);
	return 0;
}

static int remove_all(struct cli *cli, struct error *err)
{
	if (opt_bool(cli, "force"))
		return each_operand(cli, remove_forced, false);
	return each_operand(cli, remove_one, true);
}

static int rename_one(struct cli *cli, struct error *err)
{
	AUTO_STRBUF target = { 0 };

	target_path(&target, "/containers/{}/rename", cli->args.ptr[0]);
	target_arg(&target, "name", cli->args.ptr[1]);
	if (engine_do(cli, "POST", strbuf_cstr(&target), NULL, err) == 0)
		return 0;
	cli_say("%s", err->message);
	return error_set(err, err->kind, "Error: failed to rename container named %s",
	                 cli->args.ptr[0]);
}

static int wait_one(struct cli *cli, const char *name, struct error *err)
{
	AUTO_STRBUF target = { 0 };
	CLEANUP(json_decref_ptr) json_t *answer = NULL;
	const char *message;
	int64_t status = 0;

	target_path(&target, "/containers/{}/wait", name);
	answer = engine_json(cli, "POST", strbuf_cstr(&target), NULL, err);
	if (!answer)
		return error_errno(err);
	message = json_member_string(json_member(answer, "Error", false), "Message");
	if (!str_empty_or_null(message))
		return error_set(err, ERROR_INTERNAL, "%s", message);
	if (json_member_i64(answer, "StatusCode", &status) != 1)
		return error_set(err, ERROR_INTERNAL, "the engine's answer names no exit code");
	printf("%" PRId64 "\n", status);
	return 0;
}

static int wait_all(struct cli *cli, struct error *err)
{
	return each_operand(cli, wait_one, false);
}

/* clang-format off */
static const struct cli_option stop_options[] = {
	{ "signal", 's', OPTION_STRING, "Signal to send" },
	{ "timeout", 't', OPTION_INT, "Seconds to wait before killing (-1: for ever)" },
	{ "time", 0, OPTION_INT, "Seconds to wait before killing", .flags = OPTION_HIDDEN },
	{ NULL },
};
static const struct cli_option kill_options[] = {
	{ "signal", 's', OPTION_STRING, "Signal to send (default KILL)" },
	{ NULL },
};
static const struct cli_option rm_options[] = {
	{ "force", 'f', OPTION_BOOL, "Kill it first when it runs" },
	{ "link", 'l', OPTION_BOOL, "Remove the link of that name, not the container" },
	{ "volumes", 'v', OPTION_BOOL, "Remove its anonymous volumes too" },
	{ NULL },
};
/* clang-format on */

const struct cli_command command_stop = {
	.name = "stop",
	.usage = "CONTAINER [CONTAINER...]",
	.brief = "Stop running containers",
	.options = stop_options,
	.min_args = 1,
	.max_args = CLI_ARGS_ANY,
	.run = stop,
	.complete = "@containers",
	.group = CLI_GROUP_MORE,
};
const struct cli_command command_restart = {
	.name = "restart",
	.usage = "CONTAINER [CONTAINER...]",
	.brief = "Stop containers and start them again",
	.options = stop_options,
	.min_args = 1,
	.max_args = CLI_ARGS_ANY,
	.run = restart,
	.complete = "@containers",
	.group = CLI_GROUP_MORE,
};
const struct cli_command command_kill = {
	.name = "kill",
	.usage = "CONTAINER [CONTAINER...]",
	.brief = "Send a signal to running containers",
	.options = kill_options,
	.min_args = 1,
	.max_args = CLI_ARGS_ANY,
	.run = kill_all,
	.complete = "@containers",
	.group = CLI_GROUP_MORE,
};
const struct cli_command command_pause = {
	.name = "pause",
	.usage = "CONTAINER [CONTAINER...]",
	.brief = "Freeze all processes of containers",
	.min_args = 1,
	.max_args = CLI_ARGS_ANY,
	.run = pause_all,
	.complete = "@containers",
	.group = CLI_GROUP_MORE,
};
const struct cli_command command_unpause = {
	.name = "unpause",
	.usage = "CONTAINER [CONTAINER...]",
	.brief = "Let frozen containers go on",
	.min_args = 1,
	.max_args = CLI_ARGS_ANY,
	.run = unpause_all,
	.complete = "@containers",
	.group = CLI_GROUP_MORE,
};
const struct cli_command command_rm = {
	.name = "rm",
	.usage = "CONTAINER [CONTAINER...]",
	.brief = "Remove containers",
	.options = rm_options,
	.min_args = 1,
	.max_args = CLI_ARGS_ANY,
	.run = remove_all,
	.complete = "@containers",
	.aliases = "remove",
	.group = CLI_GROUP_MORE,
};
const struct cli_command command_rename = {
	.name = "rename",
	.usage = "CONTAINER NEW_NAME",
	.brief = "Give a container another name",
	.min_args = 2,
	.max_args = 2,
	.run = rename_one,
	.complete = "@containers",
	.group = CLI_GROUP_MORE,
};
const struct cli_command command_wait = {
	.name = "wait",
	.usage = "CONTAINER [CONTAINER...]",
	.brief = "Wait until containers stop, and print their exit codes",
	.min_args = 1,
	.max_args = CLI_ARGS_ANY,
	.run = wait_all,
	.complete = "@containers",
	.group = CLI_GROUP_MORE,
};
