/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `docker save`: an OCI layout and Docker's manifest.json over the same blobs, as one tar. Layers
 * lie uncompressed under their diffIDs. A tar entry's size comes before its bytes, so a layer is
 * streamed twice, once to measure it: nothing is spooled to disk.
 */
#include "image/image-internal.h"

#include <errno.h>
#include <stdio.h>

#include "archive/tar.h"
#include "base/alloc.h"
#include "base/fs.h"
#include "base/map.h"
#include "base/time.h"

/* An image to be saved and the names to save it under. */
struct saved {
	struct image *image;
	struct strv names; /* full references with tags */
	struct strbuf config, manifest;
	struct digest manifest_digest;
	int64_t *sizes; /* of the layers' archives */
};

DEFINE_VEC(saved_vec, struct saved);

struct save {
	struct image_store *store;
	const struct job *job;
	struct saved_vec images;
	struct map *written; /* names of entries that are in the tar; values unused */
	struct tar_writer *tar;
	int fd;
};

static void save_done(struct save *v)
{
	vec_for_each (&v->images, i) {
		image_free(i->image);
		strv_done(&i->names);
		strbuf_done(&i->config);
		strbuf_done(&i->manifest);
		free(i->sizes);
	}
	saved_vec_done(&v->images);
	map_free(v->written);
	tar_writer_free(v->tar);
}

static int to_fd(void *ctx, const void *data, size_t n, struct error *err)
{
	const struct save *v = ctx;
	int r = job_check(v->job, err);
	if (r < 0)
		return r;
	r = write_full(v->fd, data, n);
	return r < 0 ? error_set_errno(err, -r, "writing the archive") : 0;
}

static int count(void *ctx, const void *data, size_t n, struct error *err)
{
	int64_t *size = ctx;
	*size += (int64_t)n;
	return 0;
}

static struct saved *find_saved(struct save *v, const struct digest *id)
{
	vec_for_each (&v->images, i) {
		if (digest_equal(&i->image->id, id))
			return i;
	}
	return NULL;
}

static struct saved *add_image(struct save *v, struct image *image)
{
	struct saved *have = find_saved(v, &image->id);
	if (have) {
		image_free(image);
		return have;
	}
	return saved_vec_push(&v->images, (struct saved){ .image = image });
}

static int tags_of(struct image_store *s, const char *name, struct strv *tags, struct strv *ids,
                   struct error *err)
{
	int r;
	AUTO_DB_READER struct db_conn *c = db_reader(s->db, err);
	if (!c)
		return error_errno(err);
	AUTO_DB_QUERY struct db_query *q = db_query(
		c, err, "SELECT tag, image FROM image_tag WHERE name = ? ORDER BY tag", "s", name);
	if (!q)
		return error_errno(err);
	while ((r = db_step(q, err)) > 0) {
		strv_add(tags, db_text(q, 0));
		strv_add(ids, db_text(q, 1));
	}
	return r;
}

/* A name without a tag means all tags of the repository. 1 when there was one. */
static int add_repository(struct save *v, const struct reference *ref, struct error *err)
{
	AUTO_STRV tags = { 0 };
	AUTO_STRV ids = { 0 };
	AUTO_FREE char *name = reference_full_name(ref);
	int r = tags_of(v->store, name, &tags, &ids, err);

	for (size_t i = 0; r >= 0 && i < tags.len; i++) {
		struct image *image;
		r = image_load_row(v->store, ids.ptr[i], &image, err);
		if (r > 0)
			strv_printf(&add_image(v, image)->names, "%s:%s", name, tags.ptr[i]);
	}
	return r < 0 ? r : tags.len > 0;
}

static int add_name(struct save *v, const char *name, struct error *err)
{
	AUTO_REFERENCE ref = { 0 };
	struct error ignored;
	struct image *image;
	bool is_reference = reference_parse(name, &ref, &ignored) >= 0;

	if (is_reference && !ref.tag && !digest_is_set(&ref.digest)) {
		int r = add_repository(v, &ref, err);
		if (r != 0)
			return r < 0 ? r : 0;
	}
	int r = image_get(v->store, name, &image, err);
	if (r < 0)
		return r;
	bool by_tag = is_reference && ref.tag && !digest_is_set(&ref.digest) &&
	              !image_name_is_id(name, &image->id);
	struct saved *i = add_image(v, image);
	if (by_tag) {
		AUTO_FREE char *full = reference_full(&ref);
		if (!strv_has(&i->names, full))
			strv_add(&i->names, full);
	}
	return 0;
}

static int add_entry(struct save *v, const char *name, const void *data, size_t n,
                     struct error *err)
{
	if (map_get(v->written, name))
		return 0;
	map_set(v->written, name, v);
	return tar_write_file(v->tar, name, data, n, 0, err);
}

static int add_directory(struct save *v, const char *name, struct error *err)
{
	char path[64];
	snprintf(path, sizeof(path), "%s", name);
	struct tar_entry e = { .type = TAR_DIRECTORY, .name = path, .mode = 0755 };
	return tar_write_header(v->tar, &e, err);
}

/* "blobs/sha256/<hex>"; owned. */
static char *blob_name(const struct digest *d)
{
	char hex[DIGEST_TEXT_MAX];
	return xasprintf("blobs/%s/%s", digest_algorithm_name(d->algorithm), digest_hex(d, hex));
}

static int add_blob(struct save *v, const struct digest *d, const struct strbuf *bytes,
                    struct error *err)
{
	AUTO_FREE char *name = blob_name(d);
	return add_entry(v, name, bytes->ptr, bytes->len, err);
}

static int to_tar(void *ctx, const void *data, size_t n, struct error *err)
{
	return tar_write_data(ctx, data, n, err);
}

static int add_layer(struct save *v, const struct image_config *c, size_t n, int64_t *ret_size,
                     struct error *err)
{
	struct digest chain;
	AUTO_FREE char *name = blob_name(&c->diff_ids.ptr[n]);

	image_chain_id(c->diff_ids.ptr, n + 1, &chain);
	*ret_size = 0;
	int r = layer_stream(v->store, &c->diff_ids.ptr[n], &chain, count, ret_size, err);
	if (r < 0 || map_get(v->written, name))
		return r;
	map_set(v->written, name, v);
	struct tar_entry e = { .type = TAR_FILE, .name = name, .mode = 0644, .size = *ret_size };
	r = tar_write_header(v->tar, &e, err);
	return r < 0 ? r : layer_stream(v->store, &c->diff_ids.ptr[n], &chain, to_tar, v->tar, err);
}

/* The OCI manifest of what is in the tar: plain layers. */
static void make_manifest(struct saved *i)
{
	AUTO_MANIFEST m = {
		.kind = MANIFEST_IMAGE,
		.media_type = xstrdup(MEDIA_OCI_MANIFEST),
		.config = { .media_type = xstrdup(MEDIA_OCI_CONFIG),
		            .digest = i->image->id,
		            .size = (int64_t)i->config.len },
	};
	struct json_writer w;

	for (size_t n = 0; n < i->image->config.diff_ids.len; n++)
		descriptor_vec_push(&m.layers,
		                    (struct descriptor){ .media_type = xstrdup(MEDIA_OCI_LAYER),
		                                         .digest = i->image->config.diff_ids.ptr[n],
		                                         .size = i->sizes[n] });
	json_writer_init(&w, &i->manifest);
	manifest_encode(&w, &m);
	digest_of(DIGEST_SHA256, i->manifest.ptr, i->manifest.len, &i->manifest_digest);
}

static int write_image(struct save *v, struct saved *i, struct error *err)
{
	const struct image_config *c = &i->image->config;
	int r = image_config_bytes(v->store, &i->image->id, &i->config, err);

	i->sizes = xcalloc(c->diff_ids.len + 1, sizeof(*i->sizes));
	for (size_t n = 0; r >= 0 && n < c->diff_ids.len; n++)
		r = add_layer(v, c, n, &i->sizes[n], err);
	if (r >= 0)
		r = add_blob(v, &i->image->id, &i->config, err);
	if (r < 0)
		return r;
	make_manifest(i);
	return add_blob(v, &i->manifest_digest, &i->manifest, err);
}

static void encode_index_entry(struct json_writer *w, const struct saved *i, const char *name)
{
	struct descriptor d = { .media_type = xstrdup(MEDIA_OCI_MANIFEST),
		                .digest = i->manifest_digest,
		                .size = (int64_t)i->manifest.len };
	const char *tag = name ? strrchr(name, ':') : NULL;

	if (name)
		strmap_set(&d.annotations, "io.containerd.image.name", name);
	if (tag)
		strmap_set(&d.annotations, "org.opencontainers.image.ref.name", tag + 1);
	descriptor_encode(w, &d);
	descriptor_done(&d);
}

static void encode_index(const struct save *v, struct strbuf *out)
{
	struct json_writer w;

	json_writer_init(&w, out);
	jw_object(&w);
	jw_kv_i64(&w, "schemaVersion", 2);
	jw_kv_string(&w, "mediaType", MEDIA_OCI_INDEX);
	jw_key(&w, "manifests");
	jw_array(&w);
	for (size_t n = 0; n < v->images.len; n++) {
		const struct saved *i = &v->images.ptr[n];
		if (!i->names.len)
			encode_index_entry(&w, i, NULL);
		for (size_t k = 0; k < i->names.len; k++)
			encode_index_entry(&w, i, i->names.ptr[k]);
	}
	jw_array_end(&w);
	jw_object_end(&w);
}

/* What people call a full reference; owned. */
static char *familiar(const char *full)
{
	AUTO_REFERENCE ref = { 0 };
	struct error ignored;
	return reference_parse(full, &ref, &ignored) < 0 ? xstrdup(full) : reference_familiar(&ref);
}

static void encode_docker_image(struct json_writer *w, const struct saved *i)
{
	AUTO_FREE char *config = blob_name(&i->image->id);

	jw_object(w);
	jw_kv_string(w, "Config", config);
	jw_key(w, "RepoTags");
	if (!i->names.len)
		jw_null(w);
	else {
		jw_array(w);
		for (size_t n = 0; n < i->names.len; n++) {
			AUTO_FREE char *name = familiar(i->names.ptr[n]);
			jw_string(w, name);
		}
		jw_array_end(w);
	}
	jw_key(w, "Layers");
	jw_array(w);
	for (size_t n = 0; n < i->image->config.diff_ids.len; n++) {
		AUTO_FREE char *name = blob_name(&i->image->config.diff_ids.ptr[n]);
		jw_string(w, name);
	}
	jw_array_end(w);
	jw_object_end(w);
}

static void encode_docker_manifest(const struct save *v, struct strbuf *out)
{
	struct json_writer w;

	json_writer_init(&w, out);
	jw_array(&w);
	for (size_t n = 0; n < v->images.len; n++)
		encode_docker_image(&w, &v->images.ptr[n]);
	jw_array_end(&w);
}

static int write_tables(struct save *v, struct error *err)
{
	static const char layout[] = "{\"imageLayoutVersion\":\"1.0.0\"}";
	AUTO_STRBUF index = { 0 };
	AUTO_STRBUF manifest = { 0 };

	encode_index(v, &index);
	encode_docker_manifest(v, &manifest);
	int r = add_entry(v, "index.json", index.ptr, index.len, err);
	if (r >= 0)
		r = add_entry(v, "manifest.json", manifest.ptr, manifest.len, err);
	return r < 0 ? r : add_entry(v, "oci-layout", layout, sizeof(layout) - 1, err);
}

int image_save(struct image_store *s, const struct strv *names, int fd, const struct job *job,
               struct error *err)
{
	CLEANUP(save_done)
	struct save v = { .store = s, .job = job, .fd = fd, .written = map_new() };
	int r = 0;

	/* All names first: an unknown one is told before the first byte. */
	for (size_t n = 0; r >= 0 && n < names->len; n++)
		r = add_name(&v, names->ptr[n], err);
	if (r < 0)
		return r;
	v.tar = tar_writer_new(to_fd, &v);
	r = add_directory(&v, "blobs/", err);
	if (r >= 0)
		r = add_directory(&v, "blobs/sha256/", err);
	for (size_t n = 0; r >= 0 && n < v.images.len; n++)
		r = write_image(&v, &v.images.ptr[n], err);
	if (r >= 0)
		r = write_tables(&v, err);
	if (r >= 0)
		r = tar_writer_finish(v.tar, err);
	for (size_t n = 0; r >= 0 && n < v.images.len; n++) {
		char id[DIGEST_TEXT_MAX];
		image_event(s, "save", digest_format(&v.images.ptr[n].image->id, id), id);
	}
	return r;
}
