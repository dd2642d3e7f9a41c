/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What extended headers say about the next entry, until it comes. */
#include "archive/tar.h"

/* The highest id: 2^32-1 means "none" to the kernel. */
#define TAR_ID_MAX INT64_C(0xfffffffe)

enum { TAR_XATTRS_MAX = 256 };

struct tar_pax {
	char *path, *link, *uname, *gname; /* owned, NULL when not said */
	bool has_size, has_uid, has_gid, has_mtime;
	int64_t size, uid, gid;
	struct timespec mtime;
	struct tar_xattr_vec xattrs; /* owned */
};

void tar_pax_done(struct tar_pax *p);
/* Takes the records of one extended header; later ones win. */
int tar_pax_parse(struct tar_pax *p, struct str records, struct error *err) MUST_USE;
/* Moves what was said into the entry. */
int tar_pax_apply(struct tar_pax *p, struct tar_entry *e, struct error *err) MUST_USE;
