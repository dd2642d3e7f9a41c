/* SPDX-License-Identifier: Apache-2.0 */
/* Attach and exec take the connection over: with 101 when the client asked for an upgrade, with a
 * 200 without a length otherwise, as very old clients and docker-py do. */
#include "api/api-internal.h"

static struct http_stream *hijack(struct api_request *req, bool tty, struct error *err)
{
	const char *type = !tty && req->version >= API(1, 42)
	                           ? "application/vnd.docker.multiplexed-stream"
	                           : "application/vnd.docker.raw-stream";
	const char *upgrade = http_header_get(req->http, "Upgrade");
	AUTO_STRBUF head = { 0 };

	if (upgrade)
		strbuf_printf(
			&head,
			"HTTP/1.1 101 UPGRADED\r\nContent-Type: %s\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n",
			type);
	else
		strbuf_printf(&head, "HTTP/1.1 200 OK\r\nContent-Type: %s\r\n", type);
	strbuf_puts(&head, "Api-Version: " API_VERSION_MAX
	                   "\r\nDocker-Experimental: false\r\nOstype: linux\r\n"
	                   "Server: Docker/" CORACLE_VERSION " (linux)\r\n\r\n");
	return http_hijack(req->http, head.ptr, head.len, err);
}

int api_run_attachment(struct api_request *req, struct attachment *a, bool tty, struct error *err)
{
	struct http_stream *stream = hijack(req, tty, err);

	if (!stream) {
		attachment_free(a);
		return error_errno(err);
	}
	attachment_run(a, stream);
	return 0;
}
