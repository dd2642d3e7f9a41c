/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the collector does to the metadata. Every step is one short transaction that looks and
 * deletes where no push can come in between. A blob that a manifest refers to has a lease without
 * an end; when its last manifest is purged the lease starts to run, and whoever was told "it is
 * here" meanwhile finds it for that long.
 */
#include "base/alloc.h"
#include "registry/metadata-internal.h"

DEFINE_VEC(id_vec, int64_t);

int metadata_expire_untagged(struct metadata *m, int64_t before, int64_t now, int64_t limit,
                             struct error *err)
{
	int64_t changes;
	int r = db_run(
		m->db, DB_RELAXED, &changes, err,
		"UPDATE manifest SET deleted = ?2 WHERE id IN (SELECT m.id FROM manifest m WHERE " UNTAGGED_SQL
		" LIMIT ?3)",
		"iii", before, now, limit);

	return r < 0 ? r : (int)changes;
}

static int find_deleted(struct db_conn *c, int64_t before, int64_t limit, struct id_vec *out,
                        struct error *err)
{
	AUTO_DB_QUERY struct db_query *q = db_query(
		c, err, "SELECT id FROM manifest WHERE deleted > 0 AND deleted <= ? LIMIT ?", "ii",
		before, limit);
	int r = q ? 0 : error_errno(err);

	while (r == 0 && (r = db_step(q, err)) > 0) {
		id_vec_push(out, db_i64(q, 0));
		r = 0;
	}
	return r;
}

static int purge(struct db_conn *c, int64_t id, int64_t leased_until, struct error *err)
{
	/* refs go first: what they alone kept is then recognised by having none */
	if (db_exec(c, err,
	            "UPDATE repo_blob SET leased_until = ?2 WHERE repo = (SELECT repo FROM manifest WHERE id = ?1) "
	            "AND digest IN (SELECT child FROM manifest_ref WHERE manifest = ?1 AND kind = 0) AND NOT EXISTS "
	            "(SELECT 1 FROM manifest_ref f WHERE f.repo = repo_blob.repo AND f.child = repo_blob.digest "
	            "AND f.manifest <> ?1)",
	            "ii", id, leased_until) < 0 ||
	    db_exec(c, err, "DELETE FROM manifest_ref WHERE manifest = ?", "i", id) < 0 ||
	    db_exec(c, err,
	            "DELETE FROM tag WHERE valid_to IS NOT NULL AND (repo, digest) = "
	            "(SELECT repo, digest FROM manifest WHERE id = ?)",
	            "i", id) < 0 ||
	    db_exec(c, err,
	            "DELETE FROM manifest_body WHERE digest = (SELECT digest FROM manifest WHERE id = ?1) "
	            "AND NOT EXISTS (SELECT 1 FROM manifest o WHERE o.digest = manifest_body.digest AND o.id <> ?1)",
	            "i", id) < 0)
		return error_errno(err);
	return db_exec(c, err, "DELETE FROM manifest WHERE id = ?", "i", id);
}

int metadata_purge_manifests(struct metadata *m, int64_t before, int64_t leased_until,
                             int64_t limit, struct error *err)
{
	AUTO_DB_TX struct db_tx *tx = db_begin(m->db, DB_RELAXED, err);
	CLEANUP(id_vec_done) struct id_vec ids = { 0 };
	int r;

	if (!tx)
		return error_errno(err);
	r = find_deleted(tx->conn, before, limit, &ids, err);
	for (size_t i = 0; i < ids.len && r >= 0; i++)
		r = purge(tx->conn, ids.ptr[i], leased_until, err);
	if (r >= 0)
		r = db_commit(&tx, err);
	return r < 0 ? r : (int)ids.len;
}

int metadata_release_blobs(struct metadata *m, int64_t now, int64_t limit, struct error *err)
{
	int64_t changes;
	int r = db_run(
		m->db, DB_RELAXED, &changes, err,
		"DELETE FROM repo_blob WHERE (repo, digest) IN (SELECT repo, digest FROM repo_blob "
		"WHERE leased_until < ? LIMIT ?)",
		"ii", now, limit);

	return r < 0 ? r : (int)changes;
}

#define EMPTY_SQL                                                                                  \
	"NOT EXISTS (SELECT 1 FROM manifest m WHERE m.repo = r.id) AND "                           \
	"NOT EXISTS (SELECT 1 FROM repo_blob b WHERE b.repo = r.id)"

int metadata_drop_empty_repositories(struct metadata *m, struct error *err)
{
	AUTO_DB_TX struct db_tx *tx = db_begin(m->db, DB_RELAXED, err);
	int64_t changes;
	int r;

	if (!tx)
		return error_errno(err);
	if (db_exec(tx->conn, err,
	            "DELETE FROM tag WHERE repo IN (SELECT id FROM repository r WHERE " EMPTY_SQL
	            ")",
	            "") < 0 ||
	    db_exec(tx->conn, err,
	            "DELETE FROM repository WHERE id IN (SELECT id FROM repository r WHERE " EMPTY_SQL
	            ")",
	            "") < 0)
		return error_errno(err);
	changes = db_changes(tx->conn);
	r = db_commit(&tx, err);
	return r < 0 ? r : (int)changes;
}

int metadata_blob_lost(struct metadata *m, const char *digest, struct error *err)
{
	int64_t changes;
	int r = db_run(m->db, DB_DURABLE, &changes, err, "DELETE FROM repo_blob WHERE digest = ?",
	               "s", digest);

	return r < 0 ? r : (int)changes;
}
