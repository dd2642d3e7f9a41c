/* SPDX-License-Identifier: Apache-2.0 */
/* An archive that reads must write and read back to the same entries. */
#include <assert.h>
#include <string.h>

#include "archive/tar-test.h"

static int to_buffer(void *ctx, const void *data, size_t n, struct error *err)
{
	return strbuf_add(ctx, data, n);
}

static int copy(const char *data, size_t n, struct strbuf *out)
{
	struct memory_source from = { { memory_read }, data, n };
	CLEANUP(tar_writer_free_ptr) struct tar_writer *w = tar_writer_new(to_buffer, out);
	CLEANUP(tar_reader_free_ptr) struct tar_reader *r = NULL;
	const struct tar_entry *e;
	struct error err = { 0 };
	char buf[1000];
	ssize_t got;
	int x;

	assert(tar_reader_open(&from.base, &r, &err) == 0);
	while ((x = tar_next(r, &e, &err)) == 1) {
		if (tar_write_header(w, e, &err) < 0)
			return -1; /* attributes of several headers need not fit one */
		while ((got = tar_read(r, buf, sizeof(buf), &err)) > 0)
			assert(tar_write_data(w, buf, (size_t)got, &err) == 0);
		if (got < 0)
			return -1;
	}
	if (x == 0)
		assert(tar_writer_finish(w, &err) == 0);
	return x;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_STRBUF once = { 0 };
	AUTO_STRBUF twice = { 0 };

	AUTO_STRBUF archive = { 0 };

	strbuf_add(&archive, data, size);
	tar_test_fix_checksums(&archive);
	if (copy(strbuf_cstr(&archive), archive.len, &once) < 0)
		return 0;
	assert(copy(strbuf_cstr(&once), once.len, &twice) == 0);
	assert(str_eq(strbuf_str(&once), strbuf_str(&twice)));
	return 0;
}
