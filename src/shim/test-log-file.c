/* SPDX-License-Identifier: Apache-2.0 */
#include "shim/log-file.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fs.h"
#include "unit.h"

static char *contents(const char *path)
{
	AUTO_STRBUF out = { 0 };
	struct error err = { 0 };

	assert_int_equal(read_file(AT_FDCWD, path, 8 << 20, &out, &err), 0);
	return strbuf_steal(&out);
}

TEST(records)
{
	AUTO_STRBUF out = { 0 };

	log_record_encode(&out, 2, STR("a\"\\\t\x01<\xff\xc3\xa9\n"), 1700000000123000000);
	assert_string_equal(
		out.ptr,
		"{\"log\":\"a\\\"\\\\\\t\\u0001\\u003c\\ufffd\xc3\xa9\\n\",\"stream\":\"stderr\","
		"\"time\":\"2023-11-14T22:13:20.123Z\"}\n");
}

TEST(lines_and_parts)
{
	AUTO_FREE char *path = xasprintf("%s/lines", unit_scratch());
	AUTO_FREE char *big = xmalloc(40000);
	struct error err = { 0 };
	struct log_file *l;

	assert_int_equal(log_file_open(path, 0, 1, &l, &err), 0);
	log_file_add(l, 1, "ab", 2, 1);
	log_file_add(l, 2, "err\n", 4, 1);
	log_file_add(l, 1, "c\nd", 3, 1);
	memset(big, 'x', 40000);
	big[39999] = '\n';
	log_file_add(l, 2, big, 40000, 1);
	log_file_close(l, 1);

	AUTO_FREE char *text = contents(path);
	assert_non_null(strstr(text, "{\"log\":\"abc\\n\",\"stream\":\"stdout\""));
	assert_non_null(strstr(text, "{\"log\":\"d\",\"stream\":\"stdout\""));
	struct str rest = str_from(text), line;
	unsigned records = 0;
	while (str_cut(&rest, '\n', &line))
		records += line.len > 0;
	assert_int_equal(records,
	                 3 + 3); /* 40000 bytes: 16 KiB, 16 KiB, and the rest with the newline */
}

TEST(rotation)
{
	AUTO_FREE char *path = xasprintf("%s/rotated", unit_scratch());
	AUTO_FREE char *second = xasprintf("%s.1", path);
	AUTO_FREE char *third = xasprintf("%s.2", path);
	AUTO_FREE char *fourth = xasprintf("%s.3", path);
	struct error err = { 0 };
	struct log_file *l;

	assert_int_equal(log_file_open(path, 200, 3, &l, &err), 0);
	for (int i = 0; i < 20; i++) {
		char text[16];

		snprintf(text, sizeof(text), "line %d\n", i);
		log_file_add(l, 1, text, strlen(text), 1);
		log_file_flush(l);
	}
	log_file_close(l, 1);
	assert_int_equal(access(path, F_OK), 0);
	assert_int_equal(access(second, F_OK), 0);
	assert_int_equal(access(third, F_OK), 0);
	assert_int_equal(access(fourth, F_OK), -1);
	AUTO_FREE char *text = contents(path);
	assert_non_null(strstr(text, "line 19"));
}
