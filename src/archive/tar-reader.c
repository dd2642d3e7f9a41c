/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "archive/tar-format.h"
#include "archive/tar-pax.h"
#include "base/alloc.h"

enum {
	TAR_BUFFER = 256 * 1024,
	TAR_METADATA_MAX = 16,         /* headers that only describe the next one */
	TAR_MAJOR_MAX = (1 << 12) - 1, /* what the kernel's dev_t holds */
	TAR_MINOR_MAX = (1 << 20) - 1,
};

struct tar_reader {
	struct byte_source *from; /* borrowed */
	uint8_t *buf;             /* owned, TAR_BUFFER bytes */
	size_t pos, len;
	bool source_ended;
	int64_t left;   /* content of the current entry not read yet */
	size_t padding; /* zeros behind it */
	struct tar_entry entry;
	bool ended;
};

unsigned tar_checksum(const struct tar_header *h)
{
	const uint8_t *p = (const uint8_t *)h;
	unsigned sum = 0;

	for (size_t i = 0; i < TAR_BLOCK; i++)
		sum += p[i];
	for (size_t i = 0; i < sizeof(h->checksum); i++)
		sum += ' ' - (uint8_t)h->checksum[i];
	return sum;
}

static int signed_checksum(const struct tar_header *h)
{
	int sum = (int)tar_checksum(h);
	const uint8_t *p = (const uint8_t *)h;

	for (size_t i = 0; i < TAR_BLOCK; i++)
		if (p[i] >= 0x80 && (i < offsetof(struct tar_header, checksum) ||
		                     i >= offsetof(struct tar_header, type)))
			sum -= 256;
	return sum;
}

const char *tar_quote(const char *name, char *buf)
{
	size_t n = 0;

	for (const char *p = name; *p; p++) {
		uint8_t c = (uint8_t)*p;

		if (n > TAR_QUOTE_MAX - 8) {
			memcpy(buf + n, "...", 3);
			n += 3;
			break;
		}
		if (c < 0x20 || c == 0x7f || c == '\\')
			n += (size_t)snprintf(buf + n, 5, "\\x%02x", c);
		else
			buf[n++] = (char)c;
	}
	buf[n] = '\0';
	return buf;
}

void tar_entry_done(struct tar_entry *e)
{
	free(e->name);
	free(e->link);
	free(e->uname);
	free(e->gname);
	vec_for_each (&e->xattrs, x) {
		free(x->name);
		free(x->value);
	}
	tar_xattr_vec_done(&e->xattrs);
	*e = (struct tar_entry){ 0 };
}

static int fill(struct tar_reader *r, struct error *err)
{
	ssize_t n;

	if (r->pos < r->len)
		return 1;
	if (r->source_ended)
		return 0;
	n = r->from->read(r->from, r->buf, TAR_BUFFER, err);
	if (n < 0)
		return (int)n;
	r->pos = 0;
	r->len = (size_t)n;
	r->source_ended = n == 0;
	return n > 0;
}

static int cut_short(struct error *err)
{
	return error_set(err, ERROR_INVALID, "the tar archive is cut short");
}

/* n bytes, or 0 at a clean end before the first of them. */
static int read_exact(struct tar_reader *r, void *to, size_t n, struct error *err)
{
	size_t done = 0;

	while (done < n) {
		int e = fill(r, err);
		size_t part;

		if (e < 0)
			return e;
		if (e == 0)
			return done ? cut_short(err) : 0;
		part = MIN(n - done, r->len - r->pos);
		memcpy((char *)to + done, r->buf + r->pos, part);
		r->pos += part;
		done += part;
	}
	return 1;
}

static int skip(struct tar_reader *r, int64_t n, struct error *err)
{
	while (n > 0) {
		int e = fill(r, err);
		size_t part;

		if (e <= 0)
			return e < 0 ? e : cut_short(err);
		part = (size_t)MIN(n, (int64_t)(r->len - r->pos));
		r->pos += part;
		n -= (int64_t)part;
	}
	return 0;
}

static bool all_zero(const void *data, size_t n)
{
	const uint8_t *p = data;

	return n == 0 || (p[0] == 0 && memcmp(p, p + 1, n - 1) == 0);
}

/* Reads the source to its end: the digest of an archive covers what stands behind it too. */
static int read_end(struct tar_reader *r, struct error *err)
{
	int e;

	while ((e = fill(r, err)) > 0) {
		if (!all_zero(r->buf + r->pos, r->len - r->pos))
			return error_set(err, ERROR_INVALID,
			                 "the tar archive has data behind its end");
		r->pos = r->len;
	}
	r->ended = true;
	return e;
}

static int bad_field(const char *field, struct error *err)
{
	return error_set(err, ERROR_INVALID, "the tar header has a bad %s", field);
}

/* Octal digits between spaces, or base 256 when the first bit is set. Empty is 0. */
static int parse_number(const char *field, size_t n, int64_t *ret)
{
	const uint8_t *p = (const uint8_t *)field;
	uint64_t v = 0;
	size_t i = 0;

	if (p[0] & 0x80) {
		bool negative = p[0] & 0x40;

		v = negative ? UINT64_MAX : 0;
		for (i = 0; i < n; i++) {
			uint8_t c = i == 0 ? (negative ? p[0] : p[0] & 0x7f) : p[i];

			if ((v >> 55) != (negative ? 0x1ff : 0))
				return -ERANGE;
			v = v << 8 | c;
		}
		*ret = (int64_t)v;
		return 0;
	}
	while (i < n && p[i] == ' ')
		i++;
	for (; i < n && p[i] >= '0' && p[i] <= '7'; i++)
		v = v << 3 | (uint64_t)(p[i] - '0'); /* 12 digits: can't overflow */
	for (; i < n; i++)
		if (p[i] != ' ' && p[i] != '\0')
			return -EINVAL;
	*ret = (int64_t)v;
	return 0;
}

static int number_between(const char *field, size_t n, int64_t min, int64_t max, const char *what,
                          int64_t *ret, struct error *err)
{
	if (parse_number(field, n, ret) < 0 || *ret < min || *ret > max)
		return bad_field(what, err);
	return 0;
}

static int check_header(const struct tar_header *h, struct error *err)
{
	int64_t sum;

	if (parse_number(h->checksum, sizeof(h->checksum), &sum) < 0 ||
	    (sum != (int64_t)tar_checksum(h) && sum != signed_checksum(h)))
		return error_set(
			err, ERROR_INVALID,
			"not a tar archive, or a damaged one: a header's checksum is wrong");
	return 0;
}

static int parse_numbers(const struct tar_header *h, struct tar_entry *e, struct error *err)
{
	int64_t mode, uid, gid, mtime;
	int r;

	r = number_between(h->mode, sizeof(h->mode), 0, INT32_MAX, "mode", &mode, err);
	if (r == 0)
		r = number_between(h->uid, sizeof(h->uid), 0, TAR_ID_MAX, "uid", &uid, err);
	if (r == 0)
		r = number_between(h->gid, sizeof(h->gid), 0, TAR_ID_MAX, "gid", &gid, err);
	if (r == 0)
		r = number_between(h->size, sizeof(h->size), 0, INT64_MAX - TAR_BLOCK, "size",
		                   &e->size, err);
	if (r == 0)
		r = number_between(h->mtime, sizeof(h->mtime), INT64_MIN, INT64_MAX, "mtime",
		                   &mtime, err);
	if (r < 0)
		return r;
	e->mode = (mode_t)mode & 07777;
	e->uid = (uid_t)uid;
	e->gid = (gid_t)gid;
	e->mtime.tv_sec = mtime;
	return 0;
}

static int parse_device(const struct tar_header *h, struct tar_entry *e, struct error *err)
{
	int64_t major, minor;
	int r;

	r = number_between(h->major, sizeof(h->major), 0, TAR_MAJOR_MAX, "device number", &major,
	                   err);
	if (r == 0)
		r = number_between(h->minor, sizeof(h->minor), 0, TAR_MINOR_MAX, "device number",
		                   &minor, err);
	if (r < 0)
		return r;
	e->major = (unsigned)major;
	e->minor = (unsigned)minor;
	return 0;
}

static char *field_string(const char *field, size_t n)
{
	return xstrndup(field, strnlen(field, n));
}

static char *header_name(const struct tar_header *h)
{
	size_t prefix =
		memcmp(h->magic, "ustar\0", 6) == 0 ? strnlen(h->prefix, sizeof(h->prefix)) : 0;

	if (prefix == 0)
		return field_string(h->name, sizeof(h->name));
	return xasprintf("%.*s/%.*s", (int)prefix, h->prefix,
	                 (int)strnlen(h->name, sizeof(h->name)), h->name);
}

static int set_type(struct tar_entry *e, char type, struct error *err)
{
	size_t n = strlen(e->name);

	if (type == '\0' || type == '7')
		type = TAR_FILE;
	/* before POSIX a directory was a file whose name ends with a slash */
	if (type == TAR_FILE && n > 0 && e->name[n - 1] == '/')
		type = TAR_DIRECTORY;
	if (type == 'S')
		return error_set(err, ERROR_INVALID,
		                 "the tar archive has sparse files, which are not supported");
	if (type < TAR_FILE || type > TAR_FIFO)
		return error_set(err, ERROR_INVALID,
		                 "the tar archive has an entry of unknown type 0x%02x",
		                 (uint8_t)type);
	e->type = (enum tar_type)type;
	return 0;
}

static int check_entry(const struct tar_entry *e, struct error *err)
{
	bool is_link = e->type == TAR_HARDLINK || e->type == TAR_SYMLINK;
	char quoted[TAR_QUOTE_MAX];

	if (!*e->name)
		return error_set(err, ERROR_INVALID, "the tar archive has an entry without a name");
	if (strlen(e->name) > TAR_NAME_MAX)
		return error_set(err, ERROR_INVALID,
		                 "a name in the tar archive is longer than %d bytes", TAR_NAME_MAX);
	if (is_link && !*e->link)
		return error_set(err, ERROR_INVALID, "the link %s in the tar archive leads nowhere",
		                 tar_quote(e->name, quoted));
	if (is_link && strlen(e->link) > TAR_NAME_MAX)
		return error_set(err, ERROR_INVALID,
		                 "the target of link %s is longer than %d bytes",
		                 tar_quote(e->name, quoted), TAR_NAME_MAX);
	return 0;
}

/* The body of a header that describes the next entry; owned text with a NUL behind it. */
static int read_body(struct tar_reader *r, int64_t size, size_t max, char **ret, struct error *err)
{
	AUTO_FREE char *body = NULL;
	int e;

	if (size > (int64_t)max)
		return error_set(
			err, ERROR_INVALID,
			"an extended header of the tar archive has %lld bytes, more than %zu",
			(long long)size, max);
	body = xmalloc((size_t)size + 1);
	body[size] = '\0';
	e = size ? read_exact(r, body, (size_t)size, err) : 1;
	if (e <= 0)
		return e < 0 ? e : cut_short(err);
	e = skip(r, -size & (TAR_BLOCK - 1), err);
	if (e < 0)
		return e;
	*ret = TAKE_PTR(body);
	return 0;
}

static int read_metadata(struct tar_reader *r, char type, int64_t size, struct tar_pax *pax,
                         struct error *err)
{
	AUTO_FREE char *body = NULL;
	bool is_pax = type == 'x' || type == 'g';
	int e = read_body(r, size, is_pax ? TAR_PAX_MAX : TAR_NAME_MAX + 1, &body, err);

	if (e < 0)
		return e;
	if (type == 'x')
		return tar_pax_parse(pax, str_n(body, (size_t)size), err);
	if (type == 'L' || type == 'K') {
		char **to = type == 'L' ? &pax->path : &pax->link;

		free(*to);
		*to = TAKE_PTR(body);
	}
	return 0; /* global headers carry comments; nothing in them may change what follows */
}

static int take_header(struct tar_reader *r, const struct tar_header *h, struct tar_pax *pax,
                       struct error *err)
{
	struct tar_entry *e = &r->entry;
	int x;

	e->name = header_name(h);
	e->link = field_string(h->link, sizeof(h->link));
	e->uname = field_string(h->uname, sizeof(h->uname));
	e->gname = field_string(h->gname, sizeof(h->gname));
	x = tar_pax_apply(pax, e, err);
	if (x == 0)
		x = set_type(e, h->type, err);
	if (x == 0)
		x = check_entry(e, err);
	if (x == 0 && (e->type == TAR_CHAR || e->type == TAR_BLOCK_DEVICE))
		x = parse_device(h, e, err);
	if (x < 0)
		return x;
	if (e->type != TAR_FILE)
		e->size = 0; /* such entries have no content, whatever the field says */
	r->left = e->size;
	r->padding = (size_t)(-e->size & (TAR_BLOCK - 1));
	return 1;
}

static bool is_metadata(char type)
{
	return type == 'x' || type == 'g' || type == 'L' || type == 'K';
}

/* A header block: 1, or 0 at the end of the archive. */
static int read_header(struct tar_reader *r, struct tar_header *h, struct error *err)
{
	int x = read_exact(r, h, sizeof(*h), err);

	if (x < 0)
		return x;
	if (x == 0 || all_zero(h, sizeof(*h)))
		return read_end(r, err);
	x = check_header(h, err);
	return x < 0 ? x : 1;
}

int tar_next(struct tar_reader *r, const struct tar_entry **ret, struct error *err)
{
	CLEANUP(tar_pax_done) struct tar_pax pax = { 0 };
	struct tar_header h;
	int x;

	if (r->ended)
		return 0;
	x = skip(r, r->left, err);
	if (x == 0)
		x = skip(r, (int64_t)r->padding, err);
	if (x < 0)
		return x;
	r->left = 0;
	r->padding = 0;
	for (int i = 0;; i++) {
		tar_entry_done(&r->entry);
		x = read_header(r, &h, err);
		if (x == 0 && i > 0)
			return cut_short(err);
		if (x <= 0)
			return x;
		x = parse_numbers(&h, &r->entry, err);
		if (x < 0)
			return x;
		if (!is_metadata(h.type))
			break;
		if (i == TAR_METADATA_MAX)
			return error_set(
				err, ERROR_INVALID,
				"the tar archive has more than %d extended headers in a row",
				TAR_METADATA_MAX);
		x = read_metadata(r, h.type, r->entry.size, &pax, err);
		if (x < 0)
			return x;
	}
	x = take_header(r, &h, &pax, err);
	if (x == 1)
		*ret = &r->entry;
	return x;
}

ssize_t tar_peek(struct tar_reader *r, const void **ret, struct error *err)
{
	size_t part;
	int e;

	if (r->left == 0)
		return 0;
	e = fill(r, err);
	if (e <= 0)
		return e < 0 ? e : cut_short(err);
	part = (size_t)MIN(r->left, (int64_t)(r->len - r->pos));
	*ret = r->buf + r->pos;
	r->pos += part;
	r->left -= (int64_t)part;
	return (ssize_t)part;
}

ssize_t tar_read(struct tar_reader *r, void *buf, size_t n, struct error *err)
{
	const void *p;
	ssize_t got = n ? tar_peek(r, &p, err) : 0;
	size_t back;

	if (got <= 0)
		return got;
	if ((size_t)got > n) {
		back = (size_t)got - n;
		r->pos -= back;
		r->left += (int64_t)back;
		got = (ssize_t)n;
	}
	memcpy(buf, p, (size_t)got);
	return got;
}

int tar_reader_open(struct byte_source *from, struct tar_reader **ret, struct error *err)
{
	struct tar_reader *r = NEW(struct tar_reader);

	r->from = from;
	r->buf = xmalloc(TAR_BUFFER);
	*ret = r;
	return 0;
}

void tar_reader_free(struct tar_reader *r)
{
	if (!r)
		return;
	tar_entry_done(&r->entry);
	free(r->buf);
	free(r);
}
