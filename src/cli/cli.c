/* SPDX-License-Identifier: Apache-2.0 */
/* One call: global options, the command's path down the tree, its options, its run(), the report.
 */
#include "cli/cli.h"

#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "cli/config.h"
#include "cli/engine.h"
#include "cli/near.h"

/* clang-format off */
static const struct cli_option global_options[] = {
	{ "config", 0, OPTION_STRING, "Directory of the client's configuration (default: $DOCKER_CONFIG, else ~/.docker)", .complete = "@files" },
	{ "context", 'c', OPTION_STRING, "Context that says where the engine is (overrides DOCKER_HOST and the one chosen with \"context use\")", .complete = "@contexts" },
	{ "debug", 'D', OPTION_BOOL, "Show requests and answers" },
	{ "host", 'H', OPTION_LIST, "Engine's address: unix://, tcp:// or ssh://" },
	{ "log-level", 'l', OPTION_STRING, "Level of messages: debug, info, warn, error, fatal", .initial = "info", .complete = "debug info warn error fatal" },
	{ "tls", 0, OPTION_BOOL, "Use TLS; implied by --tlsverify" },
	{ "tlscacert", 0, OPTION_STRING, "Trust certificates signed by this CA only", .complete = "@files" },
	{ "tlscert", 0, OPTION_STRING, "Client certificate", .complete = "@files" },
	{ "tlskey", 0, OPTION_STRING, "Key of the client certificate", .complete = "@files" },
	{ "tlsverify", 0, OPTION_BOOL, "Use TLS and verify the engine's certificate" },
	{ "version", 'v', OPTION_BOOL, "Print the version and end" },
	{ "help", 0, OPTION_BOOL, "Print this help", .flags = OPTION_HIDDEN },
	{ NULL },
};

static const struct cli_option help_option[] = {
	{ "help", 0, OPTION_BOOL, "Print this help", .flags = OPTION_HIDDEN },
	{ NULL },
};
/* clang-format on */

void cli_print_safe(FILE *out, const char *text)
{
	for (const char *c = text; *c; c++) {
		if (((unsigned char)*c < 0x20 && *c != '\n' && *c != '\t') || *c == 0x7f)
			fprintf(out, "\\x%02x", (unsigned char)*c);
		else
			putc(*c, out);
	}
}

void cli_say(const char *fmt, ...)
{
	AUTO_FREE char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	text = xvasprintf(fmt, ap);
	va_end(ap);
	fflush(stdout);
	cli_print_safe(stderr, text);
	putc('\n', stderr);
}

bool cli_confirm(const char *question)
{
	char line[16];

	fflush(stdout);
	printf("%s [y/N] ", question);
	fflush(stdout);
	if (!fgets(line, sizeof(line), stdin))
		return false;
	return (line[0] == 'y' || line[0] == 'Y') && (line[1] == '\n' || !line[1]);
}

int cli_write(const void *data, size_t n, struct error *err)
{
	if (fwrite(data, 1, n, stdout) != n)
		return error_set_errno(err, errno, "cannot write to standard output");
	return 0;
}

static bool has_word(const char *words, const char *word)
{
	size_t n = strlen(word);

	for (const char *w = words; w && *w; w += strcspn(w, " "), w += strspn(w, " "))
		if (strcspn(w, " ") == n && !memcmp(w, word, n))
			return true;
	return false;
}

const struct cli_command *cli_command_find(const struct cli_command *const *level, const char *name)
{
	for (size_t i = 0; level[i]; i++)
		if (streq(level[i]->name, name) || has_word(level[i]->aliases, name))
			return level[i];
	return NULL;
}

static int unknown_command(const struct cli *cli, const struct cli_command *const *level,
                           const char *path, const char *name)
{
	AUTO_STRV names = { 0 };
	const char *near;

	for (size_t i = 0; level[i]; i++)
		if (level[i]->group != CLI_GROUP_HIDDEN)
			strv_add(&names, level[i]->name);
	near = near_miss(name, &names);
	cli_say("%s: unknown command: %s %s", cli->program, path, name);
	if (near)
		cli_say("\nDid you mean this?\n\t%s", near);
	if (!streq(path, cli->program))
		cli_say("\nUsage:  %s", path);
	cli_say("\nRun '%s --help' for more information", path);
	return 1;
}

/* A mistake in the options: the usage line and where to read on. */
static int usage_failure(const struct cli *cli, const char *message)
{
	AUTO_FREE char *usage =
		cli->command ? cli_usage_line(cli->command, cli->path)
			     : xasprintf("Usage:  %s [OPTIONS] COMMAND [ARG...]", cli->path);

	cli_say("%s\n\n%s\n\nRun '%s --help' for more information", message, usage, cli->path);
	return CLI_EXIT_USAGE;
}

static const char *plural(int n)
{
	return n == 1 ? "" : "s";
}

static int check_args(const struct cli *cli)
{
	const struct cli_command *c = cli->command;
	int n = (int)cli->args.len;
	AUTO_FREE char *usage = cli_usage_line(c, cli->path), *what = NULL;

	if (n >= c->min_args && (c->max_args == CLI_ARGS_ANY || n <= c->max_args))
		return 0;
	const char *hint = n < c->min_args && c->max_args == CLI_ARGS_ANY ? "See" : "Run";

	if (c->max_args == 0)
		what = xstrdup("accepts no arguments");
	else if (c->min_args == c->max_args)
		what = xasprintf("requires %d argument%s", c->min_args, plural(c->min_args));
	else if (c->max_args == CLI_ARGS_ANY)
		what = xasprintf("requires at least %d argument%s", c->min_args,
		                 plural(c->min_args));
	else if (n < c->min_args)
		what = xasprintf("requires at least %d and at most %d arguments", c->min_args,
		                 c->max_args);
	else
		what = xasprintf("requires at most %d argument%s", c->max_args,
		                 plural(c->max_args));
	cli_say("%s: '%s' %s\n\n%s\n\n%s '%s --help' for more information", cli->program, cli->path,
	        what, usage, hint, cli->path);
	return 1;
}

/* The exit status of run and its like comes from the engine's words, as scripts expect. */
static int status_from_text(const char *text)
{
	static const struct {
		const char *words;
		int status;
	} known[] = {
		{ "executable file not found", 127 },
		{ "no such file or directory", 127 },
		{ "system cannot find the file specified", 127 },
		{ "permission denied", 126 },
		{ "is a directory", 126 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (strcasestr(text, known[i].words))
			return known[i].status;
	return CLI_EXIT_USAGE;
}

static int report(const struct cli *cli, const struct error *err)
{
	if (!cli->command->usage_errors) {
		if (*err->message)
			cli_say("%s", err->message);
		return 1;
	}
	cli_say("%s: %s\n\nRun '%s --help' for more information", cli->program, err->message,
	        cli->path);
	return status_from_text(err->message);
}

static int run_command(struct cli *cli)
{
	struct error err = { 0 };
	int rc = cli->command->run(cli, &err);

	if (fflush(stdout) != 0 && rc >= 0 && errno != EPIPE)
		rc = error_set_errno(&err, errno, "cannot write to standard output");
	return rc < 0 ? report(cli, &err) : rc;
}

static bool help_was_meant(const struct cli *cli)
{
	return option_bool(&cli->options, "help");
}

/* "-h" alone has always meant help where no option claims the letter. */
static void add_help(struct option_values *v)
{
	static const struct cli_option short_help[] = {
		{ "help", 'h', OPTION_BOOL, "Print this help", .flags = OPTION_HIDDEN },
		{ NULL },
	};
	bool taken = false;

	vec_for_each (v, value)
		taken |= value->option->letter == 'h';
	option_values_add(v, taken ? help_option : short_help);
}

static int call_leaf(struct cli *cli, char *const *argv)
{
	struct error err = { 0 };
	int rc;

	option_values_add(&cli->options, cli->command->options);
	add_help(&cli->options);
	if (options_parse(&cli->options, argv, cli->command->stop_early, &cli->args, &err) < 0)
		return usage_failure(cli, err.message);
	if (help_was_meant(cli)) {
		cli_help(cli, cli->command, cli->path, stdout);
		return 0;
	}
	rc = check_args(cli);
	if (rc)
		return rc;
	if (config_open(cli, &err) < 0)
		return report(cli, &err);
	return run_command(cli);
}

static void path_add(struct cli *cli, const char *name)
{
	char *path = xasprintf("%s %s", cli->path, name);

	free(cli->path);
	cli->path = path;
}

/* Walks down from the root by the words of argv. */
static int call(struct cli *cli, char *const *argv)
{
	const struct cli_command *const *level = cli_commands;
	const struct cli_command *c;

	for (;; argv++) {
		if (!argv[0] || streq(argv[0], "--help") || streq(argv[0], "-h")) {
			cli_help(cli, cli->command, cli->path, stdout);
			return 0;
		}
		if (argv[0][0] == '-') {
			AUTO_FREE char *message = xasprintf("unknown flag: %s", argv[0]);

			return usage_failure(cli, message);
		}
		c = cli_command_find(level, argv[0]);
		if (!c)
			return unknown_command(cli, level, cli->path, argv[0]);
		cli->command = c;
		path_add(cli, argv[0]);
		if (c->run)
			return call_leaf(cli, argv + 1);
		level = c->subcommands;
	}
}

/* "coracle help ps" is "coracle ps --help". */
static int call_help(struct cli *cli, char *const *words)
{
	const struct cli_command *const *level = cli_commands;

	for (; *words; words++) {
		const struct cli_command *c = level ? cli_command_find(level, *words) : NULL;

		if (!c)
			return unknown_command(cli, level ? level : cli_commands, cli->path,
			                       *words);
		cli->command = c;
		path_add(cli, *words);
		level = c->subcommands;
	}
	cli_help(cli, cli->command, cli->path, stdout);
	return 0;
}

static void cli_done(struct cli *cli)
{
	engine_close(cli);
	option_values_done(&cli->globals);
	option_values_done(&cli->options);
	strv_done(&cli->args);
	free(cli->path);
	free(cli->config_dir);
	free(cli->host);
	free(cli->context);
	free(cli->tls_dir);
	json_decref(cli->config);
}

static int start(struct cli *cli, char **argv)
{
	AUTO_STRV words = { 0 };
	struct error err = { 0 };
	int used;

	option_values_add(&cli->globals, global_options);
	used = options_parse(&cli->globals, argv + 1, true, &words, &err);
	if (used < 0)
		return usage_failure(cli, err.message);
	if (option_bool(&cli->globals, "version")) {
		printf("Coracle version %s\n", CORACLE_VERSION);
		return 0;
	}
	if (option_bool(&cli->globals, "help") || !words.len) {
		cli_help(cli, NULL, cli->path, stdout);
		return 0;
	}
	cli->debug = option_bool(&cli->globals, "debug") || getenv("DEBUG");
	argv += 1 + used - (int)words.len;
	return streq(argv[0], "help") ? call_help(cli, argv + 1) : call(cli, argv);
}

int cli_main(int argc, char **argv)
{
	struct cli cli = { 0 };
	const char *slash = argc > 0 ? strrchr(argv[0], '/') : NULL;
	int rc;

	if (argc < 1)
		return 1;
	signal(SIGPIPE, SIG_IGN);
	cli.program = slash ? slash + 1 : argv[0];
	cli.path = xstrdup(cli.program);
	rc = start(&cli, argv);
	if (fflush(stdout) != 0 && !rc)
		rc = 1;
	cli_done(&cli);
	return rc;
}
