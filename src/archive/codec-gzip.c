/* SPDX-License-Identifier: Apache-2.0 */
/* gzip: ISA-L inflates, zlib deflates (see codec.h). */
#include <isa-l/igzip_lib.h>
#include <zlib.h>

#include "archive/codec-internal.h"
#include "base/alloc.h"

struct gzip_decoder {
	struct decoder base;
	struct inflate_state state;
	struct isal_gzip_header header;
	enum { GZIP_BETWEEN, GZIP_HEADER, GZIP_DATA } at;
};

/*
 * The header is read apart: isal_inflate() would do it, but forgets the header's flags when the
 * input ends inside it.
 */
static void begin_member(struct gzip_decoder *d)
{
	isal_inflate_init(&d->state);
	isal_gzip_header_init(&d->header);
	d->state.crc_flag = ISAL_GZIP_NO_HDR_VER;
	d->at = GZIP_HEADER;
}

static ssize_t damaged(int code, struct error *err)
{
	if (code == ISAL_INCORRECT_CHECKSUM)
		return error_set(err, ERROR_INVALID, "the gzip stream is damaged: wrong checksum");
	return error_set(err, ERROR_INVALID, "the gzip stream is damaged (code %d)", code);
}

static int step(struct gzip_decoder *d)
{
	int code;

	if (d->at == GZIP_HEADER) {
		code = isal_read_gzip_header(&d->state, &d->header);
		if (code != ISAL_DECOMP_OK) /* more input is wanted, or it is wrong */
			return code;
		d->at = GZIP_DATA;
	}
	code = isal_inflate(&d->state);
	if (d->state.block_state == ISAL_BLOCK_FINISH)
		d->at = GZIP_BETWEEN;
	return code;
}

static ssize_t gzip_read(struct decoder *base, struct codec_input *in, void *out, size_t n,
                         struct error *err)
{
	struct gzip_decoder *d = container_of(base, struct gzip_decoder, base);
	uint32_t room = (uint32_t)MIN(n, (size_t)1 << 30);

	for (;;) {
		int r = codec_input_fill(in, err);

		if (r < 0)
			return r;
		if (d->at == GZIP_BETWEEN) {
			if (r == 0)
				return 0;
			begin_member(d);
		}
		d->state.next_in = in->data + in->pos;
		d->state.avail_in = (uint32_t)(in->len - in->pos);
		d->state.next_out = out;
		d->state.avail_out = room;
		int code = step(d);

		in->pos = in->len - d->state.avail_in;
		if (code < ISAL_DECOMP_OK)
			return damaged(code, err);
		if (d->state.avail_out < room)
			return (ssize_t)(room - d->state.avail_out);
		if (r == 0 && d->at != GZIP_BETWEEN)
			return error_set(err, ERROR_INVALID, "the gzip stream is cut short");
	}
}

static void gzip_free(struct decoder *base)
{
	free(container_of(base, struct gzip_decoder, base));
}

struct decoder *gzip_decoder_new(struct error *err)
{
	static const struct decoder_ops ops = { .read = gzip_read, .free = gzip_free };
	struct gzip_decoder *d = NEW(struct gzip_decoder);

	d->base.ops = &ops;
	begin_member(d);
	return &d->base;
}

struct gzip_encoder {
	struct encoder base;
	z_stream z;
	uint8_t out[CODEC_OUTPUT];
};

/* Half of level 6's time for three per cent more bytes. */
enum { GZIP_LEVEL_DEFAULT = 4, GZIP_WINDOW = 15 + 16, GZIP_MEMORY = 8, GZIP_OS_UNKNOWN = 255 };

static int gzip_write(struct encoder *base, const void *data, size_t n, bool finish,
                      byte_sink_fn sink, void *ctx, struct error *err)
{
	struct gzip_encoder *e = container_of(base, struct gzip_encoder, base);
	const uint8_t *p = data;
	int code = Z_OK;

	do {
		uInt part = (uInt)MIN(n, (size_t)1 << 30);

		e->z.next_in = (z_const Bytef *)(uintptr_t)p;
		e->z.avail_in = part;
		n -= part;
		do {
			e->z.next_out = e->out;
			e->z.avail_out = sizeof(e->out);
			code = deflate(&e->z, finish && n == 0 ? Z_FINISH : Z_NO_FLUSH);
			if (code == Z_STREAM_ERROR)
				return error_set(err, ERROR_INTERNAL, "gzip: deflate failed");
			size_t made = sizeof(e->out) - e->z.avail_out;
			int r = made ? sink(ctx, e->out, made, err) : 0;

			if (r < 0)
				return r;
		} while (e->z.avail_out == 0);
		p = p ? p + part : NULL;
	} while (n > 0);
	return 0;
}

static void gzip_encoder_free(struct encoder *base)
{
	struct gzip_encoder *e = container_of(base, struct gzip_encoder, base);

	deflateEnd(&e->z);
	free(e);
}

struct encoder *gzip_encoder_new(int level, struct error *err)
{
	static const struct encoder_ops ops = { .write = gzip_write, .free = gzip_encoder_free };
	struct gzip_encoder *e = NEW(struct gzip_encoder);
	static gz_header header = { .os = GZIP_OS_UNKNOWN };

	e->base.ops = &ops;
	if (deflateInit2(&e->z, level ? level : GZIP_LEVEL_DEFAULT, Z_DEFLATED, GZIP_WINDOW,
	                 GZIP_MEMORY, Z_DEFAULT_STRATEGY) != Z_OK ||
	    deflateSetHeader(&e->z, &header) != Z_OK) {
		deflateEnd(&e->z);
		free(e);
		error_set(err, ERROR_INVALID, "gzip has no compression level %d: use 1 to 9",
		          level);
		return NULL;
	}
	return &e->base;
}
