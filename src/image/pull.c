/* SPDX-License-Identifier: Apache-2.0 */
#include "image/image-internal.h"

#include "base/alloc.h"

/* One reference on its way: from a name to the rows. */
struct pull {
	struct image_store *store;
	struct remote *remote;
	const struct platform *platform; /* NULL: ours, and none was asked for */
	struct report *report;
	struct reference ref; /* tag or digest */
	struct digest top;    /* what the name stands for: an index or the manifest */
	bool has_index;
	struct strbuf manifest_bytes;
	char *manifest_type;
	struct digest manifest_digest;
	struct manifest manifest;
	struct strbuf config_bytes;
	struct image_config config;
	bool known; /* the image was here before */
};

static void pull_done(struct pull *p)
{
	reference_done(&p->ref);
	strbuf_done(&p->manifest_bytes);
	free(p->manifest_type);
	manifest_done(&p->manifest);
	strbuf_done(&p->config_bytes);
	image_config_done(&p->config);
}

static int get_manifest(struct pull *p, const char *what, struct error *err)
{
	AUTO_STRBUF body = { 0 };
	AUTO_FREE char *type = NULL;
	AUTO_MANIFEST m = { 0 };
	struct digest d;

	int r = remote_get_manifest(p->remote, what, &body, &type, &d, err);
	if (r < 0)
		return r;
	/* Some servers say no more than that it is JSON. */
	const char *said = type && media_type_is_manifest(type) ? type : NULL;
	r = manifest_parse(strbuf_str(&body), said, &m, err);
	if (r < 0)
		return error_prefix(err, "manifest %s", what);
	strbuf_done(&p->manifest_bytes);
	free(p->manifest_type);
	manifest_done(&p->manifest);
	p->manifest_bytes = body;
	body = (struct strbuf){ 0 };
	p->manifest_type = said ? TAKE_PTR(type) : xstrdup(m.media_type);
	p->manifest = m;
	m = (struct manifest){ 0 };
	p->manifest_digest = d;
	return 0;
}

/* Keeps the index and goes on with the manifest for the platform. */
static int choose_manifest(struct pull *p, struct error *err)
{
	char text[DIGEST_TEXT_MAX];
	CLEANUP(platform_done) struct platform host = { 0 };

	platform_host(&host);
	const struct platform *want = p->platform ? p->platform : &host;
	const struct descriptor *d = manifest_select(&p->manifest, want);
	if (!d) {
		AUTO_FREE char *name = platform_format(want);
		return error_set(err, ERROR_NOT_FOUND,
		                 "no matching manifest for %s in the manifest list entries", name);
	}
	int r = content_put(p->store->content, &p->top, p->manifest_bytes.ptr,
	                    p->manifest_bytes.len, err);
	if (r < 0)
		return r;
	p->has_index = true;
	digest_format(&d->digest, text);
	r = get_manifest(p, text, err);
	if (r < 0)
		return r;
	if (p->manifest.kind != MANIFEST_IMAGE)
		return error_set(err, ERROR_INVALID,
		                 "%s is an index inside of an index: not supported", text);
	return 0;
}

static int resolve(struct pull *p, struct error *err)
{
	char text[DIGEST_TEXT_MAX];
	bool by_digest = digest_is_set(&p->ref.digest);
	int r = get_manifest(p, by_digest ? digest_format(&p->ref.digest, text) : p->ref.tag, err);
	if (r < 0)
		return r;
	p->top = p->manifest_digest;
	if (p->manifest.kind == MANIFEST_INDEX)
		r = choose_manifest(p, err);
	if (r < 0)
		return r;
	const char *type = p->manifest.config.media_type;
	if (!streq(type, MEDIA_DOCKER_CONFIG) && !streq(type, MEDIA_OCI_CONFIG)) {
		AUTO_FREE char *name = reference_familiar(&p->ref);
		return error_set(err, ERROR_INVALID,
		                 "%s is no container image: its configuration is of type %s", name,
		                 type);
	}
	return 0;
}

static int append(void *ctx, const void *data, size_t n, struct error *err)
{
	strbuf_add(ctx, data, n);
	return 0;
}

static int fetch_config(struct pull *p, struct error *err)
{
	char want[DIGEST_TEXT_MAX], have[DIGEST_TEXT_MAX];
	const struct descriptor *d = &p->manifest.config;
	struct digest got;

	if (d->size > IMAGE_CONFIG_SIZE_MAX)
		return error_set(err, ERROR_TOO_LARGE,
		                 "image configuration of %lld bytes is too large",
		                 (long long)d->size);
	int r = remote_get_blob(p->remote, &d->digest, d->size, append, &p->config_bytes, err);
	if (r < 0)
		return r;
	digest_of(d->digest.algorithm, strbuf_cstr(&p->config_bytes), p->config_bytes.len, &got);
	if (!digest_equal(&got, &d->digest))
		return error_set(
			err, ERROR_INVALID,
			"image config verification failed for digest %s: the content has %s",
			digest_format(&d->digest, want), digest_format(&got, have));
	return 0;
}

/* From the image that we have, or the registry. */
static int get_config(struct pull *p, struct error *err)
{
	char id[DIGEST_TEXT_MAX];
	CLEANUP(image_free_ptr) struct image *have = NULL;

	digest_format(&p->manifest.config.digest, id);
	int r = image_load_row(p->store, id, &have, err);
	if (r < 0)
		return r;
	p->known = r;
	r = p->known ? image_config_bytes(p->store, &have->id, &p->config_bytes, err)
	             : fetch_config(p, err);
	if (r < 0)
		return r;
	r = image_config_parse(strbuf_str(&p->config_bytes), &p->config, err);
	if (r < 0)
		return error_prefix(err, "configuration %s", id);
	if (p->config.diff_ids.len != p->manifest.layers.len)
		return error_set(
			err, ERROR_INVALID,
			"layers from manifest don't match image configuration: %zu layers, %zu diffIDs",
			p->manifest.layers.len, p->config.diff_ids.len);
	return 0;
}

/* A platform that was asked for must be what came, also where there was no index to choose from. */
static int check_platform(const struct pull *p, struct error *err)
{
	const struct platform *want = p->platform;
	if (!want || p->has_index)
		return 0;
	if (streq_null(want->os, p->config.os) &&
	    streq_null(want->architecture, p->config.architecture))
		return 0;
	AUTO_FREE char *name = reference_familiar(&p->ref);
	AUTO_FREE char *wanted = platform_format(want);
	return error_set(
		err, ERROR_NOT_FOUND,
		"image with reference %s was found but does not provide the specified platform: "
		"wanted %s, actual: %s/%s",
		name, wanted, p->config.os ? p->config.os : "",
		p->config.architecture ? p->config.architecture : "");
}

static int bring_layers(struct pull *p, struct error *err)
{
	size_t n = p->manifest.layers.len;
	AUTO_FREE struct layer_want *want = xcalloc(n ? n : 1, sizeof(*want));

	for (size_t i = 0; i < n; i++) {
		want[i].blob = p->manifest.layers.ptr[i];
		want[i].diff_id = p->config.diff_ids.ptr[i];
		image_chain_id(p->config.diff_ids.ptr, i + 1, &want[i].chain_id);
	}
	return layers_bring(p->store, p->remote, want, n, p->report, err);
}

/* Only of layers whose blob we hold: others were there in another form. */
static int list_archives(struct pull *p, const char *origin, struct image_archive *list,
                         struct error *err)
{
	for (size_t i = 0; i < p->manifest.layers.len; i++) {
		const struct descriptor *d = &p->manifest.layers.ptr[i];
		int r = content_stat(p->store->content, &d->digest, NULL, err);
		if (r < 0)
			return r;
		if (r)
			list[i] =
				(struct image_archive){ d->digest, d->size, d->media_type, origin };
	}
	return 0;
}

static int name_image(struct pull *p, struct error *err)
{
	AUTO_FREE char *name = reference_full_name(&p->ref);
	AUTO_FREE struct image_archive *archives =
		xcalloc(p->manifest.layers.len + 1, sizeof(*archives));
	struct image_record record = {
		.id = p->manifest.config.digest,
		.config = strbuf_str(&p->config_bytes),
		.parsed = &p->config,
		.manifest = strbuf_str(&p->manifest_bytes),
		.manifest_digest = &p->manifest_digest,
		.manifest_media_type = p->manifest_type,
		.tag = digest_is_set(&p->ref.digest) ? NULL : &p->ref,
		.digest_name = name,
		.digest = &p->top,
		.kept_blob = p->has_index ? &p->top : NULL,
		.archives = archives,
	};

	int r = list_archives(p, name, archives, err);
	return r < 0 ? r : image_record(p->store, &record, err);
}

/* "Pulling from library/ubuntu", with the tag or the whole reference as its id. */
static void announce(struct pull *p)
{
	AUTO_FREE char *status = xasprintf("Pulling from %s", p->ref.path);
	AUTO_FREE char *full = reference_full(&p->ref);
	report(p->report, digest_is_set(&p->ref.digest) ? full : p->ref.tag, status);
}

static void conclude(struct pull *p, bool changed)
{
	char text[DIGEST_TEXT_MAX];
	AUTO_FREE char *name = reference_familiar(&p->ref);
	AUTO_FREE char *actor = reference_familiar_name(&p->ref);
	AUTO_FREE char *digest = xasprintf("Digest: %s", digest_format(&p->top, text));
	AUTO_FREE char *status =
		xasprintf("Status: %s for %s",
	                  changed ? "Downloaded newer image" : "Image is up to date", name);

	report(p->report, NULL, digest);
	report(p->report, NULL, status);
	image_event(p->store, "pull", name, actor);
}

static int pull_one(struct pull *p, struct error *err)
{
	int r = resolve(p, err);
	if (r < 0)
		return r;
	announce(p);
	r = get_config(p, err);
	if (r < 0)
		return r;
	r = check_platform(p, err);
	if (r < 0)
		return r;
	if (!p->known)
		r = bring_layers(p, err);
	if (r < 0)
		return r;
	int changed = name_image(p, err);
	if (changed < 0)
		return changed;
	conclude(p, changed);
	return 0;
}

static int pull_tags(struct image_store *s, struct remote *remote, const struct reference *ref,
                     const struct strv *tags, const struct platform *platform,
                     struct report *report, struct error *err)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < tags->len; i++) {
		CLEANUP(pull_done)
		struct pull p = {
			.store = s, .remote = remote, .platform = platform, .report = report
		};
		reference_copy(ref, &p.ref);
		if (!digest_is_set(&ref->digest) && !ref->tag)
			p.ref.tag = xstrdup(tags->ptr[i]);
		r = pull_one(&p, err);
	}
	return r;
}

int image_pull(struct image_store *s, const struct reference *ref, const struct platform *platform,
               const struct remote_credentials *c, const struct job *job, struct error *err)
{
	CLEANUP(remote_free_ptr) struct remote *remote = NULL;
	AUTO_STRV tags = { 0 };
	struct report report;

	int r = remote_open(&s->remote, ref, c, REMOTE_PULL, job ? job->cancel : NULL, &remote,
	                    err);
	if (r < 0)
		return r;
	if (ref->tag || digest_is_set(&ref->digest))
		strv_add(&tags, "");
	else
		r = remote_tags(remote, &tags, err);
	if (r < 0)
		return r;
	report_init(&report, job);
	r = pull_tags(s, remote, ref, &tags, platform, &report, err);
	report_done(&report);
	return r;
}
