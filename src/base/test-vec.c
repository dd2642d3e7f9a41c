/* SPDX-License-Identifier: Apache-2.0 */
#include "base/vec.h"

#include "base/arena.h"
#include "unit.h"

DEFINE_VEC(int_vec, int);

TEST(push_and_remove)
{
	struct int_vec v = { 0 };
	int sum = 0;

	for (int i = 0; i < 100; i++)
		int_vec_push(&v, i);
	int_vec_remove(&v, 0);
	int_vec_remove(&v, 98);
	vec_for_each (&v, it)
		sum += *it;
	assert_int_equal(v.len, 98);
	assert_int_equal(sum, 4950 - 99);
	int_vec_done(&v);
}

TEST(strings_and_environment)
{
	AUTO_STRV v = { 0 };

	assert_null(strv_argv(&v)[0]);
	strv_add(&v, "B=1");
	strv_add(&v, "A=x=y");
	strv_env_set(&v, "B", "2");
	strv_env_set(&v, "C", "");
	assert_string_equal(strv_env_get(&v, "A"), "x=y");
	assert_string_equal(strv_env_get(&v, "B"), "2");
	assert_null(strv_env_get(&v, "D"));
	strv_sort(&v);
	assert_string_equal(v.ptr[0], "A=x=y");
	strv_remove(&v, 0);
	assert_int_equal(v.len, 2);
	assert_null(v.ptr[2]);
}

TEST(arena)
{
	AUTO_ARENA a = { 0 };
	char *big = arena_alloc(&a, 100000);

	big[99999] = 1;
	for (int i = 0; i < 1000; i++)
		assert_string_equal(arena_printf(&a, "%s", "text"), "text");
}
