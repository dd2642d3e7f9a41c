/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Counters of the service, in Prometheus' text format with the names of Docker's registry. Any thread. */
#include "base/strbuf.h"

enum metrics_handler {
	METRICS_BASE,
	METRICS_CATALOG,
	METRICS_TAGS,
	METRICS_MANIFEST,
	METRICS_BLOB,
	METRICS_UPLOAD,
	METRICS_UPLOAD_CHUNK,
	METRICS_REFERRERS,
	METRICS_TOKEN,
	METRICS_OTHER,
	METRICS_HANDLER_COUNT,
};

struct metrics;

struct metrics *metrics_new(void) MUST_USE;
void metrics_free(struct metrics *m);
void metrics_begin(struct metrics *m);
void metrics_end(struct metrics *m, enum metrics_handler handler, unsigned method, int status, int64_t sent,
		 int64_t duration_ns);
void metrics_collected(struct metrics *m, int64_t blobs, int64_t bytes);
void metrics_write(struct metrics *m, struct strbuf *out);
