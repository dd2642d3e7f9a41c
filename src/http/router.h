/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Matches a method and a path against a table. Patterns are literal segments and parameters:
 * "/containers/{id}/json" ({id}: one segment), "/images/{name...}/json" ({name...}: one or more
 * segments, as long as the rest matches). The first entry that matches wins. The table embeds
 * struct http_route first in its own entries, stride bytes apart.
 */
#include "http/server.h"

enum { HTTP_ROUTE_PARAMS_MAX = 4 };

struct http_route {
	unsigned methods; /* bits 1 << HTTP_GET ...; GET also serves HEAD unless HEAD has an entry before */
	const char *pattern;
};

struct http_route_params {
	struct http_param ptr[HTTP_ROUTE_PARAMS_MAX];
	size_t len;
};

/* 1 and the entry's index; 0: no pattern matches (404); -1: a pattern does, the method doesn't
 * (405; *ret_allowed has the bits). Values are decoded into the arena. */
int http_route_match(const struct http_route *table, size_t n, size_t stride, enum http_method method,
		     const char *path, struct arena *arena, size_t *ret_index,
		     struct http_route_params *ret_params, unsigned *ret_allowed) MUST_USE;
const char *http_route_param(const struct http_route_params *p, const char *name);
