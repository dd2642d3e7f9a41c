/* SPDX-License-Identifier: Apache-2.0 */
#include "db/db.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/thread.h"

#include "unit.h"

static const char *const first[] = {
	"CREATE TABLE tag(name TEXT PRIMARY KEY, size INTEGER NOT NULL);"
	"CREATE TABLE use(tag TEXT NOT NULL REFERENCES tag(name))",
	NULL,
};
static const char *const second[] = {
	first[0],
	"ALTER TABLE tag ADD COLUMN note TEXT; UPDATE tag SET note = 'old'",
	NULL,
};

static const char *file(const char *name)
{
	static char path[200];

	snprintf(path, sizeof(path), "%s/%s.db", unit_scratch(), name);
	return path;
}

static struct db *open_with(const char *name, const char *const *sql)
{
	struct db_migrations m = { .room = "test", .sql = sql };
	struct error err = { 0 };
	struct db *db = db_open(file(name), &err);

	if (!db || db_migrate(db, &m, &err) < 0)
		fail_msg("%s", err.message);
	return db;
}

static int add_tag(struct db *db, const char *name, int64_t size, struct error *err)
{
	AUTO_DB_TX struct db_tx *tx = db_begin(db, DB_RELAXED, err);

	if (!tx)
		return error_errno(err);
	if (db_exec(tx->conn, err, "INSERT INTO tag(name, size) VALUES(?, ?)", "si", name, size) <
	    0)
		return error_errno(err);
	return db_commit(&tx, err);
}

static int64_t count_tags(struct db *db)
{
	struct error err = { 0 };
	AUTO_DB_READER struct db_conn *c = db_reader(db, &err);
	int64_t n = -1;

	assert_non_null(c);
	assert_int_equal(db_get_i64(c, &n, &err, "SELECT count(*) FROM tag", ""), 1);
	return n;
}

TEST(migrations_are_applied_once_each)
{
	struct db_migrations older = { .room = "test", .sql = first };
	struct error err = { 0 };
	struct stat st;
	struct db *db = open_with("migrate", first);

	assert_int_equal(add_tag(db, "a", 1, &err), 0);
	db_close(db);
	assert_int_equal(stat(file("migrate"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);

	CLEANUP(db_close_ptr) struct db *again = open_with("migrate", second);
	AUTO_DB_READER struct db_conn *c = db_reader(again, &err);
	AUTO_DB_QUERY struct db_query *q = db_query(c, &err, "SELECT name, note FROM tag", "");
	assert_int_equal(db_step(q, &err), 1);
	assert_string_equal(db_text(q, 0), "a");
	assert_string_equal(db_text(q, 1), "old");
	assert_int_equal(db_step(q, &err), 0);

	assert_true(db_migrate(again, &older, &err) < 0);
	assert_non_null(strstr(err.message, "newer version"));
}

TEST(one_statement_commits_and_counts)
{
	CLEANUP(db_close_ptr) struct db *db = open_with("run", first);
	struct error err = { 0 };
	int64_t changes = -1;

	assert_int_equal(add_tag(db, "a", 1, &err), 0);
	assert_int_equal(add_tag(db, "b", 1, &err), 0);
	assert_int_equal(
		db_run(db, DB_RELAXED, &changes, &err, "UPDATE tag SET size = ?", "i", INT64_C(2)),
		0);
	assert_int_equal(changes, 2);
	assert_true(db_run(db, DB_RELAXED, &changes, &err,
	                   "INSERT INTO tag(name, size) VALUES('a', 3)", "") < 0);
	assert_int_equal(err.kind, ERROR_CONFLICT);
	assert_int_equal(changes, 2);
	assert_int_equal(
		db_run(db, DB_DURABLE, NULL, &err, "DELETE FROM tag WHERE name = ?", "s", "a"), 0);
	assert_int_equal(count_tags(db), 1);
}

TEST(a_broken_migration_changes_nothing)
{
	static const char *const broken[] = { "CREATE TABLE half(x); CREATE TABLE tag(", NULL };
	struct db_migrations m = { .room = "other", .sql = broken };
	struct error err = { 0 };
	CLEANUP(db_close_ptr) struct db *db = open_with("broken", first);
	int64_t n;

	assert_true(db_migrate(db, &m, &err) < 0);
	assert_non_null(strstr(err.message, "migration 1 of other"));
	AUTO_DB_READER struct db_conn *c = db_reader(db, &err);
	assert_int_equal(db_get_i64(c, &n, &err,
	                            "SELECT count(*) FROM sqlite_schema WHERE name = 'half'", ""),
	                 1);
	assert_int_equal(n, 0);
}

static void insert_and_leave(struct db *db)
{
	struct error err = { 0 };
	AUTO_DB_TX struct db_tx *tx = db_begin(db, DB_DURABLE, &err);

	assert_int_equal(db_exec(tx->conn, &err, "INSERT INTO tag VALUES('lost', 1)", ""), 0);
}

TEST(leaving_the_scope_rolls_back)
{
	struct error err = { 0 };
	CLEANUP(db_close_ptr) struct db *db = open_with("rollback", first);

	insert_and_leave(db);
	assert_int_equal(count_tags(db), 0);
	assert_int_equal(add_tag(db, "kept", 1, &err), 0);
	assert_int_equal(count_tags(db), 1);
}

TEST(constraints_are_conflicts_and_foreign_keys_hold)
{
	struct error err = { 0 };
	CLEANUP(db_close_ptr) struct db *db = open_with("constraint", first);

	assert_int_equal(add_tag(db, "a", 1, &err), 0);
	assert_true(add_tag(db, "a", 2, &err) < 0);
	assert_int_equal(err.kind, ERROR_CONFLICT);
	AUTO_DB_TX struct db_tx *tx = db_begin(db, DB_DURABLE, &err);
	error_clear(&err);
	assert_true(db_exec(tx->conn, &err, "INSERT INTO use VALUES(?)", "s", "nobody") < 0);
	assert_int_equal(err.kind, ERROR_CONFLICT);
}

TEST(every_argument_type_comes_back)
{
	struct error err = { 0 };
	CLEANUP(db_close_ptr) struct db *db = open_with("types", first);
	AUTO_DB_READER struct db_conn *c = db_reader(db, &err);
	AUTO_DB_QUERY struct db_query *q =
		db_query(c, &err, "SELECT ?, ?, ?, ?, ?, ?, ?", "sSibndS", "text",
	                 str_n("part of", 4), INT64_MIN, str_n("\0\1", 2), 0.5, str_n(NULL, 0));

	/* n takes no argument: d is the sixth, the empty text the seventh */
	assert_non_null(q);
	assert_int_equal(db_step(q, &err), 1);
	assert_string_equal(db_text(q, 0), "text");
	assert_string_equal(db_text(q, 1), "part");
	assert_true(db_i64(q, 2) == INT64_MIN);
	assert_int_equal(db_blob(q, 3).len, 2);
	assert_memory_equal(db_blob(q, 3).ptr, "\0\1", 2);
	assert_true(db_is_null(q, 4));
	assert_null(db_text(q, 4));
	assert_string_equal(db_text(q, 6), "");
}

static const char count_up[] = "SELECT value FROM (SELECT 1 AS value UNION SELECT 2) ORDER BY 1";

TEST(one_statement_runs_twice_at_once)
{
	struct error err = { 0 };
	CLEANUP(db_close_ptr) struct db *db = open_with("nested", first);
	AUTO_DB_READER struct db_conn *c = db_reader(db, &err);
	int pairs = 0;

	AUTO_DB_QUERY struct db_query *outer = db_query(c, &err, count_up, "");
	while (db_step(outer, &err) == 1) {
		AUTO_DB_QUERY struct db_query *inner = db_query(c, &err, count_up, "");

		while (db_step(inner, &err) == 1)
			pairs++;
	}
	assert_int_equal(pairs, 4);
}

TEST(readers_cannot_write)
{
	struct error err = { 0 };
	CLEANUP(db_close_ptr) struct db *db = open_with("readonly", first);
	AUTO_DB_READER struct db_conn *c = db_reader(db, &err);

	assert_true(db_exec(c, &err, "INSERT INTO tag VALUES('x', 1)", "") < 0);
}

enum { THREADS = 12, ROUNDS = 40 };

/* Sees only whole transactions: tags are inserted in pairs. */
static void *read_pairs(void *arg)
{
	for (int i = 0; i < ROUNDS; i++)
		if (count_tags(arg) % 2)
			return arg;
	return NULL;
}

static void *write_pairs(void *arg)
{
	for (int i = 0; i < ROUNDS; i++) {
		struct error err = { 0 };
		AUTO_DB_TX struct db_tx *tx = db_begin(arg, DB_RELAXED, &err);

		for (int k = 0; k < 2; k++)
			if (db_exec(tx->conn, &err, "INSERT INTO tag VALUES(hex(randomblob(8)), 1)",
			            "") < 0)
				return arg;
		if (db_commit(&tx, &err) < 0)
			return arg;
	}
	return NULL;
}

TEST(readers_go_on_while_writers_write)
{
	struct error err = { 0 };
	CLEANUP(db_close_ptr) struct db *db = open_with("threads", first);
	pthread_t threads[THREADS];

	for (int i = 0; i < THREADS; i++)
		assert_int_equal(
			thread_start(&threads[i], i < 2 ? write_pairs : read_pairs, db, &err), 0);
	for (int i = 0; i < THREADS; i++) {
		void *failed = NULL;

		pthread_join(threads[i], &failed);
		assert_null(failed);
	}
	assert_int_equal(count_tags(db), 2 * 2 * ROUNDS);
}

TEST(readers_see_the_old_state_during_a_transaction)
{
	struct error err = { 0 };
	CLEANUP(db_close_ptr) struct db *db = open_with("snapshot", first);
	AUTO_DB_TX struct db_tx *tx = db_begin(db, DB_DURABLE, &err);

	assert_int_equal(db_exec(tx->conn, &err, "INSERT INTO tag VALUES('x', 1)", ""), 0);
	assert_int_equal(db_changes(tx->conn), 1);
	assert_int_equal(count_tags(db), 0);
	assert_int_equal(db_commit(&tx, &err), 0);
	assert_null(tx);
	assert_int_equal(count_tags(db), 1);
}

TEST(strange_files_are_refused)
{
	struct error err = { 0 };
	sqlite3 *foreign;

	assert_int_equal(
		write_file(AT_FDCWD, file("garbage"), "this is no database at all", 26, 0600, &err),
		0);
	assert_null(db_open(file("garbage"), &err));
	assert_int_equal(err.kind, ERROR_INTERNAL);
	assert_non_null(strstr(err.message, "garbage.db is corrupt"));

	assert_int_equal(sqlite3_open(file("foreign"), &foreign), SQLITE_OK);
	assert_int_equal(sqlite3_exec(foreign, "CREATE TABLE x(y)", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(foreign);
	assert_null(db_open(file("foreign"), &err));
	assert_non_null(strstr(err.message, "another program's database"));
}
