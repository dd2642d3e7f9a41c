/* SPDX-License-Identifier: Apache-2.0 */
#include "archive/confined.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "archive/tar-test.h"
#include "base/fs.h"
#include "base/process.h"
#include "unit.h"

static int make_dir(const char *name)
{
	AUTO_FREE char *path = xasprintf("%s/%s", unit_scratch(), name);
	int fd;

	signal(SIGPIPE, SIG_IGN);
	assert_int_equal(mkdir(path, 0755), 0);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(fd >= 0);
	return fd;
}

static int unpack(const struct unpack_options *o, const struct strbuf *archive,
                  struct unpack_result *ret, struct error *err)
{
	struct archive_job *job;
	int fd;

	if (unpack_start(o, &job, &fd, err) < 0)
		fail_msg("%s", err->message);
	IGNORE_RESULT(write_full(fd, archive->ptr, archive->len) < 0, "finish tells");
	close(fd);
	return unpack_finish(job, ret, err);
}

static int to_buffer(void *ctx, const void *data, size_t n, struct error *err)
{
	return strbuf_add(ctx, data, n);
}

static void compress(enum codec c, const struct strbuf *in, struct strbuf *out)
{
	CLEANUP(codec_writer_free_ptr) struct codec_writer *w = NULL;
	struct error err = { 0 };

	assert_int_equal(codec_writer_open(c, 0, to_buffer, out, &w, &err), 0);
	assert_int_equal(codec_write(w, in->ptr, in->len, &err), 0);
	assert_int_equal(codec_writer_finish(w, &err), 0);
}

static void pack(const struct pack_options *o, struct strbuf *out, struct unpack_result *ret)
{
	struct error err = { 0 };
	struct archive_job *job;
	int fd;

	if (pack_start(o, &job, &fd, &err) < 0)
		fail_msg("%s", err.message);
	assert_int_equal(read_fd(fd, SIZE_MAX, out, &err), 0);
	close(fd);
	if (pack_finish(job, ret, &err) < 0)
		fail_msg("%s", err.message);
}

static void sample(struct strbuf *a)
{
	tar_test_entry(a, '5', "d/", NULL, NULL);
	tar_test_entry(a, '0', "d/.wh.gone", NULL, NULL);
	tar_test_entry(a, '0', "d/file", NULL, "hello");
	tar_test_entry(a, '1', "d/hard", "d/file", NULL);
	tar_test_entry(a, '2', "d/sym", "file", NULL);
	tar_test_end(a);
}

TEST(layers_of_any_compression)
{
	static const enum codec codecs[] = { CODEC_NONE, CODEC_GZIP, CODEC_ZSTD };
	AUTO_STRBUF a = { 0 };
	struct digest d;

	sample(&a);
	digest_of(DIGEST_SHA256, a.ptr, a.len, &d);
	for (size_t i = 0; i < ARRAY_SIZE(codecs); i++) {
		AUTO_FREE char *name = xasprintf("codec%zu", i);
		AUTO_CLOSE int root = make_dir(name);
		struct unpack_options o = { .root_fd = root, .style = UNPACK_LAYER };
		struct unpack_result result;
		AUTO_STRBUF packed = { 0 };
		struct error err = { 0 };
		struct stat st;

		compress(codecs[i], &a, &packed);
		if (unpack(&o, &packed, &result, &err) < 0)
			fail_msg("%s", err.message);
		assert_true(digest_equal(&result.diff_id, &d));
		assert_int_equal(result.diff_size, a.len);
		assert_int_equal(result.bytes, 5);
		assert_int_equal(result.entries, 5);
		assert_int_equal(fstatat(root, "d/gone", &st, 0), 0);
		assert_true(S_ISCHR(st.st_mode) && st.st_rdev == 0);
	}
}

TEST(a_layer_packs_to_the_bytes_it_came_from)
{
	AUTO_CLOSE int root = make_dir("round");
	AUTO_CLOSE int again = make_dir("round2");
	struct unpack_options o = { .root_fd = root, .style = UNPACK_LAYER };
	struct pack_options p = { .root_fd = root, .style = PACK_LAYER, .clamp_mtime = -1 };
	struct unpack_result first, packed, second, repacked;
	AUTO_STRBUF a = { 0 };
	AUTO_STRBUF b = { 0 };
	AUTO_STRBUF c = { 0 };
	struct error err = { 0 };

	sample(&a);
	assert_int_equal(unpack(&o, &a, &first, &err), 0);
	pack(&p, &b, &packed);
	assert_int_equal(packed.diff_size, b.len);
	assert_non_null(memmem(b.ptr, b.len, "d/.wh.gone", 10));
	o.root_fd = p.root_fd = again;
	assert_int_equal(unpack(&o, &b, &second, &err), 0);
	assert_true(digest_equal(&second.diff_id, &packed.diff_id));
	pack(&p, &c, &repacked);
	assert_true(str_eq(strbuf_str(&b), strbuf_str(&c)));
}

TEST(opaque_directories_pack_as_whiteouts)
{
	AUTO_CLOSE int root = make_dir("opaque");
	AUTO_CLOSE int dir = -1;
	struct pack_options p = { .root_fd = root, .style = PACK_LAYER, .clamp_mtime = 5 };
	struct unpack_result result;
	AUTO_STRBUF out = { 0 };

	assert_int_equal(mkdirat(root, "e", 0750), 0);
	dir = openat(root, "e", O_RDONLY | O_CLOEXEC);
	assert_int_equal(fsetxattr(dir, "trusted.overlay.opaque", "y", 1, 0), 0);
	pack(&p, &out, &result);
	assert_int_equal(out.len, 4 * TAR_BLOCK);
	assert_string_equal(out.ptr, "e/");
	assert_string_equal(out.ptr + 136, "00000000005");
	assert_string_equal(out.ptr + TAR_BLOCK, "e/.wh..wh..opq");
	assert_string_equal(out.ptr + TAR_BLOCK + 100, "0000750");
	assert_string_equal(out.ptr + TAR_BLOCK + 136, "00000000000");
}

/* GNU tar's listing of what we packed. */
static void list(const struct strbuf *archive, struct strbuf *out)
{
	AUTO_FREE char *path = xasprintf("%s/list.tar", unit_scratch());
	char *argv[] = { (char *)(uintptr_t) "tar", (char *)(uintptr_t) "-tf", path, NULL };
	struct spawn_options o = { .path = "tar", .argv = argv, .stdio = { -1, -1, -1 } };
	struct error err = { 0 };

	assert_int_equal(write_file(AT_FDCWD, path, archive->ptr, archive->len, 0600, &err), 0);
	assert_int_equal(process_run(&o, SIZE_MAX, out, &err), 0);
	unlink(path);
}

TEST(names_of_packed_paths)
{
	static const struct {
		const char *path, *rename, *expected;
	} cases[] = {
		{ NULL, NULL, "a/\na/b/\na/b/f\nl\n" },
		{ "a/b", NULL, "b/\nb/f\n" },
		{ "/a/b/", "new", "new/\nnew/f\n" },
		{ "/a/b/f", NULL, "f\n" },
		{ "l", NULL, "l\n" },
		{ "l/b", NULL, "b/\nb/f\n" },
		{ "/a/b/.", ".", "./\nf\n" },

	};
	AUTO_CLOSE int root = make_dir("names");
	struct error err = { 0 };

	assert_int_equal(mkdir_parents(root, "a/b", 0755), 0);
	assert_int_equal(write_file(root, "a/b/f", "x", 1, 0644, &err), 0);
	assert_int_equal(symlinkat("/a", root, "l"), 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct pack_options p = { .root_fd = root,
			                  .path = cases[i].path,
			                  .rename_base = cases[i].rename,
			                  .style = PACK_PLAIN,
			                  .clamp_mtime = -1 };
		struct unpack_result result;
		AUTO_STRBUF out = { 0 };
		AUTO_STRBUF names = { 0 };

		pack(&p, &out, &result);
		list(&out, &names);
		assert_string_equal(strbuf_cstr(&names), cases[i].expected);
	}
}

/* The C library sorts long lists in another way, with other system calls. */
TEST(directories_with_many_files)
{
	enum { FILES = 3000 };
	AUTO_CLOSE int root = make_dir("many");
	struct pack_options p = { .root_fd = root, .style = PACK_LAYER, .clamp_mtime = -1 };
	struct unpack_result result;
	AUTO_STRBUF out = { 0 };
	struct error err = { 0 };
	char name[20];

	for (int i = 0; i < FILES; i++) {
		snprintf(name, sizeof(name), "file-%d", i);
		assert_int_equal(write_file(root, name, "x", 1, 0644, &err), 0);
	}
	pack(&p, &out, &result);
	assert_int_equal(result.entries, FILES);
}

/* Each decoder inside the filter, with what the host's compressors make. */
TEST(host_compressors_in_the_jail)
{
	static const char *const programs[] = { "gzip", "bzip2", "xz", "zstd" };
	AUTO_STRBUF a = { 0 };
	AUTO_FREE char *path = xasprintf("%s/plain.tar", unit_scratch());
	struct error err = { 0 };

	sample(&a);
	assert_int_equal(write_file(AT_FDCWD, path, a.ptr, a.len, 0600, &err), 0);
	for (size_t i = 0; i < ARRAY_SIZE(programs); i++) {
		AUTO_FREE char *name = xasprintf("host-%s", programs[i]);
		AUTO_CLOSE int root = make_dir(name);
		char *argv[] = { (char *)(uintptr_t)programs[i], (char *)(uintptr_t) "-c", path,
			         NULL };
		struct spawn_options s = { .path = programs[i],
			                   .argv = argv,
			                   .stdio = { -1, -1, -1 } };
		struct unpack_options o = { .root_fd = root, .style = UNPACK_LAYER };
		struct unpack_result result;
		AUTO_STRBUF packed = { 0 };

		if (process_run(&s, SIZE_MAX, &packed, &err) != 0) {
			print_message("# no %s here\n", programs[i]);
			continue;
		}
		if (unpack(&o, &packed, &result, &err) < 0)
			fail_msg("%s: %s", programs[i], err.message);
		assert_int_equal(result.entries, 5);
	}
}

TEST(packing_what_is_not_there)
{
	AUTO_CLOSE int root = make_dir("missing");
	struct pack_options p = {
		.root_fd = root, .path = "no/such", .style = PACK_PLAIN, .clamp_mtime = -1
	};
	struct unpack_result result;
	struct archive_job *job;
	struct error err = { 0 };
	AUTO_STRBUF out = { 0 };
	int fd;

	assert_int_equal(pack_start(&p, &job, &fd, &err), 0);
	assert_int_equal(read_fd(fd, SIZE_MAX, &out, &err), 0);
	close(fd);
	assert_true(pack_finish(job, &result, &err) < 0);
	assert_int_equal(err.kind, ERROR_NOT_FOUND);
}

TEST(U1_U2_hostile_archives_in_the_jail)
{
	AUTO_CLOSE int root = make_dir("jail");
	AUTO_CLOSE int victim = make_dir("jail-victim");
	AUTO_FREE char *absolute = xasprintf("%s/jail-victim", unit_scratch());
	struct unpack_options o = { .root_fd = root, .style = UNPACK_LAYER };
	struct unpack_result result;
	struct error err = { 0 };
	AUTO_STRBUF a = { 0 };

	tar_test_entry(&a, '2', "s", absolute, NULL);
	tar_test_entry(&a, '0', "s/x", NULL, "evil");
	tar_test_end(&a);
	IGNORE_RESULT(unpack(&o, &a, &result, &err) < 0, "contained is as good as refused");
	assert_int_equal(faccessat(victim, "x", F_OK, 0), -1);
}

TEST(U8_a_gzip_bomb_stops_at_the_limit)
{
	AUTO_CLOSE int root = make_dir("bomb");
	struct unpack_options o = {
		.root_fd = root, .style = UNPACK_LAYER, .max_bytes = 1 << 20, .max_entries = 10
	};
	struct unpack_result result;
	struct error err = { 0 };
	AUTO_STRBUF zeros = { 0 };
	AUTO_STRBUF packed = { 0 };

	/* all padding: no entry is too large, but there is no end of it */
	memset(strbuf_reserve(&zeros, 16 << 20), 0, 16 << 20);
	strbuf_added(&zeros, 16 << 20);
	compress(CODEC_GZIP, &zeros, &packed);
	assert_true(unpack(&o, &packed, &result, &err) < 0);
	assert_int_equal(err.kind, ERROR_TOO_LARGE);
}

TEST(U12_cut_archives)
{
	AUTO_CLOSE int root = make_dir("cut");
	struct unpack_options o = { .root_fd = root, .style = UNPACK_LAYER };
	struct unpack_result result;
	AUTO_STRBUF a = { 0 };
	AUTO_STRBUF packed = { 0 };
	struct error err = { 0 };

	sample(&a);
	compress(CODEC_GZIP, &a, &packed);
	strbuf_truncate(&packed, packed.len - 4);
	assert_true(unpack(&o, &packed, &result, &err) < 0);
	assert_int_equal(err.kind, ERROR_INVALID);
	assert_non_null(strstr(err.message, "cut short"));
}

TEST(a_missing_helper_is_told)
{
	AUTO_CLOSE int root = make_dir("helper");
	struct unpack_options o = { .root_fd = root };
	struct archive_job *job;
	struct error err = { 0 };
	int fd;

	archive_set_helper("/nonexistent/coracle-archive");
	assert_true(unpack_start(&o, &job, &fd, &err) < 0);
	assert_non_null(strstr(err.message, "/nonexistent/coracle-archive"));
	archive_set_helper("");
}

TEST(aborting_ends_the_child)
{
	AUTO_CLOSE int root = make_dir("abort");
	struct unpack_options o = { .root_fd = root };
	struct archive_job *job;
	struct error err = { 0 };
	int fd;

	assert_int_equal(unpack_start(&o, &job, &fd, &err), 0);
	archive_job_abort(job);
	assert_true(write_full(fd, "x", 1) < 0);
	close(fd);
}
