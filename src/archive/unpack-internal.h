/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <sys/stat.h>

#include "archive/unpack.h"
#include "base/vec.h"

enum {
	/* directories below each other: deep enough for anybody, shallow enough to be removed again */
	UNPACK_DEPTH_MAX = 1000,
	UNPACK_DIRECTORY_MEMORY_MAX = 256 * 1024 * 1024,
	UNPACK_PATH_MAX = 2 * TAR_NAME_MAX + 2,
};

/* A directory's times, set when all that goes into it is there. */
struct late_times {
	char *path; /* owned */
	struct timespec mtime;
};

DEFINE_VEC(late_times_vec, struct late_times);

struct unpacker {
	int root;                            /* borrowed */
	const struct archive_request *spec;  /* borrowed */
	struct tar_reader *tar;              /* owned */
	const struct tar_entry *entry;       /* the current one; borrowed from tar */
	char path[UNPACK_PATH_MAX];          /* its clean path from root */
	const char *base;                    /* its last part, in path */
	int parent;                          /* owned; the directory it goes into */
	char parent_path[UNPACK_PATH_MAX];
	bool parent_setgid;
	bool default_acl; /* some directory has one: modes given to open() do not hold */
	struct late_times_vec late;
	size_t late_memory;
	struct unpack_result *result;
};

/* An error of the current entry; what the archive's shape causes is INVALID. */
int unpack_error(const struct unpacker *u, int errnum, const char *doing, struct error *err);
int unpack_refuse(const struct unpacker *u, const char *why, struct error *err);

/* name without ".", empty parts and ".." into out (UNPACK_PATH_MAX), below the subdirectory. "" for the
 * subdirectory itself. -EINVAL when it leads out or is too deep. */
int unpack_clean(const struct unpacker *u, const char *name, char *out) MUST_USE;
/* Sets u->path, base and parent from the entry's name, making missing parents. */
int unpack_enter(struct unpacker *u, struct error *err) MUST_USE;
/* Opens the directory of path, which must exist, and gives its last part. */
int unpack_open_parent(struct unpacker *u, const char *path, const char **ret_base, struct error *err) MUST_USE;
/* A descriptor of a directory just made or found becomes the cached parent. */
void unpack_set_parent(struct unpacker *u, const char *path, int fd, bool setgid);
void unpack_forget_parent(struct unpacker *u);
/* Something is where the entry goes. 1: a directory, to be merged; 0: removed, and *ret_whiteout says
 * whether it was a whiteout. */
int unpack_make_room(struct unpacker *u, bool *ret_whiteout, struct error *err) MUST_USE;

/* UNPACK_LAYER: 1 when the entry was a whiteout and is done, 0 when it is a usual one. */
int unpack_whiteout(struct unpacker *u, struct error *err) MUST_USE;
int unpack_set_opaque(struct unpacker *u, int dirfd, struct error *err) MUST_USE;
bool unpack_is_whiteout(const struct stat *st);

uid_t unpack_uid(const struct unpacker *u);
gid_t unpack_gid(const struct unpacker *u);
