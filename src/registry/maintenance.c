/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A thread beside the service: collects now and then, reloads certificates on SIGHUP. Leases are
 * times of the wall clock; when that jumps they would end early, so a jump puts collection off
 * until every lease that was given before has run by the clock that doesn't jump.
 */
#include <errno.h>
#include <inttypes.h>
#include <semaphore.h>
#include <time.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/time.h"
#include "http/tls.h"
#include "registry/registry-internal.h"

#define CLOCK_JUMP_NS (30 * NSEC_PER_SEC)

struct maintenance {
	pthread_t thread;
	atomic_bool stop;
	int64_t offset;     /* wall minus monotonic, when last looked */
	int64_t not_before; /* monotonic: no collection until then */
};

static sem_t wake;
static atomic_bool reload;

void maintenance_reload(void)
{
	reload = true;
	sem_post(&wake);
}

static void reload_tls(struct registry *r)
{
	struct error err = { 0 };

	if (!r->tls)
		return;
	if (http_tls_reload(r->tls, &err) < 0)
		log_error("the old certificate stays: %s", err.message);
	else
		log_info("certificate reloaded");
}

static void watch_clock(struct registry *r, struct maintenance *m)
{
	int64_t offset = time_now() - time_monotonic(), jump = offset - m->offset;

	m->offset = offset;
	if (jump > -CLOCK_JUMP_NS && jump < CLOCK_JUMP_NS)
		return;
	log_warning("the clock jumped seconds=%" PRId64 ": collection waits for one lease",
	            jump / NSEC_PER_SEC);
	m->not_before = time_monotonic() + r->config->lease_ns;
}

static void collect(struct registry *r, struct maintenance *m)
{
	struct registry_collected sum;
	struct error err = { 0 };

	watch_clock(r, m);
	if (time_monotonic() < m->not_before)
		return;
	if (registry_collect(r, false, &sum, &err) < 0)
		log_error("%s", err.message);
	else
		metrics_collected(r->metrics, sum.blobs, sum.bytes);
	if (sum.manifests || sum.blobs || sum.uploads)
		log_info("collected manifests=%" PRId64 " blobs=%" PRId64 " bytes=%" PRId64
		         " uploads=%" PRId64,
		         sum.manifests, sum.blobs, sum.bytes, sum.uploads);
}

/* True when it is time, false when woken before. */
static bool wait_for(int64_t ns)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += (time_t)(ns / NSEC_PER_SEC);
	until.tv_nsec += (long)(ns % NSEC_PER_SEC);
	if (until.tv_nsec >= NSEC_PER_SEC) {
		until.tv_sec++;
		until.tv_nsec -= NSEC_PER_SEC;
	}
	while (sem_clockwait(&wake, CLOCK_MONOTONIC, &until) < 0)
		if (errno == ETIMEDOUT)
			return true;
	return false;
}

static void *run(void *arg)
{
	struct registry *r = arg;
	struct maintenance *m = r->maintenance;
	bool due = false;

	while (!m->stop) {
		if (due && r->config->gc_enabled && !r->config->read_only)
			collect(r, m);
		due = wait_for(MAX(r->config->gc_interval_ns, NSEC_PER_MSEC));
		if (atomic_exchange(&reload, false))
			reload_tls(r);
	}
	return NULL;
}

int maintenance_start(struct registry *r, struct error *err)
{
	r->maintenance = NEW(struct maintenance);
	r->maintenance->offset = time_now() - time_monotonic();
	sem_init(&wake, 0, 0);
	if (thread_start(&r->maintenance->thread, run, r, err) < 0) {
		free(TAKE_PTR(r->maintenance));
		return error_errno(err);
	}
	return 0;
}

void maintenance_stop(struct registry *r)
{
	if (!r->maintenance)
		return;
	r->maintenance->stop = true;
	sem_post(&wake);
	pthread_join(r->maintenance->thread, NULL);
	free(TAKE_PTR(r->maintenance));
}
