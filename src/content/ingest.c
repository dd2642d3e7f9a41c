/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/fs.h"
#include "base/time.h"
#include "content/store-internal.h"

enum {
	INGEST_NAME_MAX = CONTENT_PATH_MAX,
	/* starts writing to the disk early, so that the sync at the end has little left to do */
	INGEST_WRITEBACK = 8 * 1024 * 1024,
};

struct content_ingest {
	struct content_store *store; /* borrowed */
	int fd;                      /* owned */
	char path[INGEST_NAME_MAX];  /* below the store's directory; unlinked when given up */
	struct digester digester;
	int64_t size;
	int64_t written_back;
};

static void ingest_free(struct content_ingest *i)
{
	if (i->fd >= 0)
		close(i->fd);
	free(i);
}

void content_ingest_abort(struct content_ingest *i)
{
	if (!i)
		return;
	if (*i->path)
		unlinkat(i->store->dirfd, i->path, 0);
	ingest_free(i);
}

int content_ingest_begin(struct content_store *s, enum digest_algorithm algorithm,
                         struct content_ingest **ret, struct error *err)
{
	struct content_ingest *i = NEW(struct content_ingest);
	char name[33];

	random_hex(name, 16);
	i->store = s;
	snprintf(i->path, sizeof(i->path), "tmp/%s", name);
	digester_init(&i->digester, algorithm);
	i->fd = openat(s->dirfd, i->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (i->fd < 0) {
		error_set_errno(err, errno, "cannot create a file for new content");
		ingest_free(i);
		return error_errno(err);
	}
	*ret = i;
	return 0;
}

int content_ingest_write(struct content_ingest *i, const void *data, size_t n, struct error *err)
{
	int r = write_full(i->fd, data, n);

	if (r < 0)
		return error_set_errno(err, -r, "cannot write content");
	digester_add(&i->digester, data, n);
	i->size += (int64_t)n;
	if (i->size - i->written_back >= INGEST_WRITEBACK) {
		sync_file_range(i->fd, i->written_back, i->size - i->written_back,
		                SYNC_FILE_RANGE_WRITE);
		i->written_back = i->size;
	}
	return 0;
}

int64_t content_ingest_size(const struct content_ingest *i)
{
	return i->size;
}

static int check(const struct content_ingest *i, const struct digest *got,
                 const struct digest *expected, int64_t expected_size, struct error *err)
{
	char a[DIGEST_TEXT_MAX], b[DIGEST_TEXT_MAX];

	if (expected_size >= 0 && i->size != expected_size)
		return error_set(err, ERROR_INVALID,
		                 "the content has %" PRId64 " bytes, expected %" PRId64, i->size,
		                 expected_size);
	if (expected && !digest_equal(got, expected))
		return error_set(err, ERROR_INVALID, "the content's digest is %s, expected %s",
		                 digest_format(got, a), digest_format(expected, b));
	return 0;
}

/* Puts the file where the row will say it is. */
static int place(struct content_ingest *i, const struct digest *d, bool durable,
                 int64_t *ret_generation, struct error *err)
{
	struct content_store *s = i->store;
	char path[CONTENT_PATH_MAX], dir[CONTENT_PATH_MAX];
	int64_t generation = 0;
	int r;

	random_bytes(&generation, 5);
	content_path(d, generation, path);
	snprintf(dir, sizeof(dir), "%.*s", (int)(strrchr(path, '/') - path), path);
	if (durable && fdatasync(i->fd) < 0)
		return error_set_errno(err, errno, "cannot sync content");
	if (renameat(s->dirfd, i->path, s->dirfd, path) < 0) {
		if (errno != ENOENT || mkdirat(s->dirfd, dir, 0700) < 0)
			return error_set_errno(err, errno, "cannot name the blob %s", path);
		if (renameat(s->dirfd, i->path, s->dirfd, path) < 0)
			return error_set_errno(err, errno, "cannot name the blob %s", path);
		*strrchr(dir, '/') = '\0';
		if (durable && fsync_dir(s->dirfd, dir) < 0)
			return error_set_errno(err, errno, "cannot sync directory %s", dir);
	}
	snprintf(i->path, sizeof(i->path), "%s", path);
	snprintf(dir, sizeof(dir), "%.*s", (int)(strrchr(path, '/') - path), path);
	r = durable ? fsync_dir(s->dirfd, dir) : 0;
	if (r < 0)
		return error_set_errno(err, -r, "cannot sync directory %s", dir);
	*ret_generation = generation;
	return 0;
}

int content_record(struct content_store *s, const struct digest *d, int64_t size,
                   int64_t generation, bool durable, struct error *err)
{
	AUTO_DB_TX struct db_tx *tx = db_begin(s->db, durable ? DB_DURABLE : DB_RELAXED, err);
	char text[DIGEST_TEXT_MAX];
	bool ours;
	int r;

	if (!tx)
		return error_errno(err);
	r = db_exec(tx->conn, err,
	            "INSERT INTO blob(digest, size, generation, synced) VALUES(?, ?, ?, ?)"
	            " ON CONFLICT(digest) DO NOTHING",
	            "siii", digest_format(d, text), size, generation, (int64_t)durable);
	if (r < 0)
		return r;
	ours = db_changes(tx->conn) > 0;
	r = content_lease_tx(tx->conn, d, time_now() + s->lease_ns, err);
	if (r == 0)
		r = db_commit(&tx, err);
	return r < 0 ? r : ours;
}

/* An existing blob that is not synced yet does not satisfy a durable commit. */
static int exists(struct content_store *s, const struct digest *d, bool durable, struct error *err)
{
	int64_t unsynced = 0;
	char text[DIGEST_TEXT_MAX];
	int r = content_stat(s, d, NULL, err);

	if (r <= 0 || !durable)
		return r;
	{
		AUTO_DB_READER struct db_conn *c = db_reader(s->db, err);

		r = c ? db_get_i64(c, &unsynced, err,
		                   "SELECT 1 FROM blob WHERE digest = ? AND NOT synced", "s",
		                   digest_format(d, text))
		      : error_errno(err);
	}
	if (r < 0)
		return r;
	if (r > 0) {
		r = content_sync(s, err);
		if (r < 0)
			return r;
	}
	return 1;
}

static int commit(struct content_ingest *i, const struct digest *expected, int64_t expected_size,
                  bool durable, struct digest *ret, struct error *err)
{
	struct content_store *s = i->store;
	struct digest d;
	int64_t generation;
	int r;

	digester_finish(&i->digester, &d);
	r = check(i, &d, expected, expected_size, err);
	if (r == 0)
		r = exists(s, &d, durable, err);
	if (r == 0) {
		r = place(i, &d, durable, &generation, err);
		if (r == 0)
			r = content_record(s, &d, i->size, generation, durable, err);
		if (r == 1)
			*i->path = '\0'; /* stays */
		else if (r == 0)
			r = exists(s, &d, durable, err);
	}
	content_ingest_abort(i);
	if (r < 0)
		return r;
	if (ret)
		*ret = d;
	return 0;
}

int content_ingest_commit(struct content_ingest *i, const struct digest *expected,
                          int64_t expected_size, struct digest *ret, struct error *err)
{
	return commit(i, expected, expected_size, true, ret, err);
}

int content_ingest_commit_relaxed(struct content_ingest *i, const struct digest *expected,
                                  int64_t expected_size, struct digest *ret, struct error *err)
{
	return commit(i, expected, expected_size, false, ret, err);
}

/* The highest unsynced row there is now: what comes after it is not ours to call synced. */
static int last_unsynced(struct content_store *s, int64_t *ret, struct error *err)
{
	AUTO_DB_READER struct db_conn *c = db_reader(s->db, err);

	return c ? db_get_i64(
			   c, ret, err,
			   "SELECT max(id) FROM blob WHERE NOT synced HAVING max(id) IS NOT NULL",
			   "")
	         : error_errno(err);
}

int content_sync(struct content_store *s, struct error *err)
{
	int64_t last;
	int r = last_unsynced(s, &last, err);

	if (r <= 0)
		return r;
	if (syncfs(s->dirfd) < 0)
		return error_set_errno(err, errno, "cannot sync the content store");
	/* whatever names the blobs commits after this */
	return db_run(s->db, DB_RELAXED, NULL, err,
	              "UPDATE blob SET synced = 1 WHERE NOT synced AND id <= ?", "i", last);
}

static int suspended_path(const char *name, char *buf, struct error *err)
{
	if (!is_safe_name(name))
		return error_set(err, ERROR_INVALID, "\"%.50s\" is no name for an upload", name);
	snprintf(buf, INGEST_NAME_MAX, "ingest/%s", name);
	return 0;
}

int content_ingest_suspend(struct content_ingest *i, const char *name, struct digester *ret_state,
                           int64_t *ret_size, struct error *err)
{
	char path[INGEST_NAME_MAX];
	int r = suspended_path(name, path, err);

	if (r == 0 && !streq(path, i->path) &&
	    renameat(i->store->dirfd, i->path, i->store->dirfd, path) < 0)
		r = error_set_errno(err, errno, "cannot keep upload %s", name);
	if (r < 0) {
		content_ingest_abort(i);
		return r;
	}
	*ret_state = i->digester;
	*ret_size = i->size;
	ingest_free(i);
	return 0;
}

int content_ingest_resume(struct content_store *s, const char *name, const struct digester *state,
                          int64_t size, struct content_ingest **ret, struct error *err)
{
	struct content_ingest *i = NEW(struct content_ingest);
	struct stat st = { 0 };
	int r = suspended_path(name, i->path, err);

	i->store = s;
	i->fd = -1;
	if (r == 0) {
		i->fd = openat(s->dirfd, i->path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
		if (i->fd < 0 || fstat(i->fd, &st) < 0)
			r = error_set_errno(err, errno, "cannot take up upload %s", name);
		else if (st.st_size < size)
			r = error_set(err, ERROR_NOT_FOUND,
			              "upload %s has lost its data: start again", name);
		else if (ftruncate(i->fd, size) < 0 || lseek(i->fd, size, SEEK_SET) < 0)
			r = error_set_errno(err, errno, "cannot take up upload %s", name);
	}
	if (r < 0) {
		ingest_free(i);
		return r;
	}
	i->digester = *state;
	i->size = i->written_back = size;
	*ret = i;
	return 0;
}

int content_put(struct content_store *s, const struct digest *d, const void *data, size_t n,
                struct error *err)
{
	struct content_ingest *i = NULL;
	int r = content_ingest_begin(s, d->algorithm, &i, err);

	if (r < 0)
		return r;
	r = content_ingest_write(i, data, n, err);
	if (r < 0) {
		content_ingest_abort(i);
		return r;
	}
	return content_ingest_commit(i, d, (int64_t)n, NULL, err);
}
