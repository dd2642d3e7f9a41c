/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/metrics.h"

#include <inttypes.h>
#include <stdatomic.h>

#include "base/alloc.h"
#include "base/time.h"
#include "http/server.h"

/* Prometheus' default bounds, in milliseconds. */
static const int bounds_ms[] = { 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000 };

enum { BOUNDS = ARRAY_SIZE(bounds_ms), STATUS_MIN = 100, STATUS_MAX = 600 };

struct handler {
	atomic_ullong requests[HTTP_METHOD_COUNT][STATUS_MAX - STATUS_MIN];
	atomic_ullong buckets[BOUNDS + 1], duration_ns, sent, count;
};

struct metrics {
	struct handler handlers[METRICS_HANDLER_COUNT];
	atomic_llong in_flight;
	atomic_ullong collected_blobs, collected_bytes;
};

static const char *const names[] = {
	[METRICS_BASE] = "base",
	[METRICS_CATALOG] = "catalog",
	[METRICS_TAGS] = "tags",
	[METRICS_MANIFEST] = "manifest",
	[METRICS_BLOB] = "blob",
	[METRICS_UPLOAD] = "blob-upload",
	[METRICS_UPLOAD_CHUNK] = "blob-upload-chunk",
	[METRICS_REFERRERS] = "referrers",
	[METRICS_TOKEN] = "token",
	[METRICS_OTHER] = "other",
};

struct metrics *metrics_new(void)
{
	return NEW(struct metrics);
}

void metrics_free(struct metrics *m)
{
	free(m);
}

void metrics_begin(struct metrics *m)
{
	m->in_flight++;
}

void metrics_end(struct metrics *m, enum metrics_handler handler, unsigned method, int status,
                 int64_t sent, int64_t duration_ns)
{
	struct handler *h = &m->handlers[handler];
	size_t i = 0;

	m->in_flight--;
	if (status < STATUS_MIN || status >= STATUS_MAX || method >= HTTP_METHOD_COUNT)
		return;
	h->requests[method][status - STATUS_MIN]++;
	while (i < BOUNDS && duration_ns > bounds_ms[i] * NSEC_PER_MSEC)
		i++;
	h->buckets[i]++;
	h->count++;
	h->duration_ns += (unsigned long long)duration_ns;
	h->sent += (unsigned long long)sent;
}

void metrics_collected(struct metrics *m, int64_t blobs, int64_t bytes)
{
	m->collected_blobs += (unsigned long long)blobs;
	m->collected_bytes += (unsigned long long)bytes;
}

static void lower(const char *s, char *out, size_t n)
{
	size_t i = 0;

	for (; s[i] && i + 1 < n; i++)
		out[i] = (char)(s[i] >= 'A' && s[i] <= 'Z' ? s[i] + 32 : s[i]);
	out[i] = '\0';
}

static void write_requests(struct metrics *m, struct strbuf *out)
{
	char method[16];

	strbuf_puts(out, "# HELP registry_http_requests_total Requests by status code and method.\n"
	                 "# TYPE registry_http_requests_total counter\n");
	for (size_t h = 0; h < METRICS_HANDLER_COUNT; h++)
		for (unsigned k = 0; k < HTTP_METHOD_COUNT; k++)
			for (int s = 0; s < STATUS_MAX - STATUS_MIN; s++) {
				unsigned long long n = m->handlers[h].requests[k][s];

				if (n == 0)
					continue;
				lower(http_method_name((enum http_method)k), method,
				      sizeof(method));
				strbuf_printf(
					out,
					"registry_http_requests_total{code=\"%d\",handler=\"%s\",method=\"%s\"} %llu\n",
					s + STATUS_MIN, names[h], method, n);
			}
}

static void write_duration(struct handler *h, const char *name, struct strbuf *out)
{
	unsigned long long sum = 0;

	for (size_t i = 0; i < BOUNDS; i++) {
		sum += h->buckets[i];
		strbuf_printf(
			out,
			"registry_http_request_duration_seconds_bucket{handler=\"%s\",le=\"%g\"} %llu\n",
			name, bounds_ms[i] / 1000.0, sum);
	}
	strbuf_printf(
		out,
		"registry_http_request_duration_seconds_bucket{handler=\"%s\",le=\"+Inf\"} %llu\n"
		"registry_http_request_duration_seconds_sum{handler=\"%s\"} %.9f\n"
		"registry_http_request_duration_seconds_count{handler=\"%s\"} %llu\n",
		name, (unsigned long long)h->count, name,
		(double)h->duration_ns / (double)NSEC_PER_SEC, name, (unsigned long long)h->count);
}

void metrics_write(struct metrics *m, struct strbuf *out)
{
	write_requests(m, out);
	strbuf_puts(
		out,
		"# HELP registry_http_request_duration_seconds Time from the request's head to the answer's end.\n"
		"# TYPE registry_http_request_duration_seconds histogram\n");
	for (size_t h = 0; h < METRICS_HANDLER_COUNT; h++)
		if (m->handlers[h].count)
			write_duration(&m->handlers[h], names[h], out);
	strbuf_puts(out, "# HELP registry_http_response_size_bytes_sum Bytes of answers.\n"
	                 "# TYPE registry_http_response_size_bytes_sum counter\n");
	for (size_t h = 0; h < METRICS_HANDLER_COUNT; h++)
		if (m->handlers[h].count)
			strbuf_printf(
				out, "registry_http_response_size_bytes_sum{handler=\"%s\"} %llu\n",
				names[h], (unsigned long long)m->handlers[h].sent);
	strbuf_printf(
		out,
		"# TYPE registry_http_in_flight_requests gauge\nregistry_http_in_flight_requests %lld\n"
		"# TYPE coracle_registry_collected_blobs_total counter\ncoracle_registry_collected_blobs_total %llu\n"
		"# TYPE coracle_registry_collected_bytes_total counter\ncoracle_registry_collected_bytes_total %llu\n",
		(long long)m->in_flight, (unsigned long long)m->collected_blobs,
		(unsigned long long)m->collected_bytes);
}
