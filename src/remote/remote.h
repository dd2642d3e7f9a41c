/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A client for registries: libcurl, token authentication (registry/token.md, oauth.md), redirects
 * without credentials to other origins, mirrors, TLS with per-host certificates
 * (<certs>/<host:port>/{ca.crt,client.cert,client.key}). One `struct remote` speaks for one repository and
 * may be used by several threads at once; each call is one request and its body.
 */
#include <stdatomic.h>

#include "base/strbuf.h"
#include "base/vec.h"
#include "oci/digest.h"
#include "oci/reference.h"

struct remote;

struct remote_credentials {
	const char *username, *password;
	const char *identity_token; /* OAuth2 refresh token */
	const char *registry_token; /* bearer token given by the client */
};

/* What all calls of a program share: addresses, TLS sessions, bearer tokens, and which of the
 * insecure hosts speak plain HTTP. Any thread; outlives every remote that uses it. */
struct remote_shared;
struct remote_shared *remote_shared_new(void) MUST_USE;
void remote_shared_free(struct remote_shared *s);

/* Borrowed by a remote for as long as it lives. */
struct remote_config {
	struct remote_shared *shared; /* NULL: each remote has its own */
	const char *const *mirrors;  /* URLs for docker.io, NULL-terminated; tried in order, pull only */
	const char *const *insecure; /* hosts or CIDR blocks that may use plain HTTP or unverified TLS;
				      * 127.0.0.0/8, ::1 and "localhost" always do */
	const char *certs_directory; /* "/etc/docker/certs.d" */
	const char *user_agent;
	unsigned connect_timeout_s;  /* 0: 15 */
	unsigned stall_timeout_s;    /* no byte for so long: 0: 60 */
};

enum remote_action { REMOTE_PULL, REMOTE_PUSH };

/* Finds the endpoint that answers (mirrors first for docker.io pulls) and authenticates when asked. Errors as Docker words them: UNAUTHORIZED
 * "no basic auth credentials". cancel may be NULL. */
int remote_open(const struct remote_config *config, const struct reference *ref, const struct remote_credentials *c,
		enum remote_action action, atomic_bool *cancel, struct remote **ret, struct error *err) MUST_USE;
void remote_free(struct remote *r);
/* Makes calls that run and later ones fail with CANCELLED, as the cancel flag does. */
void remote_stop(struct remote *r);
DEFINE_CLEANUP(struct remote *, remote_free)
const char *remote_endpoint(const struct remote *r); /* "http://localhost:5000" */

/* A manifest by tag or digest, at most MANIFEST_SIZE_MAX; a digest is verified. Goes on to the next endpoint when a mirror
 * fails. NOT_FOUND as dockerd has it: "manifest for x:y not found: manifest unknown: ...", "pull access denied for x,
 * repository does not exist or may require 'docker login': ...". */
int remote_get_manifest(struct remote *r, const char *tag_or_digest, struct strbuf *ret_body, char **ret_media_type,
			struct digest *ret_digest, struct error *err) MUST_USE;
int remote_put_manifest(struct remote *r, const char *tag_or_digest, const char *media_type, struct str body,
			struct error *err) MUST_USE;

/* Streams a blob into sink; stops at size (more is INVALID). Retries transient failures with Range from
 * where it was. The caller verifies the digest. */
typedef int (*remote_sink_fn)(void *ctx, const void *data, size_t n, struct error *err);
int remote_get_blob(struct remote *r, const struct digest *d, int64_t size, remote_sink_fn sink, void *ctx,
		    struct error *err) MUST_USE;
int remote_has_blob(struct remote *r, const struct digest *d, struct error *err) MUST_USE; /* 1, 0 */
/* Mounts from another repository on the same registry: 1 mounted, 0 not. */
int remote_mount_blob(struct remote *r, const struct digest *d, const char *from_path, struct error *err) MUST_USE;
/* Uploads size bytes of fd (from offset 0). progress may be NULL; called with bytes sent so far. */
typedef void (*remote_progress_fn)(void *ctx, int64_t done);
int remote_put_blob(struct remote *r, const struct digest *d, int fd, int64_t size, remote_progress_fn progress,
		    void *ctx, struct error *err) MUST_USE;
/* All tags of the repository, as the registry orders them. */
int remote_tags(struct remote *r, struct strv *ret, struct error *err) MUST_USE;
/* Checks credentials (docker login). ret_token may get an identity token. */
int remote_login(const struct remote_config *config, const char *server, const struct remote_credentials *c,
		 char **ret_token, struct error *err) MUST_USE;
/* tags/list and _catalog pages, for search and tests. */
int remote_list(const struct remote_config *config, const char *domain, const char *target, struct strbuf *ret_json,
		struct error *err) MUST_USE;
