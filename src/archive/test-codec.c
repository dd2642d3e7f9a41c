/* SPDX-License-Identifier: Apache-2.0 */
#include "archive/codec.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/process.h"
#include "base/strbuf.h"
#include "unit.h"

struct memory_source {
	struct byte_source base;
	const char *data;
	size_t left, step;
};

static ssize_t memory_read(struct byte_source *s, void *buf, size_t n, struct error *err)
{
	struct memory_source *m = container_of(s, struct memory_source, base);

	n = MIN(n, m->left);
	n = MIN(n, m->step);
	memcpy(buf, m->data, n);
	m->data += n;
	m->left -= n;
	return (ssize_t)n;
}

static int to_buffer(void *ctx, const void *data, size_t n, struct error *err)
{
	return strbuf_add(ctx, data, n);
}

static int decode(struct str in, size_t step, int64_t limit, enum codec *ret_codec,
                  struct strbuf *out, struct error *err)
{
	struct memory_source from = { { memory_read }, in.ptr, in.len, step };
	CLEANUP(codec_reader_free_ptr) struct codec_reader *r = NULL;
	char buf[5000];
	ssize_t n;

	if (codec_reader_open(&from.base, limit, &r, err) < 0)
		return -1;
	*ret_codec = codec_reader_codec(r);
	while ((n = codec_read(r, buf, sizeof(buf), err)) > 0)
		strbuf_add(out, buf, (size_t)n);
	return (int)n;
}

static void encode(enum codec c, struct str in, size_t step, struct strbuf *out)
{
	CLEANUP(codec_writer_free_ptr) struct codec_writer *w = NULL;
	struct error err = { 0 };

	assert_int_equal(codec_writer_open(c, 0, to_buffer, out, &w, &err), 0);
	for (size_t at = 0; at < in.len; at += step)
		assert_int_equal(codec_write(w, in.ptr + at, MIN(step, in.len - at), &err), 0);
	assert_int_equal(codec_writer_finish(w, &err), 0);
}

/* Compressible, but not trivially. */
static void make_text(struct strbuf *b)
{
	unsigned x = 1;

	for (int i = 0; i < 60000; i++) {
		x = x * 1103515245 + 12345;
		strbuf_printf(b, "%x%s", x >> 20, i % 7 ? " the " : "\n");
	}
}

/* What the host's own compressor makes of text. */
static void run_compressor(const char *program, struct str text, struct strbuf *out)
{
	AUTO_FREE char *path = xasprintf("%s/plain", unit_scratch());
	char *argv[] = { (char *)(uintptr_t)program, (char *)(uintptr_t) "-c", path, NULL };
	struct spawn_options o = { .path = program, .argv = argv, .stdio = { -1, -1, -1 } };
	struct error err = { 0 };
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(text.ptr, 1, text.len, f), text.len);
	fclose(f);
	assert_int_equal(process_run(&o, SIZE_MAX, out, &err), 0);
}

static const enum codec written[] = { CODEC_NONE, CODEC_GZIP, CODEC_ZSTD };

TEST(what_is_written_reads_back_in_any_chunks)
{
	static const size_t steps[] = { 1, 13, 100000, 1 << 20 };
	AUTO_STRBUF text = { 0 };

	make_text(&text);
	for (size_t c = 0; c < ARRAY_SIZE(written); c++) {
		AUTO_STRBUF packed = { 0 };

		encode(written[c], strbuf_str(&text), 1 << 20, &packed);
		for (size_t s = 0; s < ARRAY_SIZE(steps); s++) {
			AUTO_STRBUF out = { 0 };
			struct error err = { 0 };
			enum codec codec;

			assert_int_equal(
				decode(strbuf_str(&packed), steps[s], 0, &codec, &out, &err), 0);
			assert_int_equal(codec, written[c]);
			assert_true(str_eq(strbuf_str(&out), strbuf_str(&text)));
		}
	}
}

TEST(output_does_not_depend_on_how_input_was_cut)
{
	AUTO_STRBUF text = { 0 };

	make_text(&text);
	for (size_t c = 0; c < ARRAY_SIZE(written); c++) {
		AUTO_STRBUF a = { 0 };
		AUTO_STRBUF b = { 0 };

		encode(written[c], strbuf_str(&text), 1 << 20, &a);
		encode(written[c], strbuf_str(&text), 777, &b);
		assert_true(str_eq(strbuf_str(&a), strbuf_str(&b)));
	}
}

TEST(gzip_header_says_nothing_about_the_host)
{
	AUTO_STRBUF packed = { 0 };

	encode(CODEC_GZIP, STR("x"), 1, &packed);
	assert_memory_equal(packed.ptr, "\x1f\x8b\x08\0\0\0\0\0", 8);
	assert_int_equal((uint8_t)packed.ptr[9], 255);
}

TEST(host_compressors_are_read)
{
	static const struct {
		const char *program;
		enum codec codec;
	} cases[] = { { "gzip", CODEC_GZIP }, { "bzip2", CODEC_BZIP2 }, { "xz", CODEC_XZ } };
	AUTO_STRBUF text = { 0 };

	make_text(&text);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		static const size_t steps[] = { 3, 4096, 1 << 20 };
		AUTO_STRBUF packed = { 0 };

		run_compressor(cases[i].program, strbuf_str(&text), &packed);
		for (size_t s = 0; s < ARRAY_SIZE(steps); s++) {
			AUTO_STRBUF out = { 0 };
			struct error err = { 0 };
			enum codec codec;

			assert_int_equal(
				decode(strbuf_str(&packed), steps[s], 0, &codec, &out, &err), 0);
			assert_int_equal(codec, cases[i].codec);
			assert_true(str_eq(strbuf_str(&out), strbuf_str(&text)));
		}
	}
}

TEST(several_members_are_one_stream)
{
	for (size_t c = 1; c < ARRAY_SIZE(written); c++) {
		for (size_t step = 1; step < 64; step += 9) {
			AUTO_STRBUF packed = { 0 };
			AUTO_STRBUF out = { 0 };
			struct error err = { 0 };
			enum codec codec;

			encode(written[c], STR("one "), 100, &packed);
			encode(written[c], STR(""), 100, &packed);
			encode(written[c], STR("two"), 100, &packed);
			assert_int_equal(decode(strbuf_str(&packed), step, 0, &codec, &out, &err),
			                 0);
			assert_string_equal(strbuf_cstr(&out), "one two");
		}
	}
}

TEST(U8_bombs_stop_at_the_limit)
{
	AUTO_STRBUF zeros = { 0 };
	AUTO_STRBUF packed = { 0 };
	AUTO_STRBUF out = { 0 };
	struct error err = { 0 };
	enum codec codec;

	memset(strbuf_reserve(&zeros, 8 << 20), 0, 8 << 20);
	strbuf_added(&zeros, 8 << 20);
	encode(CODEC_GZIP, strbuf_str(&zeros), 1 << 20, &packed);
	assert_true(decode(strbuf_str(&packed), 4096, 1 << 20, &codec, &out, &err) < 0);
	assert_int_equal(err.kind, ERROR_TOO_LARGE);
	assert_in_range(out.len, 0, 1 << 20);
}

TEST(U8_zstd_windows_are_bounded)
{
	/* a frame header that asks for a window of 2^31 bytes */
	static const char frame[] = "\x28\xb5\x2f\xfd\x00\xa8\x01\x00\x00";
	AUTO_STRBUF out = { 0 };
	struct error err = { 0 };
	enum codec codec;

	assert_true(decode(str_n(frame, sizeof(frame) - 1), 100, 0, &codec, &out, &err) < 0);
	assert_int_equal(err.kind, ERROR_INVALID);
}

TEST(U12_cut_and_damaged_streams_are_refused)
{
	AUTO_STRBUF text = { 0 };

	make_text(&text);
	for (size_t c = 1; c < ARRAY_SIZE(written); c++) {
		AUTO_STRBUF packed = { 0 };
		AUTO_STRBUF out = { 0 };
		struct error err = { 0 };
		enum codec codec;

		encode(written[c], strbuf_str(&text), 1 << 20, &packed);
		assert_true(decode(str_n(packed.ptr, packed.len - 1), 4096, 0, &codec, &out, &err) <
		            0);
		assert_int_equal(err.kind, ERROR_INVALID);
		packed.ptr[packed.len - 2] ^= 1;
		assert_true(decode(strbuf_str(&packed), 4096, 0, &codec, &out, &err) < 0);
		packed.ptr[packed.len - 2] ^= 1;
		strbuf_puts(&packed, "garbage");
		assert_true(decode(strbuf_str(&packed), 4096, 0, &codec, &out, &err) < 0);
		assert_int_equal(err.kind, ERROR_INVALID);
	}
}

TEST(a_tar_that_begins_like_bzip2_is_no_bzip2)
{
	assert_int_equal(codec_detect("BZh9.txt", 8), CODEC_NONE);
	assert_int_equal(codec_detect("", 0), CODEC_NONE);
}
