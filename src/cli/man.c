/* SPDX-License-Identifier: Apache-2.0 */
/* Manual pages and the reference in Markdown, out of the tables: "__man DIR", "__man --markdown".
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "cli/commands.h"

/* A line of roff: backslashes, dashes, and dots in front are not for it. */
static void roff(FILE *out, const char *text)
{
	for (const char *c = text; *c; c++) {
		if ((*c == '.' || *c == '\'') && (c == text || c[-1] == '\n'))
			fputs("\\&", out);
		if (*c == '\\')
			fputs("\\e", out);
		else if (*c == '-')
			fputs("\\-", out);
		else
			putc(*c, out);
	}
}

static void roff_option(FILE *out, const struct cli_option *o)
{
	char label[64];

	fputs(".TP\n.B ", out);
	roff(out, option_label(o, label));
	if (*option_type_name(o))
		fprintf(out, " \\fI%s\\fR", option_type_name(o));
	putc('\n', out);
	roff(out, o->help);
	if (!str_empty_or_null(o->initial) && o->type != OPTION_BOOL) {
		fputs(" (default ", out);
		roff(out, o->initial);
		putc(')', out);
	}
	fputs(".\n", out);
}

static void roff_page(FILE *out, const struct cli_command *c, const char *path)
{
	AUTO_FREE char *usage = cli_usage_line(c, path), *upper = xstrdup(path);
	bool titled = false;

	for (char *p = upper; *p; p++)
		*p = (char)(*p == ' ' ? '-' : *p >= 'a' && *p <= 'z' ? *p - 32 : *p);
	fprintf(out, ".TH %s 1 \"\" \"Coracle %s\"\n.SH NAME\n", upper, CORACLE_VERSION);
	for (char *p = upper; *p; p++)
		*p = (char)(*p >= 'A' && *p <= 'Z' ? *p + 32 : *p);
	roff(out, upper);
	fputs(" \\- ", out);
	roff(out, c->brief);
	fputs("\n.SH SYNOPSIS\n.B ", out);
	roff(out, usage + strlen("Usage:  "));
	fputs("\n.SH DESCRIPTION\n", out);
	roff(out, c->brief);
	fputs(".\n", out);
	if (c->details)
		roff(out, c->details);
	for (const struct cli_option *o = c->options; o && o->name; o++) {
		if (o->flags & OPTION_HIDDEN)
			continue;
		if (!titled)
			fputs("\n.SH OPTIONS\n", out);
		titled = true;
		roff_option(out, o);
	}
	fputs("\n.SH SEE ALSO\n.BR coracle (1)\n", out);
}

static void markdown(const struct cli_command *c, const char *path)
{
	AUTO_FREE char *usage = cli_usage_line(c, path);
	bool titled = false;
	char label[64];

	printf("\n## %s\n\n%s.\n\n```\n%s\n```\n", path, c->brief, usage + strlen("Usage:  "));
	for (const struct cli_option *o = c->options; o && o->name; o++) {
		if (o->flags & OPTION_HIDDEN)
			continue;
		if (!titled)
			printf("\n| option | value | meaning |\n|---|---|---|\n");
		titled = true;
		printf("| `%s` | %s | %s%s%s%s |\n", option_label(o, label), option_type_name(o),
		       o->help,
		       str_empty_or_null(o->initial) || o->type == OPTION_BOOL ? "" : " (default `",
		       str_empty_or_null(o->initial) || o->type == OPTION_BOOL ? "" : o->initial,
		       str_empty_or_null(o->initial) || o->type == OPTION_BOOL ? "" : "`)");
	}
}

static int write_page(const char *dir, const struct cli_command *c, const char *path,
                      struct error *err)
{
	AUTO_FREE char *name = xstrdup(path), *file = NULL;
	FILE *out;

	for (char *p = name; *p; p++)
		*p = *p == ' ' ? '-' : *p;
	file = xasprintf("%s/%s.1", dir, name);
	out = fopen(file, "we");
	if (!out)
		return error_set_errno(err, errno, "cannot write %s", file);
	roff_page(out, c, path);
	if (fclose(out) != 0)
		return error_set_errno(err, errno, "cannot write %s", file);
	return 0;
}

static int each_command(const struct cli_command *const *level, const char *path, const char *dir,
                        struct error *err)
{
	for (size_t i = 0; level[i]; i++) {
		AUTO_FREE char *name = xasprintf("%s %s", path, level[i]->name);

		if (level[i]->group == CLI_GROUP_HIDDEN)
			continue;
		if (!dir)
			markdown(level[i], name);
		else if (write_page(dir, level[i], name, err) < 0)
			return error_errno(err);
		if (level[i]->subcommands &&
		    each_command(level[i]->subcommands, name, dir, err) < 0)
			return error_errno(err);
	}
	return 0;
}

static int man(struct cli *cli, struct error *err)
{
	AUTO_FREE char *top = NULL;
	FILE *out;

	if (opt_bool(cli, "markdown")) {
		printf("# Command reference\n\nMade from the option tables by `coracle __man --markdown`.\n");
		return each_command(cli_commands, "coracle", NULL, err);
	}
	if (!cli->args.len)
		return error_set(err, ERROR_INVALID, "name a directory, or --markdown");
	top = xasprintf("%s/coracle.1", cli->args.ptr[0]);
	out = fopen(top, "we");
	if (!out)
		return error_set_errno(err, errno, "cannot write %s", top);
	fprintf(out,
	        ".TH CORACLE 1 \"\" \"Coracle %s\"\n.SH NAME\ncoracle \\- containers and their images\n"
	        ".SH SYNOPSIS\n.B coracle\n[OPTIONS] COMMAND\n.SH DESCRIPTION\nSpeaks to an engine over the "
	        "Docker Engine API.\n.SH COMMANDS\n",
	        CORACLE_VERSION);
	for (size_t i = 0; cli_commands[i]; i++)
		if (cli_commands[i]->group != CLI_GROUP_HIDDEN)
			fprintf(out, ".TP\n.BR coracle\\-%s (1)\n%s.\n", cli_commands[i]->name,
			        cli_commands[i]->brief);
	fputs(".SH OPTIONS\n", out);
	for (const struct cli_option *o = cli->globals.ptr[0].option; o->name; o++)
		if (!(o->flags & OPTION_HIDDEN))
			roff_option(out, o);
	if (fclose(out) != 0)
		return error_set_errno(err, errno, "cannot write %s", top);
	return each_command(cli_commands, "coracle", cli->args.ptr[0], err);
}

/* clang-format off */
static const struct cli_option options[] = {
	{ "markdown", 0, OPTION_BOOL, "Print the reference for docs/" },
	{ NULL },
};
/* clang-format on */

const struct cli_command command_man = {
	.name = "__man",
	.usage = "[DIR]",
	.brief = "Write the manual pages",
	.options = options,
	.max_args = 1,
	.run = man,
	.group = CLI_GROUP_HIDDEN,
};
