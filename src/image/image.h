/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Images: names -> manifests -> configurations and layers. An image's id is the digest of its
 * configuration, as Docker's. Names, and everything an image refers to, are rows; the transaction
 * that names an image comes last. Publishes image events. Any thread; long calls take a cancel
 * flag and a progress sink.
 */
#include <stdatomic.h>

#include "content/store.h"
#include "event/event.h"
#include "oci/image-config.h"
#include "oci/manifest.h"
#include "oci/reference.h"
#include "remote/remote.h"
#include "snapshot/snapshot.h"

struct image_store;

/* One line of a pull/push/load stream; the API renders it as Docker's JSON message. Strings are
 * borrowed for the call. Called from several threads, one at a time. */
struct progress {
	const char *id;     /* short layer id, tag, or NULL */
	const char *status; /* "Pulling fs layer", "Downloading", ... or NULL */
	int64_t current, total; /* total 0: no progressDetail bar; -1 unknown */
	const char *stream; /* instead of status */
	const char *aux_json; /* an "aux" object, or NULL */
};
typedef void (*progress_fn)(void *ctx, const struct progress *p);

struct job {
	atomic_bool *cancel; /* may be NULL */
	progress_fn progress; /* may be NULL */
	void *ctx;
};

struct image_store *image_store_open(struct db *db, struct content_store *content, struct snapshot_store *snapshots,
				     const struct remote_config *remote, struct event_bus *events,
				     struct error *err) MUST_USE;
void image_store_close(struct image_store *s);
/* How many layers of one pull or push move at once; 0 leaves it. Docker's defaults are 3 and 5. */
void image_store_set_concurrency(struct image_store *s, unsigned downloads, unsigned uploads);
/* The configuration that the store's own remotes use, with the tokens and addresses they have. */
const struct remote_config *image_store_remote(struct image_store *s);
/* For content_options and snapshot_options. */
extern const char image_content_referenced_sql[];
extern const char image_layer_referenced_sql[];

/* An image at a moment: owned, detached from the store. */
struct image {
	struct digest id;
	struct digest manifest_digest; /* unset for images made here */
	char *manifest_media_type;
	struct image_config config;
	struct digest chain_id; /* unset when there are no layers */
	struct digest parent;   /* commit, build; or unset */
	int64_t size;           /* of the unpacked layers */
	int64_t created_local, last_tagged; /* wall, 0 never */
	struct strv repo_tags;    /* familiar, sorted */
	struct strv repo_digests;
};
void image_free(struct image *i);
DEFINE_CLEANUP(struct image *, image_free)

/* By id, unique prefix of it (>= 1 hex digit, when no name matches), or reference. NOT_FOUND "No such image: x:latest". */
int image_get(struct image_store *s, const char *name, struct image **ret, struct error *err) MUST_USE;
int image_get_by_id(struct image_store *s, const struct digest *id, struct image **ret, struct error *err) MUST_USE;
DEFINE_VEC(image_ptr_vec, struct image *);
void image_list_done(struct image_ptr_vec *v);
int image_list(struct image_store *s, struct image_ptr_vec *ret, struct error *err) MUST_USE;

/* All tags of the repository when ref has neither tag nor digest. Docker's wording of progress; ends with "Digest: ..." and "Status: Downloaded newer image for x" / "Image is up to date". */
int image_pull(struct image_store *s, const struct reference *ref, const struct platform *platform,
	       const struct remote_credentials *c, const struct job *job, struct error *err) MUST_USE;
/* Every tag of the repository when ref has neither tag nor digest and all is set. */
int image_push(struct image_store *s, const struct reference *ref, bool all, const struct remote_credentials *c,
	       const struct job *job, struct error *err) MUST_USE;
int image_tag(struct image_store *s, const char *name, const struct reference *to, struct error *err) MUST_USE;

struct image_removed {
	struct strv untagged; /* familiar references */
	struct strv deleted;  /* ids */
};
void image_removed_done(struct image_removed *r);
/* in_use says whether containers use an image (0 no, 1 stopped ones, 2 running), with their id for
 * the message. It is called inside of the removing transaction and must not begin one. */
typedef int (*image_in_use_fn)(void *ctx, const struct digest *id, char **ret_container);
int image_remove(struct image_store *s, const char *name, bool force, bool no_prune, image_in_use_fn in_use, void *ctx,
		 struct image_removed *ret, struct error *err) MUST_USE;

/* Records an image made of layers that are in the snapshot store (import, commit, build). The
 * configuration is stored as given; tag may be NULL. */
int image_create(struct image_store *s, const struct image_config *config, const struct digest *parent,
		 const struct reference *tag, struct digest *ret_id, struct error *err) MUST_USE;
/* A tar of a root file system as a one-layer image; changes are Dockerfile lines (CMD, ENV, ...). */
int image_import(struct image_store *s, int fd, const struct reference *tag, const char *message,
		 const struct strv *changes, const struct platform *platform, const struct job *job, struct digest *ret_id,
		 struct error *err) MUST_USE;
/* `docker save`: OCI layout with manifest.json, as a tar to fd. names: references or ids. */
int image_save(struct image_store *s, const struct strv *names, int fd, const struct job *job, struct error *err) MUST_USE;
/* Both formats of LAYER-FACTS 4.5, compressed or not, from fd (a pipe is fine). Progress ends with "Loaded image: x". */
int image_load(struct image_store *s, int fd, bool quiet, const struct job *job, struct error *err) MUST_USE;
/* Applies --change lines to a configuration (CMD ENTRYPOINT ENV EXPOSE LABEL ONBUILD USER VOLUME WORKDIR, ...). */
int image_config_change(struct image_run_config *c, const char *line, struct error *err) MUST_USE;
