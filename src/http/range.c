/* SPDX-License-Identifier: Apache-2.0 */
#include <strings.h>

#include "base/str.h"
#include "http/server.h"

/* 1 a range that touches the file, 0 one that doesn't, -1 malformed. */
static int parse_one(struct str spec, int64_t size, struct http_range *ret)
{
	struct str last = spec, first;
	uint64_t from, to;

	if (!str_cut(&last, '-', &first) || !last.ptr || (!first.len && !last.len))
		return -1;
	if (first.len && parse_u64_str(first, 10, &from) < 0)
		return -1;
	if (last.len && parse_u64_str(last, 10, &to) < 0)
		return -1;
	if (!first.len) { /* the last `to` bytes */
		if (!to || !size)
			return 0;
		from = to < (uint64_t)size ? (uint64_t)size - to : 0;
		to = (uint64_t)size - 1;
	} else {
		if (last.len && to < from)
			return -1;
		if (from >= (uint64_t)size)
			return 0;
		if (!last.len || to >= (uint64_t)size)
			to = (uint64_t)size - 1;
	}
	*ret = (struct http_range){ .first = (int64_t)from, .last = (int64_t)to };
	return 1;
}

/* Joins r with those of out that it overlaps or touches; false when there is no room. */
static bool add_range(struct http_range *out, size_t *n, size_t max, struct http_range r)
{
	for (size_t i = 0; i < *n;) {
		if (r.first <= out[i].last + 1 && out[i].first <= r.last + 1) {
			r.first = MIN(r.first, out[i].first);
			r.last = MAX(r.last, out[i].last);
			out[i] = out[--*n];
			i = 0;
		} else {
			i++;
		}
	}
	if (*n == max)
		return false;
	out[(*n)++] = r;
	return true;
}

static void sort_ranges(struct http_range *out, size_t n)
{
	for (size_t i = 1; i < n; i++)
		for (size_t k = i; k && out[k].first < out[k - 1].first; k--) {
			struct http_range t = out[k];

			out[k] = out[k - 1];
			out[k - 1] = t;
		}
}

/*
 * A malformed header is ignored, as RFC 9110, 14.2 allows, and so is one with more separate
 * ranges than max: the whole file is a fair answer to both.
 */
int http_parse_range(const char *value, int64_t size, struct http_range *out, size_t max)
{
	struct str rest, piece;
	bool any = false;
	size_t n = 0;

	if (!value || strncasecmp(value, "bytes=", 6) != 0)
		return 0;
	rest = str_from(value + 6);
	while (str_cut(&rest, ',', &piece)) {
		struct http_range r;
		int kind;

		piece = str_trim(piece);
		if (!piece.len)
			continue;
		kind = parse_one(piece, size, &r);
		if (kind < 0)
			return 0;
		any = true;
		if (kind > 0 && !add_range(out, &n, max, r))
			return 0;
	}
	sort_ranges(out, n);
	return n ? (int)n : any ? -1 : 0;
}
