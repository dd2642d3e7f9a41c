/* SPDX-License-Identifier: Apache-2.0 */
/* Finding, listing and deleting manifests and tags. Publishing is metadata-publish.c's. */
#include "base/alloc.h"
#include "registry/metadata-internal.h"

void metadata_manifest_done(struct metadata_manifest *m)
{
	free(m->digest);
	free(m->media_type);
	strbuf_done(&m->body);
	*m = (struct metadata_manifest){ 0 };
}

#define MANIFEST_COLUMNS "SELECT m.digest, m.media_type, m.size, b.bytes FROM repository r "
/* the body is joined only when it is wanted: ?2 is 0 or 1 */
#define MANIFEST_BODY " LEFT JOIN manifest_body b ON ?2 AND b.digest = m.digest WHERE r.name = ?1"

static struct db_query *manifest_query(struct db_conn *c, const char *repo, const char *reference,
                                       bool is_digest, int64_t at, bool want_body,
                                       struct error *err)
{
	if (is_digest)
		return db_query(c, err,
		                MANIFEST_COLUMNS
		                "JOIN manifest m ON m.repo = r.id AND m.digest = ?3 "
		                "AND m.deleted = 0" MANIFEST_BODY,
		                "sis", repo, (int64_t)want_body, reference);
	if (at == 0)
		return db_query(
			c, err,
			MANIFEST_COLUMNS
			"JOIN tag t ON t.repo = r.id AND t.name = ?3 AND t.valid_to IS NULL "
			"JOIN manifest m ON m.repo = r.id AND m.digest = t.digest "
			"AND m.deleted = 0" MANIFEST_BODY,
			"sis", repo, (int64_t)want_body, reference);
	return db_query(c, err,
	                MANIFEST_COLUMNS
	                "JOIN tag t ON t.repo = r.id AND t.name = ?3 "
	                "AND t.valid_from <= ?4 AND (t.valid_to IS NULL OR t.valid_to > ?4) "
	                "JOIN manifest m ON m.repo = r.id AND m.digest = t.digest" MANIFEST_BODY,
	                "sisi", repo, (int64_t)want_body, reference, at);
}

int metadata_manifest_find(struct metadata *m, const char *repo, const char *reference,
                           bool is_digest, int64_t at, bool want_body,
                           struct metadata_manifest *ret, struct error *err)
{
	AUTO_DB_READER struct db_conn *c = db_reader(m->db, err);
	AUTO_DB_QUERY struct db_query *q = NULL;
	int r;

	if (!c)
		return error_errno(err);
	q = manifest_query(c, repo, reference, is_digest, at, want_body, err);
	if (!q)
		return error_errno(err);
	r = db_step(q, err);
	if (r <= 0)
		return r;
	*ret = (struct metadata_manifest){ .digest = xstrdup(db_text(q, 0)),
		                           .media_type = xstrdup(db_text(q, 1)),
		                           .size = db_i64(q, 2) };
	if (want_body)
		strbuf_add_str(&ret->body, db_blob(q, 3));
	return 1;
}

int metadata_referring_manifest(struct db_conn *c, int64_t repo, const char *digest, char **ret,
                                struct error *err)
{
	AUTO_DB_QUERY struct db_query *q = NULL;
	int r;

	q = db_query(c, err,
	             "SELECT m.digest FROM manifest_ref f JOIN manifest m ON m.id = f.manifest "
	             "WHERE f.repo = ? AND f.child = ? AND m.deleted = 0 LIMIT 1",
	             "is", repo, digest);
	if (!q)
		return error_errno(err);
	r = db_step(q, err);
	if (r > 0)
		*ret = xstrdup(db_text(q, 0));
	return r;
}

static int refuse_child(struct db_conn *c, int64_t repo, const char *digest, struct error *err)
{
	AUTO_FREE char *index = NULL;
	int r = metadata_referring_manifest(c, repo, digest, &index, err);

	if (r <= 0)
		return r;
	return error_set(err, ERROR_CONFLICT,
	                 "manifest %s is part of index %s: delete the index first", digest, index);
}

int metadata_manifest_delete(struct metadata *m, const char *repo, const char *digest,
                             const char *if_match, int64_t now, struct error *err)
{
	AUTO_DB_TX struct db_tx *tx = db_begin(m->db, DB_DURABLE, err);
	int64_t id, manifest;
	int r;

	if (!tx)
		return error_errno(err);
	if (if_match && !streq(if_match, digest))
		return error_set(err, ERROR_PRECONDITION, "If-Match is %s, but this deletes %s",
		                 if_match, digest);
	r = metadata_repo_id(tx->conn, repo, &id, err);
	if (r <= 0)
		return r;
	r = db_get_i64(tx->conn, &manifest, err,
	               "SELECT id FROM manifest WHERE repo = ? AND digest = ? AND deleted = 0",
	               "is", id, digest);
	if (r <= 0)
		return r;
	if (refuse_child(tx->conn, id, digest, err) < 0 ||
	    db_exec(tx->conn, err,
	            "UPDATE tag SET valid_to = ? WHERE repo = ? AND digest = ? AND valid_to IS NULL",
	            "iis", now, id, digest) < 0 ||
	    db_exec(tx->conn, err,
	            "UPDATE manifest SET deleted = ?1, untagged = MAX(untagged, ?1) WHERE id = ?2",
	            "ii", now, manifest) < 0)
		return error_errno(err);
	r = db_commit(&tx, err);
	return r < 0 ? r : 1;
}

static int tag_precondition(struct db_conn *c, int64_t repo, const char *tag, const char *if_match,
                            struct error *err)
{
	int64_t same;
	int r;

	if (!if_match)
		return 0;
	r = db_get_i64(
		c, &same, err,
		"SELECT digest = ? FROM tag WHERE repo = ? AND name = ? AND valid_to IS NULL",
		"sis", if_match, repo, tag);
	if (r > 0 && !same)
		return error_set(err, ERROR_PRECONDITION,
		                 "tag %s has moved on from %s: read it again, then decide", tag,
		                 if_match);
	return r;
}

int metadata_tag_delete(struct metadata *m, const char *repo, const char *tag, const char *if_match,
                        int64_t now, struct error *err)
{
	AUTO_DB_TX struct db_tx *tx = db_begin(m->db, DB_DURABLE, err);
	int64_t id, changes;
	int r;

	if (!tx)
		return error_errno(err);
	r = metadata_repo_id(tx->conn, repo, &id, err);
	if (r <= 0)
		return r;
	if (tag_precondition(tx->conn, id, tag, if_match, err) < 0 ||
	    db_exec(tx->conn, err,
	            "UPDATE manifest SET untagged = ?1 WHERE repo = ?2 AND digest = (SELECT digest FROM tag "
	            "WHERE repo = ?2 AND name = ?3 AND valid_to IS NULL) AND (SELECT COUNT(*) FROM tag t "
	            "WHERE t.repo = ?2 AND t.digest = manifest.digest AND t.valid_to IS NULL) = 1",
	            "iis", now, id, tag) < 0 ||
	    db_exec(tx->conn, err,
	            "UPDATE tag SET valid_to = ? WHERE repo = ? AND name = ? AND valid_to IS NULL",
	            "iis", now, id, tag) < 0)
		return error_errno(err);
	changes = db_changes(tx->conn);
	r = db_commit(&tx, err);
	return r < 0 ? r : changes > 0;
}

int metadata_tags(struct metadata *m, const char *repo, const char *last, int64_t limit,
                  struct strv *out, struct error *err)
{
	AUTO_DB_READER struct db_conn *c = db_reader(m->db, err);
	AUTO_DB_QUERY struct db_query *q = NULL;
	int64_t id;
	int r;

	if (!c)
		return error_errno(err);
	r = metadata_repo_id(c, repo, &id, err);
	if (r <= 0)
		return r;
	q = db_query(c, err,
	             "SELECT name FROM tag WHERE repo = ? AND valid_to IS NULL AND name > ? "
	             "ORDER BY name LIMIT ?",
	             "isi", id, last, limit);
	if (!q)
		return error_errno(err);
	r = db_texts(q, out, err);
	return r < 0 ? r : 1;
}

int metadata_manifest_tags(struct metadata *m, const char *repo, const char *digest,
                           struct strv *out, struct error *err)
{
	AUTO_DB_READER struct db_conn *c = db_reader(m->db, err);
	AUTO_DB_QUERY struct db_query *q = NULL;

	if (!c)
		return error_errno(err);
	q = db_query(
		c, err,
		"SELECT t.name FROM repository r JOIN tag t ON t.repo = r.id AND t.digest = ?2 "
		"AND t.valid_to IS NULL WHERE r.name = ?1 ORDER BY t.name",
		"ss", repo, digest);
	if (!q)
		return error_errno(err);
	return db_texts(q, out, err);
}

void metadata_referrers_clear(struct metadata_referrer_vec *v)
{
	vec_for_each (v, it) {
		free(it->digest);
		free(it->media_type);
		free(it->artifact_type);
		free(it->annotations);
	}
	metadata_referrer_vec_done(v);
}

int metadata_referrers(struct metadata *m, const char *repo, const char *subject,
                       const char *artifact_type, const char *last, int64_t limit,
                       struct metadata_referrer_vec *out, struct error *err)
{
	AUTO_DB_READER struct db_conn *c = db_reader(m->db, err);
	AUTO_DB_QUERY struct db_query *q = NULL;
	int r;

	if (!c)
		return error_errno(err);
	q = db_query(
		c, err,
		"SELECT m.digest, m.media_type, m.artifact_type, m.annotations, m.size "
		"FROM repository r JOIN manifest m ON m.repo = r.id AND m.subject = ?2 AND m.digest > ?3 "
		"WHERE r.name = ?1 AND m.deleted = 0 AND (?4 IS NULL OR m.artifact_type = ?4) "
		"ORDER BY m.digest LIMIT ?5",
		"ssssi", repo, subject, last, artifact_type, limit);
	if (!q)
		return error_errno(err);
	while ((r = db_step(q, err)) > 0)
		metadata_referrer_vec_push(out,
		                           (struct metadata_referrer){
						   .digest = xstrdup(db_text(q, 0)),
						   .media_type = xstrdup(db_text(q, 1)),
						   .artifact_type = xstrdup_null(db_text(q, 2)),
						   .annotations = xstrdup_null(db_text(q, 3)),
						   .size = db_i64(q, 4),
					   });
	return r;
}
