/* SPDX-License-Identifier: Apache-2.0 */
#include "json/json.h"

#include "base/strbuf.h"

#include "unit.h"

TEST(hostile_documents_are_refused)
{
	static const char *const bad[] = {
		"",
		" ",
		"{",
		"{\"a\":1,\"a\":2}",
		"{} x",
		"[1,]",
		"\"\xff\"",
		"\"\\u0000\"",
		"nul",
		"{'a':1}",
		"99999999999999999999",
		"1e999",
		"\"\\ud800\"",
		"[\"\xc0\xaf\"]",
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct error err = { 0 };

		assert_null(json_parse(str_from(bad[i]), &err));
		assert_int_equal(err.kind, ERROR_INVALID);
		assert_non_null(strstr(err.message, "invalid JSON: line "));
	}
}

TEST(nesting_is_bounded)
{
	struct error err = { 0 };
	AUTO_STRBUF text = { 0 };
	AUTO_JSON *doc = NULL;

	for (int i = 0; i < JSON_DEPTH_MAX; i++)
		strbuf_puts(&text, "[");
	strbuf_puts(&text, "\"[[[[[[[\\\"[[[[\"");
	for (int i = 0; i < JSON_DEPTH_MAX; i++)
		strbuf_puts(&text, "]");
	doc = json_parse(strbuf_str(&text), &err);
	assert_non_null(doc);

	AUTO_STRBUF deeper = { 0 };
	strbuf_printf(&deeper, "[%s]", strbuf_cstr(&text));
	assert_null(json_parse(strbuf_str(&deeper), &err));
	assert_non_null(strstr(err.message, "64 levels"));
}

TEST(members)
{
	struct error err = { 0 };
	AUTO_JSON *doc = json_parse(
		STR("{\"Name\":\"x\",\"name\":\"y\",\"n\":3,\"f\":2.0,\"h\":1.5,\"z\":null}"),
		&err);
	int64_t n = 0;

	assert_non_null(doc);
	assert_string_equal(json_member_string(doc, "name"), "y");
	assert_string_equal(json_string_value(json_member(doc, "Name", true)), "x");
	assert_non_null(json_member(doc, "NAME", true));
	assert_null(json_member(doc, "NAME", false));
	assert_null(json_member_string(doc, "n"));
	assert_int_equal(json_member_i64(doc, "n", &n), 1);
	assert_int_equal(n, 3);
	assert_int_equal(json_member_i64(doc, "f", &n), 1);
	assert_int_equal(n, 2);
	assert_true(json_member_i64(doc, "h", &n) < 0);
	assert_true(json_member_i64(doc, "Name", &n) < 0);
	assert_int_equal(json_member_i64(doc, "z", &n), 0);
	assert_int_equal(json_member_i64(doc, "absent", &n), 0);
	assert_int_equal(n, 2);
}
