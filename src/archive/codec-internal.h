/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What codec.c and the decoders share: an input window, refilled from the source. */
#include "archive/codec.h"

enum { CODEC_INPUT = 256 * 1024, CODEC_OUTPUT = 64 * 1024, CODEC_MEMORY_MAX = 128 * 1024 * 1024 };

struct codec_input {
	struct byte_source *from; /* borrowed */
	uint8_t *data;            /* owned, CODEC_INPUT bytes */
	size_t pos, len;
	bool end;
};

/* Reads more when the window is empty. 1 when there are bytes, 0 at the end, -errno. */
int codec_input_fill(struct codec_input *in, struct error *err) MUST_USE;

struct decoder {
	const struct decoder_ops *ops;
};

struct decoder_ops {
	/* Some bytes into out (n > 0); 0 at the end of the input. */
	ssize_t (*read)(struct decoder *d, struct codec_input *in, void *out, size_t n,
			struct error *err);
	void (*free)(struct decoder *d);
};

struct encoder {
	const struct encoder_ops *ops;
};

struct encoder_ops {
	/* Compresses data (finish: and ends), giving the output to the sink. */
	int (*write)(struct encoder *e, const void *data, size_t n, bool finish, byte_sink_fn sink,
		     void *ctx, struct error *err);
	void (*free)(struct encoder *e);
};

struct decoder *gzip_decoder_new(struct error *err) MUST_USE;
struct decoder *zstd_decoder_new(struct error *err) MUST_USE;
struct decoder *bzip2_decoder_new(struct error *err) MUST_USE;
struct decoder *xz_decoder_new(struct error *err) MUST_USE;
struct encoder *gzip_encoder_new(int level, struct error *err) MUST_USE;
struct encoder *zstd_encoder_new(int level, struct error *err) MUST_USE;
