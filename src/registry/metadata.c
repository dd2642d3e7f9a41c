/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/metadata.h"

#include "base/alloc.h"
#include "registry/metadata-internal.h"

/*
 * manifest.deleted is when it was deleted (0: it lives); manifest.untagged since when no tag names
 * it (0: one does). Manifests are small and are served by one statement, so their bytes live here,
 * once for all repositories; blobs are the content store's.
 */
static const char *const migrations[] = {
	"CREATE TABLE repository("
	"  id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, created INTEGER NOT NULL);"
	"CREATE TABLE manifest_body(digest TEXT PRIMARY KEY, bytes BLOB NOT NULL);"
	"CREATE TABLE manifest("
	"  id INTEGER PRIMARY KEY, repo INTEGER NOT NULL REFERENCES repository(id),"
	"  digest TEXT NOT NULL, media_type TEXT NOT NULL, size INTEGER NOT NULL,"
	"  artifact_type TEXT, subject TEXT, annotations TEXT, pushed INTEGER NOT NULL,"
	"  untagged INTEGER NOT NULL, deleted INTEGER NOT NULL DEFAULT 0, UNIQUE(repo, digest));"
	"CREATE INDEX manifest_digest ON manifest(digest);"
	"CREATE INDEX manifest_subject ON manifest(repo, subject, digest) WHERE subject IS NOT NULL;"
	"CREATE INDEX manifest_deleted ON manifest(deleted) WHERE deleted > 0;"
	"CREATE INDEX manifest_untagged ON manifest(untagged) WHERE untagged > 0;"
	"CREATE TABLE manifest_ref("
	"  repo INTEGER NOT NULL, child TEXT NOT NULL, manifest INTEGER NOT NULL,"
	"  kind INTEGER NOT NULL, PRIMARY KEY(repo, child, manifest)) WITHOUT ROWID;"
	"CREATE INDEX manifest_ref_manifest ON manifest_ref(manifest);"
	"CREATE TABLE tag("
	"  id INTEGER PRIMARY KEY, repo INTEGER NOT NULL REFERENCES repository(id),"
	"  name TEXT NOT NULL, digest TEXT NOT NULL, valid_from INTEGER NOT NULL, valid_to INTEGER,"
	"  actor TEXT);"
	"CREATE UNIQUE INDEX tag_current ON tag(repo, name) WHERE valid_to IS NULL;"
	"CREATE INDEX tag_history ON tag(repo, name, valid_from);"
	"CREATE INDEX tag_digest ON tag(repo, digest, valid_to);"
	"CREATE TABLE repo_blob("
	"  repo INTEGER NOT NULL REFERENCES repository(id), digest TEXT NOT NULL,"
	"  size INTEGER NOT NULL, added INTEGER NOT NULL, leased_until INTEGER NOT NULL,"
	"  PRIMARY KEY(repo, digest)) WITHOUT ROWID;"
	"CREATE INDEX repo_blob_digest ON repo_blob(digest);"
	"CREATE INDEX repo_blob_lease ON repo_blob(leased_until);"
	"CREATE TABLE upload("
	"  id TEXT PRIMARY KEY, repo TEXT NOT NULL, actor TEXT NOT NULL, algorithm INTEGER NOT NULL,"
	"  state BLOB, size INTEGER NOT NULL, started INTEGER NOT NULL, touched INTEGER NOT NULL)"
	"  WITHOUT ROWID;"
	"CREATE INDEX upload_touched ON upload(touched);",
	NULL,
};

const char metadata_blob_referenced_sql[] =
	"EXISTS (SELECT 1 FROM repo_blob rb WHERE rb.digest = blob.digest)";

struct metadata *metadata_open(const char *path, struct error *err)
{
	CLEANUP(db_close_ptr) struct db *db = db_open(path, err);
	struct metadata *m;

	if (!db)
		return NULL;
	if (db_migrate(db, &(struct db_migrations){ .room = "registry", .sql = migrations }, err) <
	    0)
		return NULL;
	m = NEW(struct metadata);
	m->db = TAKE_PTR(db);
	return m;
}

void metadata_close(struct metadata *m)
{
	if (!m)
		return;
	db_close(m->db);
	free(m);
}

struct db *metadata_db(struct metadata *m)
{
	return m->db;
}

int metadata_repo_id(struct db_conn *c, const char *repo, int64_t *ret, struct error *err)
{
	return db_get_i64(c, ret, err, "SELECT id FROM repository WHERE name = ?", "s", repo);
}

int metadata_repo_make(struct db_conn *c, const char *repo, int64_t now, int64_t *ret,
                       struct error *err)
{
	int r = metadata_repo_id(c, repo, ret, err);

	if (r != 0)
		return r;
	r = db_exec(c, err, "INSERT INTO repository(name, created) VALUES(?, ?)", "si", repo, now);
	if (r < 0)
		return r;
	*ret = db_last_rowid(c);
	return 0;
}

int metadata_repositories(struct metadata *m, const char *last, int64_t limit, struct strv *out,
                          struct error *err)
{
	AUTO_DB_READER struct db_conn *c = db_reader(m->db, err);
	AUTO_DB_QUERY struct db_query *q = NULL;

	if (!c)
		return error_errno(err);
	q = db_query(c, err,
	             "SELECT name FROM repository r WHERE name > ? AND EXISTS "
	             "(SELECT 1 FROM manifest m WHERE m.repo = r.id AND m.deleted = 0) "
	             "ORDER BY name LIMIT ?",
	             "si", last, limit);
	if (!q)
		return error_errno(err);
	return db_texts(q, out, err);
}

int metadata_repository_exists(struct metadata *m, const char *repo, struct error *err)
{
	AUTO_DB_READER struct db_conn *c = db_reader(m->db, err);
	int64_t id;

	if (!c)
		return error_errno(err);
	return db_get_i64(
		c, &id, err,
		"SELECT id FROM repository r WHERE name = ? AND (EXISTS "
		"(SELECT 1 FROM manifest m WHERE m.repo = r.id AND m.deleted = 0) OR EXISTS "
		"(SELECT 1 FROM repo_blob b WHERE b.repo = r.id))",
		"s", repo);
}
