/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Manifests that point at another by `subject`. Every manifest's subject is kept when it is pushed,
 * also by clients that write the fallback tag (sha256-<hex>), so that tag needs no reading.
 */
#include "json/writer.h"
#include "oci/manifest.h"
#include "registry/registry-internal.h"

enum { REFERRERS_PAGE = 500 };

static void write_referrer(struct json_writer *w, const struct metadata_referrer *f)
{
	jw_object(w);
	jw_kv_string(w, "mediaType", f->media_type);
	jw_kv_i64(w, "size", f->size);
	jw_kv_string(w, "digest", f->digest);
	if (f->artifact_type)
		jw_kv_string(w, "artifactType", f->artifact_type);
	if (f->annotations) {
		jw_key(w, "annotations");
		jw_raw(w, str_from(f->annotations));
	}
	jw_object_end(w);
}

static void set_link(struct registry_call *c, const char *type, int64_t n, const char *last)
{
	AUTO_STRBUF link = { 0 };

	strbuf_printf(&link, "</v2/%s/referrers/%s?last=%s&n=%lld", c->repo, c->reference, last,
	              (long long)n);
	if (type) {
		strbuf_puts(&link, "&artifactType=");
		strbuf_add_urlencoded(&link, str_from(type), NULL);
	}
	strbuf_puts(&link, ">; rel=\"next\"");
	http_set_header(c->http, "Link", strbuf_cstr(&link));
}

static void write_index(struct strbuf *body, const struct metadata_referrer_vec *found, size_t n)
{
	struct json_writer w;

	json_writer_init(&w, body);
	jw_object(&w);
	jw_kv_i64(&w, "schemaVersion", 2);
	jw_kv_string(&w, "mediaType", MEDIA_OCI_INDEX);
	jw_key(&w, "manifests");
	jw_array(&w);
	for (size_t i = 0; i < n; i++)
		write_referrer(&w, &found->ptr[i]);
	jw_array_end(&w);
	jw_object_end(&w);
}

int referrers_list(struct registry_call *c, struct error *err)
{
	CLEANUP(metadata_referrers_clear) struct metadata_referrer_vec found = { 0 };
	AUTO_STRBUF body = { 0 };
	const char *type = http_query_get(c->http, "artifactType"), *last;
	struct digest d;
	int64_t n;
	bool given;
	size_t shown;
	int r = call_digest(c, c->reference, &d, err);

	if (r < 0 || (r = call_page(c, &n, &given, &last, err)) < 0)
		return r;
	n = given && n > 0 ? MIN(n, REFERRERS_PAGE) : REFERRERS_PAGE;
	if (str_empty_or_null(type))
		type = NULL;
	r = metadata_referrers(c->registry->metadata, c->repo, c->reference, type, last, n + 1,
	                       &found, err);
	if (r < 0)
		return r;
	shown = MIN(found.len, (size_t)n);
	if (found.len > shown)
		set_link(c, type, n, found.ptr[shown - 1].digest);
	if (type)
		http_set_header(c->http, "OCI-Filters-Applied", "artifactType");
	write_index(&body, &found, shown);
	http_respond(c->http, 200, MEDIA_OCI_INDEX, strbuf_cstr(&body), body.len);
	return 0;
}
