/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What the registry's request handlers share. */
#include "base/map.h"
#include "base/thread.h"
#include "content/store.h"
#include "http/router.h"
#include "oci/reference.h"
#include "registry/errors.h"
#include "registry/htpasswd.h"
#include "registry/metadata.h"
#include "registry/metrics.h"
#include "registry/registry.h"
#include "registry/token.h"

enum { REGISTRY_BUFFER = 128 * 1024, REGISTRY_LIST_BATCH = 1000, REGISTRY_TAGS_MAX = 100 };

struct registry {
	const struct registry_config *config; /* borrowed */
	struct metadata *metadata;            /* owned */
	struct content_store *store;          /* owned */
	struct htpasswd *htpasswd;            /* owned, or NULL */
	struct token_key token_key;
	pthread_mutex_t upload_lock;          /* of busy_uploads */
	struct map *busy_uploads;             /* ids that a request is writing to right now */
	struct metrics *metrics;              /* owned */
	struct maintenance *maintenance;      /* owned; NULL when not serving */
	struct http_tls *tls;                 /* counted, or NULL */
};

enum access_action { ACCESS_NONE, ACCESS_ANY, ACCESS_PULL, ACCESS_PUSH, ACCESS_DELETE, ACCESS_CATALOG };

/* One request on its way. All strings are borrowed from the request's arena. */
struct registry_call {
	struct registry *registry;
	struct http_request *http;
	const char *repo;      /* checked against the grammar, or NULL */
	const char *reference; /* the route's last parameter: digest, tag or upload id */
	const char *actor;     /* who asks; "" for anybody */
	enum metrics_handler counted_as;
	bool has_token;
	struct token token;
	enum registry_code code;
	struct strbuf problems; /* more errors of the same answer, as JSON */
};

typedef int (*registry_handler_fn)(struct registry_call *c, struct error *err);

struct registry_route {
	struct http_route route; /* first, for the router */
	registry_handler_fn handler;
	enum access_action action;
	enum metrics_handler counted_as;
};

/* The tag of the listener for http.debug.addr, whose routes are others. */
#define REGISTRY_DEBUG_TAG "debug"

/* The one list of routes (routes.c), and the server's entry. */
void registry_handle(struct http_request *req, void *ctx);

/* Whether the caller may do it (access.c); sets the code and the challenge when not. */
int access_check(struct registry_call *c, const char *repo, enum access_action action, struct error *err) MUST_USE;
bool access_allowed(struct registry_call *c, const char *repo, enum access_action action);
/* Whether the caller may know of the repository, whatever their token is for. */
bool access_visible(struct registry_call *c, const char *repo);
bool access_is_open(const struct registry *r); /* nobody has to log in */
unsigned access_rights(const struct registry *r, const char *actor, const char *repo); /* enum registry_right */
/* Sets the actor from the certificate or the Authorization header; wrong ones are UNAUTHORIZED. */
int access_identify(struct registry_call *c, enum access_action action, struct error *err) MUST_USE;
int access_login(struct registry_call *c, const char *user, const char *password, struct error *err) MUST_USE;

int blob_get(struct registry_call *c, struct error *err);
int blob_delete(struct registry_call *c, struct error *err);
int upload_start(struct registry_call *c, struct error *err);
int upload_status(struct registry_call *c, struct error *err);
int upload_chunk(struct registry_call *c, struct error *err);
int upload_finish(struct registry_call *c, struct error *err);
int upload_cancel(struct registry_call *c, struct error *err);
int manifest_get(struct registry_call *c, struct error *err);
int manifest_put(struct registry_call *c, struct error *err);
int manifest_delete(struct registry_call *c, struct error *err);
/* A manifest that is taken over from elsewhere: its references need not be here. tag may be NULL. */
int manifest_store(struct registry *r, const char *repo, const char *digest, struct str body, const char *tag,
		   struct error *err) MUST_USE;
int tags_list(struct registry_call *c, struct error *err);
int catalog_list(struct registry_call *c, struct error *err);
int token_get(struct registry_call *c, struct error *err);
int token_post(struct registry_call *c, struct error *err);
int health_alive(struct registry_call *c, struct error *err);
int health_ready(struct registry_call *c, struct error *err);
int metrics_get(struct registry_call *c, struct error *err);
int referrers_list(struct registry_call *c, struct error *err);

/* The reference as a digest; DIGEST_INVALID. */
int call_digest(struct registry_call *c, const char *text, struct digest *ret, struct error *err) MUST_USE;
/* "n" and "last" of a page; 0 <= *n, *given false without n. */
int call_page(struct registry_call *c, int64_t *ret_n, bool *ret_given, const char **ret_last,
	      struct error *err) MUST_USE;
/* Location: path below the configured host, or relative. */
void call_location(struct registry_call *c, const char *fmt, ...) PRINTF_FORMAT(2, 3);
/* One request at a time writes to an upload: UPLOAD_BUSY (c may be NULL) when it is not this one. */
int upload_claim(struct registry *r, const char *id) MUST_USE; /* 0, or -EBUSY */
void upload_release(struct registry *r, const char *id);

/* The thread that collects and reloads (maintenance.c). */
int maintenance_start(struct registry *r, struct error *err) MUST_USE;
void maintenance_stop(struct registry *r);
void maintenance_reload(void); /* async-signal-safe: read certificates again */

/* One line of the log per request (access-log.c). */
void access_log(struct registry_call *c, int64_t duration_ns);
const char *call_peer(struct registry_call *c);

/* Until when an answer of now holds. */
int64_t call_lease(const struct registry_call *c);
