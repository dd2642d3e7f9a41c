/* SPDX-License-Identifier: Apache-2.0 */
#include "base/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/alloc.h"
#include "base/str.h"

enum { SOCKET_FDS_MAX = 16 };

/*
 * sun_path holds 107 bytes. A longer path is connected to through a descriptor of the socket file
 * in /proc, and bound under a short name through its directory's, then renamed.
 */
static bool fits_address(const char *path)
{
	return strlen(path) < sizeof(((struct sockaddr_un *)0)->sun_path);
}

int unix_connect(const char *path, struct error *err)
{
	AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	AUTO_CLOSE int file = -1;
	struct sockaddr_un addr = { .sun_family = AF_UNIX };

	if (fd < 0)
		return error_set_errno(err, errno, "cannot make a socket");
	if (fits_address(path)) {
		memcpy(addr.sun_path, path, strlen(path) + 1);
	} else {
		file = open(path, O_PATH | O_CLOEXEC);
		if (file < 0)
			return error_set_errno(err, errno, "cannot connect to %s", path);
		snprintf(addr.sun_path, sizeof(addr.sun_path), "/proc/self/fd/%d", file);
	}
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		return error_set_errno(err, errno, "cannot connect to %s", path);
	return TAKE_FD(fd);
}

/* Binds fd to name in the directory of path, whatever the directory's length. */
static int bind_long(int fd, const char *path, mode_t mode, struct error *err)
{
	const char *slash = strrchr(path, '/');
	AUTO_FREE char *dir = slash ? xstrndup(path, (size_t)(slash - path) + 1) : xstrdup(".");
	AUTO_CLOSE int dirfd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	char id[17], name[32];

	if (dirfd < 0)
		return error_set_errno(err, errno, "cannot open %s", dir);
	random_hex(id, 8);
	snprintf(name, sizeof(name), ".socket-%s", id);
	snprintf(addr.sun_path, sizeof(addr.sun_path), "/proc/self/fd/%d/%s", dirfd, name);
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		return error_set_errno(err, errno, "cannot bind a socket in %s", dir);
	if (fchmodat(dirfd, name, mode, 0) < 0 || renameat(dirfd, name, AT_FDCWD, path) < 0) {
		int saved = errno;

		unlinkat(dirfd, name, 0);
		return error_set_errno(err, saved, "cannot bind a socket to %s", path);
	}
	return 0;
}

static int bind_path(int fd, const char *path, mode_t mode, struct error *err)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };

	if (!fits_address(path))
		return bind_long(fd, path, mode, err);
	memcpy(addr.sun_path, path, strlen(path) + 1);
	/* the socket's mode comes from the descriptor's, with no window in which it is wider */
	if (fchmod(fd, mode) < 0 || bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 ||
	    chmod(path, mode) < 0)
		return error_set_errno(err, errno, "cannot bind a socket to %s", path);
	return 0;
}

int unix_listen(const char *path, mode_t mode, struct error *err)
{
	AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct error probe = { 0 };
	int live, r;

	if (fd < 0)
		return error_set_errno(err, errno, "cannot make a socket");
	live = unix_connect(path, &probe);
	if (live >= 0) {
		close(live);
		return error_set(err, ERROR_CONFLICT, "another program is listening on %s", path);
	}
	unlink(path);
	r = bind_path(fd, path, mode, err);
	if (r < 0)
		return r;
	if (listen(fd, 1024) < 0)
		return error_set_errno(err, errno, "cannot listen on %s", path);
	return TAKE_FD(fd);
}

int socket_send_fds(int sock, const void *data, size_t n, const int *fds, size_t n_fds)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(sizeof(int) * SOCKET_FDS_MAX)];
	} control = { 0 };
	struct iovec iov = { .iov_base = (void *)(uintptr_t)data, .iov_len = n };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t r;

	if (n_fds > SOCKET_FDS_MAX)
		return -E2BIG;
	if (n_fds) {
		struct cmsghdr *c;

		msg.msg_control = control.buf;
		msg.msg_controllen = CMSG_SPACE(sizeof(int) * n_fds);
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int) * n_fds);
		memcpy(CMSG_DATA(c), fds, sizeof(int) * n_fds);
	}
	do
		r = sendmsg(sock, &msg, MSG_NOSIGNAL);
	while (r < 0 && errno == EINTR);
	if (r < 0)
		return -errno;
	return (size_t)r == n ? 0 : -EMSGSIZE;
}

ssize_t socket_recv_fds(int sock, void *data, size_t n, int *fds, size_t *n_fds)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(sizeof(int) * SOCKET_FDS_MAX)];
	} control = { 0 };
	struct iovec iov = { .iov_base = data, .iov_len = n };
	struct msghdr msg = { .msg_iov = &iov,
		              .msg_iovlen = 1,
		              .msg_control = control.buf,
		              .msg_controllen = sizeof(control.buf) };
	size_t room = *n_fds;
	ssize_t r;

	*n_fds = 0;
	do
		r = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
	while (r < 0 && errno == EINTR);
	if (r < 0)
		return -errno;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&msg); c; c = CMSG_NXTHDR(&msg, c)) {
		size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < count; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
			if (*n_fds < room)
				fds[(*n_fds)++] = fd;
			else
				close(fd);
		}
	}
	return r;
}
