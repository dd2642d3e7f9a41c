/* SPDX-License-Identifier: Apache-2.0 */
#include "volume/copy.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "base/alloc.h"
#include "base/fs.h"
#include "base/map.h"

enum {
	COPY_DEPTH_MAX = 512,
	COPY_CHUNK = 1 << 30,
	COPY_XATTR_LIST_MAX = 64 * 1024,
	COPY_XATTR_VALUE_MAX = 64 * 1024,
	COPY_LINK_MAX = 4096,
};

struct copy {
	int top;            /* the target's, borrowed: where hard links are found again */
	struct map *links;  /* "device:inode" -> owned path below top */
	struct strbuf path; /* of the directory that is being copied, below top */
	unsigned depth;
	struct error *err;
};

static int fail(struct copy *c, const char *what, const char *name)
{
	return error_set_errno(c->err, errno, "cannot %s %s%s%s", what, strbuf_cstr(&c->path),
	                       c->path.len ? "/" : "", name);
}

static int open_dir_stream(int dir, DIR **ret, struct error *err)
{
	int again = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	*ret = again >= 0 ? fdopendir(again) : NULL;
	if (*ret)
		return 0;
	error_set_errno(err, errno, "cannot read a directory");
	if (again >= 0)
		close(again);
	return error_errno(err);
}

static bool is_dots(const char *name)
{
	return streq(name, ".") || streq(name, "..");
}

int dir_is_empty(int dir, struct error *err)
{
	DIR *stream;
	int r = open_dir_stream(dir, &stream, err), empty = 1;

	if (r < 0)
		return r;
	for (struct dirent *e; empty && (e = readdir(stream));)
		empty = is_dots(e->d_name);
	closedir(stream);
	return empty;
}

/* Not every file system takes every attribute: those that it does not know are left out. */
static int copy_xattrs(struct copy *c, int from, int to, const char *name)
{
	AUTO_FREE char *list = xmalloc(COPY_XATTR_LIST_MAX);
	AUTO_FREE char *value = xmalloc(COPY_XATTR_VALUE_MAX);
	ssize_t n = flistxattr(from, list, COPY_XATTR_LIST_MAX);

	if (n < 0)
		return errno == ENOTSUP ? 0 : fail(c, "list the attributes of", name);
	for (char *key = list; key < list + n; key += strlen(key) + 1) {
		ssize_t len = fgetxattr(from, key, value, COPY_XATTR_VALUE_MAX);

		if (len < 0 || str_skip_prefix(key, "trusted.overlay."))
			continue;
		if (fsetxattr(to, key, value, (size_t)len, 0) < 0 && errno != ENOTSUP &&
		    errno != EPERM)
			return fail(c, "set an attribute of", name);
	}
	return 0;
}

/* The order matters: a change of owner clears set-id bits and file capabilities. */
static int copy_metadata(struct copy *c, int from, int to, const char *name, const struct stat *st)
{
	const struct timespec times[] = { st->st_atim, st->st_mtim };
	int r;

	if (fchown(to, st->st_uid, st->st_gid) < 0)
		return fail(c, "set the owner of", name);
	if (fchmod(to, st->st_mode & 07777) < 0)
		return fail(c, "set the mode of", name);
	r = copy_xattrs(c, from, to, name);
	if (r < 0)
		return r;
	return futimens(to, times) < 0 ? fail(c, "set the time of", name) : 0;
}

static int copy_extent(int from, int to, off_t at, off_t end)
{
	while (at < end) {
		off_t out = at;
		ssize_t n = copy_file_range(from, &at, to, &out,
		                            (size_t)MIN(end - at, (off_t)COPY_CHUNK), 0);
		char buf[16384];

		if (n > 0)
			continue;
		if (n < 0 && errno != EXDEV && errno != EINVAL && errno != EOPNOTSUPP &&
		    errno != ENOSYS)
			return -1;
		/* between file systems that cannot: by hand */
		n = pread(from, buf, MIN(sizeof(buf), (size_t)(end - at)), at);
		if (n <= 0)
			return (int)n; /* 0: it shrank meanwhile */
		if (pwrite(to, buf, (size_t)n, at) != n)
			return -1;
		at += n;
	}
	return 0;
}

static int copy_data(int from, int to, off_t size)
{
	off_t at = 0;

	if (ftruncate(to, size) < 0)
		return -1;
	while (at < size) {
		off_t data = lseek(from, at, SEEK_DATA), hole;

		if (data < 0 && errno == ENXIO)
			return 0; /* a hole up to the end */
		if (data < 0)
			data = at; /* no holes here */
		hole = lseek(from, data, SEEK_HOLE);
		if (hole < 0)
			hole = size;
		if (copy_extent(from, to, data, MIN(hole, size)) < 0)
			return -1;
		at = hole;
	}
	return 0;
}

static int copy_file(struct copy *c, int from_dir, int to_dir, const char *name)
{
	AUTO_CLOSE int from =
		openat(from_dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	AUTO_CLOSE int to = -1;
	struct stat st;

	if (from < 0 || fstat(from, &st) < 0)
		return fail(c, "open", name);
	if (!S_ISREG(st.st_mode))
		return error_set(c->err, ERROR_CONFLICT, "%s changed while it was copied", name);
	to = openat(to_dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (to < 0)
		return fail(c, "create", name);
	if (copy_data(from, to, st.st_size) < 0)
		return fail(c, "copy", name);
	return copy_metadata(c, from, to, name, &st);
}

static int copy_symlink(struct copy *c, int from_dir, int to_dir, const char *name,
                        const struct stat *st)
{
	const struct timespec times[] = { st->st_atim, st->st_mtim };
	char target[COPY_LINK_MAX + 1];
	ssize_t n = readlinkat(from_dir, name, target, COPY_LINK_MAX);

	if (n < 0)
		return fail(c, "read the link", name);
	target[n] = '\0';
	if (symlinkat(target, to_dir, name) < 0)
		return fail(c, "make the link", name);
	if (fchownat(to_dir, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) < 0)
		return fail(c, "set the owner of", name);
	return utimensat(to_dir, name, times, AT_SYMLINK_NOFOLLOW) < 0
	               ? fail(c, "set the time of", name)
	               : 0;
}

static int copy_special(struct copy *c, int to_dir, const char *name, const struct stat *st)
{
	if (mknodat(to_dir, name, st->st_mode, st->st_rdev) < 0)
		return fail(c, "make the special file", name);
	if (fchownat(to_dir, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) < 0)
		return fail(c, "set the owner of", name);
	/* the node is new and ours: no link to follow */
	return fchmodat(to_dir, name, st->st_mode & 07777, 0) < 0 ? fail(c, "set the mode of", name)
	                                                          : 0;
}

/* 1 when the file was a further name of one that is copied, and has been linked. */
static int link_again(struct copy *c, int to_dir, const char *name, const struct stat *st)
{
	char key[64];
	const char *first;

	if (S_ISDIR(st->st_mode) || st->st_nlink < 2)
		return 0;
	snprintf(key, sizeof(key), "%ju:%ju", (uintmax_t)st->st_dev, (uintmax_t)st->st_ino);
	first = map_get(c->links, key);
	if (first)
		return linkat(c->top, first, to_dir, name, 0) < 0 ? fail(c, "link", name) : 1;
	map_set(c->links, key,
	        c->path.len ? xasprintf("%s/%s", strbuf_cstr(&c->path), name) : xstrdup(name));
	return 0;
}

static int copy_content(struct copy *c, int from, int to);

static int copy_dir(struct copy *c, int from_dir, int to_dir, const char *name)
{
	AUTO_CLOSE int from =
		openat(from_dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	AUTO_CLOSE int to = -1;
	size_t before = c->path.len;
	struct stat st;
	int r;

	if (from < 0 || fstat(from, &st) < 0)
		return fail(c, "open", name);
	if (c->depth >= COPY_DEPTH_MAX)
		return error_set(c->err, ERROR_TOO_LARGE, "directories are nested deeper than %d",
		                 COPY_DEPTH_MAX);
	if (mkdirat(to_dir, name, 0700) < 0)
		return fail(c, "make the directory", name);
	to = openat(to_dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (to < 0)
		return fail(c, "open", name);
	strbuf_printf(&c->path, "%s%s", before ? "/" : "", name);
	c->depth++;
	r = copy_content(c, from, to);
	c->depth--;
	strbuf_truncate(&c->path, before);
	if (r < 0)
		return r;
	return copy_metadata(c, from, to, name, &st);
}

static int copy_entry(struct copy *c, int from, int to, const char *name)
{
	struct stat st;
	int r;

	if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return fail(c, "look at", name);
	r = link_again(c, to, name, &st);
	if (r != 0)
		return r;
	switch (st.st_mode & S_IFMT) {
	case S_IFDIR:
		return copy_dir(c, from, to, name);
	case S_IFREG:
		return copy_file(c, from, to, name);
	case S_IFLNK:
		return copy_symlink(c, from, to, name, &st);
	case S_IFSOCK:
		return 0; /* nobody listens there */
	default:
		return copy_special(c, to, name, &st);
	}
}

static int copy_content(struct copy *c, int from, int to)
{
	DIR *stream;
	int r = open_dir_stream(from, &stream, c->err);

	if (r < 0)
		return r;
	for (struct dirent *e; r >= 0 && (e = readdir(stream));)
		if (!is_dots(e->d_name))
			r = copy_entry(c, from, to, e->d_name);
	closedir(stream);
	return r < 0 ? r : 0;
}

int copy_tree(int from, int to, struct error *err)
{
	struct copy c = { .top = to, .links = map_new(), .err = err };
	const char *key;
	void *path;
	struct stat st;
	int r = copy_content(&c, from, to);

	if (r >= 0)
		r = fstat(from, &st) < 0 ? fail(&c, "look at", ".")
		                         : copy_metadata(&c, from, to, ".", &st);
	for (size_t pos = 0; map_next(c.links, &pos, &key, &path);)
		free(path);
	map_free(c.links);
	strbuf_done(&c.path);
	return r;
}
