/* SPDX-License-Identifier: Apache-2.0 */
#include "image/image-internal.h"

#include <errno.h>

#include "base/alloc.h"
#include "base/fs.h"
#include "base/time.h"

enum { CHUNK = 256 * 1024 };

/* The one layer on its way in: as it came, or decoded first when no registry would take the form.
 */
struct import {
	struct image_store *store;
	const struct job *job;
	struct content_ingest *ingest;
	struct layer_unpack *unpack;
	bool unpack_failed;
	struct image_archive archive;
	struct digest diff_id, chain_id;
};

static int take(struct import *m, const void *data, size_t n, struct error *err)
{
	int r = job_check(m->job, err);
	if (r >= 0)
		r = content_ingest_write(m->ingest, data, n, err);
	if (r < 0)
		return r;
	r = layer_unpack_write(m->unpack, data, n, err);
	m->unpack_failed = r < 0;
	return r;
}

/* The bytes that were read to know the format, and then the rest. */
struct prefixed_source {
	struct byte_source base;
	struct str head;
	int fd;
};

static ssize_t read_prefixed(struct byte_source *s, void *buf, size_t n, struct error *err)
{
	struct prefixed_source *p = container_of(s, struct prefixed_source, base);
	if (p->head.len) {
		size_t part = MIN(n, p->head.len);
		memcpy(buf, p->head.ptr, part);
		p->head = str_n(p->head.ptr + part, p->head.len - part);
		return (ssize_t)part;
	}
	ssize_t got = read_full(p->fd, buf, n);
	return got < 0 ? error_set_errno(err, (int)-got, "reading the archive") : got;
}

static int feed(struct import *m, struct byte_source *from, struct error *err)
{
	AUTO_FREE char *buf = xmalloc(CHUNK);

	for (;;) {
		ssize_t n = from->read(from, buf, CHUNK, err);
		if (n <= 0)
			return (int)n;
		int r = take(m, buf, (size_t)n, err);
		if (r < 0)
			return r;
	}
}

static int read_layer(struct import *m, int fd, struct error *err)
{
	char magic[CODEC_MAGIC_MAX];
	CLEANUP(codec_reader_free_ptr) struct codec_reader *decoded = NULL;
	ssize_t n = read_full(fd, magic, sizeof(magic));
	if (n < 0)
		return error_set_errno(err, (int)-n, "reading the archive");
	struct prefixed_source source = { .base = { read_prefixed },
		                          .head = str_n(magic, (size_t)n),
		                          .fd = fd };
	switch (codec_detect(magic, (size_t)n)) {
	case CODEC_NONE:
		m->archive.media_type = MEDIA_DOCKER_LAYER;
		return feed(m, &source.base, err);
	case CODEC_GZIP:
		m->archive.media_type = MEDIA_DOCKER_LAYER_GZIP;
		return feed(m, &source.base, err);
	case CODEC_ZSTD:
		m->archive.media_type = MEDIA_OCI_LAYER_ZSTD;
		return feed(m, &source.base, err);
	case CODEC_BZIP2:
	case CODEC_XZ:
		break;
	}
	m->archive.media_type = MEDIA_DOCKER_LAYER;
	int r = codec_reader_open(&source.base, 0, &decoded, err);
	return r < 0 ? r : feed(m, codec_reader_source(decoded), err);
}

/* Both ends of the tee are closed, whatever happens. */
static int finish_layer(struct import *m, int r, struct error *err)
{
	struct error reason = { 0 };

	if (r < 0 && !m->unpack_failed)
		layer_unpack_abort(m->unpack);
	else if (layer_unpack_finish(m->unpack, NULL, &m->diff_id, &reason) < 0) {
		*err = reason;
		r = error_errno(err);
	} else if (r < 0) {
		layer_unpack_abort(m->unpack);
	}
	if (r < 0) {
		content_ingest_abort(m->ingest);
		return r;
	}
	m->archive.size = content_ingest_size(m->ingest);
	r = content_ingest_commit_relaxed(m->ingest, NULL, -1, &m->archive.digest, err);
	if (r < 0) {
		layer_unpack_abort(m->unpack);
		return r;
	}
	return layer_unpack_commit_relaxed(m->unpack, NULL, &m->chain_id, err);
}

static int import_layer(struct import *m, int fd, struct error *err)
{
	int r = content_ingest_begin(m->store->content, DIGEST_SHA256, &m->ingest, err);
	if (r < 0)
		return r;
	r = layer_unpack_begin(m->store->snapshots, &m->unpack, err);
	if (r < 0) {
		content_ingest_abort(m->ingest);
		return r;
	}
	return finish_layer(m, read_layer(m, fd, err), err);
}

static int make_config(const struct import *m, const char *message, const struct strv *changes,
                       const struct platform *platform, struct image_config *c, struct error *err)
{
	CLEANUP(platform_done) struct platform host = { 0 };

	platform_host(&host);
	const struct platform *p = platform ? platform : &host;
	c->created = time_now();
	c->os = xstrdup(p->os);
	c->architecture = xstrdup(p->architecture);
	c->variant = xstrdup_null(p->variant);
	digest_vec_push(&c->diff_ids, m->diff_id);
	image_history_vec_push(
		&c->history, (struct image_history){ .created = c->created,
	                                             .comment = xstrdup(message ? message : "") });
	for (size_t i = 0; changes && i < changes->len; i++) {
		int r = image_config_change(&c->config, changes->ptr[i], err);
		if (r < 0)
			return r;
	}
	return 0;
}

int image_import(struct image_store *s, int fd, const struct reference *tag, const char *message,
                 const struct strv *changes, const struct platform *platform, const struct job *job,
                 struct digest *ret_id, struct error *err)
{
	char id[DIGEST_TEXT_MAX];
	AUTO_IMAGE_CONFIG config = { 0 };
	AUTO_IMAGE_CONFIG checked = { 0 };
	AUTO_STRBUF bytes = { 0 };
	struct import m = { .store = s, .job = job };
	struct report out;

	/* The changes are judged before the archive is read. */
	int r = make_config(&m, message, changes, platform, &checked, err);
	if (r >= 0)
		r = import_layer(&m, fd, err);
	if (r >= 0)
		r = make_config(&m, message, changes, platform, &config, err);
	if (r < 0)
		return r;
	image_config_encode(&bytes, &config);
	struct image_record record = {
		.config = strbuf_str(&bytes), .parsed = &config, .tag = tag, .archives = &m.archive
	};
	digest_of(DIGEST_SHA256, bytes.ptr, bytes.len, &record.id);
	r = image_record(s, &record, err);
	if (r < 0)
		return r;
	digest_format(&record.id, id);
	report_init(&out, job);
	report(&out, NULL, id);
	report_done(&out);
	AUTO_FREE char *name = tag ? reference_familiar(tag) : xstrdup(id);
	image_event(s, "import", id, name);
	*ret_id = record.id;
	return 0;
}
