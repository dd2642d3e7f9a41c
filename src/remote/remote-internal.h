/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The inside of a remote: its endpoints (mirrors, then the registry itself), each with the way it
 * wants to be authenticated, and requests that know both.
 */
#include "base/vec.h"
#include "remote/shared.h"
#include "remote/transport.h"

enum auth_kind { AUTH_NONE, AUTH_BASIC, AUTH_BEARER };

struct endpoint {
	char *base; /* "https://registry-1.docker.io", or a mirror's URL with its path; no slash at the end */
	struct origin origin;
	bool mirror;
	/* The rest is guarded by the remote's lock. */
	bool probed;
	enum auth_kind auth;
	char *realm, *service;
};

DEFINE_VEC(endpoint_vec, struct endpoint *);

struct remote {
	const struct remote_config *config; /* borrowed */
	struct remote_shared *shared;
	bool owns_shared;
	struct transport transport;
	struct reference ref;
	enum remote_action action;
	char *username, *password, *identity_token, *registry_token;
	struct endpoint_vec endpoints; /* owned; set when opened, only `current` moves on */
	pthread_mutex_t lock;          /* current, uploads, and the endpoints' authentication */
	size_t current;
	struct strv uploads; /* sessions that a refused mount has left open: URLs to use up */
};

struct endpoint *remote_current(struct remote *r);
/* The endpoint behind e, asked whether it is there. 1 and *ret, 0 when e is the last. */
int remote_next(struct remote *r, struct endpoint *e, struct endpoint **ret, struct error *err) MUST_USE;
/* Asks GET /v2/ how to authenticate, unless that is known. For the insecure: https first, then http. */
int endpoint_probe(struct remote *r, struct endpoint *e, struct error *err) MUST_USE;

/* "<base>/v2/<path>/<rest>"; owned. */
char *endpoint_url(const struct remote *r, const struct endpoint *e, const char *rest) MUST_USE;

/* The Authorization value for the scope (space-separated, may be ""), owned, or NULL for none. */
int auth_header(struct remote *r, struct endpoint *e, const char *scope, char **ret,
		struct error *err) MUST_USE;
/* Takes what a 401 said. 1: worth another try with *ret_scope (owned), 0: not. */
int auth_challenged(struct remote *r, struct endpoint *e, const struct http_response *answer,
		    const char *scope, char **ret_scope, struct error *err) MUST_USE;
char *auth_default_scope(const struct remote *r) MUST_USE;

/* One request with authentication and, for GET and HEAD, redirects. Any final status is success;
 * scope NULL means the remote's own. */
int remote_request(struct remote *r, struct endpoint *e, const struct http_request *q,
		   const char *scope, struct http_response *ret, struct error *err) MUST_USE;

/* Turns an unexpected answer into an error: the registry's first code and message. */
int answer_error(const struct http_request *q, const struct http_response *answer, struct error *err);
/* The first code of an error body ("MANIFEST_UNKNOWN"), or ""; buf has ANSWER_CODE_MAX bytes. */
enum { ANSWER_CODE_MAX = 64 };
const char *answer_code(const struct http_response *answer, char *buf);
/* Whether another try may help. */
bool error_is_transient(const struct error *err);
/* Sleeps before try n (from 1), unless cancelled meanwhile. */
int remote_back_off(struct remote *r, unsigned n, struct error *err) MUST_USE;
