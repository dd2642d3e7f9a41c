/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What the registry knows: repositories, manifests, tags, which repository may see which blob,
 * and uploads under way. SQL lives behind this header only, so that another database can.
 *
 * A tag is a row with an interval of validity [valid_from, valid_to); the current one has no end.
 * Existence is a promise: a blob in a repository is kept while a manifest there refers to it, and
 * for the lease otherwise. The lease starts anew when the last manifest lets go of it, so that a
 * reader who was told "it is here" needs to write only when no manifest refers to it.
 *
 * Digests are text here. Times are wall nanoseconds. Any thread.
 */
#include "base/strbuf.h"
#include "base/vec.h"
#include "db/db.h"

struct metadata;

struct metadata *metadata_open(const char *path, struct error *err) MUST_USE;
void metadata_close(struct metadata *m);
struct db *metadata_db(struct metadata *m);
/* SQL that is true while any repository shows blob.digest; for the content store. */
extern const char metadata_blob_referenced_sql[];

/* Repositories with at least one manifest, by name after last ("" for the first page). */
int metadata_repositories(struct metadata *m, const char *last, int64_t limit, struct strv *out,
			  struct error *err) MUST_USE;
/* 1 when the repository holds anything, 0 when not. */
int metadata_repository_exists(struct metadata *m, const char *repo, struct error *err) MUST_USE;

/* --- blobs in repositories (metadata-blob.c) --- */
/* A blob that a manifest of its repository refers to is kept without an end. */
#define METADATA_LEASE_REFERENCED INT64_MAX

struct metadata_blob {
	int64_t size;
	int64_t leased_until;
};

/* 1 and *ret, or 0. */
int metadata_blob_find(struct metadata *m, const char *repo, const char *digest, struct metadata_blob *ret,
		       struct error *err) MUST_USE;
/* Durable. Ends the upload (may be NULL) in the same transaction. */
int metadata_blob_add(struct metadata *m, const char *repo, const char *digest, int64_t size,
		      int64_t leased_until, const char *upload, int64_t now, struct error *err) MUST_USE;
int metadata_blob_extend(struct metadata *m, const char *repo, const char *digest, int64_t leased_until,
			 struct error *err) MUST_USE;
/* Shows from's blob in repo: 1 done, 0 from has no such blob. Durable. */
int metadata_blob_mount(struct metadata *m, const char *from, const char *repo, const char *digest,
			int64_t leased_until, int64_t now, struct error *err) MUST_USE;
/* Names of repositories that show the blob, at most limit. */
int metadata_blob_repositories(struct metadata *m, const char *digest, int64_t limit, struct strv *out,
			       struct error *err) MUST_USE;
/* 1 removed, 0 not there. A blob that a live manifest needs is CONFLICT, which names the manifest. */
int metadata_blob_remove(struct metadata *m, const char *repo, const char *digest, struct error *err) MUST_USE;

/* --- uploads (metadata-upload.c) --- */
enum { METADATA_UPLOAD_ID_MAX = 37 };

struct metadata_upload {
	char id[METADATA_UPLOAD_ID_MAX];
	int algorithm; /* enum digest_algorithm */
	int64_t size;
	struct strbuf state; /* the digester, empty before the first byte */
};

int metadata_upload_create(struct metadata *m, const char *id, const char *repo, const char *actor,
			   int algorithm, int64_t now, struct error *err) MUST_USE;
/* 1 and *ret (release with metadata_upload_done), or 0: also when it is another's. */
int metadata_upload_find(struct metadata *m, const char *id, const char *repo, const char *actor,
			 struct metadata_upload *ret, struct error *err) MUST_USE;
void metadata_upload_done(struct metadata_upload *u);
int metadata_upload_save(struct metadata *m, const struct metadata_upload *u, int64_t now,
			 struct error *err) MUST_USE;
int metadata_upload_remove(struct metadata *m, const char *id, struct error *err) MUST_USE;
/* Ids of uploads untouched since before. */
int metadata_uploads_stale(struct metadata *m, int64_t before, int64_t limit, struct strv *out,
			   struct error *err) MUST_USE;
int metadata_upload_get(struct metadata *m, const char *id, struct metadata_upload *ret,
			struct error *err) MUST_USE; /* whoever's it is: for the collector */

/* --- manifests (metadata-manifest.c, metadata-publish.c) --- */
struct metadata_manifest {
	char *digest;
	char *media_type;
	int64_t size;
	struct strbuf body; /* when asked for */
};

void metadata_manifest_done(struct metadata_manifest *m);
/* By tag or digest; at 0 means now, else the tag's value then. 1 and *ret, or 0. */
int metadata_manifest_find(struct metadata *m, const char *repo, const char *reference, bool is_digest,
			   int64_t at, bool want_body, struct metadata_manifest *ret, struct error *err) MUST_USE;

enum metadata_ref_kind { METADATA_REF_BLOB, METADATA_REF_MANIFEST };

struct metadata_ref {
	enum metadata_ref_kind kind;
	const char *digest;
	int64_t size;
	bool optional; /* need not be here: foreign layers, sparse indexes */
};

DEFINE_VEC(metadata_ref_vec, struct metadata_ref);

struct metadata_tag_change {
	const char *name;
	bool immutable; /* refuse to move it once it is set */
};

struct metadata_publication {
	const char *repo, *digest, *media_type, *artifact_type, *subject, *annotations; /* NULL: none */
	struct str body;
	const struct metadata_ref *refs;
	size_t n_refs;
	const struct metadata_tag_change *tags;
	size_t n_tags;
	const char *if_match;  /* digest that the first tag (or this digest) must have now */
	bool if_none_match;    /* there must be none */
	const char *actor;
	int64_t quota; /* bytes the repository may hold; 0: no bound */
	int64_t now;
};

struct metadata_missing {
	char *digest;
	char *message;
	bool wrong_size;
};

DEFINE_VEC(metadata_missing_vec, struct metadata_missing);
void metadata_missing_clear(struct metadata_missing_vec *v);

/* One durable transaction: checks what the manifest refers to, keeps it, its references and tags.
 * 1 published (or it already was); 0 and missing lists what the repository lacks, nothing changed.
 * PRECONDITION, FORBIDDEN (immutable tag) and NO_SPACE (quota) by kind. */
int metadata_publish(struct metadata *m, const struct metadata_publication *p,
		     struct metadata_missing_vec *missing, struct error *err) MUST_USE;

/* Deletes a manifest and the tags on it. It stays restorable until the collector purges it.
 * 1 done, 0 not there. Part of a live index: CONFLICT. if_match NULL or a digest. */
int metadata_manifest_delete(struct metadata *m, const char *repo, const char *digest, const char *if_match,
			     int64_t now, struct error *err) MUST_USE;
int metadata_tag_delete(struct metadata *m, const char *repo, const char *tag, const char *if_match,
			int64_t now, struct error *err) MUST_USE;
/* The tags that stand for a manifest now. */
int metadata_manifest_tags(struct metadata *m, const char *repo, const char *digest, struct strv *out,
			   struct error *err) MUST_USE;
/* Tags after last; limit -1 for all. 1, or 0 when there is no such repository. */
int metadata_tags(struct metadata *m, const char *repo, const char *last, int64_t limit, struct strv *out,
		  struct error *err) MUST_USE;

struct metadata_referrer {
	char *digest, *media_type, *artifact_type, *annotations; /* the latter two may be NULL */
	int64_t size;
};

DEFINE_VEC(metadata_referrer_vec, struct metadata_referrer);
void metadata_referrers_clear(struct metadata_referrer_vec *v);
/* Manifests whose subject is digest, after last, of one artifact type or of all (NULL). */
int metadata_referrers(struct metadata *m, const char *repo, const char *subject, const char *artifact_type,
		       const char *last, int64_t limit, struct metadata_referrer_vec *out,
		       struct error *err) MUST_USE;

/* --- collection, in small transactions (metadata-collect.c) --- */
struct metadata_collected {
	int64_t manifests, blobs, uploads, repositories; /* blobs: no longer shown by a repository */
};

/* Marks manifests deleted that have had no tag since before, are in no live index and refer to no
 * live subject. Each returns how many of at most limit it found, or negative. */
int metadata_expire_untagged(struct metadata *m, int64_t before, int64_t now, int64_t limit,
			     struct error *err) MUST_USE;
/* Forgets manifests that were deleted before; blobs that they alone referred to get a lease. */
int metadata_purge_manifests(struct metadata *m, int64_t before, int64_t leased_until, int64_t limit,
			     struct error *err) MUST_USE;
/* Blobs whose lease ended disappear from their repositories. */
int metadata_release_blobs(struct metadata *m, int64_t now, int64_t limit, struct error *err) MUST_USE;
int metadata_drop_empty_repositories(struct metadata *m, struct error *err) MUST_USE;

/* What a collection at now would take, for people. kind: "manifest", "blob". */
typedef void (*metadata_explain_fn)(void *ctx, const char *kind, const char *repo, const char *digest,
				    int64_t size, const char *why);
int metadata_explain(struct metadata *m, int64_t untagged_before, int64_t deleted_before, int64_t now,
		     metadata_explain_fn fn, void *ctx, struct error *err) MUST_USE;
/* Who keeps a digest: one call of fn per keeper. kind: "tag", "index", "manifest", "lease", "deleted". */
int metadata_why(struct metadata *m, const char *digest, metadata_explain_fn fn, void *ctx,
		 struct error *err) MUST_USE;
/* Bytes per repository: size is all it shows; unique what no other shows (in why's place: NULL). */
typedef void (*metadata_usage_fn)(void *ctx, const char *repo, int64_t tags, int64_t bytes, int64_t unique);
int metadata_usage(struct metadata *m, metadata_usage_fn fn, void *ctx, struct error *err) MUST_USE;
/* A blob was found damaged: no repository shows it any more. Number of repositories. */
int metadata_blob_lost(struct metadata *m, const char *digest, struct error *err) MUST_USE;
/* Digests of all blobs after last, at most limit. */
int metadata_blobs(struct metadata *m, const char *last, int64_t limit, struct strv *out,
		   struct error *err) MUST_USE;
