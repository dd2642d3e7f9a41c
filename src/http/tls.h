/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * TLS for servers (and the command line's remote engines), in a library of its own so that
 * programs that don't need it don't link OpenSSL's ssl. TLS 1.2 at least.
 */
#include "http/stream.h"

struct http_tls;

struct http_tls_options {
	const char *certificate; /* PEM file */
	const char *key;
	const char *client_ca;       /* PEM file, or NULL */
	bool require_client;         /* refuse clients without a certificate of client_ca */
};

struct http_tls *http_tls_server(const struct http_tls_options *o, struct error *err) MUST_USE;
/* Reads the files again; on failure the old ones stay. Safe while serving. */
int http_tls_reload(struct http_tls *t, struct error *err) MUST_USE;
struct http_tls *http_tls_ref(struct http_tls *t);
void http_tls_unref(struct http_tls *t);

/* Client side: verifies host against ca (NULL: the system's), presents certificate/key if given. */
struct http_stream *http_tls_connect(int fd, const char *host, const char *ca, const char *certificate,
				     const char *key, bool verify, struct error *err) MUST_USE;
