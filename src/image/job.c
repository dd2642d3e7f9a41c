/* SPDX-License-Identifier: Apache-2.0 */
#include "image/image-internal.h"

#include <stdio.h>

void report_init(struct report *r, const struct job *job)
{
	r->job = job;
	pthread_mutex_init(&r->lock, NULL);
}

void report_done(struct report *r)
{
	pthread_mutex_destroy(&r->lock);
}

static void send(struct report *r, const struct progress *p)
{
	if (!r->job || !r->job->progress)
		return;
	WITH_LOCK(&r->lock);
	r->job->progress(r->job->ctx, p);
}

void report(struct report *r, const char *id, const char *status)
{
	send(r, &(struct progress){ .id = id, .status = status });
}

void report_amount(struct report *r, const char *id, const char *status, int64_t current,
                   int64_t total)
{
	send(r,
	     &(struct progress){ .id = id, .status = status, .current = current, .total = total });
}

void report_stream(struct report *r, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	AUTO_FREE char *text = xvasprintf(fmt, ap);
	va_end(ap);
	send(r, &(struct progress){ .stream = text });
}

void report_aux(struct report *r, const char *json)
{
	send(r, &(struct progress){ .aux_json = json });
}

bool job_cancelled(const struct job *job)
{
	return job && job->cancel && atomic_load(job->cancel);
}

int job_check(const struct job *job, struct error *err)
{
	return job_cancelled(job) ? error_set(err, ERROR_CANCELLED, "context canceled") : 0;
}

const char *short_id(const struct digest *d, char *buf)
{
	char hex[DIGEST_TEXT_MAX];
	snprintf(buf, SHORT_ID_MAX, "%.12s", digest_hex(d, hex));
	return buf;
}
