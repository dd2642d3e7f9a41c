/* SPDX-License-Identifier: Apache-2.0 */
/* Who did what when: one line per request. */
#include <arpa/inet.h>
#include <inttypes.h>

#include "base/log.h"
#include "base/time.h"
#include "registry/registry-internal.h"

const char *call_peer(struct registry_call *c)
{
	char *text = arena_alloc(c->http->arena, INET6_ADDRSTRLEN);
	const struct sockaddr_storage *a = &c->http->peer.address;

	if (a->ss_family == AF_INET)
		inet_ntop(AF_INET, &((const struct sockaddr_in *)a)->sin_addr, text,
		          INET6_ADDRSTRLEN);
	else if (a->ss_family == AF_INET6)
		inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)a)->sin6_addr, text,
		          INET6_ADDRSTRLEN);
	return text;
}

void access_log(struct registry_call *c, int64_t duration_ns)
{
	const char *agent = http_header_get(c->http, "User-Agent");

	if (c->registry->config->access_log_disabled || !log_enabled(LOG_LEVEL_INFO))
		return;
	log_info("request method=%s path=%.300s status=%d bytes=%" PRId64
	         " ms=%.1f peer=%s user=%s agent=%.100s",
	         http_method_name(c->http->method), c->http->path, http_status_sent(c->http),
	         http_bytes_sent(c->http), (double)duration_ns / (double)NSEC_PER_MSEC,
	         call_peer(c), *c->actor ? c->actor : "-", agent ? agent : "-");
}
