/* SPDX-License-Identifier: Apache-2.0 */
#include "base/map.h"

#include <stdio.h>

#include "unit.h"

TEST(set_get_remove_many)
{
	CLEANUP(map_free_ptr) struct map *m = map_new();
	char key[32];

	assert_null(map_get(m, "x"));
	for (intptr_t i = 1; i <= 5000; i++) {
		snprintf(key, sizeof(key), "key-%d", (int)i);
		assert_null(map_set(m, key, (void *)i));
	}
	for (intptr_t i = 1; i <= 5000; i += 2) {
		snprintf(key, sizeof(key), "key-%d", (int)i);
		assert_ptr_equal(map_remove(m, key), (void *)i);
	}
	assert_int_equal(map_len(m), 2500);
	for (intptr_t i = 1; i <= 5000; i++) {
		snprintf(key, sizeof(key), "key-%d", (int)i);
		assert_ptr_equal(map_get(m, key), (void *)(i % 2 ? 0 : i));
	}
	for (int round = 0; round < 20000; round++) {
		map_set(m, "same", m);
		map_remove(m, "same");
	}
	assert_int_equal(map_len(m), 2500);
}

TEST(iterates_in_insertion_order)
{
	CLEANUP(map_free_ptr) struct map *m = map_new();
	const char *key;
	size_t pos = 0;

	map_set(m, "b", m);
	map_set(m, "a", m);
	assert_true(map_next(m, &pos, &key, NULL));
	assert_string_equal(key, "b");
	assert_true(map_next(m, &pos, &key, NULL));
	assert_string_equal(key, "a");
	assert_false(map_next(m, &pos, &key, NULL));
}
