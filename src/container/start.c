/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Starting: root file system, networks, configuration, shim, runtime; each step's undoing is in
 * container_release(), which a failed start and an ended run share.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/time.h"
#include "container/container-internal.h"
#include "runtime/cgroup.h"

enum { LOG_SIZE_DEFAULT = 20 << 20, LOG_FILES_DEFAULT = 5 };

static void plan_done(struct container_plan *p)
{
	free(p->merged);
	free(p->netns);
	free(p->pid_ns);
	free(p->ipc_ns);
	free(p->cgroup);
	if (p->rootfd >= 0)
		close(p->rootfd);
}

/* --pid or --ipc container:x: the namespace of a container that runs now. */
static int join(struct container *c, const char *mode, const char *ns, char **ret,
                struct error *err)
{
	const char *name = mode ? str_skip_prefix(mode, "container:") : NULL;
	CLEANUP(container_unref_ptr) struct container *other = NULL;
	int r;

	if (!name)
		return 0;
	r = container_find(c->cs, name, &other, err);
	if (r < 0)
		return r;
	WITH_LOCK(&other->lock);
	if (other->info.pid <= 0)
		return error_set(err, ERROR_CONFLICT,
		                 "cannot join %s namespace of a non running container: %s", ns,
		                 name);
	*ret = xasprintf("/proc/%d/ns/%s", (int)other->info.pid, ns);
	return 0;
}

static int mount_root(struct container *c, struct container_plan *plan, struct error *err)
{
	AUTO_FREE char *dir = NULL;
	struct digest chain = { 0 };
	struct snapshot_mount m;
	int r = container_snapshot(c, &m, &dir, &chain, err);

	if (r >= 0)
		r = snapshot_mount(c->cs->snapshots, &m, err);
	if (r < 0)
		return r;
	plan->merged = xasprintf("%s/merged", dir);
	plan->rootfd = open(plan->merged, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return plan->rootfd < 0 ? error_set_errno(err, errno, "cannot open %s", plan->merged) : 0;
}

static int make_bundle(const struct container *c, char **ret, struct error *err)
{
	AUTO_FREE char *bundle = container_bundle(c);
	AUTO_FREE char *stale = NULL;
	int r;

	IGNORE_RESULT(remove_tree(AT_FDCWD, bundle) < 0, "there is none of a run before");
	r = mkdir_parents(AT_FDCWD, bundle, 0700);
	if (r >= 0 && chmod(bundle, 0700) < 0)
		r = -errno;
	if (r < 0)
		return error_set_errno(err, -r, "cannot make %s", bundle);
	*ret = TAKE_PTR(bundle);
	return 0;
}

static void log_limits(const struct container *c, struct shim_config *s)
{
	const struct strmap *o = &c->info.host_config.log_config.config;
	const char *size = strmap_get(o, "max-size"), *files = strmap_get(o, "max-file");
	uint64_t n;

	s->log_max_size = LOG_SIZE_DEFAULT;
	s->log_max_files = LOG_FILES_DEFAULT;
	if (size && (streq(size, "-1") || parse_size(size, &s->log_max_size) < 0))
		s->log_max_size = streq(size, "-1") ? 0 : LOG_SIZE_DEFAULT;
	if (files && parse_u64(files, &n) >= 0 && n > 0 && n < 1000)
		s->log_max_files = (unsigned)n;
}

static int spawn_shim(struct container *c, const char *bundle, const struct container_plan *plan,
                      struct error *err)
{
	const struct container_info *i = &c->info;
	AUTO_FREE char *root = NULL;
	AUTO_FREE char *oom = cgroup_oom_file(plan->cgroup);
	struct runtime runtime;
	struct shim_config s = {
		.id = i->id,
		.bundle = bundle,
		.log_path = i->log_path,
		.oom_path = oom,
		.hide_mount = cgroup_host()->hide_mount,
		.tty = i->config.tty,
		.stdin_open = i->config.open_stdin,
		.stdin_once = i->config.stdin_once,
	};

	container_runtime(c, &runtime, &root);
	s.runtime = runtime.path;
	s.runtime_root = runtime.root;
	host_config_console_size(&i->host_config, &s.height, &s.width);
	log_limits(c, &s);
	return shim_spawn(c->cs->shim_path, &s, err);
}

void container_release(struct container *c)
{
	AUTO_FREE char *dir = container_directory(c);
	AUTO_FREE char *bundle = container_bundle(c);
	struct error err = { 0 };

	container_network_down(c);
	if (snapshot_unmount(dir, &err) < 0)
		log_warning("cannot unmount the root file system container=%s: %s", c->info.id,
		            err.message);
	IGNORE_RESULT(remove_tree(AT_FDCWD, bundle) < 0, "the next start clears it");
}

static int prepare(struct container *c, struct container_plan *plan, char **bundle,
                   struct error *err)
{
	const struct host_config *h = &c->info.host_config;
	AUTO_FREE char *config = NULL;
	int r = mount_root(c, plan, err);

	plan->cgroup = container_cgroup(c);
	if (r >= 0)
		r = join(c, h->pid_mode, "pid", &plan->pid_ns, err);
	if (r >= 0)
		r = join(c, h->ipc_mode, "ipc", &plan->ipc_ns, err);
	if (r >= 0)
		r = container_network_up(c, plan, err);
	if (r >= 0)
		r = container_write_network_files(c, err);
	if (r >= 0)
		r = make_bundle(c, bundle, err);
	if (r < 0)
		return r;
	config = xasprintf("%s/config.json", *bundle);
	return container_write_spec(c, plan, config, err);
}

/* The runtime's own words become Docker's; what the shim or we ourselves say stays. */
static int run(struct container *c, const char *bundle, const struct container_plan *plan,
               int *ret_monitor, struct shim_started *started, struct error *err)
{
	struct shim_state state;
	int r = spawn_shim(c, bundle, plan, err);

	if (r < 0)
		return r;
	*ret_monitor = shim_monitor(bundle, &state, err);
	if (*ret_monitor < 0)
		return *ret_monitor;
	attachments_connect(c);
	r = shim_start(bundle, "", started, err);
	if (r < 0 && err->kind == ERROR_CONFLICT) {
		struct error said = *err;

		runtime_translate_error(said.message, false, c->info.path, err);
		r = error_errno(err);
	}
	if (r < 0) { /* the shim ends by itself once the runtime has cleaned up */
		struct shim_exited e;

		while (shim_read_event(*ret_monitor, true, &e) >= 0)
			;
		/* a runtime that fails early forgets its control group */
		cgroup_kill(plan->cgroup);
		cgroup_remove(plan->cgroup);
	}
	return r;
}

static int fail_start(struct container *c, struct error *err)
{
	bool not_found = strstr(err->message, "executable file not found") ||
	                 strstr(err->message, "no such file or directory");
	bool not_allowed =
		strstr(err->message, "permission denied") || strstr(err->message, "is a directory");

	attachments_drop(c);
	container_release(c);
	pthread_mutex_lock(&c->lock);
	c->alive = false;
	c->info.pid = 0;
	c->info.exit_code = not_found ? 127 : not_allowed ? 126 : 128;
	free(c->info.error);
	c->info.error = xstrdup(err->message);
	c->exits++;
	container_set_status(c, c->has_been_started || c->info.started_at ? CONTAINER_EXITED
	                                                                  : CONTAINER_CREATED);
	pthread_mutex_unlock(&c->lock);
	return error_errno(err);
}

static void set_running(struct container *c, const struct shim_started *s)
{
	pthread_mutex_lock(&c->lock);
	c->info.pid = s->pid;
	c->info.started_at = s->time;
	c->info.exit_code = 0;
	c->info.oom_killed = false;
	free(c->info.error);
	c->info.error = NULL;
	c->manually_stopped = false;
	c->has_been_started = true;
	container_set_status(c, CONTAINER_RUNNING);
	pthread_mutex_unlock(&c->lock);
}

int container_start_locked(struct container *c, struct error *err)
{
	CLEANUP(plan_done) struct container_plan plan = { .rootfd = -1 };
	AUTO_FREE char *bundle = NULL;
	struct shim_started started;
	int monitor = -1, r;

	pthread_mutex_lock(&c->lock);
	while (c->alive)
		container_wait_changed(c, time_monotonic() + NSEC_PER_SEC);
	c->alive = true;
	pthread_mutex_unlock(&c->lock);
	r = prepare(c, &plan, &bundle, err);
	if (r >= 0)
		r = run(c, bundle, &plan, &monitor, &started, err);
	if (r < 0) {
		if (monitor >= 0)
			close(monitor);
		return fail_start(c, err);
	}
	set_running(c, &started);
	container_event(c, "start", NULL, NULL);
	health_start(c);
	r = monitor_add(c, monitor, err);
	if (r < 0) {
		struct error ignored = { 0 };

		IGNORE_RESULT(shim_signal(bundle, "", 9, &ignored) < 0,
		              "its end is then settled at the engine's next start");
	}
	return r;
}

int container_start(struct container *c, const char *detach_keys, struct error *err)
{
	int r = 0;

	pthread_mutex_lock(&c->operation);
	pthread_mutex_lock(&c->lock);
	switch (c->info.status) {
	case CONTAINER_RUNNING:
		r = error_set(err, ERROR_NOT_MODIFIED, "container %s is already running",
		              c->info.id);
		break;
	case CONTAINER_PAUSED:
		r = error_set(err, ERROR_CONFLICT,
		              "cannot start a paused container, try unpause instead");
		break;
	case CONTAINER_REMOVING:
	case CONTAINER_DEAD:
		r = error_set(err, ERROR_CONFLICT,
		              "container is marked for removal and cannot be started");
		break;
	case CONTAINER_CREATED:
	case CONTAINER_RESTARTING:
	case CONTAINER_EXITED:
		c->manually_stopped = false;
		c->restart_delay = 0;
		c->info.restart_count = 0;
		break;
	case CONTAINER_STATUS_COUNT:
		break;
	}
	if (c->removed)
		r = error_set(err, ERROR_NOT_FOUND, "No such container: %s", c->info.id);
	pthread_mutex_unlock(&c->lock);
	if (r >= 0)
		r = container_start_locked(c, err);
	if (r < 0 && err->kind != ERROR_NOT_MODIFIED && c->info.host_config.auto_remove &&
	    !c->removed && !container_is_running(c)) {
		struct error ignored = { 0 };

		IGNORE_RESULT(container_remove_locked(c, true, &ignored) < 0,
		              "the start's error is the one to tell");
	}
	pthread_mutex_unlock(&c->operation);
	return r;
}
