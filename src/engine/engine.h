/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Joins the rooms into one engine. Opening goes from the ground up (database, blobs, layers,
 * images, networks, volumes, containers), then takes up what runs; closing goes back down and
 * leaves containers to their shims. The members may be used by any thread until the close.
 */
#include "container/container.h"
#include "engine/config.h"
#include "event/event.h"
#include "http/server.h"
#include "remote/remote.h"

struct collector;

struct engine {
	struct engine_config config; /* what is reloadable is read with engine_labels() and the like */
	struct remote_config remote; /* borrows from config */
	char *id;                    /* kept in the database */
	int64_t started;             /* wall */
	int lock_fd;                 /* holds <data-root>/engine.lock */
	bool has_pidfile;
	struct strv sockets;         /* paths to remove at the end */
	atomic_bool stopping;
	atomic_uint event_listeners;
	struct db *db;
	struct content_store *content;
	struct snapshot_store *snapshots;
	struct image_store *images;
	struct networks *networks;
	struct volumes *volumes;
	struct containers *containers;
	struct event_bus *events;
	struct collector *collector;
	pthread_mutex_t reload_lock;
	struct engine_config *reloaded; /* of the last reload, or NULL; under reload_lock */
};

/* Takes config. */
int engine_open(struct engine_config *config, struct engine **ret, struct error *err) MUST_USE;
void engine_close(struct engine *e);
DEFINE_CLEANUP(struct engine *, engine_close)
/* What SIGHUP asks for: debug, log-level, log-format and labels are read again; the rest needs a restart, since
 * the rooms borrow it without a lock. */
void engine_reload(struct engine *e);
void engine_labels(struct engine *e, struct strv *ret); /* a copy */

/* Listening on what config.hosts says (listen.c). Descriptors and TLS are handed to the server. */
int engine_listen(struct engine *e, struct http_server *server, struct error *err) MUST_USE;
/* Tells a service manager that asked (NOTIFY_SOCKET). */
void engine_notify(const char *state);

/* Collection (collect.c): in the background, in small steps; or now, returning the bytes freed. */
struct collector *collector_start(struct engine *e, struct error *err) MUST_USE;
void collector_stop(struct collector *c);
void engine_collect_soon(struct engine *e);
int engine_collect_now(struct engine *e, int64_t *ret_bytes, struct error *err) MUST_USE;
