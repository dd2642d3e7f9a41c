/* SPDX-License-Identifier: Apache-2.0 */
/* Which repository shows which blob, and for how long. */
#include "registry/metadata-internal.h"

int metadata_blob_find(struct metadata *m, const char *repo, const char *digest,
                       struct metadata_blob *ret, struct error *err)
{
	AUTO_DB_READER struct db_conn *c = db_reader(m->db, err);
	AUTO_DB_QUERY struct db_query *q = NULL;
	int r;

	if (!c)
		return error_errno(err);
	q = db_query(c, err,
	             "SELECT b.size, b.leased_until "
	             "FROM repository r JOIN repo_blob b ON b.repo = r.id AND b.digest = ? "
	             "WHERE r.name = ?",
	             "ss", digest, repo);
	if (!q)
		return error_errno(err);
	r = db_step(q, err);
	if (r <= 0)
		return r;
	*ret = (struct metadata_blob){ .size = db_i64(q, 0), .leased_until = db_i64(q, 1) };
	return 1;
}

static int blob_show(struct db_conn *c, const char *repo, const char *digest, int64_t size,
                     int64_t leased_until, int64_t now, struct error *err)
{
	int64_t id;

	if (metadata_repo_make(c, repo, now, &id, err) < 0)
		return error_errno(err);
	return db_exec(
		c, err,
		"INSERT INTO repo_blob(repo, digest, size, added, leased_until) VALUES(?, ?, ?, ?, ?) "
		"ON CONFLICT(repo, digest) DO UPDATE SET "
		"leased_until = MAX(leased_until, excluded.leased_until)",
		"isiii", id, digest, size, now, leased_until);
}

int metadata_blob_add(struct metadata *m, const char *repo, const char *digest, int64_t size,
                      int64_t leased_until, const char *upload, int64_t now, struct error *err)
{
	AUTO_DB_TX struct db_tx *tx = db_begin(m->db, DB_DURABLE, err);
	int r;

	if (!tx)
		return error_errno(err);
	r = blob_show(tx->conn, repo, digest, size, leased_until, now, err);
	if (r < 0)
		return r;
	if (upload) {
		r = db_exec(tx->conn, err, "DELETE FROM upload WHERE id = ?", "s", upload);
		if (r < 0)
			return r;
	}
	return db_commit(&tx, err);
}

int metadata_blob_extend(struct metadata *m, const char *repo, const char *digest,
                         int64_t leased_until, struct error *err)
{
	int64_t changes;
	int r = db_run(
		m->db, DB_RELAXED, &changes, err,
		"UPDATE repo_blob SET leased_until = MAX(leased_until, ?) WHERE digest = ? AND repo = "
		"(SELECT id FROM repository WHERE name = ?)",
		"iss", leased_until, digest, repo);

	return r < 0 ? r : changes > 0;
}

int metadata_blob_mount(struct metadata *m, const char *from, const char *repo, const char *digest,
                        int64_t leased_until, int64_t now, struct error *err)
{
	AUTO_DB_TX struct db_tx *tx = db_begin(m->db, DB_DURABLE, err);
	int64_t size;
	int r;

	if (!tx)
		return error_errno(err);
	r = db_get_i64(
		tx->conn, &size, err,
		"SELECT b.size FROM repository r JOIN repo_blob b ON b.repo = r.id AND b.digest = ? "
		"WHERE r.name = ?",
		"ss", digest, from);
	if (r <= 0)
		return r;
	r = blob_show(tx->conn, repo, digest, size, leased_until, now, err);
	if (r < 0)
		return r;
	r = db_commit(&tx, err);
	return r < 0 ? r : 1;
}

int metadata_blob_repositories(struct metadata *m, const char *digest, int64_t limit,
                               struct strv *out, struct error *err)
{
	AUTO_DB_READER struct db_conn *c = db_reader(m->db, err);
	AUTO_DB_QUERY struct db_query *q = NULL;

	if (!c)
		return error_errno(err);
	q = db_query(c, err,
	             "SELECT r.name FROM repo_blob b JOIN repository r ON r.id = b.repo "
	             "WHERE b.digest = ? LIMIT ?",
	             "si", digest, limit);
	if (!q)
		return error_errno(err);
	return db_texts(q, out, err);
}

static int refuse_used(struct db_conn *c, int64_t repo, const char *digest, struct error *err)
{
	AUTO_FREE char *manifest = NULL;
	int r = metadata_referring_manifest(c, repo, digest, &manifest, err);

	if (r <= 0)
		return r;
	return error_set(
		err, ERROR_CONFLICT,
		"blob %s is part of manifest %s: delete that manifest first, the blob follows by itself",
		digest, manifest);
}

int metadata_blob_remove(struct metadata *m, const char *repo, const char *digest,
                         struct error *err)
{
	AUTO_DB_TX struct db_tx *tx = db_begin(m->db, DB_DURABLE, err);
	int64_t id, changes;
	int r;

	if (!tx)
		return error_errno(err);
	r = metadata_repo_id(tx->conn, repo, &id, err);
	if (r <= 0)
		return r;
	r = refuse_used(tx->conn, id, digest, err);
	if (r < 0)
		return r;
	r = db_exec(tx->conn, err, "DELETE FROM repo_blob WHERE repo = ? AND digest = ?", "is", id,
	            digest);
	if (r < 0)
		return r;
	changes = db_changes(tx->conn);
	r = db_commit(&tx, err);
	return r < 0 ? r : changes > 0;
}
