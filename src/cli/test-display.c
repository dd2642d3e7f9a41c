/* SPDX-License-Identifier: Apache-2.0 */
/* What people see: columns, sizes, ages, ports; and what stays out of a build. */
#include "base/time.h"
#include "cli/human.h"
#include "cli/ignore.h"
#include "cli/json-text.h"
#include "cli/near.h"
#include "cli/ports.h"
#include "cli/sha256.h"
#include "cli/table.h"
#include "unit.h"

TEST(columns_are_as_wide_as_their_widest_cell)
{
	AUTO_STRBUF out = { 0 };

	columns_align(STR("NAME\tID\tX\nlong-name-here\té\tlast\nplain\n"), 10, 3, &out);
	assert_string_equal(
		strbuf_cstr(&out),
		"NAME             ID        X\nlong-name-here   é         last\nplain\n");
}

TEST(sizes_and_ages_read_like_dockers)
{
	static const struct {
		double bytes;
		int digits;
		const char *expected;
	} sizes[] = {
		{ 0, 4, "0B" },           { 999, 3, "999B" },        { 77900000, 3, "77.9MB" },
		{ 1981987, 3, "1.98MB" }, { 1981987, 4, "1.982MB" }, { 1e9, 4, "1GB" }
	};
	static const struct {
		int64_t seconds;
		const char *expected;
	} ages[] = { { 0, "Less than a second" }, { 1, "1 second" },
		     { 59, "59 seconds" },        { 60, "About a minute" },
		     { 120, "2 minutes" },        { 3600, "About an hour" },
		     { 86400, "24 hours" },       { 172800, "2 days" },
		     { 86400 * 20, "2 weeks" },   { 86400 * 90, "3 months" },
		     { 86400 * 800, "2 years" } };

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		AUTO_STRBUF out = { 0 };

		human_size(sizes[i].bytes, sizes[i].digits, &out);
		assert_string_equal(strbuf_cstr(&out), sizes[i].expected);
	}
	for (size_t i = 0; i < ARRAY_SIZE(ages); i++) {
		AUTO_STRBUF out = { 0 };

		human_duration(ages[i].seconds * NSEC_PER_SEC, &out);
		assert_string_equal(strbuf_cstr(&out), ages[i].expected);
	}
}

TEST(published_ports_in_every_notation)
{
	static const struct {
		const char *spec, *expected; /* ip|host|container … */
	} cases[] = {
		{ "80", "||80/tcp" },
		{ "8080:80", "|8080|80/tcp" },
		{ "127.0.0.1:8080:80/udp", "127.0.0.1|8080|80/udp" },
		{ "127.0.0.1::80", "127.0.0.1||80/tcp" },
		{ "[::1]:8080:80", "::1|8080|80/tcp" },
		{ "7000-7001:80-81", "|7000|80/tcp |7001|81/tcp" },
		{ "7000-7010:80", "|7000-7010|80/tcp" },
	};
	static const char *const bad[] = { "",        "x",      "80:x",          "70000:80",
		                           "1-3:1-2", "80/xyz", "1.2.3.999:1:1", "9-8:80" };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct port_mappings m = { 0 };
		struct error err = { 0 };
		AUTO_STRBUF out = { 0 };

		assert_int_equal(port_spec_parse(cases[i].spec, &m, &err), 0);
		vec_for_each (&m, p)
			strbuf_printf(&out, "%s%s|%s|%s", out.len ? " " : "", p->ip, p->host,
			              p->container);
		port_mappings_free(&m);
		assert_string_equal(strbuf_cstr(&out), cases[i].expected);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct port_mappings m = { 0 };
		struct error err = { 0 };

		assert_true(port_spec_parse(bad[i], &m, &err) < 0);
		port_mappings_free(&m);
	}
}

TEST(ignores_what_dockerignore_says)
{
	static const struct {
		const char *patterns, *name;
		bool out;
	} cases[] = {
		{ "*.log", "a.log", true },
		{ "*.log", "d/a.log", false },
		{ "**/*.log", "d/e/a.log", true },
		{ "dir", "dir/file", true },
		{ "/dir/", "dir/file", true },
		{ "d?r", "dir", true },
		{ "[a-c]x", "bx", true },
		{ "[^a-c]x", "bx", false },
		{ "*\n!keep", "keep", false },
		{ "*\n!keep", "other", true },
		{ "d/*\n!d/keep", "d/keep/x", false },
		{ "# note\n\n", "note", false },
		{ "**", "any/thing", true },
		{ "a/**/z", "a/z", true },
		{ "a/**/z", "a/b/c/z", true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct ignore ig = { 0 };

		ignore_add(&ig, str_from(cases[i].patterns));
		if (ignore_matches(&ig, cases[i].name, NULL) != cases[i].out)
			fail_msg("%s on %s", cases[i].patterns, cases[i].name);
		ignore_done(&ig);
	}
}

TEST(json_is_indented_as_go_does)
{
	AUTO_STRBUF out = { 0 };

	json_indent(STR("[{\"a\":[],\"b\":{},\"c\":[1,\"x{\\\"\"]}]"), 4, &out);
	assert_string_equal(strbuf_cstr(&out),
	                    "[\n    {\n        \"a\": [],\n        \"b\": {},\n        \"c\": [\n"
	                    "            1,\n            \"x{\\\"\"\n        ]\n    }\n]");
}

TEST(guesses_near_words_only)
{
	AUTO_STRV known = { 0 };

	strv_add(&known, "images");
	strv_add(&known, "inspect");
	assert_string_equal(near_miss("imges", &known), "images");
	assert_string_equal(near_miss("inpsect", &known), "inspect");
	assert_null(near_miss("zzzzz", &known));
}

TEST(hashes_names_of_contexts)
{
	char out[SHA256_HEX_MAX];

	sha256_hex("abc", 3, out);
	assert_string_equal(out,
	                    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	sha256_hex("", 0, out);
	assert_string_equal(out,
	                    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}
