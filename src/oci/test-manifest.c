/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/manifest.h"

#include "base/alloc.h"
#include "unit.h"

#define D "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define DESC(type, size) "{\"mediaType\":\"" type "\",\"digest\":\"" D "\",\"size\":" size "}"
#define CONFIG "\"config\":" DESC(MEDIA_OCI_CONFIG, "7")
#define LAYERS "\"layers\":[" DESC(MEDIA_OCI_LAYER_GZIP, "9") "]"

TEST(an_image_manifest_round_trips)
{
	static const char text[] = "{\"schemaVersion\":2,\"mediaType\":\"" MEDIA_OCI_MANIFEST
				   "\"," CONFIG "," LAYERS ",\"annotations\":{\"a\":\"b\"}}";
	AUTO_MANIFEST m = { 0 };
	AUTO_STRBUF out = { 0 };
	struct json_writer w;
	struct error err = { 0 };

	assert_int_equal(manifest_parse(str_from(text), MEDIA_OCI_MANIFEST, &m, &err), 0);
	assert_int_equal(m.kind, MANIFEST_IMAGE);
	assert_int_equal(m.layers.len, 1);
	assert_int_equal(m.layers.ptr[0].size, 9);
	assert_null(m.subject.media_type);
	json_writer_init(&w, &out);
	manifest_encode(&w, &m);
	assert_string_equal(strbuf_cstr(&out), text);
}

TEST(the_kind_follows_from_shape_or_transport)
{
	AUTO_MANIFEST a = { 0 };
	AUTO_MANIFEST b = { 0 };
	AUTO_MANIFEST c = { 0 };
	struct error err = { 0 };

	assert_int_equal(
		manifest_parse(STR("{\"schemaVersion\":2," CONFIG "," LAYERS "}"), NULL, &a, &err),
		0);
	assert_string_equal(a.media_type, MEDIA_OCI_MANIFEST);
	assert_int_equal(manifest_parse(STR("{\"schemaVersion\":2,\"manifests\":[]}"),
	                                "application/json", &b, &err),
	                 0);
	assert_string_equal(b.media_type, MEDIA_OCI_INDEX);
	assert_int_equal(manifest_parse(STR("{\"schemaVersion\":2," CONFIG "," LAYERS "}"),
	                                MEDIA_DOCKER_MANIFEST, &c, &err),
	                 0);
	assert_string_equal(c.media_type, MEDIA_DOCKER_MANIFEST);
}

TEST(ambiguous_and_broken_manifests_are_refused)
{
	static const struct {
		const char *text, *type;
	} bad[] = {
		{ "", NULL },
		{ "null", NULL },
		{ "[]", NULL },
		{ "{}", NULL },
		{ "{\"schemaVersion\":1}", NULL },
		{ "{\"schemaVersion\":2}", NULL },
		{ "{\"schemaVersion\":2,\"schemaVersion\":2," CONFIG "}", NULL },
		{ "{\"schemaVersion\":2," CONFIG "," LAYERS ",\"manifests\":[]}", NULL },
		{ "{\"schemaVersion\":2," CONFIG "," LAYERS "}", MEDIA_OCI_INDEX },
		{ "{\"schemaVersion\":2,\"manifests\":[]}", MEDIA_OCI_MANIFEST },
		{ "{\"schemaVersion\":2,\"mediaType\":\"" MEDIA_OCI_MANIFEST "\"," CONFIG "}",
		  MEDIA_DOCKER_MANIFEST },
		{ "{\"schemaVersion\":2,\"mediaType\":\"text/plain\"," CONFIG "}", NULL },
		{ "{\"schemaVersion\":2,\"mediaType\":7," CONFIG "}", NULL },
		{ "{\"schemaVersion\":2," LAYERS "}", NULL },
		{ "{\"schemaVersion\":2,\"config\":" DESC("x", "-1") "}", NULL },
		{ "{\"schemaVersion\":2,\"config\":" DESC("x", "1.5") "}", NULL },
		{ "{\"schemaVersion\":2,\"config\":" DESC("", "1") "}", NULL },
		{ "{\"schemaVersion\":2,\"config\":{\"mediaType\":\"x\",\"digest\":\"sha256:../../x\",\"size\":1}}",
		  NULL },
		{ "{\"schemaVersion\":2," CONFIG ",\"layers\":[null]}", NULL },
		{ "{\"schemaVersion\":2," CONFIG ",\"layers\":{}}", NULL },
		{ "{\"schemaVersion\":2," CONFIG ",\"annotations\":{\"a\":1}}", NULL },
		{ "{\"schemaVersion\":2," CONFIG ",\"subject\":{}}", NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		AUTO_MANIFEST m = { 0 };
		struct error err = { 0 };

		assert_true(manifest_parse(str_from(bad[i].text), bad[i].type, &m, &err) < 0);
		assert_int_equal(err.kind, ERROR_INVALID);
	}
}

TEST(platforms_are_normalised)
{
	static const struct {
		const char *given, *printed;
	} good[] = {
		{ "linux/amd64", "linux/amd64" },   { "linux/x86_64", "linux/amd64" },
		{ "Linux/AArch64", "linux/arm64" }, { "linux/arm64/v8", "linux/arm64" },
		{ "linux/arm", "linux/arm/v7" },    { "linux/arm/6", "linux/arm/v6" },
		{ "arm64", "linux/arm64" },         { "windows/amd64", "windows/amd64" },
	};
	static const char *const bad[] = { "",        "/",          "linux/",   "nonsense",
		                           "a/b/c/d", "linux/../x", "linux/a b" };
	struct error err = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		CLEANUP(platform_done) struct platform p = { 0 };
		AUTO_FREE char *text = NULL;

		assert_int_equal(platform_parse(good[i].given, &p, &err), 0);
		text = platform_format(&p);
		assert_string_equal(text, good[i].printed);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		CLEANUP(platform_done) struct platform p = { 0 };

		assert_true(platform_parse(bad[i], &p, &err) < 0);
	}
}

static void add(struct manifest *m, const char *os, const char *arch, const char *variant)
{
	struct descriptor d = { .media_type = xstrdup(MEDIA_OCI_MANIFEST),
		                .platform = { .os = xstrdup_null(os),
		                              .architecture = xstrdup_null(arch),
		                              .variant = xstrdup_null(variant) } };

	descriptor_vec_push(&m->manifests, d);
}

static int selected(const struct manifest *m, const char *want)
{
	CLEANUP(platform_done) struct platform p = { 0 };
	struct error err = { 0 };
	const struct descriptor *d;

	assert_int_equal(platform_parse(want, &p, &err), 0);
	d = manifest_select(m, &p);
	return d ? (int)(d - m->manifests.ptr) : -1;
}

TEST(the_best_entry_for_a_platform)
{
	AUTO_MANIFEST m = { .kind = MANIFEST_INDEX };

	add(&m, "linux", "arm", "v5");
	add(&m, "linux", "arm", "v6");
	add(&m, "unknown", "unknown", NULL);
	add(&m, "linux", "arm64", "v8");
	add(&m, "linux", "amd64", NULL);
	add(&m, "windows", "amd64", NULL);
	assert_int_equal(selected(&m, "linux/arm/v7"), 1);
	assert_int_equal(selected(&m, "linux/arm/v5"), 0);
	assert_int_equal(selected(&m, "linux/arm64"), 3);
	assert_int_equal(selected(&m, "linux/amd64"), 4);
	assert_int_equal(selected(&m, "linux/amd64/v3"), 4);
	assert_int_equal(selected(&m, "linux/s390x"), -1);
	add(&m, NULL, NULL, NULL);
	assert_int_equal(selected(&m, "linux/s390x"), 6);
}
