/* SPDX-License-Identifier: Apache-2.0 */
#include "archive/feed.h"

#include <string.h>

#include "base/alloc.h"
#include "base/thread.h"

enum { FEED_BUFFERS = 8, FEED_BUFFER_SIZE = 256 * 1024 };

struct feed_buffer {
	uint8_t *data; /* owned */
	size_t len;    /* 0: the end, or the failure in error */
};

struct feed {
	struct byte_source base;
	struct byte_source_fd input;
	int64_t limit;
	pthread_mutex_t lock; /* started, filled, taken */
	pthread_cond_t changed;
	bool started;
	unsigned filled, taken; /* buffers given to and by the unpacker, counted up */
	struct feed_buffer buffers[FEED_BUFFERS];
	size_t pos;         /* in the buffer being taken; the unpacker's */
	struct error error; /* written before the last buffer is filled */
	struct digester digester;
	int64_t size;
};

static struct feed_buffer *wait_for_room(struct feed *f)
{
	WITH_LOCK(&f->lock);
	while (!f->started || f->filled - f->taken == FEED_BUFFERS)
		pthread_cond_wait(&f->changed, &f->lock);
	return &f->buffers[f->filled % FEED_BUFFERS];
}

static void give(struct feed *f)
{
	WITH_LOCK(&f->lock);
	f->filled++;
	pthread_cond_broadcast(&f->changed);
}

/* Full buffers, so that the threads meet seldom. */
static ssize_t fill_buffer(struct codec_reader *codec, struct feed_buffer *b, struct error *err)
{
	b->len = 0;
	while (b->len < FEED_BUFFER_SIZE) {
		ssize_t n = codec_read(codec, b->data + b->len, FEED_BUFFER_SIZE - b->len, err);

		if (n <= 0)
			return n;
		b->len += (size_t)n;
	}
	return 1;
}

static void *decode(void *arg)
{
	struct feed *f = arg;
	CLEANUP(codec_reader_free_ptr) struct codec_reader *codec = NULL;
	struct feed_buffer *b = wait_for_room(f);
	ssize_t r = codec_reader_open(&f->input.base, f->limit, &codec, &f->error);

	b->len = 0;
	while (r >= 0) {
		r = fill_buffer(codec, b, &f->error);
		digester_add(&f->digester, b->data, b->len);
		f->size += (int64_t)b->len;
		if (b->len == 0)
			break;
		if (r < 0) /* what came before the failure is of no use */
			b->len = 0;
		if (b->len == 0)
			break;
		give(f);
		b = wait_for_room(f);
		b->len = 0;
	}
	give(f);
	return NULL;
}

static struct feed_buffer *wait_for_bytes(struct feed *f, bool release)
{
	WITH_LOCK(&f->lock);
	if (release) {
		f->taken++;
		f->pos = 0;
		pthread_cond_broadcast(&f->changed);
	}
	while (f->filled == f->taken)
		pthread_cond_wait(&f->changed, &f->lock);
	return &f->buffers[f->taken % FEED_BUFFERS];
}

static ssize_t feed_read(struct byte_source *s, void *buf, size_t n, struct error *err)
{
	struct feed *f = container_of(s, struct feed, base);
	struct feed_buffer *b = wait_for_bytes(f, false);

	if (b->len > 0 && f->pos == b->len)
		b = wait_for_bytes(f, true);
	if (b->len == 0) {
		if (f->error.kind != ERROR_NONE)
			*err = f->error;
		return f->error.kind != ERROR_NONE ? error_errno(err) : 0;
	}
	n = MIN(n, b->len - f->pos);
	memcpy(buf, b->data + f->pos, n);
	f->pos += n;
	return (ssize_t)n;
}

int feed_open(int fd, int64_t limit, struct feed **ret, struct error *err)
{
	struct feed *f = NEW(struct feed);
	int r;

	f->base.read = feed_read;
	byte_source_fd_init(&f->input, fd);
	f->limit = limit;
	digester_init(&f->digester, DIGEST_SHA256);
	pthread_mutex_init(&f->lock, NULL);
	pthread_cond_init(&f->changed, NULL);
	for (size_t i = 0; i < FEED_BUFFERS; i++)
		f->buffers[i].data = xmalloc(FEED_BUFFER_SIZE);
	r = thread_start(NULL, decode, f, err);
	if (r < 0)
		return r;
	*ret = f;
	return 0;
}

void feed_start(struct feed *f)
{
	WITH_LOCK(&f->lock);
	f->started = true;
	pthread_cond_broadcast(&f->changed);
}

struct byte_source *feed_source(struct feed *f)
{
	return &f->base;
}

void feed_result(struct feed *f, struct digest *ret_diff_id, int64_t *ret_size)
{
	digester_finish(&f->digester, ret_diff_id);
	*ret_size = f->size;
}
