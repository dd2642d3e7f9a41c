/* SPDX-License-Identifier: Apache-2.0 */
#include "http/router.h"

#include "unit.h"

struct entry {
	struct http_route route;
	const char *name;
};

#define M(m) (1u << HTTP_##m)

static const struct entry table[] = {
	{ { M(GET), "/info" }, "info" },
	{ { M(HEAD), "/ping" }, "ping-head" },
	{ { M(GET), "/ping" }, "ping" },
	{ { M(GET), "/containers/json" }, "list" },
	{ { M(GET) | M(DELETE), "/containers/{id}" }, "one" },
	{ { M(POST), "/containers/{id}/start" }, "start" },
	{ { M(GET), "/images/{name...}/json" }, "image" },
	{ { M(DELETE), "/images/{name...}" }, "image-delete" },
	{ { M(PUT), "/v2/{name...}/manifests/{ref}" }, "manifest" },
};

static const char *route(enum http_method m, const char *path, struct http_route_params *p,
                         struct arena *a)
{
	unsigned allowed = 0;
	size_t i;

	switch (http_route_match(&table[0].route, ARRAY_SIZE(table), sizeof(table[0]), m, path, a,
	                         &i, p, &allowed)) {
	case 1:
		return table[i].name;
	case 0:
		return "none";
	default:
		return allowed == (M(GET) | M(HEAD) | M(DELETE)) ? "405 get head delete" : "405";
	}
}

TEST(routes)
{
	static const struct {
		enum http_method method;
		const char *path, *name, *param, *value;
	} cases[] = {
		{ HTTP_GET, "/info", "info", NULL, NULL },
		{ HTTP_HEAD, "/info", "info", NULL, NULL },
		{ HTTP_HEAD, "/ping", "ping-head", NULL, NULL },
		{ HTTP_GET, "/info/", "none", NULL, NULL },
		{ HTTP_GET, "/inf", "none", NULL, NULL },
		{ HTTP_GET, "/containers/json", "list", NULL, NULL },
		{ HTTP_DELETE, "/containers/abc", "one", "id", "abc" },
		{ HTTP_PUT, "/containers/abc", "405 get head delete", NULL, NULL },
		{ HTTP_GET, "/containers/", "none", NULL, NULL },
		{ HTTP_GET, "/containers/a/b", "none", NULL, NULL },
		{ HTTP_POST, "/containers/a/start", "start", "id", "a" },
		{ HTTP_POST, "/containers//start", "none", NULL, NULL },
		{ HTTP_GET, "/images/a/json", "image", "name", "a" },
		{ HTTP_GET, "/images/r:5000/a/b:c/json", "image", "name", "r:5000/a/b:c" },
		{ HTTP_GET, "/images/a/json/json", "image", "name", "a/json" },
		{ HTTP_GET, "/images/json", "405", NULL, NULL },
		{ HTTP_DELETE, "/images/a/b", "image-delete", "name", "a/b" },
		{ HTTP_PUT, "/v2/a/manifests/manifests/x", "manifest", "name", "a/manifests" },
		{ HTTP_PUT, "/v2/a/b/manifests/sha256:00", "manifest", "ref", "sha256:00" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO_ARENA a = { 0 };
		struct http_route_params p = { 0 };
		const char *name = route(cases[i].method, cases[i].path, &p, &a);

		if (strcmp(name, cases[i].name) != 0)
			fail_msg("%s went to %s", cases[i].path, name);
		if (cases[i].param)
			assert_string_equal(http_route_param(&p, cases[i].param), cases[i].value);
	}
}
