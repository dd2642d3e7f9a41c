/* SPDX-License-Identifier: Apache-2.0 */
#include "archive/tar.h"

#include <stdio.h>

#include "archive/tar-test.h"
#include "base/fs.h"
#include "base/process.h"
#include "unit.h"

static int to_buffer(void *ctx, const void *data, size_t n, struct error *err)
{
	return strbuf_add(ctx, data, n);
}

/* Lists an archive as "type name>link mode uid:gid size mtime;" per entry. */
static int list(const struct strbuf *archive, struct strbuf *out, struct error *err)
{
	struct memory_source from = memory_source(archive);
	CLEANUP(tar_reader_free_ptr) struct tar_reader *r = NULL;
	const struct tar_entry *e;
	int x;

	assert_int_equal(tar_reader_open(&from.base, &r, err), 0);
	while ((x = tar_next(r, &e, err)) == 1) {
		strbuf_printf(out, "%c %s>%s %o %u:%u %lld %lld", (int)e->type, e->name, e->link,
		              e->mode, e->uid, e->gid, (long long)e->size,
		              (long long)e->mtime.tv_sec);
		for (size_t i = 0; i < e->xattrs.len; i++) {
			const struct tar_xattr *a = &e->xattrs.ptr[i];

			strbuf_printf(out, " %s=%.*s", a->name, (int)a->size, (char *)a->value);
		}
		strbuf_putc(out, ';');
	}
	return x;
}

static void write_entry(struct strbuf *out, const struct tar_entry *e)
{
	CLEANUP(tar_writer_free_ptr) struct tar_writer *w = tar_writer_new(to_buffer, out);
	struct error err = { 0 };

	assert_int_equal(tar_write_header(w, e, &err), 0);
}

static const struct tar_header *block(const struct strbuf *b, size_t i)
{
	return (const struct tar_header *)(const void *)(b->ptr + i * TAR_BLOCK);
}

TEST(plain_header_bytes)
{
	AUTO_STRBUF out = { 0 };
	char name[] = "d/";
	struct tar_entry e = { .type = TAR_DIRECTORY,
		               .name = name,
		               .mode = 0755,
		               .uid = 7,
		               .gid = 010,
		               .mtime = { .tv_sec = 0x12345678, .tv_nsec = 999999999 } };
	static const char numbers[] = "0000755\0"
				      "0000007\0"
				      "0000010\0"
				      "00000000000\0"
				      "02215053170\0";

	write_entry(&out, &e);
	assert_int_equal(out.len, TAR_BLOCK);
	assert_memory_equal(out.ptr + 100, numbers, sizeof(numbers) - 1);
	assert_memory_equal(block(&out, 0)->magic, "ustar\00000", 8);
	assert_memory_equal(block(&out, 0)->major,
	                    "0000000\0"
	                    "0000000\0",
	                    16);
	assert_int_equal(block(&out, 0)->checksum[6], 0);
	assert_int_equal(block(&out, 0)->checksum[7], ' ');
}

TEST(long_names_are_split_before_pax_is_used)
{
	AUTO_STRBUF out = { 0 };
	char name[200];
	struct tar_entry e = { .type = TAR_FILE, .name = name };

	memset(name, 'a', sizeof(name));
	name[99] = '/';
	name[180] = '\0';
	write_entry(&out, &e);
	assert_int_equal(out.len, TAR_BLOCK);
	assert_int_equal(strnlen(block(&out, 0)->prefix, 155), 99);
	assert_int_equal(strnlen(block(&out, 0)->name, 100), 80);
}

TEST(pax_records_only_for_what_does_not_fit)
{
	AUTO_STRBUF out = { 0 };
	AUTO_STRBUF listed = { 0 };
	struct error err = { 0 };
	char name[] = "d/\xc3\xa9t", link[] = "";
	char xname[] = "security.capability", xvalue[] = "xx";
	struct tar_xattr x = { xname, xvalue, 2 };
	struct tar_entry e = { .type = TAR_FILE,
		               .name = name,
		               .link = link,
		               .uid = 3000000,
		               .mtime = { .tv_sec = -5 },
		               .xattrs = { &x, 1, 1 } };
	static const char records[] = "37 SCHILY.xattr.security.capability=xx\n"
				      "12 mtime=-5\n"
				      "14 path=d/\xc3\xa9t\n"
				      "15 uid=3000000\n";

	write_entry(&out, &e);
	assert_int_equal(out.len, 3 * TAR_BLOCK);
	assert_string_equal(block(&out, 0)->name, "d/PaxHeaders.0/t");
	assert_int_equal(block(&out, 0)->type, 'x');
	assert_int_equal(block(&out, 0)->major[0], 0);
	assert_string_equal(out.ptr + TAR_BLOCK + 2, records + 2);
	assert_string_equal(block(&out, 2)->name, "d/t");
	assert_string_equal(block(&out, 2)->uid, "0000000");
	tar_test_end(&out);
	assert_int_equal(list(&out, &listed, &err), 0);
	assert_string_equal(strbuf_cstr(&listed),
	                    "0 d/\xc3\xa9t> 0 3000000:0 0 -5 security.capability=xx;");
}

TEST(gnu_tar_reads_and_writes_the_same)
{
	static const char *const formats[] = { "--format=gnu", "--format=pax", "--format=ustar" };
	AUTO_FREE char *script = xasprintf(
		"cd %s && mkdir -p t/sub && printf hello >t/file && ln -f t/file t/hard && "
		"ln -sf ../x t/sub/sym && chmod 4755 t/file && chmod 755 t t/sub && touch -d @1000 t/file t/sub t",
		unit_scratch());
	struct error err = { 0 };
	char *make[] = { (char *)(uintptr_t) "sh", (char *)(uintptr_t) "-c", script, NULL };
	struct spawn_options o = { .path = "sh", .argv = make, .stdio = { -1, -1, -1 } };

	assert_int_equal(process_run(&o, 0, NULL, &err), 0);
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
		char *argv[] = { (char *)(uintptr_t) "tar",
			         (char *)(uintptr_t)formats[i],
			         (char *)(uintptr_t) "--sort=name",
			         (char *)(uintptr_t) "--owner=5:5",
			         (char *)(uintptr_t) "--group=6:6",
			         (char *)(uintptr_t) "--mtime=@1000",
			         (char *)(uintptr_t) "-C",
			         (char *)(uintptr_t)unit_scratch(),
			         (char *)(uintptr_t) "-cf-",
			         (char *)(uintptr_t) "t",
			         NULL };
		AUTO_STRBUF archive = { 0 };
		AUTO_STRBUF listed = { 0 };

		o.path = "tar";
		o.argv = argv;
		assert_int_equal(process_run(&o, SIZE_MAX, &archive, &err), 0);
		assert_int_equal(list(&archive, &listed, &err), 0);
		assert_string_equal(strbuf_cstr(&listed),
		                    "5 t/> 755 5:6 0 1000;0 t/file> 4755 5:6 5 1000;"
		                    "1 t/hard>t/file 4755 5:6 0 1000;5 t/sub/> 755 5:6 0 1000;"
		                    "2 t/sub/sym>../x 777 5:6 0 1000;");
	}
}

TEST(gnu_tar_reads_what_we_write)
{
	AUTO_STRBUF archive = { 0 };
	AUTO_STRBUF listed = { 0 };
	CLEANUP(tar_writer_free_ptr) struct tar_writer *w = tar_writer_new(to_buffer, &archive);
	AUTO_FREE char *path = xasprintf("%s/ours.tar", unit_scratch());
	char *argv[] = { (char *)(uintptr_t) "tar", (char *)(uintptr_t) "-tf", path, NULL };
	struct spawn_options o = { .path = "tar", .argv = argv, .stdio = { -1, -1, -1 } };
	struct error err = { 0 };
	char name[301];

	memset(name, 'n', 300);
	name[300] = '\0';
	assert_int_equal(tar_write_file(w, "a", "hello", 5, 1, &err), 0);
	assert_int_equal(tar_write_file(w, name, "", 0, 1, &err), 0);
	assert_int_equal(tar_write_file(w, "b", name, 300, 1, &err), 0);
	assert_int_equal(tar_writer_finish(w, &err), 0);
	assert_int_equal(write_file(AT_FDCWD, path, archive.ptr, archive.len, 0600, &err), 0);
	assert_int_equal(process_run(&o, SIZE_MAX, &listed, &err), 0);
	assert_memory_equal(listed.ptr, "a\nnnn", 5);
	assert_int_equal(listed.len, 2 + 301 + 2);
}

TEST(content_is_read_and_skipped)
{
	AUTO_STRBUF archive = { 0 };
	struct memory_source from;
	CLEANUP(tar_reader_free_ptr) struct tar_reader *r = NULL;
	const struct tar_entry *e;
	struct error err = { 0 };
	char buf[100];

	tar_test_entry(&archive, '0', "skipped", NULL, "0123456789");
	tar_test_entry(&archive, '0', "read", NULL, "abcdef");
	tar_test_end(&archive);
	from = memory_source(&archive);
	assert_int_equal(tar_reader_open(&from.base, &r, &err), 0);
	assert_int_equal(tar_next(r, &e, &err), 1);
	assert_int_equal(tar_read(r, buf, 4, &err), 4);
	assert_memory_equal(buf, "0123", 4);
	assert_int_equal(tar_next(r, &e, &err), 1);
	assert_int_equal(tar_read(r, buf, 100, &err), 6);
	assert_memory_equal(buf, "abcdef", 6);
	assert_int_equal(tar_read(r, buf, 100, &err), 0);
	assert_int_equal(tar_next(r, &e, &err), 0);
	assert_int_equal(tar_next(r, &e, &err), 0);
}

static void assert_refused(const struct strbuf *archive)
{
	AUTO_STRBUF out = { 0 };
	struct error err = { 0 };

	assert_true(list(archive, &out, &err) < 0);
	assert_int_equal(err.kind, ERROR_INVALID);
}

static void assert_forged_refused(struct tar_header h)
{
	AUTO_STRBUF archive = { 0 };

	tar_test_block(&archive, &h);
	tar_test_end(&archive);
	assert_refused(&archive);
}

#define FORGE(member, bytes)                                                                       \
	do {                                                                                       \
		struct tar_header h_ = tar_test_header('3', "x", NULL, 0);                         \
		memcpy(&h_.member, "" bytes, sizeof(h_.member));                                   \
		assert_forged_refused(h_);                                                         \
	} while (0)

TEST(U10_numbers_out_of_range)
{
	FORGE(size, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff");
	FORGE(size, "\x80\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff");
	FORGE(size, "\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff");
	FORGE(size, "0000000009\0");
	FORGE(size, "-0000000001");
	FORGE(uid, "\x80\0\0\x01\0\0\0\0");       /* 2^32 */
	FORGE(uid, "\x80\0\0\0\xff\xff\xff\xff"); /* -1 to chown */
	FORGE(gid, "\x80\0\0\x01\0\0\0\0");
	FORGE(gid, "\xff\xff\xff\xff\xff\xff\xff\xff");
	FORGE(mode, "\xff\xff\xff\xff\xff\xff\xff\xff");
	FORGE(major, "0010000");
	FORGE(major, "\xff\xff\xff\xff\xff\xff\xff\xff");
	FORGE(minor, "4000000");
	FORGE(type, "S");
	FORGE(type, "Z");
	FORGE(type, "V");
}

TEST(U10_pax_ids_out_of_range)
{
	static const char *const keys[] = { "uid", "gid" };
	static const char *const values[] = { "4294967296", "4294967295", "-1",
		                              "99999999999999999999", "1x" };

	for (size_t k = 0; k < ARRAY_SIZE(keys); k++)
		for (size_t v = 0; v < ARRAY_SIZE(values); v++) {
			AUTO_STRBUF archive = { 0 };

			tar_test_pax(&archive, keys[k], values[v], strlen(values[v]));
			tar_test_entry(&archive, '0', "x", NULL, NULL);
			tar_test_end(&archive);
			assert_refused(&archive);
		}
}

TEST(U10_bad_checksum)
{
	AUTO_STRBUF archive = { 0 };

	tar_test_entry(&archive, '0', "x", NULL, NULL);
	archive.ptr[0] = 'y';
	tar_test_end(&archive);
	assert_refused(&archive);
}

TEST(U9_header_memory_is_bounded)
{
	AUTO_STRBUF longname = { 0 };
	AUTO_STRBUF pax = { 0 };
	AUTO_STRBUF sparse = { 0 };
	AUTO_STRBUF chain = { 0 };
	struct tar_header h = tar_test_header('L', "././@LongLink", NULL, 64 << 20);

	tar_test_block(&longname, &h);
	assert_refused(&longname);
	h = tar_test_header('x', "x", NULL, 3 << 20);
	tar_test_block(&pax, &h);
	assert_refused(&pax);
	tar_test_pax(&sparse, "GNU.sparse.numblocks", "9999999999", 10);
	tar_test_entry(&sparse, '0', "x", NULL, NULL);
	tar_test_end(&sparse);
	assert_refused(&sparse);
	for (int i = 0; i < 100; i++)
		tar_test_pax(&chain, "comment", "x", 1);
	tar_test_entry(&chain, '0', "x", NULL, NULL);
	tar_test_end(&chain);
	assert_refused(&chain);
}

TEST(U9_attributes_are_bounded)
{
	AUTO_STRBUF big = { 0 };
	AUTO_STRBUF many = { 0 };
	AUTO_FREE char *value = xcalloc(1, TAR_XATTR_MAX + 1);

	tar_test_pax(&big, "SCHILY.xattr.user.x", value, TAR_XATTR_MAX + 1);
	tar_test_entry(&big, '0', "x", NULL, NULL);
	assert_refused(&big);
	tar_test_pax(&many, "SCHILY.xattr.user.x", "1", 1);
	tar_test_pax(&many, "SCHILY.xattr.user.x", "2", 1);
	tar_test_entry(&many, '0', "x", NULL, NULL);
	assert_refused(&many);
}

TEST(names_are_checked)
{
	AUTO_STRBUF nul = { 0 };
	AUTO_STRBUF empty = { 0 };
	AUTO_STRBUF nowhere = { 0 };
	AUTO_STRBUF bad_record = { 0 };
	struct tar_header h = tar_test_header('x', "x", NULL, 13);

	tar_test_pax(&nul, "path", "a\0b", 3);
	tar_test_entry(&nul, '0', "x", NULL, NULL);
	assert_refused(&nul);
	tar_test_entry(&empty, '0', "", NULL, NULL);
	assert_refused(&empty);
	tar_test_entry(&nowhere, '2', "x", NULL, NULL);
	assert_refused(&nowhere);
	tar_test_block(&bad_record, &h);
	tar_test_body(&bad_record, "99999 path=x\n", 13);
	assert_refused(&bad_record);
}

TEST(U12_cut_archives_and_trailing_garbage)
{
	AUTO_STRBUF cut = { 0 };
	AUTO_STRBUF garbage = { 0 };
	AUTO_STRBUF two = { 0 };
	AUTO_STRBUF padded = { 0 };
	AUTO_STRBUF out = { 0 };
	struct error err = { 0 };
	struct tar_header h = tar_test_header('0', "x", NULL, 1000);

	tar_test_block(&cut, &h);
	strbuf_puts(&cut, "short");
	assert_refused(&cut);
	tar_test_entry(&garbage, '0', "x", NULL, "y");
	tar_test_end(&garbage);
	strbuf_puts(&garbage, "more");
	assert_refused(&garbage);
	tar_test_entry(&two, '0', "x", NULL, "y");
	tar_test_end(&two);
	tar_test_entry(&two, '0', "z", NULL, "y");
	tar_test_end(&two);
	assert_refused(&two);
	tar_test_entry(&padded, '0', "x", NULL, "y");
	for (int i = 0; i < 10; i++)
		tar_test_end(&padded);
	assert_int_equal(list(&padded, &out, &err), 0);
}

TEST(global_headers_change_nothing)
{
	AUTO_STRBUF archive = { 0 };
	AUTO_STRBUF out = { 0 };
	struct error err = { 0 };
	struct tar_header h = tar_test_header('g', "pax_global_header", NULL, 13);

	tar_test_block(&archive, &h);
	tar_test_body(&archive, "13 path=evil\n", 13);
	tar_test_entry(&archive, '0', "x", NULL, NULL);
	tar_test_end(&archive);
	assert_int_equal(list(&archive, &out, &err), 0);
	assert_string_equal(strbuf_cstr(&out), "0 x> 644 0:0 0 1000;");
}

TEST(U13_names_in_messages_are_escaped)
{
	char buf[TAR_QUOTE_MAX];
	char name[1000];

	assert_string_equal(tar_quote("a\nb\033[31m\\", buf), "a\\x0ab\\x1b[31m\\x5c");
	memset(name, '\n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_in_range(strlen(tar_quote(name, buf)), 100, TAR_QUOTE_MAX - 1);
}
