/* SPDX-License-Identifier: Apache-2.0 */
#include "archive/pack.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "base/alloc.h"
#include "base/fs.h"
#include "base/map.h"
#include "base/strbuf.h"

enum { PACK_BUFFER = 256 * 1024, PACK_DEPTH_MAX = 2000, CAPABILITY_MAX = 64 };

struct packer {
	const struct archive_request *spec; /* borrowed */
	struct tar_writer *tar;             /* owned */
	int fd;                             /* borrowed */
	uint8_t *out;                       /* owned, PACK_BUFFER bytes */
	size_t out_len;
	uint8_t *in; /* owned, PACK_BUFFER bytes */
	struct digester digester;
	struct map *links;  /* "dev:ino" -> the first name it was packed under (owned) */
	struct strbuf name; /* of the current entry, as it is packed */
	struct unpack_result *result;
	int depth;
};

static int flush(struct packer *p, struct error *err)
{
	int r;

	digester_add(&p->digester, p->out, p->out_len);
	p->result->diff_size += (int64_t)p->out_len;
	r = write_full(p->fd, p->out, p->out_len);
	p->out_len = 0;
	return r < 0 ? error_set_errno(err, -r, "cannot write the archive") : 0;
}

static int sink(void *ctx, const void *data, size_t n, struct error *err)
{
	struct packer *p = ctx;
	const uint8_t *from = data;

	while (n > 0) {
		size_t part = MIN(n, PACK_BUFFER - p->out_len);

		memcpy(p->out + p->out_len, from, part);
		p->out_len += part;
		from += part;
		n -= part;
		if (p->out_len == PACK_BUFFER) {
			int r = flush(p, err);

			if (r < 0)
				return r;
		}
	}
	return 0;
}

static int failed(const struct packer *p, int errnum, const char *doing, struct error *err)
{
	char quoted[TAR_QUOTE_MAX];

	return error_set_errno(err, errnum, "cannot %s \"%s\"", doing,
	                       tar_quote(strbuf_cstr(&p->name), quoted));
}

static void fill_entry(const struct packer *p, const struct stat *st, struct tar_entry *e)
{
	e->name = p->name.ptr;
	e->mode = st->st_mode & 07777;
	e->uid = st->st_uid;
	e->gid = st->st_gid;
	e->mtime.tv_sec = st->st_mtim.tv_sec;
	if (p->spec->clamp_mtime >= 0 && e->mtime.tv_sec > p->spec->clamp_mtime)
		e->mtime.tv_sec = p->spec->clamp_mtime;
}

static int write_header(struct packer *p, const struct tar_entry *e, struct error *err)
{
	p->result->entries++;
	p->result->bytes += e->size;
	return tar_write_header(p->tar, e, err);
}

/* 1 when the inode has been packed before: then the entry is a link to its first name. */
static int pack_link(struct packer *p, const struct stat *st, struct tar_entry *e,
                     struct error *err)
{
	char key[64], *first;
	int r;

	if (st->st_nlink < 2)
		return 0;
	snprintf(key, sizeof(key), "%llx:%llx", (unsigned long long)st->st_dev,
	         (unsigned long long)st->st_ino);
	first = map_get(p->links, key);
	if (!first) {
		map_set(p->links, key, xstrdup(p->name.ptr));
		return 0;
	}
	e->type = TAR_HARDLINK;
	e->link = first;
	r = write_header(p, e, err);
	return r < 0 ? r : 1;
}

/* Revision 3 names the user namespace that it was set in: outside of it, that is revision 2. */
static size_t read_capability(int fd, uint8_t *value)
{
	ssize_t n = fgetxattr(fd, "security.capability", value, CAPABILITY_MAX);

	if (n <= 0)
		return 0;
	if (n == 24 && value[3] == 3) {
		value[3] = 2;
		n = 20;
	}
	return (size_t)n;
}

static int pack_content(struct packer *p, int fd, int64_t size, struct error *err)
{
	while (size > 0) {
		size_t want = (size_t)MIN(size, (int64_t)PACK_BUFFER);
		ssize_t n = read_full(fd, p->in, want);
		int r;

		if (n < 0)
			return failed(p, (int)-n, "read", err);
		/* it shrank under us: the header is out, so the rest is zeros */
		memset(p->in + n, 0, want - (size_t)n);
		r = tar_write_data(p->tar, p->in, want, err);
		if (r < 0)
			return r;
		size -= (int64_t)want;
	}
	return 0;
}

static int pack_file(struct packer *p, int dir, const char *name, struct error *err)
{
	AUTO_CLOSE int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	char xname[] = "security.capability";
	uint8_t capability[CAPABILITY_MAX];
	struct tar_xattr x = { .name = xname, .value = capability };
	struct tar_entry e = { .type = TAR_FILE };
	struct stat st;
	int r;

	if (fd < 0)
		return errno == ENOENT ? 0 : failed(p, errno, "open", err);
	if (fstat(fd, &st) < 0)
		return failed(p, errno, "look at", err);
	if (!S_ISREG(st.st_mode))
		return 0; /* replaced meanwhile */
	fill_entry(p, &st, &e);
	r = pack_link(p, &st, &e, err);
	if (r != 0)
		return r < 0 ? r : 0;
	e.size = st.st_size;
	x.size = read_capability(fd, capability);
	if (x.size > 0)
		e.xattrs = (struct tar_xattr_vec){ &x, 1, 1 };
	r = write_header(p, &e, err);
	return r < 0 ? r : pack_content(p, fd, e.size, err);
}

static int pack_symlink(struct packer *p, int dir, const char *name, const struct stat *st,
                        struct error *err)
{
	struct tar_entry e = { .type = TAR_SYMLINK };
	char target[TAR_NAME_MAX + 1];
	ssize_t n = readlinkat(dir, name, target, sizeof(target) - 1);
	int r;

	if (n < 0)
		return errno == ENOENT ? 0 : failed(p, errno, "read link", err);
	target[n] = '\0';
	fill_entry(p, st, &e);
	r = pack_link(p, st, &e, err);
	if (r != 0)
		return r < 0 ? r : 0;
	e.link = target;
	return write_header(p, &e, err);
}

/* The name that hides what is below: ".wh." before the last part. */
static int pack_whiteout(struct packer *p, const struct stat *st, struct error *err)
{
	const char *slash = strrchr(p->name.ptr, '/');
	int dir = slash ? (int)(slash + 1 - p->name.ptr) : 0;
	AUTO_FREE char *name = xasprintf("%.*s.wh.%s", dir, p->name.ptr, p->name.ptr + dir);
	struct tar_entry e = { .type = TAR_FILE };

	fill_entry(p, st, &e);
	e.name = name;
	e.mode = 0600;
	return write_header(p, &e, err);
}

static int pack_device(struct packer *p, const struct stat *st, struct error *err)
{
	struct tar_entry e = { 0 };
	int r;

	if (S_ISSOCK(st->st_mode))
		return 0; /* means nothing without the process behind it */
	if (p->spec->pack_style == PACK_LAYER && S_ISCHR(st->st_mode) &&
	    st->st_rdev == makedev(0, 0))
		return pack_whiteout(p, st, err);
	fill_entry(p, st, &e);
	r = pack_link(p, st, &e, err);
	if (r != 0)
		return r < 0 ? r : 0;
	if (S_ISFIFO(st->st_mode)) {
		e.type = TAR_FIFO;
	} else {
		e.type = S_ISCHR(st->st_mode) ? TAR_CHAR : TAR_BLOCK_DEVICE;
		e.major = major(st->st_rdev);
		e.minor = minor(st->st_rdev);
	}
	return write_header(p, &e, err);
}

static int pack_named(struct packer *p, int dir, const char *name, struct error *err);

static int pack_children(struct packer *p, int fd, struct error *err)
{
	AUTO_STRV names = { 0 };
	size_t len = p->name.len;
	int r = list_directory(fd, &names);

	if (r < 0)
		return failed(p, -r, "list", err);
	if (++p->depth > PACK_DEPTH_MAX)
		return error_set(err, ERROR_INVALID, "directories are more than %d deep",
		                 PACK_DEPTH_MAX);
	for (size_t i = 0; r == 0 && i < names.len; i++) {
		strbuf_puts(&p->name, names.ptr[i]);
		r = pack_named(p, fd, names.ptr[i], err);
		strbuf_truncate(&p->name, len);
	}
	p->depth--;
	return r;
}

static int pack_opaque(struct packer *p, int fd, const struct stat *st, struct error *err)
{
	struct tar_entry e = { .type = TAR_FILE };
	AUTO_FREE char *name = NULL;
	char value[2];

	if (p->spec->pack_style != PACK_LAYER ||
	    fgetxattr(fd, "trusted.overlay.opaque", value, sizeof(value)) != 1 || value[0] != 'y')
		return 0;
	name = xasprintf("%s.wh..wh..opq", p->name.ptr);
	fill_entry(p, st, &e);
	e.name = name;
	e.mode = st->st_mode & 0777;
	e.mtime.tv_sec = 0;
	return write_header(p, &e, err);
}

/* p->name has no slash at its end yet. */
static int pack_directory(struct packer *p, int dir, const char *name, struct error *err)
{
	AUTO_CLOSE int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct tar_entry e = { .type = TAR_DIRECTORY };
	struct stat st;
	int r;

	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR ? 0 : failed(p, errno, "open", err);
	if (fstat(fd, &st) < 0)
		return failed(p, errno, "look at", err);
	strbuf_putc(&p->name, '/');
	fill_entry(p, &st, &e);
	r = write_header(p, &e, err);
	if (r == 0)
		r = pack_opaque(p, fd, &st, err);
	if (streq(p->name.ptr, "./")) /* cp's "/." form: the children go without it */
		strbuf_truncate(&p->name, 0);
	return r < 0 ? r : pack_children(p, fd, err);
}

static int pack_named(struct packer *p, int dir, const char *name, struct error *err)
{
	struct stat st;

	if (p->name.len > TAR_NAME_MAX)
		return error_set(err, ERROR_INVALID, "a path is longer than %d bytes",
		                 TAR_NAME_MAX);
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : failed(p, errno, "look at", err);
	if (S_ISDIR(st.st_mode))
		return pack_directory(p, dir, name, err);
	if (S_ISREG(st.st_mode))
		return pack_file(p, dir, name, err);
	if (S_ISLNK(st.st_mode))
		return pack_symlink(p, dir, name, &st, err);
	return pack_device(p, &st, err);
}

/* One file or tree under its own name or the one asked for. */
static int pack_path(struct packer *p, int root, struct error *err)
{
	AUTO_FREE char *path = xstrdup(p->spec->path);
	const char *name = ".", *parent = ".";
	AUTO_CLOSE int dir = -1;
	struct stat st;
	size_t n = strlen(path);
	char *slash;

	while (n > 0 && path[n - 1] == '/')
		path[--n] = '\0';
	slash = strrchr(path, '/');
	if (slash) {
		*slash = '\0';
		parent = *path ? path : "/";
		name = slash + 1;
	} else if (*path) {
		name = path;
	}
	if (streq(name, "..")) /* only the kernel knows where that is */
		return error_set(err, ERROR_INVALID, "cannot pack a path that ends in \"..\"");
	dir = open_in_root(root, parent, O_PATH | O_DIRECTORY, 0);
	if (dir < 0 || fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return error_set(err, ERROR_NOT_FOUND, "no such file or directory: %s",
		                 p->spec->path);
	strbuf_puts(&p->name, p->spec->has_rename_base ? p->spec->rename_base : name);
	return pack_named(p, dir, name, err);
}

static int pack_all(struct packer *p, int root, struct error *err)
{
	AUTO_CLOSE int fd = open_in_root(root, ".", O_RDONLY | O_DIRECTORY, 0);

	if (fd < 0)
		return error_set_errno(err, -fd, "cannot open the directory to pack");
	return pack_children(p, fd, err);
}

static void packer_done(struct packer *p)
{
	const char *key;
	size_t pos = 0;
	void *value;

	tar_writer_free(p->tar);
	free(p->out);
	free(p->in);
	while (map_next(p->links, &pos, &key, &value))
		free(value);
	map_free(p->links);
	strbuf_done(&p->name);
}

int pack_run(int root, const struct archive_request *spec, int fd, struct unpack_result *ret,
             struct error *err)
{
	CLEANUP(packer_done) struct packer p = { .spec = spec, .fd = fd, .result = ret };
	int r;

	p.tar = tar_writer_new(sink, &p);
	p.out = xmalloc(PACK_BUFFER);
	p.in = xmalloc(PACK_BUFFER);
	p.links = map_new();
	digester_init(&p.digester, DIGEST_SHA256);
	r = *spec->path ? pack_path(&p, root, err) : pack_all(&p, root, err);
	if (r == 0)
		r = tar_writer_finish(p.tar, err);
	if (r == 0)
		r = flush(&p, err);
	if (r == 0)
		digester_finish(&p.digester, &ret->diff_id);
	return r;
}
