/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Connections to wherever the engine is: unix://, tcp://, ssh://. */
#include "cli/cli.h"
#include "http/stream.h"

/* An http_dial_fn; ctx is the struct cli. */
struct http_stream *engine_dial(void *ctx, struct error *err);
/* For the Host header. */
const char *dial_host_header(const struct cli *cli);
