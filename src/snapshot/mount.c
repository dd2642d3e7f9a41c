/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>

#include "base/alloc.h"
#include "base/fs.h"
#include "snapshot/snapshot-internal.h"

/* From <sys/mount.h>, which does not go with <linux/mount.h> in this C library. */
extern int mount(const char *source, const char *target, const char *type, unsigned long flags,
                 const void *data);
extern int umount2(const char *target, int flags);
enum { UMOUNT_DETACH = 2, UMOUNT_NO_FOLLOW = 8 };

static int open_directory(const char *path, struct error *err)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

	return fd < 0 ? error_set_errno(err, errno, "cannot open %s", path) : fd;
}

/* The merged root has the upper directory's attributes: they are to be the image's. */
static int match_root(int dirfd, struct error *err)
{
	struct stat st;

	if (fstatat(dirfd, "init", &st, AT_SYMLINK_NOFOLLOW) < 0 ||
	    fchownat(dirfd, "upper", st.st_uid, st.st_gid, AT_SYMLINK_NOFOLLOW) < 0 ||
	    fchmodat(dirfd, "upper", st.st_mode & 07777, 0) < 0)
		return error_set_errno(err, errno, "cannot set up the root directory");
	return 0;
}

int snapshot_prepare(struct snapshot_store *s, const struct snapshot_mount *m, struct error *err)
{
	static const struct {
		const char *name;
		mode_t mode;
	} parts[] = { { "upper", 0755 }, { "work", 0700 }, { "merged", 0755 } };
	AUTO_CLOSE int dir = open_directory(m->directory, err);
	int r;

	if (dir < 0)
		return dir;
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		if (mkdirat(dir, parts[i].name, parts[i].mode) < 0)
			return error_set_errno(err, errno, "cannot make %s/%s", m->directory,
			                       parts[i].name);
	r = snapshot_make_init(s, m, dir, err);
	return r < 0 ? r : match_root(dir, err);
}

static bool is_mounted(const char *path)
{
	struct statx st;

	return statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, STATX_BASIC_STATS,
	             &st) == 0 &&
	       (st.stx_attributes & STATX_ATTR_MOUNT_ROOT);
}

static int set(int fs, const char *key, const char *value)
{
	return syscall(SYS_fsconfig, fs, FSCONFIG_SET_STRING, key, value, 0) < 0 ? -errno : 0;
}

struct overlay {
	struct strv lower; /* the uppermost first */
	char *upper, *work, *merged;
	bool read_only;
};

static void overlay_done(struct overlay *o)
{
	strv_done(&o->lower);
	free(o->upper);
	free(o->work);
	free(o->merged);
}

/* Nothing that lets a layer point elsewhere: redirects are neither made nor followed, metadata
 * comes with its data. */
static const struct {
	const char *key, *value;
} overlay_options[] = { { "index", "off" }, { "redirect_dir", "nofollow" }, { "metacopy", "off" } };

static int configure(int fs, const struct overlay *o)
{
	int r = set(fs, "source", "overlay");

	for (size_t i = 0; r == 0 && i < o->lower.len; i++)
		r = set(fs, "lowerdir+", o->lower.ptr[i]);
	if (r == 0)
		r = set(fs, "upperdir", o->upper);
	if (r == 0)
		r = set(fs, "workdir", o->work);
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(overlay_options); i++)
		r = set(fs, overlay_options[i].key, overlay_options[i].value);
	if (r == 0 && syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		r = -errno;
	return r;
}

static int mount_new(const struct overlay *o)
{
	AUTO_CLOSE int fs = (int)syscall(SYS_fsopen, "overlay", FSOPEN_CLOEXEC);
	AUTO_CLOSE int mnt = -1;
	int r = fs < 0 ? -errno : configure(fs, o);

	if (r < 0)
		return r;
	mnt = (int)syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, o->read_only ? MOUNT_ATTR_RDONLY : 0);
	if (mnt < 0)
		return -errno;
	if (syscall(SYS_move_mount, mnt, "", AT_FDCWD, o->merged, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return -errno;
	return 0;
}

/* Before lowerdir+ the options had to fit a page: descriptors make short names. */
static int mount_classic(const struct overlay *o)
{
	struct layer_stack open_layers = { 0 };
	AUTO_STRBUF text = { 0 };
	int r = 0;

	open_layers.fds = xcalloc(o->lower.len + 1, sizeof(int));
	strbuf_puts(&text, "lowerdir=");
	for (size_t i = 0; r == 0 && i < o->lower.len; i++) {
		int fd = open(o->lower.ptr[i], O_PATH | O_DIRECTORY | O_CLOEXEC);

		if (fd < 0) {
			r = -errno;
			break;
		}
		open_layers.fds[open_layers.n++] = fd;
		strbuf_printf(&text, "%s/proc/self/fd/%d", i ? ":" : "", fd);
	}
	strbuf_printf(&text, ",upperdir=%s,workdir=%s", o->upper, o->work);
	for (size_t i = 0; i < ARRAY_SIZE(overlay_options); i++)
		strbuf_printf(&text, ",%s=%s", overlay_options[i].key, overlay_options[i].value);
	if (r == 0 && mount("overlay", o->merged, "overlay", o->read_only ? 1 /* MS_RDONLY */ : 0,
	                    text.ptr) < 0)
		r = -errno;
	layer_stack_done(&open_layers);
	return r;
}

static int collect_paths(struct snapshot_store *s, const struct snapshot_mount *m,
                         struct overlay *o, struct error *err)
{
	strv_printf(&o->lower, "%s/init", m->directory);
	o->upper = xasprintf("%s/upper", m->directory);
	o->work = xasprintf("%s/work", m->directory);
	o->merged = xasprintf("%s/merged", m->directory);
	o->read_only = m->read_only;
	return m->chain_id ? layer_paths(s, m->chain_id, &o->lower, err) : 0;
}

int snapshot_mount(struct snapshot_store *s, const struct snapshot_mount *m, struct error *err)
{
	CLEANUP(overlay_done) struct overlay o = { 0 };
	int r = collect_paths(s, m, &o, err);

	if (r < 0 || is_mounted(o.merged))
		return r;
	r = mount_new(&o);
	if (r == -EINVAL || r == -ENOSYS)
		r = mount_classic(&o);
	if (r < 0)
		return error_set_errno(err, -r, "cannot mount the layers at %s", o.merged);
	return 0;
}

int snapshot_unmount(const char *directory, struct error *err)
{
	AUTO_FREE char *merged = xasprintf("%s/merged", directory);

	if (umount2(merged, UMOUNT_DETACH | UMOUNT_NO_FOLLOW) < 0 && errno != EINVAL &&
	    errno != ENOENT)
		return error_set_errno(err, errno, "cannot unmount %s", merged);
	return 0;
}
