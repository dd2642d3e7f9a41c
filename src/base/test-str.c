/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"

#include <errno.h>

#include "unit.h"

TEST(numbers)
{
	uint64_t u;
	int64_t i;

	assert_int_equal(parse_u64("18446744073709551615", &u), 0);
	assert_true(u == UINT64_MAX);
	assert_int_equal(parse_u64("18446744073709551616", &u), -ERANGE);
	assert_int_equal(parse_u64("", &u), -EINVAL);
	assert_int_equal(parse_u64("1x", &u), -EINVAL);
	assert_int_equal(parse_u64("-1", &u), -EINVAL);
	assert_int_equal(parse_i64("-9223372036854775808", &i), 0);
	assert_true(i == INT64_MIN);
	assert_int_equal(parse_i64("9223372036854775808", &i), -ERANGE);
}

TEST(sizes_as_docker_reads_them)
{
	static const struct {
		const char *text;
		int64_t value; /* -1: refused */
	} cases[] = { { "0", 0 },        { "64m", 64 << 20 }, { "1.5GiB", 1610612736 },
		      { "10kb", 10240 }, { "5b", 5 },         { "32 k", 32768 },
		      { "", -1 },        { "-5", -1 },        { "1x", -1 },
		      { "0x10", -1 },    { "1e9", -1 },       { "nan", -1 },
		      { "5bi", -1 } };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int64_t v = -1;

		if (parse_size(cases[i].text, &v) < 0)
			v = -1;
		if (v != cases[i].value)
			fail_msg("%s gave %lld", cases[i].text, (long long)v);
	}
}

TEST(cut)
{
	struct str rest = STR("a,,b"), piece;

	assert_true(str_cut(&rest, ',', &piece) && str_eq_c(piece, "a"));
	assert_true(str_cut(&rest, ',', &piece) && piece.len == 0);
	assert_true(str_cut(&rest, ',', &piece) && str_eq_c(piece, "b"));
	assert_false(str_cut(&rest, ',', &piece));
}

TEST(hex)
{
	unsigned char raw[2] = { 0xab, 0x01 };
	char text[5];

	hex_encode(raw, 2, text);
	assert_string_equal(text, "ab01");
	assert_int_equal(hex_decode(STR("AB01"), raw, 2), 0);
	assert_int_equal(hex_decode(STR("AB0"), raw, 2), -EINVAL);
	assert_int_equal(hex_decode(STR("AB0g"), raw, 2), -EINVAL);
}
