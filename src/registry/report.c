/* SPDX-License-Identifier: Apache-2.0 */
/* gc --explain, why, du and scrub: answers for people, on standard output. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/fs.h"
#include "base/time.h"
#include "registry/registry-internal.h"

enum { SCRUB_BUFFER = 1024 * 1024, SCRUB_BATCH = 500 };

struct totals {
	int64_t count, bytes;
};

static void print_doomed(void *ctx, const char *kind, const char *repo, const char *digest,
                         int64_t size, const char *why)
{
	struct totals *t = ctx;

	printf("%-8s %12" PRId64 "  %s  %s (%s)\n", kind, size, digest, repo, why);
	t->count++;
	t->bytes += size;
}

int registry_explain(struct registry *r, struct error *err)
{
	int64_t now = time_now();
	struct totals t = { 0 };
	int ret = metadata_explain(r->metadata,
	                           r->config->untagged_ns > 0 ? now - r->config->untagged_ns : 0,
	                           now - r->config->undelete_ns, now, print_doomed, &t, err);

	if (ret < 0)
		return ret;
	printf("%" PRId64 " objects would go, %" PRId64 " bytes come back\n", t.count, t.bytes);
	return 0;
}

static void print_keeper(void *ctx, const char *kind, const char *repo, const char *what,
                         int64_t size, const char *why)
{
	(*(int64_t *)ctx)++;
	if (streq(kind, "lease"))
		printf("lease     %s: until %s UTC\n", repo, why);
	else if (streq(kind, "tag"))
		printf("tag       %s:%s\n", repo, what);
	else
		printf("%-9s %s@%s%s%s%s\n", kind, repo, what, why ? " (" : "", why ? why : "",
		       why ? ")" : "");
}

int registry_why(struct registry *r, const char *digest, struct error *err)
{
	int64_t keepers = 0;
	struct digest d;

	if (digest_parse_error(digest, &d, err) < 0 ||
	    metadata_why(r->metadata, digest, print_keeper, &keepers, err) < 0)
		return error_errno(err);
	if (keepers == 0)
		puts("nothing keeps it: it is not here, or the next collection takes it");
	return 0;
}

static void print_usage(void *ctx, const char *repo, int64_t tags, int64_t bytes, int64_t unique)
{
	printf("%14" PRId64 " %14" PRId64 " %6" PRId64 "  %s\n", bytes, unique, tags, repo);
}

int registry_usage(struct registry *r, struct error *err)
{
	struct content_collected sum;

	if (content_usage(r->store, &sum, err) < 0)
		return error_errno(err);
	printf("%14s %14s %6s  %s\n", "BYTES", "UNIQUE", "TAGS", "REPOSITORY");
	if (metadata_usage(r->metadata, print_usage, NULL, err) < 0)
		return error_errno(err);
	printf("%14" PRId64 "  in %" PRId64 " blobs, each stored once\n", sum.bytes, sum.blobs);
	return 0;
}

/* --- scrub --- */

/* 1 whole, 0 damaged (copied aside as far as it can be read). */
static int check_blob(struct registry *r, const struct digest *want, struct error *err)
{
	AUTO_CLOSE int fd = content_open_blob(r->store, want, NULL, err);
	AUTO_FREE char *buf = xmalloc(SCRUB_BUFFER);
	struct digester running;
	struct digest got;
	ssize_t n;

	if (fd < 0)
		return err->kind == ERROR_NOT_FOUND ? 0 : fd;
	digester_init(&running, want->algorithm);
	while ((n = read_full(fd, buf, SCRUB_BUFFER)) > 0)
		digester_add(&running, buf, (size_t)n);
	if (n < 0)
		return 0;
	digester_finish(&running, &got);
	return digest_equal(&got, want);
}

/* A copy for whoever wants to find out what happened. */
static void quarantine(struct registry *r, const struct digest *d, const char *text)
{
	AUTO_FREE char *dir = xasprintf("%s/quarantine", r->config->root);
	AUTO_STRBUF data = { 0 };
	struct error err = { 0 };
	char hex[DIGEST_TEXT_MAX];
	AUTO_CLOSE int to = open_or_make_dir(AT_FDCWD, dir, 0700, &err);

	if (to < 0 || content_read(r->store, d, SCRUB_BUFFER * 64, &data, &err) < 0 ||
	    write_file_atomic(to, digest_hex(d, hex), data.ptr, data.len, 0600, &err) < 0)
		fprintf(stderr, "no copy of %s is kept: %s\n", text, err.message);
}

static int scrub_one(struct registry *r, const char *text, struct totals *damaged,
                     struct error *err)
{
	struct digest d;
	int n, whole;

	if (digest_parse_error(text, &d, err) < 0)
		return error_errno(err);
	whole = check_blob(r, &d, err);
	if (whole != 0)
		return whole < 0 ? whole : 0;
	error_clear(err);
	quarantine(r, &d, text);
	n = metadata_blob_lost(r->metadata, text, err);
	if (n < 0 || content_lease(r->store, &d, 0, err) < 0)
		return error_errno(err);
	printf("damaged: %s (%d repositories no longer show it: push it again)\n", text, n);
	damaged->count++;
	return 0;
}

int registry_scrub(struct registry *r, struct error *err)
{
	AUTO_FREE char *last = xstrdup("");
	struct totals damaged = { 0 }, all = { 0 };
	struct content_collected sum = { 0 };

	for (;;) {
		AUTO_STRV batch = { 0 };

		if (metadata_blobs(r->metadata, last, SCRUB_BATCH, &batch, err) < 0)
			return error_errno(err);
		for (size_t i = 0; i < batch.len; i++, all.count++)
			if (scrub_one(r, batch.ptr[i], &damaged, err) < 0)
				return error_errno(err);
		if (batch.len < SCRUB_BATCH)
			break;
		free(last);
		last = xstrdup(batch.ptr[batch.len - 1]);
	}
	/* their files go, so that a new push is written anew */
	while (damaged.count > 0 &&
	       content_collect(r->store, time_now(), SCRUB_BATCH, &sum, err) > 0)
		continue;
	printf("%" PRId64 " blobs read, %" PRId64 " damaged\n", all.count, damaged.count);
	return damaged.count > 0;
}
