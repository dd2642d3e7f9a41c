/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Completion: the shells' scripts call "__complete WORD...", which answers one candidate per line,
 * a tab and its description; a last line ":files" leaves the word to the shell's file names.
 */
#include <stdio.h>

#include "cli/commands.h"
#include "cli/config.h"
#include "cli/engine.h"
#include "cli/table.h"

static void offer(const char *word, const char *text, const char *description)
{
	if (!str_skip_prefix(text, word))
		return;
	printf("%s", text);
	if (!str_empty_or_null(description))
		printf("\t%.*s", (int)strcspn(description, "\n"), description);
	putchar('\n');
}

static void offer_words(const char *word, const char *words)
{
	struct str rest = str_from(words), one;

	while (str_cut(&rest, ' ', &one)) {
		AUTO_FREE char *text = xstrndup(one.ptr, one.len);

		offer(word, text, NULL);
	}
}

static json_t *ask(struct cli *cli, const char *target)
{
	struct error ignored = { 0 };

	return engine_json(cli, "GET", target, NULL, &ignored);
}

static void offer_containers(struct cli *cli, const char *word)
{
	CLEANUP(json_decref_ptr) json_t *all = ask(cli, "/containers/json?all=1");
	const json_t *c, *name;
	size_t i, k;

	json_array_foreach (all, i, c)
		json_array_foreach (item_at(c, "Names"), k, name)
			if (json_is_string(name) && *json_string_value(name) == '/')
				offer(word, json_string_value(name) + 1, item_string(c, "Image"));
}

static void offer_images(struct cli *cli, const char *word)
{
	CLEANUP(json_decref_ptr) json_t *all = ask(cli, "/images/json");
	const json_t *image, *tag;
	size_t i, k;

	json_array_foreach (all, i, image)
		json_array_foreach (item_at(image, "RepoTags"), k, tag)
			if (json_is_string(tag) &&
			    !str_skip_prefix(json_string_value(tag), "<none>"))
				offer(word, json_string_value(tag), NULL);
}

static void offer_named(struct cli *cli, const char *word, const char *target, const char *member)
{
	CLEANUP(json_decref_ptr) json_t *all = ask(cli, target);
	const json_t *one;
	size_t i;

	json_array_foreach (member ? item_at(all, member) : all, i, one)
		offer(word, item_string(one, "Name"), item_string(one, "Driver"));
}

static void offer_values(struct cli *cli, const char *word, const char *what)
{
	struct error ignored = { 0 };

	if (str_empty_or_null(what))
		return;
	if (streq(what, "@files")) {
		printf(":files\n");
		return;
	}
	if (*what != '@') {
		offer_words(word, what);
		return;
	}
	if (!cli->config && config_open(cli, &ignored) < 0)
		return;
	if (streq(what, "@containers"))
		offer_containers(cli, word);
	else if (streq(what, "@images"))
		offer_images(cli, word);
	else if (streq(what, "@networks"))
		offer_named(cli, word, "/networks", NULL);
	else if (streq(what, "@volumes"))
		offer_named(cli, word, "/volumes", "Volumes");
}

static const struct cli_option *option_of(const struct cli_option *table, const char *word)
{
	size_t n = strcspn(word + 2, "=");

	for (const struct cli_option *o = table; o && o->name; o++) {
		if (word[1] == '-' && strlen(o->name) == n && !strncmp(o->name, word + 2, n))
			return o;
		if (word[1] != '-' && o->letter && word[strlen(word) - 1] == o->letter)
			return o;
	}
	return NULL;
}

static void offer_options(const struct cli_option *table, const char *word)
{
	for (const struct cli_option *o = table; o && o->name; o++) {
		AUTO_FREE char *text = xasprintf("--%s", o->name);

		if (!(o->flags & OPTION_HIDDEN))
			offer(word, text, o->help);
	}
}

static void offer_commands(const struct cli_command *const *level, const char *word)
{
	for (size_t i = 0; level[i]; i++)
		if (level[i]->group != CLI_GROUP_HIDDEN)
			offer(word, level[i]->name, level[i]->brief);
}

/* Where the words before the last lead to. */
struct place {
	const struct cli_command *const *level; /* of the next command, or NULL */
	const struct cli_command *command;
	const struct cli_option *waiting; /* an option that needs its value */
	unsigned operands;
};

static void walk(struct place *p, char *const *words, size_t n, const struct cli_option *globals)
{
	for (size_t i = 0; i < n; i++) {
		const struct cli_option *table = p->command ? p->command->options : globals;
		const char *w = words[i];

		if (p->waiting) {
			p->waiting = NULL;
		} else if (w[0] == '-' && w[1]) {
			const struct cli_option *o = option_of(table, w);

			if (o && option_takes_value(o) && !strchr(w, '='))
				p->waiting = o;
		} else if (p->level) {
			p->command = cli_command_find(p->level, w);
			p->level = p->command ? p->command->subcommands : NULL;
			if (!p->command)
				return;
		} else {
			p->operands++;
		}
	}
}

static int complete(struct cli *cli, struct error *err)
{
	struct place p = { .level = cli_commands };
	size_t n = cli->args.len;
	const char *word = cli->args.ptr[n - 1];
	const struct cli_option *globals = cli->globals.ptr[0].option, *table;

	walk(&p, cli->args.ptr, n - 1, globals);
	table = p.command ? p.command->options : globals;
	if (p.waiting)
		offer_values(cli, word, p.waiting->complete);
	else if (*word == '-')
		offer_options(table, word);
	else if (p.level)
		offer_commands(p.level, word);
	else if (p.command && p.command->stop_early && p.operands)
		printf(":files\n");
	else if (p.command && (p.command->max_args == CLI_ARGS_ANY ||
	                       p.operands < (unsigned)p.command->max_args))
		offer_values(cli, word, p.command->complete);
	return 0;
}

static const char bash_script[] =
	"# bash completion for @\n"
	"_@_complete() {\n"
	"\tlocal line word=${COMP_WORDS[COMP_CWORD]}\n"
	"\tCOMPREPLY=()\n"
	"\twhile IFS= read -r line; do\n"
	"\t\tif [ \"$line\" = :files ]; then\n"
	"\t\t\tcompopt -o default 2>/dev/null\n"
	"\t\telse\n"
	"\t\t\tCOMPREPLY+=(\"${line%%$'\\t'*}\")\n"
	"\t\tfi\n"
	"\tdone < <(\"${COMP_WORDS[0]}\" __complete -- \"${COMP_WORDS[@]:1:COMP_CWORD-1}\" \"$word\" 2>/dev/null)\n"
	"\tdeclare -F __ltrim_colon_completions >/dev/null && __ltrim_colon_completions \"$word\"\n"
	"}\n"
	"complete -F _@_complete @\n";

static const char zsh_script[] =
	"#compdef @\n"
	"local -a lines; local line\n"
	"while IFS= read -r line; do\n"
	"\tif [[ $line == :files ]]; then _files; else lines+=(\"${${line%%$'\\t'*}//:/\\\\:}:${line#*$'\\t'}\"); fi\n"
	"done < <(\"$words[1]\" __complete -- \"${(@)words[2,CURRENT-1]}\" \"$words[CURRENT]\" 2>/dev/null)\n"
	"(( $#lines )) && _describe '@' lines\n";

static const char fish_script[] =
	"function __@_complete\n"
	"\tset -l words (commandline -opc) (commandline -ct)\n"
	"\tfor line in ($words[1] __complete -- $words[2..-1] 2>/dev/null)\n"
	"\t\tif test \"$line\" = :files\n"
	"\t\t\t__fish_complete_path (commandline -ct)\n"
	"\t\telse\n"
	"\t\t\techo $line\n"
	"\t\tend\n"
	"\tend\n"
	"end\n"
	"complete -c @ -f -a '(__@_complete)'\n";

static int completion(struct cli *cli, struct error *err)
{
	static const struct {
		const char *shell, *script;
	} all[] = { { "bash", bash_script }, { "zsh", zsh_script }, { "fish", fish_script } };

	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		if (!streq(all[i].shell, cli->args.ptr[0]))
			continue;
		for (const char *c = all[i].script; *c; c++) {
			/* "$@", "[@]" and "(@)" are the shells'; a name stands where a word begins
			 */
			if (*c == '@' && c[1] != ']' && c[1] != ')' && c[1] != '"')
				fputs(cli->program, stdout);
			else
				putchar(*c);
		}
		return 0;
	}
	return error_set(err, ERROR_INVALID, "unknown shell %s: one of bash, zsh, fish",
	                 cli->args.ptr[0]);
}

const struct cli_command command_complete = {
	.name = "__complete",
	.usage = "WORD...",
	.brief = "Answer a shell's question",
	.min_args = 1,
	.max_args = CLI_ARGS_ANY,
	.stop_early = true,
	.run = complete,
	.group = CLI_GROUP_HIDDEN,
};
const struct cli_command command_completion = {
	.name = "completion",
	.usage = "bash|zsh|fish",
	.brief = "Print the script that completes commands",
	.min_args = 1,
	.max_args = 1,
	.run = completion,
	.complete = "bash zsh fish",
	.group = CLI_GROUP_OWN,
};
