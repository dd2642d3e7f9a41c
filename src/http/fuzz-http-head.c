/* SPDX-License-Identifier: Apache-2.0 */
/* Heads: whatever is accepted has the properties that handlers rely on. */
#include <assert.h>

#include "http/head.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_clean(const char *s)
{
	for (; *s; s++)
		if (((unsigned char)*s < 0x20 && *s != '\t') || *s == 0x7f)
			return false;
	return true;
}

static void check(const struct http_head *h)
{
	bool has_length = false;

	assert(h->path[0] == '/' && h->method < HTTP_METHOD_COUNT);
	assert(h->content_length >= -1 && h->n_headers <= 50);
	for (size_t i = 0; i < h->n_headers; i++) {
		assert(http_is_token(str_from(h->headers[i].name)));
		assert(is_clean(h->headers[i].value));
		if (str_ieq_c(str_from(h->headers[i].name), "content-length")) {
			assert(!has_length && h->content_length >= 0);
			has_length = true;
		}
	}
	for (size_t i = 0; i < h->n_query; i++)
		assert(h->query[i].name && h->query[i].value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct http_head_limits limits = { .max_header = 4096, .max_headers = 50 };
	const char *text = (const char *)data;
	size_t at = 0, half = 0, length = 0, length_again = 0;
	AUTO_ARENA arena = { 0 };
	struct http_head h;
	const char *why;
	int r = http_head_find(text, size, &at, &length);
	int again = http_head_find(text, size / 2, &half, &length_again);

	/* the end is found at the same place when the bytes come in two parts */
	if (again == 0)
		again = http_head_find(text, size, &half, &length_again);
	assert(r == again && (r != 1 || length == length_again));
	if (r == 1 && http_head_parse(text, length, &limits, &arena, &h, &why) == 0)
		check(&h);
	return 0;
}
