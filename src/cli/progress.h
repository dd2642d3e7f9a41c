/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Progress of pull, push, load, import and build: the engine sends JSON documents. On a terminal
 * the layers are lines that are drawn over, each cut to the window; elsewhere one line per event.
 */
#include "cli/cli.h"
#include "http/client.h"

struct progress;

/* to_stderr: stdout belongs to somebody else (run). on_aux gets "aux" members, may be NULL. */
struct progress_options {
	bool to_stderr;
	bool quiet;                                     /* only errors and aux */
	void (*on_aux)(void *ctx, const json_t *aux);
	void *ctx;
};

/* Shows the answer's documents until their end; an error among them, or a cut, is err. */
int progress_show(struct http_response *answer, const struct progress_options *o, struct error *err) MUST_USE;
