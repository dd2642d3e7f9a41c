/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Containers: what they are (database), whether they run (their shims know), and everything that
 * is done to one. A container belongs to its shim, so this process may end at any time:
 * containers_recover() takes up what runs. No lock is held over runtime or shim I/O: each
 * container has an operation lock for start/stop/remove that only those wait for, and a short
 * state lock that inspect takes. Publishes Docker's container events. Any thread.
 */
#include <stdatomic.h>

#include "container/config.h"
#include "http/stream.h"
#include "image/image.h"
#include "network/network.h"
#include "snapshot/snapshot.h"
#include "volume/volume.h"

struct containers; /* all of them */
struct container;  /* one, counted */

struct containers_options {
	const char *data_directory; /* <data-root>/containers */
	const char *exec_directory; /* <exec-root> */
	const char *shim_path;      /* coracle-shim */
	const char *default_runtime; /* name in runtimes: "crun" */
	const struct strmap *runtimes; /* name -> path */
	const char *cgroup_parent;     /* "/docker"-like; "" = default */
	const char *const *default_dns; /* NULL: the host's resolv.conf */
	const struct log_config *default_log;
	const struct ulimit_vec *default_ulimits;
	int64_t default_shm_size;
};

/* Loads the rows: container_list() and container_inspect() answer before containers_recover(). */
struct containers *containers_new(const struct containers_options *o, struct db *db, struct image_store *images,
				  struct snapshot_store *snapshots, struct networks *networks, struct volumes *volumes,
				  struct event_bus *events, struct error *err) MUST_USE;
/* Takes up running containers through their shims, settles those that ended while nobody looked, applies restart
 * policies, finishes half-made creations and removals. Fast: containers in the background. */
int containers_recover(struct containers *cs, struct error *err) MUST_USE;
/* live: leave containers running (the normal way). */
void containers_close(struct containers *cs, bool live);

enum container_status {
	CONTAINER_CREATED,
	CONTAINER_RUNNING,
	CONTAINER_PAUSED,
	CONTAINER_RESTARTING,
	CONTAINER_REMOVING,
	CONTAINER_EXITED,
	CONTAINER_DEAD,
	CONTAINER_STATUS_COUNT,
};
const char *container_status_name(enum container_status s);

enum health_status { HEALTH_NONE, HEALTH_STARTING, HEALTH_HEALTHY, HEALTH_UNHEALTHY };

struct health_probe {
	int64_t start, end;
	int exit_code;
	char *output;
};
DEFINE_VEC(health_probe_vec, struct health_probe);

struct mount_point { /* inspect's Mounts */
	char *type, *name, *source, *destination, *driver, *mode, *propagation;
	bool rw;
};
DEFINE_VEC(mount_point_vec, struct mount_point);

struct port_assignment { /* a published port as it is */
	char *port; /* "80/tcp" */
	char *host_ip;
	int host_port;
};
DEFINE_VEC(port_assignment_vec, struct port_assignment);

/* A copy of everything that inspect and list need; owned. */
struct container_info {
	char *id;   /* 64 hex */
	char *name; /* without '/' */
	int64_t created;
	struct container_config config; /* with the image's merged in */
	struct host_config host_config;
	char *image_id, *image_name; /* sha256:..., as asked for */
	char *path;
	struct strv args;
	enum container_status status;
	bool oom_killed, dead;
	pid_t pid;
	int exit_code;
	char *error;
	int64_t started_at, finished_at;
	int restart_count;
	enum health_status health;
	int health_failing_streak;
	struct health_probe_vec health_log;
	char *log_path, *hostname_path, *hosts_path, *resolv_conf_path;
	char *upper_path, *merged_path; /* GraphDriver data */
	struct mount_point_vec mounts;
	struct endpoint_vec endpoints;
	struct port_assignment_vec ports;
	char *sandbox_id, *sandbox_key;
	struct strv exec_ids;
	char *runtime;
	bool has_rw_size;
	int64_t rw_size, root_size;
};
void container_info_free(struct container_info *i);
DEFINE_CLEANUP(struct container_info *, container_info_free)

/* By full id, name, or unique id prefix. NOT_FOUND "No such container: x"; an ambiguous prefix is INVALID. */
int container_find(struct containers *cs, const char *name, struct container **ret, struct error *err) MUST_USE;
void container_unref(struct container *c);
DEFINE_CLEANUP(struct container *, container_unref)
const char *container_id(const struct container *c);
pid_t container_pid(struct container *c); /* 0 when it does not run */
struct container_info *container_inspect(struct container *c, bool size) MUST_USE;
/* All containers, newest first. */
DEFINE_VEC(container_ptr_vec, struct container *);
void container_list(struct containers *cs, struct container_ptr_vec *ret);
void container_list_done(struct container_ptr_vec *v);

/* Validates and records. name NULL: one is made up. warnings gets sentences. CONFLICT for a name in use, NOT_FOUND
 * "No such image: x" . Takes the request's contents. */
int container_create(struct containers *cs, const char *name, const struct platform *platform,
		     struct container_create_request *request, struct strv *warnings, char **ret_id,
		     struct error *err) MUST_USE;
int container_start(struct container *c, const char *detach_keys, struct error *err) MUST_USE; /* NOT_MODIFIED when running */
/* timeout in seconds, -1 for ever; NULL: the container's. signal NULL: the container's. */
int container_stop(struct container *c, const int *timeout, const char *signal, struct error *err) MUST_USE;
int container_restart(struct container *c, const int *timeout, const char *signal, struct error *err) MUST_USE;
int container_kill(struct container *c, const char *signal, struct error *err) MUST_USE;
int container_pause(struct container *c, struct error *err) MUST_USE;
int container_unpause(struct container *c, struct error *err) MUST_USE;
int container_rename(struct container *c, const char *name, struct error *err) MUST_USE;
int container_update(struct container *c, const struct host_config *resources, const json_t *given, struct strv *warnings,
		     struct error *err) MUST_USE;
/* Joins or leaves a network; a stopped container does so at its next start. CONFLICT when it is there already. */
int container_network_connect(struct container *c, const char *network, const struct endpoint *settings,
			      struct error *err) MUST_USE;
int container_network_disconnect(struct container *c, const char *network, bool force, struct error *err) MUST_USE;
struct container_remove_options {
	bool force, volumes, link;
};
int container_remove(struct container *c, const struct container_remove_options *o, struct error *err) MUST_USE;

enum container_wait_condition { WAIT_NOT_RUNNING, WAIT_NEXT_EXIT, WAIT_REMOVED };
/* Registers at once and blocks in _finish: so that nothing is missed in between. */
struct container_wait;
struct container_wait *container_wait_begin(struct container *c, enum container_wait_condition condition) MUST_USE;
/* gone (may be NULL) is polled for a client that left: then CANCELLED. Frees w. */
int container_wait_finish(struct container_wait *w, bool (*gone)(void *ctx), void *ctx, int *ret_status, char **ret_error,
			  struct error *err) MUST_USE;

/* Attaching: copies between the stream and the container's stdio until either ends; takes the stream. Without a tty
 * output is framed (8-byte headers). */
struct attach_options {
	bool stdin_, stdout_, stderr_;
	bool logs;   /* first what was logged */
	bool stream; /* then live */
	const char *detach_keys; /* NULL: ctrl-p,ctrl-q */
};
/* Prepared before the 101 is sent, so that errors are still HTTP answers. */
struct attachment;
int container_attach(struct container *c, const struct attach_options *o, struct attachment **ret, struct error *err) MUST_USE;
/* Runs to the end in this thread; always frees a and closes stream. */
void attachment_run(struct attachment *a, struct http_stream *stream);
void attachment_free(struct attachment *a); /* without running it */
int container_resize(struct container *c, unsigned height, unsigned width, struct error *err) MUST_USE;

/* Logs. */
struct log_options {
	bool stdout_, stderr_, follow, timestamps, details;
	int64_t since, until; /* wall; 0 none */
	int64_t tail;         /* lines; -1 all */
};
/* sink gets payload bytes of one stream (1 stdout, 2 stderr) and returns 0, or -errno to stop. gone as in wait. */
typedef int (*log_sink_fn)(void *ctx, int stream, const void *data, size_t n);
int container_logs(struct container *c, const struct log_options *o, log_sink_fn sink, bool (*gone)(void *ctx), void *ctx,
		   struct error *err) MUST_USE;

/* Processes: `top`. titles and rows of `ps` with the given arguments, container's processes only. */
DEFINE_VEC(strv_vec, struct strv);
int container_top(struct container *c, const char *ps_args, struct strv *titles, struct strv_vec *rows, struct error *err) MUST_USE;

/* exec */
struct exec_config {
	char *user;
	bool tty, attach_stdin, attach_stdout, attach_stderr, privileged;
	char *detach_keys;
	struct strv env, cmd;
	char *working_dir;
	int64_t console_size[2];
};
struct exec_info {
	char *id, *container_id;
	struct exec_config config;
	bool running, has_exit_code, can_remove;
	int exit_code;
	pid_t pid;
};
void exec_config_done(struct exec_config *c);
void exec_info_done(struct exec_info *i);
int exec_create(struct container *c, struct exec_config *config, char **ret_id, struct error *err) MUST_USE;
int exec_inspect(struct containers *cs, const char *id, struct exec_info *ret, struct error *err) MUST_USE;
/* detach: a is not made. Otherwise run it as an attachment. */
int exec_start(struct containers *cs, const char *id, bool detach, bool tty, struct attachment **ret, struct error *err) MUST_USE;
int exec_resize(struct containers *cs, const char *id, unsigned height, unsigned width, struct error *err) MUST_USE;

/* Files: archive and export. The root is opened by descriptor; a stopped container is mounted for it. */
struct path_stat {
	char *name;
	int64_t size;
	uint32_t go_mode; /* Go's FileMode bits */
	int64_t mtime;
	char *link_target;
};
int container_path_stat(struct container *c, const char *path, struct path_stat *ret, struct error *err) MUST_USE;
int container_archive_get(struct container *c, const char *path, struct path_stat *ret, int out_fd, struct error *err) MUST_USE;
int container_archive_put(struct container *c, const char *path, int in_fd, bool no_overwrite_dir_non_dir, bool copy_uid_gid,
			  struct error *err) MUST_USE;
int container_export(struct container *c, int out_fd, struct error *err) MUST_USE;
int container_changes(struct container *c, snapshot_change_fn fn, void *ctx, struct error *err) MUST_USE;
struct commit_options {
	const struct reference *tag;
	const char *comment, *author;
	bool pause;
	const struct strv *changes;
	const struct image_run_config *config; /* body, or NULL */
};
int container_commit(struct container *c, const struct commit_options *o, struct digest *ret_id, struct error *err) MUST_USE;

/* stats: one sample of cgroup and network counters, in Docker's JSON shape (a `read` object; the API pairs two). */
int container_stats(struct container *c, struct json_writer *w, struct error *err) MUST_USE;

/* Which container uses an image: for image_remove. */
int containers_image_in_use(void *containers, const struct digest *id, char **ret_container);
