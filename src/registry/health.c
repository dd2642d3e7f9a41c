/* SPDX-License-Identifier: Apache-2.0 */
/* Is it alive, is it able to serve, and its counters. */
#include <errno.h>
#include <string.h>
#include <sys/statvfs.h>

#include "registry/registry-internal.h"

int health_alive(struct registry_call *c, struct error *err)
{
	http_respond(c->http, 200, "text/plain", "ok\n", 3);
	return 0;
}

/* The database answers, and there is room to write. */
int health_ready(struct registry_call *c, struct error *err)
{
	struct statvfs fs;

	if (metadata_repository_exists(c->registry->metadata, "", err) < 0)
		return error_set(err, ERROR_UNAVAILABLE, "the database does not answer");
	if (statvfs(c->registry->config->root, &fs) < 0)
		return error_set(err, ERROR_UNAVAILABLE, "the store is not there: %s",
		                 strerror(errno));
	if (fs.f_flag & ST_RDONLY && !c->registry->config->read_only)
		return error_set(err, ERROR_UNAVAILABLE, "the store's file system is read-only");
	if (fs.f_bavail == 0)
		return error_set(err, ERROR_UNAVAILABLE, "the store's file system is full");
	return health_alive(c, err);
}

int metrics_get(struct registry_call *c, struct error *err)
{
	AUTO_STRBUF out = { 0 };
	struct content_collected sum = { 0 };

	if (!c->registry->config->metrics)
		return call_fail(c, CODE_NOT_FOUND, err,
		                 "set http.debug.prometheus.enabled: true for counters");
	metrics_write(c->registry->metrics, &out);
	if (content_usage(c->registry->store, &sum, err) < 0)
		return error_errno(err);
	strbuf_printf(
		&out,
		"# TYPE coracle_registry_blobs gauge\ncoracle_registry_blobs %lld\n"
		"# TYPE coracle_registry_blob_bytes gauge\ncoracle_registry_blob_bytes %lld\n",
		(long long)sum.blobs, (long long)sum.bytes);
	http_respond(c->http, 200, "text/plain; version=0.0.4", strbuf_cstr(&out), out.len);
	return 0;
}
