/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Archives for tests, right ones and hostile ones, built in memory. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "archive/tar-format.h"
#include "base/alloc.h"
#include "base/strbuf.h"

struct memory_source {
	struct byte_source base;
	const char *data;
	size_t left;
};

UNUSED static ssize_t memory_read(struct byte_source *s, void *buf, size_t n, struct error *err)
{
	struct memory_source *m = container_of(s, struct memory_source, base);

	n = MIN(n, m->left);
	memcpy(buf, m->data, n);
	m->data += n;
	m->left -= n;
	return (ssize_t)n;
}

UNUSED static struct memory_source memory_source(const struct strbuf *b)
{
	return (struct memory_source){ { memory_read }, strbuf_cstr(b), b->len };
}

/* A header block with its checksum; change fields and call tar_test_block() again to forge. */
UNUSED static struct tar_header tar_test_header(char type, const char *name, const char *link, size_t size)
{
	struct tar_header h = { .type = type };
	char digits[24];

	memcpy(h.name, name, MIN(strlen(name), sizeof(h.name)));
	if (link)
		memcpy(h.link, link, MIN(strlen(link), sizeof(h.link)));
	memcpy(h.mode, type == '5' ? "0000755" : "0000644", 7);
	memcpy(h.uid, "0000000", 7);
	memcpy(h.gid, "0000000", 7);
	snprintf(digits, sizeof(digits), "%011zo", size);
	memcpy(h.size, digits, 11);
	memcpy(h.mtime, "00000001750", 11);
	memcpy(h.magic, "ustar", 6);
	memcpy(h.version, "00", 2);
	return h;
}

UNUSED static void tar_test_block(struct strbuf *b, struct tar_header *h)
{
	char sum[9];

	snprintf(sum, sizeof(sum), "%06o", tar_checksum(h));
	memcpy(h->checksum, sum, 7);
	h->checksum[7] = ' ';
	strbuf_add(b, h, sizeof(*h));
}

UNUSED static void tar_test_body(struct strbuf *b, const void *data, size_t n)
{
	static const char zeros[TAR_BLOCK];

	strbuf_add(b, data, n);
	strbuf_add(b, zeros, -n & (TAR_BLOCK - 1));
}

UNUSED static void tar_test_entry(struct strbuf *b, char type, const char *name, const char *link,
				  const char *content)
{
	struct tar_header h = tar_test_header(type, name, link, content ? strlen(content) : 0);

	tar_test_block(b, &h);
	if (content)
		tar_test_body(b, content, strlen(content));
}

UNUSED static void tar_test_pax(struct strbuf *b, const char *key, const char *value, size_t n)
{
	AUTO_STRBUF body = { 0 };
	size_t rest = strlen(key) + n + 3, total = rest + 1;
	struct tar_header h;

	for (int i = 0; i < 3; i++)
		total = rest + (size_t)snprintf(NULL, 0, "%zu", total);
	strbuf_printf(&body, "%zu %s=", total, key);
	strbuf_add(&body, value, n);
	strbuf_putc(&body, '\n');
	h = tar_test_header('x', "PaxHeaders.0/x", NULL, body.len);
	tar_test_block(b, &h);
	tar_test_body(b, body.ptr, body.len);
}

UNUSED static void tar_test_end(struct strbuf *b)
{
	static const char zeros[2 * TAR_BLOCK];

	strbuf_add(b, zeros, sizeof(zeros));
}

/* For fuzzers, which would not get past the checksums. */
UNUSED static void tar_test_fix_checksums(struct strbuf *b)
{
	for (size_t at = 0; at + TAR_BLOCK <= b->len; at += TAR_BLOCK) {
		struct tar_header h;
		char sum[9];

		memcpy(&h, b->ptr + at, sizeof(h));
		if (memcmp(h.magic, "ustar", 5) != 0)
			continue;
		snprintf(sum, sizeof(sum), "%06o", tar_checksum(&h));
		memcpy(h.checksum, sum, 7);
		memcpy(b->ptr + at, &h, sizeof(h));
	}
}
