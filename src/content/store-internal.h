/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Files of the store, below one descriptor:
 *
 *	blobs/<algorithm>/<ab>/<hex>-<generation>	blobs
 *	tmp/<random>					ingests of this run
 *	ingest/<name>					suspended ones
 *
 * A row without its file must not be: files come first and go last. A crash between the two
 * leaves a file without a row, which the next start removes.
 */
#include "content/store.h"

enum { CONTENT_PATH_MAX = 256, CONTENT_LEASE_DEFAULT_S = 3600 };

struct content_store {
	struct db *db; /* borrowed */
	int dirfd;     /* owned */
	int64_t lease_ns;
	bool guest;
	char *referenced_sql;   /* owned */
	char *sql_unreferenced; /* owned: the collector's query */
};

/* The file of a blob, relative to dirfd. */
const char *content_path(const struct digest *d, int64_t generation, char *buf);
/* 1 when there is a row, 0 when not. Outputs may be NULL; *ret_until is 0 without a lease. */
int content_find(struct db_conn *c, const struct digest *d, int64_t *ret_size, int64_t *ret_generation,
		 int64_t *ret_until, struct error *err) MUST_USE;
int content_lease_tx(struct db_conn *c, const struct digest *d, int64_t until, struct error *err) MUST_USE;
/* What a start finds: leftovers of ingests, blobs that a power cut may have damaged or orphaned. */
int content_recover(struct content_store *s, struct error *err) MUST_USE;
int content_mark_clean(struct content_store *s, struct error *err) MUST_USE;
/* The row of a file in its place; 1 when it is ours, 0 when somebody was first. */
int content_record(struct content_store *s, const struct digest *d, int64_t size, int64_t generation, bool durable,
		   struct error *err) MUST_USE;
