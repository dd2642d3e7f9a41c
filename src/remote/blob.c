/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "base/alloc.h"
#include "remote/remote-internal.h"

enum { DOWNLOAD_TRIES = 3, RESUME_PROGRESS_MIN = 1024 * 1024 };

/* One blob on its way to the sink, over as many requests as it takes. */
struct download {
	remote_sink_fn sink;
	void *ctx;
	int64_t size;
	int64_t done; /* given to the sink */
	int64_t skip; /* what comes again, since the server ignored the range */
	const struct http_response *answer;
	int64_t from; /* where the request asked it to begin */
	bool begun;   /* the first byte of this answer has been seen */
	bool sink_failed;
};

/* "bytes 5-9/10" -> 5; -1 when it is something else. */
static int64_t content_range_start(const char *s)
{
	struct str rest = str_from(s ? str_skip_prefix(s, "bytes ") : NULL), first;
	uint64_t start;

	if (!rest.ptr || !str_cut(&rest, '-', &first) || parse_u64_str(first, 10, &start) < 0)
		return -1;
	return start > INT64_MAX ? -1 : (int64_t)start;
}

static int begin_answer(struct download *d, struct error *err)
{
	d->begun = true;
	if (!d->from)
		return 0;
	if (d->answer->status == 200) {
		d->skip = d->from;
		return 0;
	}
	const char *range = strmap_get(&d->answer->headers, "content-range");
	if (content_range_start(range) != d->from)
		return error_set(err, ERROR_INVALID,
		                 "asked for the bytes from %lld on and got \"%.100s\"",
		                 (long long)d->from, range ? range : "");
	return 0;
}

static int on_bytes(void *ctx, const void *data, size_t n, struct error *err)
{
	struct download *d = ctx;
	const char *bytes = data;
	int r = d->begun ? 0 : begin_answer(d, err);
	if (r < 0)
		return r;
	size_t again = (size_t)MIN((int64_t)n, d->skip);
	d->skip -= (int64_t)again;
	bytes += again;
	n -= again;
	if ((int64_t)n > d->size - d->done)
		return error_set(err, ERROR_INVALID,
		                 "the registry sends more than the %lld bytes promised",
		                 (long long)d->size);
	if (!n)
		return 0;
	r = d->sink(d->ctx, bytes, n, err);
	d->sink_failed = r < 0;
	if (r >= 0)
		d->done += (int64_t)n;
	return r;
}

static int download_once(struct remote *r, struct endpoint *e, const char *url, struct download *d,
                         struct error *err)
{
	AUTO_RESPONSE answer = { 0 };
	struct http_request q = {
		.method = "GET", .url = url, .range_from = d->done, .sink = on_bytes, .sink_ctx = d
	};

	d->answer = &answer;
	d->from = d->done;
	d->skip = 0;
	d->begun = false;
	int rc = remote_request(r, e, &q, NULL, &answer, err);
	if (rc < 0)
		return rc;
	if (answer.status != 200 && answer.status != 206)
		return answer_error(&q, &answer, err);
	if (d->done < d->size)
		return error_set(err, ERROR_UNAVAILABLE,
		                 "Get \"%.300s\": unexpected EOF after %lld of %lld bytes", url,
		                 (long long)d->done, (long long)d->size);
	return 0;
}

static int download_from(struct remote *r, struct endpoint *e, const char *url, struct download *d,
                         struct error *err)
{
	int64_t mark = d->done;

	for (unsigned n = 0;; n++) {
		int rc = download_once(r, e, url, d, err);
		if (rc >= 0 || d->sink_failed || !error_is_transient(err))
			return rc;
		/* A connection that is cut now and then but gets on is no reason to give up. */
		if (d->done - mark >= RESUME_PROGRESS_MIN) {
			mark = d->done;
			n = 0;
		}
		if (n + 1 >= DOWNLOAD_TRIES)
			return rc;
		rc = remote_back_off(r, n, err);
		if (rc < 0)
			return rc;
	}
}

int remote_get_blob(struct remote *r, const struct digest *d, int64_t size, remote_sink_fn sink,
                    void *ctx, struct error *err)
{
	char text[DIGEST_TEXT_MAX];
	struct download work = { .sink = sink, .ctx = ctx, .size = size };
	AUTO_FREE char *rest = xasprintf("blobs/%s", digest_format(d, text));

	if (size < 0)
		return error_set(err, ERROR_INVALID, "blob %s of unknown size", text);
	for (struct endpoint *e = remote_current(r);;) {
		AUTO_FREE char *url = endpoint_url(r, e, rest);
		int rc = download_from(r, e, url, &work, err);
		if (rc >= 0 || work.sink_failed || err->kind == ERROR_CANCELLED)
			return rc;
		rc = remote_next(r, e, &e, err);
		if (rc <= 0)
			return error_errno(err);
	}
}

int remote_has_blob(struct remote *r, const struct digest *d, struct error *err)
{
	char text[DIGEST_TEXT_MAX];
	AUTO_RESPONSE answer = { 0 };
	struct endpoint *e = remote_current(r);
	AUTO_FREE char *rest = xasprintf("blobs/%s", digest_format(d, text));
	AUTO_FREE char *url = endpoint_url(r, e, rest);
	struct http_request q = { .method = "HEAD", .url = url };

	int rc = remote_request(r, e, &q, NULL, &answer, err);
	if (rc < 0)
		return rc;
	if (answer.status == 404)
		return 0;
	return answer.status == 200 ? 1 : answer_error(&q, &answer, err);
}
