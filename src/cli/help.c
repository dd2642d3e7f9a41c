/* SPDX-License-Identifier: Apache-2.0 */
/* --help from the tables, wrapped to the terminal. */
#include <stdio.h>
#include <sys/ioctl.h>

#include "cli/cli.h"

static unsigned terminal_columns(FILE *out)
{
	struct winsize size;

	if (ioctl(fileno(out), TIOCGWINSZ, &size) < 0 || size.ws_col < 20)
		return 80;
	return size.ws_col;
}

/* Text from column `indent` on, broken between words; lines of its own stay lines. */
static void print_wrapped(FILE *out, const char *text, unsigned indent, unsigned columns)
{
	unsigned at = indent, width = columns > indent + 24 ? columns : indent + 24;

	while (*text) {
		size_t n = strcspn(text, " \n");

		if (at > indent && at + 1 + n >= width) {
			fprintf(out, "\n%*s", (int)indent, "");
			at = indent;
		} else if (at > indent) {
			putc(' ', out);
			at++;
		}
		fwrite(text, 1, n, out);
		at += (unsigned)n;
		text += n;
		if (*text == '\n') {
			fprintf(out, "\n%*s", (int)indent, "");
			at = indent;
		}
		if (*text)
			text++;
	}
	putc('\n', out);
}

static void option_left(const struct cli_option *o, struct strbuf *b)
{
	if (o->letter)
		strbuf_printf(b, "  -%c, --%s", o->letter, o->name);
	else
		strbuf_printf(b, "      --%s", o->name);
	if (*option_type_name(o))
		strbuf_printf(b, " %s", option_type_name(o));
}

static bool shows_initial(const struct cli_option *o)
{
	return !str_empty_or_null(o->initial) &&
	       !(o->type == OPTION_BOOL && streq(o->initial, "false"));
}

static void print_options(const struct cli_option *table, const char *title, FILE *out)
{
	unsigned widest = 0, columns = terminal_columns(out);

	for (const struct cli_option *o = table; o && o->name; o++) {
		AUTO_STRBUF left = { 0 };

		option_left(o, &left);
		if (!(o->flags & OPTION_HIDDEN))
			widest = MAX(widest, (unsigned)left.len);
	}
	if (!widest)
		return;
	fprintf(out, "\n%s:\n", title);
	for (const struct cli_option *o = table; o->name; o++) {
		AUTO_STRBUF left = { 0 }, right = { 0 };

		if (o->flags & OPTION_HIDDEN)
			continue;
		option_left(o, &left);
		strbuf_puts(&right, o->help);
		if (shows_initial(o))
			strbuf_printf(&right,
			              o->type == OPTION_STRING ? " (default \"%s\")"
			                                       : " (default %s)",
			              o->initial);
		fprintf(out, "%-*s   ", (int)widest, strbuf_cstr(&left));
		print_wrapped(out, strbuf_cstr(&right), widest + 3, columns);
	}
}

static void print_group(const struct cli_command *const *level, enum cli_group group,
                        const char *title, FILE *out)
{
	int widest = 0;

	for (size_t i = 0; level[i]; i++)
		if (group == level[i]->group)
			widest = MAX(widest, (int)strlen(level[i]->name));
	if (!widest)
		return;
	fprintf(out, "\n%s:\n", title);
	for (size_t i = 0; level[i]; i++)
		if (group == level[i]->group)
			fprintf(out, "  %-*s  %s\n", MAX(widest, 10), level[i]->name,
			        level[i]->brief);
}

static void print_top(const struct cli *cli, FILE *out)
{
	fprintf(out,
	        "Usage:  %s [OPTIONS] COMMAND\n\nContainers and their images, from one command\n",
	        cli->program);
	print_group(cli_commands, CLI_GROUP_COMMON, "Common Commands", out);
	print_group(cli_commands, CLI_GROUP_MANAGEMENT, "Management Commands", out);
	print_group(cli_commands, CLI_GROUP_MORE, "Commands", out);
	print_group(cli_commands, CLI_GROUP_OWN, "More than docker has", out);
	if (cli->globals.len)
		print_options(cli->globals.ptr[0].option, "Global Options", out);
	fprintf(out, "\nRun '%s COMMAND --help' for more information on a command.\n",
	        cli->program);
}

char *cli_usage_line(const struct cli_command *command, const char *path)
{
	bool visible = false;

	if (command->subcommands)
		return xasprintf("Usage:  %s COMMAND", path);
	for (const struct cli_option *o = command->options; o && o->name; o++)
		visible |= !(o->flags & OPTION_HIDDEN);
	return xasprintf("Usage:  %s%s%s%s", path, visible ? " [OPTIONS]" : "",
	                 str_empty_or_null(command->usage) ? "" : " ",
	                 command->usage ? command->usage : "");
}

/* The other ways to call the same command: one struct may hang in two places of the tree. */
static void print_aliases(const struct cli *cli, const struct cli_command *command, FILE *out)
{
	AUTO_STRBUF b = { 0 };
	unsigned n = 0;

	for (size_t i = 0; cli_commands[i]; i++) {
		const struct cli_command *const *subs = cli_commands[i]->subcommands;

		for (size_t k = 0; subs && subs[k]; k++) {
			if (subs[k]->run != command->run || subs[k]->options != command->options)
				continue;
			strbuf_printf(&b, "%s%s %s %s", n++ ? ", " : "", cli->program,
			              cli_commands[i]->name, subs[k]->name);
			for (const char *a = subs[k]->aliases; a && *a; a += strspn(a, " ")) {
				strbuf_printf(&b, ", %s %s %.*s", cli->program,
				              cli_commands[i]->name, (int)strcspn(a, " "), a);
				a += strcspn(a, " ");
				n++;
			}
		}
		if (!subs && cli_commands[i]->run == command->run &&
		    cli_commands[i]->options == command->options)
			strbuf_printf(&b, "%s%s %s", n++ ? ", " : "", cli->program,
			              cli_commands[i]->name);
	}
	if (n > 1)
		fprintf(out, "\nAliases:\n  %s\n", strbuf_cstr(&b));
}

void cli_help(const struct cli *cli, const struct cli_command *command, const char *path, FILE *out)
{
	AUTO_FREE char *usage = NULL;

	if (!command) {
		print_top(cli, out);
		return;
	}
	usage = cli_usage_line(command, path);
	fprintf(out, "%s\n\n%s\n", usage, command->brief);
	if (command->details)
		fprintf(out, "%s\n", command->details);
	if (command->subcommands) {
		for (int g = CLI_GROUP_COMMON; g < CLI_GROUP_HIDDEN; g++)
			print_group(command->subcommands, (enum cli_group)g,
			            g == CLI_GROUP_OWN ? "More than docker has" : "Commands", out);
		fprintf(out, "\nRun '%s COMMAND --help' for more information on a command.\n",
		        path);
		return;
	}
	print_aliases(cli, command, out);
	print_options(command->options, "Options", out);
}
