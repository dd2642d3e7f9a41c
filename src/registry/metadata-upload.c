/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Uploads under way. Progress is committed without a sync of its own: it survives our death, and
 * after a power cut a shorter file than the row says ends the upload, which the client starts anew.
 */
#include <stdio.h>

#include "registry/metadata-internal.h"

int metadata_upload_create(struct metadata *m, const char *id, const char *repo, const char *actor,
                           int algorithm, int64_t now, struct error *err)
{
	return db_run(m->db, DB_RELAXED, NULL, err,
	              "INSERT INTO upload(id, repo, actor, algorithm, size, started, touched) "
	              "VALUES(?, ?, ?, ?, 0, ?, ?)",
	              "sssiii", id, repo, actor, (int64_t)algorithm, now, now);
}

static int upload_row(struct db_query *q, struct metadata_upload *ret, struct error *err)
{
	int r = db_step(q, err);

	if (r <= 0)
		return r;
	*ret = (struct metadata_upload){ .algorithm = (int)db_i64(q, 1), .size = db_i64(q, 2) };
	snprintf(ret->id, sizeof(ret->id), "%s", db_text(q, 0));
	if (!db_is_null(q, 3))
		strbuf_add_str(&ret->state, db_blob(q, 3));
	return 1;
}

int metadata_upload_find(struct metadata *m, const char *id, const char *repo, const char *actor,
                         struct metadata_upload *ret, struct error *err)
{
	AUTO_DB_READER struct db_conn *c = db_reader(m->db, err);
	AUTO_DB_QUERY struct db_query *q = NULL;

	if (!c)
		return error_errno(err);
	q = db_query(
		c, err,
		"SELECT id, algorithm, size, state FROM upload WHERE id = ? AND repo = ? AND actor = ?",
		"sss", id, repo, actor);
	if (!q)
		return error_errno(err);
	return upload_row(q, ret, err);
}

int metadata_upload_get(struct metadata *m, const char *id, struct metadata_upload *ret,
                        struct error *err)
{
	AUTO_DB_READER struct db_conn *c = db_reader(m->db, err);
	AUTO_DB_QUERY struct db_query *q = NULL;

	if (!c)
		return error_errno(err);
	q = db_query(c, err, "SELECT id, algorithm, size, state FROM upload WHERE id = ?", "s", id);
	if (!q)
		return error_errno(err);
	return upload_row(q, ret, err);
}

void metadata_upload_done(struct metadata_upload *u)
{
	strbuf_done(&u->state);
}

int metadata_upload_save(struct metadata *m, const struct metadata_upload *u, int64_t now,
                         struct error *err)
{
	return db_run(
		m->db, DB_RELAXED, NULL, err,
		"UPDATE upload SET algorithm = ?, state = ?, size = ?, touched = ? WHERE id = ?",
		"ibiis", (int64_t)u->algorithm, strbuf_str(&u->state), u->size, now, u->id);
}

int metadata_upload_remove(struct metadata *m, const char *id, struct error *err)
{
	return db_run(m->db, DB_RELAXED, NULL, err, "DELETE FROM upload WHERE id = ?", "s", id);
}

int metadata_uploads_stale(struct metadata *m, int64_t before, int64_t limit, struct strv *out,
                           struct error *err)
{
	AUTO_DB_READER struct db_conn *c = db_reader(m->db, err);
	AUTO_DB_QUERY struct db_query *q = NULL;

	if (!c)
		return error_errno(err);
	q = db_query(c, err, "SELECT id FROM upload WHERE touched < ? ORDER BY touched LIMIT ?",
	             "ii", before, limit);
	if (!q)
		return error_errno(err);
	return db_texts(q, out, err);
}
