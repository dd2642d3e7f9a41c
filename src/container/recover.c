/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine's start: rows become containers again, shims are asked what became of theirs, and what
 * nobody knows is cleared away. Idempotent: it may be killed at any point and run again.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/time.h"
#include "container/container-internal.h"
#include "runtime/cgroup.h"

static int load_row(struct containers *cs, const char *id, struct str body, bool manually_stopped)
{
	CLEANUP(container_unref_ptr) struct container *c = container_new(cs);
	struct json_decode_options o = { 0 };
	struct error err = { 0 };
	AUTO_JSON *json = json_parse(body, &err);
	int r;

	if (!json || json_fields_decode(json, container_row_fields, &c->info, &o, &err) < 0 ||
	    !c->info.id || !c->info.name || !streq(c->info.id, id)) {
		/* left in the database for a human; the others are not its hostages */
		log_error("the record of a container is damaged container=%s: %s", id, err.message);
		return 0;
	}
	c->manually_stopped = manually_stopped;
	c->has_been_started = c->info.started_at != 0;
	r = container_insert(cs, c, &err);
	if (r < 0)
		log_error("cannot take up container=%s: %s", id, err.message);
	return 0;
}

int containers_load(struct containers *cs, struct error *err)
{
	AUTO_DB_READER struct db_conn *conn = db_reader(cs->db, err);
	AUTO_DB_QUERY struct db_query *q = NULL;
	int r;

	if (!conn)
		return error_errno(err);
	q = db_query(conn, err, "SELECT id, body, manually_stopped FROM container", "");
	if (!q)
		return error_errno(err);
	while ((r = db_step(q, err)) > 0)
		IGNORE_RESULT(load_row(cs, db_text(q, 0), str_from(db_text(q, 1)), db_i64(q, 2)),
		              "logged");
	return r;
}

static void *settle(void *arg)
{
	struct container *c = arg;
	AUTO_FREE char *bundle = container_bundle(c);
	struct shim_exited e = { .code = 255, .time = time_now() };

	if (shim_read_exit(bundle, &e) == 0)
		log_warning("container=%s ended while nobody looked, its exit code is lost",
		            c->info.id);
	container_ended(c, &e);
	return NULL;
}

static void settle_later(struct container *c)
{
	struct error err = { 0 };

	pthread_mutex_lock(&c->lock);
	c->alive = true; /* until everything is given back */
	pthread_mutex_unlock(&c->lock);
	if (container_work(c, settle, c, &err) < 0)
		log_error("cannot settle container=%s: %s", c->info.id, err.message);
}

/* Its shim answers: the container goes on, or its end is heard at once from the exit file. */
static void take_up(struct container *c)
{
	AUTO_FREE char *bundle = container_bundle(c);
	struct shim_state state;
	struct error err = { 0 };
	int fd = shim_monitor(bundle, &state, &err);

	if (fd >= 0 && state.phase == SHIM_PHASE_RUNNING) {
		pthread_mutex_lock(&c->lock);
		c->alive = true;
		c->info.pid = state.pid;
		if (c->info.status != CONTAINER_PAUSED)
			container_set_status(c, CONTAINER_RUNNING);
		pthread_mutex_unlock(&c->lock);
		log_info("took up a running container container=%s pid=%d", c->info.id, state.pid);
		health_start(c);
		if (monitor_add(c, fd, &err) < 0)
			log_error("container=%s: %s", c->info.id, err.message);
		return;
	}
	if (fd >= 0)
		c->monitor_fd = fd; /* its shim is about to go: settle() waits for that */
	settle_later(c);
}

static bool wants_start(const struct container *c)
{
	const char *policy = c->info.host_config.restart_policy.name;

	if (str_empty_or_null(policy))
		return false;
	if (streq(policy, "always"))
		return c->has_been_started;
	return streq(policy, "unless-stopped") && c->has_been_started && !c->manually_stopped;
}

static void recover_one(struct container *c)
{
	struct error err = { 0 };

	switch (c->info.status) {
	case CONTAINER_RUNNING:
	case CONTAINER_PAUSED:
		take_up(c);
		return;
	case CONTAINER_REMOVING:
	case CONTAINER_DEAD:
		pthread_mutex_lock(&c->operation);
		if (container_remove_locked(c, false, &err) < 0)
			log_error("cannot finish removing container=%s: %s", c->info.id,
			          err.message);
		pthread_mutex_unlock(&c->operation);
		return;
	case CONTAINER_CREATED:
	case CONTAINER_RESTARTING:
	case CONTAINER_EXITED:
	case CONTAINER_STATUS_COUNT:
		break;
	}
	AUTO_FREE char *bundle = container_bundle(c);
	AUTO_FREE char *config = xasprintf("%s/config.json", bundle);
	if (access(config, F_OK) ==
	    0) { /* the engine died while it started: it is not half there, it is not */
		settle_later(c);
		return;
	}
	if (c->info.status != CONTAINER_RESTARTING && !wants_start(c))
		return;
	pthread_mutex_lock(&c->lock);
	container_set_status(c, CONTAINER_RESTARTING);
	pthread_mutex_unlock(&c->lock);
	container_schedule_restart(c);
}

/* Directories that no container owns: of a creation or removal that was cut short. */
static void clear_directories(struct containers *cs, const char *path, bool bundles)
{
	DIR *d = opendir(path);
	struct dirent *e;

	while (d && (e = readdir(d))) {
		AUTO_FREE char *name = xasprintf("%s/%s", path, e->d_name);
		struct error err = { 0 };
		bool trash = str_skip_prefix(e->d_name, ".removed-") != NULL, known;

		if (!trash && strlen(e->d_name) != 64)
			continue;
		pthread_mutex_lock(&cs->lock);
		known = map_get(cs->by_id, e->d_name) != NULL;
		pthread_mutex_unlock(&cs->lock);
		if (known)
			continue;
		if (!bundles)
			IGNORE_RESULT(snapshot_unmount(name, &err) < 0, "it was not mounted");
		log_info("removing what a container left behind path=%s", name);
		IGNORE_RESULT(remove_tree(AT_FDCWD, name) < 0, "tried again at the next start");
	}
	if (d)
		closedir(d);
}

int containers_recover(struct containers *cs, struct error *err)
{
	struct container_ptr_vec all = { 0 };

	(void)err; /* what can't be recovered is logged, and is nobody else's trouble */
	clear_directories(cs, cs->data_directory, false);
	container_list(cs, &all);
	vec_for_each (&all, c)
		recover_one(*c);
	container_list_done(&all);
	clear_directories(cs, cs->exec_directory, true);
	return 0;
}
