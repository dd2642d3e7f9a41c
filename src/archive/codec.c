/* SPDX-License-Identifier: Apache-2.0 */
#include "archive/codec.h"

#include <errno.h>
#include <string.h>

#include "archive/codec-internal.h"
#include "base/alloc.h"

struct codec_reader {
	struct byte_source base;
	struct codec_input in;
	enum codec codec;
	struct decoder *decoder; /* owned; NULL for CODEC_NONE */
	int64_t limit, produced;
	bool end;
};

struct codec_writer {
	struct encoder *encoder; /* owned; NULL for CODEC_NONE */
	byte_sink_fn sink;
	void *ctx; /* borrowed */
};

static ssize_t fd_read(struct byte_source *s, void *buf, size_t n, struct error *err)
{
	struct byte_source_fd *fs = container_of(s, struct byte_source_fd, base);
	ssize_t r;

	do
		r = read(fs->fd, buf, n);
	while (r < 0 && errno == EINTR);
	return r < 0 ? error_set_errno(err, errno, "cannot read the stream") : r;
}

void byte_source_fd_init(struct byte_source_fd *s, int fd)
{
	*s = (struct byte_source_fd){ .base = { .read = fd_read }, .fd = fd };
}

static bool is_bzip2(const uint8_t *p, size_t n)
{
	/* a tar archive may begin with a file called BZh9: look at the block's magic too */
	return n >= 6 && memcmp(p, "BZh", 3) == 0 && p[3] >= '1' && p[3] <= '9' &&
	       ((p[4] == 0x31 && p[5] == 0x41) || (p[4] == 0x17 && p[5] == 0x72));
}

static bool is_zstd(const uint8_t *p, size_t n)
{
	static const uint8_t frame[] = { 0x28, 0xb5, 0x2f, 0xfd };
	static const uint8_t skippable[] = { 0x2a, 0x4d, 0x18 };

	return n >= 4 && (memcmp(p, frame, 4) == 0 ||
	                  ((p[0] & 0xf0) == 0x50 && memcmp(p + 1, skippable, 3) == 0));
}

enum codec codec_detect(const void *data, size_t n)
{
	static const uint8_t gzip[] = { 0x1f, 0x8b, 0x08 };
	static const uint8_t xz[] = { 0xfd, '7', 'z', 'X', 'Z', 0 };

	if (n >= sizeof(gzip) && memcmp(data, gzip, sizeof(gzip)) == 0)
		return CODEC_GZIP;
	if (is_zstd(data, n))
		return CODEC_ZSTD;
	if (is_bzip2(data, n))
		return CODEC_BZIP2;
	if (n >= sizeof(xz) && memcmp(data, xz, sizeof(xz)) == 0)
		return CODEC_XZ;
	return CODEC_NONE;
}

const char *codec_name(enum codec c)
{
	static const char *const names[] = {
		[CODEC_NONE] = "none",   [CODEC_GZIP] = "gzip", [CODEC_ZSTD] = "zstd",
		[CODEC_BZIP2] = "bzip2", [CODEC_XZ] = "xz",
	};

	return names[c];
}

int codec_input_fill(struct codec_input *in, struct error *err)
{
	ssize_t n;

	if (in->pos < in->len)
		return 1;
	if (in->end)
		return 0;
	n = in->from->read(in->from, in->data, CODEC_INPUT, err);
	if (n < 0)
		return (int)n;
	in->pos = 0;
	in->len = (size_t)n;
	in->end = n == 0;
	return n > 0;
}

static int read_magic(struct codec_input *in, struct error *err)
{
	while (in->len < CODEC_MAGIC_MAX && !in->end) {
		ssize_t n =
			in->from->read(in->from, in->data + in->len, CODEC_INPUT - in->len, err);

		if (n < 0)
			return (int)n;
		in->len += (size_t)n;
		in->end = n == 0;
	}
	return 0;
}

static int make_decoder(enum codec c, struct decoder **ret, struct error *err)
{
	switch (c) {
	case CODEC_NONE:
		*ret = NULL;
		return 0;
	case CODEC_GZIP:
		*ret = gzip_decoder_new(err);
		break;
	case CODEC_ZSTD:
		*ret = zstd_decoder_new(err);
		break;
	case CODEC_BZIP2:
		*ret = bzip2_decoder_new(err);
		break;
	case CODEC_XZ:
		*ret = xz_decoder_new(err);
		break;
	}
	return *ret ? 0 : error_errno(err);
}

static ssize_t source_read(struct byte_source *s, void *buf, size_t n, struct error *err)
{
	return codec_read(container_of(s, struct codec_reader, base), buf, n, err);
}

int codec_reader_open(struct byte_source *from, int64_t limit, struct codec_reader **ret,
                      struct error *err)
{
	CLEANUP(codec_reader_free_ptr) struct codec_reader *r = NEW(struct codec_reader);
	int e;

	r->base.read = source_read;
	r->in.from = from;
	r->in.data = xmalloc(CODEC_INPUT);
	r->limit = limit;
	e = read_magic(&r->in, err);
	if (e < 0)
		return e;
	r->codec = codec_detect(r->in.data, r->in.len);
	e = make_decoder(r->codec, &r->decoder, err);
	if (e < 0)
		return e;
	*ret = TAKE_PTR(r);
	return 0;
}

static ssize_t read_plain(struct codec_input *in, void *buf, size_t n, struct error *err)
{
	size_t have = in->len - in->pos;

	if (have == 0)
		return in->end ? 0 : in->from->read(in->from, buf, n, err);
	n = MIN(n, have);
	memcpy(buf, in->data + in->pos, n);
	in->pos += n;
	return (ssize_t)n;
}

ssize_t codec_read(struct codec_reader *r, void *buf, size_t n, struct error *err)
{
	ssize_t got;

	if (n == 0 || r->end)
		return 0;
	if (r->decoder)
		got = r->decoder->ops->read(r->decoder, &r->in, buf, n, err);
	else
		got = read_plain(&r->in, buf, n, err);
	if (got < 0)
		return got;
	r->end = got == 0;
	r->produced += got;
	if (r->limit && r->produced > r->limit)
		return error_set(err, ERROR_TOO_LARGE,
		                 "the archive unpacks to more than the limit of %lld bytes",
		                 (long long)r->limit);
	return got;
}

struct byte_source *codec_reader_source(struct codec_reader *r)
{
	return &r->base;
}

enum codec codec_reader_codec(const struct codec_reader *r)
{
	return r->codec;
}

void codec_reader_free(struct codec_reader *r)
{
	if (!r)
		return;
	if (r->decoder)
		r->decoder->ops->free(r->decoder);
	free(r->in.data);
	free(r);
}

int codec_writer_open(enum codec c, int level, byte_sink_fn sink, void *ctx,
                      struct codec_writer **ret, struct error *err)
{
	struct encoder *encoder = NULL;

	if (c == CODEC_GZIP)
		encoder = gzip_encoder_new(level, err);
	else if (c == CODEC_ZSTD)
		encoder = zstd_encoder_new(level, err);
	else if (c != CODEC_NONE)
		return error_set(err, ERROR_NOT_IMPLEMENTED,
		                 "cannot compress with %s: use gzip or zstd", codec_name(c));
	if (!encoder && c != CODEC_NONE)
		return error_errno(err);
	*ret = NEW(struct codec_writer);
	**ret = (struct codec_writer){ .encoder = encoder, .sink = sink, .ctx = ctx };
	return 0;
}

int codec_write(struct codec_writer *w, const void *data, size_t n, struct error *err)
{
	if (n == 0)
		return 0;
	if (!w->encoder)
		return w->sink(w->ctx, data, n, err);
	return w->encoder->ops->write(w->encoder, data, n, false, w->sink, w->ctx, err);
}

int codec_writer_finish(struct codec_writer *w, struct error *err)
{
	if (!w->encoder)
		return 0;
	return w->encoder->ops->write(w->encoder, NULL, 0, true, w->sink, w->ctx, err);
}

void codec_writer_free(struct codec_writer *w)
{
	if (!w)
		return;
	if (w->encoder)
		w->encoder->ops->free(w->encoder);
	free(w);
}
