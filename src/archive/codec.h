/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Compression as streams: gzip (every member), zstd, and for reading also bzip2 and xz; the format
 * is found by its magic. Bounded: a decoder stops with TOO_LARGE past its limit, and refuses what
 * needs more than 128 MiB of memory. Bytes behind the end are refused. Not locked.
 *
 * Reading gzip is ISA-L's (twice zlib's speed), writing is zlib's: ISA-L's output depends on the
 * processor, and a layer's digest must not.
 */
#include <sys/types.h>

#include "base/error.h"

enum codec { CODEC_NONE, CODEC_GZIP, CODEC_ZSTD, CODEC_BZIP2, CODEC_XZ };

enum { CODEC_MAGIC_MAX = 6 };

/* A source of bytes: read gives bytes, 0 at the end, -errno (err set). */
struct byte_source {
	ssize_t (*read)(struct byte_source *s, void *buf, size_t n, struct error *err);
};

struct byte_source_fd {
	struct byte_source base;
	int fd; /* borrowed */
};
void byte_source_fd_init(struct byte_source_fd *s, int fd);

enum codec codec_detect(const void *data, size_t n);
const char *codec_name(enum codec c); /* "gzip" ... */

struct codec_reader;
/* Detects the format from the first bytes; limit in bytes of output, 0 = none. Borrows from. */
int codec_reader_open(struct byte_source *from, int64_t limit, struct codec_reader **ret, struct error *err) MUST_USE;
ssize_t codec_read(struct codec_reader *r, void *buf, size_t n, struct error *err) MUST_USE;
struct byte_source *codec_reader_source(struct codec_reader *r); /* the decoded bytes */
enum codec codec_reader_codec(const struct codec_reader *r);
void codec_reader_free(struct codec_reader *r);
DEFINE_CLEANUP(struct codec_reader *, codec_reader_free)

typedef int (*byte_sink_fn)(void *ctx, const void *data, size_t n, struct error *err);
struct codec_writer;
/* The same input gives the same bytes on every machine of one release. level 0 = the default. */
int codec_writer_open(enum codec c, int level, byte_sink_fn sink, void *ctx, struct codec_writer **ret,
		      struct error *err) MUST_USE;
int codec_write(struct codec_writer *w, const void *data, size_t n, struct error *err) MUST_USE;
int codec_writer_finish(struct codec_writer *w, struct error *err) MUST_USE;
void codec_writer_free(struct codec_writer *w);
DEFINE_CLEANUP(struct codec_writer *, codec_writer_free)
