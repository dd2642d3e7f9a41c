/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever the archive: what lies beside the directory that it is unpacked into stays as it is. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "archive/tar-test.h"
#include "archive/unpack.h"
#include "base/fs.h"

static char top_path[] = "/tmp/coracle-fuzz-XXXXXX";
static int top = -1;

static void remove_top(void)
{
	IGNORE_RESULT(remove_tree(AT_FDCWD, top_path) < 0, "a leftover in /tmp");
}

static void make_top(void)
{
	struct error err = { 0 };

	if (top >= 0)
		return;
	assert(mkdtemp(top_path));
	atexit(remove_top);
	top = open(top_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert(top >= 0 && mkdirat(top, "victim", 0755) == 0);
	assert(write_file(top, "victim/hello", "victim", 6, 0600, &err) == 0);
}

static void check_contained(void)
{
	AUTO_STRBUF text = { 0 };
	struct error err = { 0 };
	struct stat st;

	assert(fstatat(top, "victim/hello", &st, AT_SYMLINK_NOFOLLOW) == 0);
	assert(st.st_mode == (S_IFREG | 0600) && st.st_nlink == 1 && st.st_uid == geteuid());
	assert(fstatat(top, "victim", &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       st.st_mode == (S_IFDIR | 0755));
	assert(fstatat(top, ".", &st, 0) == 0 && st.st_nlink == 4);
	assert(read_file(top, "victim/hello", 100, &text, &err) == 0 && streq(text.ptr, "victim"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct archive_request spec = { .max_bytes = 1 << 20, .max_entries = 100 };
	AUTO_STRBUF archive = { 0 };
	AUTO_CLOSE int root = -1;
	struct unpack_result result = { 0 };
	struct memory_source from;
	struct error err = { 0 };

	make_top();
	spec.unpack_style = size & 1 ? UNPACK_PLAIN : UNPACK_LAYER;
	strbuf_add(&archive, data, size);
	tar_test_fix_checksums(&archive);
	from = memory_source(&archive);
	assert(mkdirat(top, "root", 0755) == 0);
	root = openat(top, "root", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	IGNORE_RESULT(unpack_run(root, &spec, &from.base, &result, &err) < 0, "most are refused");
	check_contained();
	assert(remove_tree(top, "root") == 0);
	return 0;
}
