/* SPDX-License-Identifier: Apache-2.0 */
/* Opening, the writer and its transactions, the pool of readers, migrations. */
#include "db/db.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/thread.h"
#include "db/db-internal.h"

enum {
	DB_APPLICATION_ID = 0x434f5243, /* "CORC" in the file's header: it is one of ours */
	DB_READERS_MAX = 8,
	DB_BUSY_TIMEOUT_MS = 30000, /* other processes only; our own threads wait on locks */
};

struct db {
	char *path;
	pthread_mutex_t write_lock; /* held by whoever has the transaction */
	struct db_conn *writer;     /* write_lock */
	pthread_mutex_t lock;       /* the members below; taken after write_lock */
	pthread_cond_t reader_back;
	struct db_conn *readers; /* the idle ones, last used first */
	unsigned n_readers;      /* all there are */
};

static void conn_free(struct db_conn *c)
{
	if (!c)
		return;
	db_conn_drop_statements(c);
	sqlite3_close(c->handle);
	free(c);
}
DEFINE_CLEANUP(struct db_conn *, conn_free)

static int run(struct db_conn *c, const char *sql, struct error *err)
{
	return sqlite3_exec(c->handle, sql, NULL, NULL, NULL) == SQLITE_OK ? 0
	                                                                   : db_fail(c, err, sql);
}

static struct db_conn *conn_open(const char *path, int flags, struct error *err)
{
	CLEANUP(conn_free_ptr) struct db_conn *c = NEW(struct db_conn);

	/* each connection is used by one thread at a time, so SQLite's own mutexes are not needed
	 */
	if (sqlite3_open_v2(path, &c->handle, flags | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK) {
		error_set(err, ERROR_INTERNAL, "cannot open database %s: %s", path,
		          c->handle ? sqlite3_errmsg(c->handle) : "no memory");
		return NULL;
	}
	sqlite3_extended_result_codes(c->handle, 1);
	sqlite3_busy_timeout(c->handle, DB_BUSY_TIMEOUT_MS);
	return TAKE_PTR(c);
}

static int pragma_i64(struct db_conn *c, const char *sql, int64_t *ret, struct error *err)
{
	sqlite3_stmt *stmt = NULL;
	int r = 0;

	if (sqlite3_prepare_v2(c->handle, sql, -1, &stmt, NULL) != SQLITE_OK ||
	    sqlite3_step(stmt) != SQLITE_ROW)
		r = db_fail(c, err, sql);
	else
		*ret = sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	return r;
}

/* An empty file becomes ours; a database of somebody else's is refused untouched. */
static int check_application(struct db_conn *c, const char *path, struct error *err)
{
	int64_t id, tables;
	int r;

	r = pragma_i64(c, "PRAGMA application_id", &id, err);
	if (r < 0)
		return r;
	if (id == DB_APPLICATION_ID)
		return 0;
	r = pragma_i64(c, "SELECT count(*) FROM sqlite_schema", &tables, err);
	if (r < 0)
		return r;
	if (id != 0 || tables != 0)
		return error_set(err, ERROR_INTERNAL, "%s is another program's database", path);
	return run(c, "PRAGMA application_id = 1129271875", err);
}
static_assert(DB_APPLICATION_ID == 1129271875, "the same in check_application()");

static int set_up_writer(struct db_conn *c, const char *path, struct error *err)
{
	int r = check_application(c, path, err);

	if (r < 0)
		return r;
	/* WAL stays in the file; the rest belongs to the connection */
	r = run(c,
	        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;"
	        "PRAGMA wal_autocheckpoint = 1000; PRAGMA journal_size_limit = 67108864;"
	        "PRAGMA temp_store = MEMORY",
	        err);
	if (r < 0)
		return r;
	c->full_sync = true;
	return run(c,
	           "CREATE TABLE IF NOT EXISTS db_migration("
	           "room TEXT PRIMARY KEY, applied INTEGER NOT NULL) STRICT, WITHOUT ROWID",
	           err);
}

/* SQLite gives its side files the database's mode. */
static int make_private(const char *path, struct error *err)
{
	AUTO_CLOSE int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0 || fchmod(fd, 0600) < 0)
		return error_set_errno(err, errno, "cannot open database %s", path);
	return 0;
}

struct db *db_open(const char *path, struct error *err)
{
	CLEANUP(db_close_ptr) struct db *db = NULL;
	CLEANUP(conn_free_ptr) struct db_conn *writer = NULL;

	if (make_private(path, err) < 0)
		return NULL;
	writer = conn_open(path, SQLITE_OPEN_READWRITE, err);
	if (!writer)
		return NULL;
	if (set_up_writer(writer, path, err) < 0) {
		error_prefix(err, "cannot open database %s", path);
		return NULL;
	}
	db = NEW(struct db);
	db->path = xstrdup(path);
	db->writer = TAKE_PTR(writer);
	db->writer->tx = (struct db_tx){ .db = db, .conn = db->writer };
	pthread_mutex_init(&db->write_lock, NULL);
	pthread_mutex_init(&db->lock, NULL);
	pthread_cond_init(&db->reader_back, NULL);
	return TAKE_PTR(db);
}

void db_close(struct db *db)
{
	unsigned idle = 0;

	if (!db)
		return;
	while (db->readers) {
		struct db_conn *c = db->readers;

		db->readers = c->next;
		conn_free(c);
		idle++;
	}
	assert(idle == db->n_readers);
	conn_free(db->writer);
	pthread_cond_destroy(&db->reader_back);
	pthread_mutex_destroy(&db->lock);
	pthread_mutex_destroy(&db->write_lock);
	free(db->path);
	free(db);
}

static int set_durability(struct db_conn *c, enum db_durability durability, struct error *err)
{
	bool full = durability == DB_DURABLE;
	int r;

	if (c->full_sync == full)
		return 0;
	r = run(c, full ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL", err);
	if (r == 0)
		c->full_sync = full;
	return r;
}

struct db_tx *db_begin(struct db *db, enum db_durability durability, struct error *err)
{
	pthread_mutex_lock(&db->write_lock);
	if (set_durability(db->writer, durability, err) < 0 ||
	    db_exec(db->writer, err, "BEGIN IMMEDIATE", "") < 0) {
		pthread_mutex_unlock(&db->write_lock);
		return NULL;
	}
	return &db->writer->tx;
}

static void end_transaction(struct db_tx **tx)
{
	struct db *db = (*tx)->db;
	struct error ignored = { 0 };

	/* after some failures (disk full, I/O) SQLite has rolled back by itself */
	if (!sqlite3_get_autocommit(db->writer->handle))
		IGNORE_RESULT(db_exec(db->writer, &ignored, "ROLLBACK", "") < 0,
		              "nothing is left that could be done");
	*tx = NULL;
	pthread_mutex_unlock(&db->write_lock);
}

int db_commit(struct db_tx **tx, struct error *err)
{
	int r = db_exec((*tx)->conn, err, "COMMIT", "");

	end_transaction(tx);
	return r;
}

void db_rollback(struct db_tx **tx)
{
	if (*tx)
		end_transaction(tx);
}

static struct db_conn *open_reader(struct db *db, struct error *err)
{
	CLEANUP(conn_free_ptr) struct db_conn *c = conn_open(db->path, SQLITE_OPEN_READWRITE, err);

	/* not SQLITE_OPEN_READONLY, which cannot create the WAL's index file */
	if (!c || run(c, "PRAGMA query_only = ON; PRAGMA temp_store = MEMORY", err) < 0)
		return NULL;
	c->tx.db = db;
	return TAKE_PTR(c);
}

struct db_conn *db_reader(struct db *db, struct error *err)
{
	struct db_conn *c;

	pthread_mutex_lock(&db->lock);
	while (!db->readers && db->n_readers >= DB_READERS_MAX)
		pthread_cond_wait(&db->reader_back, &db->lock);
	c = db->readers;
	if (c)
		db->readers = c->next;
	else
		db->n_readers++;
	pthread_mutex_unlock(&db->lock);
	if (c)
		return c;
	c = open_reader(db, err);
	if (!c) {
		WITH_LOCK(&db->lock);
		db->n_readers--;
		pthread_cond_signal(&db->reader_back);
	}
	return c;
}

void db_reader_done(struct db_conn **conn)
{
	struct db_conn *c = *conn;
	struct db *db;

	if (!c)
		return;
	db = c->tx.db;
	*conn = NULL;
	WITH_LOCK(&db->lock);
	c->next = db->readers;
	db->readers = c;
	pthread_cond_signal(&db->reader_back);
}

static int apply(struct db_conn *c, const struct db_migrations *m, int64_t from, int64_t to,
                 struct error *err)
{
	for (int64_t i = from; i < to; i++)
		if (run(c, m->sql[i], err) < 0)
			return error_prefix(err, "migration %lld of %s", (long long)i + 1, m->room);
	return db_exec(c, err, "INSERT OR REPLACE INTO db_migration(room, applied) VALUES(?, ?)",
	               "si", m->room, to);
}

int db_migrate(struct db *db, const struct db_migrations *m, struct error *err)
{
	AUTO_DB_TX struct db_tx *tx = db_begin(db, DB_DURABLE, err);
	int64_t applied = 0, n = 0;
	int r;

	if (!tx)
		return error_errno(err);
	while (m->sql[n])
		n++;
	r = db_get_i64(tx->conn, &applied, err, "SELECT applied FROM db_migration WHERE room = ?",
	               "s", m->room);
	if (r < 0)
		return r;
	if (applied > n)
		return error_set(err, ERROR_INTERNAL,
		                 "%s: tables of %s have version %lld, this program knows %lld: "
		                 "it was written by a newer version",
		                 db->path, m->room, (long long)applied, (long long)n);
	if (applied == n)
		return 0;
	r = apply(tx->conn, m, applied, n, err);
	if (r < 0)
		return r;
	return db_commit(&tx, err);
}
