/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Requests to the engine. The first one dials and asks /_ping which API version to speak. An
 * answer of 400 and above becomes an error with the engine's own words, kind by status.
 */
#include "cli/cli.h"
#include "http/client.h"
#include "json/json.h"

enum { ENGINE_ANSWER_MAX = 512 * 1024 * 1024 };

struct engine_request {
	const char *method;
	const char *target;         /* without the version: "/containers/json?all=1" */
	struct str body;            /* with content_type */
	const char *content_type;   /* NULL: application/json when there is a body */
	const char *const *headers; /* more of them, NULL-terminated; may be NULL */
	ssize_t (*body_read)(void *ctx, void *buf, size_t n); /* instead of body */
	void *body_ctx;
	bool upgrade;
	struct http_client *client; /* NULL: the shared one */
};

/* Sends and reads the answer's head; a failure status is read off into err. */
int engine_send(struct cli *cli, const struct engine_request *r, struct http_response *ret,
		struct error *err) MUST_USE;
/* The answer's document, or NULL with err. body may be NULL. */
json_t *engine_json(struct cli *cli, const char *method, const char *target, const struct strbuf *body,
		    struct error *err) MUST_USE;
/* The same as text. */
int engine_text(struct cli *cli, const char *method, const char *target, const struct strbuf *body,
		struct strbuf *out, struct error *err) MUST_USE;
/* For requests whose answer says nothing. */
int engine_do(struct cli *cli, const char *method, const char *target, const struct strbuf *body,
	      struct error *err) MUST_USE;
/* Dials and negotiates, if that was not done. */
int engine_open(struct cli *cli, struct error *err) MUST_USE;
/* One more connection; for what blocks its own. NULL never: it dials when used. */
struct http_client *engine_client_new(struct cli *cli) MUST_USE;
void engine_close(struct cli *cli);
/* At least this API version (major is always 1)? After engine_open(). */
bool engine_api_at_least(const struct cli *cli, unsigned minor);

/* Targets: "/containers/{}/json" with each {} replaced by the next encoded argument. */
void target_path(struct strbuf *t, const char *pattern, ...);
/* Adds "?name=value" or "&name=value". */
void target_arg(struct strbuf *t, const char *name, const char *value);
void target_flag(struct strbuf *t, const char *name, bool value); /* name=1 when value */
/* Adds filters={"name":{"value":true}} from name=value texts; nothing when there are none. */
void target_filters(struct strbuf *t, const struct strv *filters);
