/* SPDX-License-Identifier: Apache-2.0 */
/* context create, ls, inspect, rm, use, show: names for where engines are. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>

#include "base/fs.h"
#include "cli/commands.h"
#include "cli/config.h"
#include "cli/each.h"
#include "cli/json-text.h"
#include "cli/table.h"
#include "json/writer.h"

struct listed {
	const char *name, *description, *endpoint, *error;
	bool current;
};

#define DEFINE_TEXT(name)                                                                          \
	static void print_##name(const struct row *row, const char *arg, struct strbuf *out)       \
	{                                                                                          \
		strbuf_puts(out, ((const struct listed *)row->extra)->name);                       \
	}

DEFINE_TEXT(description)
DEFINE_TEXT(endpoint)
DEFINE_TEXT(error)

static void print_name(const struct row *row, const char *arg, struct strbuf *out)
{
	const struct listed *l = row->extra;

	strbuf_printf(out, row->human && l->current ? "%s *" : "%s", l->name);
}

static void print_current(const struct row *row, const char *arg, struct strbuf *out)
{
	strbuf_puts(out, ((const struct listed *)row->extra)->current ? "true" : "false");
}

static const struct row_field fields[] = {
	{ "Name", "NAME", print_name },
	{ "Description", "DESCRIPTION", print_description },
	{ "DockerEndpoint", "DOCKER ENDPOINT", print_endpoint },
	{ "Current", "CURRENT", print_current },
	{ "Error", "ERROR", print_error },
	{ NULL },
};

/* Names of the contexts on disk, sorted. */
static void all_names(const struct cli *cli, struct strv *ret)
{
	AUTO_FREE char *path = xasprintf("%s/contexts/meta", cli->config_dir);
	DIR *dir = opendir(path);
	struct dirent *e;

	while (dir && (e = readdir(dir))) {
		AUTO_FREE char *file = xasprintf("%s/%s/meta.json", path, e->d_name);
		AUTO_STRBUF text = { 0 };
		CLEANUP(json_decref_ptr) json_t *doc = NULL;
		struct error ignored = { 0 };

		if (e->d_name[0] == '.' ||
		    read_file(AT_FDCWD, file, 1024 * 1024, &text, &ignored) < 0)
			continue;
		doc = json_parse(strbuf_str(&text), &ignored);
		if (doc && *item_string(doc, "Name"))
			strv_add(ret, item_string(doc, "Name"));
	}
	if (dir)
		closedir(dir);
	strv_sort(ret);
}

static int add_row(struct cli *cli, struct table *t, struct listed l, struct error *err)
{
	struct row row = { .fields = fields, .extra = &l, .human = !*opt_string(cli, "format") };

	l.current = streq(l.name, cli->context);
	return table_add(t, &row, err);
}

static int list(struct cli *cli, struct error *err)
{
	AUTO_STRV names = { 0 };
	AUTO_TABLE table = { 0 };
	const char *format = opt_string(cli, "format");
	AUTO_FREE char *host =
		streq(cli->context, "default") ? xstrdup(cli->host) : config_default_host();

	if (!*format && opt_bool(cli, "quiet"))
		format = "{{.Name}}";
	if (table_begin(&table, fields, format,
	                "table {{.Name}}\t{{.Description}}\t{{.DockerEndpoint}}\t{{.Error}}",
	                err) < 0)
		return error_errno(err);
	all_names(cli, &names);
	if (add_row(cli, &table,
	            (struct listed){ "default", "Current DOCKER_HOST based configuration", host,
	                             "" },
	            err) < 0)
		return error_errno(err);
	for (size_t i = 0; i < names.len; i++) {
		CLEANUP(json_decref_ptr) json_t *meta = context_load(cli, names.ptr[i], err);

		if (!meta)
			return error_errno(err);
		if (add_row(cli, &table,
		            (struct listed){ names.ptr[i],
		                             item_string(meta, "Metadata.Description"),
		                             item_string(meta, "Endpoints.docker.Host"), "" },
		            err) < 0)
			return error_errno(err);
	}
	return table_end(&table, err);
}

/* host=…,ca=…,cert=…,key=… */
static int parse_endpoint(const char *text, struct strmap *ret, struct error *err)
{
	struct str rest = str_from(text), pair, key;

	while (str_cut(&rest, ',', &pair)) {
		AUTO_FREE char *name = NULL, *value = NULL;

		str_cut(&pair, '=', &key);
		if (!pair.ptr)
			return error_set(err, ERROR_INVALID,
			                 "invalid --docker \"%s\": use host=unix://…", text);
		name = xstrndup(key.ptr, key.len);
		value = xstrndup(pair.ptr, pair.len);
		if (!streq(name, "host") && !streq(name, "ca") && !streq(name, "cert") &&
		    !streq(name, "key") && !streq(name, "skip-tls-verify") && !streq(name, "from"))
			return error_set(err, ERROR_INVALID, "unrecognized config key: %s", name);
		strmap_set(ret, name, value);
	}
	return 0;
}

static int write_certificate(const struct cli *cli, const char *name, const char *from,
                             const char *to, struct error *err)
{
	AUTO_FREE char *tls = context_path(cli, "tls", name), *dir = xasprintf("%s/docker", tls);
	AUTO_FREE char *path = xasprintf("%s/%s.pem", dir, to);
	AUTO_STRBUF text = { 0 };
	int r;

	if (!from)
		return 0;
	if (read_file(AT_FDCWD, from, 1024 * 1024, &text, err) < 0)
		return error_errno(err);
	r = mkdir_parents(AT_FDCWD, dir, 0700);
	if (r < 0)
		return error_set_errno(err, -r, "cannot make %s", dir);
	return write_file_atomic(AT_FDCWD, path, text.ptr, text.len, 0600, err);
}

static void write_meta(struct cli *cli, const char *name, const struct strmap *endpoint,
                       struct strbuf *out)
{
	const char *host = strmap_get(endpoint, "host"),
		   *skip = strmap_get(endpoint, "skip-tls-verify");
	struct json_writer w;

	json_writer_init(&w, out);
	jw_object(&w);
	jw_kv_string(&w, "Name", name);
	jw_key(&w, "Metadata");
	jw_object(&w);
	if (*opt_string(cli, "description"))
		jw_kv_string(&w, "Description", opt_string(cli, "description"));
	jw_object_end(&w);
	jw_key(&w, "Endpoints");
	jw_object(&w);
	jw_key(&w, "docker");
	jw_object(&w);
	jw_kv_string(&w, "Host", host ? host : cli->host);
	jw_kv_bool(&w, "SkipTLSVerify", skip && parse_query_bool(skip));
	jw_object_end(&w);
	jw_object_end(&w);
	jw_object_end(&w);
}

static int create(struct cli *cli, struct error *err)
{
	const char *name = cli->args.ptr[0];
	AUTO_FREE char *dir = context_path(cli, "meta", name),
		       *path = xasprintf("%s/meta.json", dir);
	AUTO_STRMAP endpoint = { 0 };
	AUTO_STRBUF text = { 0 };
	int r;

	if (streq(name, "default"))
		return error_set(err, ERROR_INVALID, "\"default\" is a reserved context name");
	if (!is_safe_name(name))
		return error_set(
			err, ERROR_INVALID,
			"context name \"%s\" is invalid, names are validated against regexp "
			"\"^[a-zA-Z0-9][a-zA-Z0-9_.+-]+$\"",
			name);
	if (access(path, F_OK) == 0)
		return error_set(err, ERROR_CONFLICT, "context \"%s\" already exists", name);
	if (*opt_string(cli, "docker") &&
	    parse_endpoint(opt_string(cli, "docker"), &endpoint, err) < 0)
		return error_errno(err);
	if (write_certificate(cli, name, strmap_get(&endpoint, "ca"), "ca", err) < 0 ||
	    write_certificate(cli, name, strmap_get(&endpoint, "cert"), "cert", err) < 0 ||
	    write_certificate(cli, name, strmap_get(&endpoint, "key"), "key", err) < 0)
		return error_errno(err);
	write_meta(cli, name, &endpoint, &text);
	r = mkdir_parents(AT_FDCWD, dir, 0755);
	if (r < 0)
		return error_set_errno(err, -r, "cannot make %s", dir);
	if (write_file_atomic(AT_FDCWD, path, text.ptr, text.len, 0644, err) < 0)
		return error_errno(err);
	printf("%s\n", name);
	cli_say("Successfully created context \"%s\"", name);
	return 0;
}

static int remove_one(struct cli *cli, const char *name, struct error *err)
{
	AUTO_FREE char *meta = context_path(cli, "meta", name),
		       *tls = context_path(cli, "tls", name);
	const char *current = config_string(cli, "currentContext");
	int r;

	if (streq(name, "default"))
		return error_set(err, ERROR_INVALID, "context \"default\" cannot be removed");
	if (access(meta, F_OK) < 0) {
		if (opt_bool(cli, "force"))
			return 0;
		return error_set(err, ERROR_NOT_FOUND, "context \"%s\": not found", name);
	}
	if (streq_null(current, name) && !opt_bool(cli, "force"))
		return error_set(err, ERROR_CONFLICT,
		                 "context \"%s\" is in use, set -f flag to force remove", name);
	r = remove_tree(AT_FDCWD, meta);
	if (!r)
		r = remove_tree(AT_FDCWD, tls);
	if (r < 0)
		return error_set_errno(err, -r, "cannot remove context \"%s\"", name);
	if (!streq_null(current, name))
		return 0;
	json_object_del(cli->config, "currentContext");
	return config_save(cli, err);
}

static int remove_all(struct cli *cli, struct error *err)
{
	return each_operand(cli, remove_one, true);
}

static int use(struct cli *cli, struct error *err)
{
	const char *name = cli->args.ptr[0];

	if (streq(name, "default")) {
		json_object_del(cli->config, "currentContext");
	} else {
		CLEANUP(json_decref_ptr) json_t *meta = context_load(cli, name, err);

		if (!meta)
			return error_errno(err);
		json_object_set_new(cli->config, "currentContext", json_string(name));
	}
	if (config_save(cli, err) < 0)
		return error_errno(err);
	printf("%s\n", name);
	cli_say("Current context is now \"%s\"", name);
	if (!str_empty_or_null(getenv("DOCKER_HOST")))
		cli_say("Warning: DOCKER_HOST environment variable overrides the active context. To use \"%s\", "
		        "either set the global --context flag, or unset DOCKER_HOST environment variable.",
		        name);
	return 0;
}

static int show(struct cli *cli, struct error *err)
{
	printf("%s\n", cli->context);
	return 0;
}

static int inspect(struct cli *cli, struct error *err)
{
	const char *name = cli->args.len ? cli->args.ptr[0] : cli->context;
	CLEANUP(json_decref_ptr) json_t *meta = NULL;
	AUTO_STRBUF text = { 0 }, pretty = { 0 };
	struct json_writer w;

	if (streq(name, "default"))
		meta = json_pack("{s:s,s:{},s:{s:{s:s,s:b}}}", "Name", "default", "Metadata",
		                 "Endpoints", "docker", "Host", cli->host, "SkipTLSVerify", 0);
	else
		meta = context_load(cli, name, err);
	if (!meta)
		return error_errno(err);
	if (*opt_string(cli, "format"))
		return print_by_template(opt_string(cli, "format"), meta, err);
	json_writer_init(&w, &text);
	jw_array(&w);
	jw_value(&w, meta);
	jw_array_end(&w);
	json_indent(strbuf_str(&text), 4, &pretty);
	strbuf_putc(&pretty, '\n');
	return cli_write(strbuf_cstr(&pretty), pretty.len, err);
}

/* clang-format off */
static const struct cli_option create_options[] = {
	{ "description", 0, OPTION_STRING, "What it is for" },
	{ "docker", 0, OPTION_STRING, "The engine, as host=ssh://me@there" },
	{ "from", 0, OPTION_STRING, "", .flags = OPTION_HIDDEN },
	{ NULL },
};
static const struct cli_option ls_options[] = {
	{ "format", 0, OPTION_STRING, FORMAT_HELP },
	{ "quiet", 'q', OPTION_BOOL, "Names only" },
	{ NULL },
};
static const struct cli_option rm_options[] = {
	{ "force", 'f', OPTION_BOOL, "Also the one in use" },
	{ NULL },
};
static const struct cli_option inspect_options[] = {
	{ "format", 'f', OPTION_STRING, FORMAT_HELP_INSPECT },
	{ NULL },
};
/* clang-format on */

const struct cli_command command_context_create = {
	.name = "create",
	.usage = "CONTEXT",
	.brief = "Create a context",
	.options = create_options,
	.min_args = 1,
	.max_args = 1,
	.run = create,
};
const struct cli_command command_context_ls = {
	.name = "ls",
	.brief = "List contexts",
	.options = ls_options,
	.run = list,
	.aliases = "list",
};
const struct cli_command command_context_rm = {
	.name = "rm",
	.usage = "CONTEXT [CONTEXT...]",
	.brief = "Remove contexts",
	.options = rm_options,
	.min_args = 1,
	.max_args = CLI_ARGS_ANY,
	.run = remove_all,
	.complete = "@contexts",
	.aliases = "remove",
};
const struct cli_command command_context_use = {
	.name = "use",
	.usage = "CONTEXT",
	.brief = "Use a context from now on",
	.min_args = 1,
	.max_args = 1,
	.run = use,
	.complete = "@contexts",
};
const struct cli_command command_context_show = {
	.name = "show",
	.brief = "Print the name of the context in use",
	.run = show,
};
const struct cli_command command_context_inspect = {
	.name = "inspect",
	.usage = "[CONTEXT]",
	.brief = "Show all that is known of a context",
	.options = inspect_options,
	.max_args = 1,
	.run = inspect,
	.complete = "@contexts",
};
