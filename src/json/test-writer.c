/* SPDX-License-Identifier: Apache-2.0 */
#include "json/writer.h"

#include <float.h>

#include "base/error.h"
#include "json/json.h"

#include "unit.h"

TEST(commas_and_nesting)
{
	AUTO_STRBUF out = { 0 };
	struct json_writer w;

	json_writer_init(&w, &out);
	jw_object(&w);
	jw_kv_string(&w, "a", "x");
	jw_key(&w, "b");
	jw_array(&w);
	jw_i64(&w, -1);
	jw_u64(&w, UINT64_MAX);
	jw_object(&w);
	jw_object_end(&w);
	jw_null(&w);
	jw_array_end(&w);
	jw_kv_bool(&w, "c", true);
	jw_kv_time(&w, "t", 0);
	jw_key(&w, "r");
	jw_raw(&w, STR("[1]"));
	jw_object_end(&w);
	assert_string_equal(strbuf_cstr(&out),
	                    "{\"a\":\"x\",\"b\":[-1,18446744073709551615,{},null],\"c\":true,"
	                    "\"t\":\"0001-01-01T00:00:00Z\",\"r\":[1]}");
}

TEST(indented)
{
	AUTO_STRBUF out = { 0 };
	struct json_writer w;

	json_writer_init(&w, &out);
	w.indent = 2;
	jw_object(&w);
	jw_key(&w, "a");
	jw_array(&w);
	jw_i64(&w, 1);
	jw_i64(&w, 2);
	jw_array_end(&w);
	jw_key(&w, "e");
	jw_object(&w);
	jw_object_end(&w);
	jw_object_end(&w);
	assert_string_equal(strbuf_cstr(&out),
	                    "{\n  \"a\": [\n    1,\n    2\n  ],\n  \"e\": {}\n}");
}

TEST(strings_are_escaped_as_go_does)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{ NULL, "\"\"" },
		{ "a\"b\\c", "\"a\\\"b\\\\c\"" },
		{ "\n\r\t\b\f\x01\x7f", "\"\\n\\r\\t\\b\\f\\u0001\x7f\"" },
		{ "<a>&", "\"\\u003ca\\u003e\\u0026\"" },
		{ "\xe2\x80\xa8\xe2\x80\xa9\xe2\x80\xaa", "\"\\u2028\\u2029\xe2\x80\xaa\"" },
		{ "\xc3\xa4\xf0\x9f\x90\xb3", "\"\xc3\xa4\xf0\x9f\x90\xb3\"" },
		{ "x\xff\xc0\xaf\xed\xa0\x80y",
		  "\"x\\ufffd\\ufffd\\ufffd\\ufffd\\ufffd\\ufffdy\"" },
		{ "\xf0\x9f\x90", "\"\\ufffd\\ufffd\\ufffd\"" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO_STRBUF out = { 0 };
		struct json_writer w;

		json_writer_init(&w, &out);
		jw_string(&w, cases[i].in);
		assert_string_equal(strbuf_cstr(&out), cases[i].out);
	}
	AUTO_STRBUF out = { 0 };
	struct json_writer w;
	json_writer_init(&w, &out);
	w.html_escape = false;
	jw_string(&w, "<&>");
	assert_string_equal(strbuf_cstr(&out), "\"<&>\"");
}

TEST(doubles)
{
	static const struct {
		double in;
		const char *out;
	} cases[] = {
		{ 0, "0" },
		{ -0.0, "0" },
		{ 1e17, "100000000000000000" },
		{ 1, "1" },
		{ -2.5, "-2.5" },
		{ 0.1, "0.1" },
		{ 1e20, "1e+20" },
		{ 1e21, "1e+21" },
		{ 1.5e-7, "1.5e-7" },
		{ 0.000001, "0.000001" },
		{ 1234567.125, "1234567.125" },
		{ DBL_MAX, "1.7976931348623157e+308" },
		{ 1.0 / 0.0, "null" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO_STRBUF out = { 0 };
		struct json_writer w;

		json_writer_init(&w, &out);
		jw_double(&w, cases[i].in);
		assert_string_equal(strbuf_cstr(&out), cases[i].out);
	}
}

TEST(parsed_values_come_out_as_they_went_in)
{
	static const char text[] =
		"{\"b\":[1,-2,3.5,\"x\\n\",true,false,null,{}],\"a\":{\"z\":9007199254740993}}";
	struct error err = { 0 };
	AUTO_JSON *doc = json_parse(str_from(text), &err);
	AUTO_STRBUF out = { 0 };
	struct json_writer w;

	assert_non_null(doc);
	json_writer_init(&w, &out);
	jw_value(&w, doc);
	assert_string_equal(strbuf_cstr(&out), text);
}
