/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/time.h"
#include "json/writer.h"
#include "oci/manifest.h"
#include "registry/registry-internal.h"

static int unknown(struct registry_call *c, struct error *err)
{
	return call_fail(c, CODE_MANIFEST_UNKNOWN, err, "repository %s has no manifest %s", c->repo,
	                 c->reference);
}

/* A tag or a digest. 1 digest, 0 tag. */
static int parse_reference(struct registry_call *c, struct digest *ret, struct error *err)
{
	if (strchr(c->reference, ':')) {
		int r = call_digest(c, c->reference, ret, err);

		return r < 0 ? r : 1;
	}
	if (reference_is_tag(str_from(c->reference)))
		return 0;
	return call_fail(
		c, CODE_TAG_INVALID, err,
		"\"%.150s\" is no tag: letters, digits and _ . - (not first), at most 128 bytes",
		c->reference);
}

/* --- GET, HEAD --- */

static bool etag_in(const char *list, const char *etag)
{
	struct str rest = str_from(list), piece;

	while (str_cut(&rest, ',', &piece)) {
		piece = str_trim(piece);
		if (piece.len > 2 && memcmp(piece.ptr, "W/", 2) == 0)
			piece = str_n(piece.ptr + 2, piece.len - 2);
		if (str_eq_c(piece, "*") || str_eq_c(piece, etag))
			return true;
	}
	return false;
}

static void send_manifest(struct registry_call *c, const struct metadata_manifest *m)
{
	const char *known = http_header_get(c->http, "If-None-Match");
	char etag[DIGEST_TEXT_MAX + 2];

	snprintf(etag, sizeof(etag), "\"%s\"", m->digest);
	http_set_header(c->http, "Docker-Content-Digest", m->digest);
	http_set_header(c->http, "ETag", etag);
	if (known && etag_in(known, etag))
		http_respond(c->http, 304, NULL, NULL, 0);
	else
		http_respond(c->http, 200, m->media_type, m->body.ptr, (size_t)m->size);
}

/* ?at=TIME reads a tag as it was. */
static int parse_at(struct registry_call *c, int64_t *ret, struct error *err)
{
	const char *text = http_query_get(c->http, "at");

	*ret = 0;
	if (!text || time_parse_query(text, time_now(), ret) == 0)
		return 0;
	return call_fail(c, CODE_TAG_INVALID, err,
	                 "at=%.60s is no time: RFC 3339, unix seconds or an age such as 10m is",
	                 text);
}

int manifest_get(struct registry_call *c, struct error *err)
{
	CLEANUP(metadata_manifest_done) struct metadata_manifest m = { 0 };
	struct digest d;
	int64_t at;
	int is_digest = parse_reference(c, &d, err);
	int r;

	if (is_digest < 0 || parse_at(c, &at, err) < 0)
		return error_errno(err);
	r = metadata_manifest_find(c->registry->metadata, c->repo, c->reference, is_digest, at,
	                           c->http->method == HTTP_GET, &m, err);
	if (r < 0)
		return r;
	if (r == 0)
		return unknown(c, err);
	send_manifest(c, &m);
	return 0;
}

/* --- PUT --- */

/* What a PUT brings, on the handler's stack. */
struct push {
	struct strbuf body;
	struct manifest manifest;
	char digest[DIGEST_TEXT_MAX];
	char subject[DIGEST_TEXT_MAX];
	struct strbuf annotations;
	char *if_match;
	struct strv texts; /* digests that refs borrow */
	struct metadata_ref_vec refs;
	struct metadata_tag_change tags[REGISTRY_TAGS_MAX];
	size_t n_tags;
};

static void push_done(struct push *p)
{
	strbuf_done(&p->body);
	manifest_done(&p->manifest);
	strbuf_done(&p->annotations);
	free(p->if_match);
	strv_done(&p->texts);
	metadata_ref_vec_done(&p->refs);
}

static int read_body(struct registry_call *c, struct push *p, struct error *err)
{
	int r;

	if (c->http->content_length > MANIFEST_SIZE_MAX)
		r = error_set(err, ERROR_TOO_LARGE, "too large");
	else
		r = http_read_all(c->http, MANIFEST_SIZE_MAX, &p->body, err);
	if (r < 0 && err->kind == ERROR_TOO_LARGE)
		return call_fail(c, CODE_MANIFEST_TOO_LARGE, err,
		                 "a manifest may have %d bytes at most: put content into blobs",
		                 MANIFEST_SIZE_MAX);
	return r;
}

/* The Content-Type without its parameters; NULL when it says nothing about manifests. */
static char *sent_media_type(struct registry_call *c)
{
	const char *type = http_header_get(c->http, "Content-Type");
	struct str rest = str_from(type), piece;

	if (!type || !str_cut(&rest, ';', &piece))
		return NULL;
	piece = str_trim(piece);
	if (piece.len == 0 || str_eq_c(piece, "application/json") ||
	    str_eq_c(piece, "application/octet-stream") ||
	    str_eq_c(piece, "application/x-www-form-urlencoded"))
		return NULL;
	return arena_strndup(c->http->arena, piece.ptr, piece.len);
}

static int parse_manifest(struct registry_call *c, struct push *p, struct error *err)
{
	char *type = sent_media_type(c);
	int r;

	if (type && !media_type_is_manifest(type))
		return call_fail(
			c, CODE_MANIFEST_INVALID, err,
			"manifests of type %.100s are not supported: OCI and Docker schema 2 ones are",
			type);
	r = manifest_parse(strbuf_str(&p->body), type, &p->manifest, err);
	if (r < 0)
		c->code = CODE_MANIFEST_INVALID;
	return r;
}

static void add_ref(struct push *p, enum metadata_ref_kind kind, const struct descriptor *d,
                    bool optional)
{
	char text[DIGEST_TEXT_MAX];

	strv_add(&p->texts, digest_format(&d->digest, text));
	metadata_ref_vec_push(&p->refs,
	                      (struct metadata_ref){ .kind = kind,
	                                             .digest = p->texts.ptr[p->texts.len - 1],
	                                             .size = d->size,
	                                             .optional = optional });
}

static void collect_refs(struct push *p, bool sparse, bool optional)
{
	const struct manifest *m = &p->manifest;

	if (m->kind == MANIFEST_INDEX) {
		vec_for_each (&m->manifests, d)
			add_ref(p, METADATA_REF_MANIFEST, d, sparse || optional);
		return;
	}
	add_ref(p, METADATA_REF_BLOB, &m->config, optional);
	vec_for_each (&m->layers, d)
		add_ref(p, METADATA_REF_BLOB, d,
		        optional || media_type_is_nondistributable(d->media_type));
}

/* What referrers will be told of it. */
static void describe(struct push *p)
{
	const struct manifest *m = &p->manifest;
	struct json_writer w;

	if (m->subject.media_type)
		digest_format(&m->subject.digest, p->subject);
	if (m->annotations.len == 0)
		return;
	json_writer_init(&w, &p->annotations);
	jw_object(&w);
	for (size_t i = 0; i < m->annotations.len; i++)
		jw_kv_string(&w, m->annotations.ptr[i].key, m->annotations.ptr[i].value);
	jw_object_end(&w);
}

static const char *artifact_type(const struct push *p)
{
	const struct manifest *m = &p->manifest;

	if (!str_empty_or_null(m->artifact_type))
		return m->artifact_type;
	return m->kind == MANIFEST_IMAGE ? m->config.media_type : NULL;
}

static bool is_immutable(struct registry_call *c, const char *tag)
{
	const struct strv *globs = &c->registry->config->immutable;
	char *name = arena_printf(c->http->arena, "%s:%s", c->repo, tag);

	for (size_t i = 0; i < globs->len; i++)
		if (registry_glob(globs->ptr[i], name))
			return true;
	return false;
}

static int add_tag(struct registry_call *c, struct push *p, const char *tag, struct error *err)
{
	if (!reference_is_tag(str_from(tag)))
		return call_fail(c, CODE_TAG_INVALID, err, "tag=%.150s is no tag", tag);
	if (p->n_tags == REGISTRY_TAGS_MAX)
		return call_fail(c, CODE_TAG_INVALID, err, "more than %d tags at once",
		                 REGISTRY_TAGS_MAX);
	p->tags[p->n_tags++] =
		(struct metadata_tag_change){ .name = tag, .immutable = is_immutable(c, tag) };
	return 0;
}

static int collect_tags(struct registry_call *c, struct push *p, bool is_digest, struct error *err)
{
	int r = is_digest ? 0 : add_tag(c, p, c->reference, err);

	for (size_t i = 0; i < c->http->n_query && r == 0; i++)
		if (streq(c->http->query[i].name, "tag"))
			r = add_tag(c, p, c->http->query[i].value, err);
	return r;
}

/* The digest in the path, if any, must be the body's; without one it is SHA-256. */
static int check_digest(struct registry_call *c, struct push *p, const struct digest *wanted,
                        struct error *err)
{
	struct digest got;

	digest_of(wanted ? wanted->algorithm : DIGEST_SHA256, strbuf_cstr(&p->body), p->body.len,
	          &got);
	digest_format(&got, p->digest);
	if (wanted && !digest_equal(wanted, &got))
		return call_fail(c, CODE_DIGEST_INVALID, err, "the manifest's digest is %s, not %s",
		                 p->digest, c->reference);
	return 0;
}

/* An ETag header's digest, without the quotes. */
static char *etag_value(const char *header)
{
	struct str s = str_trim(str_from(header));

	if (s.len >= 2 && s.ptr[0] == '"' && s.ptr[s.len - 1] == '"')
		s = str_n(s.ptr + 1, s.len - 2);
	return xstrndup(s.ptr, s.len);
}

static int prepare(struct registry_call *c, struct push *p, struct error *err)
{
	const char *match = http_header_get(c->http, "If-Match");
	struct digest wanted;
	int is_digest = parse_reference(c, &wanted, err);

	if (is_digest < 0 || collect_tags(c, p, is_digest, err) < 0 || read_body(c, p, err) < 0 ||
	    check_digest(c, p, is_digest ? &wanted : NULL, err) < 0 ||
	    parse_manifest(c, p, err) < 0)
		return error_errno(err);
	collect_refs(p, !streq(c->registry->config->indexes, "all"), false);
	describe(p);
	if (match)
		p->if_match = etag_value(match);
	return 0;
}

static int publish(struct registry_call *c, struct push *p, struct error *err)
{
	CLEANUP(metadata_missing_clear) struct metadata_missing_vec missing = { 0 };
	const char *none = http_header_get(c->http, "If-None-Match");
	int r = metadata_publish(
		c->registry->metadata,
		&(struct metadata_publication){
			.repo = c->repo,
			.digest = p->digest,
			.media_type = p->manifest.media_type,
			.artifact_type = artifact_type(p),
			.subject = *p->subject ? p->subject : NULL,
			.annotations = p->annotations.len ? p->annotations.ptr : NULL,
			.body = strbuf_str(&p->body),
			.refs = p->refs.ptr,
			.n_refs = p->refs.len,
			.tags = p->tags,
			.n_tags = p->n_tags,
			.if_match = p->if_match,
			.if_none_match = none && streq(none, "*"),
			.actor = c->actor,
			.quota = c->registry->config->quota,
			.now = time_now(),
		},
		&missing, err);

	if (r != 0)
		return r < 0 ? r : 0;
	vec_for_each (&missing, it)
		call_problem(c, it->wrong_size ? CODE_MANIFEST_INVALID : CODE_MANIFEST_BLOB_UNKNOWN,
		             it->message, it->digest);
	return call_fail(c, CODE_MANIFEST_BLOB_UNKNOWN, err,
	                 "the manifest refers to what is not here");
}

static void respond_published(struct registry_call *c, const struct push *p)
{
	AUTO_STRBUF tags = { 0 };

	for (size_t i = 0; i < p->n_tags; i++)
		strbuf_printf(&tags, "%s%s", i ? ", " : "", p->tags[i].name);
	call_location(c, "/v2/%s/manifests/%s", c->repo, p->digest);
	http_set_header(c->http, "Docker-Content-Digest", p->digest);
	if (p->n_tags > 0 && http_query_get(c->http, "tag"))
		http_set_header(c->http, "OCI-Tag", strbuf_cstr(&tags));
	if (*p->subject)
		http_set_header(c->http, "OCI-Subject", p->subject);
	http_respond(c->http, 201, NULL, NULL, 0);
}

int manifest_put(struct registry_call *c, struct error *err)
{
	CLEANUP(push_done) struct push p = { .n_tags = 0 };

	if (prepare(c, &p, err) < 0 || publish(c, &p, err) < 0)
		return error_errno(err);
	respond_published(c, &p);
	return 0;
}

int manifest_store(struct registry *r, const char *repo, const char *digest, struct str body,
                   const char *tag, struct error *err)
{
	CLEANUP(metadata_missing_clear) struct metadata_missing_vec wrong = { 0 };
	CLEANUP(push_done) struct push p = { .n_tags = tag ? 1 : 0, .tags = { { .name = tag } } };
	int ret = manifest_parse(body, NULL, &p.manifest, err);

	if (ret < 0)
		return ret;
	collect_refs(&p, true, true);
	describe(&p);
	ret = metadata_publish(r->metadata,
	                       &(struct metadata_publication){
				       .repo = repo,
				       .digest = digest,
				       .media_type = p.manifest.media_type,
				       .artifact_type = artifact_type(&p),
				       .subject = *p.subject ? p.subject : NULL,
				       .annotations = p.annotations.len ? p.annotations.ptr : NULL,
				       .body = body,
				       .refs = p.refs.ptr,
				       .n_refs = p.refs.len,
				       .tags = p.tags,
				       .n_tags = p.n_tags,
				       .actor = "",
				       .now = time_now(),
			       },
	                       &wrong, err);
	if (ret != 0)
		return ret < 0 ? ret : 0;
	return error_set(err, ERROR_INVALID, "%s", wrong.ptr[0].message);
}

/* --- DELETE --- */

/* An immutable tag can't be deleted either, nor what it stands for: that would be moving it by two
 * steps. */
static int check_immutable(struct registry_call *c, bool is_digest, struct error *err)
{
	AUTO_STRV tags = { 0 };

	if (c->registry->config->immutable.len == 0)
		return 0;
	if (!is_digest)
		strv_add(&tags, c->reference);
	else if (metadata_manifest_tags(c->registry->metadata, c->repo, c->reference, &tags, err) <
	         0)
		return error_errno(err);
	for (size_t i = 0; i < tags.len; i++)
		if (is_immutable(c, tags.ptr[i]))
			return call_fail(c, CODE_DENIED, err,
			                 "tag %s of %s is immutable (coracle.immutable)",
			                 tags.ptr[i], c->repo);
	return 0;
}

int manifest_delete(struct registry_call *c, struct error *err)
{
	const char *match = http_header_get(c->http, "If-Match");
	AUTO_FREE char *if_match = match ? etag_value(match) : NULL;
	struct digest d;
	int r = parse_reference(c, &d, err);

	if (r < 0 || check_immutable(c, r, err) < 0)
		return error_errno(err);
	if (r > 0)
		r = metadata_manifest_delete(c->registry->metadata, c->repo, c->reference, if_match,
		                             time_now(), err);
	else
		r = metadata_tag_delete(c->registry->metadata, c->repo, c->reference, if_match,
		                        time_now(), err);
	if (r < 0 && err->kind == ERROR_CONFLICT)
		c->code = CODE_UNSUPPORTED;
	if (r < 0)
		return r;
	if (r == 0)
		return unknown(c, err);
	http_respond(c->http, 202, NULL, NULL, 0);
	return 0;
}
