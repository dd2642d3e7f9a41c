/* SPDX-License-Identifier: Apache-2.0 */
#include "api/filters.h"

#include <string.h>

#include "unit.h"

static const char *const allowed[] = { "label", "label!", "name", "dangling", "until", NULL };

TEST(both_forms_say_the_same)
{
	static const char *const forms[] = { "{\"name\":[\"a\",\"b\"]}",
		                             "{\"name\":{\"a\":true,\"b\":true,\"c\":false}}" };

	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		AUTO_FILTERS f = { 0 };
		struct error err = { 0 };

		assert_int_equal(filters_parse(forms[i], allowed, &f, &err), 0);
		assert_int_equal(filters_get(&f, "name")->len, 2);
		assert_true(filters_match(&f, "name", "b"));
		assert_false(filters_match(&f, "name", "c"));
		assert_true(filters_contains(&f, "name", "xay"));
		assert_true(filters_match(&f, "label", "anything"));
	}
}

TEST(empty_is_no_filter_and_mistakes_are_named)
{
	static const struct {
		const char *text, *want;
	} bad[] = {
		{ "{\"foo\":[\"x\"]}", "invalid filter 'foo'" },
		{ "[", "invalid filter" },
		{ "[]", "not a JSON object" },
		{ "{\"name\":3}", "'name'" },
		{ "{\"name\":[3]}", "'name'" },
	};
	AUTO_FILTERS none = { 0 };
	struct error err = { 0 };

	assert_int_equal(filters_parse("", allowed, &none, &err), 0);
	assert_int_equal(filters_parse(NULL, allowed, &none, &err), 0);
	assert_null(filters_get(&none, "name"));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		AUTO_FILTERS f = { 0 };

		assert_true(filters_parse(bad[i].text, allowed, &f, &err) < 0);
		assert_int_equal(err.kind, ERROR_INVALID);
		assert_non_null(strstr(err.message, bad[i].want));
	}
}

TEST(labels_must_all_hold)
{
	AUTO_FILTERS f = { 0 };
	AUTO_STRMAP labels = { 0 };
	struct error err = { 0 };

	assert_int_equal(
		filters_parse("{\"label\":[\"a\",\"b=1\"],\"label!\":[\"c\"]}", allowed, &f, &err),
		0);
	strmap_set(&labels, "a", "x");
	assert_false(filters_labels(&f, &labels));
	strmap_set(&labels, "b", "1");
	assert_true(filters_labels(&f, &labels));
	strmap_set(&labels, "c", "");
	assert_false(filters_labels(&f, &labels));
}

TEST(booleans_and_times_are_checked)
{
	AUTO_FILTERS f = { 0 }, wrong = { 0 };
	struct error err = { 0 };
	int64_t until;
	bool value;

	assert_int_equal(
		filters_parse("{\"dangling\":[\"true\"],\"until\":[\"10m\"]}", allowed, &f, &err),
		0);
	assert_int_equal(filters_bool(&f, "dangling", false, &value, &err), 0);
	assert_true(value);
	assert_int_equal(filters_until(&f, &until, &err), 0);
	assert_true(until > 0);
	assert_int_equal(filters_parse("{\"dangling\":[\"perhaps\"],\"until\":[\"soon\"]}", allowed,
	                               &wrong, &err),
	                 0);
	assert_true(filters_bool(&wrong, "dangling", false, &value, &err) < 0);
	assert_true(filters_until(&wrong, &until, &err) < 0);
}
