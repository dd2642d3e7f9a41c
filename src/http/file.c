/* SPDX-License-Identifier: Apache-2.0 */
/* Files as answers: validators, one range, several ranges. */
#include <stdio.h>

#include "http/server-internal.h"

enum { RANGES_MAX = 16, PART_HEAD_MAX = 512 };

struct file_answer {
	struct http_request *req;
	int fd;
	int64_t size;
	const char *content_type;
	const char *etag; /* may be NULL */
	struct http_range ranges[RANGES_MAX];
	int n_ranges;
};

/* Weak comparison, as If-None-Match wants it. */
static bool etag_matches(const char *list, const char *etag)
{
	struct str rest = str_from(list), piece;

	while (str_cut(&rest, ',', &piece)) {
		piece = str_trim(piece);
		if (str_eq_c(piece, "*"))
			return true;
		if (piece.len > 2 && memcmp(piece.ptr, "W/", 2) == 0)
			piece = str_n(piece.ptr + 2, piece.len - 2);
		if (str_eq_c(piece, etag))
			return true;
	}
	return false;
}

static bool not_modified(const struct file_answer *f)
{
	const char *known = http_header_get(f->req, "If-None-Match");

	return known && f->etag && etag_matches(known, f->etag);
}

/* If-Range: the range counts only for the same bytes; dates are never ours. */
static int find_ranges(struct file_answer *f)
{
	const char *condition = http_header_get(f->req, "If-Range");

	if (f->req->method != HTTP_GET && f->req->method != HTTP_HEAD)
		return 0;
	if (condition && (!f->etag || !streq(condition, f->etag)))
		return 0;
	return http_parse_range(http_header_get(f->req, "Range"), f->size, f->ranges, RANGES_MAX);
}

static void finish(struct file_answer *f, int r)
{
	if (r < 0 || http_end(f->req) < 0)
		http_request_abort(f->req);
}

static void send_whole(struct file_answer *f)
{
	int r = http_begin(f->req, 200, f->content_type, f->size);

	finish(f, r < 0 ? r : http_send_file(f->req, f->fd, 0, f->size));
}

static void send_one(struct file_answer *f)
{
	const struct http_range *g = &f->ranges[0];
	int64_t n = g->last - g->first + 1;
	int r;

	http_set_headerf(f->req, "Content-Range", "bytes %lld-%lld/%lld", (long long)g->first,
	                 (long long)g->last, (long long)f->size);
	r = http_begin(f->req, 206, f->content_type, n);
	finish(f, r < 0 ? r : http_send_file(f->req, f->fd, g->first, n));
}

static int part_head(const struct file_answer *f, const struct http_range *g, const char *boundary,
                     char *buf)
{
	return snprintf(
		buf, PART_HEAD_MAX,
		"\r\n--%s\r\nContent-Type: %.200s\r\nContent-Range: bytes %lld-%lld/%lld\r\n\r\n",
		boundary, f->content_type ? f->content_type : "application/octet-stream",
		(long long)g->first, (long long)g->last, (long long)f->size);
}

static int64_t multipart_length(const struct file_answer *f, const char *boundary, size_t n_tail)
{
	char head[PART_HEAD_MAX];
	int64_t total = (int64_t)n_tail;

	for (int i = 0; i < f->n_ranges; i++)
		total += part_head(f, &f->ranges[i], boundary, head) + f->ranges[i].last -
		         f->ranges[i].first + 1;
	return total;
}

static int send_parts(struct file_answer *f, const char *boundary)
{
	char head[PART_HEAD_MAX];

	for (int i = 0; i < f->n_ranges; i++) {
		const struct http_range *g = &f->ranges[i];
		int n = part_head(f, g, boundary, head);
		int r = http_write(f->req, head, (size_t)n);

		if (r == 0)
			r = http_send_file(f->req, f->fd, g->first, g->last - g->first + 1);
		if (r < 0)
			return r;
	}
	return 0;
}

static void send_multipart(struct file_answer *f)
{
	char boundary[33], type[80], tail[48];
	int n_tail, r;

	random_hex(boundary, 16);
	snprintf(type, sizeof(type), "multipart/byteranges; boundary=%s", boundary);
	n_tail = snprintf(tail, sizeof(tail), "\r\n--%s--\r\n", boundary);
	r = http_begin(f->req, 206, type, multipart_length(f, boundary, (size_t)n_tail));
	if (r == 0)
		r = send_parts(f, boundary);
	if (r == 0)
		r = http_write(f->req, tail, (size_t)n_tail);
	finish(f, r);
}

void http_respond_file(struct http_request *req, int fd, int64_t size, const char *content_type,
                       const char *etag)
{
	struct file_answer f = {
		.req = req, .fd = fd, .size = size, .content_type = content_type, .etag = etag
	};

	if (etag)
		http_set_header(req, "ETag", etag);
	http_set_header(req, "Accept-Ranges", "bytes");
	if (not_modified(&f)) {
		http_respond(req, 304, NULL, NULL, 0);
		return;
	}
	f.n_ranges = find_ranges(&f);
	if (f.n_ranges < 0) {
		http_set_headerf(req, "Content-Range", "bytes */%lld", (long long)size);
		http_respond(req, 416, NULL, NULL, 0);
	} else if (f.n_ranges == 0) {
		send_whole(&f);
	} else if (f.n_ranges == 1) {
		send_one(&f);
	} else {
		send_multipart(&f);
	}
}
