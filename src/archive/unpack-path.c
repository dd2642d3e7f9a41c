/* SPDX-License-Identifier: Apache-2.0 */
/* Where an entry goes: names made clean, parents found, made and remembered. */
#include <errno.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>

#include "archive/unpack-internal.h"
#include "base/fs.h"

int unpack_refuse(const struct unpacker *u, const char *why, struct error *err)
{
	char quoted[TAR_QUOTE_MAX];

	return error_set(err, ERROR_INVALID, "archive entry \"%s\" %s",
	                 tar_quote(u->entry->name, quoted), why);
}

int unpack_error(const struct unpacker *u, int errnum, const char *doing, struct error *err)
{
	static const int shapes[] = { ENOTDIR, EISDIR,    ELOOP,  ENAMETOOLONG, EXDEV,
		                      EMLINK,  ENOTEMPTY, EEXIST, ENOENT,       EFBIG };
	char quoted[TAR_QUOTE_MAX];

	error_set_errno(err, errnum, "cannot %s archive entry \"%s\"", doing,
	                tar_quote(u->entry->name, quoted));
	for (size_t i = 0; i < ARRAY_SIZE(shapes); i++)
		if (errnum == shapes[i])
			err->kind = ERROR_INVALID;
	return error_errno(err);
}

/* Takes ".." off the end of out, but not past floor. */
static int cut_last(char *out, size_t floor)
{
	char *slash;

	if (strlen(out) <= floor)
		return -EINVAL;
	slash = strrchr(out + floor, '/');
	*(slash ? slash : out + floor) = '\0';
	return 0;
}

int unpack_clean(const struct unpacker *u, const char *name, char *out)
{
	size_t floor = strlen(u->spec->path), n;
	struct str rest = str_from(name), part;
	int depth = 0;

	memcpy(out, u->spec->path, floor + 1);
	while (str_cut(&rest, '/', &part)) {
		if (part.len == 0 || str_eq_c(part, "."))
			continue;
		if (str_eq_c(part, "..")) {
			if (cut_last(out, floor) < 0)
				return -EINVAL;
			continue;
		}
		if (++depth > UNPACK_DEPTH_MAX || part.len > 255)
			return -EINVAL;
		n = strlen(out);
		snprintf(out + n, UNPACK_PATH_MAX - n, "%s%.*s", n ? "/" : "", STR_ARG(part));
	}
	return 0;
}

void unpack_forget_parent(struct unpacker *u)
{
	if (u->parent >= 0)
		close(u->parent);
	u->parent = -1;
}

void unpack_set_parent(struct unpacker *u, const char *path, int fd, bool setgid)
{
	unpack_forget_parent(u);
	u->parent = fd;
	u->parent_setgid = setgid;
	snprintf(u->parent_path, sizeof(u->parent_path), "%s", path);
}

/* Links make directories deeper than their names; ".." tells how deep one is. */
static int check_depth(const struct unpacker *u, int fd)
{
	AUTO_CLOSE int at = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	struct stat root, st;

	if (at < 0 || fstat(u->root, &root) < 0)
		return -errno;
	for (int depth = 0; depth < UNPACK_DEPTH_MAX; depth++) {
		int up;

		if (fstat(at, &st) < 0)
			return -errno;
		if (st.st_dev == root.st_dev && st.st_ino == root.st_ino)
			return 0;
		up = openat(at, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (up < 0)
			return -errno;
		close(at);
		at = up;
	}
	return -ENAMETOOLONG;
}

static int open_directory(const struct unpacker *u, const char *path)
{
	struct open_how how = { .flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
		                .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS };
	int fd, r;

	path = *path ? path : ".";
	fd = (int)syscall(SYS_openat2, u->root, path, &how, sizeof(how));
	if (fd >= 0 || errno != ELOOP)
		return fd < 0 ? -errno : fd;
	fd = open_in_root(u->root, path, O_PATH | O_DIRECTORY, 0);
	if (fd < 0)
		return fd;
	r = check_depth(u, fd);
	if (r < 0) {
		close(fd);
		return r;
	}
	return fd;
}

/* Opens path, making what is missing on the way as root's, 0755. */
static int open_or_make(const struct unpacker *u, const char *path)
{
	char prefix[UNPACK_PATH_MAX];
	int fd = open_directory(u, path), at;

	if (fd != -ENOENT)
		return fd;
	at = open_directory(u, "");
	for (const char *p = path; at >= 0;) {
		const char *end = p + strcspn(p, "/");

		snprintf(prefix, sizeof(prefix), "%.*s", (int)(end - path), path);
		fd = open_directory(u, prefix);
		if (fd == -ENOENT) {
			const char *last = strrchr(prefix, '/');

			if (mkdirat(at, last ? last + 1 : prefix, 0755) < 0)
				fd = -errno; /* EEXIST: a link to nowhere */
			else
				fd = open_directory(u, prefix);
		}
		close(at);
		at = fd;
		if (!*end)
			break;
		p = end + 1;
	}
	return at;
}

static int cache_parent(struct unpacker *u, const char *dir, int fd, struct error *err)
{
	struct stat st;

	if (fd < 0)
		return unpack_error(u, -fd, "find the directory of", err);
	if (fstat(fd, &st) < 0) {
		close(fd);
		return unpack_error(u, errno, "look at the directory of", err);
	}
	unpack_set_parent(u, dir, fd, st.st_mode & S_ISGID);
	return 0;
}

static const char *split(const char *path, char *dir)
{
	const char *slash = strrchr(path, '/');

	snprintf(dir, UNPACK_PATH_MAX, "%.*s", slash ? (int)(slash - path) : 0, path);
	return slash ? slash + 1 : path;
}

int unpack_enter(struct unpacker *u, struct error *err)
{
	char dir[UNPACK_PATH_MAX];

	if (unpack_clean(u, u->entry->name, u->path) < 0)
		return unpack_refuse(u, "leads out of its directory, or is too deep", err);
	u->base = split(u->path, dir);
	if (u->parent >= 0 && streq(dir, u->parent_path))
		return 0;
	return cache_parent(u, dir, open_or_make(u, dir), err);
}

int unpack_open_parent(struct unpacker *u, const char *path, const char **ret_base,
                       struct error *err)
{
	char dir[UNPACK_PATH_MAX];
	int fd;

	*ret_base = split(path, dir);
	fd = open_directory(u, dir);
	return fd < 0 ? unpack_error(u, -fd, "find the target of", err) : fd;
}

int unpack_make_room(struct unpacker *u, bool *ret_whiteout, struct error *err)
{
	bool is_directory = u->entry->type == TAR_DIRECTORY;
	char quoted[TAR_QUOTE_MAX];
	struct stat st;
	int r;

	*ret_whiteout = false;
	if (fstatat(u->parent, u->base, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return unpack_error(u, errno, "replace", err);
	if (S_ISDIR(st.st_mode) && is_directory)
		return 1;
	if (u->spec->no_overwrite_dir_non_dir && S_ISDIR(st.st_mode) != is_directory)
		return error_set(err, ERROR_INVALID,
		                 "cannot overwrite %sdirectory \"%s\" with %sdirectory",
		                 is_directory ? "non-" : "", tar_quote(u->path, quoted),
		                 is_directory ? "" : "non-");
	*ret_whiteout = unpack_is_whiteout(&st);
	r = remove_tree(u->parent, u->base);
	return r < 0 ? unpack_error(u, -r, "replace", err) : 0;
}
