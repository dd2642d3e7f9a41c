/* SPDX-License-Identifier: Apache-2.0 */
#include "http/chunked.h"

#include <errno.h>

#include "base/strbuf.h"

#include "unit.h"

/* Decodes text given in pieces: 1 complete, 0 incomplete, -EBADMSG. */
static int decode(const char *text, size_t piece, struct strbuf *out, size_t *ret_used)
{
	struct http_chunked c = { 0 };
	size_t n = strlen(text), i = 0;

	while (i < n && c.state != HTTP_CHUNK_END) {
		size_t part = MIN(piece, n - i), used = 0;

		if (c.state == HTTP_CHUNK_DATA) {
			used = (size_t)MIN((uint64_t)part, c.remaining);
			strbuf_add(out, text + i, used);
			http_chunked_took(&c, used);
		} else if (http_chunked_frame(&c, text + i, part, &used) < 0) {
			return -EBADMSG;
		}
		i += used;
	}
	*ret_used = i;
	return c.state == HTTP_CHUNK_END;
}

TEST(good_bodies_in_pieces_of_any_size)
{
	static const char *const good[] = {
		"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n",
		"00b\r\nhello world\r\n000\r\n\r\n",
		"B;name=\"value\"\r\nhello world\r\n0;last\r\nX-Sum: 1\r\nY:\r\n\r\n",
	};

	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		for (size_t piece = 1; piece < 30; piece++) {
			AUTO_STRBUF out = { 0 };
			size_t used;

			assert_int_equal(decode(good[i], piece, &out, &used), 1);
			assert_string_equal(strbuf_cstr(&out), "hello world");
			assert_int_equal(used, strlen(good[i]));
		}
}

TEST(bad_framing)
{
	static const char *const bad[] = {
		"\r\n",       "x\r\n",    "-1\r\n",      "+1\r\n",
		" 1\r\n",     "1 \r\n",   "0x1\r\n",     "1\n",
		"1\r\nab",    "1\r\na\n", "1\r\na\r\r",  "1000000000000000\r\n",
		"1;\x01\r\n", "0\r\n\n",  "0\r\nA: b\n", "0\r\n\rX",
		"1;a\nb",
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		AUTO_STRBUF out = { 0 };
		size_t used;

		if (decode(bad[i], 64, &out, &used) != -EBADMSG)
			fail_msg("accepted: %s", bad[i]);
	}
}

TEST(extensions_and_trailers_are_bounded)
{
	static const char *const starts[] = { "1;", "0\r\nX: " };

	for (size_t i = 0; i < ARRAY_SIZE(starts); i++) {
		AUTO_STRBUF text = { 0 };
		AUTO_STRBUF out = { 0 };
		size_t used;

		strbuf_puts(&text, starts[i]);
		for (int k = 0; k < HTTP_CHUNK_TRAILER_MAX + 1; k++)
			strbuf_putc(&text, 'a');
		assert_int_equal(decode(strbuf_cstr(&text), 100, &out, &used), -EBADMSG);
	}
}
