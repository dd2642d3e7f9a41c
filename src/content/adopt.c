/* SPDX-License-Identifier: Apache-2.0 */
/* Files of another store as blobs of ours: linked, not copied. */
#include <errno.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/fs.h"
#include "content/store-internal.h"

enum { ADOPT_BUFFER = 1024 * 1024 };

/* Reads the whole file into fn's two users: the hash, and (i not NULL) a copy. */
static int read_through(int fd, struct digester *hash, struct content_ingest *i, struct error *err)
{
	AUTO_FREE char *buf = xmalloc(ADOPT_BUFFER);
	ssize_t n;

	while ((n = read_full(fd, buf, ADOPT_BUFFER)) > 0) {
		if (hash)
			digester_add(hash, buf, (size_t)n);
		if (i && content_ingest_write(i, buf, (size_t)n, err) < 0)
			return error_errno(err);
	}
	return n < 0 ? error_set_errno(err, (int)-n, "cannot read the file") : 0;
}

static int check(int fd, const struct digest *d, struct error *err)
{
	struct digester hash;
	struct digest got;
	char text[DIGEST_TEXT_MAX];

	digester_init(&hash, d->algorithm);
	if (read_through(fd, &hash, NULL, err) < 0)
		return error_errno(err);
	digester_finish(&hash, &got);
	if (!digest_equal(&got, d))
		return error_set(err, ERROR_INVALID, "the content's digest is %s",
		                 digest_format(&got, text));
	return 0;
}

static int copy(struct content_store *s, int fd, const struct digest *d, struct error *err)
{
	struct content_ingest *i = NULL;
	int r = content_ingest_begin(s, d->algorithm, &i, err);

	if (r == 0 && lseek(fd, 0, SEEK_SET) < 0)
		r = error_set_errno(err, errno, "cannot rewind the file");
	if (r == 0)
		r = read_through(fd, NULL, i, err);
	if (r == 0)
		return content_ingest_commit(i, d, -1, NULL, err);
	content_ingest_abort(i);
	return r;
}

/* 0 done, 1 only a copy is possible. */
static int link_in(struct content_store *s, int dirfd, const char *path, const struct digest *d,
                   int64_t size, struct error *err)
{
	char target[CONTENT_PATH_MAX], dir[CONTENT_PATH_MAX];
	int64_t generation = 0;
	int r;

	random_bytes(&generation, 5);
	content_path(d, generation, target);
	snprintf(dir, sizeof(dir), "%.*s", (int)(strrchr(target, '/') - target), target);
	r = mkdir_parents(s->dirfd, dir, 0700);
	if (r < 0)
		return error_set_errno(err, -r, "cannot make directory %s", dir);
	if (linkat(dirfd, path, s->dirfd, target, 0) < 0)
		return errno == EXDEV || errno == EPERM || errno == EMLINK
		               ? 1
		               : error_set_errno(err, errno, "cannot link %s", path);
	r = fsync_dir(s->dirfd, dir);
	r = r < 0 ? error_set_errno(err, -r, "cannot sync %s", dir)
	          : content_record(s, d, size, generation, true, err);
	if (r <= 0)
		unlinkat(s->dirfd, target, 0);
	return r < 0 ? r : 0;
}

int content_adopt(struct content_store *s, const struct digest *d, int dirfd, const char *path,
                  bool verify, int64_t *ret_size, struct error *err)
{
	AUTO_CLOSE int fd = open_beneath(dirfd, path, O_RDONLY | O_NOFOLLOW, 0);
	struct stat st = { 0 };
	int r;

	if (fd < 0 || fstat(fd, &st) < 0)
		return error_set_errno(err, fd < 0 ? -fd : errno, "cannot open %s", path);
	if (!S_ISREG(st.st_mode))
		return error_set(err, ERROR_INVALID, "%s is no regular file", path);
	if (verify && check(fd, d, err) < 0)
		return error_prefix(err, "%s", path);
	*ret_size = st.st_size;
	r = content_stat(s, d, NULL, err);
	if (r != 0)
		return r < 0 ? r : 0;
	if (fdatasync(fd) < 0)
		return error_set_errno(err, errno, "cannot sync %s", path);
	r = link_in(s, dirfd, path, d, st.st_size, err);
	return r == 1 ? copy(s, fd, d, err) : r;
}
