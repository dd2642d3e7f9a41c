/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The inside of the image store. Rows:
 *	image             an image by id (the digest of its configuration), with its manifest as pulled
 *	image_tag         name:tag -> image
 *	image_digest      name@digest -> image
 *	image_layer       the layers of an image, lowest first
 *	image_layer_blob  archives that a layer is known to come from, as content holds them
 *	image_origin      repositories that are known to have a blob: where a push may mount it from
 *	image_blob        other blobs that an image keeps (the index that it was chosen from)
 */
#include "archive/codec.h"
#include "base/thread.h"
#include "image/flight.h"
#include "image/image.h"

struct image_store {
	struct db *db;                    /* borrowed, as the next three */
	struct content_store *content;
	struct snapshot_store *snapshots;
	struct event_bus *events;
	struct remote_config remote; /* the caller's, with our own `shared` */
	struct remote_shared *shared;
	struct flights flights; /* layers and blobs that some pull is at */
	_Atomic unsigned max_downloads, max_uploads;
};

/* rows.c */
extern const struct db_migrations image_migrations;
/* 1 and *ret (owned), 0 when there is none. */
int image_load_row(struct image_store *s, const char *id, struct image **ret, struct error *err) MUST_USE;
/* The configuration's bytes as they came. */
int image_config_bytes(struct image_store *s, const struct digest *id, struct strbuf *ret,
		       struct error *err) MUST_USE;
/* 1 and the bytes of the manifest that was pulled, 0 when there is none. */
int image_manifest_bytes(struct image_store *s, const struct digest *id, struct strbuf *ret,
			 struct error *err) MUST_USE;

/* What the transaction that makes an image known records. */
struct image_record {
	struct digest id;
	struct str config;               /* its bytes */
	const struct image_config *parsed;
	struct str manifest;             /* empty for images made here */
	const struct digest *manifest_digest;
	const char *manifest_media_type;
	const struct digest *parent;     /* may be NULL */
	const struct reference *tag;     /* may be NULL; latest when without a tag */
	const char *digest_name;         /* with digest: name@digest is known from now on */
	const struct digest *digest;
	const struct digest *kept_blob;  /* may be NULL */
	const struct image_archive *archives; /* may be NULL; one per layer, with media_type NULL for none */
};

/* An archive of a layer, in the content store. */
struct image_archive {
	struct digest digest;
	int64_t size;
	const char *media_type;
	const char *origin; /* full name of a repository that has it, or NULL */
};

/* lookup.c */
/* The id of the image with that tag (or digest): 1 and *ret owned, 0. */
int image_find_reference(struct image_store *s, const struct reference *ref, char **ret,
			 struct error *err) MUST_USE;
/* Whether name is the beginning of the id, with or without "sha256:". */
bool image_name_is_id(const char *name, const struct digest *id);

/* record.c */
/* Makes what the image refers to durable, then names it. 1 when the tag is new or moved (or there was none to set and the image is new), 0 when all was so. */
int image_record(struct image_store *s, const struct image_record *r, struct error *err) MUST_USE;
int image_add_archive(struct db_conn *c, const struct digest *diff_id, const struct image_archive *a,
		      struct error *err) MUST_USE;
int image_note_digest(struct db_conn *c, const char *name, const struct digest *d, const struct digest *id,
		      struct error *err) MUST_USE;
/* Publishes an image event; name may be NULL. */
void image_event(struct image_store *s, const char *action, const char *id, const char *name);

/* job.c: a job's progress, from several threads one at a time */
struct report {
	const struct job *job; /* may be NULL */
	pthread_mutex_t lock;
};
void report_init(struct report *r, const struct job *job);
void report_done(struct report *r);
void report(struct report *r, const char *id, const char *status);
void report_amount(struct report *r, const char *id, const char *status, int64_t current, int64_t total);
void report_stream(struct report *r, const char *fmt, ...) PRINTF_FORMAT(2, 3);
void report_aux(struct report *r, const char *json);
bool job_cancelled(const struct job *job);
int job_check(const struct job *job, struct error *err) MUST_USE;
/* The twelve digits that people see, into buf (SHORT_ID_MAX). */
enum { SHORT_ID_MAX = 13 };
const char *short_id(const struct digest *d, char *buf);

/* tar-source.c */
/* Streams the layer's archive, uncompressed, from a blob or packed anew, and checks it against the diffID. */
int layer_stream(struct image_store *s, const struct digest *diff_id, const struct digest *chain_id,
		 byte_sink_fn sink, void *ctx, struct error *err) MUST_USE;
/* An archive of the layer that the content store holds, best one first: 1 and *ret (media_type owned), 0 when there
 * is none. compressed: plain archives don't count. */
int layer_archive(struct image_store *s, const struct digest *diff_id, bool compressed,
		  struct image_archive *ret, char **ret_media_type, struct error *err) MUST_USE;

/* layers.c: bringing an image's layers into the store */
struct layer_want {
	struct descriptor blob; /* borrowed members */
	struct digest diff_id, chain_id;
};
struct remote;
/* Fetches (with remote NULL: takes from content) and unpacks what is missing, in parallel, and commits in order. */
int layers_bring(struct image_store *s, struct remote *remote, const struct layer_want *want, size_t n,
		 struct report *report, struct error *err) MUST_USE;
