/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fs.h"

#include <errno.h>

#include "base/alloc.h"
#include "unit.h"

static int scratch_dir(void)
{
	return open(unit_scratch(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

TEST(links_do_not_lead_out)
{
	AUTO_CLOSE int dir = scratch_dir();
	AUTO_CLOSE int fd = -1;

	assert_int_equal(symlinkat("/etc", dir, "out"), 0);
	assert_int_equal(symlinkat("../..", dir, "up"), 0);
	assert_int_equal(open_beneath(dir, "out/passwd", O_RDONLY, 0), -EXDEV);
	assert_int_equal(open_beneath(dir, "../x", O_RDONLY, 0), -EXDEV);
	assert_int_equal(open_beneath(dir, "up/tmp", O_RDONLY, 0), -EXDEV);
	assert_int_equal(open_in_root(dir, "out/passwd", O_RDONLY, 0), -ENOENT);
	fd = open_in_root(dir, "/up/../..", O_PATH, 0);
	assert_true(fd >= 0);
}

TEST(atomic_write_replaces_whole_files)
{
	AUTO_CLOSE int dir = scratch_dir();
	AUTO_STRBUF text = { 0 };
	struct error err = { 0 };

	assert_int_equal(write_file_atomic(dir, "state", "one", 3, 0600, &err), 0);
	assert_int_equal(write_file_atomic(dir, "state", "two", 3, 0600, &err), 0);
	assert_int_equal(read_file(dir, "state", 100, &text, &err), 0);
	assert_string_equal(text.ptr, "two");
	assert_true(read_file(dir, "state", 2, &text, &err) < 0);
	assert_int_equal(err.kind, ERROR_TOO_LARGE);
	assert_true(read_file(dir, "missing", 2, &text, &err) < 0);
	assert_int_equal(err.kind, ERROR_NOT_FOUND);
}

TEST(remove_tree_takes_links_not_their_targets)
{
	AUTO_CLOSE int dir = scratch_dir();
	struct error err = { 0 };

	assert_int_equal(mkdir_parents(dir, "t/a/b", 0700), 0);
	assert_int_equal(mkdir_parents(dir, "t/a/b", 0700), 0);
	assert_int_equal(mkdir_parents(dir, "keep", 0700), 0);
	assert_int_equal(write_file(dir, "keep/file", "x", 1, 0600, &err), 0);
	assert_int_equal(symlinkat("../../keep", dir, "t/a/link"), 0);
	assert_int_equal(remove_tree(dir, "t"), 0);
	assert_int_equal(faccessat(dir, "t", F_OK, 0), -1);
	assert_int_equal(faccessat(dir, "keep/file", F_OK, 0), 0);
	assert_int_equal(remove_tree(dir, "t"), 0);
}

TEST(safe_names)
{
	assert_true(is_safe_name("a.b_c-9"));
	assert_false(is_safe_name(""));
	assert_false(is_safe_name(".."));
	assert_false(is_safe_name("a/b"));
	assert_false(is_safe_name("-a"));
}

/* A container may make its tree as deep as it likes. */
TEST(remove_tree_needs_no_stack_for_depth)
{
	enum { DEPTH = 3000 };
	AUTO_CLOSE int dir = scratch_dir();
	AUTO_CLOSE int at = -1;

	assert_int_equal(mkdirat(dir, "deep", 0700), 0);
	at = openat(dir, "deep", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (int i = 0; i < DEPTH; i++) {
		int next;

		assert_int_equal(mkdirat(at, "d", 0700), 0);
		next = openat(at, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		assert_true(next >= 0);
		close(at);
		at = next;
	}
	assert_int_equal(remove_tree(dir, "deep"), 0);
	assert_int_equal(faccessat(dir, "deep", F_OK, 0), -1);
}

TEST(listings_are_whole_and_sorted)
{
	AUTO_FREE char *path = xasprintf("%s/listed", unit_scratch());
	AUTO_STRV names = { 0 };

	assert_int_equal(mkdir(path, 0700), 0);
	AUTO_CLOSE int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (const char *name = "cab"; *name; name++)
		assert_int_equal(mkdirat(dir, (char[]){ *name, '\0' }, 0700), 0);
	assert_int_equal(list_directory(dir, &names), 0);
	assert_int_equal(names.len, 3);
	assert_string_equal(names.ptr[0], "a");
	assert_string_equal(names.ptr[2], "c");
	assert_int_equal(list_directory(-1, &names), -EBADF);
}
