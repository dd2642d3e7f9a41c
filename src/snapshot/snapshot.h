/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Unpacked layers, shared read-only by chainID, and the writable snapshots that containers and
 * builds put on top (overlayfs). Layers live in layers/<id>/diff; one is unpacked under tmp/,
 * synced (syncfs), renamed and only then recorded; removal renames into trash/ first.
 * Any thread.
 */
#include "db/db.h"
#include "oci/digest.h"
#include "base/strbuf.h"
#include "base/vec.h"

struct snapshot_store;

struct snapshot_options {
	/* SQL that is true when the program refers to layer.chain_id (text). */
	const char *referenced_sql;
};

struct snapshot_store *snapshot_open(const char *path, struct db *db, const struct snapshot_options *o,
				     struct error *err) MUST_USE;
void snapshot_close(struct snapshot_store *s);
DEFINE_CLEANUP(struct snapshot_store *, snapshot_close)

/* 1 when the chain is there, 0 not. ret_diff_size may be NULL. Extends the layer's lease. */
int layer_exists(struct snapshot_store *s, const struct digest *chain_id, int64_t *ret_size, struct error *err) MUST_USE;

/* Unpacking one layer on its parent (NULL for the lowest). Bytes are the compressed archive, in
 * any chunks. Layers of one image may be unpacked at once, in any order: the parent need not be
 * there before finish. */
struct layer_unpack;
int layer_unpack_begin(struct snapshot_store *s, struct layer_unpack **ret, struct error *err) MUST_USE;
int layer_unpack_write(struct layer_unpack *u, const void *data, size_t n, struct error *err) MUST_USE;
/* End of input: waits for the child. diff_id NULL: not checked. Frees u on failure; on success
 * follow with layer_unpack_commit or _abort. */
int layer_unpack_finish(struct layer_unpack *u, const struct digest *diff_id, struct digest *ret_diff_id,
			struct error *err) MUST_USE;
/* Makes the layer durable and names it. If the chain has come into being meanwhile, that one is
 * kept. Frees u. ret_chain_id may be NULL. */
int layer_unpack_commit(struct layer_unpack *u, const struct digest *parent_chain_id, struct digest *ret_chain_id,
			struct error *err) MUST_USE;
/* The same without waiting for the disk: the layer is there, but a power cut before the next
 * snapshot_sync() takes it back. For images of several layers. */
int layer_unpack_commit_relaxed(struct layer_unpack *u, const struct digest *parent_chain_id,
				struct digest *ret_chain_id, struct error *err) MUST_USE;
/* Makes all layers committed so far durable (one syncfs). Before whatever names them. */
int snapshot_sync(struct snapshot_store *s, struct error *err) MUST_USE;
void layer_unpack_abort(struct layer_unpack *u);

/* Makes an upper directory (of a container or a build step, at upper in dirfd) a layer: by copy (reflinks
 * where the file system has them) when keep, by rename otherwise. */
int layer_commit_upper(struct snapshot_store *s, int dirfd, const char *upper, bool keep, const struct digest *parent,
		       struct digest *ret_diff_id, struct digest *ret_chain_id, int64_t *ret_size, struct error *err) MUST_USE;
/* The layer's tar as its diffID says, byte-exact for layers we packed ourselves; others come from
 * their blobs (content/). Writes to fd. */
int layer_pack(struct snapshot_store *s, const struct digest *chain_id, int fd, struct error *err) MUST_USE;

/* The diff directories of a chain, lowest last, as overlayfs wants them. Owned paths. */
int layer_paths(struct snapshot_store *s, const struct digest *chain_id, struct strv *ret, struct error *err) MUST_USE;

/* A container's place: directory with upper/, work/, init/ (the mount points that runtimes need:
 * /dev /proc /sys /etc/hosts /etc/hostname /etc/resolv.conf, as a layer of its own above the image's, so that
 * diffs stay clean and an image's links there are covered), merged/. */
struct snapshot_mount {
	const char *directory; /* absolute, exists */
	const struct digest *chain_id; /* NULL: no image layers (FROM scratch without files) */
	bool read_only;
};
int snapshot_prepare(struct snapshot_store *s, const struct snapshot_mount *m, struct error *err) MUST_USE;
/* Mounts it at <directory>/merged in the calling process's mount namespace; fine when mounted already. */
int snapshot_mount(struct snapshot_store *s, const struct snapshot_mount *m, struct error *err) MUST_USE;
int snapshot_unmount(const char *directory, struct error *err) MUST_USE;
/* For `diff`: path and kind ('A', 'C', 'D') of each change of upper against the chain. */
typedef int (*snapshot_change_fn)(void *ctx, char kind, const char *path);
int snapshot_changes(struct snapshot_store *s, const struct snapshot_mount *m, snapshot_change_fn fn, void *ctx,
		     struct error *err) MUST_USE;
/* Bytes on disk of a directory tree, hard links once. */
int64_t snapshot_tree_size(int dirfd, const char *path);

/* Removes up to max layers that nothing refers to (children before parents). 1: there is more. */
int layer_collect(struct snapshot_store *s, int64_t now, unsigned max, int64_t *ret_bytes, struct error *err) MUST_USE;
