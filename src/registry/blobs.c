/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "base/time.h"
#include "registry/registry-internal.h"

static int unknown(struct registry_call *c, struct error *err)
{
	return call_fail(c, CODE_BLOB_UNKNOWN, err, "repository %s has no blob %s", c->repo,
	                 c->reference);
}

/*
 * An answer "it exists" is a promise. A manifest that refers to the blob keeps it, and its end
 * starts the lease anew; only a blob that nothing refers to needs its lease written, and only when
 * less than half of it is left.
 */
static int keep_promise(struct registry_call *c, const struct metadata_blob *b, struct error *err)
{
	if (b->leased_until > time_now() + c->registry->config->lease_ns / 2)
		return 1;
	return metadata_blob_extend(c->registry->metadata, c->repo, c->reference, call_lease(c),
	                            err);
}

static void set_blob_headers(struct registry_call *c, char *etag)
{
	snprintf(etag, DIGEST_TEXT_MAX + 2, "\"%s\"", c->reference);
	http_set_header(c->http, "Docker-Content-Digest", c->reference);
	http_set_header(c->http, "Cache-Control", "max-age=31536000");
}

static int blob_send(struct registry_call *c, const struct digest *d, int64_t size,
                     struct error *err)
{
	char etag[DIGEST_TEXT_MAX + 2];
	AUTO_CLOSE int fd = -1;

	if (c->http->method == HTTP_HEAD) {
		set_blob_headers(c, etag);
		http_set_header(c->http, "ETag", etag);
		http_set_header(c->http, "Accept-Ranges", "bytes");
		http_respond(c->http, 200, "application/octet-stream", NULL, (size_t)size);
		return 0;
	}
	fd = content_open_blob(c->registry->store, d, &size, err);
	if (fd < 0)
		return err->kind == ERROR_NOT_FOUND ? unknown(c, err) : fd;
	set_blob_headers(c, etag);
	http_respond_file(c->http, fd, size, "application/octet-stream", etag);
	return 0;
}

int blob_get(struct registry_call *c, struct error *err)
{
	struct metadata_blob b;
	struct digest d;
	int r = call_digest(c, c->reference, &d, err);

	if (r < 0)
		return r;
	r = metadata_blob_find(c->registry->metadata, c->repo, c->reference, &b, err);
	if (r > 0)
		r = keep_promise(c, &b, err);
	if (r < 0)
		return r;
	if (r == 0)
		return unknown(c, err);
	return blob_send(c, &d, b.size, err);
}

int blob_delete(struct registry_call *c, struct error *err)
{
	struct digest d;
	int r = call_digest(c, c->reference, &d, err);

	if (r < 0)
		return r;
	r = metadata_blob_remove(c->registry->metadata, c->repo, c->reference, err);
	if (r < 0 && err->kind == ERROR_CONFLICT)
		c->code = CODE_UNSUPPORTED;
	if (r < 0)
		return r;
	if (r == 0)
		return unknown(c, err);
	http_respond(c->http, 202, NULL, NULL, 0);
	return 0;
}
