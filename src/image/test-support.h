/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* A scratch image store, images made by hand, and a job that notes its progress: for tests. */
#include "base/strbuf.h"
#include "base/thread.h"
#include "image/image.h"

struct world {
	struct db *db;
	struct content_store *content;
	struct snapshot_store *snapshots;
	struct event_bus *events;
	struct image_store *images;
	struct strbuf log; /* a line "id|status|stream|aux" per progress message */
	atomic_bool cancel;
	struct job job;
};

/* A directory of its own below unit_scratch(). */
void world_open(struct world *w);
void world_close(struct world *w);
#define AUTO_WORLD CLEANUP(world_close) struct world

/* A plain tar in a memory file: one file of that name and text. The caller's descriptor, at 0. */
int make_tar(const char *name, const char *text) MUST_USE;
/* An image with one layer of one file; tag may be NULL. */
struct digest import_image(struct world *w, const char *tag, const char *text);
void expect_ok(int r, const struct error *err);
struct reference parse_ref(const char *s);
bool log_has(struct world *w, const char *text);
