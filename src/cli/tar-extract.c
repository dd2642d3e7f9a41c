/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/fs.h"
#include "cli/tar-format.h"
#include "cli/tar.h"

enum { RECORDS_MAX = 1024 * 1024 };

struct reader {
	tar_read_fn read;
	void *ctx;
	const struct tar_extract_options *o;
	struct error *err;
	uint64_t bytes;
	char *long_name, *long_link; /* owned: of the next entry */
	bool has_size;
	uint64_t long_size;
};

struct entry {
	char *name, *link; /* owned */
	char type;
	uint64_t size;
	mode_t mode;
	uid_t uid;
	gid_t gid;
	int64_t mtime;
};

static void entry_done(struct entry *e)
{
	free(e->name);
	free(e->link);
}

/* All n bytes; 0 at a clean end before the first. */
static int read_all(struct reader *r, void *buf, size_t n)
{
	size_t got = 0;

	while (got < n) {
		ssize_t k = r->read(r->ctx, (char *)buf + got, n - got);

		if (k < 0)
			return error_set(
				r->err, ERROR_UNAVAILABLE,
				"the connection to the engine was cut before the end of the archive");
		if (k == 0 && got == 0)
			return 0;
		if (k == 0)
			return error_set(r->err, ERROR_INVALID,
			                 "the archive ends in the middle of an entry");
		got += (size_t)k;
	}
	return 1;
}

/* Octal, or base 256 when the first bit is set. */
static uint64_t number(const char *field, size_t n)
{
	uint64_t v = 0;

	if ((unsigned char)field[0] & 0x80) {
		for (size_t i = n > 8 ? n - 8 : 1; i < n; i++)
			v = v << 8 | (unsigned char)field[i];
		return v;
	}
	for (size_t i = 0; i < n && field[i]; i++)
		if (field[i] >= '0' && field[i] <= '7')
			v = v << 3 | (uint64_t)(field[i] - '0');
	return v;
}

static int skip(struct reader *r, uint64_t n)
{
	char buf[8192];

	while (n > 0) {
		size_t part = MIN(n, sizeof(buf));
		int k = read_all(r, buf, part);

		if (k <= 0)
			return k < 0 ? k
			             : error_set(r->err, ERROR_INVALID, "the archive is cut short");
		n -= part;
	}
	return 0;
}

static uint64_t padded(uint64_t n)
{
	return (n + TAR_BLOCK - 1) / TAR_BLOCK * TAR_BLOCK;
}

static void take_record(struct reader *r, struct str key, struct str value)
{
	char **to = str_eq_c(key, "path")       ? &r->long_name
	            : str_eq_c(key, "linkpath") ? &r->long_link
	                                        : NULL;

	if (to) {
		free(*to);
		*to = xstrndup(value.ptr, value.len);
	} else if (str_eq_c(key, "size")) {
		r->has_size = parse_u64_str(value, 10, &r->long_size) == 0;
	}
}

static int pax_records(struct reader *r, struct str s)
{
	while (s.len) {
		struct str rest = s, digits, key;
		uint64_t n;

		if (!str_cut(&rest, ' ', &digits) || parse_u64_str(digits, 10, &n) < 0 ||
		    n > s.len || n <= digits.len + 1)
			return error_set(r->err, ERROR_INVALID,
			                 "the archive has a bad extended header");
		rest.len = n - digits.len - 2; /* without the newline */
		if (str_cut(&rest, '=', &key) && rest.ptr)
			take_record(r, key, rest);
		s = str_n(s.ptr + n, s.len - n);
	}
	return 0;
}

/* Headers about the next entry: x, and GNU's L and K. */
static int read_extension(struct reader *r, char type, uint64_t size)
{
	AUTO_FREE char *text = NULL;

	if (size > RECORDS_MAX)
		return error_set(r->err, ERROR_INVALID,
		                 "the archive has an extended header of %llu bytes",
		                 (unsigned long long)size);
	text = xcalloc(1, padded(size) + 1);
	if (size && read_all(r, text, padded(size)) <= 0)
		return r->err->kind ? error_errno(r->err)
		                    : error_set(r->err, ERROR_INVALID, "the archive is cut short");
	if (type == 'x')
		return pax_records(r, str_n(text, size));
	text[size] = '\0';
	take_record(r, type == 'L' ? STR("path") : STR("linkpath"), str_from(text));
	return 0;
}

static char *join_name(const struct tar_header *h)
{
	if (h->prefix[0] && !memcmp(h->magic, "ustar", 6))
		return xasprintf("%.155s/%.100s", h->prefix, h->name);
	return xasprintf("%.100s", h->name);
}

/* The next real entry: 1, 0 at the end. */
static int next_entry(struct reader *r, struct entry *e)
{
	struct tar_header h;
	int k;

	for (;;) {
		k = read_all(r, &h, sizeof(h));
		if (k <= 0 || !h.name[0])
			return k < 0 ? k : 0;
		if (h.type == 'x' || h.type == 'L' || h.type == 'K') {
			if (read_extension(r, h.type, number(h.size, sizeof(h.size))) < 0)
				return error_errno(r->err);
			continue;
		}
		if (h.type != 'g')
			break;
		if (skip(r, padded(number(h.size, sizeof(h.size)))) < 0)
			return error_errno(r->err);
	}
	*e = (struct entry){ .type = h.type ? h.type : '0',
		             .size = r->has_size ? r->long_size : number(h.size, sizeof(h.size)),
		             .mode = (mode_t)number(h.mode, sizeof(h.mode)) & 07777,
		             .uid = (uid_t)number(h.uid, sizeof(h.uid)),
		             .gid = (gid_t)number(h.gid, sizeof(h.gid)),
		             .mtime = (int64_t)number(h.mtime, sizeof(h.mtime)) };
	e->name = r->long_name ? TAKE_PTR(r->long_name) : join_name(&h);
	e->link = r->long_link ? TAKE_PTR(r->long_link) : xasprintf("%.100s", h.link);
	r->has_size = false;
	return 1;
}

/* The archive's first component replaced by o->rename, or dropped; NULL for nothing left. */
static char *target_name(const struct reader *r, const char *name)
{
	/* "./x" and "/x" have "." and the root as their first */
	name += strcspn(name, "/");
	while (*name == '/')
		name++;
	if (!r->o->rename)
		return *name ? xstrdup(name) : NULL;
	return *name ? xasprintf("%s/%s", r->o->rename, name) : xstrdup(r->o->rename);
}

/* Opens the directory that name is in, beneath the target, through no link. */
static int open_parent(struct reader *r, char *name, const char **ret_last)
{
	char *slash;
	size_t n = strlen(name);
	int fd;

	while (n > 0 && name[n - 1] == '/')
		name[--n] = '\0';
	slash = strrchr(name, '/');
	*ret_last = slash ? slash + 1 : name;
	if (!slash)
		return fcntl(r->o->dirfd, F_DUPFD_CLOEXEC, 3);
	*slash = '\0';
	fd = open_beneath(r->o->dirfd, name, O_DIRECTORY | O_PATH | O_NOFOLLOW, 0);
	*slash = '/';
	if (fd < 0)
		return error_set_errno(r->err, -fd, "cannot write %s", name);
	return fd;
}

static int write_file_entry(struct reader *r, int dir, const char *last, const struct entry *e)
{
	static char buf[256 * 1024];
	AUTO_CLOSE int fd = -1;
	uint64_t left = e->size;

	if (unlinkat(dir, last, 0) < 0 && errno != ENOENT)
		return error_set_errno(r->err, errno, "cannot replace %s", e->name);
	fd = openat(dir, last, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return error_set_errno(r->err, errno, "cannot write %s", e->name);
	while (left > 0) {
		size_t part = MIN(left, sizeof(buf));
		int k = read_all(r, buf, part);

		if (k <= 0)
			return k < 0 ? k
			             : error_set(r->err, ERROR_INVALID, "the archive is cut short");
		k = write_full(fd, buf, part);
		if (k < 0)
			return error_set_errno(r->err, -k, "cannot write %s", e->name);
		left -= part;
	}
	r->bytes += e->size;
	if (fchmod(fd, e->mode) < 0 || (r->o->keep_ids && fchown(fd, e->uid, e->gid) < 0))
		return error_set_errno(r->err, errno, "cannot set the mode or owner of %s",
		                       e->name);
	return skip(r, padded(e->size) - e->size);
}

static int make_link(struct reader *r, int dir, const char *last, const struct entry *e)
{
	AUTO_FREE char *from = NULL;

	unlinkat(dir, last, 0);
	if (e->type == '2')
		return symlinkat(e->link, dir, last) < 0
		               ? error_set_errno(r->err, errno, "cannot make the link %s", e->name)
		               : 0;
	from = target_name(r, e->link);
	if (!from)
		return error_set(r->err, ERROR_INVALID, "%s is a hard link to nothing", e->name);
	AUTO_CLOSE int source = open_beneath(r->o->dirfd, from, O_PATH | O_NOFOLLOW, 0);
	char self[64];

	if (source < 0)
		return error_set_errno(r->err, -source, "cannot link %s", e->name);
	snprintf(self, sizeof(self), "/proc/self/fd/%d", source);
	if (linkat(AT_FDCWD, self, dir, last, AT_SYMLINK_FOLLOW) < 0)
		return error_set_errno(r->err, errno, "cannot link %s", e->name);
	return 0;
}

static int make_directory(struct reader *r, int dir, const char *last, const struct entry *e)
{
	struct stat st;

	if (mkdirat(dir, last, 0700) < 0 &&
	    (errno != EEXIST || fstatat(dir, last, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
	     !S_ISDIR(st.st_mode)))
		return error_set_errno(r->err, errno ? errno : EEXIST,
		                       "cannot make the directory %s", e->name);
	if (fchmodat(dir, last, e->mode | 0700, 0) < 0 ||
	    (r->o->keep_ids && fchownat(dir, last, e->uid, e->gid, AT_SYMLINK_NOFOLLOW) < 0))
		return error_set_errno(r->err, errno, "cannot set the mode or owner of %s",
		                       e->name);
	return 0;
}

static int extract_entry(struct reader *r, struct entry *e)
{
	AUTO_FREE char *name = target_name(r, e->name);
	AUTO_CLOSE int dir = -1;
	const char *last;

	if (!name)
		return e->type == '5' ? 0 : skip(r, padded(e->size));
	dir = open_parent(r, name, &last);
	if (dir < 0)
		return -EIO;
	if (!*last || streq(last, ".") || streq(last, ".."))
		return error_set(r->err, ERROR_INVALID, "the archive has an entry named %s",
		                 e->name);
	switch (e->type) {
	case '0':
	case '7':
		return write_file_entry(r, dir, last, e);
	case '5':
		return make_directory(r, dir, last, e);
	case '1':
	case '2':
		return make_link(r, dir, last, e);
	default: /* devices and pipes are no files to copy out */
		return skip(r, padded(e->size));
	}
}

int tar_extract(tar_read_fn read, void *ctx, const struct tar_extract_options *o,
                uint64_t *ret_bytes, struct error *err)
{
	struct reader r = { .read = read, .ctx = ctx, .o = o, .err = err };
	int k, rc = 0;

	for (;;) {
		CLEANUP(entry_done) struct entry e = { 0 };

		k = next_entry(&r, &e);
		if (k <= 0) {
			rc = k;
			break;
		}
		rc = extract_entry(&r, &e);
		if (rc < 0)
			break;
	}
	free(r.long_name);
	free(r.long_link);
	*ret_bytes = r.bytes;
	return rc;
}
