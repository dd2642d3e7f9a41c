/* SPDX-License-Identifier: Apache-2.0 */
/* Pulls of images that are not what they seem, from tests/remote/fake-registry.py. */
#include "base/alloc.h"
#include "image/test-support.h"
#include "remote/test-fake.h"
#include "unit.h"

static int pull(struct world *w, const char *repo, struct error *err)
{
	need_fake();
	AUTO_FREE char *name = xasprintf("%s/image/%s:latest", fake.registry, repo);
	AUTO_REFERENCE ref = parse_ref(name);
	return image_pull(w->images, &ref, NULL, NULL, &w->job, err);
}

TEST(good_images_come)
{
	static const char *const good[] = { "good", "good-docker", "indexed" };
	AUTO_WORLD w;

	world_open(&w);
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		struct error err = { 0 };
		expect_ok(pull(&w, good[i], &err), &err);
	}
}

static size_t count_images(struct world *w)
{
	CLEANUP(image_list_done) struct image_ptr_vec v = { 0 };
	struct error err = { 0 };
	expect_ok(image_list(w->images, &v, &err), &err);
	return v.len;
}

TEST(bad_images_end_in_one_clear_line_and_leave_nothing)
{
	static const struct {
		const char *repo, *says;
	} cases[] = {
		{ "null", "manifest latest" },
		{ "empty-object", "manifest latest" },
		{ "array", "manifest latest" },
		{ "truncated", "manifest latest" },
		{ "trailing", "manifest latest" },
		{ "deep", "manifest latest" },
		{ "duplicate", "manifest latest" },
		{ "not-utf8", "manifest latest" },
		{ "both", "manifest latest" },
		{ "confused", "manifest latest" },
		{ "helm", "is no container image" },
		{ "negative", "manifest latest" },
		{ "huge-size", "manifest latest" },
		{ "huge-config", "too large" },
		{ "no-layers", "don't match image configuration" },
		{ "many-layers", "" },
		{ "digest-path", "manifest latest" },
		{ "digest-upper", "manifest latest" },
		{ "digest-short", "manifest latest" },
		{ "digest-md5", "manifest latest" },
		{ "config-null", "configuration" },
		{ "config-empty", "" },
		{ "config-array", "configuration" },
		{ "config-wrong", "unknown" },
		{ "config-lies", "more than the 1 bytes" },
		{ "layer-absent", "unknown" },
		{ "layer-lies", "more than the 3 bytes" },
		{ "layer-other", "verification failed" },
		{ "diff-wrong", "layer" },
		{ "diff-many", "don't match image configuration" },
		{ "layer-cut", "layer" },
		{ "index-in-index", "inside of an index" },
		{ "index-empty", "no matching manifest" },
		{ "index-elsewhere", "no matching manifest" },
		{ "index-dangling", "not found" },
#ifdef REAL_SNAPSHOTS
		{ "layer-not-tar", "layer" },
		{ "layer-escapes", "layer" },
#endif
	};
	AUTO_WORLD w;

	world_open(&w);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct error err = { 0 };
		if (pull(&w, cases[i].repo, &err) >= 0)
			fail_msg("%s was accepted", cases[i].repo);
		if (!strstr(err.message, cases[i].says) || strchr(err.message, '\n'))
			fail_msg("%s: %s", cases[i].repo, err.message);
		assert_int_equal(count_images(&w), 0);
	}
}

TEST(a_digest_that_another_repository_has_is_not_taken_for_this_ones)
{
	AUTO_WORLD w;
	struct error err = { 0 };

	world_open(&w);
	expect_ok(pull(&w, "good", &err), &err);
	CLEANUP(image_list_done) struct image_ptr_vec v = { 0 };
	expect_ok(image_list(w.images, &v, &err), &err);
	const char *digest = strchr(v.ptr[0]->repo_digests.ptr[0], '@');
	AUTO_FREE char *name = xasprintf("%s/plain%s", fake.registry, digest);
	AUTO_REFERENCE ref = parse_ref(name);
	/* that registry answers with other bytes */
	assert_true(image_pull(w.images, &ref, NULL, NULL, &w.job, &err) < 0);
	assert_non_null(strstr(err.message, "verification failed"));
}
