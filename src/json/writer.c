/* SPDX-License-Identifier: Apache-2.0 */
#include "json/writer.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>

#include "base/time.h"

void json_writer_init(struct json_writer *w, struct strbuf *out)
{
	*w = (struct json_writer){ .out = out, .html_escape = true };
}

static void new_line(struct json_writer *w)
{
	strbuf_putc(w->out, '\n');
	for (unsigned i = 0; i < w->depth * w->indent; i++)
		strbuf_putc(w->out, ' ');
}

/* What has to stand before a value or a key. */
static void begin_item(struct json_writer *w)
{
	if (w->after_key) {
		w->after_key = false;
		return;
	}
	if (w->need_comma)
		strbuf_putc(w->out, ',');
	if (w->indent && w->depth)
		new_line(w);
}

static void begin_nested(struct json_writer *w, char bracket)
{
	begin_item(w);
	strbuf_putc(w->out, bracket);
	w->depth++;
	w->need_comma = false;
}

static void end_nested(struct json_writer *w, char bracket)
{
	assert(w->depth > 0 && !w->after_key);
	w->depth--;
	if (w->indent && w->need_comma)
		new_line(w);
	strbuf_putc(w->out, bracket);
	w->need_comma = true;
}

void jw_object(struct json_writer *w)
{
	begin_nested(w, '{');
}

void jw_object_end(struct json_writer *w)
{
	end_nested(w, '}');
}

void jw_array(struct json_writer *w)
{
	begin_nested(w, '[');
}

void jw_array_end(struct json_writer *w)
{
	end_nested(w, ']');
}

/* Length of the valid UTF-8 sequence at p (2..4), or 0. */
static size_t utf8_length(const unsigned char *p, size_t n)
{
	unsigned char c = p[0];
	size_t len = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;

	if (c < 0xc2 || c > 0xf4 || len > n)
		return 0;
	for (size_t i = 1; i < len; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	/* overlong forms, surrogates, beyond U+10FFFF */
	if ((c == 0xe0 && p[1] < 0xa0) || (c == 0xed && p[1] > 0x9f) ||
	    (c == 0xf0 && p[1] < 0x90) || (c == 0xf4 && p[1] > 0x8f))
		return 0;
	return len;
}

static void put_escape(struct strbuf *out, unsigned char c)
{
	static const char short_form[] = { ['"'] = '"',  ['\\'] = '\\', ['\b'] = 'b', ['\f'] = 'f',
		                           ['\n'] = 'n', ['\r'] = 'r',  ['\t'] = 't' };

	if (c < sizeof(short_form) && short_form[c])
		strbuf_add(out, (char[]){ '\\', short_form[c] }, 2);
	else
		strbuf_printf(out, "\\u%04x", c);
}

/* Writes what starts at p, which is no plain ASCII; returns how many bytes that was. */
static size_t put_special(struct json_writer *w, const unsigned char *p, size_t n)
{
	size_t len;

	if (*p < 0x80) {
		put_escape(w->out, *p);
		return 1;
	}
	len = utf8_length(p, n);
	if (!len) {
		strbuf_puts(w->out, "\\ufffd");
		return 1;
	}
	if (len == 3 && p[0] == 0xe2 && p[1] == 0x80 && (p[2] & ~1) == 0xa8)
		strbuf_puts(w->out, p[2] & 1 ? "\\u2029" : "\\u2028");
	else
		strbuf_add(w->out, p, len);
	return len;
}

static bool is_plain(unsigned char c, bool html)
{
	if (c < 0x20 || c >= 0x80 || c == '"' || c == '\\')
		return false;
	return !html || (c != '<' && c != '>' && c != '&');
}

static void put_string(struct json_writer *w, struct str s)
{
	const unsigned char *p = (const unsigned char *)s.ptr;
	size_t start = 0, i = 0;

	strbuf_putc(w->out, '"');
	while (i < s.len) {
		if (is_plain(p[i], w->html_escape)) {
			i++;
			continue;
		}
		if (i > start)
			strbuf_add(w->out, p + start, i - start);
		i += put_special(w, p + i, s.len - i);
		start = i;
	}
	if (i > start)
		strbuf_add(w->out, p + start, i - start);
	strbuf_putc(w->out, '"');
}

void jw_key(struct json_writer *w, const char *key)
{
	assert(w->depth > 0 && !w->after_key);
	begin_item(w);
	put_string(w, str_from(key));
	strbuf_putc(w->out, ':');
	if (w->indent)
		strbuf_putc(w->out, ' ');
	w->after_key = true;
}

void jw_str(struct json_writer *w, struct str s)
{
	begin_item(w);
	put_string(w, s);
	w->need_comma = true;
}

void jw_string(struct json_writer *w, const char *s)
{
	jw_str(w, str_from(s));
}

void jw_raw(struct json_writer *w, struct str json)
{
	begin_item(w);
	strbuf_add_str(w->out, json);
	w->need_comma = true;
}

void jw_i64(struct json_writer *w, int64_t v)
{
	char text[24];
	int n = snprintf(text, sizeof(text), "%lld", (long long)v);

	jw_raw(w, str_n(text, (size_t)n));
}

void jw_u64(struct json_writer *w, uint64_t v)
{
	char text[24];
	int n = snprintf(text, sizeof(text), "%llu", (unsigned long long)v);

	jw_raw(w, str_n(text, (size_t)n));
}

/*
 * The shortest digits that read back as v, laid out as Go does, with an exponent below 1e-6. Go
 * writes one from 1e21, we from 1e18: what looks like an integer must fit into one when our own
 * parser reads it again.
 */
void jw_double(struct json_writer *w, double v)
{
	char text[64];
	int digits = 0, exponent, n;

	if (!isfinite(v)) {
		jw_null(w);
		return;
	}
	do
		snprintf(text, sizeof(text), "%.*e", digits, v);
	while (strtod(text, NULL) != v && ++digits < 17);
	exponent = (int)strtol(strchr(text, 'e') + 1, NULL, 10);
	if (v == 0) /* and the negative one, which no integer has */
		v = 0;
	if (v == 0 || (exponent >= -6 && exponent < 18))
		n = snprintf(text, sizeof(text), "%.*f", MAX(0, digits - exponent), v);
	else
		n = snprintf(strchr(text, 'e'), 8, "e%+d", exponent) +
		    (int)(strchr(text, 'e') - text);
	jw_raw(w, str_n(text, (size_t)n));
}

void jw_bool(struct json_writer *w, bool v)
{
	jw_raw(w, v ? STR("true") : STR("false"));
}

void jw_null(struct json_writer *w)
{
	jw_raw(w, STR("null"));
}

void jw_time(struct json_writer *w, int64_t wall)
{
	char text[TIME_RFC3339_MAX];

	jw_string(w, time_format(wall, text));
}

static void put_object(struct json_writer *w, const json_t *v)
{
	const char *key;
	json_t *member;

	jw_object(w);
	json_object_foreach ((json_t *)(uintptr_t)v, key, member) {
		jw_key(w, key);
		jw_value(w, member);
	}
	jw_object_end(w);
}

static void put_array(struct json_writer *w, const json_t *v)
{
	jw_array(w);
	for (size_t i = 0; i < json_array_size(v); i++)
		jw_value(w, json_array_get(v, i));
	jw_array_end(w);
}

void jw_value(struct json_writer *w, const json_t *v)
{
	if (!v) {
		jw_null(w);
		return;
	}
	switch (json_typeof(v)) {
	case JSON_OBJECT:
		put_object(w, v);
		break;
	case JSON_ARRAY:
		put_array(w, v);
		break;
	case JSON_STRING:
		jw_str(w, str_n(json_string_value(v), json_string_length(v)));
		break;
	case JSON_INTEGER:
		jw_i64(w, json_integer_value(v));
		break;
	case JSON_REAL:
		jw_double(w, json_real_value(v));
		break;
	case JSON_TRUE:
	case JSON_FALSE:
		jw_bool(w, json_is_true(v));
		break;
	case JSON_NULL:
		jw_null(w);
		break;
	}
}

void jw_kv_string(struct json_writer *w, const char *key, const char *s)
{
	jw_key(w, key);
	jw_string(w, s);
}

void jw_kv_i64(struct json_writer *w, const char *key, int64_t v)
{
	jw_key(w, key);
	jw_i64(w, v);
}

void jw_kv_bool(struct json_writer *w, const char *key, bool v)
{
	jw_key(w, key);
	jw_bool(w, v);
}

void jw_kv_time(struct json_writer *w, const char *key, int64_t wall)
{
	jw_key(w, key);
	jw_time(w, wall);
}

void jw_strv(struct json_writer *w, const struct strv *v)
{
	jw_array(w);
	for (size_t i = 0; v && i < v->len; i++)
		jw_string(w, v->ptr[i]);
	jw_array_end(w);
}

void jw_kv_strv(struct json_writer *w, const char *key, const struct strv *v)
{
	jw_key(w, key);
	jw_strv(w, v);
}
