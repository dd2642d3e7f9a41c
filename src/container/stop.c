/* SPDX-License-Identifier: Apache-2.0 */
/* Stopping, killing, pausing, renaming, updating; and waiting. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/fs.h"
#include "base/time.h"
#include "container/container-internal.h"
#include "runtime/cgroup.h"

enum { STOP_SECONDS = 10, KILL_SECONDS = 10 };

int container_signal_parse(const char *text, int *ret)
{
	uint64_t n;

	if (parse_u64(text, &n) >= 0) {
		*ret = (int)n;
		return n > 0 && n <= (uint64_t)SIGRTMAX ? 0 : -EINVAL;
	}
	if (strncasecmp(text, "SIG", 3) == 0)
		text += 3;
	for (int i = 1; i < NSIG; i++)
		if (sigabbrev_np(i) && strcasecmp(sigabbrev_np(i), text) == 0) {
			*ret = i;
			return 0;
		}
	if (strncasecmp(text, "RTMIN", 5) == 0 &&
	    (text[5] == '\0' || (text[5] == '+' && parse_u64(text + 6, &n) >= 0))) {
		*ret = SIGRTMIN + (text[5] ? (int)MIN(n, UINT64_C(64)) : 0);
		return *ret <= SIGRTMAX ? 0 : -EINVAL;
	}
	if (strncasecmp(text, "RTMAX", 5) == 0 &&
	    (text[5] == '\0' || (text[5] == '-' && parse_u64(text + 6, &n) >= 0))) {
		*ret = SIGRTMAX - (text[5] ? (int)MIN(n, UINT64_C(64)) : 0);
		return *ret >= SIGRTMIN ? 0 : -EINVAL;
	}
	return -EINVAL;
}

static int parse_signal(const struct container *c, const char *given, int otherwise, int *ret,
                        struct error *err)
{
	const char *text = !str_empty_or_null(given) ? given : NULL;

	*ret = otherwise;
	if (!text || container_signal_parse(text, ret) == 0)
		return 0;
	return error_set(err, ERROR_INVALID, "Invalid signal: %s", text);
}

static int stop_signal(const struct container *c)
{
	int sig = SIGTERM;

	if (!str_empty_or_null(c->info.config.stop_signal))
		IGNORE_RESULT(container_signal_parse(c->info.config.stop_signal, &sig) < 0,
		              "checked at creation");
	return sig;
}

static int send(struct container *c, int sig, struct error *err)
{
	AUTO_FREE char *bundle = container_bundle(c);

	return shim_signal(bundle, "", sig, err);
}

/* Until the run is over and given back: true; or the time is up. seconds < 0: for ever. */
static bool await_end(struct container *c, int seconds)
{
	int64_t until = seconds < 0 ? INT64_MAX : time_monotonic() + seconds * NSEC_PER_SEC;

	WITH_LOCK(&c->lock);
	while (c->alive) {
		int64_t now = time_monotonic();

		if (now >= until)
			return false;
		container_wait_changed(c, MIN(until, now + NSEC_PER_SEC));
	}
	return true;
}

/* Frozen processes hear no signal. */
static void thaw(struct container *c)
{
	AUTO_FREE char *cgroup = container_cgroup(c);
	struct error err = { 0 };

	WITH_LOCK(&c->lock);
	if (c->info.status != CONTAINER_PAUSED)
		return;
	if (cgroup_freeze(cgroup, false, &err) >= 0)
		container_set_status(c, CONTAINER_RUNNING);
}

static int kill_now(struct container *c, struct error *err)
{
	AUTO_FREE char *cgroup = container_cgroup(c);

	thaw(c);
	IGNORE_RESULT(send(c, SIGKILL, err) < 0, "it may have ended just now");
	if (await_end(c, KILL_SECONDS))
		return 0;
	cgroup_kill(cgroup);
	return await_end(c, KILL_SECONDS)
	               ? 0
	               : error_set(err, ERROR_INTERNAL,
	                           "container %s does not end, even when killed", c->info.id);
}

int container_stop_locked(struct container *c, const int *timeout, const char *signal,
                          struct error *err)
{
	int seconds = timeout                       ? *timeout
	              : c->info.config.stop_timeout ? (int)*c->info.config.stop_timeout
	                                            : STOP_SECONDS;
	struct error ignored = { 0 };
	bool alive;
	int sig, r = parse_signal(c, signal, stop_signal(c), &sig, err);

	if (r < 0)
		return r;
	pthread_mutex_lock(&c->lock);
	c->manually_stopped = true;
	alive = c->alive;
	if (c->info.status == CONTAINER_RESTARTING)
		container_set_status(c, CONTAINER_EXITED);
	else
		container_save_or_log(c);
	pthread_mutex_unlock(&c->lock);
	if (!alive)
		return 0;
	thaw(c);
	if (seconds != 0 && sig != SIGKILL) {
		if (send(c, sig, &ignored) >= 0)
			container_event(
				c, "kill", "signal",
				(char[]){ (char)('0' + sig / 10 % 10), (char)('0' + sig % 10), 0 });
		if (await_end(c, seconds))
			return 0;
	}
	return kill_now(c, err);
}

static bool is_started(struct container *c)
{
	WITH_LOCK(&c->lock);
	return c->info.status == CONTAINER_RUNNING || c->info.status == CONTAINER_PAUSED ||
	       c->info.status == CONTAINER_RESTARTING;
}

int container_stop(struct container *c, const int *timeout, const char *signal, struct error *err)
{
	int r;

	pthread_mutex_lock(&c->operation);
	if (!is_started(c))
		r = error_set(err, ERROR_NOT_MODIFIED, "container %s is not running", c->info.id);
	else
		r = container_stop_locked(c, timeout, signal, err);
	pthread_mutex_unlock(&c->operation);
	if (r >= 0)
		container_event(c, "stop", NULL, NULL);
	return r;
}

int container_restart(struct container *c, const int *timeout, const char *signal,
                      struct error *err)
{
	int r = 0;

	pthread_mutex_lock(&c->operation);
	if (c->removed)
		r = error_set(err, ERROR_NOT_FOUND, "No such container: %s", c->info.id);
	if (r >= 0 && is_started(c)) {
		/* --rm is for when it ends for good */
		bool auto_remove = c->info.host_config.auto_remove;

		c->info.host_config.auto_remove = false;
		r = container_stop_locked(c, timeout, signal, err);
		c->info.host_config.auto_remove = auto_remove;
	}
	if (r >= 0)
		r = container_start_locked(c, err);
	pthread_mutex_unlock(&c->operation);
	if (r >= 0)
		container_event(c, "restart", NULL, NULL);
	return r;
}

int container_kill(struct container *c, const char *signal, struct error *err)
{
	char number[16];
	int sig, r = parse_signal(c, signal, SIGKILL, &sig, err);

	if (r < 0)
		return r;
	pthread_mutex_lock(&c->lock);
	if (c->info.status != CONTAINER_RUNNING && c->info.status != CONTAINER_PAUSED) {
		r = error_set(err, ERROR_CONFLICT,
		              "cannot kill container: %s: container %s is not running",
		              c->info.name, c->info.id);
	} else if (sig == SIGKILL || sig == stop_signal(c)) {
		c->manually_stopped = true;
		container_save_or_log(c);
	}
	pthread_mutex_unlock(&c->lock);
	if (r < 0)
		return r;
	if (sig == SIGKILL)
		thaw(c);
	r = send(c, sig, err);
	if (r < 0)
		return error_prefix(err, "cannot kill container: %s", c->info.name);
	snprintf(number, sizeof(number), "%d", sig);
	container_event(c, "kill", "signal", number);
	/* as Docker: SIGKILL answers when it has had its effect */
	if (sig == SIGKILL)
		await_end(c, KILL_SECONDS);
	return 0;
}

static int set_paused(struct container *c, bool paused, struct error *err)
{
	AUTO_FREE char *cgroup = container_cgroup(c);
	int r = 0;

	pthread_mutex_lock(&c->operation);
	pthread_mutex_lock(&c->lock);
	if (c->info.status != CONTAINER_RUNNING && c->info.status != CONTAINER_PAUSED)
		r = error_set(err, ERROR_CONFLICT, "Container %s is not running", c->info.id);
	else if (paused && c->info.status == CONTAINER_PAUSED)
		r = error_set(err, ERROR_CONFLICT, "Container %s is already paused", c->info.id);
	else if (!paused && c->info.status != CONTAINER_PAUSED)
		r = error_set(err, ERROR_CONFLICT, "Container %s is not paused", c->info.id);
	pthread_mutex_unlock(&c->lock);
	if (r >= 0)
		r = cgroup_freeze(cgroup, paused, err);
	if (r >= 0) {
		pthread_mutex_lock(&c->lock);
		if (c->alive)
			container_set_status(c, paused ? CONTAINER_PAUSED : CONTAINER_RUNNING);
		pthread_mutex_unlock(&c->lock);
	}
	pthread_mutex_unlock(&c->operation);
	if (r >= 0)
		container_event(c, paused ? "pause" : "unpause", NULL, NULL);
	return r;
}

int container_pause(struct container *c, struct error *err)
{
	return set_paused(c, true, err);
}

int container_unpause(struct container *c, struct error *err)
{
	return set_paused(c, false, err);
}

static int take_name(struct container *c, const char *name, char **ret_old, struct error *err)
{
	struct containers *cs = c->cs;
	struct container *other;

	WITH_LOCK(&cs->lock);
	other = map_get(cs->by_name, name);
	if (other)
		return error_set(
			err, ERROR_CONFLICT,
			"Conflict. The container name \"/%s\" is already in use by container \"%s\". You have "
			"to remove (or rename) that container to be able to reuse that name.",
			name, other->info.id);
	pthread_mutex_lock(&c->lock);
	*ret_old = c->info.name;
	map_remove(cs->by_name, c->info.name);
	c->info.name = xstrdup(name);
	map_set(cs->by_name, name, c);
	pthread_mutex_unlock(&c->lock);
	return 0;
}

int container_rename(struct container *c, const char *name, struct error *err)
{
	AUTO_FREE char *old = NULL;
	int r;

	if (name && *name == '/')
		name++;
	if (str_empty_or_null(name))
		return error_set(err, ERROR_INVALID, "Neither old nor new names may be empty");
	r = container_check_name(name, err);
	if (r < 0)
		return r;
	if (streq(name, c->info.name))
		return error_set(err, ERROR_INVALID,
		                 "Renaming a container with the same name as its current name");
	pthread_mutex_lock(&c->operation);
	r = take_name(c, name, &old, err);
	if (r >= 0) {
		pthread_mutex_lock(&c->lock);
		r = container_save(c, DB_DURABLE, err);
		pthread_mutex_unlock(&c->lock);
	}
	pthread_mutex_unlock(&c->operation);
	if (r >= 0) {
		AUTO_FREE char *was = xasprintf("/%s", old);

		container_event(c, "rename", "oldName", was);
	}
	return r;
}

/* Members of a request's body that are resources; the rest of HostConfig can't change. */
static void take_resources(struct host_config *to, const struct host_config *from,
                           const json_t *given)
{
#define TAKE(name, member)                                                                         \
	if (json_member(given, name, true))                                                        \
	to->member = from->member
#define TAKE_TEXT(name, member)                                                                    \
	if (json_member(given, name, true)) {                                                      \
		free(to->member);                                                                  \
		to->member = xstrdup_null(from->member);                                           \
	}
	TAKE("CpuShares", cpu_shares);
	TAKE("Memory", memory);
	TAKE("NanoCpus", nano_cpus);
	TAKE("BlkioWeight", blkio_weight);
	TAKE("CpuPeriod", cpu_period);
	TAKE("CpuQuota", cpu_quota);
	TAKE("CpuRealtimePeriod", cpu_realtime_period);
	TAKE("CpuRealtimeRuntime", cpu_realtime_runtime);
	TAKE("MemoryReservation", memory_reservation);
	TAKE("MemorySwap", memory_swap);
	TAKE_TEXT("CpusetCpus", cpuset_cpus);
	TAKE_TEXT("CpusetMems", cpuset_mems);
#undef TAKE
#undef TAKE_TEXT
	if (json_member(given, "PidsLimit", true) && from->pids_limit) {
		free(to->pids_limit);
		to->pids_limit = xmemdup(from->pids_limit, sizeof(*from->pids_limit));
	}
	if (json_member(given, "RestartPolicy", true) &&
	    !str_empty_or_null(from->restart_policy.name)) {
		free(to->restart_policy.name);
		to->restart_policy.name = xstrdup(from->restart_policy.name);
		to->restart_policy.maximum_retry_count = from->restart_policy.maximum_retry_count;
	}
}

static int apply_resources(struct container *c, const struct host_config *h, struct error *err)
{
	AUTO_FREE char *bundle = container_bundle(c);
	AUTO_FREE char *file = xasprintf("%s/resources.json", bundle);
	AUTO_FREE char *root = NULL;
	AUTO_STRBUF json = { 0 };
	struct runtime_resources resources;
	struct runtime runtime;
	struct json_writer w;
	int r;

	container_resources(h, &resources);
	json_writer_init(&w, &json);
	runtime_resources_encode(&w, &resources);
	r = write_file(AT_FDCWD, file, json.ptr, json.len, 0600, err);
	if (r < 0)
		return r;
	container_runtime(c, &runtime, &root);
	return runtime.ops->update(&runtime, c->info.id, file, err);
}

int container_update(struct container *c, const struct host_config *resources, const json_t *given,
                     struct strv *warnings, struct error *err)
{
	struct host_config wanted = { 0 };
	int r;

	pthread_mutex_lock(&c->operation);
	pthread_mutex_lock(&c->lock);
	json_fields_copy(host_config_fields, &c->info.host_config, &wanted);
	pthread_mutex_unlock(&c->lock);
	take_resources(&wanted, resources, given);
	r = host_config_check_resources(&wanted, warnings, err);
	if (r >= 0 && wanted.auto_remove && !str_empty_or_null(wanted.restart_policy.name) &&
	    !streq(wanted.restart_policy.name, "no"))
		r = error_set(
			err, ERROR_INVALID,
			"Restart policy cannot be updated because AutoRemove is enabled for the "
			"container");
	if (r >= 0 && container_is_running(c) && cgroup_host()->mode != CGROUP_NONE)
		r = apply_resources(c, &wanted, err);
	if (r >= 0) {
		pthread_mutex_lock(&c->lock);
		host_config_done(&c->info.host_config);
		c->info.host_config = wanted;
		wanted = (struct host_config){ 0 };
		r = container_save(c, DB_DURABLE, err);
		pthread_mutex_unlock(&c->lock);
	}
	host_config_done(&wanted);
	pthread_mutex_unlock(&c->operation);
	if (r >= 0)
		container_event(c, "update", NULL, NULL);
	return r < 0 ? error_prefix(err, "Cannot update container %s", c->info.id) : r;
}

struct container_wait {
	struct container *c;
	enum container_wait_condition condition;
	uint64_t exits;
};

struct container_wait *container_wait_begin(struct container *c,
                                            enum container_wait_condition condition)
{
	struct container_wait *w = NEW(struct container_wait);

	w->c = container_ref(c);
	w->condition = condition;
	WITH_LOCK(&c->lock);
	w->exits = c->exits;
	return w;
}

static bool is_met(const struct container_wait *w)
{
	const struct container *c = w->c;

	if (c->removed)
		return true;
	switch (w->condition) {
	case WAIT_NOT_RUNNING:
		return !c->alive && c->info.status != CONTAINER_RESTARTING;
	case WAIT_NEXT_EXIT:
		return c->exits > w->exits;
	case WAIT_REMOVED:
		return false;
	}
	return true;
}

int container_wait_finish(struct container_wait *w, bool (*gone)(void *ctx), void *ctx,
                          int *ret_status, char **ret_error, struct error *err)
{
	struct container *c = w->c;
	int r = 0;

	pthread_mutex_lock(&c->lock);
	while (!is_met(w)) {
		if (atomic_load(&c->cs->closing) || (gone && gone(ctx))) {
			r = error_set(err, ERROR_CANCELLED, "the client left");
			break;
		}
		container_wait_changed(c, time_monotonic() + NSEC_PER_SEC / 2);
	}
	*ret_status = c->info.exit_code;
	if (r >= 0 && ret_error && !str_empty_or_null(c->info.error))
		*ret_error = xstrdup(c->info.error);
	pthread_mutex_unlock(&c->lock);
	container_unref(c);
	free(w);
	return r;
}
