/* SPDX-License-Identifier: Apache-2.0 */
/* logs: what a container wrote. */
#include <stdio.h>

#include "base/fs.h"
#include "base/time.h"
#include "cli/attach.h"
#include "cli/commands.h"

static int time_argument(const char *text, struct strbuf *out, struct error *err)
{
	int64_t t;

	if (time_parse_query(text, time_now(), &t) < 0)
		return error_set(
			err, ERROR_INVALID,
			"invalid time \"%s\": use 2026-01-02T13:23:37Z, seconds, or 10m for ten "
			"minutes ago",
			text);
	strbuf_printf(out, "%lld.%09lld", (long long)(t / NSEC_PER_SEC),
	              (long long)(t % NSEC_PER_SEC));
	return 0;
}

int target_time(struct cli *cli, struct strbuf *target, const char *name, struct error *err)
{
	AUTO_STRBUF text = { 0 };

	if (!*opt_string(cli, name))
		return 0;
	if (time_argument(opt_string(cli, name), &text, err) < 0)
		return error_errno(err);
	target_arg(target, name, strbuf_cstr(&text));
	return 0;
}

static int copy_out(struct http_response *answer, bool tty, struct error *err)
{
	struct demux d = { 0 };
	char buf[32 * 1024];
	ssize_t n;
	int r;

	while ((n = http_response_read(answer, buf, sizeof(buf))) > 0) {
		if (!tty) {
			if (demux_feed(&d, buf, (size_t)n, err) < 0)
				return error_errno(err);
			continue;
		}
		r = write_full(STDOUT_FILENO, buf, (size_t)n);
		if (r < 0)
			return error_set_errno(err, -r, "cannot write to standard output");
	}
	strbuf_done(&d.system_error);
	if (n < 0 || (!tty && demux_is_cut(&d)))
		return error_set(err, ERROR_UNAVAILABLE,
		                 "the connection to the engine was cut before the end of the log");
	return 0;
}

static int logs(struct cli *cli, struct error *err)
{
	CLEANUP(json_decref_ptr) json_t *c = container_load(cli, cli->args.ptr[0], err);
	AUTO_STRBUF target = { 0 };
	struct engine_request r = { .method = "GET" };
	struct http_response answer;
	int rc;

	if (!c)
		return error_errno(err);
	target_path(&target, "/containers/{}/logs", item_string(c, "Id"));
	target_arg(&target, "stdout", "1");
	target_arg(&target, "stderr", "1");
	target_flag(&target, "follow", opt_bool(cli, "follow"));
	target_flag(&target, "timestamps", opt_bool(cli, "timestamps"));
	target_flag(&target, "details", opt_bool(cli, "details"));
	if (target_time(cli, &target, "since", err) < 0 ||
	    target_time(cli, &target, "until", err) < 0)
		return error_errno(err);
	target_arg(&target, "tail", opt_string(cli, "tail"));
	r.target = strbuf_cstr(&target);
	if (engine_send(cli, &r, &answer, err) < 0)
		return error_errno(err);
	rc = copy_out(&answer, item_bool(c, "Config.Tty"), err);
	http_response_done(&answer);
	return rc;
}

/* clang-format off */
static const struct cli_option options[] = {
	{ "details", 0, OPTION_BOOL, "Show what --log-opt added to each line" },
	{ "follow", 'f', OPTION_BOOL, "Go on with what comes" },
	{ "since", 0, OPTION_STRING, "From this time on (2026-01-02T13:23:37Z), or so long ago (42m)" },
	{ "tail", 'n', OPTION_STRING, "That many lines of the end", .initial = "all" },
	{ "timestamps", 't', OPTION_BOOL, "Show times" },
	{ "until", 0, OPTION_STRING, "Up to this time, or so long ago" },
	{ NULL },
};
/* clang-format on */

const struct cli_command command_logs = {
	.name = "logs",
	.usage = "CONTAINER",
	.brief = "Show what a container has printed",
	.options = options,
	.min_args = 1,
	.max_args = 1,
	.run = logs,
	.complete = "@containers",
	.group = CLI_GROUP_MORE,
};
