/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A layer's archive as its diffID says. A layer that came from elsewhere is read back from the
 * blob it came in, since its unpacked files can't tell how the archive was written; one that was
 * made here is packed again, which gives the same bytes.
 */
#include "image/image-internal.h"

#include <errno.h>

#include "base/alloc.h"
#include "base/fs.h"

enum { CHUNK = 256 * 1024 };

struct hashed_sink {
	byte_sink_fn sink;
	void *ctx;
	struct digester digester;
};

static int hash_on(struct hashed_sink *h, const void *data, size_t n, struct error *err)
{
	digester_add(&h->digester, data, n);
	return h->sink(h->ctx, data, n, err);
}

static bool is_compressed(const char *media_type)
{
	return streq(media_type, MEDIA_DOCKER_LAYER_GZIP) ||
	       streq(media_type, MEDIA_OCI_LAYER_GZIP) || streq(media_type, MEDIA_OCI_LAYER_ZSTD);
}

struct candidate {
	struct digest digest;
	int64_t size;
	char *media_type; /* owned */
};

DEFINE_VEC(candidate_vec, struct candidate);

static void candidates_done(struct candidate_vec *v)
{
	vec_for_each (v, c)
		free(c->media_type);
	candidate_vec_done(v);
}

static int list_candidates(struct image_store *s, const struct digest *diff_id,
                           struct candidate_vec *ret, struct error *err)
{
	char text[DIGEST_TEXT_MAX];
	int r;
	AUTO_DB_READER struct db_conn *c = db_reader(s->db, err);
	if (!c)
		return error_errno(err);
	/* gzip before zstd: every registry and client takes it. */
	AUTO_DB_QUERY struct db_query *q =
		db_query(c, err,
	                 "SELECT digest, size, media_type FROM image_layer_blob WHERE diff_id = ?"
	                 " ORDER BY media_type LIKE '%zstd', size",
	                 "s", digest_format(diff_id, text));
	if (!q)
		return error_errno(err);
	while ((r = db_step(q, err)) > 0) {
		struct candidate a = { .size = db_i64(q, 1) };
		if (digest_parse(str_from(db_text(q, 0)), &a.digest) < 0)
			continue;
		a.media_type = xstrdup(db_text(q, 2));
		candidate_vec_push(ret, a);
	}
	return r;
}

int layer_archive(struct image_store *s, const struct digest *diff_id, bool compressed,
                  struct image_archive *ret, char **ret_media_type, struct error *err)
{
	CLEANUP(candidates_done) struct candidate_vec v = { 0 };
	int r = list_candidates(s, diff_id, &v, err);

	for (size_t i = 0; r == 0 && i < v.len; i++) {
		if (compressed && !is_compressed(v.ptr[i].media_type))
			continue;
		r = content_stat(s->content, &v.ptr[i].digest, NULL, err);
		if (r <= 0)
			continue;
		*ret_media_type = TAKE_PTR(v.ptr[i].media_type);
		*ret = (struct image_archive){ .digest = v.ptr[i].digest,
			                       .size = v.ptr[i].size,
			                       .media_type = *ret_media_type };
	}
	return r;
}

static int stream_decoded(struct byte_source *from, struct hashed_sink *h, struct error *err)
{
	CLEANUP(codec_reader_free_ptr) struct codec_reader *reader = NULL;
	AUTO_FREE char *buf = xmalloc(CHUNK);
	int r = codec_reader_open(from, 0, &reader, err);
	while (r >= 0) {
		ssize_t n = codec_read(reader, buf, CHUNK, err);
		if (n <= 0)
			return (int)n;
		r = hash_on(h, buf, (size_t)n, err);
	}
	return r;
}

static int stream_blob(struct image_store *s, const struct digest *blob, struct hashed_sink *h,
                       struct error *err)
{
	struct byte_source_fd source;
	AUTO_CLOSE int fd = content_open_blob(s->content, blob, NULL, err);
	if (fd < 0)
		return error_errno(err);
	byte_source_fd_init(&source, fd);
	return stream_decoded(&source.base, h, err);
}

struct packing {
	struct image_store *store;
	const struct digest *chain_id;
	int fd; /* owned: the pipe's end for writing */
	struct error err;
	int result;
};

static void *pack(void *ctx)
{
	struct packing *p = ctx;
	p->result = layer_pack(p->store->snapshots, p->chain_id, p->fd, &p->err);
	close(p->fd);
	return NULL;
}

static int drain(int fd, struct hashed_sink *h, struct error *err)
{
	AUTO_FREE char *buf = xmalloc(CHUNK);

	for (;;) {
		ssize_t n = read(fd, buf, CHUNK);
		if (n == 0)
			return 0;
		if (n < 0)
			return error_set_errno(err, errno, "reading a packed layer");
		int r = hash_on(h, buf, (size_t)n, err);
		if (r < 0)
			return r;
	}
}

static int stream_packed(struct image_store *s, const struct digest *chain_id,
                         struct hashed_sink *h, struct error *err)
{
	int fds[2];
	pthread_t thread;
	if (pipe2(fds, O_CLOEXEC) < 0)
		return error_set_errno(err, errno, "pipe");
	AUTO_CLOSE int from = fds[0];
	struct packing p = { .store = s, .chain_id = chain_id, .fd = fds[1] };
	int r = thread_start(&thread, pack, &p, err);
	if (r < 0) {
		close(fds[1]);
		return r;
	}
	r = drain(from, h, err);
	/* Unblocks the packer when we stopped early. */
	close(TAKE_FD(from));
	pthread_join(thread, NULL);
	if (r < 0)
		return r;
	if (p.result < 0)
		*err = p.err;
	return p.result;
}

int layer_stream(struct image_store *s, const struct digest *diff_id, const struct digest *chain_id,
                 byte_sink_fn sink, void *ctx, struct error *err)
{
	struct hashed_sink h = { .sink = sink, .ctx = ctx };
	struct image_archive archive;
	AUTO_FREE char *type = NULL;
	char want[DIGEST_TEXT_MAX], have[DIGEST_TEXT_MAX];
	struct digest got;

	digester_init(&h.digester, diff_id->algorithm);
	int r = layer_archive(s, diff_id, false, &archive, &type, err);
	if (r > 0)
		r = stream_blob(s, &archive.digest, &h, err);
	else if (r == 0)
		r = stream_packed(s, chain_id, &h, err);
	if (r < 0)
		return error_prefix(err, "layer %s", digest_format(diff_id, want));
	digester_finish(&h.digester, &got);
	if (!digest_equal(&got, diff_id))
		return error_set(
			err, ERROR_INTERNAL,
			"layer %s can't be reproduced: its files give %s, and the archive that it "
			"came in is gone; pull or load the image again",
			digest_format(diff_id, want), digest_format(&got, have));
	return 0;
}
