/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/metadata.h"

#include <stdio.h>

#include "base/alloc.h"
#include "base/time.h"
#include "unit.h"

#define LEASE 1000

static struct metadata *open_fresh(void)
{
	static unsigned n;
	struct error err = { 0 };
	AUTO_FREE char *path = xasprintf("%s/%u.db", unit_scratch(), n++);
	struct metadata *m = metadata_open(path, &err);

	assert_non_null(m);
	return m;
}

static int publish(struct metadata *m, const char *digest, const char *tag, const char *blob,
                   int64_t now)
{
	CLEANUP(metadata_missing_clear) struct metadata_missing_vec missing = { 0 };
	struct error err = { 0 };
	struct metadata_ref ref = { .kind = METADATA_REF_BLOB, .digest = blob, .size = 3 };
	struct metadata_tag_change change = { .name = tag };

	return metadata_publish(m,
	                        &(struct metadata_publication){ .repo = "r",
	                                                        .digest = digest,
	                                                        .media_type = "t",
	                                                        .body = STR("{}"),
	                                                        .refs = &ref,
	                                                        .n_refs = blob ? 1 : 0,
	                                                        .tags = &change,
	                                                        .n_tags = tag ? 1 : 0,
	                                                        .actor = "",
	                                                        .now = now },
	                        &missing, &err);
}

static bool shows(struct metadata *m, const char *blob)
{
	struct metadata_blob b;
	struct error err = { 0 };
	int r = metadata_blob_find(m, "r", blob, &b, &err);

	assert_true(r >= 0);
	return r > 0;
}

TEST(a_blob_lives_by_its_lease_then_by_its_manifest)
{
	struct metadata *m = open_fresh();
	struct error err = { 0 };

	assert_int_equal(metadata_blob_add(m, "r", "b", 3, LEASE, NULL, 1, &err), 0);
	assert_int_equal(metadata_release_blobs(m, LEASE - 1, 10, &err), 0);
	assert_int_equal(publish(m, "m", "1", "b", 2), 1);
	assert_int_equal(metadata_release_blobs(m, INT64_MAX, 10, &err), 0);
	assert_int_equal(metadata_manifest_delete(m, "r", "m", NULL, 10, &err), 1);
	assert_int_equal(metadata_release_blobs(m, INT64_MAX, 10, &err), 0);
	/* the last manifest goes: the lease starts */
	assert_int_equal(metadata_purge_manifests(m, 10, 5000, 10, &err), 1);
	assert_int_equal(metadata_release_blobs(m, 4999, 10, &err), 0);
	assert_true(shows(m, "b"));
	assert_int_equal(metadata_release_blobs(m, 5001, 10, &err), 1);
	assert_false(shows(m, "b"));
	assert_int_equal(metadata_drop_empty_repositories(m, &err), 1);
	metadata_close(m);
}

TEST(a_manifest_without_its_blobs_is_not_published)
{
	struct metadata *m = open_fresh();
	struct error err = { 0 };

	assert_int_equal(publish(m, "m", "1", "b", 2), 0);
	assert_int_equal(metadata_repository_exists(m, "r", &err), 0);
	assert_int_equal(metadata_blob_add(m, "other", "b", 3, LEASE, NULL, 1, &err), 0);
	assert_int_equal(publish(m, "m", "1", "b", 2), 0);
	assert_int_equal(metadata_blob_mount(m, "other", "r", "b", LEASE, 1, &err), 1);
	assert_int_equal(publish(m, "m", "1", "b", 2), 1);
	metadata_close(m);
}

TEST(a_tag_has_a_history)
{
	struct metadata *m = open_fresh();
	struct metadata_manifest found = { 0 };
	struct error err = { 0 };

	assert_int_equal(publish(m, "m1", "latest", NULL, 10), 1);
	assert_int_equal(publish(m, "m2", "latest", NULL, 20), 1);
	assert_int_equal(metadata_manifest_find(m, "r", "latest", false, 0, false, &found, &err),
	                 1);
	assert_string_equal(found.digest, "m2");
	metadata_manifest_done(&found);
	assert_int_equal(metadata_manifest_find(m, "r", "latest", false, 15, true, &found, &err),
	                 1);
	assert_string_equal(found.digest, "m1");
	assert_int_equal(found.body.len, 2);
	metadata_manifest_done(&found);
	assert_int_equal(metadata_manifest_find(m, "r", "latest", false, 5, false, &found, &err),
	                 0);
	metadata_close(m);
}

TEST(only_the_untagged_expire)
{
	struct metadata *m = open_fresh();
	struct error err = { 0 };

	assert_int_equal(publish(m, "m1", "a", NULL, 10), 1);
	assert_int_equal(publish(m, "m2", NULL, NULL, 10), 1);
	assert_int_equal(publish(m, "m3", "b", NULL, 10), 1);
	assert_int_equal(metadata_tag_delete(m, "r", "b", NULL, 30, &err), 1);
	assert_int_equal(metadata_expire_untagged(m, 20, 40, 10, &err), 1);
	assert_int_equal(metadata_expire_untagged(m, 31, 40, 10, &err), 1);
	assert_int_equal(metadata_expire_untagged(m, INT64_MAX, 40, 10, &err), 0);
	metadata_close(m);
}

/* Thousands of random steps against a model in plain arrays: what is tagged keeps its blobs. */
enum { BLOBS = 8, MANIFESTS = 8, STEPS = 2000 };

TEST(a_model_agrees)
{
	struct metadata *m = open_fresh();
	struct error err = { 0 };
	bool tagged[MANIFESTS] = { false };
	unsigned seed = 7;

	for (int64_t now = 1; now <= STEPS; now++) {
		unsigned i = (unsigned)rand_r(&seed) % MANIFESTS,
			 what = (unsigned)rand_r(&seed) % 6;
		char blob[8], manifest[8], tag[8];

		snprintf(blob, sizeof(blob), "b%u", i % BLOBS);
		snprintf(manifest, sizeof(manifest), "m%u", i);
		snprintf(tag, sizeof(tag), "t%u", i);
		if (what == 0) {
			assert_int_equal(
				metadata_blob_add(m, "r", blob, 3, now + 5, NULL, now, &err), 0);
		} else if (what == 1) {
			bool here = shows(m, blob);

			assert_int_equal(publish(m, manifest, tag, blob, now), here);
			tagged[i] = tagged[i] || here;
		} else if (what == 2) {
			assert_int_equal(metadata_tag_delete(m, "r", tag, NULL, now, &err),
			                 tagged[i]);
			tagged[i] = false;
		} else {
			assert_true(metadata_expire_untagged(m, now, now, 3, &err) >= 0);
			assert_true(metadata_purge_manifests(m, now, now + 3, 3, &err) >= 0);
			assert_true(metadata_release_blobs(m, now, 3, &err) >= 0);
		}
		if (tagged[i])
			assert_true(shows(m, blob));
	}
	for (int i = 0; i < 10; i++) {
		assert_true(metadata_expire_untagged(m, INT64_MAX, STEPS, 100, &err) >= 0);
		assert_true(metadata_purge_manifests(m, INT64_MAX, 0, 100, &err) >= 0);
	}
	assert_true(metadata_release_blobs(m, INT64_MAX, 100, &err) >= 0);
	for (unsigned i = 0; i < MANIFESTS; i++) {
		char blob[8];

		snprintf(blob, sizeof(blob), "b%u", i);
		assert_int_equal(shows(m, blob), tagged[i]);
	}
	metadata_close(m);
}
