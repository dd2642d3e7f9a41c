/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Unpacking and packing by somebody without rights: a child (the private program
 * coracle-archive) that is in its directory as its root, with no network, capabilities down to
 * what ownership needs, a seccomp filter and limits. The parent feeds or drains a pipe and hears
 * the result. Any thread.
 */
#include "oci/digest.h"

struct archive_job;

enum unpack_style {
	UNPACK_LAYER, /* whiteouts become overlayfs' (char 0:0, trusted.overlay.opaque) */
	UNPACK_PLAIN, /* `docker cp`, ADD: whiteouts are just names; existing files are replaced */
};

struct unpack_options {
	int root_fd;              /* becomes the child's "/"; borrowed */
	const char *subdirectory; /* inside it, resolved in the root; NULL = "/" */
	enum unpack_style style;
	int64_t max_bytes;   /* of unpacked data; 0: 64 GiB */
	int64_t max_entries; /* 0: 4 million */
	bool no_overwrite_dir_non_dir; /* refuse to replace a directory by a file and vice versa */
	bool copy_uid_gid;             /* PLAIN: owner from the archive (else root) */
	uid_t chown_uid;               /* PLAIN without copy_uid_gid */
	gid_t chown_gid;
};

struct unpack_result {
	struct digest diff_id; /* sha256 of the uncompressed archive, whole input read to its end */
	int64_t diff_size;     /* bytes of the uncompressed archive */
	int64_t bytes;         /* file content */
	int64_t entries;
};

/* Where coracle-archive is: beside the running program, or ../libexec/coracle, or set by tests. */
void archive_set_helper(const char *path);

/* Starts the child. The (possibly compressed) archive is written to *ret_fd, which the caller
 * closes at its end (a closed reader gives EPIPE: then finish tells why). */
int unpack_start(const struct unpack_options *o, struct archive_job **ret, int *ret_fd, struct error *err) MUST_USE;
/* Or reads it from in_fd itself (borrowed). */
int unpack_start_from(const struct unpack_options *o, int in_fd, struct archive_job **ret, struct error *err) MUST_USE;
/* Waits; always frees the job. A hostile archive is ERROR_INVALID, a full disk NO_SPACE. */
int unpack_finish(struct archive_job *job, struct unpack_result *ret, struct error *err) MUST_USE;
/* Kills and frees. */
void archive_job_abort(struct archive_job *job);

enum pack_style {
	PACK_LAYER, /* an overlay upper directory as a layer: char 0:0 -> .wh., opaque -> .wh..wh..opq */
	PACK_PLAIN, /* all entries as they are */
};

struct pack_options {
	int root_fd;
	const char *path; /* inside it; NULL = all of it */
	const char *rename_base; /* PLAIN: name of the top entry instead of path's last part (cp), or NULL */
	enum pack_style style;
	int64_t clamp_mtime; /* seconds; later times become this; -1 = none */
};

/* The uncompressed tar comes from *ret_fd (the caller's), in sorted order; then finish, whose result has diff_id and
 * sizes. */
int pack_start(const struct pack_options *o, struct archive_job **ret, int *ret_fd, struct error *err) MUST_USE;
/* Or goes to out_fd (borrowed): a file, /dev/null, the input of an unpacking. */
int pack_start_to(const struct pack_options *o, int out_fd, struct archive_job **ret, struct error *err) MUST_USE;
int pack_finish(struct archive_job *job, struct unpack_result *ret, struct error *err) MUST_USE;
