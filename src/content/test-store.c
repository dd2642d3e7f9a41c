/* SPDX-License-Identifier: Apache-2.0 */
#include "content/store.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/fs.h"
#include "base/process.h"
#include "base/thread.h"
#include "base/time.h"
#include "unit.h"

struct fixture {
	char *path, *db_path;
	struct db *db;
	struct content_store *store;
};

static void open_again(struct fixture *f)
{
	static const char *const sql[] = {
		"CREATE TABLE IF NOT EXISTS used(digest TEXT PRIMARY KEY)", NULL
	};
	static const struct db_migrations m = { .room = "test", .sql = sql };
	static const struct content_options o = {
		.referenced_sql = "EXISTS (SELECT 1 FROM used u WHERE u.digest = blob.digest)"
	};
	struct error err = { 0 };

	f->db = db_open(f->db_path, &err);
	if (!f->db || db_migrate(f->db, &m, &err) < 0)
		fail_msg("%s", err.message);
	f->store = content_open(f->path, f->db, &o, &err);
	if (!f->store)
		fail_msg("%s", err.message);
}

static void fixture_open(struct fixture *f, const char *name)
{
	f->path = xasprintf("%s/%s", unit_scratch(), name);
	f->db_path = xasprintf("%s.db", f->path);
	open_again(f);
}

static void close_store(struct fixture *f)
{
	content_close(f->store);
	f->store = NULL;
	db_close(f->db);
	f->db = NULL;
}

static void fixture_close(struct fixture *f)
{
	close_store(f);
	free(f->path);
	free(f->db_path);
}

#define FIXTURE CLEANUP(fixture_close) struct fixture

/* As after a crash: nothing is said to the store. */
static void run_sql(struct fixture *f, const char *sql)
{
	struct error err = { 0 };
	AUTO_DB_TX struct db_tx *tx = db_begin(f->db, DB_RELAXED, &err);

	assert_non_null(tx);
	if (db_exec(tx->conn, &err, sql, "") < 0 || db_commit(&tx, &err) < 0)
		fail_msg("%s", err.message);
}

static struct digest put(struct fixture *f, const char *text)
{
	struct error err = { 0 };
	struct digest d;

	digest_of(DIGEST_SHA256, text, strlen(text), &d);
	if (content_put(f->store, &d, text, strlen(text), &err) < 0)
		fail_msg("%s", err.message);
	return d;
}

static void expire_leases(struct fixture *f)
{
	run_sql(f, "UPDATE blob_lease SET until = 1");
}

static void use(struct fixture *f, const struct digest *d)
{
	struct error err = { 0 };
	AUTO_DB_TX struct db_tx *tx = db_begin(f->db, DB_RELAXED, &err);
	char text[DIGEST_TEXT_MAX];

	assert_non_null(tx);
	assert_int_equal(content_stat_tx(f->store, tx, d, NULL, &err), 1);
	assert_int_equal(db_exec(tx->conn, &err, "INSERT INTO used(digest) VALUES(?)", "s",
	                         digest_format(d, text)),
	                 0);
	assert_int_equal(db_commit(&tx, &err), 0);
}

/* Files below a directory of the store. */
static int count_files(struct fixture *f, const char *below)
{
	AUTO_FREE char *command = xasprintf("find %s/%s -type f | wc -l", f->path, below);
	char *argv[] = { (char *)(uintptr_t) "sh", (char *)(uintptr_t) "-c", command, NULL };
	struct spawn_options o = { .path = "sh", .argv = argv, .stdio = { -1, -1, -1 } };
	AUTO_STRBUF out = { 0 };
	struct error err = { 0 };

	assert_int_equal(process_run(&o, 100, &out, &err), 0);
	return (int)strtol(out.ptr, NULL, 10);
}

static void assert_content(struct fixture *f, const struct digest *d, const char *text)
{
	AUTO_STRBUF out = { 0 };
	struct error err = { 0 };

	if (content_read(f->store, d, 1000, &out, &err) < 0)
		fail_msg("%s", err.message);
	assert_string_equal(strbuf_cstr(&out), text);
}

TEST(what_is_put_is_there)
{
	FIXTURE f = { 0 };
	struct error err = { 0 };
	struct digest d, other;
	int64_t size;

	fixture_open(&f, "put");
	d = put(&f, "hello");
	assert_content(&f, &d, "hello");
	assert_int_equal(content_stat(f.store, &d, &size, &err), 1);
	assert_int_equal(size, 5);
	digest_of(DIGEST_SHA512, "hello", 5, &other);
	assert_int_equal(content_stat(f.store, &other, &size, &err), 0);
	assert_true(content_open_blob(f.store, &other, &size, &err) < 0);
	assert_int_equal(err.kind, ERROR_NOT_FOUND);
	put(&f, "hello");
	assert_int_equal(count_files(&f, ""), 1);
	close_store(&f);
	open_again(&f);
	assert_content(&f, &d, "hello");
}

TEST(I5_lies_about_size_and_digest_leave_nothing)
{
	FIXTURE f = { 0 };
	struct error err = { 0 };
	struct content_ingest *i;
	struct digest d;

	fixture_open(&f, "lies");
	digest_of(DIGEST_SHA256, "x", 1, &d);
	assert_int_equal(content_ingest_begin(f.store, DIGEST_SHA256, &i, &err), 0);
	assert_int_equal(content_ingest_write(i, "hello", 5, &err), 0);
	assert_true(content_ingest_commit(i, &d, -1, NULL, &err) < 0);
	assert_int_equal(err.kind, ERROR_INVALID);
	assert_non_null(strstr(err.message, "expected sha256:"));
	assert_int_equal(content_ingest_begin(f.store, DIGEST_SHA256, &i, &err), 0);
	assert_int_equal(content_ingest_write(i, "hello", 5, &err), 0);
	assert_true(content_ingest_commit(i, NULL, 6, NULL, &err) < 0);
	assert_int_equal(err.kind, ERROR_INVALID);
	assert_int_equal(count_files(&f, ""), 0);
}

TEST(a_suspended_upload_goes_on_in_another_run)
{
	FIXTURE f = { 0 };
	struct error err = { 0 };
	struct content_ingest *i;
	struct digester saved, lost;
	struct digest d;
	int64_t size, lost_size;

	fixture_open(&f, "suspend");
	assert_int_equal(content_ingest_begin(f.store, DIGEST_SHA256, &i, &err), 0);
	assert_int_equal(content_ingest_write(i, "hel", 3, &err), 0);
	assert_int_equal(content_ingest_suspend(i, "upload-1", &saved, &size, &err), 0);
	assert_int_equal(size, 3);
	close_store(&f);
	open_again(&f);
	assert_int_equal(content_ingest_resume(f.store, "upload-1", &saved, size, &i, &err), 0);
	assert_int_equal(content_ingest_write(i, "XX", 2, &err), 0);
	/* a request that dies keeps the last state that was saved */
	assert_int_equal(content_ingest_suspend(i, "upload-1", &lost, &lost_size, &err), 0);
	assert_int_equal(content_ingest_resume(f.store, "upload-1", &saved, size, &i, &err), 0);
	assert_int_equal(content_ingest_write(i, "lo", 2, &err), 0);
	assert_int_equal(content_ingest_commit(i, NULL, 5, &d, &err), 0);
	assert_content(&f, &d, "hello");
	assert_int_equal(count_files(&f, "ingest"), 0);
	assert_true(content_ingest_resume(f.store, "upload-1", &saved, size, &i, &err) < 0);
	assert_int_equal(err.kind, ERROR_NOT_FOUND);
	assert_true(content_ingest_resume(f.store, "../blobs/x", &saved, size, &i, &err) < 0);
	assert_int_equal(err.kind, ERROR_INVALID);
}

TEST(only_what_nobody_needs_is_collected)
{
	FIXTURE f = { 0 };
	struct error err = { 0 };
	struct content_collected c = { 0 };
	struct digest used, leased, gone;

	fixture_open(&f, "collect");
	used = put(&f, "used");
	gone = put(&f, "gone");
	expire_leases(&f);
	leased = put(&f, "leased");
	use(&f, &used);
	assert_int_equal(content_collect(f.store, time_now(), 10, &c, &err), 0);
	assert_int_equal(c.blobs, 1);
	assert_int_equal(c.bytes, 4);
	assert_int_equal(content_stat(f.store, &gone, NULL, &err), 0);
	assert_content(&f, &used, "used");
	assert_content(&f, &leased, "leased");
	assert_int_equal(count_files(&f, "blobs"), 2);
	/* it comes back under a new name */
	put(&f, "gone");
	assert_content(&f, &gone, "gone");
}

TEST(being_told_that_a_blob_exists_keeps_it)
{
	FIXTURE f = { 0 };
	struct error err = { 0 };
	struct content_collected c = { 0 };
	struct digest d;

	fixture_open(&f, "promise");
	d = put(&f, "promised");
	expire_leases(&f);
	assert_int_equal(content_stat(f.store, &d, NULL, &err), 1);
	assert_int_equal(content_collect(f.store, time_now(), 10, &c, &err), 0);
	assert_int_equal(c.blobs, 0);
	assert_int_equal(content_lease(f.store, &d, 1, &err), 0);
	assert_int_equal(content_collect(f.store, time_now(), 10, &c, &err), 0);
	assert_int_equal(c.blobs, 1);
}

TEST(collecting_goes_in_batches)
{
	FIXTURE f = { 0 };
	struct error err = { 0 };
	struct content_collected c = { 0 };

	fixture_open(&f, "batches");
	put(&f, "a");
	put(&f, "b");
	put(&f, "c");
	expire_leases(&f);
	assert_int_equal(content_collect(f.store, time_now(), 2, &c, &err), 1);
	assert_int_equal(content_collect(f.store, time_now(), 2, &c, &err), 0);
	assert_int_equal(c.blobs, 3);
	assert_int_equal(content_usage(f.store, &c, &err), 0);
	assert_int_equal(c.blobs, 0);
}

static struct digest put_relaxed(struct fixture *f, const char *text)
{
	struct error err = { 0 };
	struct content_ingest *i;
	struct digest d;

	assert_int_equal(content_ingest_begin(f->store, DIGEST_SHA256, &i, &err), 0);
	assert_int_equal(content_ingest_write(i, text, strlen(text), &err), 0);
	assert_int_equal(content_ingest_commit_relaxed(i, NULL, -1, &d, &err), 0);
	return d;
}

TEST(unsynced_blobs_do_not_outlive_the_machine)
{
	FIXTURE f = { 0 };
	struct error err = { 0 };
	struct digest synced, unsynced;

	fixture_open(&f, "power");
	synced = put_relaxed(&f, "synced");
	assert_int_equal(content_sync(f.store, &err), 0);
	unsynced = put_relaxed(&f, "unsynced");
	assert_content(&f, &unsynced, "unsynced");
	/* closing syncs; this makes it as if the power had gone before */
	close_store(&f);
	f.db = db_open(f.db_path, &err);
	run_sql(&f, "UPDATE blob SET synced = 0 WHERE size = 8");
	run_sql(&f, "UPDATE blob_boot SET boot_id = 'another'");
	db_close(f.db);
	open_again(&f);
	assert_content(&f, &synced, "synced");
	assert_int_equal(content_stat(f.store, &unsynced, NULL, &err), 0);
	assert_int_equal(count_files(&f, "blobs"), 1);
}

TEST(a_start_after_a_crash_removes_orphans_and_leftovers)
{
	FIXTURE f = { 0 };
	struct error err = { 0 };
	AUTO_FREE char *orphan = NULL, *leftover = NULL;
	struct digest d;
	char hex[DIGEST_TEXT_MAX];

	fixture_open(&f, "orphans");
	d = put(&f, "kept");
	digest_hex(&d, hex);
	close_store(&f);
	orphan = xasprintf("%s/blobs/sha256/%.2s/%s-1", f.path, hex, hex);
	leftover = xasprintf("%s/tmp/x", f.path);
	assert_int_equal(write_file(AT_FDCWD, orphan, "x", 1, 0600, &err), 0);
	assert_int_equal(write_file(AT_FDCWD, leftover, "x", 1, 0600, &err), 0);
	open_again(&f); /* a clean start does not look for orphans */
	assert_int_equal(count_files(&f, ""), 2);
	close_store(&f);
	f.db = db_open(f.db_path, &err);
	run_sql(&f, "UPDATE blob_boot SET clean = 0");
	db_close(f.db);
	open_again(&f);
	assert_int_equal(count_files(&f, ""), 1);
	assert_content(&f, &d, "kept");
}

struct racer {
	struct fixture *f;
	unsigned seed;
};

static void *race(void *arg)
{
	struct racer *r = arg;

	for (int i = 0; i < 40; i++) {
		struct error err = { 0 };
		struct content_collected c = { 0 };
		struct digest d;
		char text[20];

		snprintf(text, sizeof(text), "blob %d", i % 5);
		digest_of(DIGEST_SHA256, text, strlen(text), &d);
		if (r->seed == 0) {
			assert_true(content_collect(r->f->store, time_now() + NSEC_PER_SEC * 3000,
			                            3, &c, &err) >= 0);
			continue;
		}
		assert_int_equal(content_put(r->f->store, &d, text, strlen(text), &err), 0);
		AUTO_STRBUF out = { 0 };

		assert_int_equal(content_read(r->f->store, &d, 100, &out, &err), 0);
		assert_string_equal(out.ptr, text);
	}
	return NULL;
}

TEST(the_same_blob_from_several_threads_beside_a_collector)
{
	FIXTURE f = { 0 };
	struct racer racers[4];
	pthread_t threads[4];
	struct error err = { 0 };

	fixture_open(&f, "race");
	for (unsigned i = 0; i < 4; i++) {
		racers[i] = (struct racer){ &f, i };
		assert_int_equal(thread_start(&threads[i], race, &racers[i], &err), 0);
	}
	for (unsigned i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	assert_in_range(count_files(&f, "blobs"), 0, 5);
}
