/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The distribution server: requests in, blobs and manifests out. A request goes from routes.c
 * through access.c to one file per resource, which asks metadata.h and the content store.
 */
#include "base/error.h"
#include "registry/config.h"

struct registry;

/* Opens (or makes) the store under config->root. Borrows config. A guest looks into the store of a
 * registry that may be running: it neither recovers nor makes one. */
struct registry *registry_open(const struct registry_config *config, bool guest, struct error *err) MUST_USE;
void registry_close(struct registry *r);
DEFINE_CLEANUP(struct registry *, registry_close)
/* Listens and serves until SIGTERM or SIGINT, whose handlers it sets. */
int registry_serve(struct registry *r, struct error *err) MUST_USE;

struct registry_collected {
	int64_t manifests, blobs, bytes, uploads;
};
/* One whole collection, in small steps. now: also what is only waiting for its undelete window. */
int registry_collect(struct registry *r, bool now, struct registry_collected *ret, struct error *err) MUST_USE;

/* For people, on standard output (report.c). */
int registry_explain(struct registry *r, struct error *err) MUST_USE;
int registry_why(struct registry *r, const char *digest, struct error *err) MUST_USE;
int registry_usage(struct registry *r, struct error *err) MUST_USE;
/* Reads every blob again; damaged ones are no longer shown and are moved to quarantine. 0, or 1 when there were any. */
int registry_scrub(struct registry *r, struct error *err) MUST_USE;

struct registry_adopted {
	int64_t repositories, blobs, manifests, tags, skipped;
};
/* Takes over what Docker's registry keeps in directory, by links; that tree stays as it is. verify hashes every blob. */
int registry_adopt(struct registry *r, const char *directory, bool verify, struct registry_adopted *ret,
		   struct error *err) MUST_USE;
