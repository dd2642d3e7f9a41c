/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/manifest.h"

#include <string.h>

#include "base/alloc.h"

bool media_type_is_index(const char *t)
{
	return t && (streq(t, MEDIA_OCI_INDEX) || streq(t, MEDIA_DOCKER_LIST));
}

bool media_type_is_manifest(const char *t)
{
	return t && (streq(t, MEDIA_OCI_MANIFEST) || streq(t, MEDIA_DOCKER_MANIFEST) ||
	             media_type_is_index(t));
}

bool media_type_is_nondistributable(const char *t)
{
	return t && (strstr(t, ".nondistributable.") || strstr(t, ".rootfs.foreign."));
}

void descriptor_done(struct descriptor *d)
{
	free(d->media_type);
	free(d->artifact_type);
	strv_done(&d->urls);
	strmap_done(&d->annotations);
	platform_done(&d->platform);
	*d = (struct descriptor){ 0 };
}

void descriptor_copy(const struct descriptor *from, struct descriptor *ret)
{
	*ret = (struct descriptor){
		.media_type = xstrdup_null(from->media_type),
		.digest = from->digest,
		.size = from->size,
		.artifact_type = xstrdup_null(from->artifact_type),
		.platform = { .os = xstrdup_null(from->platform.os),
		              .architecture = xstrdup_null(from->platform.architecture),
		              .variant = xstrdup_null(from->platform.variant),
		              .os_version = xstrdup_null(from->platform.os_version) },
	};
	strv_copy(&ret->urls, &from->urls);
	strmap_copy(&ret->annotations, &from->annotations);
}

static void descriptors_done(struct descriptor_vec *v)
{
	vec_for_each (v, d)
		descriptor_done(d);
	descriptor_vec_done(v);
}

void manifest_done(struct manifest *m)
{
	free(m->media_type);
	free(m->artifact_type);
	descriptor_done(&m->config);
	descriptors_done(&m->layers);
	descriptors_done(&m->manifests);
	descriptor_done(&m->subject);
	strmap_done(&m->annotations);
	*m = (struct manifest){ 0 };
}

/* A member that is absent or null. */
static bool is_absent(const json_t *v)
{
	return !v || json_is_null(v);
}

static int bad(struct error *err, const char *where, const char *what)
{
	return error_set(err, ERROR_INVALID, "manifest invalid: %s%s%s", where, *where ? " " : "",
	                 what);
}

static int get_string(const json_t *o, const char *key, const char *where, char **ret,
                      struct error *err)
{
	const json_t *v = json_object_get(o, key);

	if (is_absent(v))
		return 0;
	if (!json_is_string(v))
		return error_set(err, ERROR_INVALID, "manifest invalid: %s %s is no string", where,
		                 key);
	if (json_string_length(v) > 0)
		*ret = xstrdup(json_string_value(v));
	return 0;
}

static int get_annotations(const json_t *o, const char *where, struct strmap *ret,
                           struct error *err)
{
	json_t *v = json_object_get(o, "annotations"), *value;
	const char *key;

	if (is_absent(v))
		return 0;
	if (!json_is_object(v))
		return bad(err, where, "annotations is no object");
	json_object_foreach (v, key, value) {
		if (!json_is_string(value))
			return bad(err, where, "annotations has a value that is no string");
		strmap_set(ret, key, json_string_value(value));
	}
	return 0;
}

static int get_urls(const json_t *o, const char *where, struct strv *ret, struct error *err)
{
	const json_t *v = json_object_get(o, "urls");

	if (is_absent(v))
		return 0;
	if (!json_is_array(v))
		return bad(err, where, "urls is no list");
	for (size_t i = 0; i < json_array_size(v); i++) {
		const char *url = json_string_value(json_array_get(v, i));

		if (!url)
			return bad(err, where, "urls has a member that is no string");
		strv_add(ret, url);
	}
	return 0;
}

static int get_platform(const json_t *o, const char *where, struct platform *ret, struct error *err)
{
	const json_t *v = json_object_get(o, "platform");
	int r;

	if (is_absent(v))
		return 0;
	if (!json_is_object(v))
		return bad(err, where, "platform is no object");
	r = get_string(v, "os", where, &ret->os, err);
	if (r == 0)
		r = get_string(v, "architecture", where, &ret->architecture, err);
	if (r == 0)
		r = get_string(v, "variant", where, &ret->variant, err);
	if (r == 0)
		r = get_string(v, "os.version", where, &ret->os_version, err);
	return r;
}

static int get_identity(const json_t *o, const char *where, struct descriptor *d, struct error *err)
{
	const char *digest = json_string_value(json_object_get(o, "digest"));
	const json_t *size = json_object_get(o, "size");
	int r = get_string(o, "mediaType", where, &d->media_type, err);

	if (r < 0)
		return r;
	if (!d->media_type)
		return bad(err, where, "has no mediaType");
	if (!digest || digest_parse(str_from(digest), &d->digest) < 0)
		return bad(err, where, "has no valid digest");
	if (!json_is_integer(size) || json_integer_value(size) < 0)
		return bad(err, where, "has no valid size");
	d->size = json_integer_value(size);
	return 0;
}

static int parse_descriptor(const json_t *o, const char *where, struct descriptor *d,
                            struct error *err)
{
	int r;

	if (!json_is_object(o))
		return bad(err, where, "is no object");
	r = get_identity(o, where, d, err);
	if (r == 0)
		r = get_urls(o, where, &d->urls, err);
	if (r == 0)
		r = get_annotations(o, where, &d->annotations, err);
	if (r == 0)
		r = get_platform(o, where, &d->platform, err);
	if (r == 0)
		r = get_string(o, "artifactType", where, &d->artifact_type, err);
	return r;
}

static int parse_list(const json_t *root, const char *key, size_t max, struct descriptor_vec *ret,
                      struct error *err)
{
	const json_t *list = json_object_get(root, key);

	if (is_absent(list))
		return 0;
	if (!json_is_array(list))
		return bad(err, key, "is no list");
	if (json_array_size(list) > max)
		return error_set(err, ERROR_INVALID,
		                 "manifest invalid: %s has %zu members, more than %zu", key,
		                 json_array_size(list), max);
	for (size_t i = 0; i < json_array_size(list); i++) {
		struct descriptor *d = descriptor_vec_push(ret, (struct descriptor){ 0 });
		int r = parse_descriptor(json_array_get(list, i), key, d, err);

		if (r < 0)
			return r;
	}
	return 0;
}

static bool has(const json_t *o, const char *key)
{
	return !is_absent(json_object_get(o, key));
}

/* What the document is: by its own word, the transport's, and its shape, which must agree. */
static int find_kind(const json_t *root, const char *said, struct manifest *m, struct error *err)
{
	bool image_shape = has(root, "config") || has(root, "layers");
	bool index_shape = has(root, "manifests");
	int r = get_string(root, "mediaType", "", &m->media_type, err);

	if (r < 0)
		return r;
	if (image_shape && index_shape)
		return bad(err, "", "both layers and manifests: it could be read in two ways");
	if (m->media_type && said && !streq(m->media_type, said) && media_type_is_manifest(said))
		return error_set(err, ERROR_INVALID,
		                 "manifest invalid: its mediaType is %.100s, but it came as %.100s",
		                 m->media_type, said);
	if (!m->media_type && media_type_is_manifest(said))
		m->media_type = xstrdup(said);
	if (!m->media_type)
		m->media_type = xstrdup(index_shape ? MEDIA_OCI_INDEX : MEDIA_OCI_MANIFEST);
	if (!media_type_is_manifest(m->media_type))
		return error_set(err, ERROR_INVALID,
		                 "manifest invalid: unsupported media type %.100s", m->media_type);
	m->kind = media_type_is_index(m->media_type) ? MANIFEST_INDEX : MANIFEST_IMAGE;
	if (m->kind == MANIFEST_INDEX ? image_shape : index_shape || !has(root, "config"))
		return error_set(err, ERROR_INVALID,
		                 "manifest invalid: the content does not suit media type %s",
		                 m->media_type);
	return 0;
}

static int check_version(const json_t *root, struct error *err)
{
	const json_t *v = json_object_get(root, "schemaVersion");

	if (!json_is_object(root))
		return bad(err, "", "it is no JSON object");
	if (json_is_integer(v) && json_integer_value(v) == 1)
		return bad(
			err, "",
			"schema version 1 is no longer supported: rebuild or convert the image on its registry");
	if (!json_is_integer(v) || json_integer_value(v) != 2)
		return bad(err, "", "schemaVersion must be 2");
	return 0;
}

static int parse_parts(const json_t *root, struct manifest *m, struct error *err)
{
	int r = get_string(root, "artifactType", "", &m->artifact_type, err);

	if (r == 0)
		r = get_annotations(root, "", &m->annotations, err);
	if (r == 0 && has(root, "subject"))
		r = parse_descriptor(json_object_get(root, "subject"), "subject", &m->subject, err);
	if (r < 0)
		return r;
	if (m->kind == MANIFEST_INDEX)
		return parse_list(root, "manifests", INDEX_MANIFESTS_MAX, &m->manifests, err);
	r = parse_descriptor(json_object_get(root, "config"), "config", &m->config, err);
	return r < 0 ? r : parse_list(root, "layers", MANIFEST_LAYERS_MAX, &m->layers, err);
}

int manifest_parse(struct str json, const char *media_type, struct manifest *ret, struct error *err)
{
	AUTO_JSON *root = NULL;
	AUTO_MANIFEST m = { 0 };
	int r;

	if (json.len > MANIFEST_SIZE_MAX)
		return error_set(err, ERROR_TOO_LARGE, "the manifest has %zu bytes, more than %d",
		                 json.len, MANIFEST_SIZE_MAX);
	root = json_parse(json, err);
	if (!root)
		return error_prefix(err, "manifest invalid");
	r = check_version(root, err);
	if (r == 0)
		r = find_kind(root, media_type, &m, err);
	if (r == 0)
		r = parse_parts(root, &m, err);
	if (r < 0)
		return r;
	*ret = m;
	m = (struct manifest){ 0 };
	return 0;
}

static void encode_strmap(struct json_writer *w, const char *key, const struct strmap *map)
{
	struct strmap sorted = { 0 };

	if (map->len == 0)
		return;
	strmap_copy(&sorted, map);
	strmap_sort(&sorted);
	jw_key(w, key);
	jw_object(w);
	for (size_t i = 0; i < sorted.len; i++)
		jw_kv_string(w, sorted.ptr[i].key, sorted.ptr[i].value);
	jw_object_end(w);
	strmap_done(&sorted);
}

static void encode_optional(struct json_writer *w, const char *key, const char *value)
{
	if (value)
		jw_kv_string(w, key, value);
}

static void encode_platform(struct json_writer *w, const struct platform *p)
{
	if (!p->os && !p->architecture)
		return;
	jw_key(w, "platform");
	jw_object(w);
	jw_kv_string(w, "architecture", p->architecture);
	jw_kv_string(w, "os", p->os);
	encode_optional(w, "os.version", p->os_version);
	encode_optional(w, "variant", p->variant);
	jw_object_end(w);
}

void descriptor_encode(struct json_writer *w, const struct descriptor *d)
{
	char digest[DIGEST_TEXT_MAX];

	jw_object(w);
	jw_kv_string(w, "mediaType", d->media_type);
	jw_kv_string(w, "digest", digest_format(&d->digest, digest));
	jw_kv_i64(w, "size", d->size);
	if (d->urls.len > 0)
		jw_kv_strv(w, "urls", &d->urls);
	encode_strmap(w, "annotations", &d->annotations);
	encode_platform(w, &d->platform);
	encode_optional(w, "artifactType", d->artifact_type);
	jw_object_end(w);
}

static void encode_list(struct json_writer *w, const char *key, const struct descriptor_vec *list)
{
	jw_key(w, key);
	jw_array(w);
	for (size_t i = 0; i < list->len; i++)
		descriptor_encode(w, &list->ptr[i]);
	jw_array_end(w);
}

void manifest_encode(struct json_writer *w, const struct manifest *m)
{
	jw_object(w);
	jw_kv_i64(w, "schemaVersion", 2);
	encode_optional(w, "mediaType", m->media_type);
	encode_optional(w, "artifactType", m->artifact_type);
	if (m->kind == MANIFEST_INDEX) {
		encode_list(w, "manifests", &m->manifests);
	} else {
		jw_key(w, "config");
		descriptor_encode(w, &m->config);
		encode_list(w, "layers", &m->layers);
	}
	if (m->subject.media_type) {
		jw_key(w, "subject");
		descriptor_encode(w, &m->subject);
	}
	encode_strmap(w, "annotations", &m->annotations);
	jw_object_end(w);
}
