/* SPDX-License-Identifier: Apache-2.0 */
/* Health checks: a thread per running container that has one, which ends with the run (its
 * generation). */
#include <errno.h>
#include <stdio.h>

#include "base/log.h"
#include "base/time.h"
#include "container/container-internal.h"

enum { OUTPUT_MAX = 4096, LOG_MAX = 5, RETRIES_DEFAULT = 3 };

#define INTERVAL_DEFAULT (30 * NSEC_PER_SEC)
#define TIMEOUT_DEFAULT (30 * NSEC_PER_SEC)
#define START_INTERVAL_DEFAULT (5 * NSEC_PER_SEC)

struct health {
	struct container *c;
	uint64_t generation;
	struct strv argv;
	int64_t interval, timeout, start_period, start_interval;
	int retries;
};

static bool make_argv(const struct container *c, struct strv *argv)
{
	const struct healthcheck *h = c->info.config.healthcheck;

	if (!h || h->test.len < 2)
		return false;
	if (streq(h->test.ptr[0], "CMD")) {
		for (size_t i = 1; i < h->test.len; i++)
			strv_add(argv, h->test.ptr[i]);
		return true;
	}
	if (!streq(h->test.ptr[0], "CMD-SHELL"))
		return false;
	if (c->info.config.shell.len)
		strv_copy(argv, &c->info.config.shell);
	else {
		strv_add(argv, "/bin/sh");
		strv_add(argv, "-c");
	}
	strv_add(argv, h->test.ptr[1]);
	return true;
}

static const char *health_name(enum health_status s)
{
	static const char *const names[] = { "none", "starting", "healthy", "unhealthy" };

	return names[s];
}

/* lock held */
static void remember(struct container *c, int64_t start, int code, const struct strbuf *output)
{
	if (c->info.health_log.len == LOG_MAX) {
		free(c->info.health_log.ptr[0].output);
		health_probe_vec_remove(&c->info.health_log, 0);
	}
	health_probe_vec_push(&c->info.health_log,
	                      (struct health_probe){ .start = start,
	                                             .end = time_now(),
	                                             .exit_code = code,
	                                             .output = xstrdup(strbuf_cstr(output)) });
}

/* lock held; true when the state changed. */
static bool judge(const struct health *h, int code, int64_t start)
{
	struct container_info *i = &h->c->info;
	enum health_status before = i->health;

	if (code == 0) {
		i->health_failing_streak = 0;
		i->health = HEALTH_HEALTHY;
	} else if (i->health != HEALTH_STARTING || start - i->started_at > h->start_period) {
		i->health_failing_streak++;
		if (i->health_failing_streak >= h->retries)
			i->health = HEALTH_UNHEALTHY;
	}
	return i->health != before;
}

static void probe(struct health *h)
{
	struct container *c = h->c;
	AUTO_STRBUF output = { 0 };
	AUTO_FREE char *action = NULL;
	struct error err = { 0 };
	int64_t start = time_now();
	int code = exec_run(c, &h->argv, NULL, h->timeout, OUTPUT_MAX, &output, &err);
	bool changed = false;

	if (code < 0) {
		strbuf_clear(&output);
		strbuf_puts(&output, err.kind == ERROR_TIMEOUT ? "Health check exceeded timeout"
		                                               : err.message);
		code = -1;
	}
	pthread_mutex_lock(&c->lock);
	if (c->health_generation == h->generation && c->alive) {
		remember(c, start, code, &output);
		changed = judge(h, code, start);
		container_save_or_log(c);
		pthread_cond_broadcast(&c->changed);
	}
	action = xasprintf("health_status: %s", health_name(c->info.health));
	pthread_mutex_unlock(&c->lock);
	if (changed)
		container_event(c, action, NULL, NULL);
}

/* True when it is time for a probe, false when the run has ended. */
static bool await_turn(struct health *h)
{
	struct container *c = h->c;
	int64_t until;

	WITH_LOCK(&c->lock);
	until = time_monotonic() + (c->info.health == HEALTH_STARTING && h->start_period
	                                    ? h->start_interval
	                                    : h->interval);
	while (c->health_generation == h->generation && !atomic_load(&c->cs->closing)) {
		int64_t now = time_monotonic();

		if (now >= until && c->info.status != CONTAINER_PAUSED)
			return true;
		container_wait_changed(c, now >= until ? now + NSEC_PER_SEC
		                                       : MIN(until, now + NSEC_PER_SEC));
	}
	return false;
}

static void *run(void *arg)
{
	struct health *h = arg;

	while (await_turn(h))
		probe(h);
	strv_done(&h->argv);
	free(h);
	return NULL;
}

void health_start(struct container *c)
{
	const struct healthcheck *check = c->info.config.healthcheck;
	struct health *h = NEW(struct health);
	struct error err = { 0 };

	if (!make_argv(c, &h->argv)) {
		free(h);
		return;
	}
	h->c = c;
	h->interval = check->interval ? check->interval : INTERVAL_DEFAULT;
	h->timeout = check->timeout ? check->timeout : TIMEOUT_DEFAULT;
	h->start_period = check->start_period;
	h->start_interval = check->start_interval ? check->start_interval : START_INTERVAL_DEFAULT;
	h->retries = check->retries ? check->retries : RETRIES_DEFAULT;
	pthread_mutex_lock(&c->lock);
	h->generation = ++c->health_generation;
	if (c->info.health != HEALTH_HEALTHY || c->info.health_log.len == 0)
		c->info.health = HEALTH_STARTING;
	c->info.health_failing_streak = 0;
	pthread_mutex_unlock(&c->lock);
	if (container_work(c, run, h, &err) < 0) {
		log_error("cannot watch the health of container=%s: %s", c->info.id, err.message);
		strv_done(&h->argv);
		free(h);
	}
}

void health_stop(struct container *c)
{
	c->health_generation++;
	pthread_cond_broadcast(&c->changed);
}
