/* SPDX-License-Identifier: Apache-2.0 */
/* /distribution: what a registry has under a name, without pulling it. */
#include "api/api-internal.h"

static void write_platform(struct json_writer *w, const struct platform *p)
{
	jw_object(w);
	jw_kv_string(w, "architecture", p->architecture);
	jw_kv_string(w, "os", p->os);
	if (!str_empty_or_null(p->os_version))
		jw_kv_string(w, "os.version", p->os_version);
	if (!str_empty_or_null(p->variant))
		jw_kv_string(w, "variant", p->variant);
	jw_object_end(w);
}

static int collect_config(void *ctx, const void *data, size_t n, struct error *err)
{
	if (strbuf_add(ctx, data, n) < 0)
		return error_set(err, ERROR_TOO_LARGE, "the image's configuration is too large");
	return 0;
}

/* An image names its platform in its configuration, an index in its entries. */
static int write_platforms(struct remote *remote, const struct manifest *m, struct json_writer *w,
                           struct error *err)
{
	AUTO_IMAGE_CONFIG config = { 0 };
	AUTO_STRBUF text = { .limit = IMAGE_CONFIG_SIZE_MAX };
	struct platform p = { 0 };
	int r;

	jw_key(w, "Platforms");
	jw_array(w);
	vec_for_each (&m->manifests, d)
		if (d->platform.os)
			write_platform(w, &d->platform);
	if (m->kind == MANIFEST_IMAGE) {
		r = remote_get_blob(remote, &m->config.digest, m->config.size, collect_config,
		                    &text, err);
		if (r >= 0)
			r = image_config_parse(strbuf_str(&text), &config, err);
		if (r < 0)
			return r;
		p.os = config.os;
		p.architecture = config.architecture;
		p.variant = config.variant;
		write_platform(w, &p);
	}
	jw_array_end(w);
	return 0;
}

static int answer(struct api_request *req, struct remote *remote, const struct reference *ref,
                  struct error *err)
{
	AUTO_STRBUF body = { 0 }, out = { 0 };
	AUTO_FREE char *media_type = NULL;
	AUTO_MANIFEST m = { 0 };
	char text[DIGEST_TEXT_MAX];
	struct digest digest;
	struct json_writer w;
	int r = remote_get_manifest(remote, ref->tag ? ref->tag : digest_format(&ref->digest, text),
	                            &body, &media_type, &digest, err);

	if (r >= 0)
		r = manifest_parse(strbuf_str(&body), media_type, &m, err);
	if (r < 0)
		return r;
	json_writer_init(&w, &out);
	jw_object(&w);
	jw_key(&w, "Descriptor");
	jw_object(&w);
	jw_kv_string(&w, "mediaType", m.media_type);
	jw_kv_string(&w, "digest", digest_format(&digest, text));
	jw_kv_i64(&w, "size", (int64_t)body.len);
	jw_object_end(&w);
	r = write_platforms(remote, &m, &w, err);
	if (r < 0)
		return r;
	jw_object_end(&w);
	return api_respond_json(req, 200, &out);
}

static int distribution_handler(struct api_request *req, struct error *err)
{
	CLEANUP(remote_free_ptr) struct remote *remote = NULL;
	struct remote_credentials credentials;
	AUTO_REFERENCE ref = { 0 };
	int r = reference_parse(api_param(req, "name"), &ref, err);

	if (r < 0)
		return r;
	reference_default_tag(&ref);
	api_registry_auth(req, &credentials);
	r = remote_open(&req->engine->remote, &ref, &credentials, REMOTE_PULL, NULL, &remote, err);
	return r < 0 ? r : answer(req, remote, &ref, err);
}

static const struct api_route routes[] = {
	{ { GET, "/distribution/{name...}/json" }, distribution_handler, .min_api = API(1, 30) },
};
API_TABLE(api_distribution_routes, routes);
