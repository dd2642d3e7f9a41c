/* SPDX-License-Identifier: Apache-2.0 */
/* inspect, of any type and of each: answers are printed as they came, indented, or by a template.
 */
#include <stdio.h>

#include "cli/commands.h"
#include "cli/engine.h"
#include "cli/json-text.h"
#include "cli/template.h"

struct kind {
	const char *type;
	const char *pattern;
	const char *no_such; /* words of a 404 that mean: try the next type */
};

static const struct kind kinds[] = {
	{ "container", "/containers/{}/json", "No such container" },
	{ "image", "/images/{}/json", "No such image" },
	{ "network", "/networks/{}", "not found" },
	{ "volume", "/volumes/{}", "no such volume" },
};

/* Was an option given that not every inspect has? */
static bool wants(const struct cli *cli, const char *name)
{
	vec_for_each (&cli->options, v)
		if (streq(v->option->name, name))
			return v->set && !(v->option->type == OPTION_BOOL && !opt_bool(cli, name));
	return false;
}

/* The raw answer for one name, of one kind. */
static int fetch(struct cli *cli, const struct kind *kind, const char *name, struct strbuf *out,
                 struct error *err)
{
	AUTO_STRBUF target = { 0 };

	target_path(&target, kind->pattern, name);
	if (streq(kind->type, "container") && wants(cli, "size"))
		target_arg(&target, "size", "1");
	if (streq(kind->type, "network") && wants(cli, "verbose"))
		target_arg(&target, "verbose", "true");
	if (streq(kind->type, "image") && wants(cli, "platform"))
		target_arg(&target, "platform", opt_string(cli, "platform"));
	return engine_text(cli, "GET", strbuf_cstr(&target), NULL, out, err);
}

/* Tries each kind in turn (or the one of --type). */
static int fetch_any(struct cli *cli, const char *name, struct strbuf *out, struct error *err)
{
	const char *type = opt_string(cli, "type");

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (*type && !streq(type, kinds[i].type))
			continue;
		error_clear(err);
		if (fetch(cli, &kinds[i], name, out, err) == 0)
			return 0;
		if (err->kind != ERROR_NOT_FOUND && err->kind != ERROR_INVALID)
			return error_errno(err);
		if (*type)
			break;
	}
	return error_set(err, ERROR_NOT_FOUND, "Error: No such %s: %s", *type ? type : "object",
	                 name);
}

typedef int (*fetch_fn)(struct cli *cli, const char *name, struct strbuf *out, struct error *err);

static int print_template(const struct template *t, struct str text, struct error *err)
{
	CLEANUP(json_decref_ptr) json_t *doc = json_parse(text, err);
	AUTO_STRBUF out = { 0 };
	struct tvalue v;

	if (!doc)
		return error_errno(err);
	v = tvalue_from_json(doc);
	if (template_execute(t, &v, 0, &out, err) < 0)
		return error_prefix(err, "template parsing error");
	strbuf_putc(&out, '\n');
	return cli_write(strbuf_cstr(&out), out.len, err);
}

static struct template *parse_format(const char *format, struct error *err)
{
	struct template *t;

	if (streq(format, "json"))
		format = "{{json .}}";
	t = template_parse(format, err);
	if (!t)
		error_prefix(err, "template parsing error");
	return t;
}

/* The JSON list of all that was found, then the failures. */
static int inspect_with(struct cli *cli, fetch_fn fn, struct error *err)
{
	const char *format = opt_string(cli, "format");
	CLEANUP(template_free_ptr) struct template *t = NULL;
	AUTO_STRBUF list = { 0 }, pretty = { 0 };
	AUTO_STRV failures = { 0 };

	if (*format && !(t = parse_format(format, err)))
		return error_errno(err);
	strbuf_putc(&list, '[');
	for (size_t i = 0; i < cli->args.len; i++) {
		AUTO_STRBUF text = { 0 };
		struct error one = { 0 };

		if (fn(cli, cli->args.ptr[i], &text, &one) < 0) {
			if (one.kind == ERROR_UNAVAILABLE) {
				*err = one;
				return error_errno(err);
			}
			strv_add(&failures, one.message);
			continue;
		}
		if (t) {
			if (print_template(t, strbuf_str(&text), err) < 0)
				return error_errno(err);
			continue;
		}
		strbuf_printf(&list, "%s%s", list.len > 1 ? "," : "", strbuf_cstr(&text));
	}
	strbuf_putc(&list, ']');
	if (!t) {
		json_indent(strbuf_str(&list), 4, &pretty);
		strbuf_putc(&pretty, '\n');
		if (cli_write(strbuf_cstr(&pretty), pretty.len, err) < 0)
			return error_errno(err);
	} else if (failures.len == cli->args.len) {
		putchar('\n');
	}
	for (size_t i = 0; i < failures.len; i++)
		cli_say("%s", failures.ptr[i]);
	return failures.len ? 1 : 0;
}

static int inspect(struct cli *cli, struct error *err)
{
	const char *type = opt_string(cli, "type");
	bool known = !*type;

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		known |= streq(kinds[i].type, type);
	if (opt_given(cli, "type") && !known)
		return error_set(err, ERROR_INVALID,
		                 "unknown type: \"%s\": must be one of \"container\", \"image\", "
		                 "\"network\", \"volume\"",
		                 type);
	return inspect_with(cli, fetch_any, err);
}

#define DEFINE_INSPECT(name, number)                                                               \
	static int fetch_##name(struct cli *cli, const char *what, struct strbuf *out,             \
	                        struct error *err)                                                 \
	{                                                                                          \
		return fetch(cli, &kinds[number], what, out, err);                                 \
	}                                                                                          \
	static int inspect_##name(struct cli *cli, struct error *err)                              \
	{                                                                                          \
		return inspect_with(cli, fetch_##name, err);                                       \
	}

DEFINE_INSPECT(container, 0)
DEFINE_INSPECT(image, 1)
DEFINE_INSPECT(network, 2)
DEFINE_INSPECT(volume, 3)

/* clang-format off */
#define HIDDEN(name_, type_) { name_, 0, type_, "", .flags = OPTION_HIDDEN }
static const struct cli_option inspect_options[] = {
	{ "format", 'f', OPTION_STRING, FORMAT_HELP_INSPECT },
	{ "size", 's', OPTION_BOOL, "Sizes of a container's files too" },
	{ "type", 0, OPTION_STRING, "Only objects of this type", .complete = "container image network volume" },
	HIDDEN("verbose", OPTION_BOOL), HIDDEN("platform", OPTION_STRING),
	{ NULL },
};
static const struct cli_option container_options[] = {
	{ "format", 'f', OPTION_STRING, FORMAT_HELP_INSPECT },
	{ "size", 's', OPTION_BOOL, "Sizes of its files too" },
	{ NULL },
};
static const struct cli_option image_options[] = {
	{ "format", 'f', OPTION_STRING, FORMAT_HELP_INSPECT },
	{ "platform", 0, OPTION_STRING, "The image for this platform, as linux/arm64" },
	{ NULL },
};
static const struct cli_option network_options[] = {
	{ "format", 'f', OPTION_STRING, FORMAT_HELP_INSPECT },
	{ "verbose", 'v', OPTION_BOOL, "More for diagnosis" },
	{ NULL },
};
static const struct cli_option volume_options[] = {
	{ "format", 'f', OPTION_STRING, FORMAT_HELP_INSPECT },
	{ NULL },
};
/* clang-format on */

const struct cli_command command_inspect = {
	.name = "inspect",
	.usage = "NAME|ID [NAME|ID...]",
	.brief = "Show all that is known of containers, images, networks or volumes",
	.options = inspect_options,
	.min_args = 1,
	.max_args = CLI_ARGS_ANY,
	.run = inspect,
	.complete = "@containers",
	.group = CLI_GROUP_MORE,
};
const struct cli_command command_container_inspect = {
	.name = "inspect",
	.usage = "CONTAINER [CONTAINER...]",
	.brief = "Show all that is known of containers",
	.options = container_options,
	.min_args = 1,
	.max_args = CLI_ARGS_ANY,
	.run = inspect_container,
	.complete = "@containers",
};
const struct cli_command command_image_inspect = {
	.name = "inspect",
	.usage = "IMAGE [IMAGE...]",
	.brief = "Show all that is known of images",
	.options = image_options,
	.min_args = 1,
	.max_args = CLI_ARGS_ANY,
	.run = inspect_image,
	.complete = "@images",
};
const struct cli_command command_network_inspect = {
	.name = "inspect",
	.usage = "NETWORK [NETWORK...]",
	.brief = "Show all that is known of networks",
	.options = network_options,
	.min_args = 1,
	.max_args = CLI_ARGS_ANY,
	.run = inspect_network,
	.complete = "@networks",
};
const struct cli_command command_volume_inspect = {
	.name = "inspect",
	.usage = "VOLUME [VOLUME...]",
	.brief = "Show all that is known of volumes",
	.options = volume_options,
	.min_args = 1,
	.max_args = CLI_ARGS_ANY,
	.run = inspect_volume,
	.complete = "@volumes",
};
