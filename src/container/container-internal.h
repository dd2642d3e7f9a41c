/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The room's inside. A container's facts are one `struct container_info`, which is also its row (as JSON);
 * `lock` guards it. `operation` is held over start, stop and removal: it is taken before `lock`, and no lock is held
 * over runtime or shim I/O but that one. The monitor thread hears the shims; what follows from an end runs in a thread
 * of its own (exit.c). The set's lock guards the tables of names, and is taken before a container's.
 */
#include <pthread.h>

#include "base/list.h"
#include "base/map.h"
#include "base/thread.h"
#include "container/container.h"
#include "runtime/runtime.h"
#include "runtime/spec.h"
#include "shim/client.h"

struct exec {
	struct exec_info info;
	struct container *container; /* borrowed: the container holds its execs */
	struct list link;
	bool started;
};

struct containers {
	char *data_directory, *exec_directory, *shim_path, *default_runtime, *cgroup_parent;
	struct strmap runtimes;
	struct strv default_dns_list; /* empty: the host's */
	struct log_config default_log;
	struct ulimit_vec default_ulimits;
	int64_t default_shm_size;
	struct db *db;
	struct image_store *images;
	struct snapshot_store *snapshots;
	struct networks *networks;
	struct volumes *volumes;
	struct event_bus *events;
	pthread_mutex_t lock; /* the maps */
	struct map *by_id, *by_name, *execs; /* borrowed values; by_id holds a reference */
	pthread_t monitor;
	bool monitoring;
	int epoll_fd, wake_fd;
	atomic_bool closing;
	atomic_uint workers; /* threads of exits and restarts */
};

struct container {
	atomic_uint refs;
	struct containers *cs;
	pthread_mutex_t operation;
	pthread_mutex_t lock;    /* all below */
	pthread_cond_t changed;  /* any of it; monotonic */
	struct container_info info;
	bool alive;              /* from start until everything is given back */
	bool manually_stopped;   /* no restart policy applies */
	bool has_been_started;
	bool removed;
	bool exec_start_pending;
	uint64_t exits;          /* ends so far */
	int monitor_fd;
	bool watched;            /* the monitor has a reference */
	int64_t restart_delay;   /* ns, of the next one */
	uint64_t health_generation;
	struct list attachments; /* waiting for the start */
	struct list execs;
};

/* store.c */
extern const struct json_field container_row_fields[];
struct container *container_ref(struct container *c);
int container_insert(struct containers *cs, struct container *c, struct error *err) MUST_USE;
struct container *container_new(struct containers *cs);
/* Writes the row. Call with lock held or the container not yet known. */
int container_save(struct container *c, enum db_durability durability, struct error *err) MUST_USE;
/* The same, for where nothing can be done about a failure but tell the log. */
void container_save_or_log(struct container *c);
/* Checks, saves, wakes. lock held. */
void container_set_status(struct container *c, enum container_status status);
void container_forget(struct container *c);
void container_event(struct container *c, const char *action, const char *key, const char *value);
char *container_directory(const struct container *c) MUST_USE;
char *container_bundle(const struct container *c) MUST_USE;
char *container_cgroup(const struct container *c) MUST_USE;
void container_runtime(const struct container *c, struct runtime *ret, char **ret_root);
bool container_is_running(struct container *c); /* takes lock */
/* Waits on changed until the monotonic time; lock held. */
void container_wait_changed(struct container *c, int64_t until);
int container_not_running(const struct container *c, struct error *err);
int container_work(struct container *c, void *(*fn)(void *), void *arg, struct error *err) MUST_USE;

/* names.c */
void container_make_name(char *buf, size_t size);
int container_check_name(const char *name, struct error *err) MUST_USE;

/* validate.c */
int container_validate(struct containers *cs, struct container_create_request *r, struct strv *warnings,
		       struct error *err) MUST_USE;
int host_config_check_resources(const struct host_config *h, struct strv *warnings, struct error *err) MUST_USE;

/* mounts.c */
/* Makes info.mounts of binds, mounts, volumes and volumes-from; anonymous volumes come into being. */
int container_plan_mounts(struct container *c, const struct strv *image_volumes, struct error *err) MUST_USE;
/* Their entries of the runtime's list; the root is mounted at merged. */
int container_add_mounts(struct container *c, int rootfd, struct runtime_spec *spec, struct error *err) MUST_USE;

/* recover.c */
int containers_load(struct containers *cs, struct error *err) MUST_USE; /* the rows, nothing more */

/* spec.c */
struct container_plan { /* what start found out */
	char *merged;  /* the root file system's path */
	int rootfd;
	char *netns;   /* NULL: the host's */
	char *pid_ns, *ipc_ns;
	char *cgroup;
};
int container_write_spec(struct container *c, const struct container_plan *plan, const char *path, struct error *err) MUST_USE;
void container_resources(const struct host_config *h, struct runtime_resources *ret);
/* The process of an exec as JSON. */
int container_exec_spec(struct container *c, const struct exec_config *config, struct strbuf *out, struct error *err) MUST_USE;
int container_capabilities(const struct host_config *h, bool privileged, uint64_t *ret, struct strv *warnings,
			   struct error *err) MUST_USE;

/* start.c */
int container_start_locked(struct container *c, struct error *err) MUST_USE; /* operation held */
/* Gives back mounts, networks and the bundle. No locks needed: the run has ended. */
void container_release(struct container *c);
int container_snapshot(struct container *c, struct snapshot_mount *ret, char **ret_directory, struct digest *chain,
		       struct error *err) MUST_USE;

/* net.c */
int container_network_plan(struct container *c, struct error *err) MUST_USE;
int container_network_up(struct container *c, struct container_plan *plan, struct error *err) MUST_USE;
void container_network_down(struct container *c);
int container_write_network_files(struct container *c, struct error *err) MUST_USE;
struct container *container_of_mode(struct containers *cs, const char *mode, struct error *err);

/* monitor.c */
int monitor_start(struct containers *cs, struct error *err) MUST_USE;
void monitor_stop(struct containers *cs);
int monitor_add(struct container *c, int fd, struct error *err) MUST_USE;

/* exit.c */
void container_ended(struct container *c, const struct shim_exited *e);
int64_t restart_next_delay(int64_t delay, int64_t ran_for); /* tests */
bool restart_wanted(const struct restart_policy *p, int exit_code, int restarts, bool manually_stopped);
void container_schedule_restart(struct container *c);

/* attach.c */
void attachments_connect(struct container *c);
void attachments_drop(struct container *c);

/* exec.c */
void exec_ended(struct container *c, const struct shim_exited *e);
/* Until the code is there, a second at most: streams end a moment before it is heard, and clients ask at once. */
void exec_await_code(struct container *c, const char *id);
void execs_drop(struct container *c);

/* health.c */
void health_start(struct container *c);
void health_stop(struct container *c); /* lock held */
/* Runs argv inside, collecting output up to limit. Exit code, or negative with err. */
int exec_run(struct container *c, const struct strv *argv, const char *user, int64_t timeout_ns, size_t limit,
	     struct strbuf *out, struct error *err) MUST_USE;

/* stop.c */
int container_signal_parse(const char *text, int *ret);
int container_stop_locked(struct container *c, const int *timeout, const char *signal, struct error *err) MUST_USE;
/* remove.c */
int container_remove_locked(struct container *c, bool volumes, struct error *err) MUST_USE;
