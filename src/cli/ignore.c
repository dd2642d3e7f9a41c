/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/ignore.h"

#include <ctype.h>

enum { MATCH_DEPTH_MAX = 200 };

void ignore_done(struct ignore *ig)
{
	strv_done(&ig->patterns);
}

/* "./a//b/" and "/a/b" are "a/b". */
static void add_pattern(struct ignore *ig, struct str line)
{
	AUTO_STRBUF clean = { 0 };
	bool exception = line.ptr[0] == '!';
	struct str rest, piece;

	if (exception)
		line = str_trim(str_n(line.ptr + 1, line.len - 1));
	rest = line;
	while (rest.len && str_cut(&rest, '/', &piece)) {
		if (!piece.len || str_eq_c(piece, "."))
			continue;
		strbuf_printf(&clean, "%s%.*s", clean.len ? "/" : "", STR_ARG(piece));
	}
	if (!clean.len)
		return;
	ig->has_exceptions |= exception;
	strv_printf(&ig->patterns, "%s%s", exception ? "!" : "", strbuf_cstr(&clean));
}

void ignore_add(struct ignore *ig, struct str text)
{
	struct str line;

	while (str_cut(&text, '\n', &line)) {
		if (line.len && line.ptr[line.len - 1] == '\r')
			line.len--;
		if (line.len && line.ptr[0] == '#')
			continue;
		line = str_trim(line);
		if (line.len)
			add_pattern(ig, line);
	}
}

/* [a-z], [^x] at p; the end behind the bracket, or NULL when it has none. */
static const char *match_class(const char *p, char c, bool *ret)
{
	bool negated = p[1] == '^', found = false;

	for (p += negated ? 2 : 1; *p && *p != ']'; p++) {
		char low = *p == '\\' && p[1] ? *++p : *p, high = low;

		if (p[1] == '-' && p[2] && p[2] != ']') {
			p += 2;
			high = *p;
		}
		found |= low <= c && c <= high;
	}
	*ret = found != negated;
	return *p ? p + 1 : NULL;
}

/* Go's filepath.Match, and "**" for any number of directories. A match of a parent is a match. */
static bool match(const char *p, const char *s, unsigned depth)
{
	bool hit;

	if (depth > MATCH_DEPTH_MAX)
		return false;
	for (; *p; p++) {
		if (p[0] == '*' && p[1] == '*') {
			p += 2;
			if (*p == '/')
				p++;
			if (!*p)
				return *s != '\0';
			for (const char *at = s; at;
			     at = strchr(at, '/') ? strchr(at, '/') + 1 : NULL)
				if (match(p, at, depth + 1))
					return true;
			return false;
		}
		if (*p == '*') {
			for (const char *at = s;; at++) {
				if (match(p + 1, at, depth + 1))
					return true;
				if (!*at || *at == '/')
					return false;
			}
		}
		if (!*s)
			return false;
		if (*p == '[') {
			const char *end = match_class(p, *s, &hit);

			if (!end || !hit || *s == '/')
				return false;
			p = end - 1;
		} else if (*p == '?') {
			if (*s == '/')
				return false;
		} else {
			if (*p == '\\' && p[1])
				p++;
			if (*p != *s)
				return false;
		}
		s++;
	}
	return !*s || *s == '/';
}

/* May something below the directory name match the pattern? Only its fixed beginning is looked at.
 */
static bool may_match_below(const char *pattern, const char *name)
{
	while (*pattern && !strchr("*?[\\", *pattern) && *pattern == *name) {
		pattern++;
		name++;
	}
	return !*name ? *pattern == '/' || !*pattern || strchr("*?[\\", *pattern)
	              : *pattern && strchr("*?[\\", *pattern);
}

bool ignore_matches(const struct ignore *ig, const char *name, bool *ret_walk)
{
	bool out = false, walk = false;

	for (size_t i = 0; i < ig->patterns.len; i++) {
		const char *p = ig->patterns.ptr[i];
		bool exception = *p == '!';

		if (exception)
			walk |= may_match_below(p + 1, name);
		if (match(exception ? p + 1 : p, name, 0))
			out = !exception;
	}
	if (ret_walk)
		*ret_walk = walk;
	return out;
}
