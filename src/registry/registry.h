/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The distribution server: requests in, blobs and manifests out. A request goes from routes.c
 * through access.c to one file per resource, which asks metadata.h and the content store.
 */
#include "base/error.h"
#include "registry/config.h"

struct registry;

/* Opens (or makes) the store under config->root. Borrows config. */
struct registry *registry_open(const struct registry_config *config, struct error *err) MUST_USE;
void registry_close(struct registry *r);
DEFINE_CLEANUP(struct registry *, registry_close)
/* Listens and serves until SIGTERM or SIGINT, whose handlers it sets. */
int registry_serve(struct registry *r, struct error *err) MUST_USE;
