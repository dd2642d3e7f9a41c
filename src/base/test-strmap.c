/* SPDX-License-Identifier: Apache-2.0 */
#include "base/strmap.h"

#include "unit.h"

TEST(sets_replaces_removes_sorts)
{
	AUTO_STRMAP m = { 0 };
	AUTO_STRMAP copy = { 0 };

	strmap_set(&m, "b", "1");
	strmap_set(&m, "a", "2");
	strmap_set(&m, "b", "3");
	assert_int_equal(m.len, 2);
	assert_string_equal(strmap_get(&m, "b"), "3");
	assert_null(strmap_get(&m, "c"));
	strmap_copy(&copy, &m);
	strmap_sort(&copy);
	assert_string_equal(copy.ptr[0].key, "a");
	assert_true(strmap_remove(&m, "b"));
	assert_false(strmap_remove(&m, "b"));
	assert_int_equal(m.len, 1);
	assert_int_equal(copy.len, 2);
}
