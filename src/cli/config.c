/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/config.h"

#include <errno.h>
#include <stdio.h>

#include "base/fs.h"
#include "cli/sha256.h"
#include "json/json.h"
#include "json/writer.h"

enum { CONFIG_MAX = 4 * 1024 * 1024 };

static const char own_socket[] = "/run/coracle/coracle.sock";

static char *default_config_dir(void)
{
	const char *dir = getenv("DOCKER_CONFIG"), *home = getenv("HOME");

	if (!str_empty_or_null(dir))
		return xstrdup(dir);
	return xasprintf("%s/.docker", home ? home : "");
}

static int load_config(struct cli *cli, struct error *err)
{
	AUTO_FREE char *path = xasprintf("%s/config.json", cli->config_dir);
	AUTO_STRBUF text = { 0 };
	struct error reason = { 0 };

	if (read_file(AT_FDCWD, path, CONFIG_MAX, &text, &reason) < 0) {
		if (reason.kind != ERROR_NOT_FOUND)
			cli_say("WARNING: Error loading config file: %s", reason.message);
		cli->config = json_object();
		return 0;
	}
	if (!str_trim(strbuf_str(&text)).len) {
		cli->config = json_object();
		return 0;
	}
	cli->config = json_parse(strbuf_str(&text), &reason);
	if (!cli->config || !json_is_object(cli->config))
		return error_set(err, ERROR_INVALID,
		                 "cannot read %s: %s. Correct the file, or move it away", path,
		                 cli->config ? "not a JSON object" : reason.message);
	return 0;
}

const char *config_string(const struct cli *cli, const char *key)
{
	return json_member_string(cli->config, key);
}

int config_save(struct cli *cli, struct error *err)
{
	AUTO_FREE char *path = xasprintf("%s/config.json", cli->config_dir);
	AUTO_STRBUF text = { 0 };
	struct json_writer w;
	int r = mkdir_parents(AT_FDCWD, cli->config_dir, 0700);

	if (r < 0)
		return error_set_errno(err, -r, "cannot make %s", cli->config_dir);
	json_writer_init(&w, &text);
	w.indent = 8;
	w.html_escape = false;
	jw_value(&w, cli->config);
	strbuf_putc(&text, '\n');
	return write_file_atomic(AT_FDCWD, path, strbuf_cstr(&text), text.len, 0600, err);
}

char *context_path(const struct cli *cli, const char *kind, const char *name)
{
	char id[SHA256_HEX_MAX];

	sha256_hex(name, strlen(name), id);
	return xasprintf("%s/contexts/%s/%s", cli->config_dir, kind, id);
}

json_t *context_load(const struct cli *cli, const char *name, struct error *err)
{
	AUTO_FREE char *dir = context_path(cli, "meta", name),
		       *path = xasprintf("%s/meta.json", dir);
	AUTO_STRBUF text = { 0 };
	struct error reason = { 0 };

	if (read_file(AT_FDCWD, path, CONFIG_MAX, &text, &reason) < 0) {
		if (reason.kind == ERROR_NOT_FOUND)
			error_set(
				err, ERROR_NOT_FOUND,
				"context \"%s\": context not found. \"%s context ls\" shows those there are",
				name, cli->program);
		else
			*err = reason;
		return NULL;
	}
	return json_parse(strbuf_str(&text), err);
}

char *config_default_host(void)
{
	if (access(own_socket, F_OK) == 0)
		return xasprintf("unix://%s", own_socket);
	return xstrdup("unix:///var/run/docker.sock");
}

static const char *environment_host(void)
{
	const char *host = getenv("CORACLE_HOST");

	if (str_empty_or_null(host))
		host = getenv("DOCKER_HOST");
	return str_empty_or_null(host) ? NULL : host;
}

/* "tcp://:2375", ":2375", "host:2375" and "/path" as docker completes them. */
static char *complete_host(const char *s)
{
	const char *rest = str_skip_prefix(s, "tcp://");

	if (rest && !*rest)
		return xstrdup("tcp://127.0.0.1:2375");
	if (rest && *rest == ':')
		return xasprintf("tcp://127.0.0.1%s", rest);
	if (strstr(s, "://"))
		return xstrdup(s);
	if (s[0] == '/')
		return xasprintf("unix://%s", s);
	return xasprintf("tcp://%s%s", s[0] == ':' ? "127.0.0.1" : "", s);
}

static int use_context(struct cli *cli, const char *name, struct error *err)
{
	CLEANUP(json_decref_ptr) json_t *meta = NULL;
	const char *host;

	cli->context = xstrdup(name);
	if (streq(name, "default")) {
		cli->host = environment_host() ? complete_host(environment_host())
		                               : config_default_host();
		return 0;
	}
	meta = context_load(cli, name, err);
	if (!meta)
		return error_errno(err);
	host = json_member_string(
		json_member(json_member(meta, "Endpoints", false), "docker", false), "Host");
	if (str_empty_or_null(host))
		return error_set(err, ERROR_INVALID, "context \"%s\" names no docker endpoint",
		                 name);
	cli->host = complete_host(host);
	cli->tls_dir = context_path(cli, "tls", name);
	return 0;
}

static int choose_host(struct cli *cli, struct error *err)
{
	const struct strv *hosts = option_list(&cli->globals, "host");
	const char *context = option_string(&cli->globals, "context");

	if (hosts->len > 1)
		return error_set(err, ERROR_INVALID, "specify only one -H");
	if (hosts->len && *context)
		return error_set(err, ERROR_INVALID,
		                 "conflicting options: cannot specify both --host and --context");
	if (hosts->len) {
		cli->context = xstrdup("default");
		cli->host = *hosts->ptr[0] ? complete_host(hosts->ptr[0]) : config_default_host();
		return 0;
	}
	if (!*context && !environment_host())
		context = getenv("DOCKER_CONTEXT");
	if (str_empty_or_null(context) && !environment_host())
		context = config_string(cli, "currentContext");
	return use_context(cli, str_empty_or_null(context) ? "default" : context, err);
}

int config_open(struct cli *cli, struct error *err)
{
	const char *dir = option_string(&cli->globals, "config"), *version;

	cli->config_dir = *dir ? xstrdup(dir) : default_config_dir();
	if (load_config(cli, err) < 0)
		return error_errno(err);
	version = getenv("DOCKER_API_VERSION");
	if (!str_empty_or_null(version)) {
		cli->api_version_fixed = true;
		snprintf(cli->api_version, sizeof(cli->api_version), "%s",
		         *version == 'v' ? version + 1 : version);
	}
	return choose_host(cli, err);
}
