/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* TLS for tcp:// engines, in a module that is loaded when it is wanted: OpenSSL would cost every
 * start more than all the rest. */
#include "cli/cli.h"
#include "http/stream.h"

/* Do the options, the environment or the context ask for TLS? */
bool tls_is_wanted(const struct cli *cli);
/* Handshakes over fd, which it owns from then on. NULL with err. */
struct http_stream *tls_connect(const struct cli *cli, int fd, const char *host, struct error *err) MUST_USE;

/* What the module exports as "coracle_tls_connect". */
typedef struct http_stream *(*tls_connect_fn)(int fd, const char *host, const char *ca,
					      const char *certificate, const char *key, bool verify,
					      struct error *err);
