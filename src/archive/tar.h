/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * tar as streams: reads ustar, PAX and GNU long names; writes the PAX form of LAYER-FACTS 4.1
 * byte for byte. Bounds: name and link 4096 bytes, PAX records 1 MiB, xattr value 64 KiB, sparse
 * files and unknown types refused. Behind the end of the archive only zeros may follow. Not locked.
 */
#include <sys/types.h>
#include <time.h>

#include "archive/codec.h"
#include "base/strmap.h"

enum { TAR_NAME_MAX = 4096, TAR_PAX_MAX = 1024 * 1024, TAR_XATTR_MAX = 65536, TAR_BLOCK = 512 };

enum tar_type {
	TAR_FILE = '0',
	TAR_HARDLINK = '1',
	TAR_SYMLINK = '2',
	TAR_CHAR = '3',
	TAR_BLOCK_DEVICE = '4',
	TAR_DIRECTORY = '5',
	TAR_FIFO = '6',
};

struct tar_xattr {
	char *name;
	void *value;
	size_t size;
};

DEFINE_VEC(tar_xattr_vec, struct tar_xattr);

struct tar_entry {
	enum tar_type type;
	char *name; /* as stored; directories may end in '/' */
	char *link;
	mode_t mode; /* permission bits only */
	uid_t uid;
	gid_t gid;
	char *uname, *gname;
	int64_t size;
	struct timespec mtime;
	unsigned major, minor;
	struct tar_xattr_vec xattrs;
};

void tar_entry_done(struct tar_entry *e);

struct tar_reader;
int tar_reader_open(struct byte_source *from, struct tar_reader **ret, struct error *err) MUST_USE;
/* 1 and *ret (borrowed until the next call), 0 at the end, -errno. Unread content is skipped. */
int tar_next(struct tar_reader *r, const struct tar_entry **ret, struct error *err) MUST_USE;
/* The current entry's content. */
ssize_t tar_read(struct tar_reader *r, void *buf, size_t n, struct error *err) MUST_USE;
/* The same without a copy: *ret is valid until the next call. */
ssize_t tar_peek(struct tar_reader *r, const void **ret, struct error *err) MUST_USE;
/* A name from an archive for a message: control bytes escaped, cut to fit. Returns buf. */
enum { TAR_QUOTE_MAX = 200 };
const char *tar_quote(const char *name, char *buf);
void tar_reader_free(struct tar_reader *r);
DEFINE_CLEANUP(struct tar_reader *, tar_reader_free)

struct tar_writer;
struct tar_writer *tar_writer_new(byte_sink_fn sink, void *ctx) MUST_USE;
int tar_write_header(struct tar_writer *w, const struct tar_entry *e, struct error *err) MUST_USE;
int tar_write_data(struct tar_writer *w, const void *data, size_t n, struct error *err) MUST_USE;
/* A regular file of data in one call: mode 0644, root, mtime 0 unless set in e. */
int tar_write_file(struct tar_writer *w, const char *name, const void *data, size_t n, int64_t mtime,
		   struct error *err) MUST_USE;
int tar_writer_finish(struct tar_writer *w, struct error *err) MUST_USE; /* two zero blocks */
void tar_writer_free(struct tar_writer *w);
DEFINE_CLEANUP(struct tar_writer *, tar_writer_free)
