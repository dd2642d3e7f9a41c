/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The init layer: mount points that runtimes need, above the image's layers and below the
 * container's own. Where an image made one of them a link, it is covered by the real thing here,
 * before a runtime could follow it; and since it is a layer apart, a container's changes do not
 * show it.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "snapshot/snapshot-internal.h"

static const struct {
	const char *path;
	mode_t mode;
	const char *link; /* target, for a link */
} points[] = {
	{ "dev", S_IFDIR | 0755, NULL },
	{ "dev/pts", S_IFDIR | 0755, NULL },
	{ "dev/shm", S_IFDIR | 0755, NULL },
	{ "dev/console", S_IFREG | 0755, NULL },
	{ "proc", S_IFDIR | 0755, NULL },
	{ "sys", S_IFDIR | 0755, NULL },
	{ "etc", S_IFDIR | 0755, NULL },
	{ "etc/hosts", S_IFREG | 0755, NULL },
	{ "etc/hostname", S_IFREG | 0755, NULL },
	{ "etc/resolv.conf", S_IFREG | 0755, NULL },
	{ "etc/mtab", S_IFLNK | 0777, "/proc/mounts" },
	{ ".dockerenv", S_IFREG | 0755, NULL },
};

/* A directory here lies over the image's of the same name and must look like it. */
static int copy_attributes(int dirfd, const char *path, const struct stat *st)
{
	struct timespec times[2] = { st->st_atim, st->st_mtim };

	if (fchownat(dirfd, path, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) < 0 ||
	    fchmodat(dirfd, path, st->st_mode & 07777, 0) < 0 ||
	    utimensat(dirfd, path, times, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	return 0;
}

static int make_file(int dirfd, const char *path, mode_t mode)
{
	AUTO_CLOSE int fd = openat(
		dirfd, path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode & 0777);

	return fd < 0 ? -errno : 0;
}

static int make_point(const struct layer_stack *image, int dirfd, size_t i)
{
	const char *path = points[i].path;
	mode_t mode = points[i].mode;
	struct stat st;
	bool there = layer_stack_stat(image, path, &st) == 1;

	if (S_ISDIR(mode))
		return mkdirat(dirfd, path, mode & 0777) < 0 ? -errno : 0;
	if (points[i].link)
		return !there && symlinkat(points[i].link, dirfd, path) < 0 ? -errno : 0;
	if (there && S_ISREG(st.st_mode))
		return 0;
	return make_file(dirfd, path, mode);
}

/* After all entries: making them changed the directories' times. */
static int finish_directories(const struct layer_stack *image, int dirfd)
{
	struct stat st;
	int r = 0;

	for (size_t i = ARRAY_SIZE(points); r == 0 && i-- > 0;)
		if (S_ISDIR(points[i].mode) && layer_stack_stat(image, points[i].path, &st) == 1 &&
		    S_ISDIR(st.st_mode))
			r = copy_attributes(dirfd, points[i].path, &st);
	return r;
}

/* The root's own attributes come from the uppermost layer that has them: the image's. */
static int copy_root(const struct layer_stack *image, int dirfd)
{
	struct stat st;

	if (image->n == 0)
		return 0;
	return fstat(image->fds[0], &st) < 0 ? -errno : copy_attributes(dirfd, ".", &st);
}

static int fill(const struct layer_stack *image, int fd)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(points); i++)
		r = make_point(image, fd, i);
	if (r == 0)
		r = finish_directories(image, fd);
	return r == 0 ? copy_root(image, fd) : r;
}

int snapshot_make_init(struct snapshot_store *s, const struct snapshot_mount *m, int dirfd,
                       struct error *err)
{
	CLEANUP(layer_stack_done) struct layer_stack image = { 0 };
	AUTO_CLOSE int fd = -1;
	int r = layer_stack_open(s, m, false, &image, err);

	if (r < 0)
		return r;
	if (mkdirat(dirfd, "init", 0755) < 0)
		return error_set_errno(err, errno, "cannot make %s/init", m->directory);
	fd = openat(dirfd, "init", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	r = fd < 0 ? -errno : fill(&image, fd);
	return r < 0 ? error_set_errno(err, -r, "cannot fill %s/init", m->directory) : 0;
}
