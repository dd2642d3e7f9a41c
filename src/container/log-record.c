/* SPDX-License-Identifier: Apache-2.0 */
#include "container/log-record.h"

#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "base/time.h"

struct cursor {
	const char *p, *end;
};

static void skip_space(struct cursor *c)
{
	while (c->p < c->end && (*c->p == ' ' || *c->p == '\t'))
		c->p++;
}

static bool take(struct cursor *c, char ch)
{
	skip_space(c);
	if (c->p == c->end || *c->p != ch)
		return false;
	c->p++;
	return true;
}

static void add_utf8(struct strbuf *out, uint32_t cp)
{
	if (cp < 0x80) {
		strbuf_putc(out, (char)cp);
	} else if (cp < 0x800) {
		strbuf_putc(out, (char)(0xc0 | cp >> 6));
		strbuf_putc(out, (char)(0x80 | (cp & 0x3f)));
	} else if (cp < 0x10000) {
		strbuf_putc(out, (char)(0xe0 | cp >> 12));
		strbuf_putc(out, (char)(0x80 | (cp >> 6 & 0x3f)));
		strbuf_putc(out, (char)(0x80 | (cp & 0x3f)));
	} else {
		strbuf_putc(out, (char)(0xf0 | cp >> 18));
		strbuf_putc(out, (char)(0x80 | (cp >> 12 & 0x3f)));
		strbuf_putc(out, (char)(0x80 | (cp >> 6 & 0x3f)));
		strbuf_putc(out, (char)(0x80 | (cp & 0x3f)));
	}
}

static bool take_hex(struct cursor *c, uint32_t *ret)
{
	uint64_t v;

	if (c->end - c->p < 4 || parse_u64_str(str_n(c->p, 4), 16, &v) < 0)
		return false;
	c->p += 4;
	*ret = (uint32_t)v;
	return true;
}

static bool take_escape(struct cursor *c, struct strbuf *out)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *found;
	uint32_t cp, low;

	if (c->p == c->end)
		return false;
	if (*c->p != 'u') {
		found = *c->p ? strchr(from, *c->p) : NULL;
		if (!found)
			return false;
		strbuf_putc(out, to[found - from]);
		c->p++;
		return true;
	}
	c->p++;
	if (!take_hex(c, &cp))
		return false;
	if (cp >= 0xd800 && cp < 0xdc00) {
		if (c->end - c->p < 2 || c->p[0] != '\\' || c->p[1] != 'u')
			return false;
		c->p += 2;
		if (!take_hex(c, &low) || low < 0xdc00 || low > 0xdfff)
			return false;
		cp = 0x10000 + ((cp - 0xd800) << 10) + (low - 0xdc00);
	}
	add_utf8(out, cp);
	return true;
}

static bool take_string(struct cursor *c, struct strbuf *out)
{
	strbuf_clear(out);
	if (!take(c, '"'))
		return false;
	while (c->p < c->end && *c->p != '"') {
		const char *start = c->p;

		while (c->p < c->end && *c->p != '"' && *c->p != '\\')
			c->p++;
		strbuf_add(out, start, (size_t)(c->p - start));
		if (c->p < c->end && *c->p == '\\') {
			c->p++;
			if (!take_escape(c, out))
				return false;
		}
	}
	return take(c, '"');
}

/* Attributes that Docker's own driver may have written: an object of strings. */
static bool skip_object(struct cursor *c)
{
	AUTO_STRBUF ignored = { 0 };

	if (!take(c, '{'))
		return false;
	if (take(c, '}'))
		return true;
	do
		if (!take_string(c, &ignored) || !take(c, ':') || !take_string(c, &ignored))
			return false;
	while (take(c, ','));
	return take(c, '}');
}

int log_record_parse(struct str line, struct log_record *ret)
{
	struct cursor c = { line.ptr, line.ptr + line.len };
	AUTO_STRBUF key = { 0 };
	AUTO_STRBUF value = { 0 };
	bool has_time = false;

	ret->stream = 1;
	strbuf_clear(&ret->text);
	if (!take(&c, '{'))
		return -EINVAL;
	do {
		if (!take_string(&c, &key) || !take(&c, ':'))
			return -EINVAL;
		if (streq(strbuf_cstr(&key), "attrs")) {
			if (!skip_object(&c))
				return -EINVAL;
			continue;
		}
		if (!take_string(&c, streq(strbuf_cstr(&key), "log") ? &ret->text : &value))
			return -EINVAL;
		if (streq(strbuf_cstr(&key), "stream"))
			ret->stream = streq(strbuf_cstr(&value), "stderr") ? 2 : 1;
		else if (streq(strbuf_cstr(&key), "time"))
			has_time = time_parse(strbuf_cstr(&value), &ret->time) == 0;
	} while (take(&c, ','));
	return has_time && take(&c, '}') ? 0 : -EINVAL;
}
