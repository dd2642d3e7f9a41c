/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * One HTTP exchange over libcurl: no redirects, no authentication, both are the caller's. A
 * transport keeps idle handles with their connections; any thread may use it, an exchange
 * belongs to the thread that made it.
 */
#include <curl/curl.h>

#include "base/list.h"
#include "base/strmap.h"
#include "base/thread.h"
#include "remote/origin.h"
#include "remote/remote.h"

enum { RESPONSE_HEADERS_MAX = 65536, RESPONSE_BODY_MAX = 65536 };

struct transport {
	const struct remote_config *config; /* borrowed */
	struct remote_shared *shared;       /* borrowed */
	atomic_bool *cancel;                /* borrowed, may be NULL */
	atomic_bool stopped;                /* the same, of our own */
	pthread_mutex_t lock;               /* idle */
	struct list idle;
};

struct http_request {
	const char *method;
	const char *url;
	const char *accept;       /* NULL: anything */
	const char *content_type; /* of body */
	struct str body;          /* sent with PUT and POST */
	const int *fd;            /* instead of body: fd_size bytes from offset 0 */
	int64_t fd_size;
	remote_progress_fn sent; /* may be NULL */
	void *sent_ctx;
	int64_t range_from; /* 0: all */
	remote_sink_fn sink; /* gets the body of a 200 or 206; other bodies, and all without one, are kept */
	void *sink_ctx;
	size_t body_limit; /* of kept bodies; 0: RESPONSE_BODY_MAX */
};

struct http_response {
	long status;
	struct strmap headers; /* names in lower case; repeated ones joined by ", " */
	struct strbuf body;
	bool sink_failed; /* the failure was the sink's, not the peer's */
};

void transport_init(struct transport *t, const struct remote_config *config,
		    struct remote_shared *shared, atomic_bool *cancel);
void transport_done(struct transport *t);
bool transport_cancelled(struct transport *t);
void http_response_done(struct http_response *r);
#define AUTO_RESPONSE CLEANUP(http_response_done) struct http_response

/* Any status is success. Fails with UNAVAILABLE or TIMEOUT for what a later try may cure, worded
 * as Go's client does, since people search their logs for that. *ret is set in either case. */
int transport_exchange(struct transport *t, const struct http_request *q, const char *authorization,
		       struct http_response *ret, struct error *err) MUST_USE;
