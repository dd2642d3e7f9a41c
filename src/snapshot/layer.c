/* SPDX-License-Identifier: Apache-2.0 */
/* Layers made of archives and of upper directories, and archives of layers. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "archive/confined.h"
#include "base/alloc.h"
#include "base/fs.h"
#include "snapshot/snapshot-internal.h"

struct layer_unpack {
	struct snapshot_store *store; /* borrowed */
	char id[LAYER_ID_MAX];        /* in tmp/ */
	int pipe;                     /* owned; -1 after finish */
	struct archive_job *job;      /* owned; NULL after finish */
	struct unpack_result result;
};

int layer_unpack_begin(struct snapshot_store *s, struct layer_unpack **ret, struct error *err)
{
	struct layer_unpack *u = NEW(struct layer_unpack);
	struct unpack_options o = { .style = UNPACK_LAYER };
	AUTO_CLOSE int dir = -1;
	int r;

	*u = (struct layer_unpack){ .store = s, .pipe = -1 };
	dir = layer_make_tmp(s, u->id, err);
	o.root_fd = dir;
	r = dir < 0 ? dir : unpack_start(&o, &u->job, &u->pipe, err);
	if (r < 0) {
		layer_unpack_abort(u);
		return r;
	}
	*ret = u;
	return 0;
}

int layer_unpack_write(struct layer_unpack *u, const void *data, size_t n, struct error *err)
{
	int r = write_full(u->pipe, data, n);

	return r < 0 ? error_set_errno(err, -r, "cannot unpack the layer") : 0;
}

void layer_unpack_abort(struct layer_unpack *u)
{
	if (!u)
		return;
	if (u->pipe >= 0)
		close(u->pipe);
	archive_job_abort(u->job);
	layer_drop_tmp(u->store, u->id);
	free(u);
}

static int check_diff_id(const struct layer_unpack *u, const struct digest *want, struct error *err)
{
	char a[DIGEST_TEXT_MAX], b[DIGEST_TEXT_MAX];

	if (!want || digest_equal(want, &u->result.diff_id))
		return 0;
	return error_set(err, ERROR_INVALID, "the layer unpacks to %s, but the image says %s",
	                 digest_format(&u->result.diff_id, a), digest_format(want, b));
}

int layer_unpack_finish(struct layer_unpack *u, const struct digest *diff_id,
                        struct digest *ret_diff_id, struct error *err)
{
	int r;

	close(TAKE_FD(u->pipe));
	r = unpack_finish(TAKE_PTR(u->job), &u->result, err);
	if (r == 0)
		r = check_diff_id(u, diff_id, err);
	if (r < 0) {
		layer_unpack_abort(u);
		return r;
	}
	if (ret_diff_id)
		*ret_diff_id = u->result.diff_id;
	return 0;
}

static int commit_unpack(struct layer_unpack *u, const struct digest *parent, bool durable,
                         struct digest *ret_chain_id, struct error *err)
{
	struct new_layer l = { .id = u->id,
		               .parent = parent,
		               .diff_id = &u->result.diff_id,
		               .size = u->result.bytes,
		               .durable = durable };
	int r = layer_record(u->store, &l, ret_chain_id, err);

	layer_unpack_abort(u); /* takes away what is left in tmp/, if it was not needed */
	return r;
}

int layer_unpack_commit(struct layer_unpack *u, const struct digest *parent_chain_id,
                        struct digest *ret_chain_id, struct error *err)
{
	return commit_unpack(u, parent_chain_id, true, ret_chain_id, err);
}

int layer_unpack_commit_relaxed(struct layer_unpack *u, const struct digest *parent_chain_id,
                                struct digest *ret_chain_id, struct error *err)
{
	return commit_unpack(u, parent_chain_id, false, ret_chain_id, err);
}

/* Packs root into an unpacking at to: the copy is what anybody would get from the layer's archive.
 */
static int copy_tree(int root, int to, struct unpack_result *ret, struct error *err)
{
	struct pack_options p = { .root_fd = root, .style = PACK_LAYER, .clamp_mtime = -1 };
	struct unpack_options o = { .root_fd = to, .style = UNPACK_LAYER };
	struct archive_job *packer, *unpacker;
	struct unpack_result packed;
	struct error ignored = { 0 };
	int fd, r = pack_start(&p, &packer, &fd, err);

	if (r < 0)
		return r;
	r = unpack_start_from(&o, fd, &unpacker, err);
	close(fd);
	if (r < 0) {
		archive_job_abort(packer);
		return r;
	}
	r = unpack_finish(unpacker, ret, err);
	if (r < 0) {
		archive_job_abort(packer);
		return r;
	}
	/* the reader saw the end: the writer's word is the last check */
	r = pack_finish(packer, &packed, &ignored);
	if (r < 0)
		*err = ignored;
	return r;
}

static int hash_tree(int root, struct unpack_result *ret, struct error *err)
{
	struct pack_options p = { .root_fd = root, .style = PACK_LAYER, .clamp_mtime = -1 };
	AUTO_CLOSE int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	struct archive_job *job;
	int r;

	if (null < 0)
		return error_set_errno(err, errno, "cannot open /dev/null");
	r = pack_start_to(&p, null, &job, err);
	return r < 0 ? r : pack_finish(job, ret, err);
}

/* 1 when moved, 0 when it is in another file system. */
static int move_tree(struct snapshot_store *s, int dirfd, const char *upper, const char *id,
                     struct error *err)
{
	char path[64];

	snprintf(path, sizeof(path), "tmp/%s/diff", id);
	if (renameat(dirfd, upper, s->dirfd, path) == 0) /* replaces the empty directory */
		return 1;
	if (errno == EXDEV)
		return 0;
	return error_set_errno(err, errno, "cannot take over the directory of changes");
}

static int fill_layer(struct snapshot_store *s, int dirfd, const char *upper, bool keep, int to,
                      const char *id, struct unpack_result *ret, struct error *err)
{
	AUTO_CLOSE int from = openat(dirfd, upper, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	int r;

	if (from < 0)
		return error_set_errno(err, errno, "cannot open the directory of changes");
	if (!keep) {
		r = hash_tree(from, ret, err);
		if (r == 0)
			r = move_tree(s, dirfd, upper, id, err);
		if (r != 0)
			return r < 0 ? r : 0;
	}
	return copy_tree(from, to, ret, err);
}

int layer_commit_upper(struct snapshot_store *s, int dirfd, const char *upper, bool keep,
                       const struct digest *parent, struct digest *ret_diff_id,
                       struct digest *ret_chain_id, int64_t *ret_size, struct error *err)
{
	struct unpack_result result;
	struct new_layer l = { .parent = parent, .diff_id = &result.diff_id, .durable = true };
	char id[LAYER_ID_MAX];
	AUTO_CLOSE int to = layer_make_tmp(s, id, err);
	int r = to < 0 ? to : fill_layer(s, dirfd, upper, keep, to, id, &result, err);

	if (r == 0) {
		l.id = id;
		l.size = result.bytes;
		r = layer_record(s, &l, ret_chain_id, err);
	}
	layer_drop_tmp(s, id);
	if (r < 0)
		return r;
	if (ret_diff_id)
		*ret_diff_id = result.diff_id;
	if (ret_size)
		*ret_size = result.bytes;
	return 0;
}

static int open_layer(struct snapshot_store *s, const struct digest *chain_id,
                      struct layer_row *row, struct error *err)
{
	AUTO_DB_READER struct db_conn *c = db_reader(s->db, err);
	char path[64], text[DIGEST_TEXT_MAX];
	int fd, r = c ? layer_find(c, chain_id, row, err) : error_errno(err);

	if (r == 0)
		return error_set(err, ERROR_NOT_FOUND, "no such layer: %s",
		                 digest_format(chain_id, text));
	if (r < 0)
		return r;
	snprintf(path, sizeof(path), "layers/%s/diff", row->id);
	fd = openat(s->dirfd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? error_set_errno(err, errno, "cannot open layer %s",
	                                digest_format(chain_id, text))
	              : fd;
}

int layer_pack(struct snapshot_store *s, const struct digest *chain_id, int fd, struct error *err)
{
	struct pack_options p = { .style = PACK_LAYER, .clamp_mtime = -1 };
	struct unpack_result result;
	struct archive_job *job;
	struct layer_row row;
	char text[DIGEST_TEXT_MAX];
	AUTO_CLOSE int root = open_layer(s, chain_id, &row, err);
	int r;

	if (root < 0)
		return root;
	p.root_fd = root;
	r = pack_start_to(&p, fd, &job, err);
	if (r == 0)
		r = pack_finish(job, &result, err);
	if (r == 0 && !digest_equal(&result.diff_id, &row.diff_id))
		r = error_set(
			err, ERROR_INTERNAL,
			"layer %s was packed by another program, whose bytes can't be made again: its blob is "
			"needed",
			digest_format(&row.diff_id, text));
	return r;
}
