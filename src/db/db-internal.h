/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What opening and pooling (db.c) share with running statements (query.c). */
#include "db/db.h"

enum { DB_STATEMENT_SLOTS = 128, DB_STATEMENT_PROBES = 8 };

/* A cached statement. Kept by the literal's address; two literals of one text are two entries. */
struct db_statement {
	const char *sql; /* borrowed, a literal */
	sqlite3_stmt *stmt;
	bool busy;       /* a query runs on it */
};

struct db_conn {
	sqlite3 *handle;
	struct db_statement cache[DB_STATEMENT_SLOTS];
	struct db_conn *next; /* in the pool of readers */
	struct db_tx tx;      /* the writer's */
	bool full_sync;       /* the writer's present setting of synchronous */
};

/* The error of the last call on c, with its kind; returns the negative errno. */
int db_fail(struct db_conn *c, struct error *err, const char *what);
void db_conn_drop_statements(struct db_conn *c);
