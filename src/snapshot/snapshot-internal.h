/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Below the store's directory:
 *
 *	layers/<id>/diff	unpacked layers, named by rows
 *	tmp/<id>/diff		layers being made
 *	trash/<id>		on their way out
 *
 * A row without its directory must not be: directories come by rename just before their row is
 * committed, and go after it is. What a crash leaves behind is moved to the trash at the start.
 */
#include <pthread.h>
#include <sys/stat.h>

#include "snapshot/snapshot.h"

enum {
	LAYER_ID_BYTES = 8,
	LAYER_ID_MAX = 2 * LAYER_ID_BYTES + 1,
	LAYER_CHAIN_MAX = 512, /* layers below each other; overlayfs takes 500 */
	LAYER_LEASE_S = 3600,
};

struct snapshot_store {
	struct db *db; /* borrowed */
	int dirfd;     /* owned */
	char *path;    /* owned; absolute */
	char *sql_unreferenced; /* owned: the collector's query */
	pthread_t sweeper;      /* empties the trash that a start found */
	bool has_sweeper;
};

/* A row of layer. */
struct layer_row {
	char id[LAYER_ID_MAX];
	int64_t size;
	int64_t until; /* of the lease; 0 without one */
	bool synced;
	struct digest diff_id;
	struct digest parent; /* not set for the lowest */
};

/* 1 when there is such a layer, 0 not. */
int layer_find(struct db_conn *c, const struct digest *chain_id, struct layer_row *ret, struct error *err) MUST_USE;
int layer_lease_tx(struct db_conn *c, const struct digest *chain_id, int64_t until, struct error *err) MUST_USE;
/* tmp/<id>/diff, open; id is filled. */
int layer_make_tmp(struct snapshot_store *s, char *id, struct error *err) MUST_USE;
void layer_drop_tmp(struct snapshot_store *s, const char *id);

struct new_layer {
	const char *id; /* in tmp/ */
	const struct digest *parent; /* or NULL */
	const struct digest *diff_id;
	int64_t size;
	bool durable;
};

/* Moves tmp/<id> to its place and records it, or drops it when the chain has come into being meanwhile. */
int layer_record(struct snapshot_store *s, const struct new_layer *l, struct digest *ret_chain_id,
		 struct error *err) MUST_USE;

/* Where a path of the container comes from when the layers lie on each other. */
struct layer_stack {
	int *fds; /* owned; the uppermost first */
	size_t n;
};

void layer_stack_done(struct layer_stack *k);
/* The init directory (when there is one) and the chain's layers. */
int layer_stack_open(struct snapshot_store *s, const struct snapshot_mount *m, bool with_init,
		     struct layer_stack *ret, struct error *err) MUST_USE;
/* 1 and *ret when path (relative) is there, without following links; 0 when not. */
int layer_stack_stat(const struct layer_stack *k, const char *path, struct stat *ret);
bool layer_is_whiteout(const struct stat *st);
bool layer_is_opaque(int dirfd, const char *path);

int snapshot_recover(struct snapshot_store *s, struct error *err) MUST_USE;
/* Renames layers/<id> (or tmp/<id>) into the trash; remove it with snapshot_empty_trash(). */
int snapshot_to_trash(struct snapshot_store *s, const char *from, const char *id);
void snapshot_empty_trash(struct snapshot_store *s);
int snapshot_make_init(struct snapshot_store *s, const struct snapshot_mount *m, int dirfd,
		       struct error *err) MUST_USE;
