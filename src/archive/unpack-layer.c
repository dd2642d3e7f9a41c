/* SPDX-License-Identifier: Apache-2.0 */
/* Whiteouts: what layers say by names, overlayfs says by character devices 0:0 and an attribute. */
#include <errno.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "archive/unpack-internal.h"
#include "base/fs.h"

static const char whiteout_prefix[] = ".wh.";
static const char opaque_name[] = ".wh..wh..opq";

bool unpack_is_whiteout(const struct stat *st)
{
	return S_ISCHR(st->st_mode) && st->st_rdev == makedev(0, 0);
}

int unpack_set_opaque(struct unpacker *u, int dirfd, struct error *err)
{
	AUTO_CLOSE int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || fsetxattr(fd, "trusted.overlay.opaque", "y", 1, 0) < 0)
		return unpack_error(u, errno, "mark as opaque the directory of", err);
	return 0;
}

/* The layer has the name itself: a directory then hides the lower one, anything else does anyway.
 */
static int hide_existing(struct unpacker *u, const char *name, struct error *err)
{
	AUTO_CLOSE int fd = openat(u->parent, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return unpack_error(u, errno, "look at what is hidden by", err);
	return S_ISDIR(st.st_mode) ? unpack_set_opaque(u, fd, err) : 0;
}

static bool only_dots(const char *s)
{
	return strspn(s, ".") == strlen(s);
}

static int check_parents(const struct unpacker *u, struct error *err)
{
	for (const char *p = u->path; p < u->base; p = strchr(p, '/') + 1)
		if (str_skip_prefix(p, whiteout_prefix))
			return unpack_refuse(u, "is below a whiteout", err);
	return 0;
}

int unpack_whiteout(struct unpacker *u, struct error *err)
{
	const char *name = str_skip_prefix(u->base, whiteout_prefix);
	int r = check_parents(u, err);

	if (r < 0 || !name)
		return r;
	if (u->entry->type != TAR_FILE && u->entry->type != TAR_HARDLINK)
		return unpack_refuse(u, "has the name of a whiteout, but is no file", err);
	if (streq(u->base, opaque_name)) {
		r = unpack_set_opaque(u, u->parent, err);
		return r < 0 ? r : 1;
	}
	if (only_dots(name) || str_skip_prefix(name, whiteout_prefix))
		return unpack_refuse(u, "is no valid whiteout", err);
	if (mknodat(u->parent, name, S_IFCHR, makedev(0, 0)) == 0) {
		struct timespec times[2] = { u->entry->mtime, u->entry->mtime };

		/* so that packing the layer again gives its bytes again */
		if (utimensat(u->parent, name, times, AT_SYMLINK_NOFOLLOW) < 0)
			return unpack_error(u, errno, "set the time of", err);
		return 1;
	}
	if (errno != EEXIST)
		return unpack_error(u, errno, "apply whiteout", err);
	r = hide_existing(u, name, err);
	return r < 0 ? r : 1;
}
