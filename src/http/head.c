/* SPDX-License-Identifier: Apache-2.0 */
#include "http/head.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "http/target.h"

enum { METHOD_MAX = 32, STATUS_BAD = 400 };

/* What a head parser carries along. */
struct parse {
	const struct http_head_limits *limits;
	struct arena *arena;
	struct http_head *head;
	const char *why;
	const char *host;
	bool has_length, has_encoding;
};

bool http_is_token(struct str s)
{
	static const char others[] = "!#$%&'*+-.^_`|~";

	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.ptr[i];
		bool alnum = (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');

		if (!alnum && (!c || !strchr(others, c)))
			return false;
	}
	return s.len > 0;
}

bool http_list_has(const char *list, const char *token)
{
	struct str rest = str_from(list), piece;

	while (str_cut(&rest, ',', &piece))
		if (str_ieq_c(str_trim(piece), token))
			return true;
	return false;
}

int http_head_find(const char *buf, size_t n, size_t *at, size_t *ret_length)
{
	const char *end = buf + n;

	for (const char *p = buf + *at; (p = memchr(p, '\n', (size_t)(end - p))); p++) {
		size_t line_end = (size_t)(p - buf);

		if (line_end < 1 || p[-1] != '\r')
			return -EBADMSG;
		/* an empty line, but for the one a sloppy client may send before the request line
		 */
		if (line_end >= 3 && p[-2] == '\n') {
			*ret_length = line_end + 1;
			return 1;
		}
		if (p + 1 == end)
			break;
	}
	/* the last bytes may be part of the empty line: look at them again */
	*at = n > 3 ? n - 3 : 0;
	return 0;
}

static int refuse(struct parse *p, int status, const char *why)
{
	p->why = why;
	return status;
}

static int parse_method(struct parse *p, struct str text)
{
	if (text.len > METHOD_MAX || !http_is_token(text))
		return refuse(p, STATUS_BAD, "malformed method");
	for (int m = 0; m < HTTP_METHOD_COUNT; m++)
		if (str_eq_c(text, http_method_name((enum http_method)m))) {
			p->head->method = (enum http_method)m;
			return 0;
		}
	return refuse(p, 501, "unknown method");
}

static int parse_version(struct parse *p, struct str text)
{
	if (text.len != 8 || memcmp(text.ptr, "HTTP/", 5) != 0 || text.ptr[6] != '.')
		return refuse(p, STATUS_BAD, "malformed HTTP version");
	if (text.ptr[5] != '1' || (text.ptr[7] != '0' && text.ptr[7] != '1'))
		return refuse(p, 505, "only HTTP/1.1 and HTTP/1.0 are spoken here");
	p->head->minor = text.ptr[7] - '0';
	return 0;
}

static int parse_request_line(struct parse *p, struct str line)
{
	struct str method, target, version = line;
	int r;

	if (memchr(line.ptr, '\0', line.len))
		return refuse(p, STATUS_BAD, "control characters in the request line");
	if (!str_cut(&version, ' ', &method) || !str_cut(&version, ' ', &target) || !version.ptr)
		return refuse(p, STATUS_BAD, "malformed request line");
	r = parse_version(p, version);
	if (!r)
		r = parse_method(p, method);
	if (r)
		return r;
	p->head->target = arena_strndup(p->arena, target.ptr, target.len);
	r = http_target_parse(p->head->target, p->arena, p->head);
	return r < 0 ? refuse(p, STATUS_BAD, "malformed request target") : 0;
}

/* At most 18 digits: fits, and can't be read as anything else. */
static int parse_content_length(struct parse *p, struct str value)
{
	uint64_t n;

	if (p->has_length)
		return refuse(p, STATUS_BAD, "more than one Content-Length");
	if (!value.len || value.len > 18)
		return refuse(p, STATUS_BAD, "malformed Content-Length");
	for (size_t i = 0; i < value.len; i++)
		if (value.ptr[i] < '0' || value.ptr[i] > '9')
			return refuse(p, STATUS_BAD, "malformed Content-Length");
	if (parse_u64_str(value, 10, &n) < 0)
		return refuse(p, STATUS_BAD, "malformed Content-Length");
	p->has_length = true;
	p->head->content_length = (int64_t)n;
	return 0;
}

static int parse_transfer_encoding(struct parse *p, struct str value)
{
	if (p->has_encoding)
		return refuse(p, STATUS_BAD, "more than one Transfer-Encoding");
	if (!str_ieq_c(value, "chunked"))
		return refuse(p, 501, "the only Transfer-Encoding spoken here is chunked");
	p->has_encoding = true;
	return 0;
}

static int parse_connection(struct parse *p, const char *value)
{
	if (http_list_has(value, "close"))
		p->head->keep_alive = false;
	else if (p->head->minor == 0 && http_list_has(value, "keep-alive"))
		p->head->keep_alive = true;
	return 0;
}

/* Headers that decide how the message is read. */
static int apply_header(struct parse *p, const char *name, const char *value)
{
	if (strcasecmp(name, "Content-Length") == 0)
		return parse_content_length(p, str_from(value));
	if (strcasecmp(name, "Transfer-Encoding") == 0)
		return parse_transfer_encoding(p, str_from(value));
	if (strcasecmp(name, "Connection") == 0)
		return parse_connection(p, value);
	if (strcasecmp(name, "Expect") == 0) {
		if (strcasecmp(value, "100-continue") != 0)
			return refuse(p, 417, "unknown expectation");
		p->head->expect_continue = p->head->minor > 0;
	}
	if (strcasecmp(name, "Host") == 0) {
		if (p->host)
			return refuse(p, STATUS_BAD, "more than one Host");
		p->host = value;
	}
	return 0;
}

static bool is_value_text(struct str s)
{
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.ptr[i];

		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return false;
	}
	return true;
}

/* The line ends are overwritten with NULs by the caller, so values need no copies. */
static int parse_header(struct parse *p, char *line, size_t n)
{
	char *colon = memchr(line, ':', n);
	struct http_header *h;
	struct str value;

	if (!colon || !http_is_token(str_n(line, (size_t)(colon - line))))
		return refuse(p, STATUS_BAD, "malformed header line");
	value = str_trim(str_n(colon + 1, n - (size_t)(colon + 1 - line)));
	if (!is_value_text(value))
		return refuse(p, STATUS_BAD, "control characters in a header");
	*colon = '\0';
	line[value.ptr - line + (ptrdiff_t)value.len] = '\0';
	h = &p->head->headers[p->head->n_headers++];
	*h = (struct http_header){ .name = line, .value = value.ptr };
	return apply_header(p, h->name, h->value);
}

static unsigned count_lines(const char *text, size_t n)
{
	unsigned lines = 0;

	for (const char *p = text, *end = text + n; (p = memchr(p, '\n', (size_t)(end - p))); p++)
		lines++;
	return lines;
}

/* Cuts the next line off *rest, without its CRLF. */
static struct str next_line(struct str *rest)
{
	struct str line;

	str_cut(rest, '\n', &line);
	if (line.len)
		line.len--;
	return line;
}

static int parse_headers(struct parse *p, char *text, size_t n)
{
	unsigned lines = count_lines(text, n) - 1; /* the last is empty */
	struct str rest = str_n(text, n);

	if (lines > p->limits->max_headers)
		return refuse(p, 431, "too many headers");
	p->head->headers = arena_alloc(p->arena, (lines + 1) * sizeof(struct http_header));
	while (lines--) {
		struct str line = next_line(&rest);
		int r = parse_header(p, text + (line.ptr - text), line.len);

		if (r)
			return r;
	}
	return 0;
}

static int check_framing(struct parse *p)
{
	if (p->has_encoding && p->has_length)
		return refuse(p, STATUS_BAD, "both Content-Length and Transfer-Encoding");
	if (p->has_encoding && p->head->minor == 0)
		return refuse(p, STATUS_BAD, "Transfer-Encoding in HTTP/1.0");
	if (p->has_encoding)
		p->head->content_length = -1;
	if (p->head->minor > 0 && !p->host)
		return refuse(p, STATUS_BAD, "the Host header is missing");
	return 0;
}

static int parse_all(struct parse *p, char *text, size_t n)
{
	struct str rest = str_n(text, n);
	struct str line = next_line(&rest);
	int r;

	if (!line.len) /* one empty line before the request is forgiven */
		line = next_line(&rest);
	r = parse_request_line(p, line);
	if (r)
		return r;
	p->head->keep_alive = p->head->minor > 0;
	r = parse_headers(p, text + (rest.ptr - text), rest.len);
	return r ? r : check_framing(p);
}

int http_head_parse(const char *buf, size_t n, const struct http_head_limits *limits,
                    struct arena *arena, struct http_head *ret, const char **why)
{
	struct parse p = { .limits = limits, .arena = arena, .head = ret };
	int r;

	*ret = (struct http_head){ 0 };
	if (n > limits->max_header)
		r = refuse(&p, 431, "the header is too large");
	else
		r = parse_all(&p, arena_strndup(arena, buf, n), n);
	*why = p.why;
	return r;
}
