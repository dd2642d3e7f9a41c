/* SPDX-License-Identifier: Apache-2.0 */
/* A snapshot store for tests: layers are their archives, in memory. Needs no rights, unpacks
 * nothing. */
#include "snapshot/snapshot.h"

#include "archive/codec.h"
#include "base/alloc.h"
#include "base/fs.h"
#include "base/map.h"
#include "base/thread.h"
#include "oci/image-config.h"

enum { CHUNK = 65536 };

struct snapshot_store {
	pthread_mutex_t lock; /* layers */
	struct map *layers;   /* chainID text -> struct strbuf with the plain archive, owned */
};

struct layer_unpack {
	struct snapshot_store *store;
	struct strbuf in, plain;
	struct digest diff_id;
};

struct memory_source {
	struct byte_source base;
	struct str rest;
};

struct snapshot_store *snapshot_open(const char *path, struct db *db,
                                     const struct snapshot_options *o, struct error *err)
{
	struct snapshot_store *s = NEW(struct snapshot_store);
	pthread_mutex_init(&s->lock, NULL);
	s->layers = map_new();
	return s;
}

void snapshot_close(struct snapshot_store *s)
{
	size_t pos = 0;
	const char *key;
	void *value;

	while (map_next(s->layers, &pos, &key, &value)) {
		strbuf_done(value);
		free(value);
	}
	map_free(s->layers);
	free(s);
}

int layer_exists(struct snapshot_store *s, const struct digest *chain_id, int64_t *ret_size,
                 struct error *err)
{
	char text[DIGEST_TEXT_MAX];
	WITH_LOCK(&s->lock);
	const struct strbuf *layer = map_get(s->layers, digest_format(chain_id, text));
	if (layer && ret_size)
		*ret_size = (int64_t)layer->len;
	return layer != NULL;
}

int layer_unpack_begin(struct snapshot_store *s, struct layer_unpack **ret, struct error *err)
{
	*ret = NEW(struct layer_unpack);
	(*ret)->store = s;
	return 0;
}

int layer_unpack_write(struct layer_unpack *u, const void *data, size_t n, struct error *err)
{
	strbuf_add(&u->in, data, n);
	return 0;
}

void layer_unpack_abort(struct layer_unpack *u)
{
	strbuf_done(&u->in);
	strbuf_done(&u->plain);
	free(u);
}

static ssize_t read_memory(struct byte_source *s, void *buf, size_t n, struct error *err)
{
	struct memory_source *m = container_of(s, struct memory_source, base);
	size_t part = MIN(n, m->rest.len);
	memcpy(buf, m->rest.ptr, part);
	m->rest = str_n(m->rest.ptr + part, m->rest.len - part);
	return (ssize_t)part;
}

static int decode(struct layer_unpack *u, struct error *err)
{
	struct memory_source source = { .base = { read_memory }, .rest = strbuf_str(&u->in) };
	CLEANUP(codec_reader_free_ptr) struct codec_reader *reader = NULL;
	int r = codec_reader_open(&source.base, 0, &reader, err);
	while (r >= 0) {
		char *room = strbuf_reserve(&u->plain, CHUNK);
		ssize_t n = codec_read(reader, room, CHUNK, err);
		strbuf_added(&u->plain, n > 0 ? (size_t)n : 0);
		if (n <= 0)
			return (int)n;
	}
	return r;
}

int layer_unpack_finish(struct layer_unpack *u, const struct digest *diff_id,
                        struct digest *ret_diff_id, struct error *err)
{
	int r = decode(u, err);
	digest_of(DIGEST_SHA256, strbuf_cstr(&u->plain), u->plain.len, &u->diff_id);
	if (r >= 0 && diff_id && !digest_equal(diff_id, &u->diff_id))
		r = error_set(err, ERROR_INVALID,
		              "the layer does not have the diffID of its configuration");
	if (r < 0) {
		layer_unpack_abort(u);
		return r;
	}
	if (ret_diff_id)
		*ret_diff_id = u->diff_id;
	return 0;
}

int snapshot_sync(struct snapshot_store *s, struct error *err)
{
	return 0;
}

int layer_unpack_commit_relaxed(struct layer_unpack *u, const struct digest *parent_chain_id,
                                struct digest *ret_chain_id, struct error *err)
{
	char text[DIGEST_TEXT_MAX];
	struct digest chain =
		parent_chain_id ? image_chain_next(parent_chain_id, &u->diff_id) : u->diff_id;

	pthread_mutex_lock(&u->store->lock);
	if (!map_get(u->store->layers, digest_format(&chain, text))) {
		map_set(u->store->layers, text, xmemdup(&u->plain, sizeof(u->plain)));
		u->plain = (struct strbuf){ 0 };
	}
	pthread_mutex_unlock(&u->store->lock);
	if (ret_chain_id)
		*ret_chain_id = chain;
	layer_unpack_abort(u);
	return 0;
}

int layer_pack(struct snapshot_store *s, const struct digest *chain_id, int fd, struct error *err)
{
	char text[DIGEST_TEXT_MAX];
	WITH_LOCK(&s->lock);
	const struct strbuf *layer = map_get(s->layers, digest_format(chain_id, text));
	if (!layer)
		return error_set(err, ERROR_NOT_FOUND, "no layer %s", text);
	int r = write_full(fd, layer->ptr, layer->len);
	return r < 0 ? error_set_errno(err, -r, "writing a layer") : 0;
}
