/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Who a process runs as: "user", "uid", "user:group" ... looked up in the root file system's /etc/passwd and /etc/group.
 * They come from the image: opened inside the root, regular files only, read up to USER_FILE_MAX.
 */
#include <sys/types.h>

#include "base/error.h"
#include "base/vec.h"

enum { USER_FILE_MAX = 10 << 20, USER_GROUPS_MAX = 1024 };

DEFINE_VEC(gid_vec, gid_t);

struct runtime_user {
	uid_t uid;
	gid_t gid;
	struct gid_vec groups; /* supplementary; the primary one leads */
	char *home;            /* "/" when unknown */
	char *name;            /* NULL when unknown */
};

void runtime_user_done(struct runtime_user *u);
/* spec NULL or "": root. rootfd -1: no file system, so only numbers. group_add: names or numbers. INVALID
 * "unable to find user x: no matching entries in passwd file". */
int runtime_user_resolve(int rootfd, const char *spec, const struct strv *group_add, struct runtime_user *ret,
			 struct error *err) MUST_USE;
/* The same from the files' text: for tests and the fuzzer. */
int runtime_user_resolve_text(struct str passwd, struct str group, const char *spec, const struct strv *group_add,
			      struct runtime_user *ret, struct error *err) MUST_USE;
