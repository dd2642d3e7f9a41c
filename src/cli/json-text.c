/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/json-text.h"

#include <ctype.h>

enum { DOCUMENT_MAX = 64 * 1024 * 1024 };

static void new_line(struct strbuf *out, unsigned depth, unsigned spaces)
{
	strbuf_putc(out, '\n');
	for (unsigned i = 0; i < depth * spaces; i++)
		strbuf_putc(out, ' ');
}

static size_t string_length(struct str json, size_t i)
{
	size_t end = i + 1;

	while (end < json.len && json.ptr[end] != '"')
		end += json.ptr[end] == '\\' ? 2 : 1;
	return MIN(end + 1, json.len) - i;
}

static char next_visible(struct str json, size_t i)
{
	while (i < json.len && isspace((unsigned char)json.ptr[i]))
		i++;
	return i < json.len ? json.ptr[i] : '\0';
}

void json_indent(struct str json, unsigned spaces, struct strbuf *out)
{
	unsigned depth = 0;
	bool empty = false; /* just after an opening that closes at once */

	for (size_t i = 0; i < json.len; i++) {
		char c = json.ptr[i], next;

		if (isspace((unsigned char)c))
			continue;
		if (c == '"') {
			size_t n = string_length(json, i);

			strbuf_add(out, json.ptr + i, n);
			i += n - 1;
		} else if (c == '{' || c == '[') {
			strbuf_putc(out, c);
			next = next_visible(json, i + 1);
			empty = next == '}' || next == ']';
			depth++;
			if (!empty)
				new_line(out, depth, spaces);
		} else if (c == '}' || c == ']') {
			depth -= depth > 0;
			if (!empty)
				new_line(out, depth, spaces);
			empty = false;
			strbuf_putc(out, c);
		} else {
			strbuf_putc(out, c);
			if (c == ',')
				new_line(out, depth, spaces);
			if (c == ':')
				strbuf_putc(out, ' ');
		}
	}
}

void json_stream_done(struct json_stream *s)
{
	strbuf_done(&s->buffer);
}

/* Scans what was not scanned yet; the length of a whole document at the front, or 0. */
static size_t document_end(struct json_stream *s)
{
	while (s->scanned < s->buffer.len) {
		char c = s->buffer.ptr[s->scanned++];

		if (s->escaped) {
			s->escaped = false;
		} else if (s->in_string) {
			s->escaped = c == '\\';
			s->in_string = c != '"';
		} else if (c == '"') {
			s->in_string = true;
		} else if (c == '{' || c == '[') {
			s->depth++;
		} else if ((c == '}' || c == ']') && s->depth > 0 && --s->depth == 0) {
			return s->scanned;
		}
	}
	return 0;
}

static int fill(struct json_stream *s, struct error *err)
{
	char *room;
	ssize_t n;

	if (s->buffer.len > DOCUMENT_MAX)
		return error_set(err, ERROR_INVALID, "the engine sent a document without an end");
	room = strbuf_reserve(&s->buffer, 16384);
	n = http_response_read(s->answer, room, 16384);
	if (n < 0)
		return error_set(err, ERROR_UNAVAILABLE,
		                 "the connection to the engine was cut before the end (%s)",
		                 strerror((int)-n));
	strbuf_added(&s->buffer, (size_t)n);
	return n > 0;
}

int json_stream_next(struct json_stream *s, json_t **ret, struct error *err)
{
	size_t end;
	int r;

	while (!(end = document_end(s))) {
		r = fill(s, err);
		if (r < 0)
			return r;
		if (r == 0 && s->depth)
			return error_set(err, ERROR_UNAVAILABLE,
			                 "the engine's answer ends in the middle of a document");
		if (r == 0)
			return 0;
	}
	*ret = json_parse(str_n(s->buffer.ptr, end), err);
	strbuf_remove_front(&s->buffer, end);
	s->scanned = 0;
	if (!*ret)
		return error_prefix(err, "the engine's answer can't be read");
	return 1;
}
