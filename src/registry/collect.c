/* SPDX-License-Identifier: Apache-2.0 */
/* The collector: runs beside everything else, a batch at a time, and lets others in between. */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "base/time.h"
#include "registry/registry-internal.h"

enum { BATCH = 50, PAUSE_US = 500 };

/* Between two transactions: writers that wait get their turn. */
static void pause_a_little(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = PAUSE_US * 1000 }, NULL);
}

/* What the upload left: its file, then its row. */
static int discard_upload(struct registry *r, const char *id, struct error *err)
{
	CLEANUP(metadata_upload_done) struct metadata_upload u = { .size = 0 };
	struct content_ingest *i = NULL;
	struct error ignored = { 0 };
	struct digester state;
	int found;

	if (upload_claim(r, id) < 0)
		return 0; /* somebody goes on with it */
	found = metadata_upload_get(r->metadata, id, &u, err);
	if (found > 0 && u.state.len == sizeof(state)) {
		memcpy(&state, u.state.ptr, sizeof(state));
		if (content_ingest_resume(r->store, id, &state, u.size, &i, &ignored) == 0)
			content_ingest_abort(i);
	}
	if (found > 0)
		found = metadata_upload_remove(r->metadata, id, err);
	upload_release(r, id);
	return found < 0 ? found : 1;
}

static int collect_uploads(struct registry *r, struct registry_collected *ret, struct error *err)
{
	AUTO_STRV ids = { 0 };
	int n = 0;

	if (!r->config->upload_purging)
		return 0;
	if (metadata_uploads_stale(r->metadata, time_now() - r->config->upload_age_ns, BATCH * 20,
	                           &ids, err) < 0)
		return error_errno(err);
	for (size_t i = 0; i < ids.len && n >= 0; i++) {
		n = discard_upload(r, ids.ptr[i], err);
		if (n > 0)
			ret->uploads++;
	}
	return n < 0 ? n : 0;
}

static int collect_manifests(struct registry *r, bool now, struct registry_collected *ret,
                             struct error *err)
{
	const struct registry_config *c = r->config;
	int n;

	while (c->untagged_ns > 0) {
		n = metadata_expire_untagged(r->metadata, time_now() - c->untagged_ns, time_now(),
		                             BATCH, err);
		if (n < 0)
			return n;
		if (n == 0) /* not before: what an index held, or a subject, follows it */
			break;
		pause_a_little();
	}
	for (;;) {
		n = metadata_purge_manifests(r->metadata, time_now() - (now ? 0 : c->undelete_ns),
		                             time_now() + c->lease_ns, BATCH, err);
		if (n < 0)
			return n;
		ret->manifests += n;
		if (n < BATCH)
			return 0;
		pause_a_little();
	}
}

static int collect_blobs(struct registry *r, struct registry_collected *ret, struct error *err)
{
	struct content_collected sum = { 0 };
	int n;

	do {
		n = metadata_release_blobs(r->metadata, time_now(), BATCH, err);
		pause_a_little();
	} while (n == BATCH);
	while (n >= 0) {
		n = content_collect(r->store, time_now(), BATCH, &sum, err);
		if (n == 0)
			break;
		pause_a_little();
	}
	ret->blobs += sum.blobs;
	ret->bytes += sum.bytes;
	return n;
}

int registry_collect(struct registry *r, bool now, struct registry_collected *ret,
                     struct error *err)
{
	*ret = (struct registry_collected){ 0 };
	if (collect_uploads(r, ret, err) < 0 || collect_manifests(r, now, ret, err) < 0 ||
	    collect_blobs(r, ret, err) < 0 ||
	    metadata_drop_empty_repositories(r->metadata, err) < 0)
		return error_prefix(err, "collection");
	return 0;
}
