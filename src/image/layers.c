/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bringing layers in. A few workers take the missing layers, lowest first; each downloads one
 * while it is hashed into the content store and unpacked by a confined child at the same time.
 * The caller's thread commits them in order as they become ready, since a chain's names need its
 * parents. Layers and blobs that another pull is at already are waited for (flight.h): waiting
 * goes only from a chain to its own parents' holders, each of which has a worker, so it ends.
 */
#include "image/image-internal.h"

#include <errno.h>

#include "base/alloc.h"
#include "base/fs.h"
#include "base/time.h"

enum { CHUNK = 256 * 1024, REPORT_EVERY_MS = 100, POLL_MS = 100 };

enum layer_state {
	LAYER_PENDING,
	LAYER_PRESENT,  /* was there, or another job brought it */
	LAYER_UNPACKED, /* ours to commit: unpack is set and the chain is our flight */
	LAYER_FAILED,
};

struct layer_work {
	const struct layer_want *want;
	char id[SHORT_ID_MAX];
	char chain_key[DIGEST_TEXT_MAX];
	enum layer_state state;      /* bring's lock */
	struct layer_unpack *unpack; /* owned */
	bool was_there;
};

struct bring {
	struct image_store *store;
	struct remote *remote; /* NULL: from the content store */
	struct report *report;
	struct layer_work *work;
	size_t n;
	atomic_bool stop;
	pthread_mutex_t lock; /* next, states, err */
	pthread_cond_t changed;
	size_t next;
	bool failed;
	struct error err; /* of the first that failed */
};

/* One download, teed to the content store and the unpacker. */
struct tee {
	struct bring *bring;
	struct layer_work *work;
	struct content_ingest *ingest;
	struct layer_unpack *unpack;
	int64_t done, next_report;
	bool unpack_failed;
};

static int check_stop(struct bring *b, struct error *err)
{
	if (atomic_load(&b->stop) || job_cancelled(b->report->job))
		return error_set(err, ERROR_CANCELLED, "context canceled");
	return 0;
}

static void report_rarely(struct bring *b, struct layer_work *w, const char *status, int64_t done,
                          int64_t *next)
{
	int64_t now = time_monotonic();
	if (now < *next)
		return;
	*next = now + REPORT_EVERY_MS * NSEC_PER_MSEC;
	report_amount(b->report, w->id, b->remote ? status : "Loading layer", done,
	              w->want->blob.size);
}

static void report_pull(struct bring *b, const struct layer_work *w, const char *status)
{
	if (b->remote)
		report(b->report, w->id, status);
}

static int tee_bytes(void *ctx, const void *data, size_t n, struct error *err)
{
	struct tee *t = ctx;
	int r = check_stop(t->bring, err);
	if (r < 0)
		return r;
	r = content_ingest_write(t->ingest, data, n, err);
	if (r < 0)
		return r;
	r = layer_unpack_write(t->unpack, data, n, err);
	t->unpack_failed = r < 0;
	t->done += (int64_t)n;
	report_rarely(t->bring, t->work, "Downloading", t->done, &t->next_report);
	return r;
}

/* An unpacker that stopped reading has its reason to tell. */
static int unpack_reason(struct layer_unpack *u, struct error *err)
{
	struct error reason = { 0 };
	if (layer_unpack_finish(u, NULL, NULL, &reason) < 0) {
		*err = reason;
		return error_errno(err);
	}
	layer_unpack_abort(u);
	return error_errno(err);
}

static int finish_unpack(struct bring *b, struct layer_work *w, struct layer_unpack *u,
                         struct error *err)
{
	if (b->remote)
		report_amount(b->report, w->id, "Extracting", w->want->blob.size,
		              w->want->blob.size);
	int r = layer_unpack_finish(u, &w->want->diff_id, NULL, err);
	if (r < 0)
		return error_prefix(err, "failed to register layer");
	w->unpack = u;
	return 0;
}

/* Downloads into the content store and the unpacker at once. */
static int download(struct bring *b, struct layer_work *w, struct layer_unpack **ret,
                    struct error *err)
{
	const struct descriptor *blob = &w->want->blob;
	struct tee t = { .bring = b, .work = w };
	int r = content_ingest_begin(b->store->content, blob->digest.algorithm, &t.ingest, err);
	if (r < 0)
		return r;
	r = layer_unpack_begin(b->store->snapshots, &t.unpack, err);
	if (r >= 0) {
		r = remote_get_blob(b->remote, &blob->digest, blob->size, tee_bytes, &t, err);
		if (r < 0 && t.unpack_failed)
			r = unpack_reason(t.unpack, err);
		else if (r < 0)
			layer_unpack_abort(t.unpack);
	}
	if (r < 0) {
		content_ingest_abort(t.ingest);
		return r;
	}
	report_pull(b, w, "Verifying Checksum");
	r = content_ingest_commit_relaxed(t.ingest, &blob->digest, blob->size, NULL, err);
	if (r < 0) {
		layer_unpack_abort(t.unpack);
		return error_prefix(err, "filesystem layer verification failed");
	}
	report_pull(b, w, "Download complete");
	*ret = t.unpack;
	return 0;
}

static int feed_from(struct bring *b, struct layer_work *w, int fd, struct layer_unpack *u,
                     bool *ret_unpack_failed, struct error *err)
{
	AUTO_FREE char *buf = xmalloc(CHUNK);
	int64_t done = 0, next_report = 0;

	for (;;) {
		ssize_t n = read_full(fd, buf, CHUNK);
		if (n <= 0)
			return n < 0 ? error_set_errno(err, (int)-n, "reading layer %s", w->id) : 0;
		int r = check_stop(b, err);
		if (r < 0)
			return r;
		r = layer_unpack_write(u, buf, (size_t)n, err);
		if (r < 0) {
			*ret_unpack_failed = true;
			return r;
		}
		done += n;
		report_rarely(b, w, "Extracting", done, &next_report);
	}
}

static int unpack_blob(struct bring *b, struct layer_work *w, struct layer_unpack **ret,
                       struct error *err)
{
	struct layer_unpack *u;
	bool unpack_failed = false;
	AUTO_CLOSE int fd = content_open_blob(b->store->content, &w->want->blob.digest, NULL, err);
	if (fd < 0)
		return error_errno(err);
	report_pull(b, w, "Download complete");
	int r = layer_unpack_begin(b->store->snapshots, &u, err);
	if (r < 0)
		return r;
	r = feed_from(b, w, fd, u, &unpack_failed, err);
	if (r < 0 && unpack_failed)
		return unpack_reason(u, err);
	if (r < 0)
		layer_unpack_abort(u);
	else
		*ret = u;
	return r;
}

/* By download, or from the blob that another has downloaded. */
static int obtain(struct bring *b, struct layer_work *w, struct layer_unpack **ret,
                  struct error *err)
{
	struct image_store *s = b->store;
	char text[DIGEST_TEXT_MAX];
	AUTO_FREE char *key = xasprintf("blob %s", digest_format(&w->want->blob.digest, text));

	for (;;) {
		int r = check_stop(b, err);
		if (r < 0)
			return r;
		r = content_stat(s->content, &w->want->blob.digest, NULL, err);
		if (r != 0)
			return r < 0 ? r : unpack_blob(b, w, ret, err);
		if (!b->remote)
			return error_set(err, ERROR_INVALID, "layer %s is missing from the archive",
			                 text);
		if (!flight_take(&s->flights, key))
			continue;
		r = content_stat(s->content, &w->want->blob.digest, NULL, err);
		if (r == 0)
			r = download(b, w, ret, err);
		else if (r > 0)
			r = unpack_blob(b, w, ret, err);
		flight_end(&s->flights, key);
		return r;
	}
}

/* 1 when the chain is there, 0 when it is now ours to make. */
static int claim_chain(struct bring *b, struct layer_work *w, struct error *err)
{
	struct image_store *s = b->store;

	for (;;) {
		int r = check_stop(b, err);
		if (r < 0)
			return r;
		if (!flight_take(&s->flights, w->chain_key))
			continue;
		r = layer_exists(s->snapshots, &w->want->chain_id, NULL, err);
		if (r != 0)
			flight_end(&s->flights, w->chain_key);
		return r;
	}
}

static int bring_layer(struct bring *b, struct layer_work *w, struct error *err)
{
	struct layer_unpack *u = NULL;
	int r = claim_chain(b, w, err);
	if (r != 0)
		return r < 0 ? r : (int)LAYER_PRESENT;
	r = obtain(b, w, &u, err);
	if (r >= 0)
		r = finish_unpack(b, w, u, err);
	if (r < 0)
		flight_end(&b->store->flights, w->chain_key);
	return r < 0 ? r : (int)LAYER_UNPACKED;
}

static void fail(struct bring *b, const struct error *err)
{
	WITH_LOCK(&b->lock);
	if (!b->failed)
		b->err = *err;
	b->failed = true;
	atomic_store(&b->stop, true);
	if (b->remote)
		remote_stop(b->remote);
	pthread_cond_broadcast(&b->changed);
}

static struct layer_work *next_work(struct bring *b)
{
	WITH_LOCK(&b->lock);
	while (b->next < b->n && b->work[b->next].was_there)
		b->next++;
	return b->next < b->n && !b->failed ? &b->work[b->next++] : NULL;
}

static void *work(void *ctx)
{
	struct bring *b = ctx;
	struct layer_work *w;

	while ((w = next_work(b))) {
		struct error err = { 0 };
		int r = bring_layer(b, w, &err);
		if (r < 0)
			fail(b, &err);
		WITH_LOCK(&b->lock);
		w->state = r < 0 ? LAYER_FAILED : (enum layer_state)r;
		pthread_cond_broadcast(&b->changed);
	}
	return NULL;
}

/* Waits until a worker is through with the layer; looks at the cancel flag meanwhile. */
static enum layer_state await(struct bring *b, struct layer_work *w)
{
	WITH_LOCK(&b->lock);
	while (w->state == LAYER_PENDING && !b->failed) {
		struct timespec until;
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_nsec += POLL_MS * 1000000L;
		if (until.tv_nsec >= 1000000000L) {
			until.tv_sec++;
			until.tv_nsec -= 1000000000L;
		}
		pthread_cond_timedwait(&b->changed, &b->lock, &until);
		if (job_cancelled(b->report->job) && !b->failed) {
			b->failed = true;
			error_set(&b->err, ERROR_CANCELLED, "context canceled");
			atomic_store(&b->stop, true);
			if (b->remote)
				remote_stop(b->remote);
		}
	}
	return b->failed ? LAYER_FAILED : w->state;
}

static int commit_one(struct bring *b, size_t i, struct error *err)
{
	struct layer_work *w = &b->work[i];
	int r = layer_unpack_commit_relaxed(TAKE_PTR(w->unpack),
	                                    i ? &b->work[i - 1].want->chain_id : NULL, NULL, err);

	flight_end(&b->store->flights, w->chain_key);
	w->state = LAYER_PRESENT;
	return r;
}

static void commit_in_order(struct bring *b)
{
	struct error err = { 0 };

	for (size_t i = 0; i < b->n; i++) {
		struct layer_work *w = &b->work[i];
		if (w->was_there)
			continue;
		enum layer_state state = await(b, w);
		if (state == LAYER_FAILED)
			return;
		if (state == LAYER_UNPACKED && commit_one(b, i, &err) < 0) {
			fail(b, &err);
			return;
		}
		report_pull(b, w, "Pull complete");
	}
}

static void drop_unpacked(struct bring *b)
{
	for (size_t i = 0; i < b->n; i++) {
		struct layer_work *w = &b->work[i];
		if (w->state != LAYER_UNPACKED)
			continue;
		layer_unpack_abort(w->unpack);
		flight_end(&b->store->flights, w->chain_key);
	}
}

/* Fills in the work and says which layers are there already. */
static int survey(struct bring *b, const struct layer_want *want, size_t *ret_missing,
                  struct error *err)
{
	*ret_missing = 0;
	for (size_t i = 0; i < b->n; i++) {
		struct layer_work *w = &b->work[i];

		w->want = &want[i];
		short_id(b->remote ? &want[i].blob.digest : &want[i].diff_id, w->id);
		digest_format(&want[i].chain_id, w->chain_key);
		int r = layer_exists(b->store->snapshots, &want[i].chain_id, NULL, err);
		if (r < 0)
			return r;
		w->was_there = r;
		*ret_missing += !r;
		report_pull(b, w, r ? "Already exists" : "Pulling fs layer");
	}
	return 0;
}

static void report_waiting(struct bring *b, unsigned workers)
{
	unsigned missing = 0;
	for (size_t i = 0; i < b->n; i++) {
		if (!b->work[i].was_there && ++missing > workers)
			report_pull(b, &b->work[i], "Waiting");
	}
}

/* Starts the workers, commits what they make, and waits for their end. */
static void run(struct bring *b, unsigned workers)
{
	AUTO_FREE pthread_t *threads = xcalloc(workers, sizeof(*threads));
	struct error err = { 0 };
	unsigned started = 0;

	while (started < workers && thread_start(&threads[started], work, b, &err) >= 0)
		started++;
	if (started < workers && !started)
		fail(b, &err);
	commit_in_order(b);
	for (unsigned i = 0; i < started; i++)
		pthread_join(threads[i], NULL);
	drop_unpacked(b);
}

int layers_bring(struct image_store *s, struct remote *remote, const struct layer_want *want,
                 size_t n, struct report *report, struct error *err)
{
	size_t missing;
	AUTO_FREE struct layer_work *list = xcalloc(n ? n : 1, sizeof(*list));
	struct bring b = { .store = s, .remote = remote, .report = report, .work = list, .n = n };
	int r = survey(&b, want, &missing, err);
	if (r < 0 || !missing)
		return r;
	unsigned workers = (unsigned)MIN(missing, (size_t)s->max_downloads);
	report_waiting(&b, workers);
	pthread_mutex_init(&b.lock, NULL);
	pthread_cond_init(&b.changed, NULL);
	run(&b, workers);
	pthread_cond_destroy(&b.changed);
	pthread_mutex_destroy(&b.lock);
	if (!b.failed)
		return 0;
	*err = b.err;
	return error_errno(err);
}
