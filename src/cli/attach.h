/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What run, start and attach share: the order is attach, wait, start, copy, exit code. */
#include "cli/engine.h"
#include "cli/session.h"
#include "cli/table.h"

struct attach_streams {
	bool in, out, err;
};

/* Opens s->stream on s->container. */
int attach_open(struct session *s, const struct attach_streams *w, struct error *err) MUST_USE;

/* A wait for the exit code, on a connection of its own. */
struct waiting {
	struct http_client *client; /* owned */
	struct http_response answer;
	bool begun;
};

/* condition: "next-exit", "removed", or "" for not-running. Returns when the engine has begun. */
int wait_begin(struct cli *cli, const char *container, const char *condition, struct waiting *w,
	       struct error *err) MUST_USE;
/* Waits; the exit code, or negative with err. */
int wait_end(struct waiting *w, struct error *err) MUST_USE;
void wait_done(struct waiting *w);

json_t *container_load(struct cli *cli, const char *name, struct error *err) MUST_USE;
/* The option name (--since, --until), when it was given, as a query argument of the same name: "seconds.nanos". */
int target_time(struct cli *cli, struct strbuf *target, const char *name, struct error *err) MUST_USE;
/* --detach-keys, or the configuration's. */
const char *detach_keys_of(const struct cli *cli);
/* A terminal was asked for, and there is none. */
int input_check(bool with_input, bool tty, struct error *err) MUST_USE;
