/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Publishing a manifest is one transaction: what it refers to is checked where the collector can't
 * run in between, then the bytes, the references and the tags appear together or not at all.
 */
#include "base/alloc.h"
#include "registry/metadata-internal.h"

void metadata_missing_clear(struct metadata_missing_vec *v)
{
	vec_for_each (v, it) {
		free(it->digest);
		free(it->message);
	}
	metadata_missing_vec_done(v);
}

static int ref_size(struct db_conn *c, int64_t repo, const struct metadata_ref *ref, int64_t *ret,
                    struct error *err)
{
	if (ref->kind == METADATA_REF_BLOB)
		return db_get_i64(c, ret, err,
		                  "SELECT size FROM repo_blob WHERE repo = ? AND digest = ?", "is",
		                  repo, ref->digest);
	return db_get_i64(c, ret, err,
	                  "SELECT size FROM manifest WHERE repo = ? AND digest = ? AND deleted = 0",
	                  "is", repo, ref->digest);
}

static int check_refs(struct db_conn *c, int64_t repo, const struct metadata_publication *p,
                      struct metadata_missing_vec *missing, struct error *err)
{
	static const char *const kinds[] = { "blob", "manifest" };

	for (size_t i = 0; i < p->n_refs; i++) {
		const struct metadata_ref *ref = &p->refs[i];
		struct metadata_missing bad = { 0 };
		int64_t size;
		int r = ref_size(c, repo, ref, &size, err);

		if (r < 0)
			return r;
		if (r == 0 && !ref->optional) {
			bad.message = xasprintf(
				"%s %s is not in repository %s: push it before the manifest",
				kinds[ref->kind], ref->digest, p->repo);
		} else if (r > 0 && size != ref->size) {
			bad.wrong_size = true;
			bad.message = xasprintf("%s %s has %lld bytes, but the manifest says %lld",
			                        kinds[ref->kind], ref->digest, (long long)size,
			                        (long long)ref->size);
		}
		if (!bad.message)
			continue;
		bad.digest = xstrdup(ref->digest);
		metadata_missing_vec_push(missing, bad);
	}
	return 0;
}

/* What the name being written stands for now: 1 and *ret (owned), 0 nothing. */
static int current_digest(struct db_conn *c, int64_t repo, const struct metadata_publication *p,
                          char **ret, struct error *err)
{
	AUTO_DB_QUERY struct db_query *q = NULL;
	int r;

	if (p->n_tags > 0)
		q = db_query(
			c, err,
			"SELECT digest FROM tag WHERE repo = ? AND name = ? AND valid_to IS NULL",
			"is", repo, p->tags[0].name);
	else
		q = db_query(
			c, err,
			"SELECT digest FROM manifest WHERE repo = ? AND digest = ? AND deleted = 0",
			"is", repo, p->digest);
	if (!q)
		return error_errno(err);
	r = db_step(q, err);
	if (r > 0)
		*ret = xstrdup(db_text(q, 0));
	return r;
}

static int check_precondition(struct db_conn *c, int64_t repo, const struct metadata_publication *p,
                              struct error *err)
{
	AUTO_FREE char *current = NULL;
	int r;

	if (!p->if_match && !p->if_none_match)
		return 0;
	r = current_digest(c, repo, p, &current, err);
	if (r < 0)
		return r;
	if (p->if_none_match && r > 0)
		return error_set(err, ERROR_PRECONDITION,
		                 "it exists already, as %s, and If-None-Match forbids replacing it",
		                 current);
	if (p->if_match && (r == 0 || (!streq(p->if_match, "*") && !streq(p->if_match, current))))
		return error_set(err, ERROR_PRECONDITION,
		                 "If-Match is %s, but it is now %s: somebody was faster",
		                 p->if_match, r > 0 ? current : "absent");
	return 0;
}

/* Bytes of everything the repository shows. */
static int check_quota(struct db_conn *c, int64_t repo, const struct metadata_publication *p,
                       struct error *err)
{
	int64_t used = 0;

	if (p->quota <= 0)
		return 0;
	if (db_get_i64(
		    c, &used, err,
		    "SELECT (SELECT COALESCE(SUM(size), 0) FROM repo_blob WHERE repo = ?1) + "
		    "(SELECT COALESCE(SUM(size), 0) FROM manifest WHERE repo = ?1 AND deleted = 0)",
		    "i", repo) < 0)
		return error_errno(err);
	if (used + (int64_t)p->body.len > p->quota)
		return error_set(
			err, ERROR_NO_SPACE,
			"repository %s holds %lld bytes and may hold %lld: delete something first",
			p->repo, (long long)used, (long long)p->quota);
	return 0;
}

static int insert_ref(struct db_conn *c, int64_t repo, int64_t manifest,
                      const struct metadata_ref *ref, struct error *err)
{
	if (db_exec(c, err,
	            "INSERT OR IGNORE INTO manifest_ref(repo, child, manifest, kind) VALUES(?, ?, ?, ?)",
	            "isii", repo, ref->digest, manifest, (int64_t)ref->kind) < 0)
		return error_errno(err);
	if (ref->kind != METADATA_REF_BLOB)
		return 0;
	return db_exec(c, err,
	               "UPDATE repo_blob SET leased_until = ? WHERE repo = ? AND digest = ?", "iis",
	               METADATA_LEASE_REFERENCED, repo, ref->digest);
}

static int insert_refs(struct db_conn *c, int64_t repo, int64_t manifest,
                       const struct metadata_publication *p, struct error *err)
{
	int r = 0;

	for (size_t i = 0; i < p->n_refs && r >= 0; i++)
		r = insert_ref(c, repo, manifest, &p->refs[i], err);
	return r;
}

/* Makes the manifest's row, or brings it back to life. */
static int put_manifest(struct db_conn *c, int64_t repo, const struct metadata_publication *p,
                        struct error *err)
{
	int64_t id;

	if (db_exec(c, err, "INSERT OR IGNORE INTO manifest_body(digest, bytes) VALUES(?, ?)", "sb",
	            p->digest, p->body) < 0 ||
	    db_exec(c, err,
	            "INSERT INTO manifest(repo, digest, media_type, size, artifact_type, subject, annotations, "
	            "pushed, untagged) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?8) "
	            "ON CONFLICT(repo, digest) DO UPDATE SET media_type = excluded.media_type, "
	            "pushed = excluded.pushed, deleted = 0, "
	            "untagged = CASE WHEN untagged = 0 THEN 0 ELSE excluded.untagged END",
	            "ississsi", repo, p->digest, p->media_type, (int64_t)p->body.len,
	            p->artifact_type, p->subject, p->annotations, p->now) < 0 ||
	    db_get_i64(c, &id, err, "SELECT id FROM manifest WHERE repo = ? AND digest = ?", "is",
	               repo, p->digest) < 0)
		return error_errno(err);
	return insert_refs(c, repo, id, p, err);
}

/* Ends the tag's current interval; the manifest it leaves may have lost its last tag. */
static int tag_leave(struct db_conn *c, int64_t repo, const char *tag, const char *old, int64_t now,
                     struct error *err)
{
	if (db_exec(c, err,
	            "UPDATE tag SET valid_to = MAX(?, valid_from) WHERE repo = ? AND name = ? AND valid_to IS NULL",
	            "iis", now, repo, tag) < 0)
		return error_errno(err);
	return db_exec(
		c, err,
		"UPDATE manifest SET untagged = ?1 WHERE repo = ?2 AND digest = ?3 AND NOT EXISTS "
		"(SELECT 1 FROM tag t WHERE t.repo = ?2 AND t.digest = ?3 AND t.valid_to IS NULL)",
		"iis", now, repo, old);
}

static int tag_current(struct db_conn *c, int64_t repo, const char *tag, char **ret,
                       struct error *err)
{
	AUTO_DB_QUERY struct db_query *q = db_query(
		c, err, "SELECT digest FROM tag WHERE repo = ? AND name = ? AND valid_to IS NULL",
		"is", repo, tag);
	int r;

	if (!q)
		return error_errno(err);
	r = db_step(q, err);
	if (r > 0)
		*ret = xstrdup(db_text(q, 0));
	return r;
}

static int set_tag(struct db_conn *c, int64_t repo, const struct metadata_tag_change *tag,
                   const struct metadata_publication *p, struct error *err)
{
	AUTO_FREE char *old = NULL;
	int r = tag_current(c, repo, tag->name, &old, err);

	if (r < 0)
		return r;
	if (r > 0 && streq(old, p->digest))
		return 0;
	if (r > 0 && tag->immutable)
		return error_set(
			err, ERROR_FORBIDDEN,
			"tag %s of %s is immutable and stands for %s: push under another tag",
			tag->name, p->repo, old);
	if (r > 0 && tag_leave(c, repo, tag->name, old, p->now, err) < 0)
		return error_errno(err);
	return db_exec(
		c, err,
		"INSERT INTO tag(repo, name, digest, valid_from, actor) VALUES(?, ?, ?, ?, ?)",
		"issis", repo, tag->name, p->digest, p->now, p->actor);
}

static int set_tags(struct db_conn *c, int64_t repo, const struct metadata_publication *p,
                    struct error *err)
{
	for (size_t i = 0; i < p->n_tags; i++)
		if (set_tag(c, repo, &p->tags[i], p, err) < 0)
			return error_errno(err);
	if (p->n_tags == 0)
		return 0;
	return db_exec(c, err, "UPDATE manifest SET untagged = 0 WHERE repo = ? AND digest = ?",
	               "is", repo, p->digest);
}

int metadata_publish(struct metadata *m, const struct metadata_publication *p,
                     struct metadata_missing_vec *missing, struct error *err)
{
	AUTO_DB_TX struct db_tx *tx = db_begin(m->db, DB_DURABLE, err);
	int64_t repo;
	int r;

	if (!tx)
		return error_errno(err);
	r = metadata_repo_make(tx->conn, p->repo, p->now, &repo, err);
	if (r < 0)
		return r;
	if (check_precondition(tx->conn, repo, p, err) < 0 ||
	    check_refs(tx->conn, repo, p, missing, err) < 0)
		return error_errno(err);
	if (missing->len > 0)
		return 0;
	if (check_quota(tx->conn, repo, p, err) < 0 || put_manifest(tx->conn, repo, p, err) < 0 ||
	    set_tags(tx->conn, repo, p, err) < 0)
		return error_errno(err);
	r = db_commit(&tx, err);
	return r < 0 ? r : 1;
}
