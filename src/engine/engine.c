/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/engine.h"

#include <errno.h>
#include <stdio.h>
#include <sys/file.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/process.h"
#include "base/thread.h"
#include "base/time.h"
#include "content/store.h"
#include "snapshot/snapshot.h"

static const char *const migrations[] = {
	"CREATE TABLE engine_meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
	NULL,
};

/* One engine per data root: the lock goes with the process, however it ends. */
static int lock_data_root(struct engine *e, struct error *err)
{
	AUTO_FREE char *path = xasprintf("%s/engine.lock", e->config.data_root);

	e->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (e->lock_fd < 0)
		return error_set_errno(err, errno, "cannot open %s", path);
	if (flock(e->lock_fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	if (errno != EWOULDBLOCK)
		return error_set_errno(err, errno, "cannot lock %s", path);
	return error_set(
		err, ERROR_CONFLICT,
		"the data root %s is in use by another engine: stop it, or choose another --data-root",
		e->config.data_root);
}

static int make_directories(struct engine *e, struct error *err)
{
	const struct {
		const char *path;
		mode_t mode;
	} list[] = { { e->config.data_root, 0711 }, { e->config.exec_root, 0711 } };

	for (size_t i = 0; i < ARRAY_SIZE(list); i++) {
		int r = mkdir_parents(AT_FDCWD, list[i].path, list[i].mode);

		if (r < 0)
			return error_set_errno(err, -r, "cannot make the directory %s",
			                       list[i].path);
	}
	return 0;
}

static bool pid_is_engine(const char *text)
{
	char path[64], name[32] = "";
	uint64_t pid;
	AUTO_CLOSE int fd = -1;
	ssize_t n;

	if (parse_u64_str(str_n(text, strcspn(text, "\n")), 10, &pid) < 0 ||
	    pid == (uint64_t)getpid())
		return false;
	snprintf(path, sizeof(path), "/proc/%llu/comm", (unsigned long long)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? 0 : read_full(fd, name, sizeof(name) - 1);
	return n > 0 && strncmp(name, "coracled", 8) == 0;
}

static int write_pidfile(struct engine *e, struct error *err)
{
	const char *path = e->config.pidfile;
	AUTO_STRBUF old = { 0 };
	struct error ignored = { 0 };
	char text[32];
	int n, r;

	if (str_empty_or_null(path))
		return 0;
	if (read_file(AT_FDCWD, path, 64, &old, &ignored) >= 0 && pid_is_engine(strbuf_cstr(&old)))
		return error_set(
			err, ERROR_CONFLICT,
			"failed to start the engine, ensure it is not running or delete %s: process with PID %.*s is still running",
			path, (int)strcspn(strbuf_cstr(&old), "\n"), strbuf_cstr(&old));
	n = snprintf(text, sizeof(text), "%d\n", (int)getpid());
	r = write_file(AT_FDCWD, path, text, (size_t)n, 0644, err);
	e->has_pidfile = r >= 0;
	return r;
}

static char *new_id(void)
{
	uint8_t b[16];
	char hex[33];

	random_bytes(b, sizeof(b));
	b[6] = (b[6] & 0x0f) | 0x40; /* RFC 9562: version 4, its variant */
	b[8] = (b[8] & 0x3f) | 0x80;
	hex_encode(b, sizeof(b), hex);
	return xasprintf("%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16, hex + 20);
}

static int read_id(struct engine *e, struct error *err)
{
	AUTO_DB_READER struct db_conn *conn = db_reader(e->db, err);
	AUTO_DB_QUERY struct db_query *q = NULL;
	int r;

	if (!conn)
		return error_errno(err);
	q = db_query(conn, err, "SELECT value FROM engine_meta WHERE key = 'id'", "");
	if (!q)
		return error_errno(err);
	r = db_step(q, err);
	if (r > 0)
		e->id = xstrdup(db_text(q, 0));
	return r;
}

static int settle_id(struct engine *e, struct error *err)
{
	int r = read_id(e, err);

	if (r != 0)
		return r;
	e->id = new_id();
	return db_run(e->db, DB_DURABLE, NULL, err,
	              "INSERT INTO engine_meta(key, value) VALUES('id', ?)", "s", e->id);
}

static int open_database(struct engine *e, struct error *err)
{
	static const struct db_migrations ours = { .room = "engine", .sql = migrations };
	AUTO_FREE char *path = xasprintf("%s/engine.db", e->config.data_root);
	int r;

	e->db = db_open(path, err);
	if (!e->db)
		return error_errno(err);
	r = db_migrate(e->db, &ours, err);
	return r < 0 ? r : settle_id(e, err);
}

static int open_images(struct engine *e, struct error *err)
{
	const struct content_options content = { .referenced_sql = image_content_referenced_sql };
	const struct snapshot_options layers = { .referenced_sql = image_layer_referenced_sql };
	AUTO_FREE char *content_path = xasprintf("%s/content", e->config.data_root);

	e->content = content_open(content_path, e->db, &content, err);
	if (!e->content)
		return error_errno(err);
	e->snapshots = snapshot_open(e->config.data_root, e->db, &layers, err);
	if (!e->snapshots)
		return error_errno(err);
	e->images = image_store_open(e->db, e->content, e->snapshots, &e->remote, e->events, err);
	return e->images ? 0 : error_errno(err);
}

static int open_networks(struct engine *e, struct error *err)
{
	const struct engine_config *c = &e->config;
	const struct networks_options o = {
		.exec_directory = c->exec_root,
		.bridge_name = c->bridge,
		.bridge_subnet = c->bip,
		.pools = c->address_pools.len ? (const char *const *)c->address_pools.ptr : NULL,
		.icc = c->icc,
		.ip_forward = c->ip_forward,
		.ip_masquerade = c->ip_masquerade,
		.no_firewall = !c->iptables,
		.publish_address = c->ip,
	};

	e->networks = networks_new(&o, e->db, e->events, err);
	return e->networks ? 0 : error_errno(err);
}

static int open_volumes(struct engine *e, struct error *err)
{
	AUTO_FREE char *path = xasprintf("%s/volumes", e->config.data_root);

	e->volumes = volumes_new(path, e->db, e->events, err);
	return e->volumes ? 0 : error_errno(err);
}

/* The shim stands beside us, or in ../libexec/coracle. */
static char *find_shim(void)
{
	char self[4096];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash, *path;

	if (n <= 0)
		return xstrdup("coracle-shim");
	self[n] = '\0';
	slash = strrchr(self, '/');
	path = xasprintf("%.*s/coracle-shim", (int)(slash - self), self);
	if (access(path, X_OK) == 0)
		return path;
	free(path);
	return xasprintf("%.*s/../libexec/coracle/coracle-shim", (int)(slash - self), self);
}

static int open_containers(struct engine *e, struct error *err)
{
	struct engine_config *c = &e->config;
	AUTO_FREE char *directory = xasprintf("%s/containers", c->data_root);
	AUTO_FREE char *shim = find_shim();
	const struct log_config log = { .type = c->log_driver, .config = c->log_options };
	const struct containers_options o = {
		.data_directory = directory,
		.exec_directory = c->exec_root,
		.shim_path = shim,
		.default_runtime = c->default_runtime,
		.runtimes = &c->runtimes,
		.cgroup_parent = c->cgroup_parent,
		.default_dns = c->dns.len ? (const char *const *)c->dns.ptr : NULL,
		.default_log = &log,
		.default_ulimits = &c->ulimits,
		.default_shm_size = c->shm_size,
	};

	e->containers = containers_new(&o, e->db, e->images, e->snapshots, e->networks, e->volumes,
	                               e->events, err);
	return e->containers ? 0 : error_errno(err);
}

/* Namespaces and addresses of what still runs are left alone, the rest is cleared away. */
static int recover(struct engine *e, struct error *err)
{
	struct container_ptr_vec all = { 0 };
	AUTO_STRV live = { 0 };
	int r;

	container_list(e->containers, &all);
	vec_for_each (&all, c)
		if (container_pid(*c) > 0)
			strv_add(&live, container_id(*c));
	container_list_done(&all);
	r = networks_recover(e->networks, &live, err);
	return r < 0 ? r : containers_recover(e->containers, err);
}

static void set_remote(struct engine *e, const struct engine_config *c)
{
	static const char *const none[] = { NULL };

	e->remote.mirrors =
		c->registry_mirrors.len ? (const char *const *)c->registry_mirrors.ptr : none;
	e->remote.insecure =
		c->insecure_registries.len ? (const char *const *)c->insecure_registries.ptr : none;
}

static void set_log(const struct engine_config *c)
{
	enum log_level level = LOG_LEVEL_INFO;

	IGNORE_RESULT(log_level_parse(c->log_level, &level), "checked when it was read");
	log_set_level(c->debug ? LOG_LEVEL_DEBUG : level);
	log_set_json(streq(c->log_format, "json"));
}

int engine_open(struct engine_config *config, struct engine **ret, struct error *err)
{
	static int (*const steps[])(struct engine *, struct error *) = {
		make_directories, lock_data_root, write_pidfile,   open_database, open_images,
		open_networks,    open_volumes,   open_containers, recover,
	};
	CLEANUP(engine_close_ptr) struct engine *e = NEW(struct engine);

	e->lock_fd = -1;
	e->config = *config;
	*config = (struct engine_config){ 0 };
	pthread_mutex_init(&e->reload_lock, NULL);
	set_log(&e->config);
	vec_for_each (&e->config.warnings, w)
		log_warning("%s", *w);
	set_remote(e, &e->config);
	e->remote.certs_directory = "/etc/docker/certs.d";
	e->remote.user_agent = "coracle/" CORACLE_VERSION;
	e->started = time_now();
	e->events = event_bus_new();
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		int r = steps[i](e, err);

		if (r < 0)
			return r;
	}
	e->collector = collector_start(e, err);
	if (!e->collector)
		return error_errno(err);
	*ret = TAKE_PTR(e);
	return 0;
}

static void free_reloaded(struct engine *e)
{
	if (e->reloaded)
		engine_config_done(e->reloaded);
	free(e->reloaded);
	e->reloaded = NULL;
}

void engine_close(struct engine *e)
{
	if (!e)
		return;
	collector_stop(e->collector);
	if (e->containers)
		containers_close(e->containers, true);
	if (e->volumes)
		volumes_close(e->volumes);
	if (e->networks)
		networks_close(e->networks);
	if (e->images)
		image_store_close(e->images);
	if (e->snapshots)
		snapshot_close(e->snapshots);
	if (e->content)
		content_close(e->content);
	if (e->events)
		event_bus_free(e->events);
	db_close(e->db);
	vec_for_each (&e->sockets, path)
		unlink(*path);
	strv_done(&e->sockets);
	if (e->has_pidfile)
		unlink(e->config.pidfile);
	if (e->lock_fd >= 0)
		close(e->lock_fd);
	free_reloaded(e);
	engine_config_done(&e->config);
	pthread_mutex_destroy(&e->reload_lock);
	free(e->id);
	free(e);
}

static void publish_reload(struct engine *e)
{
	AUTO_STRMAP attributes = { 0 };
	struct event event = { .type = "daemon", .action = "reload", .id = e->id };

	strmap_set(&attributes, "name", "coracle");
	event.attributes = attributes;
	event_publish(e->events, &event);
}

void engine_reload(struct engine *e)
{
	struct engine_config *fresh = NEW(struct engine_config);
	struct error err = { 0 };

	if (engine_config_reload(&e->config, fresh, &err) < 0) {
		log_error("the configuration was not reloaded: %s", err.message);
		free(fresh);
		return;
	}
	WITH_LOCK(&e->reload_lock);
	free_reloaded(e);
	e->reloaded = fresh;
	set_log(fresh);
	log_info("configuration reloaded");
	publish_reload(e);
}

void engine_labels(struct engine *e, struct strv *ret)
{
	WITH_LOCK(&e->reload_lock);
	strv_copy(ret, e->reloaded ? &e->reloaded->labels : &e->config.labels);
}
