/* SPDX-License-Identifier: Apache-2.0 */
#include "base/time.h"

#include "unit.h"

TEST(format_and_parse)
{
	char buf[TIME_RFC3339_MAX];
	int64_t t;

	assert_string_equal(time_format(0, buf), "0001-01-01T00:00:00Z");
	assert_string_equal(time_format(1500000000 * NSEC_PER_SEC + 120000000, buf),
	                    "2017-07-14T02:40:00.12Z");
	assert_string_equal(time_format(1500000000 * NSEC_PER_SEC, buf), "2017-07-14T02:40:00Z");
	assert_int_equal(time_parse("2017-07-14T04:40:00.12+02:00", &t), 0);
	assert_true(t == 1500000000 * NSEC_PER_SEC + 120000000);
	assert_int_equal(time_parse("0001-01-01T00:00:00Z", &t), 0);
	assert_true(t == 0);
	assert_true(time_parse("2017-07-14", &t) < 0);
	assert_true(time_parse("2017-13-14T00:00:00Z", &t) < 0);
}

TEST(query_times)
{
	static const struct {
		const char *text;
		int64_t value; /* -1: refused */
	} cases[] = { { "1500000000", 1500000000 * NSEC_PER_SEC },
		      { "1500000000.5", 1500000000 * NSEC_PER_SEC + NSEC_PER_SEC / 2 },
		      { "10s", 90 * NSEC_PER_SEC },
		      { "2017-07-14", 1499990400 * NSEC_PER_SEC },
		      { "x", -1 },
		      { "", -1 } };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int64_t t = -1;

		if (time_parse_query(cases[i].text, 100 * NSEC_PER_SEC, &t) < 0)
			t = -1;
		if (t != cases[i].value)
			fail_msg("%s gave %lld", cases[i].text, (long long)t);
	}
}

TEST(durations)
{
	int64_t d;

	assert_int_equal(duration_parse("1h1m1.5s", &d), 0);
	assert_true(d == 3661500 * NSEC_PER_MSEC);
	assert_int_equal(duration_parse("-100ms", &d), 0);
	assert_true(d == -100 * NSEC_PER_MSEC);
	assert_true(duration_parse("5", &d) < 0);
	assert_true(duration_parse("5x", &d) < 0);
}
