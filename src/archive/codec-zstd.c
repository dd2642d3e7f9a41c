/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <zstd.h>

#include "archive/codec-internal.h"
#include "base/alloc.h"

enum { ZSTD_WINDOW_LOG_MAX = 27 /* CODEC_MEMORY_MAX */, ZSTD_LEVEL_DEFAULT = 3 };

static_assert(1 << ZSTD_WINDOW_LOG_MAX == CODEC_MEMORY_MAX, "the window is the memory");

struct zstd_decoder {
	struct decoder base;
	ZSTD_DCtx *ctx;
	bool in_frame;
};

static ssize_t zstd_read(struct decoder *base, struct codec_input *in, void *out, size_t n,
                         struct error *err)
{
	struct zstd_decoder *d = container_of(base, struct zstd_decoder, base);
	ZSTD_outBuffer o = { .dst = out, .size = n };

	for (;;) {
		int r = codec_input_fill(in, err);

		if (r < 0)
			return r;
		if (r == 0 && !d->in_frame)
			return 0;
		ZSTD_inBuffer i = { .src = in->data + in->pos, .size = in->len - in->pos };
		size_t code = ZSTD_decompressStream(d->ctx, &o, &i);

		in->pos += i.pos;
		if (ZSTD_isError(code))
			return error_set(err, ERROR_INVALID, "the zstd stream is damaged: %s",
			                 ZSTD_getErrorName(code));
		d->in_frame = code != 0;
		if (o.pos > 0)
			return (ssize_t)o.pos;
		if (r == 0 && d->in_frame)
			return error_set(err, ERROR_INVALID, "the zstd stream is cut short");
	}
}

static void zstd_free(struct decoder *base)
{
	struct zstd_decoder *d = container_of(base, struct zstd_decoder, base);

	ZSTD_freeDCtx(d->ctx);
	free(d);
}

struct decoder *zstd_decoder_new(struct error *err)
{
	static const struct decoder_ops ops = { .read = zstd_read, .free = zstd_free };
	struct zstd_decoder *d = NEW(struct zstd_decoder);

	d->base.ops = &ops;
	d->ctx = ZSTD_createDCtx();
	if (!d->ctx || ZSTD_isError(ZSTD_DCtx_setParameter(d->ctx, ZSTD_d_windowLogMax,
	                                                   ZSTD_WINDOW_LOG_MAX))) {
		zstd_free(&d->base);
		error_set(err, ERROR_INTERNAL, "cannot start the zstd decoder");
		return NULL;
	}
	return &d->base;
}

struct zstd_encoder {
	struct encoder base;
	ZSTD_CCtx *ctx;
	uint8_t out[CODEC_OUTPUT];
};

static int zstd_write(struct encoder *base, const void *data, size_t n, bool finish,
                      byte_sink_fn sink, void *ctx, struct error *err)
{
	struct zstd_encoder *e = container_of(base, struct zstd_encoder, base);
	ZSTD_inBuffer i = { .src = data, .size = n };
	bool done;

	do {
		ZSTD_outBuffer o = { .dst = e->out, .size = sizeof(e->out) };
		size_t left =
			ZSTD_compressStream2(e->ctx, &o, &i, finish ? ZSTD_e_end : ZSTD_e_continue);
		int r;

		if (ZSTD_isError(left))
			return error_set(err, ERROR_INTERNAL, "zstd: %s", ZSTD_getErrorName(left));
		r = o.pos ? sink(ctx, e->out, o.pos, err) : 0;
		if (r < 0)
			return r;
		done = finish ? left == 0 : i.pos == i.size;
	} while (!done);
	return 0;
}

static void zstd_encoder_free(struct encoder *base)
{
	struct zstd_encoder *e = container_of(base, struct zstd_encoder, base);

	ZSTD_freeCCtx(e->ctx);
	free(e);
}

struct encoder *zstd_encoder_new(int level, struct error *err)
{
	static const struct encoder_ops ops = { .write = zstd_write, .free = zstd_encoder_free };
	struct zstd_encoder *e = NEW(struct zstd_encoder);

	e->base.ops = &ops;
	e->ctx = ZSTD_createCCtx();
	if (!e->ctx ||
	    ZSTD_isError(ZSTD_CCtx_setParameter(e->ctx, ZSTD_c_compressionLevel,
	                                        level ? level : ZSTD_LEVEL_DEFAULT)) ||
	    ZSTD_isError(ZSTD_CCtx_setParameter(e->ctx, ZSTD_c_checksumFlag, 1))) {
		zstd_encoder_free(&e->base);
		error_set(err, ERROR_INTERNAL, "cannot start the zstd encoder");
		return NULL;
	}
	return &e->base;
}
