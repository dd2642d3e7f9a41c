/* SPDX-License-Identifier: Apache-2.0 */
/* What people ask: what would go, who keeps it, how much it takes. */
#include "registry/metadata-internal.h"

/* Rows (repo, digest, size, why) into fn. */
static int report(struct db_query *q, const char *kind, metadata_explain_fn fn, void *ctx,
                  struct error *err)
{
	int r = q ? 0 : error_errno(err);

	while (r == 0 && (r = db_step(q, err)) > 0) {
		fn(ctx, kind, db_text(q, 0), db_text(q, 1), db_i64(q, 2), db_text(q, 3));
		r = 0;
	}
	return r;
}

static int explain_manifests(struct db_conn *c, int64_t untagged_before, int64_t deleted_before,
                             metadata_explain_fn fn, void *ctx, struct error *err)
{
	AUTO_DB_QUERY struct db_query *q = db_query(
		c, err,
		"SELECT r.name, m.digest, m.size, CASE WHEN m.deleted > 0 THEN 'deleted' ELSE 'untagged' END "
		"FROM manifest m JOIN repository r ON r.id = m.repo WHERE (m.deleted > 0 AND m.deleted <= ?2) OR "
		"(" UNTAGGED_SQL ")",
		"ii", untagged_before, deleted_before);

	return report(q, "manifest", fn, ctx, err);
}

/* Blobs that are free already, or will be once those manifests are gone and the lease has run. */
static int explain_blobs(struct db_conn *c, int64_t deleted_before, int64_t now,
                         metadata_explain_fn fn, void *ctx, struct error *err)
{
	AUTO_DB_QUERY struct db_query *q = db_query(
		c, err,
		"SELECT MIN(r.name), b.digest, b.size, CASE WHEN b.leased_until < ?2 THEN 'nothing refers to it' "
		"ELSE 'when its manifest is gone and the lease has run' END FROM repo_blob b "
		"JOIN repository r ON r.id = b.repo GROUP BY b.digest HAVING SUM(b.leased_until >= ?2 AND NOT "
		"(b.leased_until = 9223372036854775807 AND NOT EXISTS (SELECT 1 FROM manifest_ref f "
		"JOIN manifest m ON m.id = f.manifest WHERE f.repo = b.repo AND f.child = b.digest "
		"AND (m.deleted = 0 OR m.deleted > ?1)))) = 0",
		"ii", deleted_before, now);

	return report(q, "blob", fn, ctx, err);
}

int metadata_explain(struct metadata *m, int64_t untagged_before, int64_t deleted_before,
                     int64_t now, metadata_explain_fn fn, void *ctx, struct error *err)
{
	AUTO_DB_READER struct db_conn *c = db_reader(m->db, err);
	int r;

	if (!c)
		return error_errno(err);
	r = explain_manifests(c, untagged_before, deleted_before, fn, ctx, err);
	return r < 0 ? r : explain_blobs(c, deleted_before, now, fn, ctx, err);
}

int metadata_why(struct metadata *m, const char *digest, metadata_explain_fn fn, void *ctx,
                 struct error *err)
{
	static const struct {
		const char *kind, *sql;
	} keepers[] = {
		{ "tag",
		  "SELECT r.name, t.name, 0, NULL FROM tag t JOIN repository r ON r.id = t.repo "
		  "WHERE t.digest = ? AND t.valid_to IS NULL" },
		{ "manifest",
		  "SELECT r.name, m.digest, m.size, CASE WHEN m.deleted > 0 THEN 'deleted, restorable' END "
		  "FROM manifest_ref f JOIN manifest m ON m.id = f.manifest "
		  "JOIN repository r ON r.id = f.repo WHERE f.child = ?" },
		{ "lease",
		  "SELECT r.name, b.digest, b.size, datetime(b.leased_until / 1000000000, 'unixepoch') "
		  "FROM repo_blob b JOIN repository r ON r.id = b.repo "
		  "WHERE b.digest = ? AND b.leased_until < 9223372036854775807" },
		{ "untagged",
		  "SELECT r.name, m.digest, m.size, CASE WHEN m.deleted > 0 THEN 'deleted, restorable' END "
		  "FROM manifest m JOIN repository r ON r.id = m.repo WHERE m.digest = ? AND m.untagged > 0" },
	};
	AUTO_DB_READER struct db_conn *c = db_reader(m->db, err);
	int r = c ? 0 : error_errno(err);

	for (size_t i = 0; i < ARRAY_SIZE(keepers) && r == 0; i++) {
		AUTO_DB_QUERY struct db_query *q = db_query(c, err, keepers[i].sql, "s", digest);

		r = report(q, keepers[i].kind, fn, ctx, err);
	}
	return r;
}

int metadata_usage(struct metadata *m, metadata_usage_fn fn, void *ctx, struct error *err)
{
	AUTO_DB_READER struct db_conn *c = db_reader(m->db, err);
	AUTO_DB_QUERY struct db_query *q = NULL;
	int r = c ? 0 : error_errno(err);

	if (r < 0)
		return r;
	q = db_query(
		c, err,
		"SELECT r.name, (SELECT COUNT(*) FROM tag t WHERE t.repo = r.id AND t.valid_to IS NULL), "
		"COALESCE(SUM(b.size), 0), COALESCE(SUM(CASE WHEN NOT EXISTS (SELECT 1 FROM repo_blob o "
		"WHERE o.digest = b.digest AND o.repo <> b.repo) THEN b.size END), 0) "
		"FROM repository r LEFT JOIN repo_blob b ON b.repo = r.id GROUP BY r.id ORDER BY r.name",
		"");
	r = q ? 0 : error_errno(err);
	while (r == 0 && (r = db_step(q, err)) > 0) {
		fn(ctx, db_text(q, 0), db_i64(q, 1), db_i64(q, 2), db_i64(q, 3));
		r = 0;
	}
	return r;
}

int metadata_blobs(struct metadata *m, const char *last, int64_t limit, struct strv *out,
                   struct error *err)
{
	AUTO_DB_READER struct db_conn *c = db_reader(m->db, err);
	AUTO_DB_QUERY struct db_query *q = NULL;
	int r = c ? 0 : error_errno(err);

	if (r < 0)
		return r;
	q = db_query(
		c, err,
		"SELECT DISTINCT digest FROM repo_blob WHERE digest > ? ORDER BY digest LIMIT ?",
		"si", last, limit);
	r = q ? 0 : error_errno(err);
	while (r == 0 && (r = db_step(q, err)) > 0) {
		strv_add(out, db_text(q, 0));
		r = 0;
	}
	return r;
}
