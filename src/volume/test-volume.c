/* SPDX-License-Identifier: Apache-2.0 */
#include "volume/volume.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "unit.h"

struct fixture {
	struct db *db;
	struct volumes *volumes;
	char *directory;
};

static void set_up(struct fixture *f)
{
	static int n;
	AUTO_FREE char *path = xasprintf("%s/%d.db", unit_scratch(), n);
	struct error err = { 0 };

	f->directory = xasprintf("%s/volumes%d", unit_scratch(), n++);
	f->db = db_open(path, &err);
	assert_non_null(f->db);
	f->volumes = volumes_new(f->directory, f->db, NULL, &err);
	assert_non_null(f->volumes);
}

static void tear_down(struct fixture *f)
{
	volumes_close(f->volumes);
	db_close(f->db);
	free(f->directory);
}

static void make(struct fixture *f, const char *name, const struct strmap *options)
{
	struct volume_info i;
	struct error err = { 0 };

	if (volume_create(f->volumes, name, NULL, options, NULL, &i, &err) < 0)
		fail_msg("create: %s", err.message);
	volume_info_done(&i);
}

TEST(created_once_and_kept)
{
	struct fixture f;
	struct error err = { 0 };
	struct volume_info i;
	struct volume_info_vec all = { 0 };
	AUTO_STRMAP labels = { 0 };

	set_up(&f);
	strmap_set(&labels, "a", "b");
	assert_int_equal(volume_create(f.volumes, "data", "", NULL, &labels, &i, &err), 0);
	assert_string_equal(i.driver, "local");
	assert_true(str_has_suffix(i.mountpoint, "/data/_data"));
	assert_int_equal(access(i.mountpoint, F_OK), 0);
	volume_info_done(&i);
	make(&f, "data", NULL); /* the same again */
	volumes_close(f.volumes);
	f.volumes = volumes_new(f.directory, f.db, NULL, &err);
	assert_int_equal(volume_inspect(f.volumes, "data", &i, &err), 0);
	assert_string_equal(strmap_get(&i.labels, "a"), "b");
	volume_info_done(&i);
	assert_int_equal(volume_create(f.volumes, NULL, NULL, NULL, NULL, &i, &err), 0);
	assert_true(i.anonymous);
	assert_int_equal(strlen(i.name), 64);
	volume_info_done(&i);
	assert_int_equal(volume_list(f.volumes, &all, &err), 0);
	assert_int_equal(all.len, 2);
	volume_list_done(&all);
	tear_down(&f);
}

TEST(bad_names_are_refused)
{
	static const char *const names[] = { "../x", "a/b", "-a", ".x", "a b" };
	struct fixture f;
	struct volume_info i;

	set_up(&f);
	for (size_t n = 0; n < ARRAY_SIZE(names); n++) {
		struct error err = { 0 };

		assert_true(volume_create(f.volumes, names[n], NULL, NULL, NULL, &i, &err) < 0);
		assert_int_equal(err.kind, ERROR_INVALID);
		assert_non_null(strstr(err.message,
		                       "includes invalid characters for a local volume "
		                       "name, only \"[a-zA-Z0-9][a-zA-Z0-9_.-]\""));
	}
	tear_down(&f);
}

TEST(in_use_stays)
{
	struct fixture f;
	struct error err = { 0 };
	AUTO_FREE char *path = NULL;

	set_up(&f);
	make(&f, "data", NULL);
	assert_int_equal(volume_reference(f.volumes, "data", "c1", &err), 0);
	assert_int_equal(volume_reference(f.volumes, "data", "c1", &err), 0);
	assert_true(volume_remove(f.volumes, "data", true, &err) < 0);
	assert_int_equal(err.kind, ERROR_CONFLICT);
	assert_string_equal(err.message, "remove data: volume is in use - [c1]");
	error_clear(&err);
	assert_int_equal(volume_unreference(f.volumes, "data", "c1", &err), 0);
	assert_int_equal(volume_remove(f.volumes, "data", false, &err), 0);
	path = xasprintf("%s/data", f.directory);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(volume_remove(f.volumes, "data", true, &err), 0);
	assert_true(volume_remove(f.volumes, "data", false, &err) < 0);
	assert_string_equal(err.message, "get data: no such volume");
	assert_true(volume_reference(f.volumes, "data", "c1", &err) < 0);
	tear_down(&f);
}

static void write_text(int dir, const char *name, const char *text, mode_t mode)
{
	AUTO_CLOSE int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(fchmod(fd, mode), 0);
}

static int image_directory(void)
{
	AUTO_FREE char *path = xasprintf("%s/image", unit_scratch());
	int fd;

	assert_int_equal(mkdir(path, 0750), 0);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	write_text(fd, "suid", "#!", 04755);
	assert_int_equal(linkat(fd, "suid", fd, "hard", 0), 0);
	assert_int_equal(symlinkat("/etc/shadow", fd, "link"), 0);
	assert_int_equal(mkdirat(fd, "sub", 01777), 0);
	assert_int_equal(fchmodat(fd, "sub", 01777, 0), 0);
	assert_int_equal(mkfifoat(fd, "sub/pipe", 0640), 0);
	AUTO_CLOSE int sparse = openat(fd, "sub/sparse", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	assert_int_equal(pwrite(sparse, "end", 3, 1 << 24), 3);
	return fd;
}

TEST(first_use_copies_the_image)
{
	struct fixture f;
	struct error err = { 0 };
	struct stat a, b;
	char target[64] = { 0 };

	set_up(&f);
	make(&f, "data", NULL);
	AUTO_CLOSE int image = image_directory();
	if (geteuid() == 0)
		assert_int_equal(fchownat(image, "suid", 12, 34, 0), 0);
	assert_int_equal(fchmodat(image, "suid", 04755, 0), 0);
	if (volume_copy_up(f.volumes, "data", image, &err) < 0)
		fail_msg("%s", err.message);
	AUTO_CLOSE int data = volume_open(f.volumes, "data", &err);
	assert_int_equal(fstat(data, &a), 0);
	assert_int_equal(a.st_mode & 07777, 0750);
	assert_int_equal(fstatat(data, "suid", &a, 0), 0);
	assert_int_equal(a.st_mode & 07777, 04755);
	if (geteuid() == 0)
		assert_int_equal(a.st_gid, 34);
	assert_int_equal(fstatat(data, "hard", &b, 0), 0);
	assert_int_equal(a.st_ino, b.st_ino);
	assert_int_equal(readlinkat(data, "link", target, sizeof(target) - 1), 11);
	assert_string_equal(target, "/etc/shadow");
	assert_int_equal(fstatat(data, "sub", &a, 0), 0);
	assert_int_equal(a.st_mode & 07777, 01777);
	assert_int_equal(fstatat(data, "sub/pipe", &a, 0), 0);
	assert_true(S_ISFIFO(a.st_mode));
	assert_int_equal(fstatat(data, "sub/sparse", &a, 0), 0);
	assert_int_equal(a.st_size, (1 << 24) + 3);
	assert_true(a.st_blocks < 1000);
	/* not a second time: what the container removed stays removed */
	assert_int_equal(unlinkat(data, "suid", 0), 0);
	assert_int_equal(volume_copy_up(f.volumes, "data", image, &err), 0);
	assert_int_equal(fstatat(data, "suid", &a, 0), -1);
	tear_down(&f);
}

TEST(options_are_checked)
{
	struct fixture f;
	struct error err = { 0 };
	struct volume_info i;
	AUTO_STRMAP options = { 0 };

	set_up(&f);
	strmap_set(&options, "tpye", "tmpfs");
	assert_true(volume_create(f.volumes, "x1", NULL, &options, NULL, &i, &err) < 0);
	assert_string_equal(err.message, "create x1: invalid option: \"tpye\"");
	strmap_remove(&options, "tpye");
	strmap_set(&options, "type", "tmpfs");
	assert_true(volume_create(f.volumes, "x1", NULL, &options, NULL, &i, &err) < 0);
	assert_string_equal(err.message, "create x1: missing required option: \"device\"");
	assert_true(volume_create(f.volumes, "x1", "nfsplugin", NULL, NULL, &i, &err) < 0);
	assert_int_equal(err.kind, ERROR_NOT_FOUND);
	tear_down(&f);
}

TEST(tmpfs_and_bind_are_mounted_at_use)
{
	struct fixture f;
	struct error err = { 0 };
	AUTO_STRMAP tmpfs = { 0 }, bind = { 0 };
	AUTO_FREE char *device = xasprintf("%s/device", unit_scratch());
	struct stat st, device_st;

	if (geteuid() != 0 || unshare(CLONE_NEWNS) < 0) {
		print_message("# SKIP: needs root for a mount namespace of its own\n");
		skip();
	}
	assert_int_equal(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	set_up(&f);
	strmap_set(&tmpfs, "type", "tmpfs");
	strmap_set(&tmpfs, "device", "tmpfs");
	strmap_set(&tmpfs, "o", "size=1m,mode=1750,nosuid");
	make(&f, "quick", &tmpfs);
	assert_int_equal(volume_reference(f.volumes, "quick", "c1", &err), 0);
	AUTO_CLOSE int fd = volume_open(f.volumes, "quick", &err);
	if (fd < 0)
		fail_msg("%s", err.message);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_mode & 07777, 01750);
	write_text(fd, "kept", "x", 0644);
	AUTO_CLOSE int again = volume_open(f.volumes, "quick", &err);
	assert_int_equal(faccessat(again, "kept", F_OK, 0), 0);

	assert_int_equal(mkdir(device, 0755), 0);
	assert_int_equal(stat(device, &device_st), 0);
	strmap_set(&bind, "type", "none");
	strmap_set(&bind, "device", device);
	strmap_set(&bind, "o", "bind,ro");
	make(&f, "bound", &bind);
	AUTO_CLOSE int bound = volume_open(f.volumes, "bound", &err);
	assert_int_equal(fstat(bound, &st), 0);
	assert_int_equal(st.st_ino, device_st.st_ino);
	assert_int_equal(mkdirat(bound, "x", 0755), -1);
	assert_int_equal(errno, EROFS);
	close(TAKE_FD(bound));
	assert_int_equal(volume_remove(f.volumes, "bound", false, &err), 0);
	assert_int_equal(access(device, F_OK), 0); /* the host's directory stays */
	assert_int_equal(volume_unreference(f.volumes, "quick", "c1", &err), 0);
	close(TAKE_FD(fd));
	close(TAKE_FD(again));
	AUTO_CLOSE int fresh = volume_open(f.volumes, "quick", &err);
	assert_int_equal(faccessat(fresh, "kept", F_OK, 0), -1);
	assert_int_equal(volume_remove(f.volumes, "quick", false, &err), 0);
	tear_down(&f);
}
