/* SPDX-License-Identifier: Apache-2.0 */
/* Ranges: inside of the file, in order, apart from each other. The first two bytes are its size. */
#include <assert.h>

#include "base/strbuf.h"
#include "http/server.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct http_range r[8];
	AUTO_STRBUF value = { 0 };
	int64_t file;
	int n;

	if (size < 2)
		return 0;
	file = data[0] << 8 | data[1];
	strbuf_add(&value, data + 2, size - 2);
	n = http_parse_range(strbuf_cstr(&value), file, r, ARRAY_SIZE(r));
	assert(n >= -1 && n <= (int)ARRAY_SIZE(r));
	for (int i = 0; i < n; i++) {
		assert(r[i].first >= 0 && r[i].first <= r[i].last && r[i].last < file);
		assert(i == 0 || r[i].first > r[i - 1].last + 1);
	}
	return 0;
}
