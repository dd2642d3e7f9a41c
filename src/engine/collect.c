/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Layers and blobs that nothing refers to go away in small steps: some at each turn, with a pause
 * in between, so that neither the database nor the disk is held for long. Who has just freed an
 * image asks for a turn soon; a prune does all of it at once to tell how much it was.
 */
#include <errno.h>

#include "base/log.h"
#include "base/thread.h"
#include "base/time.h"
#include "content/store.h"
#include "engine/engine.h"
#include "snapshot/snapshot.h"

enum { STEP_LAYERS = 4, STEP_BLOBS = 16, IDLE_S = 300, PAUSE_MS = 50, SOON_MS = 1000 };

struct collector {
	struct engine *engine; /* borrowed */
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool stop, soon; /* under lock */
};

/* One step. 1: there is more. */
static int step(struct engine *e, int64_t *bytes, struct error *err)
{
	struct content_collected blobs = { 0 };
	int64_t layer_bytes = 0;
	int layers, more;

	layers = layer_collect(e->snapshots, time_now(), STEP_LAYERS, &layer_bytes, err);
	if (layers < 0)
		return layers;
	more = content_collect(e->content, time_now(), STEP_BLOBS, &blobs, err);
	if (more < 0)
		return more;
	*bytes += layer_bytes + blobs.bytes;
	return layers > 0 || more > 0;
}

int engine_collect_now(struct engine *e, int64_t *ret_bytes, struct error *err)
{
	int r;

	*ret_bytes = 0;
	do {
		r = step(e, ret_bytes, err);
	} while (r > 0 && !atomic_load(&e->stopping));
	return r < 0 ? r : 0;
}

static void deadline_in(int64_t ms, struct timespec *ret)
{
	int64_t at = time_monotonic() + ms * NSEC_PER_MSEC;

	ret->tv_sec = at / NSEC_PER_SEC;
	ret->tv_nsec = at % NSEC_PER_SEC;
}

/* Waits until it is time for a step; false at the end. */
static bool wait_turn(struct collector *c, bool more)
{
	struct timespec deadline;
	WITH_LOCK(&c->lock);

	deadline_in(more ? PAUSE_MS : INT64_C(1000) * IDLE_S, &deadline);
	while (!c->stop && !c->soon)
		if (pthread_cond_timedwait(&c->wake, &c->lock, &deadline) == ETIMEDOUT)
			return !c->stop;
	if (!c->stop) { /* asked: gives the others a moment to be done */
		deadline_in(SOON_MS, &deadline);
		while (!c->stop &&
		       pthread_cond_timedwait(&c->wake, &c->lock, &deadline) != ETIMEDOUT)
			;
	}
	c->soon = false;
	return !c->stop;
}

static void *run(void *arg)
{
	struct collector *c = arg;
	int64_t bytes = 0;
	int more = 0;

	while (wait_turn(c, more > 0)) {
		struct error err = { 0 };

		more = step(c->engine, &bytes, &err);
		if (more < 0)
			log_warning("collection of unused layers stopped: %s", err.message);
		if (more <= 0 && bytes > 0) {
			log_info("unused layers and blobs removed bytes=%lld", (long long)bytes);
			bytes = 0;
		}
	}
	return NULL;
}

struct collector *collector_start(struct engine *e, struct error *err)
{
	struct collector *c = NEW(struct collector);
	pthread_condattr_t attr;

	c->engine = e;
	pthread_mutex_init(&c->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&c->wake, &attr);
	pthread_condattr_destroy(&attr);
	if (thread_start(&c->thread, run, c, err) < 0) {
		free(c);
		return NULL;
	}
	return c;
}

void collector_stop(struct collector *c)
{
	if (!c)
		return;
	pthread_mutex_lock(&c->lock);
	c->stop = true;
	pthread_cond_signal(&c->wake);
	pthread_mutex_unlock(&c->lock);
	pthread_join(c->thread, NULL);
	pthread_cond_destroy(&c->wake);
	pthread_mutex_destroy(&c->lock);
	free(c);
}

void engine_collect_soon(struct engine *e)
{
	struct collector *c = e->collector;

	WITH_LOCK(&c->lock);
	c->soon = true;
	pthread_cond_signal(&c->wake);
}
