/* SPDX-License-Identifier: Apache-2.0 */
/* diff, port, top, commit, update: what one container has, and changes to it. */
#include <inttypes.h>
#include <stdio.h>

#include "cli/commands.h"
#include "cli/each.h"
#include "cli/engine.h"
#include "cli/image-name.h"
#include "cli/resources.h"
#include "cli/table.h"
#include "json/writer.h"

static int diff(struct cli *cli, struct error *err)
{
	static const char kinds[] = "CAD";
	AUTO_STRBUF target = { 0 };
	CLEANUP(json_decref_ptr) json_t *changes = NULL;
	const json_t *change;
	size_t i;

	target_path(&target, "/containers/{}/changes", cli->args.ptr[0]);
	changes = engine_json(cli, "GET", strbuf_cstr(&target), NULL, err);
	if (!changes)
		return error_errno(err);
	json_array_foreach (changes, i, change) {
		int64_t kind = item_int(change, "Kind");

		putchar(kind >= 0 && kind < 3 ? kinds[kind] : '?');
		putchar(' ');
		cli_print_safe(stdout, item_string(change, "Path"));
		putchar('\n');
	}
	return 0;
}

static void print_bindings(const char *port, const json_t *bindings, bool with_port)
{
	const json_t *binding;
	size_t i;

	json_array_foreach (bindings, i, binding) {
		const char *ip = item_string(binding, "HostIp");

		if (with_port)
			printf("%s -> ", port);
		printf(strchr(ip, ':') ? "[%s]:%s\n" : "%s:%s\n", ip,
		       item_string(binding, "HostPort"));
	}
}

static int compare_ports(const void *a, const void *b)
{
	const char *x = *(const char *const *)a, *y = *(const char *const *)b;
	long n = strtol(x, NULL, 10), m = strtol(y, NULL, 10);

	return n != m ? (n < m ? -1 : 1) : strcmp(x, y);
}

static int port(struct cli *cli, struct error *err)
{
	AUTO_STRBUF target = { 0 }, wanted = { 0 };
	CLEANUP(json_decref_ptr) json_t *c = NULL;
	const json_t *ports, *bindings;
	AUTO_STRV names = { 0 };
	const char *name;

	target_path(&target, "/containers/{}/json", cli->args.ptr[0]);
	c = engine_json(cli, "GET", strbuf_cstr(&target), NULL, err);
	if (!c)
		return error_errno(err);
	ports = item_at(c, "NetworkSettings.Ports");
	if (cli->args.len > 1) {
		const char *p = cli->args.ptr[1];

		strbuf_printf(&wanted, strchr(p, '/') ? "%s" : "%s/tcp", p);
		bindings = json_object_get(ports, strbuf_cstr(&wanted));
		if (!json_array_size(bindings))
			return error_set(err, ERROR_NOT_FOUND,
			                 "Error: No public port '%s' published for %s", p,
			                 cli->args.ptr[0]);
		print_bindings(NULL, bindings, false);
		return 0;
	}
	json_object_foreach ((json_t *)(uintptr_t)ports, name, bindings)
		strv_add(&names, name);
	if (names.len)
		qsort(names.ptr, names.len, sizeof(*names.ptr), compare_ports);
	for (size_t i = 0; i < names.len; i++)
		print_bindings(names.ptr[i], json_object_get(ports, names.ptr[i]), true);
	return 0;
}

static void add_cells(struct strbuf *text, const json_t *cells)
{
	const json_t *cell;
	size_t i;

	json_array_foreach (cells, i, cell)
		strbuf_printf(text, "%s%s", i ? "\t" : "",
		              json_is_string(cell) ? json_string_value(cell) : "");
	strbuf_putc(text, '\n');
}

static int top(struct cli *cli, struct error *err)
{
	AUTO_STRBUF target = { 0 }, args = { 0 }, text = { 0 }, out = { 0 };
	CLEANUP(json_decref_ptr) json_t *answer = NULL;
	const json_t *process;
	size_t i;

	target_path(&target, "/containers/{}/top", cli->args.ptr[0]);
	for (i = 1; i < cli->args.len; i++)
		strbuf_printf(&args, "%s%s", i > 1 ? " " : "", cli->args.ptr[i]);
	if (args.len)
		target_arg(&target, "ps_args", strbuf_cstr(&args));
	answer = engine_json(cli, "GET", strbuf_cstr(&target), NULL, err);
	if (!answer)
		return error_errno(err);
	add_cells(&text, item_at(answer, "Titles"));
	json_array_foreach (item_at(answer, "Processes"), i, process)
		add_cells(&text, process);
	columns_align(strbuf_str(&text), 20, 3, &out);
	cli_print_safe(stdout, strbuf_cstr(&out));
	return 0;
}

static int commit(struct cli *cli, struct error *err)
{
	AUTO_STRBUF target = { 0 }, body = { 0 };
	CLEANUP(json_decref_ptr) json_t *answer = NULL;
	const struct strv *changes = opt_list(cli, "change");

	strbuf_puts(&target, "/commit");
	target_arg(&target, "container", cli->args.ptr[0]);
	if (cli->args.len > 1) {
		AUTO_FREE char *repo = NULL, *tag = NULL;

		if (image_name_split(cli->args.ptr[1], &repo, &tag, err) < 0)
			return error_errno(err);
		target_arg(&target, "repo", repo);
		target_arg(&target, "tag", tag);
	}
	target_arg(&target, "comment", opt_string(cli, "message"));
	target_arg(&target, "author", opt_string(cli, "author"));
	for (size_t i = 0; i < changes->len; i++)
		target_arg(&target, "changes", changes->ptr[i]);
	if (!opt_bool(cli, "pause"))
		target_arg(&target, "pause", "0");
	strbuf_puts(&body, "{}");
	answer = engine_json(cli, "POST", strbuf_cstr(&target), &body, err);
	if (!answer)
		return error_errno(err);
	printf("%s\n", item_string(answer, "Id"));
	return 0;
}

static int update_one(struct cli *cli, const char *name, struct error *err)
{
	AUTO_STRBUF target = { 0 }, body = { 0 };
	CLEANUP(json_decref_ptr) json_t *answer = NULL;
	struct json_writer w;
	const json_t *warning;
	size_t i;

	target_path(&target, "/containers/{}/update", name);
	json_writer_init(&w, &body);
	jw_object(&w);
	if (resources_write(cli, &w, err) < 0)
		return error_errno(err);
	if (opt_given(cli, "restart") && restart_policy_write(cli, &w, err) < 0)
		return error_errno(err);
	jw_object_end(&w);
	answer = engine_json(cli, "POST", strbuf_cstr(&target), &body, err);
	if (!answer)
		return error_errno(err);
	json_array_foreach (item_at(answer, "Warnings"), i, warning)
		cli_say("%s", json_is_string(warning) ? json_string_value(warning) : "");
	return 0;
}

static int update(struct cli *cli, struct error *err)
{
	bool any = false;

	vec_for_each (&cli->options, v)
		any |= v->set;
	if (!any)
		return error_set(err, ERROR_INVALID,
		                 "you must provide one or more flags when using this command");
	return each_operand(cli, update_one, true);
}

/* clang-format off */
static const struct cli_option commit_options[] = {
	{ "author", 'a', OPTION_STRING, "Who made it, as \"Jane Roe <jane@example.org>\"" },
	{ "change", 'c', OPTION_LIST, "Dockerfile instruction to apply to the image" },
	{ "message", 'm', OPTION_STRING, "Message of the commit" },
	{ "pause", 'p', OPTION_BOOL, "Freeze the container meanwhile", .initial = "true" },
	{ NULL },
};
/* clang-format on */

const struct cli_command command_diff = {
	.name = "diff",
	.usage = "CONTAINER",
	.brief = "Show what changed in a container's file system",
	.min_args = 1,
	.max_args = 1,
	.run = diff,
	.complete = "@containers",
	.group = CLI_GROUP_MORE,
};
const struct cli_command command_port = {
	.name = "port",
	.usage = "CONTAINER [PRIVATE_PORT[/PROTO]]",
	.brief = "List a container's published ports, or one of them",
	.min_args = 1,
	.max_args = 2,
	.run = port,
	.complete = "@containers",
	.group = CLI_GROUP_MORE,
};
const struct cli_command command_top = {
	.name = "top",
	.usage = "CONTAINER [ps OPTIONS]",
	.brief = "Show a container's processes",
	.min_args = 1,
	.max_args = CLI_ARGS_ANY,
	.stop_early = true,
	.run = top,
	.complete = "@containers",
	.group = CLI_GROUP_MORE,
};
const struct cli_command command_commit = {
	.name = "commit",
	.usage = "CONTAINER [REPOSITORY[:TAG]]",
	.brief = "Make an image from a container's changes",
	.options = commit_options,
	.min_args = 1,
	.max_args = 2,
	.run = commit,
	.complete = "@containers",
	.group = CLI_GROUP_MORE,
};
const struct cli_command command_update = {
	.name = "update",
	.usage = "CONTAINER [CONTAINER...]",
	.brief = "Change containers' limits",
	.options = update_options,
	.min_args = 1,
	.max_args = CLI_ARGS_ANY,
	.run = update,
	.complete = "@containers",
	.group = CLI_GROUP_MORE,
};
