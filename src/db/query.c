/* SPDX-License-Identifier: Apache-2.0 */
/* Statements: the cache, binding by format, stepping, columns. */
#include <assert.h>
#include <stdarg.h>

#include "base/alloc.h"
#include "db/db-internal.h"

struct db_query {
	struct db_conn *conn;       /* borrowed */
	struct db_statement *entry; /* NULL: the statement is ours alone */
	sqlite3_stmt *stmt;
};

static enum error_kind kind_of(int code)
{
	switch (code & 0xff) {
	case SQLITE_CONSTRAINT:
		return ERROR_CONFLICT;
	case SQLITE_FULL:
		return ERROR_NO_SPACE;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return ERROR_UNAVAILABLE;
	default:
		return ERROR_INTERNAL;
	}
}

int db_fail(struct db_conn *c, struct error *err, const char *what)
{
	int code = sqlite3_extended_errcode(c->handle);

	if ((code & 0xff) == SQLITE_CORRUPT || (code & 0xff) == SQLITE_NOTADB)
		return error_set(err, ERROR_INTERNAL,
		                 "database %s is corrupt (%s): %s; restore it from a backup",
		                 sqlite3_db_filename(c->handle, "main"), what,
		                 sqlite3_errmsg(c->handle));
	return error_set(err, kind_of(code), "database: %s: %s", what, sqlite3_errmsg(c->handle));
}

static struct db_statement *find_slot(struct db_conn *c, const char *sql)
{
	size_t start = (size_t)(((uintptr_t)sql >> 3) * 0x9e3779b97f4a7c15u >> 32);
	struct db_statement *victim = NULL;

	for (size_t i = 0; i < DB_STATEMENT_PROBES; i++) {
		struct db_statement *s = &c->cache[(start + i) % DB_STATEMENT_SLOTS];

		if (s->sql == sql && !s->busy)
			return s;
		if (!s->busy && (!victim || (victim->sql && !s->sql)))
			victim = s;
	}
	return victim;
}

/* An idle statement for sql; *ret_entry is NULL when all its places in the cache are taken. */
static sqlite3_stmt *prepare(struct db_conn *c, const char *sql, struct db_statement **ret_entry,
                             struct error *err)
{
	struct db_statement *s = find_slot(c, sql);
	sqlite3_stmt *stmt = NULL;

	/* the text is compared, too: a caller that built sql in a buffer must not get another's */
	if (s && s->sql == sql && strcmp(sqlite3_sql(s->stmt), sql) == 0) {
		*ret_entry = s;
		return s->stmt;
	}
	if (sqlite3_prepare_v3(c->handle, sql, -1, s ? SQLITE_PREPARE_PERSISTENT : 0, &stmt,
	                       NULL) != SQLITE_OK) {
		db_fail(c, err, sql);
		return NULL;
	}
	if (s) {
		sqlite3_finalize(s->stmt);
		*s = (struct db_statement){ .sql = sql, .stmt = stmt };
	}
	*ret_entry = s;
	return stmt;
}

void db_conn_drop_statements(struct db_conn *c)
{
	for (size_t i = 0; i < DB_STATEMENT_SLOTS; i++)
		sqlite3_finalize(c->cache[i].stmt);
	memset(c->cache, 0, sizeof(c->cache));
}

static int bind_str(sqlite3_stmt *stmt, int i, struct str s, bool blob)
{
	const char *data = s.ptr ? s.ptr : "";

	if (blob)
		return sqlite3_bind_blob64(stmt, i, data, s.len, SQLITE_TRANSIENT);
	return sqlite3_bind_text64(stmt, i, data, s.len, SQLITE_TRANSIENT, SQLITE_UTF8);
}

static int bind_one(sqlite3_stmt *stmt, int i, char type, va_list *ap)
{
	const char *text;

	switch (type) {
	case 's':
		text = va_arg(*ap, const char *);
		return text ? bind_str(stmt, i, str_from(text), false) : sqlite3_bind_null(stmt, i);
	case 'S':
		return bind_str(stmt, i, va_arg(*ap, struct str), false);
	case 'b':
		return bind_str(stmt, i, va_arg(*ap, struct str), true);
	case 'i':
		return sqlite3_bind_int64(stmt, i, va_arg(*ap, int64_t));
	case 'd':
		return sqlite3_bind_double(stmt, i, va_arg(*ap, double));
	case 'n':
		return sqlite3_bind_null(stmt, i);
	default:
		assert(!"unknown letter in a database argument format");
		return SQLITE_MISUSE;
	}
}

static int bind_all(struct db_conn *c, sqlite3_stmt *stmt, const char *format, va_list *ap,
                    struct error *err)
{
	assert((size_t)sqlite3_bind_parameter_count(stmt) == strlen(format));
	for (int i = 0; format[i]; i++)
		if (bind_one(stmt, i + 1, format[i], ap) != SQLITE_OK)
			return db_fail(c, err, sqlite3_sql(stmt));
	return 0;
}

static void release(struct db_query *q)
{
	if (!q->entry) {
		sqlite3_finalize(q->stmt);
		return;
	}
	sqlite3_reset(q->stmt);
	sqlite3_clear_bindings(q->stmt);
	q->entry->busy = false;
}

static int start(struct db_conn *c, struct db_query *q, struct error *err, const char *sql,
                 const char *format, va_list *ap)
{
	int r;

	*q = (struct db_query){ .conn = c };
	q->stmt = prepare(c, sql, &q->entry, err);
	if (!q->stmt)
		return error_errno(err);
	if (q->entry)
		q->entry->busy = true;
	r = bind_all(c, q->stmt, format ? format : "", ap, err);
	if (r < 0)
		release(q);
	return r;
}

int db_step(struct db_query *q, struct error *err)
{
	switch (sqlite3_step(q->stmt)) {
	case SQLITE_ROW:
		return 1;
	case SQLITE_DONE:
		return 0;
	default:
		return db_fail(q->conn, err, sqlite3_sql(q->stmt));
	}
}

static int exec(struct db_conn *c, struct error *err, const char *sql, const char *format,
                va_list *ap)
{
	struct db_query q;
	int r = start(c, &q, err, sql, format, ap);

	if (r < 0)
		return r;
	do
		r = db_step(&q, err);
	while (r > 0);
	release(&q);
	return r;
}

int db_exec(struct db_conn *c, struct error *err, const char *sql, const char *format, ...)
{
	va_list ap;
	int r;

	va_start(ap, format);
	r = exec(c, err, sql, format, &ap);
	va_end(ap);
	return r;
}

int db_run(struct db *db, enum db_durability durability, int64_t *ret_changes, struct error *err,
           const char *sql, const char *format, ...)
{
	AUTO_DB_TX struct db_tx *tx = db_begin(db, durability, err);
	int64_t changes;
	va_list ap;
	int r;

	if (!tx)
		return error_errno(err);
	va_start(ap, format);
	r = exec(tx->conn, err, sql, format, &ap);
	va_end(ap);
	if (r < 0)
		return r;
	changes = db_changes(tx->conn);
	r = db_commit(&tx, err);
	if (r >= 0 && ret_changes)
		*ret_changes = changes;
	return r;
}

struct db_query *db_query(struct db_conn *c, struct error *err, const char *sql, const char *format,
                          ...)
{
	struct db_query *q = NEW(struct db_query);
	va_list ap;
	int r;

	va_start(ap, format);
	r = start(c, q, err, sql, format, &ap);
	va_end(ap);
	if (r < 0) {
		free(q);
		return NULL;
	}
	return q;
}

int db_texts(struct db_query *q, struct strv *out, struct error *err)
{
	int r;

	while ((r = db_step(q, err)) > 0)
		strv_add(out, db_text(q, 0));
	return r;
}

void db_query_done(struct db_query **q)
{
	if (!*q)
		return;
	release(*q);
	free(TAKE_PTR(*q));
}

int db_get_i64(struct db_conn *c, int64_t *ret, struct error *err, const char *sql,
               const char *format, ...)
{
	struct db_query q;
	va_list ap;
	int r;

	va_start(ap, format);
	r = start(c, &q, err, sql, format, &ap);
	va_end(ap);
	if (r < 0)
		return r;
	r = db_step(&q, err);
	if (r > 0)
		*ret = sqlite3_column_int64(q.stmt, 0);
	release(&q);
	return r;
}

int64_t db_changes(struct db_conn *c)
{
	return sqlite3_changes64(c->handle);
}

int64_t db_last_rowid(struct db_conn *c)
{
	return sqlite3_last_insert_rowid(c->handle);
}

const char *db_text(struct db_query *q, int column)
{
	return (const char *)sqlite3_column_text(q->stmt, column);
}

struct str db_blob(struct db_query *q, int column)
{
	const void *data = sqlite3_column_blob(q->stmt, column);

	return str_n(data, (size_t)sqlite3_column_bytes(q->stmt, column));
}

int64_t db_i64(struct db_query *q, int column)
{
	return sqlite3_column_int64(q->stmt, column);
}

bool db_is_null(struct db_query *q, int column)
{
	return sqlite3_column_type(q->stmt, column) == SQLITE_NULL;
}
