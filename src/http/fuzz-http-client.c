/* SPDX-License-Identifier: Apache-2.0 */
/* Answers of a hostile server, given to the client in pieces. */
#include <assert.h>

#include "base/alloc.h"
#include "http/client.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct canned {
	struct http_stream base;
	const uint8_t *data;
	size_t n, at, piece;
};

static ssize_t canned_read(struct http_stream *s, void *buf, size_t n)
{
	struct canned *c = container_of(s, struct canned, base);
	size_t part = MIN(n, c->n - c->at);

	part = MIN(part, c->piece);

	memcpy(buf, c->data + c->at, part);
	c->at += part;
	return (ssize_t)part;
}

static ssize_t canned_write(struct http_stream *s, const void *buf, size_t n)
{
	return (ssize_t)n;
}

static int canned_shutdown(struct http_stream *s)
{
	return 0;
}

static void canned_close(struct http_stream *s)
{
	free(container_of(s, struct canned, base));
}

static bool canned_pending(const struct http_stream *s)
{
	return false;
}

static const struct http_stream_ops ops = {
	.read = canned_read,
	.try_read = canned_read,
	.write = canned_write,
	.shutdown_write = canned_shutdown,
	.close = canned_close,
	.pending = canned_pending,
};

static struct http_stream *dial(void *ctx, struct error *err)
{
	struct canned *c = xmemdup(ctx, sizeof(*c));

	return &c->base;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct canned c = { .base = { .ops = &ops, .fd = -1 }, .data = data, .n = size };
	CLEANUP(http_client_free_ptr) struct http_client *client = NULL;
	struct http_client_request req = { .method = "GET", .target = "/" };

	if (!size)
		return 0;
	c.piece = data[0] % 2 ? 1 + data[0] % 7 : size;
	client = http_client_new(dial, &c, "fuzz");
	for (int i = 0; i < 2; i++) {
		struct error err = { 0 };
		struct http_response res;
		AUTO_STRBUF body = { 0 };

		if (http_client_send(client, &req, &res, &err) < 0) {
			assert(err.kind);
			continue;
		}
		assert(res.status >= 100 && res.status <= 999 && res.content_length >= -1);
		IGNORE_RESULT(http_response_read_all(&res, 65536, &body, &err) < 0,
		              "either is fine");
		assert(body.len <= size);
		http_response_done(&res);
	}
	return 0;
}
