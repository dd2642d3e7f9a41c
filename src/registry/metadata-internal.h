/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What the metadata files share. */
#include "registry/metadata.h"

struct metadata {
	struct db *db; /* owned */
};

/* The repository's id: 1 and *ret, or 0. */
int metadata_repo_id(struct db_conn *c, const char *repo, int64_t *ret, struct error *err) MUST_USE;
/* The same, made when it is not there. */
int metadata_repo_make(struct db_conn *c, const char *repo, int64_t now, int64_t *ret,
		       struct error *err) MUST_USE;
