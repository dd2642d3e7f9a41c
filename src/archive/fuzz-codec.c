/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "archive/codec.h"

enum { LIMIT = 4 * 1024 * 1024 };

struct memory_source {
	struct byte_source base;
	const uint8_t *data;
	size_t left;
};

static ssize_t memory_read(struct byte_source *s, void *buf, size_t n, struct error *err)
{
	struct memory_source *m = container_of(s, struct memory_source, base);

	n = MIN(n, m->left);
	n = MIN(n, (size_t)7);
	memcpy(buf, m->data, n);
	m->data += n;
	m->left -= n;
	return (ssize_t)n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct memory_source from = { .base = { memory_read }, .data = data, .left = size };
	CLEANUP(codec_reader_free_ptr) struct codec_reader *r = NULL;
	struct error err = { 0 };
	static char buf[65536];

	if (codec_reader_open(&from.base, LIMIT, &r, &err) < 0)
		return 0;
	while (codec_read(r, buf, sizeof(buf), &err) > 0)
		;
	return 0;
}
