/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What the server needs of TLS, as a table, so that it does not link it. */
#include "http/tls.h"

struct http_tls_ops {
	struct http_tls *(*ref)(struct http_tls *t);
	void (*unref)(struct http_tls *t);
	/* A stream on which no handshake was made yet. Owns fd, which becomes non-blocking. */
	struct http_stream *(*start)(struct http_tls *t, int fd, struct error *err);
	/* Goes on with it, without waiting: 1 done, 0 more must come from the peer, -errno. */
	int (*handshake)(struct http_stream *s, struct error *err);
	/* The verified client certificate's subject (the caller's), or NULL. */
	char *(*subject)(struct http_stream *s);
};

/* The first member of struct http_tls. */
struct http_tls_base {
	const struct http_tls_ops *ops;
};

static inline const struct http_tls_ops *http_tls_ops_of(const struct http_tls *t)
{
	return ((const struct http_tls_base *)(const void *)t)->ops;
}
