/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What follows from a container's end: everything it had is given back, its state recorded, and its
 * restart policy or --rm applied. Runs in a thread of its own per end.
 */
#include <errno.h>
#include <stdio.h>

#include "base/log.h"
#include "base/time.h"
#include "container/container-internal.h"
#include "runtime/cgroup.h"

#define DELAY_FIRST (100 * NSEC_PER_MSEC)
#define DELAY_MAX (60 * NSEC_PER_SEC)
#define RAN_WELL (10 * NSEC_PER_SEC) /* after that long the delay starts anew */

int64_t restart_next_delay(int64_t delay, int64_t ran_for)
{
	if (delay == 0 || ran_for >= RAN_WELL)
		return DELAY_FIRST;
	return MIN(delay * 2, DELAY_MAX);
}

bool restart_wanted(const struct restart_policy *p, int exit_code, int restarts,
                    bool manually_stopped)
{
	if (manually_stopped || str_empty_or_null(p->name))
		return false;
	if (streq(p->name, "always") || streq(p->name, "unless-stopped"))
		return true;
	return streq(p->name, "on-failure") && exit_code != 0 &&
	       (p->maximum_retry_count <= 0 || restarts < p->maximum_retry_count);
}

/* The shim takes the container out of the runtime after telling us; it is gone when its connection
 * ends. */
static void await_shim(struct container *c)
{
	AUTO_FREE char *cgroup = container_cgroup(c);
	AUTO_FREE char *root = NULL;
	struct shim_exited e;
	struct runtime runtime;
	int r;

	do {
		r = c->monitor_fd >= 0 ? shim_read_event(c->monitor_fd, true, &e) : -EPIPE;
		if (r == 1 && e.process[0])
			exec_ended(c, &e);
	} while (r >= 0);
	if (c->monitor_fd >= 0)
		close(c->monitor_fd);
	c->monitor_fd = -1;
	AUTO_FREE char *first = cgroup_file("pids", cgroup, "");
	if (access(first, F_OK) < 0)
		return;
	/* the shim was killed, or could not do it */
	cgroup_kill(cgroup);
	container_runtime(c, &runtime, &root);
	runtime.ops->delete (&runtime, c->info.id);
	cgroup_remove(cgroup);
}

static void *restart(void *arg)
{
	struct container *c = arg;
	struct error err = { 0 };
	int64_t at;

	pthread_mutex_lock(&c->lock);
	at = time_monotonic() + c->restart_delay;
	while (c->info.status == CONTAINER_RESTARTING && !c->manually_stopped &&
	       !atomic_load(&c->cs->closing) && time_monotonic() < at)
		container_wait_changed(c, at);
	pthread_mutex_unlock(&c->lock);

	pthread_mutex_lock(&c->operation);
	pthread_mutex_lock(&c->lock);
	bool wanted = c->info.status == CONTAINER_RESTARTING && !c->manually_stopped &&
	              !atomic_load(&c->cs->closing);
	if (wanted)
		c->info.restart_count++;
	else if (c->info.status == CONTAINER_RESTARTING && c->manually_stopped)
		container_set_status(c, CONTAINER_EXITED);
	pthread_mutex_unlock(&c->lock);
	if (wanted && container_start_locked(c, &err) < 0) {
		log_warning("cannot restart container=%s: %s", c->info.id, err.message);
		pthread_mutex_lock(&c->lock);
		if (restart_wanted(&c->info.host_config.restart_policy, 127, c->info.restart_count,
		                   c->manually_stopped)) {
			c->restart_delay = restart_next_delay(c->restart_delay, 0);
			container_set_status(c, CONTAINER_RESTARTING);
			pthread_mutex_unlock(&c->lock);
			container_schedule_restart(c);
		} else {
			pthread_mutex_unlock(&c->lock);
		}
	}
	pthread_mutex_unlock(&c->operation);
	return NULL;
}

void container_schedule_restart(struct container *c)
{
	struct error err = { 0 };

	if (container_work(c, restart, c, &err) < 0)
		log_error("cannot restart container=%s: %s", c->info.id, err.message);
}

static void auto_remove(struct container *c)
{
	struct error err = { 0 };

	pthread_mutex_lock(&c->operation);
	if (container_remove_locked(c, true, &err) < 0)
		log_error("cannot remove container=%s: %s", c->info.id, err.message);
	pthread_mutex_unlock(&c->operation);
}

/* lock held. True when it is to run again. */
static bool record_end(struct container *c, const struct shim_exited *e, bool *remove)
{
	struct container_info *i = &c->info;
	bool again = restart_wanted(&i->host_config.restart_policy, e->code, i->restart_count,
	                            c->manually_stopped) &&
	             !atomic_load(&c->cs->closing);

	i->exit_code = e->code;
	i->oom_killed = e->oom;
	i->finished_at = e->time;
	i->pid = 0;
	i->health = i->health == HEALTH_NONE ? HEALTH_NONE : HEALTH_UNHEALTHY;
	c->alive = false;
	c->exits++;
	if (again)
		c->restart_delay = restart_next_delay(c->restart_delay, e->time - i->started_at);
	*remove = !again && i->host_config.auto_remove;
	container_set_status(c, again ? CONTAINER_RESTARTING : CONTAINER_EXITED);
	return again;
}

void container_ended(struct container *c, const struct shim_exited *e)
{
	char code[16];
	bool again, remove;

	pthread_mutex_lock(&c->lock);
	health_stop(c);
	pthread_mutex_unlock(&c->lock);
	await_shim(c);
	execs_drop(c);
	container_release(c);
	pthread_mutex_lock(&c->lock);
	again = record_end(c, e, &remove);
	pthread_mutex_unlock(&c->lock);
	if (e->oom)
		container_event(c, "oom", NULL, NULL);
	snprintf(code, sizeof(code), "%d", e->code);
	container_event(c, "die", "exitCode", code);
	if (again)
		container_schedule_restart(c);
	else if (remove)
		auto_remove(c);
}
