/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/time.h"
#include "container/container-internal.h"

static int delete_row(struct container *c, struct error *err)
{
	enum db_durability how = c->info.host_config.auto_remove ? DB_RELAXED : DB_DURABLE;

	return db_run(c->cs->db, how, NULL, err, "DELETE FROM container WHERE id = ?", "s",
	              c->info.id);
}

/* Anonymous volumes go with their container when asked; named ones are only let go. */
static void let_volumes_go(struct container *c, bool remove)
{
	vec_for_each (&c->info.mounts, m) {
		struct volume_info v = { 0 };
		struct error err = { 0 };
		bool anonymous;

		if (!m->name)
			continue;
		IGNORE_RESULT(volume_unreference(c->cs->volumes, m->name, c->info.id, &err) < 0,
		              "it may be gone");
		if (!remove || volume_inspect(c->cs->volumes, m->name, &v, &err) < 0)
			continue;
		anonymous = v.anonymous;
		volume_info_done(&v);
		if (anonymous)
			IGNORE_RESULT(volume_remove(c->cs->volumes, m->name, false, &err) < 0,
			              "another container has it");
	}
}

/*
 * The directory is renamed away, then the row goes, then the files: whoever looks in between sees
 * it whole or not at all, and what is left under a trash name is cleared at the next start.
 */
int container_remove_locked(struct container *c, bool volumes, struct error *err)
{
	AUTO_FREE char *dir = container_directory(c);
	AUTO_FREE char *trash = xasprintf("%s/.removed-%s", c->cs->data_directory, c->info.id);
	AUTO_FREE char *bundle = container_bundle(c);
	int r;

	container_ref(c);
	pthread_mutex_lock(&c->lock);
	if (c->removed) {
		pthread_mutex_unlock(&c->lock);
		container_unref(c);
		return error_set(err, ERROR_NOT_FOUND, "No such container: %s", c->info.id);
	}
	container_set_status(c, CONTAINER_REMOVING);
	pthread_mutex_unlock(&c->lock);
	attachments_drop(c);
	r = snapshot_unmount(dir, err);
	if (r >= 0 && rename(dir, trash) < 0 && errno != ENOENT)
		r = error_set_errno(err, errno, "cannot remove %s", dir);
	if (r >= 0)
		r = delete_row(c, err);
	if (r < 0) {
		pthread_mutex_lock(&c->lock);
		c->info.dead = true;
		container_set_status(c, CONTAINER_DEAD);
		pthread_mutex_unlock(&c->lock);
		container_unref(c);
		return error_prefix(err, "cannot remove container \"/%s\"", c->info.name);
	}
	let_volumes_go(c, volumes);
	container_event(c, "destroy", NULL, NULL);
	container_forget(c);
	pthread_mutex_lock(&c->lock);
	c->removed = true;
	pthread_cond_broadcast(&c->changed);
	pthread_mutex_unlock(&c->lock);
	IGNORE_RESULT(remove_tree(AT_FDCWD, trash) < 0, "cleared at the next start");
	IGNORE_RESULT(remove_tree(AT_FDCWD, bundle) < 0, "gone already");
	container_unref(c);
	return 0;
}

int container_remove(struct container *c, const struct container_remove_options *o,
                     struct error *err)
{
	const int now = 0;
	bool running;
	int r = 0;

	pthread_mutex_lock(&c->operation);
	pthread_mutex_lock(&c->lock);
	running = c->alive || c->info.status == CONTAINER_RESTARTING;
	if (running && !o->force)
		r = error_set(
			err, ERROR_CONFLICT,
			c->info.status == CONTAINER_PAUSED
				? "cannot remove container \"/%s\": container is paused and must be unpaused first"
				: "cannot remove container \"/%s\": container is running: stop the container before removing "
				  "or force remove",
			c->info.name);
	pthread_mutex_unlock(&c->lock);
	if (r >= 0 && running) {
		bool auto_remove = c->info.host_config.auto_remove;

		c->info.host_config.auto_remove = false; /* it is being removed here */
		r = container_stop_locked(c, &now, NULL, err);
		c->info.host_config.auto_remove = auto_remove;
	}
	if (r >= 0)
		r = container_remove_locked(c, o->volumes, err);
	pthread_mutex_unlock(&c->operation);
	return r;
}
