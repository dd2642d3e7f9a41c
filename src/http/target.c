/* SPDX-License-Identifier: Apache-2.0 */
#include "http/target.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base/strbuf.h"

enum { QUERY_PARAMS_MAX = 256 };

static bool is_printable(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s <= 0x20 || (unsigned char)*s >= 0x7f)
			return false;
	return true;
}

/* "http://host/path" is as good as "/path" (RFC 9112, 3.2.2). NULL when it is neither. */
static const char *skip_authority(const char *target)
{
	const char *rest;

	if (target[0] == '/')
		return target;
	if (strncasecmp(target, "http://", 7) == 0)
		rest = target + 7;
	else if (strncasecmp(target, "https://", 8) == 0)
		rest = target + 8;
	else
		return NULL;
	rest += strcspn(rest, "/?");
	return *rest == '/' ? rest : NULL;
}

static char *decode(struct str raw, bool plus, struct arena *arena)
{
	AUTO_STRBUF out = { 0 };

	if (!raw.len || (!memchr(raw.ptr, '%', raw.len) && !memchr(raw.ptr, '+', raw.len)))
		return arena_strndup(arena, raw.ptr ? raw.ptr : "", raw.len);
	if (url_decode(raw, plus, &out) < 0)
		return NULL;
	return arena_strndup(arena, strbuf_cstr(&out), out.len);
}

static int parse_param(struct str piece, struct arena *arena, struct http_param *ret)
{
	struct str value = piece, name;

	if (!str_cut(&value, '=', &name))
		return -EINVAL;
	ret->name = decode(name, true, arena);
	ret->value = decode(value, true, arena);
	return ret->name && ret->value ? 0 : -EINVAL;
}

static int parse_query(struct str query, struct arena *arena, struct http_head *head)
{
	struct str rest = query, piece;
	size_t n = 1;

	for (size_t i = 0; i < query.len; i++)
		n += query.ptr[i] == '&';
	if (n > QUERY_PARAMS_MAX)
		return -EINVAL;
	head->query = arena_alloc(arena, n * sizeof(struct http_param));
	while (str_cut(&rest, '&', &piece)) {
		if (!piece.len)
			continue;
		if (parse_param(piece, arena, &head->query[head->n_query]) < 0)
			return -EINVAL;
		head->n_query++;
	}
	return 0;
}

int http_target_parse(const char *target, struct arena *arena, struct http_head *head)
{
	const char *path, *query;
	struct str raw;

	if (!is_printable(target))
		return -EINVAL;
	if (strcmp(target, "*") == 0 && head->method == HTTP_OPTIONS) {
		head->raw_path = target;
		head->path = "/";
		return 0;
	}
	path = skip_authority(target);
	if (!path)
		return -EINVAL;
	query = strchr(path, '?');
	raw = str_n(path, query ? (size_t)(query - path) : strlen(path));
	head->raw_path = arena_strndup(arena, raw.ptr, raw.len);
	head->path = decode(raw, false, arena);
	if (!head->path)
		return -EINVAL;
	return query ? parse_query(str_from(query + 1), arena, head) : 0;
}
