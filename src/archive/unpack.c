/* SPDX-License-Identifier: Apache-2.0 */
#include "archive/unpack.h"

#include <errno.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "archive/unpack-internal.h"
#include "base/alloc.h"
#include "base/fs.h"

uid_t unpack_uid(const struct unpacker *u)
{
	bool as_stored = u->spec->unpack_style == UNPACK_LAYER || u->spec->copy_uid_gid;

	return as_stored ? u->entry->uid : u->spec->uid;
}

gid_t unpack_gid(const struct unpacker *u)
{
	bool as_stored = u->spec->unpack_style == UNPACK_LAYER || u->spec->copy_uid_gid;

	return as_stored ? u->entry->gid : u->spec->gid;
}

/* What is made here is root's already, unless the directory gives its group on. */
static bool needs_chown(const struct unpacker *u)
{
	return unpack_uid(u) != 0 || unpack_gid(u) != 0 || u->parent_setgid;
}

static void times_of(const struct tar_entry *e, struct timespec *ret)
{
	ret[0] = ret[1] = e->mtime;
}

/* Only attributes that mean the same in every file system. Overlayfs' own would let a layer reach
 * into others; security modules' labels belong to the host. */
static bool is_allowed_xattr(const char *name)
{
	static const char *const exact[] = { "security.capability", "system.posix_acl_access",
		                             "system.posix_acl_default" };
	const char *user = str_skip_prefix(name, "user.");

	if (user)
		return !str_skip_prefix(user, "overlay.");
	for (size_t i = 0; i < ARRAY_SIZE(exact); i++)
		if (streq(name, exact[i]))
			return true;
	return false;
}

static int set_xattrs(struct unpacker *u, int fd, struct error *err)
{
	for (size_t i = 0; i < u->entry->xattrs.len; i++) {
		const struct tar_xattr *x = &u->entry->xattrs.ptr[i];

		if (!is_allowed_xattr(x->name))
			continue;
		if (streq(x->name, "system.posix_acl_default"))
			u->default_acl = true;
		/* file systems without them are common, and images carry them for nothing */
		if (fsetxattr(fd, x->name, x->value, x->size, 0) < 0 && errno != ENOTSUP)
			return unpack_error(u, errno, "set an attribute of", err);
	}
	return 0;
}

static int write_content(struct unpacker *u, int fd, struct error *err)
{
	const void *data;
	ssize_t n;

	while ((n = tar_peek(u->tar, &data, err)) > 0) {
		int r = write_full(fd, data, (size_t)n);

		if (r < 0)
			return unpack_error(u, -r, "write", err);
	}
	return (int)n;
}

static int finish_file(struct unpacker *u, int fd, struct error *err)
{
	struct timespec times[2];
	int r;

	if (needs_chown(u) && fchown(fd, unpack_uid(u), unpack_gid(u)) < 0)
		return unpack_error(u, errno, "set the owner of", err);
	if (((u->entry->mode & 07000) || u->default_acl) && fchmod(fd, u->entry->mode) < 0)
		return unpack_error(u, errno, "set the mode of", err);
	r = set_xattrs(u, fd, err);
	if (r < 0)
		return r;
	times_of(u->entry, times);
	if (futimens(fd, times) < 0)
		return unpack_error(u, errno, "set the time of", err);
	return 0;
}

static int make_file(struct unpacker *u, struct error *err)
{
	const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
	mode_t mode = u->entry->mode & 0777;
	AUTO_CLOSE int fd = openat(u->parent, u->base, flags, mode);
	bool whiteout;
	int r;

	if (fd < 0 && errno == EEXIST) {
		r = unpack_make_room(u, &whiteout, err);
		if (r < 0)
			return r;
		fd = openat(u->parent, u->base, flags, mode);
	}
	if (fd < 0)
		return unpack_error(u, errno, "create", err);
	r = write_content(u, fd, err);
	return r < 0 ? r : finish_file(u, fd, err);
}

static int note_times(struct unpacker *u, struct error *err)
{
	struct late_times t = { .path = xstrdup(u->path), .mtime = u->entry->mtime };

	u->late_memory += strlen(u->path) + sizeof(t);
	late_times_vec_push(&u->late, t);
	if (u->late_memory > UNPACK_DIRECTORY_MEMORY_MAX)
		return error_set(err, ERROR_TOO_LARGE, "the archive has too many directories");
	return 0;
}

/* Attributes of a directory that is there; it becomes the cached parent, since its files follow. */
static int finish_directory(struct unpacker *u, int fd, bool merged, struct error *err)
{
	int r;

	if ((merged || needs_chown(u)) && fchown(fd, unpack_uid(u), unpack_gid(u)) < 0)
		r = unpack_error(u, errno, "set the owner of", err);
	else if (fchmod(fd, u->entry->mode) < 0)
		r = unpack_error(u, errno, "set the mode of", err);
	else
		r = set_xattrs(u, fd, err);
	if (r == 0)
		r = note_times(u, err);
	if (r < 0) {
		close(fd);
		return r;
	}
	unpack_set_parent(u, u->path, fd, u->entry->mode & S_ISGID);
	return 0;
}

static int make_directory(struct unpacker *u, struct error *err)
{
	bool whiteout = false;
	int fd, r = 0;

	if (mkdirat(u->parent, u->base, 0700) < 0) {
		if (errno != EEXIST)
			return unpack_error(u, errno, "create", err);
		r = unpack_make_room(u, &whiteout, err);
		if (r < 0)
			return r;
		if (r == 0 && mkdirat(u->parent, u->base, 0700) < 0)
			return unpack_error(u, errno, "create", err);
	}
	fd = openat(u->parent, u->base, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return unpack_error(u, errno, "open", err);
	/* the layer hides the lower directory of this name and brings its own */
	if (whiteout && u->spec->unpack_style == UNPACK_LAYER &&
	    unpack_set_opaque(u, fd, err) < 0) {
		close(fd);
		return error_errno(err);
	}
	return finish_directory(u, fd, r == 1, err);
}

/* The entry for the directory that is unpacked into. */
static int take_root(struct unpacker *u, struct error *err)
{
	int fd;

	if (u->entry->type != TAR_DIRECTORY)
		return unpack_refuse(u, "would replace the directory that is unpacked into", err);
	if (u->spec->unpack_style == UNPACK_PLAIN)
		return 0; /* somebody else's directory: it stays as it is */
	fd = open_in_root(u->root, ".", O_RDONLY | O_DIRECTORY, 0);
	if (fd < 0)
		return unpack_error(u, -fd, "open", err);
	return finish_directory(u, fd, true, err);
}

/* Links, devices and pipes have their attributes set by name, never through them. */
static int finish_special(struct unpacker *u, struct error *err)
{
	struct timespec times[2];

	if (needs_chown(u) &&
	    fchownat(u->parent, u->base, unpack_uid(u), unpack_gid(u), AT_SYMLINK_NOFOLLOW) < 0)
		return unpack_error(u, errno, "set the owner of", err);
	times_of(u->entry, times);
	if (utimensat(u->parent, u->base, times, AT_SYMLINK_NOFOLLOW) < 0)
		return unpack_error(u, errno, "set the time of", err);
	return 0;
}

static int make_symlink(struct unpacker *u)
{
	return symlinkat(u->entry->link, u->parent, u->base) < 0 ? -errno : 0;
}

static int make_node(struct unpacker *u)
{
	static const mode_t types[] = {
		[TAR_CHAR] = S_IFCHR, [TAR_BLOCK_DEVICE] = S_IFBLK, [TAR_FIFO] = S_IFIFO
	};
	dev_t device = makedev(u->entry->major, u->entry->minor);

	return mknodat(u->parent, u->base, types[u->entry->type] | u->entry->mode, device) < 0
	               ? -errno
	               : 0;
}

static int make_special(struct unpacker *u, int (*make)(struct unpacker *u), struct error *err)
{
	bool whiteout;
	int r;

	if (u->entry->type == TAR_CHAR && u->entry->major == 0 && u->entry->minor == 0)
		return unpack_refuse(u, "is a device 0:0, which has a meaning of its own in layers",
		                     err);
	r = make(u);
	if (r == -EEXIST) {
		r = unpack_make_room(u, &whiteout, err);
		if (r < 0)
			return r;
		r = make(u);
	}
	return r < 0 ? unpack_error(u, -r, "create", err) : finish_special(u, err);
}

static bool same_file(int a, const char *a_name, int b, const char *b_name)
{
	struct stat x, y;

	return fstatat(a, a_name, &x, AT_SYMLINK_NOFOLLOW) == 0 &&
	       fstatat(b, b_name, &y, AT_SYMLINK_NOFOLLOW) == 0 && x.st_dev == y.st_dev &&
	       x.st_ino == y.st_ino;
}

/* The link's own attributes are the target's: they came with it. */
static int link_to(struct unpacker *u, int dir, const char *name, struct error *err)
{
	bool whiteout;
	int r;

	if (linkat(dir, name, u->parent, u->base, 0) == 0)
		return 0;
	if (errno != EEXIST)
		return unpack_error(u, errno == EPERM ? EISDIR : errno, "link", err);
	if (same_file(dir, name, u->parent, u->base))
		return 0;
	r = unpack_make_room(u, &whiteout, err);
	if (r < 0)
		return r;
	if (linkat(dir, name, u->parent, u->base, 0) < 0)
		return unpack_error(u, errno == EPERM ? EISDIR : errno, "link", err);
	return 0;
}

static int make_hardlink(struct unpacker *u, struct error *err)
{
	char target[UNPACK_PATH_MAX];
	AUTO_CLOSE int dir = -1;
	const char *name;
	struct stat st;

	if (unpack_clean(u, u->entry->link, target) < 0)
		return unpack_refuse(u, "links to something outside of its directory", err);
	dir = unpack_open_parent(u, target, &name, err);
	if (dir < 0)
		return dir;
	if (fstatat(dir, *name ? name : ".", &st, AT_SYMLINK_NOFOLLOW) < 0)
		return unpack_error(u, errno, "find the target of", err);
	if (S_ISDIR(st.st_mode) || unpack_is_whiteout(&st))
		return unpack_refuse(u, "links to something that can't be linked to", err);
	return link_to(u, dir, name, err);
}

static int make_entry(struct unpacker *u, struct error *err)
{
	switch (u->entry->type) {
	case TAR_FILE:
		return make_file(u, err);
	case TAR_DIRECTORY:
		return make_directory(u, err);
	case TAR_SYMLINK:
		return make_special(u, make_symlink, err);
	case TAR_HARDLINK:
		return make_hardlink(u, err);
	case TAR_CHAR:
	case TAR_BLOCK_DEVICE:
	case TAR_FIFO:
		return make_special(u, make_node, err);
	}
	return unpack_refuse(u, "is of an unknown type", err);
}

static int count(struct unpacker *u, struct error *err)
{
	u->result->entries++;
	if (u->result->entries > u->spec->max_entries)
		return error_set(err, ERROR_TOO_LARGE, "the archive has more than %lld entries",
		                 (long long)u->spec->max_entries);
	if (u->entry->size > u->spec->max_bytes - u->result->bytes)
		return error_set(err, ERROR_TOO_LARGE,
		                 "the archive unpacks to more than the limit of %lld bytes",
		                 (long long)u->spec->max_bytes);
	u->result->bytes += u->entry->size;
	return 0;
}

static int take_entry(struct unpacker *u, struct error *err)
{
	int r = count(u, err);

	if (r == 0)
		r = unpack_enter(u, err);
	if (r < 0)
		return r;
	if (strlen(u->path) == strlen(u->spec->path))
		return take_root(u, err);
	if (u->spec->unpack_style == UNPACK_LAYER) {
		r = unpack_whiteout(u, err);
		if (r != 0)
			return r < 0 ? r : 0;
	}
	return make_entry(u, err);
}

/* Deepest last made, so backwards; one that was replaced meanwhile needs none. */
static void set_late_times(struct unpacker *u)
{
	for (size_t i = u->late.len; i-- > 0;) {
		const struct late_times *t = &u->late.ptr[i];
		struct timespec times[2] = { t->mtime, t->mtime };
		AUTO_CLOSE int fd = open_in_root(u->root, *t->path ? t->path : ".",
		                                 O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);

		if (fd >= 0)
			IGNORE_RESULT(futimens(fd, times) < 0,
			              "a directory's time is worth no failure");
	}
}

static void unpacker_done(struct unpacker *u)
{
	unpack_forget_parent(u);
	tar_reader_free(u->tar);
	vec_for_each (&u->late, t)
		free(t->path);
	late_times_vec_done(&u->late);
}

int unpack_run(int root, const struct archive_request *spec, struct byte_source *from,
               struct unpack_result *ret, struct error *err)
{
	CLEANUP(unpacker_done)
	struct unpacker u = { .root = root, .spec = spec, .parent = -1, .result = ret };
	int r = tar_reader_open(from, &u.tar, err);

	if (r < 0)
		return r;
	umask(0);
	while ((r = tar_next(u.tar, &u.entry, err)) == 1) {
		r = take_entry(&u, err);
		if (r < 0)
			return r;
	}
	if (r == 0)
		set_late_times(&u);
	return r;
}
