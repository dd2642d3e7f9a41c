/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `docker load`, from a stream that can't be rewound: the archive's files go into the content
 * store as they come, by digest, and are given their meaning at its end, by manifest.json
 * (Docker's own form, old and new) or else by index.json (an OCI layout).
 */
#include "image/image-internal.h"

#include <errno.h>
#include <stdio.h>

#include "archive/tar.h"
#include "base/alloc.h"
#include "base/map.h"

enum { CHUNK = 256 * 1024, ENTRIES_MAX = 20000, LINKS_MAX = 8, TABLE_SIZE_MAX = 4 * 1024 * 1024 };

struct load_file {
	char *link; /* of a symbolic or hard link: the path it means; else NULL */
	struct digest digest;
	int64_t size;
};

struct load {
	struct image_store *store;
	struct report *report;
	struct report *layer_report; /* says nothing when quiet */
	struct map *files;           /* cleaned path -> struct load_file, owned */
	unsigned images;
};

static void load_done(struct load *l)
{
	size_t pos = 0;
	const char *key;
	void *value;

	while (map_next(l->files, &pos, &key, &value)) {
		struct load_file *f = value;
		free(f->link);
		free(f);
	}
	map_free(l->files);
}

/* "./a//b/../c" -> "a/c"; owned, NULL when it leaves the archive. */
static char *clean_path(const char *directory, const char *path)
{
	AUTO_STRV parts = { 0 };
	AUTO_FREE char *joined = xasprintf("%s/%s", *path == '/' ? "" : directory, path);
	struct str rest = str_from(joined), piece;

	while (str_cut(&rest, '/', &piece)) {
		if (!piece.len || str_eq_c(piece, "."))
			continue;
		if (!str_eq_c(piece, ".."))
			strv_add_n(&parts, piece.ptr, piece.len);
		else if (!parts.len)
			return NULL;
		else
			strv_remove(&parts, parts.len - 1);
	}
	AUTO_STRBUF out = { 0 };
	for (size_t i = 0; i < parts.len; i++)
		strbuf_printf(&out, "%s%s", i ? "/" : "", parts.ptr[i]);
	return strbuf_steal(&out);
}

static int add_file(struct load *l, const char *path, struct load_file f, struct error *err)
{
	if (map_len(l->files) >= ENTRIES_MAX)
		return error_set(err, ERROR_TOO_LARGE, "the archive has more than %d files",
		                 ENTRIES_MAX);
	struct load_file *copy = xmemdup(&f, sizeof(f));
	struct load_file *before = map_set(l->files, path, copy);
	if (before)
		free(before->link);
	free(before);
	return 0;
}

/* What "blobs/sha256/<hex>" must hash to; unset for other names. */
static struct digest expected_digest(const char *path)
{
	struct digest d = { 0 };
	const char *rest = str_skip_prefix(path, "blobs/");
	if (!rest)
		return d;
	AUTO_FREE char *text = xstrdup(rest);
	char *slash = strchr(text, '/');
	if (slash)
		*slash = ':';
	if (digest_parse(str_from(text), &d) < 0)
		d = (struct digest){ 0 };
	return d;
}

static int copy_content(struct load *l, struct tar_reader *tar, struct content_ingest *ingest,
                        struct error *err)
{
	AUTO_FREE char *buf = xmalloc(CHUNK);

	for (;;) {
		ssize_t n = tar_read(tar, buf, CHUNK, err);
		if (n <= 0)
			return (int)n;
		int r = job_check(l->report->job, err);
		if (r >= 0)
			r = content_ingest_write(ingest, buf, (size_t)n, err);
		if (r < 0)
			return r;
	}
}

static int take_file(struct load *l, struct tar_reader *tar, const char *path, struct error *err)
{
	struct content_ingest *ingest;
	struct digest want = expected_digest(path);
	struct load_file f = { 0 };
	int r = content_ingest_begin(l->store->content,
	                             digest_is_set(&want) ? want.algorithm : DIGEST_SHA256, &ingest,
	                             err);
	if (r < 0)
		return r;
	r = copy_content(l, tar, ingest, err);
	if (r < 0) {
		content_ingest_abort(ingest);
		return r;
	}
	f.size = content_ingest_size(ingest);
	r = content_ingest_commit_relaxed(ingest, digest_is_set(&want) ? &want : NULL, -1,
	                                  &f.digest, err);
	return r < 0 ? error_prefix(err, "%.200s", path) : add_file(l, path, f, err);
}

static int take_link(struct load *l, const struct tar_entry *e, const char *path, struct error *err)
{
	const char *slash = strrchr(path, '/');
	AUTO_FREE char *directory = e->type == TAR_HARDLINK || !slash
	                                    ? xstrdup("")
	                                    : xstrndup(path, (size_t)(slash - path));
	struct load_file f = { .link = clean_path(directory, e->link ? e->link : "") };
	if (!f.link)
		return error_set(err, ERROR_INVALID,
		                 "%.200s links to %.200s, outside of the archive", path, e->link);
	return add_file(l, path, f, err);
}

static int take_entry(struct load *l, struct tar_reader *tar, const struct tar_entry *e,
                      struct error *err)
{
	AUTO_FREE char *path = clean_path("", e->name);
	if (!path)
		return error_set(err, ERROR_INVALID, "entry %.200s leaves the archive", e->name);
	switch (e->type) {
	case TAR_FILE:
		return take_file(l, tar, path, err);
	case TAR_HARDLINK:
	case TAR_SYMLINK:
		return take_link(l, e, path, err);
	case TAR_DIRECTORY:
	case TAR_CHAR:
	case TAR_BLOCK_DEVICE:
	case TAR_FIFO:
		break;
	}
	return 0;
}

static int read_archive(struct load *l, int fd, struct error *err)
{
	CLEANUP(codec_reader_free_ptr) struct codec_reader *decoded = NULL;
	CLEANUP(tar_reader_free_ptr) struct tar_reader *tar = NULL;
	struct byte_source_fd source;
	const struct tar_entry *e;

	byte_source_fd_init(&source, fd);
	int r = codec_reader_open(&source.base, 0, &decoded, err);
	if (r >= 0)
		r = tar_reader_open(codec_reader_source(decoded), &tar, err);
	if (r < 0)
		return r;
	while ((r = tar_next(tar, &e, err)) > 0) {
		r = take_entry(l, tar, e, err);
		if (r < 0)
			return r;
	}
	return r;
}

/* The file that path means, links followed; NULL when there is none. */
static const struct load_file *find_file(const struct load *l, const char *path)
{
	AUTO_FREE char *at = clean_path("", path);

	for (unsigned n = 0; at && n < LINKS_MAX; n++) {
		const struct load_file *f = map_get(l->files, at);
		if (!f || !f->link)
			return f;
		free(at);
		at = xstrdup(f->link);
	}
	return NULL;
}

static int read_table(struct load *l, const char *path, struct strbuf *out, struct error *err)
{
	const struct load_file *f = find_file(l, path);
	if (!f)
		return error_set(err, ERROR_INVALID, "the archive has no %.200s", path);
	if (f->size > TABLE_SIZE_MAX)
		return error_set(err, ERROR_TOO_LARGE, "%.200s of %lld bytes is too large", path,
		                 (long long)f->size);
	return content_read(l->store->content, &f->digest, TABLE_SIZE_MAX, out, err);
}

/* An image of the archive: its parts by path. */
struct load_image {
	const char *config; /* path */
	struct strv layers; /* paths */
	struct strv names;  /* references with tags */
};

/* The archive's format, from its first bytes. */
static int layer_type(struct load *l, const struct digest *d, const char **ret, struct error *err)
{
	char magic[CODEC_MAGIC_MAX];
	AUTO_CLOSE int fd = content_open_blob(l->store->content, d, NULL, err);
	if (fd < 0)
		return error_errno(err);
	ssize_t n = read(fd, magic, sizeof(magic));
	enum codec codec = n > 0 ? codec_detect(magic, (size_t)n) : CODEC_NONE;
	*ret = codec == CODEC_GZIP   ? MEDIA_DOCKER_LAYER_GZIP
	       : codec == CODEC_ZSTD ? MEDIA_OCI_LAYER_ZSTD
	                             : MEDIA_DOCKER_LAYER;
	return 0;
}

static int find_layers(struct load *l, const struct load_image *i, const struct image_config *c,
                       struct layer_want *want, struct image_archive *archives, struct error *err)
{
	if (i->layers.len != c->diff_ids.len)
		return error_set(err, ERROR_INVALID,
		                 "%.200s: %zu layers, but the configuration has %zu diffIDs",
		                 i->config, i->layers.len, c->diff_ids.len);
	for (size_t n = 0; n < i->layers.len; n++) {
		const struct load_file *f = find_file(l, i->layers.ptr[n]);
		want[n].diff_id = c->diff_ids.ptr[n];
		image_chain_id(c->diff_ids.ptr, n + 1, &want[n].chain_id);
		/* An archive may leave out layers that the receiver is known to have. */
		if (!f)
			continue;
		want[n].blob.digest = f->digest;
		want[n].blob.size = f->size;
		archives[n] = (struct image_archive){ .digest = f->digest, .size = f->size };
		int r = layer_type(l, &f->digest, &archives[n].media_type, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int record_image(struct load *l, const struct image_record *like, const struct strv *names,
                        struct error *err)
{
	int r = 0;

	if (!names->len) {
		char id[DIGEST_TEXT_MAX];
		r = image_record(l->store, like, err);
		if (r >= 0)
			report_stream(l->report, "Loaded image ID: %s\n",
			              digest_format(&like->id, id));
	}
	for (size_t n = 0; r >= 0 && n < names->len; n++) {
		AUTO_REFERENCE ref = { 0 };
		struct image_record record = *like;
		r = reference_parse(names->ptr[n], &ref, err);
		if (r < 0)
			return error_prefix(err, "image name \"%.200s\"", names->ptr[n]);
		reference_default_tag(&ref);
		record.tag = &ref;
		r = image_record(l->store, &record, err);
		AUTO_FREE char *name = reference_familiar(&ref);
		if (r >= 0)
			report_stream(l->report, "Loaded image: %s\n", name);
	}
	return r < 0 ? r : 0;
}

static int load_image(struct load *l, const struct load_image *i, struct error *err)
{
	char id[DIGEST_TEXT_MAX];
	AUTO_STRBUF bytes = { 0 };
	AUTO_IMAGE_CONFIG config = { 0 };
	int r = read_table(l, i->config, &bytes, err);
	if (r >= 0)
		r = image_config_parse(strbuf_str(&bytes), &config, err);
	if (r < 0)
		return error_prefix(err, "configuration %.200s", i->config);
	AUTO_FREE struct layer_want *want = xcalloc(config.diff_ids.len + 1, sizeof(*want));
	AUTO_FREE struct image_archive *archives =
		xcalloc(config.diff_ids.len + 1, sizeof(*archives));
	r = find_layers(l, i, &config, want, archives, err);
	if (r >= 0)
		r = layers_bring(l->store, NULL, want, config.diff_ids.len, l->layer_report, err);
	if (r < 0)
		return r;
	struct image_record record = { .config = strbuf_str(&bytes),
		                       .parsed = &config,
		                       .archives = archives };
	digest_of(DIGEST_SHA256, bytes.ptr, bytes.len, &record.id);
	r = record_image(l, &record, &i->names, err);
	if (r < 0)
		return r;
	l->images++;
	image_event(l->store, "load", digest_format(&record.id, id),
	            i->names.len ? i->names.ptr[0] : id);
	return 0;
}

static void add_strings(const json_t *array, struct strv *ret)
{
	size_t n;
	json_t *item;
	json_array_foreach (array, n, item) {
		if (json_is_string(item))
			strv_add(ret, json_string_value(item));
	}
}

static int load_docker(struct load *l, struct error *err)
{
	AUTO_STRBUF text = { 0 };
	size_t n;
	json_t *entry;
	int r = read_table(l, "manifest.json", &text, err);
	if (r < 0)
		return r;
	AUTO_JSON *doc = json_parse(strbuf_str(&text), err);
	if (!doc || !json_is_array(doc))
		return doc ? error_set(err, ERROR_INVALID, "manifest.json is no list")
		           : error_prefix(err, "manifest.json");
	json_array_foreach (doc, n, entry) {
		struct load_image i = { .config = json_member_string(entry, "Config") };
		if (!i.config)
			return error_set(err, ERROR_INVALID,
			                 "manifest.json: entry %zu has no Config", n);
		add_strings(json_member(entry, "Layers", false), &i.layers);
		add_strings(json_member(entry, "RepoTags", false), &i.names);
		r = load_image(l, &i, err);
		strv_done(&i.layers);
		strv_done(&i.names);
		if (r < 0)
			return r;
	}
	return 0;
}

static char *layout_path(const struct digest *d)
{
	char hex[DIGEST_TEXT_MAX];
	return xasprintf("blobs/%s/%s", digest_algorithm_name(d->algorithm), digest_hex(d, hex));
}

static int read_layout_manifest(struct load *l, const struct descriptor *d, struct manifest *ret,
                                struct error *err)
{
	AUTO_STRBUF text = { 0 };
	AUTO_FREE char *path = layout_path(&d->digest);
	int r = read_table(l, path, &text, err);
	return r < 0 ? r : manifest_parse(strbuf_str(&text), d->media_type, ret, err);
}

/* The name that the layout's index gives, when it is a whole one. */
static void layout_names(const struct descriptor *d, struct strv *ret)
{
	const char *name = strmap_get(&d->annotations, "io.containerd.image.name");
	const char *ref = strmap_get(&d->annotations, "org.opencontainers.image.ref.name");

	if (name)
		strv_add(ret, name);
	else if (ref && (strchr(ref, ':') || strchr(ref, '/')))
		strv_add(ret, ref);
}

static int load_layout_image(struct load *l, const struct descriptor *d, const struct strv *names,
                             unsigned depth, struct error *err)
{
	AUTO_MANIFEST m = { 0 };
	CLEANUP(platform_done) struct platform host = { 0 };
	int r = read_layout_manifest(l, d, &m, err);
	if (r < 0)
		return r;
	if (m.kind == MANIFEST_INDEX) {
		platform_host(&host);
		const struct descriptor *chosen = depth ? NULL : manifest_select(&m, &host);
		if (!chosen)
			return error_set(err, ERROR_NOT_FOUND,
			                 "the archive has no image for this platform");
		return load_layout_image(l, chosen, names, depth + 1, err);
	}
	AUTO_FREE char *config = layout_path(&m.config.digest);
	struct load_image i = { .config = config };
	strv_copy(&i.names, names);
	vec_for_each (&m.layers, layer)
		strv_take(&i.layers, layout_path(&layer->digest));
	r = load_image(l, &i, err);
	strv_done(&i.layers);
	strv_done(&i.names);
	return r;
}

static int load_layout(struct load *l, struct error *err)
{
	AUTO_STRBUF text = { 0 };
	AUTO_MANIFEST index = { 0 };
	int r = read_table(l, "index.json", &text, err);
	if (r >= 0)
		r = manifest_parse(strbuf_str(&text), MEDIA_OCI_INDEX, &index, err);
	if (r < 0)
		return error_prefix(err, "index.json");
	vec_for_each (&index.manifests, d) {
		AUTO_STRV names = { 0 };
		layout_names(d, &names);
		r = load_layout_image(l, d, &names, 0, err);
		if (r < 0)
			return r;
	}
	return 0;
}

int image_load(struct image_store *s, int fd, bool quiet, const struct job *job, struct error *err)
{
	struct report loud, silent;
	CLEANUP(load_done) struct load l = { .store = s, .report = &loud, .files = map_new() };
	struct job mute = { .cancel = job ? job->cancel : NULL };

	report_init(&loud, job);
	report_init(&silent, &mute);
	l.layer_report = quiet ? &silent : &loud;
	int r = read_archive(&l, fd, err);
	if (r >= 0)
		r = find_file(&l, "manifest.json") || !find_file(&l, "index.json")
		            ? load_docker(&l, err)
		            : load_layout(&l, err);
	if (r >= 0 && !l.images)
		r = error_set(err, ERROR_INVALID, "the archive holds no image");
	report_done(&silent);
	report_done(&loud);
	return r;
}
