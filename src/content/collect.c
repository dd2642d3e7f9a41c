/* SPDX-License-Identifier: Apache-2.0 */
/* What goes: unreferenced blobs while we run, damaged and orphaned ones at the start. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/process.h"
#include "base/vec.h"
#include "content/store-internal.h"

/* Files whose rows are gone; unlinked when that is certain. */
static void unlink_all(struct content_store *s, const struct strv *paths)
{
	for (size_t i = 0; i < paths->len; i++)
		if (unlinkat(s->dirfd, paths->ptr[i], 0) < 0 && errno != ENOENT)
			log_warning("cannot remove a blob's file path=%s error=%s", paths->ptr[i],
			            strerror(errno));
}

/* Takes the rows of a query (digest, size, generation) into paths. */
static int gather(struct db_query *q, struct strv *digests, struct strv *paths,
                  struct content_collected *sum, struct error *err)
{
	char path[CONTENT_PATH_MAX];
	int r;

	while ((r = db_step(q, err)) > 0) {
		struct digest d;

		if (digest_parse(str_from(db_text(q, 0)), &d) < 0)
			return error_set(err, ERROR_INTERNAL,
			                 "the database has a blob with a bad digest");
		strv_add(digests, db_text(q, 0));
		strv_add(paths, content_path(&d, db_i64(q, 2), path));
		sum->blobs++;
		sum->bytes += db_i64(q, 1);
	}
	return r;
}

static int delete_rows(struct db_conn *c, const struct strv *digests, struct error *err)
{
	for (size_t i = 0; i < digests->len; i++) {
		int r = db_exec(c, err, "DELETE FROM blob WHERE digest = ?", "s", digests->ptr[i]);

		if (r == 0)
			r = db_exec(c, err, "DELETE FROM blob_lease WHERE digest = ?", "s",
			            digests->ptr[i]);
		if (r < 0)
			return r;
	}
	return 0;
}

int content_collect(struct content_store *s, int64_t now, unsigned max,
                    struct content_collected *ret, struct error *err)
{
	AUTO_DB_TX struct db_tx *tx = NULL;
	struct content_collected sum = { 0 };
	AUTO_STRV digests = { 0 };
	AUTO_STRV paths = { 0 };
	struct db_query *q;
	int r;

	/* looked for, decided and deleted in one transaction: nobody can refer to them meanwhile.
	 * Durable, since a row must not come back when its file is gone. */
	tx = db_begin(s->db, DB_DURABLE, err);
	if (!tx)
		return error_errno(err);
	q = db_query(tx->conn, err, s->sql_unreferenced, "iii", (int64_t)0, now, (int64_t)max);
	r = q ? gather(q, &digests, &paths, &sum, err) : error_errno(err);
	db_query_done(&q);
	if (r == 0)
		r = delete_rows(tx->conn, &digests, err);
	if (r == 0)
		r = db_commit(&tx, err);
	if (r < 0)
		return r;
	unlink_all(s, &paths);
	ret->blobs += sum.blobs;
	ret->bytes += sum.bytes;
	return sum.blobs == (int64_t)max;
}

static int remove_leftovers(struct content_store *s, struct error *err)
{
	int r = remove_tree(s->dirfd, "tmp");

	if (r == 0 && mkdirat(s->dirfd, "tmp", 0700) < 0)
		r = -errno;
	return r < 0 ? error_set_errno(err, -r, "cannot remove unfinished content") : 0;
}

/* The machine went down after these were written and before they were synced. */
static int drop_unsynced(struct content_store *s, struct db_conn *c, struct strv *paths,
                         struct error *err)
{
	struct content_collected sum = { 0 };
	AUTO_STRV digests = { 0 };
	struct db_query *q =
		db_query(c, err, "SELECT digest, size, generation FROM blob WHERE NOT synced", "");
	int r = q ? gather(q, &digests, paths, &sum, err) : error_errno(err);

	db_query_done(&q);
	return r < 0 ? r : delete_rows(c, &digests, err);
}

/* blobs/<algorithm>/<ab>/<hex>-<generation> that no row names. */
static int is_orphan(struct db_conn *c, const char *algorithm, const char *name, struct error *err)
{
	const char *dash = strrchr(name, '-');
	AUTO_FREE char *digest =
		dash ? xasprintf("%s:%.*s", algorithm, (int)(dash - name), name) : NULL;
	uint64_t generation;
	int64_t found;
	int r;

	if (!digest || parse_u64_str(str_from(dash + 1), 16, &generation) < 0)
		return 0; /* not one of ours: leave it */
	r = db_get_i64(c, &found, err, "SELECT 1 FROM blob WHERE digest = ? AND generation = ?",
	               "si", digest, (int64_t)generation);
	return r < 0 ? r : r == 0;
}

static DIR *open_dir(int dirfd, const char *path)
{
	int fd = openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (!d && fd >= 0)
		close(fd);
	return d;
}

static int sweep_shard(struct content_store *s, struct db_conn *c, const char *algorithm,
                       const char *shard, struct error *err)
{
	AUTO_FREE char *path = xasprintf("blobs/%s/%s", algorithm, shard);
	DIR *dir = open_dir(s->dirfd, path);
	int r = 0;

	if (!dir)
		return 0;
	for (struct dirent *e; r >= 0 && (e = readdir(dir));) {
		if (e->d_name[0] == '.')
			continue;
		r = is_orphan(c, algorithm, e->d_name, err);
		if (r > 0)
			unlinkat(dirfd(dir), e->d_name, 0);
	}
	closedir(dir);
	return r < 0 ? r : 0;
}

static int sweep(struct content_store *s, struct error *err)
{
	static const char *const names[] = { "sha256", "sha512" };
	AUTO_DB_READER struct db_conn *c = db_reader(s->db, err);
	char shard[3];
	int r = c ? 0 : error_errno(err);

	for (size_t a = 0; a < ARRAY_SIZE(names); a++)
		for (unsigned i = 0; r == 0 && i < 256; i++) {
			snprintf(shard, sizeof(shard), "%02x", i);
			r = sweep_shard(s, c, names[a], shard, err);
		}
	return r;
}

static int set_boot(struct db_conn *c, const char *boot_id, bool clean, struct error *err)
{
	return db_exec(c, err,
	               "INSERT INTO blob_boot(id, boot_id, clean) VALUES(1, ?1, ?2)"
	               " ON CONFLICT(id) DO UPDATE SET boot_id = ?1, clean = ?2",
	               "si", boot_id, (int64_t)clean);
}

/* 1 same boot, 0 another one (or the first start). */
static int read_boot(struct db_conn *c, const char *boot_id, bool *ret_clean, struct error *err)
{
	AUTO_DB_QUERY struct db_query *q =
		db_query(c, err, "SELECT boot_id = ?, clean FROM blob_boot", "s", boot_id);
	int r = q ? db_step(q, err) : error_errno(err);

	*ret_clean = r <= 0 || db_i64(q, 1);
	return r <= 0 ? r : (int)db_i64(q, 0);
}

int content_recover(struct content_store *s, struct error *err)
{
	AUTO_DB_TX struct db_tx *tx = NULL;
	char boot_id[BOOT_ID_MAX];
	AUTO_STRV paths = { 0 };
	bool clean;
	int r = remove_leftovers(s, err);

	if (r == 0)
		r = boot_id_read(boot_id, err);
	if (r < 0)
		return r;
	tx = db_begin(s->db, DB_DURABLE, err);
	if (!tx)
		return error_errno(err);
	r = read_boot(tx->conn, boot_id, &clean, err);
	if (r == 0)
		r = drop_unsynced(s, tx->conn, &paths, err);
	if (r >= 0)
		r = set_boot(tx->conn, boot_id, false, err);
	if (r == 0)
		r = db_commit(&tx, err);
	if (r < 0)
		return r;
	unlink_all(s, &paths);
	return clean ? 0 : sweep(s, err);
}

int content_mark_clean(struct content_store *s, struct error *err)
{
	int r = content_sync(s, err);

	return r < 0 ? r
	             : db_run(s->db, DB_DURABLE, NULL, err, "UPDATE blob_boot SET clean = 1", "");
}
