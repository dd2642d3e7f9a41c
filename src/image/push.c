/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pushing. An image that was pulled goes out with the manifest and the blobs it came with, so
 * that its digest stays the same everywhere. One that was made here (or whose blobs are gone) gets
 * a Docker schema 2 manifest over archives that are compressed once and then kept.
 */
#include "image/image-internal.h"

#include <stdio.h>
#include <sys/mman.h>

#include "base/alloc.h"
#include "base/fs.h"
#include "base/time.h"

enum { REPORT_EVERY_MS = 100 };

struct push_layer {
	struct digest diff_id, chain_id;
	char id[SHORT_ID_MAX];
	struct descriptor blob; /* owned; of the manifest as pulled, or once it is known */
};

struct push {
	struct image_store *store;
	struct remote *remote;
	struct report *report;
	const struct reference *ref; /* with a tag */
	struct image *image;         /* owned */
	struct strbuf config_bytes, manifest_bytes;
	char *manifest_type;
	struct manifest manifest;
	bool original; /* the manifest is the pulled one */
	struct push_layer *layers;
	size_t n;
	/* workers */
	pthread_mutex_t lock; /* next, failed, err */
	size_t next;
	bool failed;
	struct error err;
};

static void push_done(struct push *p)
{
	for (size_t i = 0; i < p->n; i++)
		descriptor_done(&p->layers[i].blob);
	free(p->layers);
	image_free(p->image);
	strbuf_done(&p->config_bytes);
	strbuf_done(&p->manifest_bytes);
	free(p->manifest_type);
	manifest_done(&p->manifest);
	pthread_mutex_destroy(&p->lock);
}

/* The manifest that the image came with, when there is one. */
static int load_manifest(struct push *p, struct error *err)
{
	int r = image_manifest_bytes(p->store, &p->image->id, &p->manifest_bytes, err);
	if (r <= 0)
		return r;
	p->manifest_type = xstrdup(p->image->manifest_media_type);
	r = manifest_parse(strbuf_str(&p->manifest_bytes), p->manifest_type, &p->manifest, err);
	if (r < 0)
		return r;
	p->original = p->manifest.layers.len == p->n;
	for (size_t i = 0; p->original && i < p->n; i++)
		descriptor_copy(&p->manifest.layers.ptr[i], &p->layers[i].blob);
	return 0;
}

static int load_image(struct push *p, const char *id, struct error *err)
{
	int r = image_load_row(p->store, id, &p->image, err);
	if (r == 0)
		return error_set(err, ERROR_NOT_FOUND, "No such image: %s", id);
	if (r < 0)
		return r;
	const struct digest_vec *diffs = &p->image->config.diff_ids;
	p->n = diffs->len;
	p->layers = xcalloc(p->n + 1, sizeof(*p->layers));
	for (size_t i = 0; i < p->n; i++) {
		p->layers[i].diff_id = diffs->ptr[i];
		image_chain_id(diffs->ptr, i + 1, &p->layers[i].chain_id);
		short_id(&diffs->ptr[i], p->layers[i].id);
	}
	r = image_config_bytes(p->store, &p->image->id, &p->config_bytes, err);
	return r < 0 ? r : load_manifest(p, err);
}

/* A layer's archive is being compressed into the content store. */
struct compressing {
	struct content_ingest *ingest;
	struct codec_writer *writer;
	struct push *push;
};

static int to_ingest(void *ctx, const void *data, size_t n, struct error *err)
{
	return content_ingest_write(ctx, data, n, err);
}

static int to_writer(void *ctx, const void *data, size_t n, struct error *err)
{
	struct compressing *c = ctx;
	int r = job_check(c->push->report->job, err);
	return r < 0 ? r : codec_write(c->writer, data, n, err);
}

static int record_archive(struct image_store *s, const struct digest *diff_id,
                          const struct image_archive *a, struct error *err)
{
	AUTO_DB_TX struct db_tx *tx = db_begin(s->db, DB_RELAXED, err);
	if (!tx)
		return error_errno(err);
	int r = image_add_archive(tx->conn, diff_id, a, err);
	return r < 0 ? r : db_commit(&tx, err);
}

static int compress_layer(struct push *p, const struct push_layer *l, struct image_archive *ret,
                          struct error *err)
{
	struct compressing c = { .push = p };
	CLEANUP(codec_writer_free_ptr) struct codec_writer *writer = NULL;
	int r = content_ingest_begin(p->store->content, DIGEST_SHA256, &c.ingest, err);
	if (r < 0)
		return r;
	r = codec_writer_open(CODEC_GZIP, 0, to_ingest, c.ingest, &writer, err);
	c.writer = writer;
	if (r >= 0)
		r = layer_stream(p->store, &l->diff_id, &l->chain_id, to_writer, &c, err);
	if (r >= 0)
		r = codec_writer_finish(writer, err);
	if (r < 0) {
		content_ingest_abort(c.ingest);
		return r;
	}
	*ret = (struct image_archive){ .size = content_ingest_size(c.ingest),
		                       .media_type = MEDIA_DOCKER_LAYER_GZIP };
	r = content_ingest_commit(c.ingest, NULL, -1, &ret->digest, err);
	return r < 0 ? r : record_archive(p->store, &l->diff_id, ret, err);
}

/* A compressed archive of the layer, made when there is none. */
static int find_archive(struct push *p, struct push_layer *l, struct error *err)
{
	struct image_archive archive = { 0 };
	AUTO_FREE char *type = NULL;
	int r = layer_archive(p->store, &l->diff_id, true, &archive, &type, err);
	if (r == 0) {
		report(p->report, l->id, "Preparing");
		r = compress_layer(p, l, &archive, err);
	}
	if (r < 0)
		return r;
	const char *media = streq(archive.media_type, MEDIA_OCI_LAYER_GZIP)
	                            ? MEDIA_DOCKER_LAYER_GZIP
	                            : archive.media_type;
	descriptor_done(&l->blob);
	l->blob = (struct descriptor){ .media_type = xstrdup(media),
		                       .digest = archive.digest,
		                       .size = archive.size };
	return 0;
}

struct upload {
	struct push *push;
	struct push_layer *layer;
	int64_t next_report;
};

static void on_sent(void *ctx, int64_t done)
{
	struct upload *u = ctx;
	int64_t now = time_monotonic();
	if (now < u->next_report)
		return;
	u->next_report = now + REPORT_EVERY_MS * NSEC_PER_MSEC;
	report_amount(u->push->report, u->layer->id, "Pushing", done, u->layer->blob.size);
}

/* The repositories of the same registry that are known to have the blob: paths. */
static int list_origins(struct push *p, const struct digest *d, struct strv *ret, struct error *err)
{
	enum { ORIGINS_TRIED = 3 };
	char text[DIGEST_TEXT_MAX];
	int r = 0;
	size_t n = strlen(p->ref->domain);
	AUTO_FREE char *own = reference_full_name(p->ref);
	AUTO_DB_READER struct db_conn *c = db_reader(p->store->db, err);
	if (!c)
		return error_errno(err);
	AUTO_DB_QUERY struct db_query *q =
		db_query(c, err, "SELECT name FROM image_origin WHERE digest = ?", "s",
	                 digest_format(d, text));
	if (!q)
		return error_errno(err);
	while (ret->len < ORIGINS_TRIED && (r = db_step(q, err)) > 0) {
		const char *name = db_text(q, 0);
		if (strncmp(name, p->ref->domain, n) == 0 && name[n] == '/' && !streq(name, own))
			strv_add(ret, name + n + 1);
	}
	return r < 0 ? r : 0;
}

/* 1 mounted, 0 not. */
static int try_mounts(struct push *p, const struct push_layer *l, struct error *err)
{
	AUTO_STRV paths = { 0 };
	int r = list_origins(p, &l->blob.digest, &paths, err);

	for (size_t i = 0; r == 0 && i < paths.len; i++) {
		r = remote_mount_blob(p->remote, &l->blob.digest, paths.ptr[i], err);
		if (r > 0) {
			AUTO_FREE char *status = xasprintf("Mounted from %s", paths.ptr[i]);
			report(p->report, l->id, status);
		}
	}
	return r;
}

static int upload_blob(struct push *p, struct push_layer *l, struct error *err)
{
	struct upload u = { .push = p, .layer = l };
	AUTO_CLOSE int fd = content_open_blob(p->store->content, &l->blob.digest, NULL, err);
	if (fd < 0)
		return error_errno(err);
	report_amount(p->report, l->id, "Pushing", 0, l->blob.size);
	int r = remote_put_blob(p->remote, &l->blob.digest, fd, l->blob.size, on_sent, &u, err);
	if (r < 0)
		return r;
	report(p->report, l->id, "Pushed");
	return 0;
}

static int note_origin(struct push *p, const struct push_layer *l, struct error *err)
{
	AUTO_FREE char *name = reference_full_name(p->ref);
	struct image_archive a = { l->blob.digest, l->blob.size, l->blob.media_type, name };
	return record_archive(p->store, &l->diff_id, &a, err);
}

static int push_layer(struct push *p, struct push_layer *l, struct error *err)
{
	if (!l->blob.media_type) {
		int r = find_archive(p, l, err);
		if (r < 0)
			return r;
	}
	int r = remote_has_blob(p->remote, &l->blob.digest, err);
	if (r < 0)
		return r;
	if (r > 0) {
		report(p->report, l->id, "Layer already exists");
		return note_origin(p, l, err);
	}
	r = try_mounts(p, l, err);
	if (r == 0)
		r = upload_blob(p, l, err);
	return r < 0 ? r : note_origin(p, l, err);
}

static struct push_layer *next_layer(struct push *p)
{
	WITH_LOCK(&p->lock);
	return p->next < p->n && !p->failed ? &p->layers[p->next++] : NULL;
}

static void *work(void *ctx)
{
	struct push *p = ctx;
	struct push_layer *l;

	while ((l = next_layer(p))) {
		struct error err = { 0 };
		if (push_layer(p, l, &err) >= 0)
			continue;
		WITH_LOCK(&p->lock);
		if (!p->failed)
			p->err = err;
		p->failed = true;
		remote_stop(p->remote);
	}
	return NULL;
}

static int push_layers(struct push *p, struct error *err)
{
	unsigned workers = (unsigned)MIN(p->n, (size_t)p->store->max_uploads), started = 0;
	AUTO_FREE pthread_t *threads = xcalloc(workers + 1, sizeof(*threads));
	int r = 0;

	for (size_t i = p->n; i-- > 0;)
		report(p->report, p->layers[i].id, "Preparing");
	for (size_t i = workers; i < p->n; i++)
		report(p->report, p->layers[i].id, "Waiting");
	while (started < workers && (r = thread_start(&threads[started], work, p, err)) >= 0)
		started++;
	for (unsigned i = 0; i < started; i++)
		pthread_join(threads[i], NULL);
	if (r < 0 && !started)
		return r;
	if (!p->failed)
		return 0;
	*err = p->err;
	return error_errno(err);
}

static int push_config(struct push *p, struct error *err)
{
	const struct strbuf *bytes = &p->config_bytes;
	int r = remote_has_blob(p->remote, &p->image->id, err);
	if (r != 0)
		return r < 0 ? r : 0;
	AUTO_CLOSE int fd = memfd_create("config", MFD_CLOEXEC);
	if (fd < 0 || write_full(fd, bytes->ptr, bytes->len) < 0)
		return error_set(err, ERROR_INTERNAL, "no memory file for the image configuration");
	return remote_put_blob(p->remote, &p->image->id, fd, (int64_t)bytes->len, NULL, NULL, err);
}

/* zstd has no Docker media type: then all of it is OCI's. */
static bool needs_oci(const struct push *p)
{
	for (size_t i = 0; i < p->n; i++) {
		if (streq(p->layers[i].blob.media_type, MEDIA_OCI_LAYER_ZSTD))
			return true;
	}
	return false;
}

static void make_manifest(struct push *p)
{
	bool oci = needs_oci(p);
	struct manifest m = {
		.kind = MANIFEST_IMAGE,
		.media_type = xstrdup(oci ? MEDIA_OCI_MANIFEST : MEDIA_DOCKER_MANIFEST),
		.config = { .media_type = xstrdup(oci ? MEDIA_OCI_CONFIG : MEDIA_DOCKER_CONFIG),
		            .digest = p->image->id,
		            .size = (int64_t)p->config_bytes.len },
	};
	struct json_writer w;

	for (size_t i = 0; i < p->n; i++) {
		struct descriptor copy = { 0 };
		descriptor_copy(&p->layers[i].blob, &copy);
		if (oci && streq(copy.media_type, MEDIA_DOCKER_LAYER_GZIP)) {
			free(copy.media_type);
			copy.media_type = xstrdup(MEDIA_OCI_LAYER_GZIP);
		}
		descriptor_vec_push(&m.layers, copy);
	}
	manifest_done(&p->manifest);
	p->manifest = m;
	strbuf_clear(&p->manifest_bytes);
	json_writer_init(&w, &p->manifest_bytes);
	w.indent = 3;
	manifest_encode(&w, &p->manifest);
	free(p->manifest_type);
	p->manifest_type = xstrdup(m.media_type);
}

/* name@digest is known now, and a manifest made here is the image's from now on. */
static int remember(struct push *p, const struct digest *d, struct error *err)
{
	char digest[DIGEST_TEXT_MAX], id[DIGEST_TEXT_MAX];
	AUTO_FREE char *name = reference_full_name(p->ref);
	AUTO_DB_TX struct db_tx *tx = db_begin(p->store->db, DB_DURABLE, err);
	if (!tx)
		return error_errno(err);
	int r = image_note_digest(tx->conn, name, d, &p->image->id, err);
	if (r >= 0 && !p->original)
		r = db_exec(
			tx->conn, err,
			"UPDATE image SET manifest = ?, manifest_digest = ?, manifest_type = ? WHERE id = ?",
			"bsss", strbuf_str(&p->manifest_bytes), digest_format(d, digest),
			p->manifest_type, digest_format(&p->image->id, id));
	return r < 0 ? r : db_commit(&tx, err);
}

static void conclude(struct push *p, const struct digest *d)
{
	char text[DIGEST_TEXT_MAX];
	digest_format(d, text);
	AUTO_FREE char *status =
		xasprintf("%s: digest: %s size: %zu", p->ref->tag, text, p->manifest_bytes.len);
	AUTO_STRBUF aux = { 0 };
	struct json_writer w;

	report(p->report, NULL, status);
	json_writer_init(&w, &aux);
	jw_object(&w);
	jw_kv_string(&w, "Tag", p->ref->tag);
	jw_kv_string(&w, "Digest", text);
	jw_kv_i64(&w, "Size", (int64_t)p->manifest_bytes.len);
	jw_object_end(&w);
	report_aux(p->report, strbuf_cstr(&aux));
}

/* Whether every blob of the pulled manifest is at hand or at the registry already. */
static int can_push_original(struct push *p, struct error *err)
{
	for (size_t i = 0; i < p->n; i++) {
		int r = content_stat(p->store->content, &p->layers[i].blob.digest, NULL, err);
		if (r == 0)
			r = remote_has_blob(p->remote, &p->layers[i].blob.digest, err);
		if (r <= 0)
			return r;
	}
	return 1;
}

static int push_image(struct push *p, const char *id, struct error *err)
{
	struct digest d;
	int r = load_image(p, id, err);
	if (r < 0)
		return r;
	if (p->original) {
		r = can_push_original(p, err);
		if (r < 0)
			return r;
		p->original = r;
	}
	for (size_t i = 0; !p->original && i < p->n; i++)
		descriptor_done(&p->layers[i].blob);
	r = push_layers(p, err);
	if (r >= 0)
		r = push_config(p, err);
	if (r < 0)
		return r;
	if (!p->original)
		make_manifest(p);
	digest_of(DIGEST_SHA256, p->manifest_bytes.ptr, p->manifest_bytes.len, &d);
	r = remote_put_manifest(p->remote, p->ref->tag, p->manifest_type,
	                        strbuf_str(&p->manifest_bytes), err);
	if (r >= 0)
		r = remember(p, &d, err);
	if (r < 0)
		return r;
	conclude(p, &d);
	AUTO_FREE char *name = reference_familiar(p->ref);
	AUTO_FREE char *actor = reference_familiar_name(p->ref);
	image_event(p->store, "push", name, actor);
	return 0;
}

static int push_tag(struct image_store *s, struct remote *remote, const struct reference *ref,
                    struct report *report, struct error *err)
{
	CLEANUP(push_done)
	struct push p = { .store = s,
		          .remote = remote,
		          .report = report,
		          .ref = ref,
		          .lock = PTHREAD_MUTEX_INITIALIZER };
	AUTO_FREE char *id = NULL;
	int r = image_find_reference(s, ref, &id, err);
	if (r < 0)
		return r;
	if (r == 0) {
		AUTO_FREE char *name = reference_familiar(ref);
		return error_set(err, ERROR_NOT_FOUND, "tag does not exist: %s", name);
	}
	return push_image(&p, id, err);
}

static int list_tags(struct image_store *s, const struct reference *ref, struct strv *ret,
                     struct error *err)
{
	int r;
	AUTO_FREE char *name = reference_full_name(ref);
	AUTO_DB_READER struct db_conn *c = db_reader(s->db, err);
	if (!c)
		return error_errno(err);
	AUTO_DB_QUERY struct db_query *q = db_query(
		c, err, "SELECT tag FROM image_tag WHERE name = ? ORDER BY tag", "s", name);
	if (!q)
		return error_errno(err);
	while ((r = db_step(q, err)) > 0)
		strv_add(ret, db_text(q, 0));
	return r;
}

static int push_tags(struct image_store *s, const struct reference *ref, const struct strv *tags,
                     const struct remote_credentials *c, struct report *report_, struct error *err)
{
	CLEANUP(remote_free_ptr) struct remote *remote = NULL;
	AUTO_FREE char *name = reference_full_name(ref);
	AUTO_FREE char *status = xasprintf("The push refers to repository [%s]", name);

	report(report_, NULL, status);
	int r = remote_open(&s->remote, ref, c, REMOTE_PUSH,
	                    report_->job ? report_->job->cancel : NULL, &remote, err);
	for (size_t i = 0; r >= 0 && i < tags->len; i++) {
		AUTO_REFERENCE one = { 0 };
		reference_copy(ref, &one);
		free(one.tag);
		one.tag = xstrdup(tags->ptr[i]);
		r = push_tag(s, remote, &one, report_, err);
	}
	return r;
}

int image_push(struct image_store *s, const struct reference *ref, bool all,
               const struct remote_credentials *c, const struct job *job, struct error *err)
{
	AUTO_STRV known = { 0 };
	AUTO_STRV tags = { 0 };
	struct report report;

	if (digest_is_set(&ref->digest))
		return error_set(err, ERROR_INVALID, "cannot push a digest reference");
	int r = list_tags(s, ref, &known, err);
	if (r < 0)
		return r;
	if (!known.len) {
		AUTO_FREE char *name = reference_familiar_name(ref);
		return error_set(err, ERROR_NOT_FOUND,
		                 "An image does not exist locally with the tag: %s", name);
	}
	if (!ref->tag && all)
		strv_copy(&tags, &known);
	else
		strv_add(&tags, ref->tag ? ref->tag : "latest");
	if (!strv_has(&known, tags.ptr[0])) {
		AUTO_FREE char *name = reference_familiar_name(ref);
		return error_set(err, ERROR_NOT_FOUND, "tag does not exist: %s:%s", name,
		                 tags.ptr[0]);
	}
	report_init(&report, job);
	r = push_tags(s, ref, &tags, c, &report, err);
	report_done(&report);
	return r;
}
