/* SPDX-License-Identifier: Apache-2.0 */
#include "http/router.h"

#include "base/strbuf.h"

/*
 * Works on the decoded path, so that an encoded slash ("%2F") separates segments as Docker's own
 * router has it, and values need no decoding of their own.
 */
struct match {
	struct arena *arena;
	struct http_route_params params;
};

/* The end of the segment at p. */
static const char *segment_end(const char *p)
{
	return p + strcspn(p, "/");
}

static bool add_param(struct match *m, struct str name, const char *from, const char *to)
{
	if (m->params.len == HTTP_ROUTE_PARAMS_MAX || from == to)
		return false;
	m->params.ptr[m->params.len++] = (struct http_param){
		.name = arena_strndup(m->arena, name.ptr, name.len),
		.value = arena_strndup(m->arena, from, (size_t)(to - from)),
	};
	return true;
}

static bool match_from(struct match *m, const char *pattern, const char *path);

/* {name...}: the longest run of segments after which the rest of the pattern matches. */
static bool match_many(struct match *m, struct str name, const char *rest, const char *path)
{
	size_t before = m->params.len;

	for (const char *end = path + strlen(path); end > path; end--) {
		if (*end && *end != '/')
			continue;
		if (add_param(m, name, path, end) && match_from(m, rest, end))
			return true;
		m->params.len = before;
	}
	return false;
}

/* pattern is behind a "{". */
static bool match_param(struct match *m, const char *pattern, const char *path)
{
	const char *close = strchr(pattern, '}');
	struct str name = str_n(pattern, (size_t)(close - pattern));
	const char *end = segment_end(path);

	if (name.len > 3 && memcmp(close - 3, "...", 3) == 0)
		return match_many(m, str_n(name.ptr, name.len - 3), close + 1, path);
	return add_param(m, name, path, end) && match_from(m, close + 1, end);
}

static bool match_from(struct match *m, const char *pattern, const char *path)
{
	for (;; pattern++, path++) {
		if (*pattern == '{')
			return match_param(m, pattern + 1, path);
		if (*pattern != *path)
			return false;
		if (!*pattern)
			return true;
	}
}

static unsigned served_methods(unsigned methods)
{
	return methods & 1u << HTTP_GET ? methods | 1u << HTTP_HEAD : methods;
}

int http_route_match(const struct http_route *table, size_t n, size_t stride,
                     enum http_method method, const char *path, struct arena *arena,
                     size_t *ret_index, struct http_route_params *ret_params, unsigned *ret_allowed)
{
	unsigned allowed = 0;

	for (size_t i = 0; i < n; i++) {
		const struct http_route *route = (const void *)((const char *)table + i * stride);
		struct match m = { .arena = arena };

		if (!match_from(&m, route->pattern, path))
			continue;
		if (served_methods(route->methods) & 1u << method) {
			*ret_index = i;
			*ret_params = m.params;
			return 1;
		}
		allowed |= served_methods(route->methods);
	}
	if (allowed)
		*ret_allowed = allowed;
	return allowed ? -1 : 0;
}

const char *http_route_param(const struct http_route_params *p, const char *name)
{
	for (size_t i = 0; i < p->len; i++)
		if (streq(p->ptr[i].name, name))
			return p->ptr[i].value;
	return NULL;
}
