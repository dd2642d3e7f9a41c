/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * SQLite in WAL mode: one writer connection behind a lock, a few readers. Statements are cached
 * per connection. Any thread; a transaction or reader belongs to the thread that took it.
 *
 *	AUTO_DB_TX struct db_tx *tx = db_begin(db, DB_DURABLE, err);
 *	if (!tx) return error_errno(err);
 *	r = db_exec(tx->conn, err, "INSERT INTO tag(name, size) VALUES(?,?)", "si", name, size);
 *	…
 *	return db_commit(&tx, err);
 *
 * Leaving the scope without a commit rolls back.
 */
#include <sqlite3.h>

#include "base/error.h"
#include "base/vec.h"

struct db;
struct db_conn;

enum db_durability {
	DB_DURABLE, /* the commit survives a power cut: synced before it returns */
	DB_RELAXED, /* survives our death, but the last ones may be lost with the power */
};

struct db_tx {
	struct db *db;
	struct db_conn *conn;
};

/* A room's tables: statements applied in order, once each; the number applied is kept per room.
 * Never change an entry that has been released: append. */
struct db_migrations {
	const char *room;
	const char *const *sql; /* NULL-terminated; an entry may hold several statements */
};

/* Opens or creates the file (0600) and checks it is ours. ERROR_INTERNAL names a corrupt file. */
struct db *db_open(const char *path, struct error *err) MUST_USE;
void db_close(struct db *db);
DEFINE_CLEANUP(struct db *, db_close)
int db_migrate(struct db *db, const struct db_migrations *m, struct error *err) MUST_USE;

/* BEGIN IMMEDIATE on the writer connection; waits for other writers. NULL with err set. */
struct db_tx *db_begin(struct db *db, enum db_durability durability, struct error *err) MUST_USE;
/* Always ends the transaction and clears *tx. */
int db_commit(struct db_tx **tx, struct error *err) MUST_USE;
void db_rollback(struct db_tx **tx);
#define AUTO_DB_TX CLEANUP(db_rollback)

/* A connection for reading, with a snapshot per statement; give it back soon. NULL with err set. */
struct db_conn *db_reader(struct db *db, struct error *err) MUST_USE;
void db_reader_done(struct db_conn **conn);
#define AUTO_DB_READER CLEANUP(db_reader_done)

/*
 * Arguments by format: s text (NULL is NULL), S struct str as text, i int64_t, d double,
 * b struct str as blob, n NULL (takes no argument). sql must be a literal: it keys the cache.
 */
/* Runs a statement that returns no rows. Constraint violations are ERROR_CONFLICT. */
int db_exec(struct db_conn *c, struct error *err, const char *sql, const char *format, ...) MUST_USE;
/* One statement as a transaction of its own. ret_changes (rows; may be NULL) is set on success. */
int db_run(struct db *db, enum db_durability durability, int64_t *ret_changes, struct error *err, const char *sql,
	   const char *format, ...) MUST_USE;
int64_t db_changes(struct db_conn *c);
int64_t db_last_rowid(struct db_conn *c);
/* Starts a query; then db_step() until 0, then db_query_done() (or AUTO_DB_QUERY). */
struct db_query *db_query(struct db_conn *c, struct error *err, const char *sql, const char *format,
			  ...) MUST_USE;
int db_step(struct db_query *q, struct error *err) MUST_USE; /* 1 a row, 0 the end, -errno */
void db_query_done(struct db_query **q);
#define AUTO_DB_QUERY CLEANUP(db_query_done)
/* The first column of all rows that are left, appended. 0 or -errno. */
int db_texts(struct db_query *q, struct strv *out, struct error *err) MUST_USE;
/* Columns of the current row, from 0; texts and blobs are valid until the next step. */
const char *db_text(struct db_query *q, int column); /* NULL for NULL */
struct str db_blob(struct db_query *q, int column);
int64_t db_i64(struct db_query *q, int column);
bool db_is_null(struct db_query *q, int column);
/* The first column of the first row: 1 found, 0 no row, -errno. */
int db_get_i64(struct db_conn *c, int64_t *ret, struct error *err, const char *sql, const char *format,
	       ...) MUST_USE;
