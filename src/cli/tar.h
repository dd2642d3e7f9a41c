/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Just enough tar for cp and build: a directory read as an archive, and an archive written out
 * beneath a directory. What comes from a container is not trusted: names are resolved beneath the
 * target, links are made but never followed.
 */
#include "base/error.h"
#include "base/strbuf.h"

struct tar_source;

struct tar_source_options {
	const char *path;  /* file or directory on our side */
	const char *root;  /* its name in the archive: "app", or "." for the contents alone */
	bool follow_link;  /* path itself, when it is a link */
	bool keep_ids;     /* else everything is root's */
	/* Leave out? name is relative to path. A directory that is left out is still walked when
	 * walk says so. May be NULL. */
	bool (*skip)(void *ctx, const char *name, bool is_dir, bool *ret_walk);
	void *ctx;
};

struct tar_source *tar_source_new(const struct tar_source_options *o, struct error *err) MUST_USE;
void tar_source_free(struct tar_source *s);
DEFINE_CLEANUP(struct tar_source *, tar_source_free)
/* An engine_request.body_read: ctx is the struct tar_source. */
ssize_t tar_source_read(void *ctx, void *buf, size_t n);
/* What a failed read was about; kind NONE when all went well. */
const struct error *tar_source_error(const struct tar_source *s);

struct tar_extract_options {
	int dirfd;          /* where to */
	const char *rename; /* the archive's first component becomes this; NULL: is dropped */
	bool keep_ids;
};

typedef ssize_t (*tar_read_fn)(void *ctx, void *buf, size_t n);
/* Reads an archive to its end. *ret_bytes: content written. */
int tar_extract(tar_read_fn read, void *ctx, const struct tar_extract_options *o, uint64_t *ret_bytes,
		struct error *err) MUST_USE;
