/* SPDX-License-Identifier: Apache-2.0 */
/* coracle-shim: one container's parent. Started by the engine, with its control socket as
 * descriptor 3. */
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/str.h"
#include "shim/shim.h"

enum { LISTEN_FD = 3 };

static const struct option options[] = {
	{ "id", required_argument, NULL, 'i' },
	{ "bundle", required_argument, NULL, 'b' },
	{ "runtime", required_argument, NULL, 'r' },
	{ "runtime-root", required_argument, NULL, 'R' },
	{ "log", required_argument, NULL, 'l' },
	{ "log-max-size", required_argument, NULL, 's' },
	{ "log-max-files", required_argument, NULL, 'f' },
	{ "oom-file", required_argument, NULL, 'o' },
	{ "hide-mount", required_argument, NULL, 'm' },
	{ "height", required_argument, NULL, 'h' },
	{ "width", required_argument, NULL, 'w' },
	{ "tty", no_argument, NULL, 't' },
	{ "stdin", no_argument, NULL, 'I' },
	{ "stdin-once", no_argument, NULL, 'O' },
	{ NULL, 0, NULL, 0 },
};

static int64_t number(const char *text)
{
	int64_t n = 0;

	if (parse_i64(text, &n) < 0 || n < 0) {
		fprintf(stderr, "coracle-shim: not a number: %s\n", text);
		exit(2);
	}
	return n;
}

static bool set_option(struct shim_config *c, int option)
{
	switch (option) {
	case 'i':
		c->id = optarg;
		return true;
	case 'b':
		c->bundle = optarg;
		return true;
	case 'r':
		c->runtime = optarg;
		return true;
	case 'R':
		c->runtime_root = optarg;
		return true;
	case 'l':
		c->log_path = optarg;
		return true;
	case 's':
		c->log_max_size = number(optarg);
		return true;
	case 'f':
		c->log_max_files = (unsigned)number(optarg);
		return true;
	case 'o':
		c->oom_path = optarg;
		return true;
	case 'm':
		c->hide_mount = optarg;
		return true;
	case 'h':
		c->height = (unsigned)number(optarg);
		return true;
	case 'w':
		c->width = (unsigned)number(optarg);
		return true;
	case 't':
		c->tty = true;
		return true;
	case 'I':
		c->stdin_open = true;
		return true;
	case 'O':
		c->stdin_once = true;
		return true;
	}
	return false;
}

int main(int argc, char **argv)
{
	struct shim_config config = { .listen_fd = LISTEN_FD };
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0)
		if (!set_option(&config, option))
			return 2;
	if (!config.id || !config.bundle || !config.runtime || !config.runtime_root ||
	    fcntl(LISTEN_FD, F_SETFD, FD_CLOEXEC) < 0) {
		fputs("coracle-shim: is started by coracled, not by hand\n", stderr);
		return 2;
	}
	syscall(SYS_close_range, LISTEN_FD + 1, ~0U, 0);
	/* detached twice: the engine has no child to reap, and its death is nothing to us */
	switch (fork()) {
	case -1:
		return 1;
	case 0:
		break;
	default:
		_exit(0);
	}
	if (chdir("/") < 0)
		return 1;
	return shim_run(&config);
}
