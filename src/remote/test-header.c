/* SPDX-License-Identifier: Apache-2.0 */
#include "remote/header.h"

#include "unit.h"

static void expect_param(const char *header, const char *scheme, const char *name,
                         const char *value)
{
	AUTO_CHALLENGES v = { 0 };
	struct error err = { 0 };

	assert_int_equal(challenges_parse(str_from(header), &v, &err), 0);
	const struct challenge *c = challenges_find(&v, scheme);
	assert_non_null(c);
	if (value)
		assert_string_equal(strmap_get(&c->params, name), value);
	else
		assert_null(strmap_get(&c->params, name));
}

TEST(reads_challenges)
{
	expect_param(
		"Bearer realm=\"https://a/token\",service=\"s\",scope=\"repository:x:pull,push\"",
		"bearer", "scope", "repository:x:pull,push");
	expect_param("Basic realm=x, Bearer realm = \"y\"", "bearer", "realm", "y");
	expect_param("Basic realm=x, Bearer realm = \"y\"", "basic", "realm", "x");
	expect_param("BEARER REALM=\"q\\\"uote\"", "bearer", "realm", "q\"uote");
	expect_param("Negotiate abc==, Basic realm=\"r\"", "basic", "realm", "r");
	expect_param("Negotiate, Basic realm=\"r\"", "negotiate", "realm", NULL);
	expect_param(" , ,Basic realm=\"first\",realm=\"second\",", "basic", "realm", "first");
}

TEST(refuses_bad_challenges)
{
	static const char *const bad[] = {
		"Bearer realm=\"unterminated",
		"Bearer realm=\"a\\",
		"realm=x",
		"Bearer realm=\"x\", service=,",
		"Bearer \"x\"",
		"Bearer realm=\"a\x01\"",
		"@",
	};
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		AUTO_CHALLENGES v = { 0 };
		struct error err = { 0 };
		assert_true(challenges_parse(str_from(bad[i]), &v, &err) < 0);
		assert_int_equal(err.kind, ERROR_INVALID);
	}
}

TEST(finds_the_next_page)
{
	static const struct {
		const char *header, *next;
	} cases[] = {
		{ "</v2/a/tags/list?last=b&n=2>; rel=\"next\"", "/v2/a/tags/list?last=b&n=2" },
		{ "<a>; rel=prev, <b>; title=\"x,y\"; rel=\"last next\"", "b" },
		{ "<a>; rel=prev", NULL },
		{ "", NULL },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO_FREE char *next = NULL;
		struct error err = { 0 };
		assert_int_equal(link_next(str_from(cases[i].header), &next, &err),
		                 cases[i].next ? 1 : 0);
		if (cases[i].next)
			assert_string_equal(next, cases[i].next);
	}
	char *none = NULL;
	struct error err = { 0 };
	assert_true(link_next(STR("a; rel=next"), &none, &err) < 0);
	assert_true(link_next(STR("<a; rel=next"), &none, &err) < 0);
	assert_true(link_next(STR("<a> rel=next"), &none, &err) < 0);
}
