/* SPDX-License-Identifier: Apache-2.0 */
/* The set of containers: tables by id and name, rows, events. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/time.h"
#include "container/container-internal.h"

static const char *const status_names[] = {
	[CONTAINER_CREATED] = "created",   [CONTAINER_RUNNING] = "running",
	[CONTAINER_PAUSED] = "paused",     [CONTAINER_RESTARTING] = "restarting",
	[CONTAINER_REMOVING] = "removing", [CONTAINER_EXITED] = "exited",
	[CONTAINER_DEAD] = "dead",
};
_Static_assert(ARRAY_SIZE(status_names) == CONTAINER_STATUS_COUNT, "every status has a name");

static const char *const migrations[] = {
	"CREATE TABLE container(id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, image_id TEXT, body TEXT NOT NULL,"
	" manually_stopped INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;"
	"CREATE INDEX container_image ON container(image_id);",
	NULL,
};

static const struct json_field mount_point_fields[] = {
	JSON_FIELD(struct mount_point, type, "Type", JSON_F_STRING),
	JSON_FIELD(struct mount_point, name, "Name", JSON_F_STRING),
	JSON_FIELD(struct mount_point, source, "Source", JSON_F_STRING),
	JSON_FIELD(struct mount_point, destination, "Destination", JSON_F_STRING),
	JSON_FIELD(struct mount_point, driver, "Driver", JSON_F_STRING),
	JSON_FIELD(struct mount_point, mode, "Mode", JSON_F_STRING),
	JSON_FIELD(struct mount_point, propagation, "Propagation", JSON_F_STRING),
	JSON_FIELD(struct mount_point, rw, "RW", JSON_F_BOOL),
	JSON_FIELDS_END,
};

static const struct json_field port_assignment_fields[] = {
	JSON_FIELD(struct port_assignment, port, "Port", JSON_F_STRING),
	JSON_FIELD(struct port_assignment, host_ip, "HostIp", JSON_F_STRING),
	JSON_FIELD(struct port_assignment, host_port, "HostPort", JSON_F_INT),
	JSON_FIELDS_END,
};

static const struct json_field health_probe_fields[] = {
	JSON_FIELD(struct health_probe, start, "Start", JSON_F_I64),
	JSON_FIELD(struct health_probe, end, "End", JSON_F_I64),
	JSON_FIELD(struct health_probe, exit_code, "ExitCode", JSON_F_INT),
	JSON_FIELD(struct health_probe, output, "Output", JSON_F_STRING),
	JSON_FIELDS_END,
};

#define FIELD(member, wire, kind, ...)                                                             \
	JSON_FIELD(struct container_info, member, wire, kind, ##__VA_ARGS__)

const struct json_field container_row_fields[] = {
	FIELD(id, "Id", JSON_F_STRING),
	FIELD(name, "Name", JSON_F_STRING),
	FIELD(created, "Created", JSON_F_I64),
	FIELD(config, "Config", JSON_F_OBJECT, .fields = container_config_fields),
	FIELD(host_config, "HostConfig", JSON_F_OBJECT, .fields = host_config_fields),
	FIELD(image_id, "Image", JSON_F_STRING),
	FIELD(image_name, "ImageName", JSON_F_STRING),
	FIELD(path, "Path", JSON_F_STRING),
	FIELD(args, "Args", JSON_F_STRV),
	FIELD(status, "Status", JSON_F_INT),
	FIELD(oom_killed, "OOMKilled", JSON_F_BOOL),
	FIELD(dead, "Dead", JSON_F_BOOL),
	FIELD(pid, "Pid", JSON_F_INT),
	FIELD(exit_code, "ExitCode", JSON_F_INT),
	FIELD(error, "Error", JSON_F_STRING),
	FIELD(started_at, "StartedAt", JSON_F_I64),
	FIELD(finished_at, "FinishedAt", JSON_F_I64),
	FIELD(restart_count, "RestartCount", JSON_F_INT),
	FIELD(health, "Health", JSON_F_INT),
	FIELD(health_failing_streak, "FailingStreak", JSON_F_INT),
	FIELD(health_log, "HealthLog", JSON_F_LIST, .fields = health_probe_fields,
	      .size = sizeof(struct health_probe)),
	FIELD(log_path, "LogPath", JSON_F_STRING),
	FIELD(hostname_path, "HostnamePath", JSON_F_STRING),
	FIELD(hosts_path, "HostsPath", JSON_F_STRING),
	FIELD(resolv_conf_path, "ResolvConfPath", JSON_F_STRING),
	FIELD(upper_path, "UpperPath", JSON_F_STRING),
	FIELD(merged_path, "MergedPath", JSON_F_STRING),
	FIELD(mounts, "Mounts", JSON_F_LIST, .fields = mount_point_fields,
	      .size = sizeof(struct mount_point)),
	FIELD(endpoints, "Endpoints", JSON_F_MAP, .fields = endpoint_fields,
	      .size = sizeof(struct endpoint)),
	FIELD(ports, "Ports", JSON_F_LIST, .fields = port_assignment_fields,
	      .size = sizeof(struct port_assignment)),
	FIELD(sandbox_id, "SandboxID", JSON_F_STRING),
	FIELD(sandbox_key, "SandboxKey", JSON_F_STRING),
	FIELD(exec_ids, "ExecIDs", JSON_F_STRV),
	FIELD(runtime, "Runtime", JSON_F_STRING),
	JSON_FIELDS_END,
};
_Static_assert(sizeof(enum container_status) == sizeof(int) &&
                       sizeof(enum health_status) == sizeof(int) && sizeof(pid_t) == sizeof(int),
               "the table reads them as int");

const char *container_status_name(enum container_status s)
{
	return status_names[s];
}

void container_info_free(struct container_info *i)
{
	if (!i)
		return;
	json_fields_clear(container_row_fields, i);
	free(i);
}

struct container *container_new(struct containers *cs)
{
	struct container *c = NEW(struct container);
	pthread_condattr_t attr;

	c->cs = cs;
	c->monitor_fd = -1;
	atomic_init(&c->refs, 1);
	list_init(&c->attachments);
	list_init(&c->execs);
	pthread_mutex_init(&c->operation, NULL);
	pthread_mutex_init(&c->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&c->changed, &attr);
	pthread_condattr_destroy(&attr);
	return c;
}

struct container *container_ref(struct container *c)
{
	atomic_fetch_add(&c->refs, 1);
	return c;
}

void container_unref(struct container *c)
{
	if (!c || atomic_fetch_sub(&c->refs, 1) != 1)
		return;
	execs_drop(c);
	if (c->monitor_fd >= 0)
		close(c->monitor_fd);
	json_fields_clear(container_row_fields, &c->info);
	pthread_cond_destroy(&c->changed);
	pthread_mutex_destroy(&c->lock);
	pthread_mutex_destroy(&c->operation);
	free(c);
}

pid_t container_pid(struct container *c)
{
	WITH_LOCK(&c->lock);
	return c->info.pid;
}

const char *container_id(const struct container *c)
{
	return c->info.id; /* set once */
}

char *container_directory(const struct container *c)
{
	return xasprintf("%s/%s", c->cs->data_directory, c->info.id);
}

char *container_bundle(const struct container *c)
{
	return xasprintf("%s/%s", c->cs->exec_directory, c->info.id);
}

char *container_cgroup(const struct container *c)
{
	const char *parent = c->info.host_config.cgroup_parent;

	if (str_empty_or_null(parent))
		parent =
			str_empty_or_null(c->cs->cgroup_parent) ? "/coracle" : c->cs->cgroup_parent;
	return xasprintf("%s%s/%s", parent[0] == '/' ? "" : "/", parent, c->info.id);
}

void container_runtime(const struct container *c, struct runtime *ret, char **ret_root)
{
	const char *name = c->info.runtime ? c->info.runtime : c->cs->default_runtime;
	const char *path = strmap_get(&c->cs->runtimes, name);

	*ret_root = xasprintf("%s/runtime", c->cs->exec_directory);
	*ret = (struct runtime){
		.ops = &runtime_oci_ops, .name = name, .path = path ? path : name, .root = *ret_root
	};
}

int container_save(struct container *c, enum db_durability durability, struct error *err)
{
	AUTO_STRBUF body = { 0 };
	struct json_writer w;

	json_writer_init(&w, &body);
	json_fields_encode(&w, container_row_fields, &c->info);
	return db_run(
		c->cs->db, durability, NULL, err,
		"INSERT INTO container(id, name, image_id, body, manually_stopped) VALUES(?1,?2,?3,?4,?5)"
		" ON CONFLICT(id) DO UPDATE SET name=?2, body=?4, manually_stopped=?5",
		"sssSi", c->info.id, c->info.name, c->info.image_id, strbuf_str(&body),
		(int64_t)c->manually_stopped);
}

void container_save_or_log(struct container *c)
{
	struct error err = { 0 };

	if (!c->removed && container_save(c, DB_RELAXED, &err) < 0)
		log_error("cannot record the container's state container=%s: %s", c->info.id,
		          err.message);
}

void container_set_status(struct container *c, enum container_status status)
{
	log_debug("container=%s status=%s was=%s", c->info.id, status_names[status],
	          status_names[c->info.status]);
	c->info.status = status;
	container_save_or_log(c);
	pthread_cond_broadcast(&c->changed);
}

bool container_is_running(struct container *c)
{
	WITH_LOCK(&c->lock);
	return c->info.status == CONTAINER_RUNNING || c->info.status == CONTAINER_PAUSED;
}

int container_not_running(const struct container *c, struct error *err)
{
	return error_set(err, ERROR_CONFLICT, "container %s is not running", c->info.id);
}

void container_wait_changed(struct container *c, int64_t until)
{
	struct timespec at = { .tv_sec = until / NSEC_PER_SEC, .tv_nsec = until % NSEC_PER_SEC };

	pthread_cond_timedwait(&c->changed, &c->lock, &at);
}

void container_event(struct container *c, const char *action, const char *key, const char *value)
{
	struct event e = { .type = "container", .action = action, .id = c->info.id };

	pthread_mutex_lock(&c->lock);
	strmap_copy(&e.attributes, &c->info.config.labels);
	strmap_set(&e.attributes, "image", c->info.image_name ? c->info.image_name : "");
	strmap_set(&e.attributes, "name", c->info.name);
	pthread_mutex_unlock(&c->lock);
	if (key)
		strmap_set(&e.attributes, key, value);
	event_publish(c->cs->events, &e);
	strmap_done(&e.attributes);
}

int container_insert(struct containers *cs, struct container *c, struct error *err)
{
	struct container *other;

	WITH_LOCK(&cs->lock);
	other = map_get(cs->by_name, c->info.name);
	if (other)
		return error_set(
			err, ERROR_CONFLICT,
			"Conflict. The container name \"/%s\" is already in use by container \"%s\". You have "
			"to remove (or rename) that container to be able to reuse that name.",
			c->info.name, other->info.id);
	map_set(cs->by_name, c->info.name, c);
	map_set(cs->by_id, c->info.id, container_ref(c));
	return 0;
}

/* Out of the tables; the caller has a reference of its own. */
void container_forget(struct container *c)
{
	struct containers *cs = c->cs;
	bool known;

	pthread_mutex_lock(&cs->lock);
	if (map_get(cs->by_name, c->info.name) == c)
		map_remove(cs->by_name, c->info.name);
	known = map_remove(cs->by_id, c->info.id) != NULL;
	pthread_mutex_unlock(&cs->lock);
	if (known)
		container_unref(c);
}

static struct container *find_prefix(struct containers *cs, const char *prefix, bool *ambiguous)
{
	struct container *found = NULL;
	const char *key;
	void *value;
	size_t pos = 0;

	*ambiguous = false;
	while (*prefix && map_next(cs->by_id, &pos, &key, &value)) {
		if (!str_skip_prefix(key, prefix))
			continue;
		if (found)
			*ambiguous = true;
		found = value;
	}
	return found;
}

int container_find(struct containers *cs, const char *name, struct container **ret,
                   struct error *err)
{
	const char *plain = name[0] == '/' ? name + 1 : name;
	struct container *c;
	bool ambiguous = false;

	WITH_LOCK(&cs->lock);
	c = map_get(cs->by_id, name);
	if (!c)
		c = map_get(cs->by_name, plain);
	if (!c)
		c = find_prefix(cs, name, &ambiguous);
	if (ambiguous)
		return error_set(err, ERROR_INVALID, "multiple IDs found with provided prefix: %s",
		                 name);
	if (!c)
		return error_set(err, ERROR_NOT_FOUND, "No such container: %s", name);
	*ret = container_ref(c);
	return 0;
}

static int newest_first(const void *a, const void *b)
{
	const struct container *x = *(struct container *const *)a,
			       *y = *(struct container *const *)b;

	return x->info.created < y->info.created ? 1 : x->info.created > y->info.created ? -1 : 0;
}

void container_list(struct containers *cs, struct container_ptr_vec *ret)
{
	const char *key;
	void *value;
	size_t pos = 0;

	pthread_mutex_lock(&cs->lock);
	while (map_next(cs->by_id, &pos, &key, &value))
		container_ptr_vec_push(ret, container_ref(value));
	pthread_mutex_unlock(&cs->lock);
	if (ret->len)
		qsort(ret->ptr, ret->len, sizeof(*ret->ptr), newest_first);
}

void container_list_done(struct container_ptr_vec *v)
{
	vec_for_each (v, c)
		container_unref(*c);
	container_ptr_vec_done(v);
}

static void add_sizes(struct container *c, struct container_info *info)
{
	struct digest id;
	struct image *image = NULL;
	struct error err = { 0 };

	info->has_rw_size = true;
	info->rw_size = snapshot_tree_size(AT_FDCWD, info->upper_path);
	info->root_size = info->rw_size;
	if (info->image_id && digest_parse(str_from(info->image_id), &id) == 0 &&
	    image_get_by_id(c->cs->images, &id, &image, &err) == 0) {
		info->root_size += image->size;
		image_free(image);
	}
}

struct container_info *container_inspect(struct container *c, bool size)
{
	struct container_info *info = NEW(struct container_info);

	pthread_mutex_lock(&c->lock);
	json_fields_copy(container_row_fields, &c->info, info);
	list_for_each (&c->execs, it)
		strv_add(&info->exec_ids, container_of(it, struct exec, link)->info.id);
	pthread_mutex_unlock(&c->lock);
	if (size)
		add_sizes(c, info);
	return info;
}

struct work {
	struct container *c;
	void *(*fn)(void *);
	void *arg;
};

static void *do_work(void *arg)
{
	struct work *w = arg;
	struct containers *cs = w->c->cs;

	w->fn(w->arg);
	container_unref(w->c);
	free(w);
	atomic_fetch_sub(&cs->workers, 1);
	return NULL;
}

int container_work(struct container *c, void *(*fn)(void *), void *arg, struct error *err)
{
	struct work *w = NEW(struct work);
	int r;

	*w = (struct work){ .c = container_ref(c), .fn = fn, .arg = arg };
	atomic_fetch_add(&c->cs->workers, 1);
	r = thread_start(NULL, do_work, w, err);
	if (r >= 0)
		return 0;
	atomic_fetch_sub(&c->cs->workers, 1);
	container_unref(c);
	free(w);
	return r;
}

static void copy_options(struct containers *cs, const struct containers_options *o)
{
	cs->data_directory = xstrdup(o->data_directory);
	cs->exec_directory = xstrdup(o->exec_directory);
	cs->shim_path = xstrdup(o->shim_path);
	cs->default_runtime = xstrdup(o->default_runtime ? o->default_runtime : "crun");
	cs->cgroup_parent = xstrdup_null(o->cgroup_parent);
	cs->default_shm_size = o->default_shm_size;
	if (o->runtimes)
		strmap_copy(&cs->runtimes, o->runtimes);
	for (size_t i = 0; o->default_dns && o->default_dns[i]; i++)
		strv_add(&cs->default_dns_list, o->default_dns[i]);
	if (o->default_log) {
		cs->default_log.type = xstrdup_null(o->default_log->type);
		strmap_copy(&cs->default_log.config, &o->default_log->config);
	}
	for (size_t i = 0; o->default_ulimits && i < o->default_ulimits->len; i++) {
		struct ulimit u = o->default_ulimits->ptr[i];

		u.name = xstrdup(u.name);
		ulimit_vec_push(&cs->default_ulimits, u);
	}
}

static int make_directories(const struct containers *cs, struct error *err)
{
	AUTO_FREE char *runtime = xasprintf("%s/runtime", cs->exec_directory);
	int r = mkdir_parents(AT_FDCWD, cs->data_directory, 0710);

	if (r >= 0)
		r = mkdir_parents(AT_FDCWD, runtime, 0700);
	/* a shim's socket is nobody's but ours, whatever the umask was and whoever made the
	 * directory */
	if (r >= 0 && chmod(cs->exec_directory, 0711) < 0)
		r = -errno;
	return r < 0 ? error_set_errno(err, -r, "cannot make %s and %s", cs->data_directory,
	                               cs->exec_directory)
	             : 0;
}

static void free_set(struct containers *cs)
{
	free(cs->data_directory);
	free(cs->exec_directory);
	free(cs->shim_path);
	free(cs->default_runtime);
	free(cs->cgroup_parent);
	strmap_done(&cs->runtimes);
	strv_done(&cs->default_dns_list);
	free(cs->default_log.type);
	strmap_done(&cs->default_log.config);
	vec_for_each (&cs->default_ulimits, u)
		free(u->name);
	ulimit_vec_done(&cs->default_ulimits);
	map_free(cs->by_id);
	map_free(cs->by_name);
	map_free(cs->execs);
	if (cs->epoll_fd >= 0)
		close(cs->epoll_fd);
	if (cs->wake_fd >= 0)
		close(cs->wake_fd);
	pthread_mutex_destroy(&cs->lock);
	free(cs);
}

struct containers *containers_new(const struct containers_options *o, struct db *db,
                                  struct image_store *images, struct snapshot_store *snapshots,
                                  struct networks *networks, struct volumes *volumes,
                                  struct event_bus *events, struct error *err)
{
	static const struct db_migrations m = { .room = "container", .sql = migrations };
	struct containers *cs = NEW(struct containers);

	copy_options(cs, o);
	cs->db = db;
	cs->images = images;
	cs->snapshots = snapshots;
	cs->networks = networks;
	cs->volumes = volumes;
	cs->events = events;
	pthread_mutex_init(&cs->lock, NULL);
	cs->by_id = map_new();
	cs->by_name = map_new();
	cs->execs = map_new();
	cs->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	cs->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (make_directories(cs, err) < 0 || db_migrate(db, &m, err) < 0 ||
	    containers_load(cs, err) < 0 || monitor_start(cs, err) < 0) {
		free_set(cs);
		return NULL;
	}
	return cs;
}

static void stop_all(struct containers *cs)
{
	struct container_ptr_vec all = { 0 };

	container_list(cs, &all);
	vec_for_each (&all, c) {
		struct error err = { 0 };

		if (container_is_running(*c))
			IGNORE_RESULT(container_stop(*c, NULL, NULL, &err) < 0,
			              "the next start of the engine sees to it");
	}
	container_list_done(&all);
}

void containers_close(struct containers *cs, bool live)
{
	struct container_ptr_vec all = { 0 };

	if (!cs)
		return;
	if (!live)
		stop_all(cs);
	atomic_store(&cs->closing, true);
	container_list(cs, &all);
	vec_for_each (&all, c) {
		pthread_mutex_lock(&(*c)->lock);
		pthread_cond_broadcast(&(*c)->changed);
		pthread_mutex_unlock(&(*c)->lock);
		attachments_drop(*c);
	}
	monitor_stop(cs);
	for (int i = 0; i < 1000 && atomic_load(&cs->workers); i++)
		usleep(10000);
	vec_for_each (&all, c)
		container_forget(*c);
	container_list_done(&all);
	if (atomic_load(&cs->workers))
		return; /* a stuck runtime keeps its thread: the process ends with it */
	free_set(cs);
}

int containers_image_in_use(void *containers, const struct digest *id, char **ret_container)
{
	struct containers *cs = containers;
	char text[DIGEST_TEXT_MAX];
	struct container *stopped = NULL;
	const char *key;
	void *value;
	size_t pos = 0;

	digest_format(id, text);
	WITH_LOCK(&cs->lock);
	while (map_next(cs->by_id, &pos, &key, &value)) {
		struct container *c = value;

		if (!streq_null(c->info.image_id, text))
			continue;
		if (c->info.status == CONTAINER_RUNNING || c->info.status == CONTAINER_PAUSED ||
		    c->info.status == CONTAINER_RESTARTING) {
			*ret_container = xstrdup(c->info.id);
			return 2;
		}
		stopped = c;
	}
	if (!stopped)
		return 0;
	*ret_container = xstrdup(stopped->info.id);
	return 1;
}
