/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tree of Docker's registry (2.x and 3.x) becomes ours: its blobs by links, what its link files
 * say as rows. Nothing there is changed. What can't be read there, as after a crash of that
 * registry (empty link files), is named and left out.
 *
 *	blobs/sha256/ab/<hex>/data
 *	repositories/<name>/_layers/sha256/<hex>/link
 *	repositories/<name>/_manifests/revisions/sha256/<hex>/link
 *	repositories/<name>/_manifests/tags/<tag>/current/link
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/time.h"
#include "oci/manifest.h"
#include "registry/registry-internal.h"

enum { ADOPT_DEPTH_MAX = 64, LINK_MAX = 256 };

struct adoption {
	struct registry *registry;
	int root; /* .../docker/registry/v2 */
	bool verify;
	struct registry_adopted *sum;
};

/* Called for each entry of a directory below root; a missing directory has none. */
typedef int (*entry_fn)(struct adoption *a, const char *repo, const char *path, const char *name,
                        struct error *err);

static int for_each(struct adoption *a, const char *repo, const char *path, entry_fn fn,
                    struct error *err)
{
	int fd = open_beneath(a->root, path, O_RDONLY | O_DIRECTORY, 0), r = 0;
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (!dir) {
		if (fd >= 0)
			close(fd);
		return fd == -ENOENT
		               ? 0
		               : error_set_errno(err, fd < 0 ? -fd : errno, "cannot read %s", path);
	}
	for (struct dirent *e; r >= 0 && (e = readdir(dir));)
		if (e->d_name[0] != '.')
			r = fn(a, repo, path, e->d_name, err);
	closedir(dir);
	return r < 0 ? r : 0;
}

/* One object that is not as it should be: said, counted, left out. */
static int skip(struct adoption *a, const char *what, struct error *err)
{
	log_warning("left out %s: %s", what, err->message);
	a->sum->skipped++;
	error_clear(err);
	return 0;
}

static void data_path(const struct digest *d, char *buf, size_t n)
{
	char hex[DIGEST_TEXT_MAX];

	digest_hex(d, hex);
	snprintf(buf, n, "blobs/%s/%.2s/%s/data", digest_algorithm_name(d->algorithm), hex, hex);
}

/* The digest in a link file. */
static int read_link(struct adoption *a, const char *path, struct digest *ret, struct error *err)
{
	AUTO_CLOSE int fd = open_beneath(a->root, path, O_RDONLY | O_NOFOLLOW, 0);
	AUTO_STRBUF text = { 0 };

	if (fd < 0)
		return error_set_errno(err, -fd, "cannot open it");
	if (read_fd(fd, LINK_MAX, &text, err) < 0)
		return error_errno(err);
	if (digest_parse(str_trim(strbuf_str(&text)), ret) < 0)
		return error_set(err, ERROR_INVALID, "it holds no digest");
	return 0;
}

static int adopt_blob(struct adoption *a, const char *repo, const struct digest *d,
                      struct error *err)
{
	char path[LINK_MAX], text[DIGEST_TEXT_MAX];
	int64_t size, now = time_now();

	data_path(d, path, sizeof(path));
	if (content_adopt(a->registry->store, d, a->root, path, a->verify, &size, err) < 0)
		return error_errno(err);
	a->sum->blobs++;
	return metadata_blob_add(a->registry->metadata, repo, digest_format(d, text), size,
	                         now + a->registry->config->lease_ns, NULL, now, err);
}

static int layer(struct adoption *a, const char *repo, const char *path, const char *name,
                 struct error *err)
{
	AUTO_FREE char *link = xasprintf("%s/%s/link", path, name);
	struct digest d;

	if (read_link(a, link, &d, err) < 0 || adopt_blob(a, repo, &d, err) < 0)
		return skip(a, link, err);
	return 0;
}

static int adopt_manifest(struct adoption *a, const char *repo, const struct digest *d,
                          const char *tag, struct error *err)
{
	AUTO_STRBUF body = { 0 };
	char path[LINK_MAX], text[DIGEST_TEXT_MAX];
	struct digest got;
	AUTO_CLOSE int fd = -1;

	data_path(d, path, sizeof(path));
	fd = open_beneath(a->root, path, O_RDONLY | O_NOFOLLOW, 0);
	if (fd < 0)
		return error_set_errno(err, -fd, "cannot open %s", path);
	if (read_fd(fd, MANIFEST_SIZE_MAX, &body, err) < 0)
		return error_errno(err);
	digest_of(d->algorithm, strbuf_cstr(&body), body.len, &got);
	if (!digest_equal(&got, d))
		return error_set(err, ERROR_INVALID,
		                 "the manifest's bytes are not those of its digest");
	return manifest_store(a->registry, repo, digest_format(d, text), strbuf_str(&body), tag,
	                      err);
}

static int revision(struct adoption *a, const char *repo, const char *path, const char *name,
                    struct error *err)
{
	AUTO_FREE char *link = xasprintf("%s/%s/link", path, name);
	struct digest d;

	if (read_link(a, link, &d, err) < 0 || adopt_manifest(a, repo, &d, NULL, err) < 0)
		return skip(a, link, err);
	a->sum->manifests++;
	return 0;
}

static int tag(struct adoption *a, const char *repo, const char *path, const char *name,
               struct error *err)
{
	AUTO_FREE char *link = xasprintf("%s/%s/current/link", path, name);
	struct digest d;
	int r = 0;

	if (!reference_is_tag(str_from(name)))
		r = error_set(err, ERROR_INVALID, "\"%s\" is no tag", name);
	if (r < 0 || read_link(a, link, &d, err) < 0 || adopt_manifest(a, repo, &d, name, err) < 0)
		return skip(a, link, err);
	a->sum->tags++;
	return 0;
}

static int adopt_repository(struct adoption *a, const char *repo, struct error *err)
{
	static const struct {
		const char *below;
		entry_fn fn;
	} parts[] = {
		{ "_layers/sha256", layer },
		{ "_layers/sha512", layer },
		{ "_manifests/revisions/sha256", revision },
		{ "_manifests/revisions/sha512", revision },
		{ "_manifests/tags", tag },
	};

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		AUTO_FREE char *path = xasprintf("repositories/%s/%s", repo, parts[i].below);

		if (for_each(a, repo, path, parts[i].fn, err) < 0)
			return error_errno(err);
	}
	a->sum->repositories++;
	return 0;
}

/* A directory with _layers or _manifests is a repository; others (and it too) may hold more. */
static int walk(struct adoption *a, const char *repo, const char *path, const char *name,
                struct error *err)
{
	AUTO_FREE char *inner = *repo ? xasprintf("%s/%s", repo, name) : xstrdup(name);
	AUTO_FREE char *below = xasprintf("%s/%s", path, name);
	struct str rest = str_from(inner), piece;
	unsigned depth = 0;

	if (streq(name, "_manifests") || streq(name, "_layers")) {
		/* the two of a repository are handled at once, by the one that is always there */
		if (streq(name, "_layers") && reference_is_path(str_from(repo)))
			return adopt_repository(a, repo, err);
		return 0;
	}
	while (str_cut(&rest, '/', &piece))
		depth++;
	if (name[0] == '_' || depth > ADOPT_DEPTH_MAX)
		return 0;
	return for_each(a, inner, below, walk, err);
}

int registry_adopt(struct registry *r, const char *directory, bool verify,
                   struct registry_adopted *ret, struct error *err)
{
	AUTO_FREE char *path = xasprintf("%s/docker/registry/v2", directory);
	AUTO_CLOSE int root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct adoption a = { .registry = r, .root = root, .verify = verify, .sum = ret };

	*ret = (struct registry_adopted){ 0 };
	if (root < 0)
		return error_set_errno(err, errno, "there is no tree of Docker's registry in %s",
		                       directory);
	return for_each(&a, "", "repositories", walk, err);
}
