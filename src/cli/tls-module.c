/* SPDX-License-Identifier: Apache-2.0 */
/* The module behind cli/tls.h: all that links OpenSSL. */
#include "cli/tls.h"
#include "http/tls.h"

__attribute__((visibility("default"))) struct http_stream *
coracle_tls_connect(int fd, const char *host, const char *ca, const char *certificate,
                    const char *key, bool verify, struct error *err);

struct http_stream *coracle_tls_connect(int fd, const char *host, const char *ca,
                                        const char *certificate, const char *key, bool verify,
                                        struct error *err)
{
	return http_tls_connect(fd, host, ca, certificate, key, verify, err);
}
