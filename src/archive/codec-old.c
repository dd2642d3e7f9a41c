/* SPDX-License-Identifier: Apache-2.0 */
/* bzip2 and xz, which are only read: `docker load` and ADD take them. */
#include <bzlib.h>
#include <lzma.h>

#include "archive/codec-internal.h"
#include "base/alloc.h"

struct bzip2_decoder {
	struct decoder base;
	bz_stream z;
	bool in_stream;
};

static int begin_bzip2(struct bzip2_decoder *d, struct error *err)
{
	BZ2_bzDecompressEnd(&d->z);
	d->z = (bz_stream){ 0 };
	if (BZ2_bzDecompressInit(&d->z, 0, 0) != BZ_OK)
		return error_set(err, ERROR_INTERNAL, "cannot start the bzip2 decoder");
	d->in_stream = true;
	return 0;
}

static ssize_t bzip2_read(struct decoder *base, struct codec_input *in, void *out, size_t n,
                          struct error *err)
{
	struct bzip2_decoder *d = container_of(base, struct bzip2_decoder, base);
	unsigned room = (unsigned)MIN(n, (size_t)1 << 30);

	for (;;) {
		int r = codec_input_fill(in, err);

		if (r < 0)
			return r;
		if (!d->in_stream) {
			if (r == 0)
				return 0;
			if (begin_bzip2(d, err) < 0)
				return error_errno(err);
		}
		d->z.next_in = (char *)in->data + in->pos;
		d->z.avail_in = (unsigned)(in->len - in->pos);
		d->z.next_out = out;
		d->z.avail_out = room;
		int code = BZ2_bzDecompress(&d->z);

		in->pos = in->len - d->z.avail_in;
		if (code != BZ_OK && code != BZ_STREAM_END)
			return error_set(err, ERROR_INVALID,
			                 "the bzip2 stream is damaged (code %d)", code);
		d->in_stream = code != BZ_STREAM_END;
		if (d->z.avail_out < room)
			return (ssize_t)(room - d->z.avail_out);
		if (r == 0 && d->in_stream)
			return error_set(err, ERROR_INVALID, "the bzip2 stream is cut short");
	}
}

static void bzip2_free(struct decoder *base)
{
	struct bzip2_decoder *d = container_of(base, struct bzip2_decoder, base);

	BZ2_bzDecompressEnd(&d->z);
	free(d);
}

struct decoder *bzip2_decoder_new(struct error *err)
{
	static const struct decoder_ops ops = { .read = bzip2_read, .free = bzip2_free };
	struct bzip2_decoder *d = NEW(struct bzip2_decoder);

	d->base.ops = &ops;
	return &d->base;
}

struct xz_decoder {
	struct decoder base;
	lzma_stream z;
	bool ended;
};

static ssize_t xz_read(struct decoder *base, struct codec_input *in, void *out, size_t n,
                       struct error *err)
{
	struct xz_decoder *d = container_of(base, struct xz_decoder, base);

	d->z.next_out = out;
	d->z.avail_out = n;
	while (!d->ended && d->z.avail_out == n) {
		int r = codec_input_fill(in, err);
		lzma_ret code;

		if (r < 0)
			return r;
		d->z.next_in = in->data + in->pos;
		d->z.avail_in = in->len - in->pos;
		code = lzma_code(&d->z, r == 0 ? LZMA_FINISH : LZMA_RUN);
		in->pos = in->len - d->z.avail_in;
		d->ended = code == LZMA_STREAM_END;
		if (code == LZMA_MEMLIMIT_ERROR)
			return error_set(err, ERROR_INVALID,
			                 "the xz stream needs more than %d MiB of memory",
			                 CODEC_MEMORY_MAX >> 20);
		if (code != LZMA_OK && code != LZMA_STREAM_END)
			return error_set(err, ERROR_INVALID,
			                 "the xz stream is damaged or cut short (code %u)", code);
	}
	return (ssize_t)(n - d->z.avail_out);
}

static void xz_free(struct decoder *base)
{
	struct xz_decoder *d = container_of(base, struct xz_decoder, base);

	lzma_end(&d->z);
	free(d);
}

struct decoder *xz_decoder_new(struct error *err)
{
	static const struct decoder_ops ops = { .read = xz_read, .free = xz_free };
	struct xz_decoder *d = NEW(struct xz_decoder);

	d->base.ops = &ops;
	d->z = (lzma_stream)LZMA_STREAM_INIT;
	if (lzma_stream_decoder(&d->z, CODEC_MEMORY_MAX, LZMA_CONCATENATED) != LZMA_OK) {
		free(d);
		error_set(err, ERROR_INTERNAL, "cannot start the xz decoder");
		return NULL;
	}
	return &d->base;
}
