/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The form that Docker writes, byte for byte, since layers are named by their bytes: plain ustar
 * (with its prefix split) where everything fits, otherwise a PAX header with just the records
 * that do not fit, sorted by key, and a main header with what ASCII and octal can hold.
 */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "archive/tar-format.h"
#include "base/alloc.h"
#include "base/strbuf.h"

struct tar_writer {
	byte_sink_fn sink;
	void *ctx;    /* borrowed */
	int64_t left; /* content still to come for the current entry */
	size_t padding;
};

struct records {
	struct strmap text; /* values without NULs */
	const struct tar_xattr_vec *xattrs;
};

struct tar_writer *tar_writer_new(byte_sink_fn sink, void *ctx)
{
	struct tar_writer *w = NEW(struct tar_writer);

	w->sink = sink;
	w->ctx = ctx;
	return w;
}

void tar_writer_free(struct tar_writer *w)
{
	free(w);
}

static bool is_ascii(const char *s)
{
	for (; *s; s++)
		if ((uint8_t)*s >= 0x80)
			return false;
	return true;
}

static bool fits_octal(size_t field, int64_t v)
{
	return v >= 0 && v < INT64_C(1) << ((field - 1) * 3);
}

static void put_octal(char *field, size_t n, int64_t v)
{
	if (!fits_octal(n, v))
		v = 0;
	field[n - 1] = '\0';
	for (size_t i = n - 1; i-- > 0; v >>= 3)
		field[i] = (char)('0' + (v & 7));
}

static void put_string(char *field, size_t n, const char *s)
{
	size_t len = strlen(s);

	memcpy(field, s, MIN(len, n));
	/* a cut name that ends in a slash would make old readers see a directory */
	if (len > n && field[n - 1] == '/') {
		size_t end = n;

		while (end > 0 && field[end - 1] == '/')
			end--;
		field[end] = '\0';
	}
}

#define PUT_OCTAL(h, member, v) put_octal((h)->member, sizeof((h)->member), (v))
#define PUT_STRING(h, member, s) put_string((h)->member, sizeof((h)->member), (s))

/* Go's reading of UTF-8 drops what is not ASCII. */
static char *ascii_only(const char *s)
{
	char *copy = xstrdup(s), *to = copy;

	for (; *s; s++)
		if ((uint8_t)*s < 0x80)
			*to++ = *s;
	*to = '\0';
	return copy;
}

/* Where name can be split into ustar's prefix and name: the slash's place, or 0. */
static size_t split_point(const char *name)
{
	enum { NAME = 100, PREFIX = 155 };
	size_t full = strlen(name), n = full, i;

	if (full <= NAME || !is_ascii(name))
		return 0;
	if (n > PREFIX + 1)
		n = PREFIX + 1;
	else if (name[n - 1] == '/')
		n--;
	for (i = n; i > 0 && name[i - 1] != '/'; i--)
		;
	if (i <= 1)
		return 0;
	i--;
	if (full - i - 1 > NAME || full - i - 1 == 0 || i > PREFIX)
		return 0;
	return i;
}

static void note_number(struct records *r, const char *key, size_t field, int64_t v)
{
	char text[24];

	if (fits_octal(field, v))
		return;
	snprintf(text, sizeof(text), "%lld", (long long)v);
	strmap_set(&r->text, key, text);
}

static void note_text(struct records *r, const char *key, size_t field, const char *s)
{
	if (s && (strlen(s) > field || !is_ascii(s)))
		strmap_set(&r->text, key, s);
}

/* Collects the records; true when plain ustar can say it all. */
static bool collect(const struct tar_entry *e, int64_t size, struct records *r)
{
	const struct tar_header *h = NULL;
	bool split = split_point(e->name) > 0;

	note_text(r, "path", sizeof(h->name), e->name);
	note_text(r, "linkpath", sizeof(h->link), e->link);
	note_text(r, "uname", sizeof(h->uname), e->uname);
	note_text(r, "gname", sizeof(h->gname), e->gname);
	note_number(r, "uid", sizeof(h->uid), (int64_t)e->uid);
	note_number(r, "gid", sizeof(h->gid), (int64_t)e->gid);
	note_number(r, "size", sizeof(h->size), size);
	note_number(r, "mtime", sizeof(h->mtime), e->mtime.tv_sec);
	r->xattrs = &e->xattrs;
	if (e->xattrs.len > 0)
		return false;
	return r->text.len == 0 || (r->text.len == 1 && split);
}

static int write_padding(struct tar_writer *w, size_t n, struct error *err)
{
	static const char zeros[2 * TAR_BLOCK];

	return n ? w->sink(w->ctx, zeros, n, err) : 0;
}

static int write_block(struct tar_writer *w, struct tar_header *h, struct error *err)
{
	memcpy(h->magic, "ustar", 6);
	memcpy(h->version, "00", 2);
	put_octal(h->checksum, sizeof(h->checksum) - 1, (int64_t)tar_checksum(h));
	h->checksum[sizeof(h->checksum) - 1] = ' ';
	return w->sink(w->ctx, h, sizeof(*h), err);
}

static void add_record(struct strbuf *b, const char *prefix, const char *key, const void *value,
                       size_t n)
{
	size_t rest = strlen(prefix) + strlen(key) + n + 3; /* space, '=', newline */
	size_t total = rest + 1;

	/* the length counts its own digits */
	for (size_t i = 0; i < 3; i++)
		total = rest + (size_t)snprintf(NULL, 0, "%zu", total);
	strbuf_printf(b, "%zu %s%s=", total, prefix, key);
	strbuf_add(b, value, n);
	strbuf_putc(b, '\n');
}

static int compare_xattrs(const void *a, const void *b)
{
	const struct tar_xattr *const *x = a, *const *y = b;

	return strcmp((*x)->name, (*y)->name);
}

/* Upper-case SCHILY sorts before Docker's lower-case keys. */
static void format_records(struct records *r, struct strbuf *b)
{
	AUTO_FREE const struct tar_xattr **sorted = xcalloc(r->xattrs->len + 1, sizeof(*sorted));

	for (size_t i = 0; i < r->xattrs->len; i++)
		sorted[i] = &r->xattrs->ptr[i];
	qsort(sorted, r->xattrs->len, sizeof(*sorted), compare_xattrs);
	for (size_t i = 0; i < r->xattrs->len; i++)
		add_record(b, TAR_XATTR_PREFIX, sorted[i]->name, sorted[i]->value, sorted[i]->size);
	strmap_sort(&r->text);
	for (size_t i = 0; i < r->text.len; i++)
		add_record(b, "", r->text.ptr[i].key, r->text.ptr[i].value,
		           strlen(r->text.ptr[i].value));
}

static char *pax_name(const char *name)
{
	const char *slash = strrchr(name, '/');
	AUTO_FREE char *full = xasprintf("%.*sPaxHeaders.0/%s", slash ? (int)(slash - name + 1) : 0,
	                                 name, slash ? slash + 1 : name);
	char *ascii = ascii_only(full);
	size_t n = strlen(ascii);

	n = MIN(n, sizeof(((struct tar_header *)NULL)->name));
	while (n > 0 && ascii[n - 1] == '/')
		n--;
	ascii[n] = '\0';
	return ascii;
}

static int write_pax(struct tar_writer *w, const char *name, struct records *r, struct error *err)
{
	AUTO_FREE char *header_name = pax_name(name);
	struct tar_header h = { .type = 'x' };
	AUTO_STRBUF body = { 0 };
	int e;

	format_records(r, &body);
	if (body.len > TAR_PAX_MAX)
		return error_set(err, ERROR_INVALID,
		                 "the attributes of a file do not fit a tar header");
	PUT_STRING(&h, name, header_name);
	PUT_OCTAL(&h, mode, 0);
	PUT_OCTAL(&h, uid, 0);
	PUT_OCTAL(&h, gid, 0);
	PUT_OCTAL(&h, size, (int64_t)body.len);
	PUT_OCTAL(&h, mtime, 0);
	e = write_block(w, &h, err);
	if (e == 0)
		e = w->sink(w->ctx, body.ptr, body.len, err);
	if (e == 0)
		e = write_padding(w, -body.len & (TAR_BLOCK - 1), err);
	return e;
}

static void put_common(struct tar_header *h, const struct tar_entry *e, int64_t size)
{
	h->type = (char)e->type;
	PUT_OCTAL(h, mode, e->mode & 07777);
	PUT_OCTAL(h, uid, (int64_t)e->uid);
	PUT_OCTAL(h, gid, (int64_t)e->gid);
	PUT_OCTAL(h, size, size);
	PUT_OCTAL(h, mtime, e->mtime.tv_sec);
	PUT_OCTAL(h, major, (int64_t)e->major);
	PUT_OCTAL(h, minor, (int64_t)e->minor);
}

static void put_texts(struct tar_header *h, const struct tar_entry *e)
{
	AUTO_FREE char *name = ascii_only(e->name);
	AUTO_FREE char *link = ascii_only(e->link ? e->link : "");
	AUTO_FREE char *uname = ascii_only(e->uname ? e->uname : "");
	AUTO_FREE char *gname = ascii_only(e->gname ? e->gname : "");

	PUT_STRING(h, name, name);
	PUT_STRING(h, link, link);
	PUT_STRING(h, uname, uname);
	PUT_STRING(h, gname, gname);
}

static int end_entry(struct tar_writer *w, struct error *err)
{
	size_t padding = w->padding;

	if (w->left != 0)
		return error_set(err, ERROR_INTERNAL, "tar: %lld bytes of content are missing",
		                 (long long)w->left);
	w->padding = 0;
	return write_padding(w, padding, err);
}

int tar_write_header(struct tar_writer *w, const struct tar_entry *e, struct error *err)
{
	int64_t size = e->type == TAR_FILE ? e->size : 0;
	struct records records = { 0 };
	struct tar_header h = { 0 };
	size_t split = split_point(e->name);
	int r = end_entry(w, err);

	if (r < 0)
		return r;
	put_common(&h, e, size);
	put_texts(&h, e);
	if (collect(e, size, &records)) {
		if (split) {
			memset(h.name, 0, sizeof(h.name));
			memcpy(h.prefix, e->name, split);
			PUT_STRING(&h, name, e->name + split + 1);
		}
	} else {
		r = write_pax(w, e->name, &records, err);
	}
	strmap_done(&records.text);
	if (r == 0)
		r = write_block(w, &h, err);
	w->left = size;
	w->padding = (size_t)(-size & (TAR_BLOCK - 1));
	return r;
}

int tar_write_data(struct tar_writer *w, const void *data, size_t n, struct error *err)
{
	if (n == 0)
		return 0;
	if ((int64_t)n > w->left)
		return error_set(err, ERROR_INTERNAL, "tar: more content than the header says");
	w->left -= (int64_t)n;
	return w->sink(w->ctx, data, n, err);
}

int tar_write_file(struct tar_writer *w, const char *name, const void *data, size_t n,
                   int64_t mtime, struct error *err)
{
	struct tar_entry e = { .type = TAR_FILE, .mode = 0644, .size = (int64_t)n };
	AUTO_FREE char *copy = xstrdup(name);
	int r;

	e.name = copy;
	e.mtime.tv_sec = mtime;
	r = tar_write_header(w, &e, err);
	return r < 0 ? r : tar_write_data(w, data, n, err);
}

int tar_writer_finish(struct tar_writer *w, struct error *err)
{
	int r = end_entry(w, err);

	return r < 0 ? r : write_padding(w, (size_t)2 * TAR_BLOCK, err);
}
