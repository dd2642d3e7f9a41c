/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/transfer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "base/fs.h"
#include "cli/terminal.h"

static int copy_body(struct http_response *answer, int fd, struct error *err)
{
	static char buf[256 * 1024];
	ssize_t n;
	int r;

	while ((n = http_response_read(answer, buf, sizeof(buf))) > 0) {
		r = write_full(fd, buf, (size_t)n);
		if (r < 0)
			return error_set_errno(err, -r, "cannot write what the engine sends");
	}
	if (n < 0)
		return error_set(err, ERROR_UNAVAILABLE,
		                 "the connection to the engine was cut before the end (%s)",
		                 strerror((int)-n));
	return 0;
}

static int copy_to_file(struct http_response *answer, const char *path, struct error *err)
{
	AUTO_FREE char *temporary = xasprintf("%s.partial-%d", path, (int)getpid());
	AUTO_CLOSE int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	int r;

	if (fd < 0)
		return error_set_errno(err, errno, "cannot write %s", path);
	r = copy_body(answer, fd, err);
	if (!r && rename(temporary, path) < 0)
		r = error_set_errno(err, errno, "cannot write %s", path);
	if (r < 0)
		unlink(temporary);
	return r;
}

int download(struct cli *cli, const char *target, const char *path, struct error *err)
{
	struct engine_request r = { .method = "GET", .target = target };
	struct http_response answer;
	struct stat st;
	int rc;

	if (!*path && terminal_is(STDOUT_FILENO))
		return error_set(
			err, ERROR_INVALID,
			"cowardly refusing to save to a terminal. Use the -o flag or redirect");
	if (engine_send(cli, &r, &answer, err) < 0)
		return error_errno(err);
	if (!*path) {
		fflush(stdout);
		rc = copy_body(&answer, STDOUT_FILENO, err);
	} else if (stat(path, &st) == 0 && !S_ISREG(st.st_mode)) {
		AUTO_CLOSE int fd = open(path, O_WRONLY | O_CLOEXEC);

		rc = fd < 0 ? error_set_errno(err, errno, "cannot write %s", path)
		            : copy_body(&answer, fd, err);
	} else {
		rc = copy_to_file(&answer, path, err);
	}
	http_response_done(&answer);
	return rc;
}

int upload_open(const char *path, struct error *err)
{
	int fd;

	if (!*path || streq(path, "-")) {
		if (terminal_is(STDIN_FILENO))
			return error_set(
				err, ERROR_INVALID,
				"requested load from stdin, but stdin is a terminal: name a file, or "
				"redirect one");
		return fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
	}
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? error_set_errno(err, errno, "open %s", path) : fd;
}

ssize_t upload_read(void *fd, void *buf, size_t n)
{
	ssize_t r;

	do
		r = read(*(int *)fd, buf, n);
	while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : r;
}
