/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The Engine API over HTTP: versions 1.24 to 1.51 by path prefix, one table of routes per
 * resource. The handler is given to the HTTP server; its context is the engine.
 */
#include "engine/engine.h"

#define API_VERSION_MAX "1.51"
#define API_VERSION_MIN "1.24"

/* An http_handler_fn; ctx is a struct engine. */
void api_handle(struct http_request *req, void *ctx);
/* One line per route, "METHOD pattern note", for docs/api-coverage.md. */
void api_coverage(struct strbuf *out);
