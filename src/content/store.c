/* SPDX-License-Identifier: Apache-2.0 */
#include "content/store.h"

#include <errno.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/fs.h"
#include "base/time.h"
#include "content/store-internal.h"

enum { CONTENT_OPEN_TRIES = 5 };

static const char *const tables[] = {
	"CREATE TABLE blob("
	" id INTEGER PRIMARY KEY AUTOINCREMENT,"
	" digest TEXT NOT NULL UNIQUE,"
	" size INTEGER NOT NULL,"
	" generation INTEGER NOT NULL,"
	" synced INTEGER NOT NULL);"
	"CREATE INDEX blob_unsynced ON blob(id) WHERE NOT synced;"
	"CREATE TABLE blob_lease(digest TEXT PRIMARY KEY, until INTEGER NOT NULL) WITHOUT ROWID;"
	"CREATE TABLE blob_boot(id INTEGER PRIMARY KEY CHECK(id = 1), boot_id TEXT NOT NULL,"
	" clean INTEGER NOT NULL)",
	NULL,
};

const char *content_path(const struct digest *d, int64_t generation, char *buf)
{
	char hex[DIGEST_TEXT_MAX];

	digest_hex(d, hex);
	snprintf(buf, CONTENT_PATH_MAX, "blobs/%s/%.2s/%s-%llx",
	         digest_algorithm_name(d->algorithm), hex, hex, (unsigned long long)generation);
	return buf;
}

static int make_directories(struct content_store *s, const char *path, struct error *err)
{
	static const char *const names[] = { "blobs/sha256", "blobs/sha512", "tmp", "ingest" };
	int r;

	s->dirfd = open_or_make_dir(AT_FDCWD, path, 0700, err);
	if (s->dirfd < 0)
		return s->dirfd;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		r = mkdir_parents(s->dirfd, names[i], 0700);
		if (r < 0)
			return error_set_errno(err, -r, "cannot make %s/%s", path, names[i]);
	}
	return 0;
}

struct content_store *content_open(const char *path, struct db *db, const struct content_options *o,
                                   struct error *err)
{
	static const struct db_migrations migrations = { .room = "content", .sql = tables };
	CLEANUP(content_close_ptr) struct content_store *s = NEW(struct content_store);

	s->dirfd = -1;
	s->lease_ns = o->lease_ns ? o->lease_ns : CONTENT_LEASE_DEFAULT_S * NSEC_PER_SEC;
	s->referenced_sql = xstrdup(o->referenced_sql);
	s->sql_unreferenced = xasprintf(
		"SELECT blob.digest, blob.size, blob.generation FROM blob WHERE blob.id > ? AND NOT (%s)"
		" AND NOT EXISTS (SELECT 1 FROM blob_lease l WHERE l.digest = blob.digest AND l.until >= ?)"
		" ORDER BY blob.id LIMIT ?",
		o->referenced_sql);
	if (make_directories(s, path, err) < 0 || db_migrate(db, &migrations, err) < 0)
		return NULL;
	s->db = db;
	s->guest = o->guest;
	if (!s->guest && content_recover(s, err) < 0) {
		s->db = NULL;
		return NULL;
	}
	return TAKE_PTR(s);
}

void content_close(struct content_store *s)
{
	struct error err = { 0 };

	if (!s)
		return;
	if (s->db && !s->guest)
		IGNORE_RESULT(content_mark_clean(s, &err), "the next start then looks for orphans");
	if (s->dirfd >= 0)
		close(s->dirfd);
	free(s->referenced_sql);
	free(s->sql_unreferenced);
	free(s);
}

int content_find(struct db_conn *c, const struct digest *d, int64_t *ret_size,
                 int64_t *ret_generation, int64_t *ret_until, struct error *err)
{
	char text[DIGEST_TEXT_MAX];
	AUTO_DB_QUERY struct db_query *q =
		db_query(c, err,
	                 "SELECT b.size, b.generation, l.until FROM blob b LEFT JOIN blob_lease l"
	                 " ON l.digest = b.digest WHERE b.digest = ?",
	                 "s", digest_format(d, text));
	int r = q ? db_step(q, err) : error_errno(err);

	if (r <= 0)
		return r;
	if (ret_size)
		*ret_size = db_i64(q, 0);
	if (ret_generation)
		*ret_generation = db_i64(q, 1);
	if (ret_until)
		*ret_until = db_is_null(q, 2) ? 0 : db_i64(q, 2);
	return 1;
}

int content_lease_tx(struct db_conn *c, const struct digest *d, int64_t until, struct error *err)
{
	char text[DIGEST_TEXT_MAX];

	return db_exec(c, err,
	               "INSERT INTO blob_lease(digest, until) VALUES(?1, ?2)"
	               " ON CONFLICT(digest) DO UPDATE SET until = max(until, excluded.until)",
	               "si", digest_format(d, text), until);
}

int content_stat_tx(struct content_store *s, struct db_tx *tx, const struct digest *d,
                    int64_t *ret_size, struct error *err)
{
	return content_find(tx->conn, d, ret_size, NULL, NULL, err);
}

int content_stat(struct content_store *s, const struct digest *d, int64_t *ret_size,
                 struct error *err)
{
	int64_t now = time_now(), until = 0;
	AUTO_DB_TX struct db_tx *tx = NULL;
	int r;

	{
		AUTO_DB_READER struct db_conn *c = db_reader(s->db, err);

		r = c ? content_find(c, d, ret_size, NULL, &until, err) : error_errno(err);
	}
	/* half a lease is promise enough, and spares most reads a write */
	if (r <= 0 || until > now + s->lease_ns / 2)
		return r;
	tx = db_begin(s->db, DB_RELAXED, err);
	if (!tx)
		return error_errno(err);
	r = content_find(tx->conn, d, ret_size, NULL, NULL, err);
	if (r <= 0)
		return r;
	r = content_lease_tx(tx->conn, d, now + s->lease_ns, err);
	if (r == 0)
		r = db_commit(&tx, err);
	return r < 0 ? r : 1;
}

int content_open_blob(struct content_store *s, const struct digest *d, int64_t *ret_size,
                      struct error *err)
{
	char path[CONTENT_PATH_MAX], text[DIGEST_TEXT_MAX];
	int64_t size, generation;

	/* between row and file it may be collected, and come back under another generation */
	for (int i = 0; i < CONTENT_OPEN_TRIES; i++) {
		AUTO_DB_READER struct db_conn *c = db_reader(s->db, err);
		int fd, r = c ? content_find(c, d, &size, &generation, NULL, err)
		              : error_errno(err);

		if (r < 0)
			return r;
		if (r == 0)
			break;
		fd = openat(s->dirfd, content_path(d, generation, path),
		            O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
		if (fd < 0 && errno != ENOENT)
			return error_set_errno(err, errno, "cannot open blob %s", path);
		if (fd >= 0) {
			if (ret_size)
				*ret_size = size;
			return fd;
		}
	}
	return error_set(err, ERROR_NOT_FOUND, "no such blob: %s", digest_format(d, text));
}

int content_read(struct content_store *s, const struct digest *d, size_t limit, struct strbuf *out,
                 struct error *err)
{
	AUTO_CLOSE int fd = content_open_blob(s, d, NULL, err);
	char text[DIGEST_TEXT_MAX];
	int r = fd < 0 ? fd : read_fd(fd, limit, out, err);

	return r < 0 ? error_prefix(err, "blob %s", digest_format(d, text)) : 0;
}

int content_lease(struct content_store *s, const struct digest *d, int64_t until, struct error *err)
{
	AUTO_DB_TX struct db_tx *tx = db_begin(s->db, DB_RELAXED, err);
	char text[DIGEST_TEXT_MAX];
	int r;

	if (!tx)
		return error_errno(err);
	if (until < time_now())
		r = db_exec(tx->conn, err, "DELETE FROM blob_lease WHERE digest = ?", "s",
		            digest_format(d, text));
	else
		r = content_lease_tx(tx->conn, d, until, err);
	return r < 0 ? r : db_commit(&tx, err);
}

int content_usage(struct content_store *s, struct content_collected *ret, struct error *err)
{
	AUTO_DB_READER struct db_conn *c = db_reader(s->db, err);
	AUTO_DB_QUERY struct db_query *q = NULL;
	int r;

	if (!c)
		return error_errno(err);
	q = db_query(c, err, "SELECT count(*), coalesce(sum(size), 0) FROM blob", "");
	r = q ? db_step(q, err) : error_errno(err);
	if (r < 0)
		return r;
	*ret = (struct content_collected){ .blobs = db_i64(q, 0), .bytes = db_i64(q, 1) };
	return 0;
}
