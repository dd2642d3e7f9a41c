/* SPDX-License-Identifier: Apache-2.0 */
/* Chunked bodies: the same bytes come out whether they go in at once or one by one. */
#include <assert.h>

#include "base/strbuf.h"
#include "http/chunked.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int decode(const char *text, size_t n, size_t piece, struct strbuf *out, size_t *ret_used)
{
	struct http_chunked c = { 0 };
	size_t i = 0;

	while (i < n && c.state != HTTP_CHUNK_END) {
		size_t part = MIN(piece, n - i), used = 0;

		if (c.state == HTTP_CHUNK_DATA) {
			used = (size_t)MIN((uint64_t)part, c.remaining);
			strbuf_add(out, text + i, used);
			http_chunked_took(&c, used);
		} else if (http_chunked_frame(&c, text + i, part, &used) < 0) {
			return -1;
		}
		assert(used);
		i += used;
	}
	*ret_used = i;
	return c.state == HTTP_CHUNK_END;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_STRBUF whole = { 0 };
	AUTO_STRBUF bytes = { 0 };
	size_t used_whole = 0, used_bytes = 0;
	int r = decode((const char *)data, size, size, &whole, &used_whole);

	assert(decode((const char *)data, size, 1, &bytes, &used_bytes) == r);
	assert(r < 0 || used_whole == used_bytes);
	assert(str_eq(strbuf_str(&whole), strbuf_str(&bytes)));
	return 0;
}
