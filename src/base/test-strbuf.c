/* SPDX-License-Identifier: Apache-2.0 */
#include "base/strbuf.h"

#include <errno.h>

#include "unit.h"

TEST(grows_and_keeps_a_terminator)
{
	AUTO_STRBUF b = { 0 };

	assert_string_equal(strbuf_cstr(&b), "");
	for (int i = 0; i < 1000; i++)
		strbuf_printf(&b, "%d,", i);
	assert_int_equal(strlen(b.ptr), b.len);
	strbuf_truncate(&b, 4);
	assert_string_equal(b.ptr, "0,1,");
	strbuf_remove_front(&b, 2);
	assert_string_equal(b.ptr, "1,");
}

TEST(limit_refuses_and_keeps)
{
	AUTO_STRBUF b = { .limit = 4 };

	assert_int_equal(strbuf_puts(&b, "abcd"), 0);
	assert_int_equal(strbuf_puts(&b, "e"), -E2BIG);
	assert_true(b.overflow);
	assert_string_equal(b.ptr, "abcd");
}

TEST(base64_round_trip)
{
	for (size_t n = 0; n < 8; n++) {
		AUTO_STRBUF text = { 0 };
		AUTO_STRBUF raw = { 0 };

		strbuf_add_base64(&text, "\xff\xfe\x00zzzzz", n, n & 1);
		assert_int_equal(base64_decode(strbuf_str(&text), &raw), 0);
		assert_int_equal(raw.len, n);
		assert_memory_equal(strbuf_cstr(&raw), "\xff\xfe\x00zzzzz", n);
	}
	AUTO_STRBUF out = { 0 };
	assert_int_equal(base64_decode(STR("e30"), &out), 0);
	assert_string_equal(out.ptr, "{}");
	assert_int_equal(base64_decode(STR("e30*"), &out), -EINVAL);
	assert_int_equal(base64_decode(STR("e"), &out), -EINVAL);
}

TEST(urls)
{
	AUTO_STRBUF b = { 0 };
	AUTO_STRBUF back = { 0 };

	strbuf_add_urlencoded(&b, STR("a/b c&\xc3\xa9"), "/");
	assert_string_equal(b.ptr, "a/b%20c%26%C3%A9");
	assert_int_equal(url_decode(strbuf_str(&b), false, &back), 0);
	assert_string_equal(back.ptr, "a/b c&\xc3\xa9");
	assert_int_equal(url_decode(STR("%0"), false, &back), -EINVAL);
	assert_int_equal(url_decode(STR("%00"), false, &back), -EINVAL);
}

TEST(reserved_but_unused_room_leaves_it_terminated)
{
	AUTO_STRBUF b = { 0 };

	assert_non_null(strbuf_reserve(&b, 100));
	assert_string_equal(strbuf_cstr(&b), "");
}
