/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/auth.h"

#include <errno.h>
#include <stdio.h>
#include <sys/wait.h>

#include "base/fs.h"
#include "base/process.h"
#include "cli/config.h"
#include "json/json.h"
#include "json/writer.h"

enum { HELPER_ANSWER_MAX = 1024 * 1024 };

static const char hub_server[] = "https://index.docker.io/v1/";

void credentials_done(struct credentials *c)
{
	free(c->username);
	free(c->password);
	free(c->identity_token);
}

const char *auth_server_of(const char *domain)
{
	if (streq(domain, "docker.io") || streq(domain, "index.docker.io") ||
	    streq(domain, "registry-1.docker.io"))
		return hub_server;
	return domain;
}

/* The helper program for a server, or NULL. */
static const char *helper_of(const struct cli *cli, const char *server)
{
	const char *own = json_string_value(
		json_object_get(json_object_get(cli->config, "credHelpers"), server));

	return own ? own : config_string(cli, "credsStore");
}

/* docker-credential-<name> get|store|erase: text in, text out. The exit status, or negative. */
static int call_helper(const char *helper, const char *verb, struct str input,
                       struct strbuf *output, struct error *err)
{
	AUTO_FREE char *program = xasprintf("docker-credential-%s", helper);
	char *argv[] = { program, (char *)(uintptr_t)verb, NULL };
	int in[2], out[2];
	pid_t pid;
	int r;

	if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0)
		return error_set_errno(err, errno, "cannot make a pipe");
	struct spawn_options o = { .path = program,
		                   .argv = argv,
		                   .stdio = { in[0], out[1], STDERR_FILENO } };
	r = process_spawn(&o, &pid, NULL, err);
	close(in[0]);
	close(out[1]);
	if (r >= 0) {
		IGNORE_RESULT(write_full(in[1], input.ptr, input.len) < 0, "its answer will tell");
		close(in[1]);
		r = read_fd(out[0], HELPER_ANSWER_MAX, output, err);
		close(out[0]);
		if (r < 0)
			IGNORE_RESULT(process_wait(pid) < 0, "the reading failed already");
		return r < 0 ? r : process_wait(pid);
	}
	close(in[1]);
	close(out[0]);
	return error_prefix(err, "error getting credentials");
}

static int load_from_helper(const char *helper, const char *server, struct credentials *ret,
                            struct error *err)
{
	AUTO_STRBUF answer = { 0 };
	CLEANUP(json_decref_ptr) json_t *doc = NULL;
	const char *user, *secret;
	int r = call_helper(helper, "get", str_from(server), &answer, err);

	if (r < 0)
		return r;
	if (r > 0) {
		if (strcasestr(strbuf_cstr(&answer), "credentials not found"))
			return 0;
		return error_set(err, ERROR_UNAUTHORIZED,
		                 "error getting credentials - err: exit status %d, out: `%s`", r,
		                 strbuf_cstr(&answer));
	}
	doc = json_parse(strbuf_str(&answer), err);
	if (!doc)
		return error_prefix(err, "docker-credential-%s answered", helper);
	user = json_member_string(doc, "Username");
	secret = json_member_string(doc, "Secret");
	if (streq_null(user, "<token>"))
		ret->identity_token = xstrdup_null(secret);
	else
		ret->password = xstrdup_null(secret);
	ret->username = xstrdup_null(user);
	return 0;
}

/* auths keys may be written with a scheme or a path. */
static const json_t *find_auth(const struct cli *cli, const char *server)
{
	const json_t *auths = json_object_get(cli->config, "auths"), *auth;
	const char *key;

	if ((auth = json_object_get(auths, server)))
		return auth;
	json_object_foreach ((json_t *)(uintptr_t)auths, key, auth) {
		const char *host = strstr(key, "://");

		host = host ? host + 3 : key;
		if (strcspn(host, "/") == strlen(server) && !strncmp(host, server, strlen(server)))
			return auth;
	}
	return NULL;
}

int auth_load(struct cli *cli, const char *server, struct credentials *ret, struct error *err)
{
	const char *helper = helper_of(cli, server);
	AUTO_STRBUF plain = { 0 };
	const json_t *auth;
	const char *text, *colon;

	if (helper)
		return load_from_helper(helper, server, ret, err);
	auth = find_auth(cli, server);
	if (!auth)
		return 0;
	ret->identity_token = xstrdup_null(json_member_string(auth, "identitytoken"));
	ret->username = xstrdup_null(json_member_string(auth, "username"));
	ret->password = xstrdup_null(json_member_string(auth, "password"));
	text = json_member_string(auth, "auth");
	if (str_empty_or_null(text))
		return 0;
	if (base64_decode(str_from(text), &plain) < 0 ||
	    !(colon = strchr(strbuf_cstr(&plain), ':')))
		return error_set(err, ERROR_INVALID,
		                 "the entry for %s in %s/config.json can't be read; log in again",
		                 server, cli->config_dir);
	free(ret->username);
	free(ret->password);
	ret->username = xstrndup(plain.ptr, (size_t)(colon - plain.ptr));
	ret->password = xstrdup(colon + 1);
	return 0;
}

static int store_with_helper(const char *helper, const char *server, const struct credentials *c,
                             struct error *err)
{
	AUTO_STRBUF body = { 0 }, answer = { 0 };
	struct json_writer w;
	int r;

	json_writer_init(&w, &body);
	w.html_escape = false;
	jw_object(&w);
	jw_kv_string(&w, "ServerURL", server);
	jw_kv_string(&w, "Username", c->identity_token ? "<token>" : c->username);
	jw_kv_string(&w, "Secret", c->identity_token ? c->identity_token : c->password);
	jw_object_end(&w);
	r = call_helper(helper, "store", strbuf_str(&body), &answer, err);
	if (r > 0)
		return error_set(err, ERROR_INTERNAL,
		                 "error storing credentials - err: exit status %d, out: `%s`", r,
		                 strbuf_cstr(&answer));
	return r;
}

static json_t *auths_of(struct cli *cli)
{
	json_t *auths = json_object_get(cli->config, "auths");

	if (!json_is_object(auths)) {
		auths = json_object();
		json_object_set_new(cli->config, "auths", auths);
	}
	return auths;
}

int auth_store(struct cli *cli, const char *server, const struct credentials *c, struct error *err)
{
	const char *helper = helper_of(cli, server);
	json_t *entry = json_object();

	if (helper) {
		json_object_set_new(auths_of(cli), server, entry);
		if (store_with_helper(helper, server, c, err) < 0)
			return error_errno(err);
		return config_save(cli, err);
	}
	if (c->identity_token) {
		json_object_set_new(entry, "identitytoken", json_string(c->identity_token));
	} else {
		AUTO_FREE char *plain = xasprintf("%s:%s", c->username, c->password);
		AUTO_STRBUF encoded = { 0 };

		strbuf_add_base64(&encoded, plain, strlen(plain), false);
		json_object_set_new(entry, "auth", json_string(strbuf_cstr(&encoded)));
	}
	json_object_set_new(auths_of(cli), server, entry);
	return config_save(cli, err);
}

int auth_remove(struct cli *cli, const char *server, struct error *err)
{
	const char *helper = helper_of(cli, server);
	AUTO_STRBUF answer = { 0 };
	bool known = json_object_get(auths_of(cli), server) != NULL;

	if (helper && call_helper(helper, "erase", str_from(server), &answer, err) < 0)
		return error_errno(err);
	if (!known)
		return 0;
	json_object_del(auths_of(cli), server);
	return config_save(cli, err) < 0 ? error_errno(err) : 1;
}

void auth_encode(const struct credentials *c, const char *server, struct strbuf *out)
{
	AUTO_STRBUF json = { 0 };
	struct json_writer w;

	json_writer_init(&w, &json);
	jw_object(&w);
	if (c->identity_token) {
		jw_kv_string(&w, "identitytoken", c->identity_token);
	} else if (c->username) {
		jw_kv_string(&w, "username", c->username);
		jw_kv_string(&w, "password", c->password ? c->password : "");
	}
	if (c->identity_token || c->username)
		jw_kv_string(&w, "serveraddress", server);
	jw_object_end(&w);
	strbuf_add_base64(out, strbuf_cstr(&json), json.len, true);
}

int auth_header(struct cli *cli, const char *domain, struct strbuf *out, struct error *err)
{
	CLEANUP(credentials_done) struct credentials c = { 0 };
	const char *server = auth_server_of(domain);

	if (auth_load(cli, server, &c, err) < 0)
		return error_errno(err);
	strbuf_puts(out, "X-Registry-Auth: ");
	auth_encode(&c, server, out);
	return 0;
}
