/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fs.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/syscall.h>

#include "base/alloc.h"

static int openat2_retry(int dirfd, const char *path, int flags, mode_t mode, uint64_t resolve)
{
	struct open_how how = {
		.flags = (uint64_t)(unsigned)flags | O_CLOEXEC,
		.mode = flags & (O_CREAT | O_TMPFILE) ? mode : 0,
		.resolve = resolve,
	};
	long fd;

	/* EAGAIN: a rename raced with the resolution of `..`; the kernel asks to try again */
	for (int i = 0; i < 128; i++) {
		fd = syscall(SYS_openat2, dirfd, path, &how, sizeof(how));
		if (fd >= 0 || (errno != EAGAIN && errno != EINTR))
			break;
	}
	return fd < 0 ? -errno : (int)fd;
}

int open_beneath(int dirfd, const char *path, int flags, mode_t mode)
{
	return openat2_retry(dirfd, path, flags, mode, RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS);
}

int open_in_root(int dirfd, const char *path, int flags, mode_t mode)
{
	return openat2_retry(dirfd, path, flags, mode, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
}

ssize_t read_full(int fd, void *buf, size_t n)
{
	size_t done = 0;

	while (done < n) {
		ssize_t r = read(fd, (char *)buf + done, n - done);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -errno;
		if (r == 0)
			break;
		done += (size_t)r;
	}
	return (ssize_t)done;
}

ssize_t pread_full(int fd, void *buf, size_t n, off_t at)
{
	size_t done = 0;

	while (done < n) {
		ssize_t r = pread(fd, (char *)buf + done, n - done, at + (off_t)done);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -errno;
		if (r == 0)
			break;
		done += (size_t)r;
	}
	return (ssize_t)done;
}

int write_full(int fd, const void *buf, size_t n)
{
	const char *p = buf;

	while (n) {
		ssize_t r = write(fd, p, n);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -errno;
		p += r;
		n -= (size_t)r;
	}
	return 0;
}

int read_fd(int fd, size_t limit, struct strbuf *out, struct error *err)
{
	size_t start = out->len;

	for (;;) {
		char *to = strbuf_reserve(out, 16384);
		ssize_t n;

		if (!to)
			return error_set(err, ERROR_TOO_LARGE, "more than %zu bytes", out->limit);
		n = read_full(fd, to, 16384);
		if (n < 0)
			return error_set_errno(err, (int)-n, "cannot read");
		strbuf_added(out, (size_t)n);
		if (out->len - start > limit)
			return error_set(err, ERROR_TOO_LARGE, "more than %zu bytes", limit);
		if (n < 16384)
			return 0;
	}
}

int read_file(int dirfd, const char *path, size_t limit, struct strbuf *out, struct error *err)
{
	AUTO_CLOSE int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	int r;

	if (fd < 0)
		return error_set_errno(err, errno, "cannot open %s", path);
	r = read_fd(fd, limit, out, err);
	return r < 0 ? error_prefix(err, "%s", path) : 0;
}

int fsync_dir(int dirfd, const char *path)
{
	AUTO_CLOSE int fd = openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || fsync(fd) < 0)
		return -errno;
	return 0;
}

int write_file(int dirfd, const char *path, const void *data, size_t n, mode_t mode,
               struct error *err)
{
	AUTO_CLOSE int fd =
		openat(dirfd, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode);
	int r;

	if (fd < 0)
		return error_set_errno(err, errno, "cannot open %s", path);
	r = write_full(fd, data, n);
	if (r < 0)
		return error_set_errno(err, -r, "cannot write %s", path);
	return 0;
}

int write_file_atomic(int dirfd, const char *path, const void *data, size_t n, mode_t mode,
                      struct error *err)
{
	const char *slash = strrchr(path, '/');
	AUTO_FREE char *dir = slash ? xstrndup(path, (size_t)(slash - path)) : xstrdup(".");
	AUTO_FREE char *tmp = NULL;
	AUTO_CLOSE int fd = -1;
	char suffix[17];
	int r;

	random_hex(suffix, 8);
	tmp = xasprintf("%s.tmp-%s", path, suffix);
	fd = openat(dirfd, tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	if (fd < 0)
		return error_set_errno(err, errno, "cannot create %s", tmp);
	r = write_full(fd, data, n);
	if (r == 0 && (fchmod(fd, mode) < 0 || fsync(fd) < 0))
		r = -errno;
	if (r == 0 && renameat(dirfd, tmp, dirfd, path) < 0)
		r = -errno;
	if (r == 0)
		r = fsync_dir(dirfd, *dir ? dir : "/");
	if (r < 0) {
		unlinkat(dirfd, tmp, 0);
		return error_set_errno(err, -r, "cannot write %s", path);
	}
	return 0;
}

int mkdir_parents(int dirfd, const char *path, mode_t mode)
{
	AUTO_FREE char *copy = xstrdup(path);

	for (char *p = copy + 1; *copy; p++) {
		char c = *p;

		if (c && c != '/')
			continue;
		*p = '\0';
		if (mkdirat(dirfd, copy, mode) < 0 && errno != EEXIST)
			return -errno;
		if (!c)
			break;
		*p = '/';
	}
	return 0;
}

int open_or_make_dir(int dirfd, const char *path, mode_t mode, struct error *err)
{
	int r = mkdir_parents(dirfd, path, mode);
	int fd;

	if (r < 0)
		return error_set_errno(err, -r, "cannot make directory %s", path);
	fd = openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return error_set_errno(err, errno, "cannot open directory %s", path);
	return fd;
}

/*
 * Whoever made the tree chose its depth, and neither our stack nor our descriptors are for them to
 * use up: what lies deeper than REMOVE_DEPTH is moved up to the top and taken in another pass.
 */
enum { REMOVE_DEPTH = 64 };

struct removal {
	int top;    /* borrowed; the tree's own directory */
	dev_t dev;  /* its file system: others are mounted there and stay */
	bool again; /* something was moved up */
};

static int remove_entries(struct removal *r, int fd, int depth);

static int move_up(struct removal *r, int dirfd, const char *name)
{
	char to[24] = "deep-";

	random_hex(to + 5, 8);
	if (renameat(dirfd, name, r->top, to) < 0)
		return -errno;
	r->again = true;
	return 0;
}

static int remove_subtree(struct removal *r, int dirfd, const char *name, int depth)
{
	int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;
	int e;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0 || st.st_dev != r->dev) {
		close(fd);
		return -EBUSY;
	}
	if (depth == REMOVE_DEPTH) {
		close(fd);
		return unlinkat(dirfd, name, AT_REMOVEDIR) == 0 ? 0 : move_up(r, dirfd, name);
	}
	e = remove_entries(r, fd, depth);
	if (unlinkat(dirfd, name, AT_REMOVEDIR) < 0 && errno != ENOENT && e == 0)
		e = -errno;
	return e;
}

static int remove_entries(struct removal *r, int fd, int depth)
{
	DIR *dir = fdopendir(fd); /* takes fd */
	struct dirent *e;
	int result = 0;

	if (!dir) {
		close(fd);
		return -ENOMEM;
	}
	while ((e = readdir(dir))) {
		int x = 0;

		if (streq(e->d_name, ".") || streq(e->d_name, ".."))
			continue;
		if (unlinkat(dirfd(dir), e->d_name, 0) == 0)
			continue;
		if (errno == EISDIR || errno == EPERM)
			x = remove_subtree(r, dirfd(dir), e->d_name, depth + 1);
		else
			x = -errno;
		if (x < 0 && x != -ENOENT)
			result = x;
	}
	closedir(dir);
	return result;
}

int remove_tree(int dirfd, const char *name)
{
	AUTO_CLOSE int top = -1;
	struct removal r = { 0 };
	struct stat st;
	int e, fd;

	if (unlinkat(dirfd, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return -errno;
	top = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (top < 0 || fstat(top, &st) < 0)
		return -errno;
	r = (struct removal){ .top = top, .dev = st.st_dev };
	do {
		r.again = false;
		fd = openat(top, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0)
			return -errno;
		e = remove_entries(&r, fd, 0);
	} while (e == 0 && r.again);
	if (e == 0 && unlinkat(dirfd, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
		e = -errno;
	return e;
}

bool is_safe_name(const char *s)
{
	size_t n;

	if (!isalnum((unsigned char)s[0]))
		return false;
	for (n = 0; s[n]; n++)
		if (!isalnum((unsigned char)s[n]) && !strchr("_.-", s[n]))
			return false;
	return n <= 128;
}

int list_directory(int fd, struct strv *names)
{
	int own = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = own < 0 ? NULL : fdopendir(own); /* takes it */
	struct dirent *e;
	int r;

	if (!dir) {
		r = -errno;
		if (own >= 0)
			close(own);
		return r;
	}
	for (errno = 0; (e = readdir(dir)); errno = 0)
		if (!streq(e->d_name, ".") && !streq(e->d_name, ".."))
			strv_add(names, e->d_name);
	r = -errno;
	closedir(dir);
	strv_sort(names);
	return r;
}
