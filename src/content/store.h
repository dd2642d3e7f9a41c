/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Blobs by digest, shared by registry and engine. A blob is an immutable file
 * blobs/<alg>/<ab>/<hex>-<generation>, hashed as it arrives, synced and linked into place before
 * its row names it. Whoever is told that a blob exists holds a lease until it expires; collection
 * deletes what no lease and none of the program's references keep, in one transaction per small
 * batch, and unlinks the generation that it deleted: a blob that comes back has a new name.
 * Any thread.
 */
#include "base/strbuf.h"
#include "db/db.h"
#include "oci/digest.h"

struct content_store;
struct content_ingest;

struct content_options {
	/* SQL that is true when the program refers to blob.digest (text), e.g.
	 * "EXISTS (SELECT 1 FROM manifest_blob m WHERE m.digest = blob.digest)". Literal. */
	const char *referenced_sql;
	int64_t lease_ns; /* 0: one hour */
	bool guest; /* another process may be serving from it: recovers and removes nothing at the start */
};

/* Makes the directory and the tables (blob, blob_lease), removes leftovers of an earlier run's
 * unfinished ingests. Borrows db. */
struct content_store *content_open(const char *path, struct db *db, const struct content_options *o,
				   struct error *err) MUST_USE;
void content_close(struct content_store *s);
DEFINE_CLEANUP(struct content_store *, content_close)

/* 1 and *ret_size (may be NULL) with the lease extended, 0 when there is none. */
int content_stat(struct content_store *s, const struct digest *d, int64_t *ret_size, struct error *err) MUST_USE;
/* The same inside a transaction that will refer to the blob. */
int content_stat_tx(struct content_store *s, struct db_tx *tx, const struct digest *d, int64_t *ret_size,
		    struct error *err) MUST_USE;
/* A descriptor for reading (the blob may be collected meanwhile: the file stays readable).
 * NOT_FOUND when there is none. */
int content_open_blob(struct content_store *s, const struct digest *d, int64_t *ret_size, struct error *err) MUST_USE;
int content_read(struct content_store *s, const struct digest *d, size_t limit, struct strbuf *out,
		 struct error *err) MUST_USE;

/* Receiving: one thread per ingest. algorithm is what the blob will be named by. */
int content_ingest_begin(struct content_store *s, enum digest_algorithm algorithm, struct content_ingest **ret,
			 struct error *err) MUST_USE;
int content_ingest_write(struct content_ingest *i, const void *data, size_t n, struct error *err) MUST_USE;
int64_t content_ingest_size(const struct content_ingest *i);
/* Syncs, names and records the blob, holding a lease. expected and expected_size (-1) are
 * checked: a mismatch is INVALID and says both. Frees i, also on failure. ret may be NULL. */
int content_ingest_commit(struct content_ingest *i, const struct digest *expected, int64_t expected_size,
			  struct digest *ret, struct error *err) MUST_USE;
/* The same without waiting for the disk: the blob is there, but a power cut before the next
 * content_sync() takes it back. For pulls, which bring many blobs and name them at the end. */
int content_ingest_commit_relaxed(struct content_ingest *i, const struct digest *expected, int64_t expected_size,
				  struct digest *ret, struct error *err) MUST_USE;
/* Makes all that was committed so far durable (one syncfs). Before whatever names the blobs. */
int content_sync(struct content_store *s, struct error *err) MUST_USE;
void content_ingest_abort(struct content_ingest *i);
/* Uploads that outlive a request or the process: suspend leaves file ingest/<name> and gives the
 * state to keep; resume takes it up at the state's offset (a longer file is cut). */
int content_ingest_suspend(struct content_ingest *i, const char *name, struct digester *ret_state,
			   int64_t *ret_size, struct error *err) MUST_USE;
int content_ingest_resume(struct content_store *s, const char *name, const struct digester *state, int64_t size,
			  struct content_ingest **ret, struct error *err) MUST_USE;
/* A file that somebody else keeps becomes a blob by a link, without a copy (with one across file systems). It must never
 * change. verify reads and hashes it first: what differs is INVALID. */
int content_adopt(struct content_store *s, const struct digest *d, int dirfd, const char *path, bool verify,
		  int64_t *ret_size, struct error *err) MUST_USE;
/* Whole small blobs (manifests, configurations). */
int content_put(struct content_store *s, const struct digest *d, const void *data, size_t n, struct error *err) MUST_USE;

/* Extends (or, until in the past, drops) the lease. */
int content_lease(struct content_store *s, const struct digest *d, int64_t until, struct error *err) MUST_USE;

struct content_collected {
	int64_t blobs, bytes;
};
/* Deletes up to max unreferenced blobs without a lease valid at now. Call again while it returns 1. */
int content_collect(struct content_store *s, int64_t now, unsigned max, struct content_collected *ret,
		    struct error *err) MUST_USE;
/* Bytes and number of all blobs. */
int content_usage(struct content_store *s, struct content_collected *ret, struct error *err) MUST_USE;
