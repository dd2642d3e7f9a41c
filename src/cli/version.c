/* SPDX-License-Identifier: Apache-2.0 */
/* version, system dial-stdio. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <time.h>

#include "base/fs.h"
#include "base/time.h"
#include "cli/commands.h"
#include "cli/dial.h"
#include "cli/engine.h"
#include "cli/table.h"
#include "cli/template.h"
#include "json/writer.h"

static const char *machine(void)
{
	static struct utsname u;

	uname(&u);
	return streq(u.machine, "x86_64")    ? "amd64"
	       : streq(u.machine, "aarch64") ? "arm64"
	                                     : u.machine;
}

/* "Thu May  7 21:09:36 2026" of an RFC 3339 time. */
static void build_time(const char *s, struct strbuf *out)
{
	int64_t t;
	time_t seconds;
	struct tm tm;
	char text[64];

	if (time_parse(s, &t) < 0) {
		strbuf_puts(out, s);
		return;
	}
	seconds = (time_t)(t / NSEC_PER_SEC);
	gmtime_r(&seconds, &tm);
	strftime(text, sizeof(text), "%a %b %e %H:%M:%S %Y", &tm);
	strbuf_puts(out, text);
}

static json_t *document(struct cli *cli, json_t *server)
{
	return json_pack("{s:{s:s,s:s,s:s,s:s,s:s,s:s},s:O?}", "Client", "Version", CORACLE_VERSION,
	                 "ApiVersion", *cli->api_version ? cli->api_version : "1.51",
	                 "DefaultAPIVersion", "1.51", "Os", "linux", "Arch", machine(), "Context",
	                 cli->context, "Server", server);
}

static void print_client(struct cli *cli, struct strbuf *t)
{
	strbuf_printf(
		t,
		"Client:\n Version:\t%s\n API version:\t%s%s\n OS/Arch:\tlinux/%s\n Context:\t%s\n",
		CORACLE_VERSION, *cli->api_version ? cli->api_version : "1.51",
		*cli->api_version && !streq(cli->api_version, "1.51") ? " (downgraded from 1.51)"
								      : "",
		machine(), cli->context);
}

static void print_component(const json_t *c, struct strbuf *t)
{
	const json_t *d = item_at(c, "Details");
	bool engine = streq(item_string(c, "Name"), "Engine");

	strbuf_printf(t, " %s:\n  Version:\t%s\n", item_string(c, "Name"),
	              item_string(c, "Version"));
	if (engine) {
		strbuf_printf(t, "  API version:\t%s (minimum version %s)\n",
		              item_string(d, "ApiVersion"), item_string(d, "MinAPIVersion"));
		if (*item_string(d, "GoVersion"))
			strbuf_printf(t, "  Go version:\t%s\n", item_string(d, "GoVersion"));
		if (item_at(d, "GitCommit"))
			strbuf_printf(t, "  Git commit:\t%s\n", item_string(d, "GitCommit"));
		if (*item_string(d, "BuildTime"))
			strbuf_printf(t, "  Built:\t%s\n", item_string(d, "BuildTime"));
		strbuf_printf(t, "  OS/Arch:\t%s/%s\n  Experimental:\t%s\n", item_string(d, "Os"),
		              item_string(d, "Arch"), item_string(d, "Experimental"));
	} else if (item_at(d, "GitCommit")) {
		strbuf_printf(t, "  GitCommit:\t%s\n", item_string(d, "GitCommit"));
	}
}

static void print_server(const json_t *server, struct strbuf *t)
{
	const json_t *component;
	size_t i;

	strbuf_printf(t, "\nServer:%s%s\n", *item_string(server, "Platform.Name") ? " " : "",
	              item_string(server, "Platform.Name"));
	json_array_foreach (item_at(server, "Components"), i, component)
		print_component(component, t);
	if (json_array_size(item_at(server, "Components")))
		return;
	AUTO_STRBUF built = { 0 };

	build_time(item_string(server, "BuildTime"), &built);
	strbuf_printf(
		t,
		" Engine:\n  Version:\t%s\n  API version:\t%s\n  OS/Arch:\t%s/%s\n  Built:\t%s\n",
		item_string(server, "Version"), item_string(server, "ApiVersion"),
		item_string(server, "Os"), item_string(server, "Arch"), strbuf_cstr(&built));
}

int print_by_template(const char *format, json_t *doc, struct error *err)
{
	CLEANUP(template_free_ptr) struct template *t = NULL;
	AUTO_STRBUF out = { 0 };
	struct tvalue v = tvalue_from_json(doc);

	t = template_parse(streq(format, "json") ? "{{json .}}" : format, err);
	if (!t || template_execute(t, &v, 0, &out, err) < 0)
		return error_prefix(err, "template parsing error");
	strbuf_putc(&out, '\n');
	return cli_write(strbuf_cstr(&out), out.len, err);
}

static int version(struct cli *cli, struct error *err)
{
	CLEANUP(json_decref_ptr) json_t *server = NULL, *doc = NULL;
	AUTO_STRBUF text = { 0 }, out = { 0 };
	const char *format = opt_string(cli, "format");
	struct error reason = { 0 };

	if (!opt_bool(cli, "client"))
		server = engine_json(cli, "GET", "/version", NULL, &reason);
	if (*format) {
		doc = document(cli, server);
		if (print_by_template(format, doc, err) < 0)
			return error_errno(err);
	} else {
		print_client(cli, &text);
		if (server)
			print_server(server, &text);
		columns_align(strbuf_str(&text), 20, 1, &out);
		cli_print_safe(stdout, strbuf_cstr(&out));
	}
	if (!reason.kind)
		return 0;
	*err = reason;
	return error_errno(err);
}

/* Our ends to the engine's socket and back: what an ssh:// client runs here. */
static int dial_stdio(struct cli *cli, struct error *err)
{
	CLEANUP(http_stream_close_ptr) struct http_stream *s = engine_dial(cli, err);
	static char buf[64 * 1024];
	bool open = true;
	ssize_t n;

	if (!s)
		return error_errno(err);
	for (;;) {
		struct pollfd fds[] = { { .fd = s->fd, .events = POLLIN },
			                { .fd = open ? STDIN_FILENO : -1, .events = POLLIN } };

		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			return error_set_errno(err, errno, "cannot wait");
		if (fds[1].revents) {
			n = read(STDIN_FILENO, buf, sizeof(buf));
			if (n <= 0) {
				open = false;
				shutdown(s->fd, SHUT_WR);
			} else if (http_stream_write(s, buf, (size_t)n) < 0) {
				return error_set(err, ERROR_UNAVAILABLE,
				                 "the engine closed the connection");
			}
		}
		if (fds[0].revents) {
			n = http_stream_read(s, buf, sizeof(buf));
			if (n == 0)
				return 0;
			if (n < 0 || write_full(STDOUT_FILENO, buf, (size_t)n) < 0)
				return error_set(err, ERROR_UNAVAILABLE, "the connection was cut");
		}
	}
}

/* clang-format off */
static const struct cli_option options[] = {
	{ "client", 0, OPTION_BOOL, "Only our own version; asks no engine" },
	{ "format", 'f', OPTION_STRING, FORMAT_HELP_INSPECT },
	{ NULL },
};
/* clang-format on */

const struct cli_command command_version = {
	.name = "version",
	.brief = "Show the versions of client and engine",
	.options = options,
	.run = version,
	.group = CLI_GROUP_COMMON,
};
const struct cli_command command_dial_stdio = {
	.name = "dial-stdio",
	.brief = "Pass standard input and output on to the engine's socket",
	.run = dial_stdio,
	.group = CLI_GROUP_HIDDEN,
};
