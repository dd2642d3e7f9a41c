/* SPDX-License-Identifier: Apache-2.0 */
/* An archive from a container may be anything: what is written stays beneath the target. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "cli/tar.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static ssize_t read_input(void *ctx, void *buf, size_t n)
{
	struct str *left = ctx;

	n = MIN(n, left->len);
	memcpy(buf, left->ptr, n);
	*left = str_n(left->ptr + n, left->len - n);
	return (ssize_t)n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char outer[] = "/tmp/fuzz-cli-tar-XXXXXX";
	struct str input = str_n((const char *)data, size);
	struct tar_extract_options o = { .rename = "x" };
	struct error err = { 0 };
	uint64_t bytes;

	if (size > 64 * 1024 || !mkdtemp(outer))
		return 0;
	AUTO_CLOSE int dir = open(outer, O_DIRECTORY | O_CLOEXEC);
	if (dir < 0 || mkdirat(dir, "in", 0700) < 0)
		abort();
	AUTO_CLOSE int in = openat(dir, "in", O_DIRECTORY | O_CLOEXEC);
	o.dirfd = in;
	IGNORE_RESULT(tar_extract(read_input, &input, &o, &bytes, &err) < 0,
	              "an error is an answer");
	if (unlinkat(dir, "x", 0) == 0)
		abort(); /* it got out */
	IGNORE_RESULT(remove_tree(AT_FDCWD, outer) < 0, "a leftover in /tmp");
	return 0;
}
