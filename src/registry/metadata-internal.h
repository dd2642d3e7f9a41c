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

/* What collection takes and `gc --explain` names: m is live, untagged since ?1, child of no live
 * manifest, referrer of no live subject. */
#define UNTAGGED_SQL                                                                               \
	"m.untagged > 0 AND m.untagged < ?1 AND m.deleted = 0 AND NOT EXISTS "                     \
	"(SELECT 1 FROM manifest_ref f JOIN manifest p ON p.id = f.manifest AND p.deleted = 0 "    \
	"WHERE f.repo = m.repo AND f.child = m.digest) AND (m.subject IS NULL OR NOT EXISTS "      \
	"(SELECT 1 FROM manifest s WHERE s.repo = m.repo AND s.digest = m.subject AND s.deleted = 0))"

/* A live manifest of the repository (its id) that refers to digest: 1 and *ret (owned), or 0. */
int metadata_referring_manifest(struct db_conn *c, int64_t repo, const char *digest, char **ret,
				struct error *err) MUST_USE;
