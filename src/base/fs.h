/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Files by descriptor. Paths that come from an image, a container or a client are only ever
 * resolved with open_beneath()/open_in_root() from a directory descriptor. Files that matter are
 * replaced by write_file_atomic(): temporary name, sync, rename, sync of the directory.
 */
#include <fcntl.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/strbuf.h"
#include "base/vec.h"

/* openat2 with RESOLVE_BENEATH: `..`, absolute paths and links that leave dirfd fail with -EXDEV.
 * Returns a descriptor (close-on-exec) or a negative errno. */
int open_beneath(int dirfd, const char *path, int flags, mode_t mode) MUST_USE;
/* openat2 with RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS: dirfd is "/" for links and `..`. */
int open_in_root(int dirfd, const char *path, int flags, mode_t mode) MUST_USE;

/* Loops over short reads and EINTR. read_full: bytes read, fewer only at the end of the file. */
ssize_t read_full(int fd, void *buf, size_t n) MUST_USE;
ssize_t pread_full(int fd, void *buf, size_t n, off_t at) MUST_USE;
int write_full(int fd, const void *buf, size_t n) MUST_USE; /* 0 or -errno */

/* Reads a whole file up to limit bytes (more is ERROR_TOO_LARGE). dirfd may be AT_FDCWD; the path
 * is one of ours. Appends to out. */
int read_file(int dirfd, const char *path, size_t limit, struct strbuf *out, struct error *err) MUST_USE;
int read_fd(int fd, size_t limit, struct strbuf *out, struct error *err) MUST_USE;

/* Replaces path in dirfd durably, with the given mode. */
int write_file_atomic(int dirfd, const char *path, const void *data, size_t n, mode_t mode,
		      struct error *err) MUST_USE;
/* Writes without syncing, for run-time files (sysctl, cgroup, exec-root). */
int write_file(int dirfd, const char *path, const void *data, size_t n, mode_t mode,
	       struct error *err) MUST_USE;

/* Makes path and its missing parents below dirfd; an existing directory is fine. 0 or -errno. */
int mkdir_parents(int dirfd, const char *path, mode_t mode) MUST_USE;
/* mkdir_parents and open it O_DIRECTORY. */
int open_or_make_dir(int dirfd, const char *path, mode_t mode, struct error *err) MUST_USE;
/* Removes name below dirfd with all under it, never following links or crossing into a mount
 * point's file system (a mount is left, -EBUSY). A missing name is fine. 0 or -errno. */
int remove_tree(int dirfd, const char *name) MUST_USE;
/* Appends the names in the directory fd (borrowed, its position left alone) without "." and "..", sorted bytewise.
 * 0 or -errno: a listing that breaks off is not taken for a whole one. */
int list_directory(int fd, struct strv *names) MUST_USE;
int fsync_dir(int dirfd, const char *path) MUST_USE;
/* True when the name is safe as one path component: [a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}. */
bool is_safe_name(const char *s);
