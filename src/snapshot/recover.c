/* SPDX-License-Identifier: Apache-2.0 */
/* What a start finds, and what a collector takes. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/process.h"
#include "base/thread.h"
#include "snapshot/snapshot-internal.h"

enum { TRASH_PATH_MAX = 320 };

int snapshot_to_trash(struct snapshot_store *s, const char *from, const char *id)
{
	char path[TRASH_PATH_MAX], trash[TRASH_PATH_MAX], suffix[9];

	random_hex(suffix, 4);
	snprintf(path, sizeof(path), "%s/%s", from, id);
	snprintf(trash, sizeof(trash), "trash/%s-%s", id, suffix);
	return renameat(s->dirfd, path, s->dirfd, trash) < 0 ? -errno : 0;
}

static DIR *open_dir(int dirfd, const char *path)
{
	int fd = openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (!d && fd >= 0)
		close(fd);
	return d;
}

static void list(int dirfd, const char *path, struct strv *names)
{
	DIR *d = open_dir(dirfd, path);

	for (struct dirent *e; d && (e = readdir(d));)
		if (e->d_name[0] != '.')
			strv_add(names, e->d_name);
	if (d)
		closedir(d);
}

/* Several threads may be at it: what one misses another has taken. */
void snapshot_empty_trash(struct snapshot_store *s)
{
	AUTO_STRV names = { 0 };

	list(s->dirfd, "trash", &names);
	for (size_t i = 0; i < names.len; i++) {
		AUTO_FREE char *path = xasprintf("trash/%s", names.ptr[i]);
		int r = remove_tree(s->dirfd, path);

		if (r < 0)
			log_warning("cannot remove a layer's files path=%s/%s error=%s", s->path,
			            path, strerror(-r));
	}
}

static void *sweep(void *arg)
{
	snapshot_empty_trash(arg);
	return NULL;
}

/* The machine went down after these were written and before they were synced; so did what lies on
 * them. */
static int drop_unsynced(struct db_conn *c, struct error *err)
{
	int r = db_exec(
		c, err,
		"WITH RECURSIVE lost(chain_id) AS (SELECT chain_id FROM layer WHERE NOT synced"
		" UNION SELECT y.chain_id FROM layer y JOIN lost ON y.parent = lost.chain_id)"
		" DELETE FROM layer_lease WHERE chain_id IN (SELECT chain_id FROM lost)",
		"");

	if (r == 0)
		r = db_exec(c, err, "PRAGMA defer_foreign_keys = 1", "");
	if (r == 0)
		r = db_exec(
			c, err,
			"WITH RECURSIVE lost(chain_id) AS (SELECT chain_id FROM layer WHERE NOT synced"
			" UNION SELECT y.chain_id FROM layer y JOIN lost ON y.parent = lost.chain_id)"
			" DELETE FROM layer WHERE chain_id IN (SELECT chain_id FROM lost)",
			"");
	return r;
}

static int check_boot(struct snapshot_store *s, struct error *err)
{
	AUTO_DB_TX struct db_tx *tx = NULL;
	char boot_id[BOOT_ID_MAX];
	int64_t same = 0;
	int r = boot_id_read(boot_id, err);

	if (r < 0)
		return r;
	tx = db_begin(s->db, DB_DURABLE, err);
	if (!tx)
		return error_errno(err);
	r = db_get_i64(tx->conn, &same, err, "SELECT boot_id = ? FROM layer_boot", "s", boot_id);
	if (r >= 0)
		r = same ? 0 : drop_unsynced(tx->conn, err);
	if (r == 0)
		r = db_exec(tx->conn, err,
		            "INSERT INTO layer_boot(id, boot_id) VALUES(1, ?1)"
		            " ON CONFLICT(id) DO UPDATE SET boot_id = ?1",
		            "s", boot_id);
	return r < 0 ? r : db_commit(&tx, err);
}

/* Directories without a row. */
static int trash_orphans(struct snapshot_store *s, struct error *err)
{
	AUTO_DB_READER struct db_conn *c = db_reader(s->db, err);
	AUTO_STRV names = { 0 };
	int64_t found;

	if (!c)
		return error_errno(err);
	list(s->dirfd, "layers", &names);
	for (size_t i = 0; i < names.len; i++) {
		int r = db_get_i64(c, &found, err, "SELECT 1 FROM layer WHERE dir = ?", "s",
		                   names.ptr[i]);

		if (r < 0)
			return r;
		if (r == 0)
			IGNORE_RESULT(snapshot_to_trash(s, "layers", names.ptr[i]) < 0,
			              "the next start tries again");
	}
	return 0;
}

static void trash_unfinished(struct snapshot_store *s)
{
	AUTO_STRV names = { 0 };

	list(s->dirfd, "tmp", &names);
	for (size_t i = 0; i < names.len; i++)
		IGNORE_RESULT(snapshot_to_trash(s, "tmp", names.ptr[i]) < 0,
		              "the next start tries again");
}

int snapshot_recover(struct snapshot_store *s, struct error *err)
{
	int r = check_boot(s, err);

	if (r == 0)
		r = trash_orphans(s, err);
	if (r < 0)
		return r;
	trash_unfinished(s);
	r = thread_start(&s->sweeper, sweep, s, err); /* nobody should wait for old files to go */
	s->has_sweeper = r == 0;
	return r;
}

static int take_unreferenced(struct snapshot_store *s, struct db_conn *c, int64_t now, unsigned max,
                             struct strv *chains, struct strv *dirs, int64_t *bytes,
                             struct error *err)
{
	struct db_query *q = db_query(c, err, s->sql_unreferenced, "ii", now, (int64_t)max);
	int r = q ? 0 : error_errno(err);

	while (q && (r = db_step(q, err)) > 0) {
		strv_add(chains, db_text(q, 0));
		strv_add(dirs, db_text(q, 1));
		*bytes += db_i64(q, 2);
	}
	db_query_done(&q);
	for (size_t i = 0; r == 0 && i < chains->len; i++) {
		r = db_exec(c, err, "DELETE FROM layer WHERE chain_id = ?", "s", chains->ptr[i]);
		if (r == 0)
			r = db_exec(c, err, "DELETE FROM layer_lease WHERE chain_id = ?", "s",
			            chains->ptr[i]);
	}
	return r;
}

int layer_collect(struct snapshot_store *s, int64_t now, unsigned max, int64_t *ret_bytes,
                  struct error *err)
{
	AUTO_DB_TX struct db_tx *tx = db_begin(s->db, DB_DURABLE, err);
	AUTO_STRV chains = { 0 };
	AUTO_STRV dirs = { 0 };
	int64_t bytes = 0;
	int r = tx ? take_unreferenced(s, tx->conn, now, max, &chains, &dirs, &bytes, err)
	           : error_errno(err);

	if (r == 0)
		r = db_commit(&tx, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < dirs.len; i++)
		IGNORE_RESULT(snapshot_to_trash(s, "layers", dirs.ptr[i]) < 0,
		              "the next start finds the orphan");
	snapshot_empty_trash(s);
	*ret_bytes += bytes;
	/* with these gone, their parents may be next */
	return dirs.len > 0;
}
