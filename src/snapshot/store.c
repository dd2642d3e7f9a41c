/* SPDX-License-Identifier: Apache-2.0 */
#include "snapshot/snapshot.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fs.h"
#include "base/time.h"
#include "oci/image-config.h"
#include "snapshot/snapshot-internal.h"

static const char *const tables[] = {
	"CREATE TABLE layer("
	" seq INTEGER PRIMARY KEY AUTOINCREMENT,"
	" chain_id TEXT NOT NULL UNIQUE,"
	" parent TEXT REFERENCES layer(chain_id),"
	" diff_id TEXT NOT NULL,"
	" size INTEGER NOT NULL,"
	" dir TEXT NOT NULL,"
	" synced INTEGER NOT NULL);"
	"CREATE INDEX layer_parent ON layer(parent);"
	"CREATE INDEX layer_unsynced ON layer(seq) WHERE NOT synced;"
	"CREATE TABLE layer_lease(chain_id TEXT PRIMARY KEY, until INTEGER NOT NULL) WITHOUT ROWID;"
	"CREATE TABLE layer_boot(id INTEGER PRIMARY KEY CHECK(id = 1), boot_id TEXT NOT NULL)",
	NULL,
};

static int make_directories(struct snapshot_store *s, const char *path, struct error *err)
{
	static const char *const names[] = { "layers", "tmp", "trash" };
	int r;

	/* containers' processes of any user come through here to their files; listing stays root's
	 */
	s->dirfd = open_or_make_dir(AT_FDCWD, path, 0711, err);
	if (s->dirfd < 0)
		return s->dirfd;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		r = mkdir_parents(s->dirfd, names[i], 0711);
		if (r < 0)
			return error_set_errno(err, -r, "cannot make %s/%s", path, names[i]);
	}
	s->path = realpath(path, NULL);
	return s->path ? 0 : error_set_errno(err, errno, "cannot resolve %s", path);
}

struct snapshot_store *snapshot_open(const char *path, struct db *db,
                                     const struct snapshot_options *o, struct error *err)
{
	static const struct db_migrations migrations = { .room = "snapshot", .sql = tables };
	CLEANUP(snapshot_close_ptr) struct snapshot_store *s = NEW(struct snapshot_store);

	s->dirfd = -1;
	s->db = db;
	s->sql_unreferenced = xasprintf(
		"SELECT layer.chain_id, layer.dir, layer.size FROM layer WHERE NOT (%s)"
		" AND NOT EXISTS (SELECT 1 FROM layer c WHERE c.parent = layer.chain_id)"
		" AND NOT EXISTS (SELECT 1 FROM layer_lease l WHERE l.chain_id = layer.chain_id AND l.until >= ?)"
		" LIMIT ?",
		o->referenced_sql);
	if (make_directories(s, path, err) < 0 || db_migrate(db, &migrations, err) < 0 ||
	    snapshot_recover(s, err) < 0)
		return NULL;
	return TAKE_PTR(s);
}

void snapshot_close(struct snapshot_store *s)
{
	if (!s)
		return;
	if (s->has_sweeper)
		pthread_join(s->sweeper, NULL);
	if (s->dirfd >= 0)
		close(s->dirfd);
	free(s->path);
	free(s->sql_unreferenced);
	free(s);
}

static int bad_row(struct error *err)
{
	return error_set(err, ERROR_INTERNAL,
	                 "the database has a layer with a bad digest or directory");
}

int layer_find(struct db_conn *c, const struct digest *chain_id, struct layer_row *ret,
               struct error *err)
{
	char text[DIGEST_TEXT_MAX];
	AUTO_DB_QUERY struct db_query *q =
		db_query(c, err,
	                 "SELECT y.dir, y.size, y.synced, y.diff_id, y.parent, l.until FROM layer y"
	                 " LEFT JOIN layer_lease l ON l.chain_id = y.chain_id WHERE y.chain_id = ?",
	                 "s", digest_format(chain_id, text));
	int r = q ? db_step(q, err) : error_errno(err);

	if (r <= 0)
		return r;
	*ret = (struct layer_row){ .size = db_i64(q, 1),
		                   .synced = db_i64(q, 2),
		                   .until = db_i64(q, 5) };
	if (!is_safe_name(db_text(q, 0)) || strlen(db_text(q, 0)) >= LAYER_ID_MAX)
		return bad_row(err);
	snprintf(ret->id, sizeof(ret->id), "%s", db_text(q, 0));
	if (digest_parse(str_from(db_text(q, 3)), &ret->diff_id) < 0 ||
	    (!db_is_null(q, 4) && digest_parse(str_from(db_text(q, 4)), &ret->parent) < 0))
		return bad_row(err);
	return 1;
}

int layer_lease_tx(struct db_conn *c, const struct digest *chain_id, int64_t until,
                   struct error *err)
{
	char text[DIGEST_TEXT_MAX];

	return db_exec(c, err,
	               "INSERT INTO layer_lease(chain_id, until) VALUES(?1, ?2)"
	               " ON CONFLICT(chain_id) DO UPDATE SET until = max(until, excluded.until)",
	               "si", digest_format(chain_id, text), until);
}

int layer_exists(struct snapshot_store *s, const struct digest *chain_id, int64_t *ret_size,
                 struct error *err)
{
	const int64_t lease = LAYER_LEASE_S * NSEC_PER_SEC;
	int64_t now = time_now();
	AUTO_DB_TX struct db_tx *tx = NULL;
	struct layer_row row;
	int r;

	{
		AUTO_DB_READER struct db_conn *c = db_reader(s->db, err);

		r = c ? layer_find(c, chain_id, &row, err) : error_errno(err);
	}
	if (r <= 0)
		return r;
	if (row.until < now + lease / 2) {
		tx = db_begin(s->db, DB_RELAXED, err);
		r = tx ? layer_find(tx->conn, chain_id, &row, err) : error_errno(err);
		if (r <= 0)
			return r;
		r = layer_lease_tx(tx->conn, chain_id, now + lease, err);
		if (r == 0)
			r = db_commit(&tx, err);
		if (r < 0)
			return r;
	}
	if (ret_size)
		*ret_size = row.size;
	return 1;
}

int layer_make_tmp(struct snapshot_store *s, char *id, struct error *err)
{
	char path[64];
	int fd;

	random_hex(id, LAYER_ID_BYTES);
	snprintf(path, sizeof(path), "tmp/%s", id);
	if (mkdirat(s->dirfd, path, 0711) < 0)
		return error_set_errno(err, errno, "cannot make a directory for a layer");
	snprintf(path, sizeof(path), "tmp/%s/diff", id);
	if (mkdirat(s->dirfd, path, 0755) < 0)
		return error_set_errno(err, errno, "cannot make a directory for a layer");
	fd = openat(s->dirfd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? error_set_errno(err, errno, "cannot open a layer's directory") : fd;
}

void layer_drop_tmp(struct snapshot_store *s, const char *id)
{
	if (snapshot_to_trash(s, "tmp", id) == 0)
		snapshot_empty_trash(s);
}

/* In one transaction with the row, so that a collector never sees a row without its directory. */
static int move_in(struct snapshot_store *s, struct db_conn *c, const struct new_layer *l,
                   const struct digest *chain_id, struct error *err)
{
	char from[64], to[64], chain[DIGEST_TEXT_MAX], parent[DIGEST_TEXT_MAX],
		diff[DIGEST_TEXT_MAX];
	int r;

	snprintf(from, sizeof(from), "tmp/%s", l->id);
	snprintf(to, sizeof(to), "layers/%s", l->id);
	r = db_exec(
		c, err,
		"INSERT INTO layer(chain_id, parent, diff_id, size, dir, synced) VALUES(?, ?, ?, ?, ?, ?)",
		"sssisi", digest_format(chain_id, chain),
		l->parent ? digest_format(l->parent, parent) : NULL,
		digest_format(l->diff_id, diff), l->size, l->id, (int64_t)l->durable);
	if (r < 0)
		return r;
	if (renameat(s->dirfd, from, s->dirfd, to) < 0)
		return error_set_errno(err, errno, "cannot move a layer to its place");
	if (l->durable && fsync_dir(s->dirfd, "layers") < 0)
		return error_set_errno(err, errno, "cannot sync the layers' directory");
	return 0;
}

static int record_tx(struct snapshot_store *s, struct db_tx *tx, const struct new_layer *l,
                     const struct digest *chain_id, struct error *err)
{
	char text[DIGEST_TEXT_MAX];
	struct layer_row row;
	int r = layer_find(tx->conn, chain_id, &row, err);

	if (r == 0 && l->parent) {
		r = layer_find(tx->conn, l->parent, &row, err);
		if (r == 0)
			return error_set(err, ERROR_NOT_FOUND, "the layer's parent %s is not there",
			                 digest_format(l->parent, text));
		r = r < 0 ? r : 0;
	}
	if (r == 0)
		r = move_in(s, tx->conn, l, chain_id, err);
	else if (r > 0 && !row.synced && l->durable) /* our syncfs was for that one, too */
		r = db_exec(tx->conn, err, "UPDATE layer SET synced = 1 WHERE chain_id = ?", "s",
		            digest_format(chain_id, text));
	return r < 0 ? r
	             : layer_lease_tx(tx->conn, chain_id, time_now() + LAYER_LEASE_S * NSEC_PER_SEC,
	                              err);
}

int layer_record(struct snapshot_store *s, const struct new_layer *l, struct digest *ret_chain_id,
                 struct error *err)
{
	AUTO_DB_TX struct db_tx *tx = NULL;
	struct digest chain_id = l->parent ? image_chain_next(l->parent, l->diff_id) : *l->diff_id;
	int r;

	if (l->durable && syncfs(s->dirfd) < 0)
		return error_set_errno(err, errno, "cannot sync a layer");
	tx = db_begin(s->db, l->durable ? DB_DURABLE : DB_RELAXED, err);
	if (!tx)
		return error_errno(err);
	r = record_tx(s, tx, l, &chain_id, err);
	if (r == 0)
		r = db_commit(&tx, err);
	if (r < 0)
		return r;
	if (ret_chain_id)
		*ret_chain_id = chain_id;
	return 0;
}

/* The highest unsynced row there is now: what comes after it is not ours to call synced. */
static int last_unsynced(struct snapshot_store *s, int64_t *ret, struct error *err)
{
	AUTO_DB_READER struct db_conn *c = db_reader(s->db, err);

	return c ? db_get_i64(
			   c, ret, err,
			   "SELECT max(seq) FROM layer WHERE NOT synced HAVING max(seq) IS NOT NULL",
			   "")
	         : error_errno(err);
}

int snapshot_sync(struct snapshot_store *s, struct error *err)
{
	int64_t last;
	int r = last_unsynced(s, &last, err);

	if (r <= 0)
		return r;
	if (syncfs(s->dirfd) < 0)
		return error_set_errno(err, errno, "cannot sync the layers");
	/* whatever names the layers commits after this */
	return db_run(s->db, DB_RELAXED, NULL, err,
	              "UPDATE layer SET synced = 1 WHERE NOT synced AND seq <= ?", "i", last);
}

int layer_paths(struct snapshot_store *s, const struct digest *chain_id, struct strv *ret,
                struct error *err)
{
	AUTO_DB_READER struct db_conn *c = db_reader(s->db, err);
	struct digest at = *chain_id;
	char text[DIGEST_TEXT_MAX];
	struct layer_row row;

	if (!c)
		return error_errno(err);
	for (int i = 0; digest_is_set(&at); i++) {
		int r = layer_find(c, &at, &row, err);

		if (r < 0)
			return r;
		if (r == 0)
			return error_set(err, ERROR_NOT_FOUND, "no such layer: %s",
			                 digest_format(&at, text));
		if (i == LAYER_CHAIN_MAX)
			return error_set(err, ERROR_INVALID, "the image has more than %d layers",
			                 LAYER_CHAIN_MAX);
		strv_printf(ret, "%s/layers/%s/diff", s->path, row.id);
		at = row.parent;
	}
	return 0;
}
