/* SPDX-License-Identifier: Apache-2.0 */
/* login, logout. */
#include <errno.h>
#include <stdio.h>
#include <termios.h>

#include "cli/auth.h"
#include "cli/commands.h"
#include "cli/engine.h"
#include "cli/table.h"
#include "cli/terminal.h"
#include "json/writer.h"

enum { SECRET_MAX = 16 * 1024 };

static char *read_line(const char *prompt, bool hidden)
{
	struct termios saved, quiet;
	char line[SECRET_MAX];
	bool changed = false;

	fputs(prompt, stderr);
	if (hidden && tcgetattr(STDIN_FILENO, &saved) == 0) {
		quiet = saved;
		quiet.c_lflag &= ~(tcflag_t)ECHO;
		changed = tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet) == 0;
	}
	if (!fgets(line, sizeof(line), stdin))
		line[0] = '\0';
	if (changed)
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &saved);
	if (hidden)
		fputc('\n', stderr);
	line[strcspn(line, "\r\n")] = '\0';
	return xstrdup(line);
}

static int take_password(struct cli *cli, struct credentials *c, struct error *err)
{
	if (opt_bool(cli, "password-stdin")) {
		char text[SECRET_MAX];
		size_t n = fread(text, 1, sizeof(text) - 1, stdin);

		text[n] = '\0';
		while (n > 0 && (text[n - 1] == '\n' || text[n - 1] == '\r'))
			text[--n] = '\0';
		c->password = xstrdup(text);
		return 0;
	}
	if (opt_given(cli, "password")) {
		cli_say("WARNING! Using --password via the CLI is insecure. Use --password-stdin.");
		c->password = xstrdup(opt_string(cli, "password"));
		return 0;
	}
	if (!terminal_is(STDIN_FILENO))
		return error_set(
			err, ERROR_INVALID,
			"cannot perform an interactive login from a non TTY device: give --username "
			"and --password-stdin");
	c->password = read_line("Password: ", true);
	return 0;
}

static int collect(struct cli *cli, const char *server, struct credentials *c, struct error *err)
{
	CLEANUP(credentials_done) struct credentials old = { 0 };
	AUTO_FREE char *prompt = NULL;

	if (opt_bool(cli, "password-stdin") && opt_given(cli, "password"))
		return error_set(err, ERROR_INVALID,
		                 "--password and --password-stdin are mutually exclusive");
	if (opt_bool(cli, "password-stdin") && !opt_given(cli, "username"))
		return error_set(err, ERROR_INVALID,
		                 "Must provide --username with --password-stdin");
	if (auth_load(cli, server, &old, err) < 0)
		error_clear(err); /* a broken entry is about to be replaced */
	c->username = xstrdup(opt_string(cli, "username"));
	if (*c->username || opt_given(cli, "password"))
		return take_password(cli, c, err);
	if (!terminal_is(STDIN_FILENO))
		return error_set(err, ERROR_INVALID,
		                 "cannot perform an interactive login from a non TTY device: "
		                 "give --username and --password-stdin");
	prompt = old.username ? xasprintf("Username (%s): ", old.username) : xstrdup("Username: ");
	free(c->username);
	c->username = read_line(prompt, false);
	if (!*c->username && old.username) {
		free(c->username);
		c->username = xstrdup(old.username);
	}
	return take_password(cli, c, err);
}

static const char *server_operand(const struct cli *cli)
{
	const char *s = cli->args.len ? cli->args.ptr[0] : "docker.io";
	const char *rest = str_skip_prefix(s, "https://");

	if (!rest)
		rest = str_skip_prefix(s, "http://");
	return auth_server_of(rest && !strstr(rest, "/v1") ? rest : s);
}

static int login(struct cli *cli, struct error *err)
{
	CLEANUP(credentials_done) struct credentials c = { 0 };
	CLEANUP(json_decref_ptr) json_t *answer = NULL;
	AUTO_STRBUF body = { 0 };
	const char *server = server_operand(cli), *token;
	struct json_writer w;

	if (collect(cli, server, &c, err) < 0)
		return error_errno(err);
	if (!*c.username || !*c.password)
		return error_set(err, ERROR_INVALID, "username and password must not be empty");
	json_writer_init(&w, &body);
	jw_object(&w);
	jw_kv_string(&w, "username", c.username);
	jw_kv_string(&w, "password", c.password);
	jw_kv_string(&w, "serveraddress", server);
	jw_object_end(&w);
	cli->debug = false; /* the body holds the password */
	answer = engine_json(cli, "POST", "/auth", &body, err);
	if (!answer)
		return error_errno(err);
	token = item_string(answer, "IdentityToken");
	if (*token)
		c.identity_token = xstrdup(token);
	if (auth_store(cli, server, &c, err) < 0)
		return error_prefix(err, "Error saving credentials");
	printf("%s\n",
	       *item_string(answer, "Status") ? item_string(answer, "Status") : "Login Succeeded");
	return 0;
}

static int logout(struct cli *cli, struct error *err)
{
	const char *server = server_operand(cli);
	int r;

	printf("Removing login credentials for %s\n", server);
	r = auth_remove(cli, server, err);
	if (r == 0)
		cli_say("Not logged in to %s", server);
	return r < 0 ? r : 0;
}

/* clang-format off */
static const struct cli_option login_options[] = {
	{ "password", 'p', OPTION_STRING, "Password or access token (others can see it: prefer the next)" },
	{ "password-stdin", 0, OPTION_BOOL, "Read the password from standard input" },
	{ "username", 'u', OPTION_STRING, "User name" },
	{ NULL },
};
/* clang-format on */

const struct cli_command command_login = {
	.name = "login",
	.usage = "[SERVER]",
	.brief = "Authenticate to a registry",
	.options = login_options,
	.max_args = 1,
	.run = login,
	.group = CLI_GROUP_COMMON,
};
const struct cli_command command_logout = {
	.name = "logout",
	.usage = "[SERVER]",
	.brief = "Log out from a registry",
	.max_args = 1,
	.run = logout,
	.group = CLI_GROUP_COMMON,
};
