/* SPDX-License-Identifier: Apache-2.0 */
#include "archive/tar-pax.h"

#include <errno.h>
#include <string.h>

#include "archive/tar-format.h"
#include "base/alloc.h"

void tar_pax_done(struct tar_pax *p)
{
	struct tar_entry holder = { .name = p->path,
		                    .link = p->link,
		                    .uname = p->uname,
		                    .gname = p->gname,
		                    .xattrs = p->xattrs };

	tar_entry_done(&holder);
	*p = (struct tar_pax){ 0 };
}

static int bad_record(const char *what, struct error *err)
{
	return error_set(err, ERROR_INVALID, "an extended header of the tar archive has a bad %s",
	                 what);
}

static int parse_id(struct str value, int64_t max, int64_t *ret)
{
	uint64_t v;

	if (parse_u64_str(value, 10, &v) < 0 || v > (uint64_t)max)
		return -EINVAL;
	*ret = (int64_t)v;
	return 0;
}

/* Seconds with an optional sign and fraction; digits past the ninth are dropped. */
static int parse_time(struct str value, struct timespec *ret)
{
	bool negative = value.len > 0 && value.ptr[0] == '-';
	struct str whole, fraction = value;
	int64_t seconds;
	long nanos = 0, unit = 100000000;

	if (negative)
		fraction = str_n(value.ptr + 1, value.len - 1);
	str_cut(&fraction, '.', &whole);
	if (parse_id(whole, INT64_MAX / 2, &seconds) < 0)
		return -EINVAL;
	for (size_t i = 0; fraction.ptr && i < fraction.len; i++, unit /= 10) {
		if (fraction.ptr[i] < '0' || fraction.ptr[i] > '9')
			return -EINVAL;
		nanos += unit * (fraction.ptr[i] - '0');
	}
	if (negative) {
		seconds = -seconds - (nanos > 0);
		nanos = nanos > 0 ? 1000000000 - nanos : 0;
	}
	*ret = (struct timespec){ .tv_sec = seconds, .tv_nsec = nanos };
	return 0;
}

static int set_text(char **to, struct str value, const char *what, struct error *err)
{
	if (memchr(value.ptr, '\0', value.len) || value.len > TAR_NAME_MAX)
		return bad_record(what, err);
	free(*to);
	*to = value.len ? xstrndup(value.ptr, value.len) : NULL;
	return 0;
}

static int set_xattr(struct tar_pax *p, struct str name, struct str value, struct error *err)
{
	struct tar_xattr x;

	if (name.len == 0 || name.len > 255 || memchr(name.ptr, '\0', name.len))
		return bad_record("attribute name", err);
	if (value.len > TAR_XATTR_MAX)
		return error_set(err, ERROR_INVALID,
		                 "an extended attribute is longer than %d bytes", TAR_XATTR_MAX);
	if (p->xattrs.len == TAR_XATTRS_MAX)
		return error_set(err, ERROR_INVALID,
		                 "an entry has more than %d extended attributes", TAR_XATTRS_MAX);
	vec_for_each (&p->xattrs, it)
		if (str_eq_c(name, it->name))
			return error_set(err, ERROR_INVALID,
			                 "an extended attribute is given twice for one entry");
	x = (struct tar_xattr){ .name = xstrndup(name.ptr, name.len),
		                .value = xmemdup(value.len ? value.ptr : "",
		                                 value.len ? value.len : 1),
		                .size = value.len };
	tar_xattr_vec_push(&p->xattrs, x);
	return 0;
}

static int set_number(bool *has, int64_t *to, struct str value, int64_t max, const char *what,
                      struct error *err)
{
	*has = value.len > 0;
	if (*has && parse_id(value, max, to) < 0)
		return bad_record(what, err);
	return 0;
}

static int take_record(struct tar_pax *p, struct str key, struct str value, struct error *err)
{
	static const struct str xattr_prefix = { TAR_XATTR_PREFIX, sizeof(TAR_XATTR_PREFIX) - 1 };

	if (str_eq_c(key, "path"))
		return set_text(&p->path, value, "path", err);
	if (str_eq_c(key, "linkpath"))
		return set_text(&p->link, value, "linkpath", err);
	if (str_eq_c(key, "uname"))
		return set_text(&p->uname, value, "uname", err);
	if (str_eq_c(key, "gname"))
		return set_text(&p->gname, value, "gname", err);
	if (str_eq_c(key, "size"))
		return set_number(&p->has_size, &p->size, value, INT64_MAX - TAR_BLOCK, "size",
		                  err);
	if (str_eq_c(key, "uid"))
		return set_number(&p->has_uid, &p->uid, value, TAR_ID_MAX, "uid", err);
	if (str_eq_c(key, "gid"))
		return set_number(&p->has_gid, &p->gid, value, TAR_ID_MAX, "gid", err);
	if (str_eq_c(key, "mtime")) {
		p->has_mtime = value.len > 0;
		return p->has_mtime && parse_time(value, &p->mtime) < 0 ? bad_record("mtime", err)
		                                                        : 0;
	}
	if (key.len > 10 && memcmp(key.ptr, "GNU.sparse", 10) == 0)
		return error_set(err, ERROR_INVALID,
		                 "the tar archive has sparse files, which are not supported");
	if (key.len >= xattr_prefix.len && memcmp(key.ptr, xattr_prefix.ptr, xattr_prefix.len) == 0)
		return set_xattr(p, str_n(key.ptr + xattr_prefix.len, key.len - xattr_prefix.len),
		                 value, err);
	return 0;
}

/* Records are "<length> <key>=<value>\n", the length counting all of it. */
int tar_pax_parse(struct tar_pax *p, struct str records, struct error *err)
{
	while (records.len > 0) {
		const char *space = memchr(records.ptr, ' ', MIN(records.len, (size_t)20));
		const char *equals;
		struct str key, value;
		uint64_t n;
		int r;

		if (!space ||
		    parse_u64_str(str_n(records.ptr, (size_t)(space - records.ptr)), 10, &n) < 0 ||
		    n > records.len || n < (uint64_t)(space - records.ptr) + 3 ||
		    records.ptr[n - 1] != '\n')
			return bad_record("record", err);
		equals = memchr(space + 1, '=', (size_t)(records.ptr + n - 1 - (space + 1)));
		if (!equals || equals == space + 1)
			return bad_record("record", err);
		key = str_n(space + 1, (size_t)(equals - space - 1));
		value = str_n(equals + 1, (size_t)(records.ptr + n - 1 - (equals + 1)));
		r = take_record(p, key, value, err);
		if (r < 0)
			return r;
		records = str_n(records.ptr + n, records.len - n);
	}
	return 0;
}

static void move_text(char **from, char **to)
{
	if (!*from)
		return;
	free(*to);
	*to = TAKE_PTR(*from);
}

int tar_pax_apply(struct tar_pax *p, struct tar_entry *e, struct error *err)
{
	move_text(&p->path, &e->name);
	move_text(&p->link, &e->link);
	move_text(&p->uname, &e->uname);
	move_text(&p->gname, &e->gname);
	if (p->has_size)
		e->size = p->size;
	if (p->has_uid)
		e->uid = (uid_t)p->uid;
	if (p->has_gid)
		e->gid = (gid_t)p->gid;
	if (p->has_mtime)
		e->mtime = p->mtime;
	e->xattrs = p->xattrs;
	p->xattrs = (struct tar_xattr_vec){ 0 };
	return 0;
}
