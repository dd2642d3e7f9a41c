/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The command line: a tree of `struct cli_command`, one call of one command, and what all
 * commands share (where the engine is, the user's configuration, this call's options).
 * A program runs one call and ends: what lives in `struct cli` is freed at the end of cli_main().
 */
#include <stdio.h>

#include <jansson.h>

#include "base/strbuf.h"
#include "cli/option.h"

struct cli;
struct http_client;

enum cli_group {
	CLI_GROUP_COMMON,
	CLI_GROUP_MANAGEMENT,
	CLI_GROUP_MORE,
	CLI_GROUP_OWN, /* what docker has not */
	CLI_GROUP_HIDDEN,
};

enum { CLI_ARGS_ANY = -1, CLI_EXIT_USAGE = 125 };

struct cli_command {
	const char *name;
	const char *usage;   /* operands, as in "CONTAINER [CONTAINER...]"; may be "" */
	const char *brief;   /* one line */
	const char *details; /* more paragraphs, or NULL */
	const struct cli_option *options;
	int min_args, max_args; /* max: CLI_ARGS_ANY */
	bool stop_early;        /* options end at the first operand: run, exec */
	bool usage_errors;      /* engine errors exit with 125, 126 or 127, and point to --help: run */
	const char *complete;   /* of operands, as cli_option.complete */
	const char *aliases;    /* further names in its group, space separated */
	enum cli_group group;
	/* 0, a positive exit status after reporting by itself, or negative with err. */
	int (*run)(struct cli *cli, struct error *err);
	const struct cli_command *const *subcommands; /* NULL-terminated; then run is NULL */
};

struct cli {
	const char *program; /* "coracle", or what it was called as */
	const struct cli_command *command;
	char *path; /* owned: "coracle container ls", for messages */
	struct option_values globals;
	struct option_values options; /* of this call */
	struct strv args;             /* its operands */

	char *config_dir;  /* owned */
	json_t *config;    /* owned: config.json; an empty object when there is none */
	char *host;        /* owned: "unix:///run/coracle/coracle.sock" */
	char *context;     /* owned: name, "default" when the host was given otherwise */
	char *tls_dir;     /* owned: certificates of the context, or NULL */
	bool debug;

	struct http_client *http; /* owned, NULL until the first request */
	bool negotiated;
	char api_version[16];     /* after negotiation */
	bool api_version_fixed;   /* DOCKER_API_VERSION */
	char server_os[32];
	bool experimental;
};

extern const struct cli_command *const cli_commands[];

/* Everything: parses, runs, reports; the exit status. */
int cli_main(int argc, char **argv);

/* Options of the call by name. */
static inline bool opt_bool(const struct cli *cli, const char *name)
{
	return option_bool(&cli->options, name);
}
static inline bool opt_given(const struct cli *cli, const char *name)
{
	return option_given(&cli->options, name);
}
static inline const char *opt_string(const struct cli *cli, const char *name)
{
	return option_string(&cli->options, name);
}
static inline int64_t opt_int(const struct cli *cli, const char *name)
{
	return option_int(&cli->options, name);
}
static inline const struct strv *opt_list(const struct cli *cli, const char *name)
{
	return option_list(&cli->options, name);
}

/* Finds name among a level's commands, aliases too; NULL when there is none. */
const struct cli_command *cli_command_find(const struct cli_command *const *level, const char *name);
/* "Usage: …" and the rest of --help. top is NULL for the program's own. */
void cli_help(const struct cli *cli, const struct cli_command *command, const char *path, FILE *out);
/* "Usage:  coracle ps [OPTIONS]", owned. */
char *cli_usage_line(const struct cli_command *command, const char *path) MUST_USE;

/* One line on stderr, control characters made visible. */
void cli_say(const char *fmt, ...) PRINTF_FORMAT(1, 2);
/* Prints text with control characters (but newline and tab) shown as \xNN. */
void cli_print_safe(FILE *out, const char *text);
/* Asks on stderr, "[y/N] "; false for anything but yes. */
bool cli_confirm(const char *question);
/* Writes to stdout; err when that failed. */
int cli_write(const void *data, size_t n, struct error *err) MUST_USE;
