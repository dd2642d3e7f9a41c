/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdio.h>
#include <sys/sysmacros.h>

#include "base/alloc.h"
#include "base/fs.h"
#include "cli/tar-format.h"
#include "cli/tar.h"

struct tar_source {
	struct tar_source_options o;
	char *root;    /* owned */
	size_t n_path; /* of o.path, to cut it off */
	FTS *fts;
	struct strbuf pending; /* headers and padding to hand out */
	size_t at;             /* of pending */
	int fd;                /* file being read, or -1 */
	uint64_t left;         /* of that file */
	unsigned padding;
	bool ended;
	char *file; /* owned: its path, for messages */
	struct error error;
};

struct tar_source *tar_source_new(const struct tar_source_options *o, struct error *err)
{
	char *paths[] = { (char *)(uintptr_t)o->path, NULL };
	struct tar_source *s;
	struct stat st;

	if (lstat(o->path, &st) < 0) {
		error_set_errno(err, errno, "lstat %s", o->path);
		return NULL;
	}
	s = NEW(struct tar_source);
	s->o = *o;
	s->root = xstrdup(o->root);
	s->n_path = strlen(o->path);
	s->fd = -1;
	s->fts = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR | (o->follow_link ? FTS_COMFOLLOW : 0),
	                  NULL);
	if (s->fts)
		return s;
	error_set_errno(err, errno, "cannot read %s", o->path);
	tar_source_free(s);
	return NULL;
}

void tar_source_free(struct tar_source *s)
{
	if (!s)
		return;
	if (s->fts)
		fts_close(s->fts);
	if (s->fd >= 0)
		close(s->fd);
	strbuf_done(&s->pending);
	free(s->root);
	free(s->file);
	free(s);
}

const struct error *tar_source_error(const struct tar_source *s)
{
	return &s->error;
}

static void pax_record(struct strbuf *out, const char *key, const char *value)
{
	size_t bare = strlen(key) + strlen(value) + 3, n = bare + 1;

	while (n < bare + (size_t)snprintf(NULL, 0, "%zu", n))
		n++;
	strbuf_printf(out, "%zu %s=%s\n", n, key, value);
}

static void octal(char *field, size_t n, uint64_t v)
{
	field[n - 1] = '\0';
	for (size_t i = n - 1; i-- > 0; v >>= 3)
		field[i] = (char)('0' + (v & 7));
}

static void finish_header(struct tar_header *h, struct strbuf *out)
{
	unsigned sum = 0;

	memcpy(h->magic, "ustar", 6);
	memcpy(h->version, "00", 2);
	memset(h->checksum, ' ', sizeof(h->checksum));
	for (size_t i = 0; i < sizeof(*h); i++)
		sum += ((unsigned char *)h)[i];
	snprintf(h->checksum, sizeof(h->checksum), "%06o", sum);
	strbuf_add(out, h, sizeof(*h));
}

static void pad(struct strbuf *out)
{
	static const char zeros[TAR_BLOCK];

	strbuf_add(out, zeros, (TAR_BLOCK - out->len % TAR_BLOCK) % TAR_BLOCK);
}

/* A pax header for what does not fit the old fields. */
static void add_pax(const char *name, const char *link, uint64_t size, struct strbuf *out)
{
	AUTO_STRBUF records = { 0 };
	struct tar_header h = { 0 };
	char text[32];

	if (strlen(name) >= sizeof(h.name))
		pax_record(&records, "path", name);
	if (link && strlen(link) >= sizeof(h.link))
		pax_record(&records, "linkpath", link);
	if (size >= UINT64_C(1) << 33) {
		snprintf(text, sizeof(text), "%llu", (unsigned long long)size);
		pax_record(&records, "size", text);
	}
	if (!records.len)
		return;
	snprintf(h.name, sizeof(h.name), "PaxHeaders/%.80s", name);
	octal(h.mode, sizeof(h.mode), 0644);
	octal(h.size, sizeof(h.size), records.len);
	h.type = 'x';
	finish_header(&h, out);
	strbuf_add(out, records.ptr, records.len);
	pad(out);
}

static char type_of(const struct stat *st)
{
	switch (st->st_mode & S_IFMT) {
	case S_IFDIR:
		return '5';
	case S_IFLNK:
		return '2';
	case S_IFCHR:
		return '3';
	case S_IFBLK:
		return '4';
	case S_IFIFO:
		return '6';
	default:
		return '0';
	}
}

static void add_header(struct tar_source *s, const char *name, const char *link,
                       const struct stat *st)
{
	uint64_t size = S_ISREG(st->st_mode) ? (uint64_t)st->st_size : 0;
	struct tar_header h = { .type = type_of(st) };

	add_pax(name, link, size, &s->pending);
	snprintf(h.name, sizeof(h.name), "%s", name);
	if (link)
		snprintf(h.link, sizeof(h.link), "%s", link);
	octal(h.mode, sizeof(h.mode), st->st_mode & 07777);
	octal(h.uid, sizeof(h.uid), s->o.keep_ids ? st->st_uid & 07777777 : 0);
	octal(h.gid, sizeof(h.gid), s->o.keep_ids ? st->st_gid & 07777777 : 0);
	octal(h.size, sizeof(h.size), size < UINT64_C(1) << 33 ? size : 0);
	octal(h.mtime, sizeof(h.mtime), st->st_mtime > 0 ? (uint64_t)st->st_mtime : 0);
	if (h.type == '3' || h.type == '4') {
		octal(h.major, sizeof(h.major), major(st->st_rdev));
		octal(h.minor, sizeof(h.minor), minor(st->st_rdev));
	}
	finish_header(&h, &s->pending);
}

static int fail(struct tar_source *s, int errnum, const char *path)
{
	error_set_errno(&s->error, errnum, "cannot read %s", path);
	return -errnum;
}

static int open_file(struct tar_source *s, const FTSENT *e, struct stat *st)
{
	s->fd = open(e->fts_accpath, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (s->fd < 0 && errno == ELOOP && s->o.follow_link)
		s->fd = open(e->fts_accpath, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (s->fd < 0 || fstat(s->fd, st) < 0)
		return fail(s, errno, e->fts_path);
	free(s->file);
	s->file = xstrdup(e->fts_path);
	s->left = (uint64_t)st->st_size;
	s->padding = (unsigned)((TAR_BLOCK - st->st_size % TAR_BLOCK) % TAR_BLOCK);
	return 0;
}

static int add_entry(struct tar_source *s, const FTSENT *e)
{
	const char *relative = e->fts_path + s->n_path;
	struct stat st = *e->fts_statp;
	AUTO_STRBUF name = { 0 };
	char link[4096];
	ssize_t n = 0;

	while (*relative == '/')
		relative++;
	if (!*relative)
		strbuf_puts(&name, s->root);
	else if (streq(s->root, "."))
		strbuf_puts(&name, relative);
	else
		strbuf_printf(&name, "%s/%s", s->root, relative);
	if (S_ISDIR(st.st_mode))
		strbuf_putc(&name, '/');
	if (S_ISLNK(st.st_mode)) {
		n = readlink(e->fts_accpath, link, sizeof(link) - 1);
		if (n < 0)
			return fail(s, errno, e->fts_path);
		link[n] = '\0';
	}
	if (S_ISREG(st.st_mode) && open_file(s, e, &st) < 0)
		return -EIO;
	if (!S_ISSOCK(st.st_mode))
		add_header(s, strbuf_cstr(&name), n ? link : NULL, &st);
	return 0;
}

static bool is_skipped(struct tar_source *s, FTSENT *e)
{
	const char *relative = e->fts_path + s->n_path;
	bool is_dir = e->fts_info == FTS_D, walk = false;

	while (*relative == '/')
		relative++;
	if (!*relative || !s->o.skip || !s->o.skip(s->o.ctx, relative, is_dir, &walk))
		return false;
	if (is_dir && !walk)
		fts_set(s->fts, e, FTS_SKIP);
	return true;
}

/* Steps to the next entry: its header goes to pending. */
static int advance(struct tar_source *s)
{
	static const char end[2 * TAR_BLOCK];
	FTSENT *e;

	for (;;) {
		errno = 0;
		e = fts_read(s->fts);
		if (!e) {
			s->ended = true;
			strbuf_add(&s->pending, end, sizeof(end));
			return errno ? fail(s, errno, s->o.path) : 0;
		}
		if (e->fts_info == FTS_DP || is_skipped(s, e))
			continue;
		if (e->fts_info == FTS_ERR || e->fts_info == FTS_DNR || e->fts_info == FTS_NS)
			return fail(s, e->fts_errno, e->fts_path);
		return add_entry(s, e) < 0 ? -EIO : 0;
	}
}

static ssize_t read_content(struct tar_source *s, void *buf, size_t n)
{
	static const char zeros[TAR_BLOCK];
	ssize_t r = 0;

	if (s->left) {
		r = read(s->fd, buf, MIN(n, s->left));
		if (r <= 0) {
			/* the header promised this many bytes */
			error_set(&s->error, ERROR_INTERNAL, "%s became shorter while it was read",
			          s->file);
			return -EIO;
		}
		s->left -= (uint64_t)r;
	}
	if (!s->left) {
		close(s->fd);
		s->fd = -1;
		strbuf_add(&s->pending, zeros, s->padding);
	}
	return r;
}

ssize_t tar_source_read(void *ctx, void *buf, size_t n)
{
	struct tar_source *s = ctx;
	ssize_t r;

	for (;;) {
		if (s->at < s->pending.len) {
			n = MIN(n, s->pending.len - s->at);
			memcpy(buf, s->pending.ptr + s->at, n);
			s->at += n;
			return (ssize_t)n;
		}
		strbuf_clear(&s->pending);
		s->at = 0;
		if (s->fd >= 0) {
			r = read_content(s, buf, n);
			if (r)
				return r;
			continue;
		}
		if (s->ended)
			return 0;
		if (advance(s) < 0)
			return -EIO;
	}
}
