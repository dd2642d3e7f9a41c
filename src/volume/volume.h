/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Volumes: named directories under <data-root>/volumes/<name>/_data that outlive containers.
 * References from containers keep a volume from being removed. Publishes Docker's volume events.
 * Any thread.
 */
#include "base/strmap.h"
#include "db/db.h"
#include "event/event.h"

struct volumes;

struct volumes *volumes_new(const char *directory, struct db *db, struct event_bus *events, struct error *err) MUST_USE;
void volumes_close(struct volumes *v);

struct volume_info {
	char *name, *driver, *mountpoint, *scope;
	int64_t created;
	struct strmap labels, options;
	bool anonymous;
	int64_t ref_count; /* containers */
};
void volume_info_done(struct volume_info *i);
DEFINE_VEC(volume_info_vec, struct volume_info);
void volume_list_done(struct volume_info_vec *v);

/* name NULL or "": an anonymous one (64 hex). An existing volume with the same driver is returned as it is. */
int volume_create(struct volumes *v, const char *name, const char *driver, const struct strmap *options,
		  const struct strmap *labels, struct volume_info *ret, struct error *err) MUST_USE;
int volume_inspect(struct volumes *v, const char *name, struct volume_info *ret, struct error *err) MUST_USE; /* "get x: no such volume" */
int volume_list(struct volumes *v, struct volume_info_vec *ret, struct error *err) MUST_USE;
/* CONFLICT "remove x: volume is in use - [ids]" */
int volume_remove(struct volumes *v, const char *name, bool force, struct error *err) MUST_USE;
/* A container's use: kept in rows. */
int volume_reference(struct volumes *v, const char *name, const char *container_id, struct error *err) MUST_USE;
int volume_unreference(struct volumes *v, const char *name, const char *container_id, struct error *err) MUST_USE;
/* Makes it usable (mounts nfs/tmpfs/bind drivers' options); a descriptor on the directory, close-on-exec. */
int volume_open(struct volumes *v, const char *name, struct error *err) MUST_USE;
/* First use: when the volume is empty, copies the image's content at from (a directory descriptor), ownership and
 * mode included, never following links out of it. */
int volume_copy_up(struct volumes *v, const char *name, int from, struct error *err) MUST_USE;
