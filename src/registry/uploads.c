/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Blob uploads. A session is a row with the hash's state; its bytes lie in the content store's
 * ingest file of the same name. A request takes the file up where the row says it ends, adds what
 * it brings, and either suspends it again or commits the blob: no byte is hashed twice. What came
 * before a connection broke is kept, so that a client may ask for the offset and go on.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/time.h"
#include "registry/registry-internal.h"

/* A version 4 UUID of 122 random bits. */
static void make_id(char *out)
{
	unsigned char b[16];
	char hex[33];

	random_bytes(b, sizeof(b));
	b[6] = (unsigned char)((b[6] & 0x0f) | 0x40);
	b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
	hex_encode(b, sizeof(b), hex);
	snprintf(out, METADATA_UPLOAD_ID_MAX, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12,
	         hex + 16, hex + 20);
}

/* --- one writer per upload --- */

int upload_claim(struct registry *r, const char *id)
{
	WITH_LOCK(&r->upload_lock);
	if (map_get(r->busy_uploads, id))
		return -EBUSY;
	map_set(r->busy_uploads, id, r);
	return 0;
}

void upload_release(struct registry *r, const char *id)
{
	WITH_LOCK(&r->upload_lock);
	map_remove(r->busy_uploads, id);
}

static int claim(struct registry_call *c, const char *id, struct error *err)
{
	if (upload_claim(c->registry, id) == 0)
		return 0;
	return call_fail(
		c, CODE_UPLOAD_BUSY, err,
		"upload %s is being written to by another request: ask for its offset when that is done",
		id);
}

/* --- headers --- */

static void set_session_headers(struct registry_call *c, const struct metadata_upload *u)
{
	call_location(c, "/v2/%s/blobs/uploads/%s", c->repo, u->id);
	http_set_header(c->http, "Docker-Upload-UUID", u->id);
	http_set_headerf(c->http, "Range", "0-%" PRId64, u->size > 0 ? u->size - 1 : 0);
}

static void respond_created(struct registry_call *c, const char *digest)
{
	call_location(c, "/v2/%s/blobs/%s", c->repo, digest);
	http_set_header(c->http, "Docker-Content-Digest", digest);
	http_respond(c->http, 201, NULL, NULL, 0);
}

/* --- receiving --- */

static int find(struct registry_call *c, struct metadata_upload *ret, struct error *err)
{
	int r = metadata_upload_find(c->registry->metadata, c->reference, c->repo, c->actor, ret,
	                             err);

	if (r == 0)
		return call_fail(
			c, CODE_BLOB_UPLOAD_UNKNOWN, err,
			"there is no upload %.40s in %s: it ended, expired, or is another's; start one anew",
			c->reference, c->repo);
	return r < 0 ? r : 0;
}

/* Content-Range: FIRST-LAST, if sent, must continue at the offset and be as long as the body. */
static int check_range(struct registry_call *c, const struct metadata_upload *u, struct error *err)
{
	const char *text = http_header_get(c->http, "Content-Range");
	struct str rest = str_from(text), first, last;
	uint64_t from, to;

	if (!text)
		return 0;
	if (!str_cut(&rest, '-', &first) || !str_cut(&rest, '-', &last) || rest.ptr ||
	    parse_u64_str(first, 10, &from) < 0 || parse_u64_str(last, 10, &to) < 0 || to < from ||
	    to > INT64_MAX)
		return call_fail(
			c, CODE_BLOB_UPLOAD_INVALID, err,
			"Content-Range \"%.60s\" is not FIRST-LAST with two numbers of bytes",
			text);
	if ((int64_t)from != u->size) {
		set_session_headers(c, u);
		return call_fail(c, CODE_RANGE_INVALID, err,
		                 "the chunk starts at byte %" PRIu64
		                 ", but the upload goes on at %" PRId64,
		                 from, u->size);
	}
	if (c->http->content_length >= 0 && (uint64_t)c->http->content_length != to - from + 1)
		return call_fail(c, CODE_SIZE_INVALID, err,
		                 "Content-Range has %" PRIu64
		                 " bytes, but Content-Length says %" PRId64,
		                 to - from + 1, c->http->content_length);
	return 0;
}

static int ingest_open(struct registry_call *c, const struct metadata_upload *u,
                       enum digest_algorithm algorithm, struct content_ingest **ret,
                       struct error *err)
{
	struct digester state;
	int r;

	if (u->size == 0)
		return content_ingest_begin(c->registry->store, algorithm, ret, err);
	if (u->state.len != sizeof(state))
		return error_set(err, ERROR_INTERNAL,
		                 "upload %s has no usable hash state: start it anew", u->id);
	memcpy(&state, u->state.ptr, sizeof(state));
	r = content_ingest_resume(c->registry->store, u->id, &state, u->size, ret, err);
	if (r < 0 && err->kind == ERROR_NOT_FOUND)
		c->code = CODE_BLOB_UPLOAD_UNKNOWN;
	return r;
}

/* The request's body into the ingest. What arrived before a failure stays in it. */
static int receive(struct registry_call *c, struct content_ingest *i, struct error *err)
{
	AUTO_FREE char *buf = NULL;

	if (c->http->content_length == 0)
		return 0;
	buf = xmalloc(REGISTRY_BUFFER);
	for (;;) {
		ssize_t n = http_read(c->http, buf, REGISTRY_BUFFER);

		if (n == 0)
			return 0;
		if (n == -EBADMSG)
			return call_fail(c, CODE_BLOB_UPLOAD_INVALID, err,
			                 "the body's chunks are malformed");
		if (n < 0)
			return error_set(err, n == -ETIMEDOUT ? ERROR_TIMEOUT : ERROR_CANCELLED,
			                 "the body ended early: %s", strerror((int)-n));
		if (content_ingest_write(i, buf, (size_t)n, err) < 0)
			return error_errno(err);
	}
}

/* Puts the session down with all that came; takes i. */
static int suspend(struct registry_call *c, struct metadata_upload *u, struct content_ingest *i,
                   struct error *err)
{
	struct digester state;
	int r;

	r = content_ingest_suspend(i, u->id, &state, &u->size, err);
	if (r < 0)
		return r;
	u->algorithm = (int)state.algorithm;
	strbuf_clear(&u->state);
	strbuf_add(&u->state, &state, sizeof(state));
	return metadata_upload_save(c->registry->metadata, u, time_now(), err);
}

static int chunk(struct registry_call *c, struct metadata_upload *u, struct error *err)
{
	struct content_ingest *i = NULL;
	struct error ignored = { 0 };
	int r = check_range(c, u, err);

	if (r < 0)
		return r;
	r = ingest_open(c, u, (enum digest_algorithm)u->algorithm, &i, err);
	if (r < 0)
		return r;
	r = receive(c, i, err);
	if (content_ingest_size(i) == 0) {
		content_ingest_abort(i);
		return r;
	}
	if (r < 0) {
		IGNORE_RESULT(suspend(c, u, i, &ignored), "the body's failure is the one to tell");
		return r;
	}
	return suspend(c, u, i, err);
}

int upload_chunk(struct registry_call *c, struct error *err)
{
	CLEANUP(metadata_upload_done) struct metadata_upload u = { .size = 0 };
	int r = claim(c, c->reference, err);

	if (r < 0)
		return r;
	r = find(c, &u, err);
	if (r == 0)
		r = chunk(c, &u, err);
	upload_release(c->registry, c->reference);
	if (r < 0)
		return r;
	set_session_headers(c, &u);
	http_respond(c->http, 202, NULL, NULL, 0);
	return 0;
}

/* Commits the blob and shows it in the repository; takes i. */
static int complete(struct registry_call *c, struct content_ingest *i, const struct digest *d,
                    const char *digest, const char *upload, struct error *err)
{
	int64_t size = content_ingest_size(i);
	int r = content_ingest_commit(i, d, -1, NULL, err);

	if (r < 0) {
		if (err->kind == ERROR_INVALID)
			c->code = CODE_DIGEST_INVALID;
		return r;
	}
	return metadata_blob_add(c->registry->metadata, c->repo, digest, size, call_lease(c),
	                         upload, time_now(), err);
}

static int finish(struct registry_call *c, struct metadata_upload *u, const struct digest *d,
                  const char *digest, struct error *err)
{
	struct content_ingest *i = NULL;
	struct error ignored = { 0 };
	int r = check_range(c, u, err);

	if (r < 0)
		return r;
	if (u->size > 0 && (enum digest_algorithm)u->algorithm != d->algorithm)
		return call_fail(
			c, CODE_DIGEST_INVALID, err,
			"the upload was hashed with %s: start it with ?digest-algorithm=%s for such a digest",
			digest_algorithm_name((enum digest_algorithm)u->algorithm),
			digest_algorithm_name(d->algorithm));
	r = ingest_open(c, u, d->algorithm, &i, err);
	if (r < 0)
		return r;
	r = receive(c, i, err);
	if (r < 0) {
		IGNORE_RESULT(suspend(c, u, i, &ignored), "the body's failure is the one to tell");
		return r;
	}
	r = complete(c, i, d, digest, u->id, err);
	/* its bytes are gone with a wrong digest: a session without them would be a trap */
	if (r < 0)
		IGNORE_RESULT(metadata_upload_remove(c->registry->metadata, u->id, &ignored),
		              "expires otherwise");
	return r;
}

int upload_finish(struct registry_call *c, struct error *err)
{
	CLEANUP(metadata_upload_done) struct metadata_upload u = { .size = 0 };
	const char *text = http_query_get(c->http, "digest");
	struct digest d;
	int r;

	if (!text)
		return call_fail(c, CODE_DIGEST_INVALID, err,
		                 "the closing PUT lacks ?digest=: the digest of the whole blob");
	r = call_digest(c, text, &d, err);
	if (r < 0 || (r = claim(c, c->reference, err)) < 0)
		return r;
	r = find(c, &u, err);
	if (r == 0)
		r = finish(c, &u, &d, text, err);
	upload_release(c->registry, c->reference);
	if (r < 0)
		return r;
	respond_created(c, text);
	return 0;
}

/* --- starting --- */

/* 1 mounted, 0 not possible: then it becomes a normal upload. */
static int mount_from(struct registry_call *c, const char *from, const char *digest,
                      struct error *err)
{
	if (!reference_is_path(str_from(from)) || !access_allowed(c, from, ACCESS_PULL))
		return 0;
	return metadata_blob_mount(c->registry->metadata, from, c->repo, digest, call_lease(c),
	                           time_now(), err);
}

static int mount_anywhere(struct registry_call *c, const char *digest, struct error *err)
{
	AUTO_STRV repos = { 0 };
	int r = metadata_blob_repositories(c->registry->metadata, digest, REGISTRY_LIST_BATCH,
	                                   &repos, err);

	for (size_t i = 0; i < repos.len && r == 0; i++)
		r = mount_from(c, repos.ptr[i], digest, err);
	return r;
}

static int try_mount(struct registry_call *c, const char *digest, struct error *err)
{
	const char *from = http_query_get(c->http, "from");
	struct digest d;

	if (call_digest(c, digest, &d, err) < 0)
		return error_errno(err);
	return str_empty_or_null(from) ? mount_anywhere(c, digest, err)
	                               : mount_from(c, from, digest, err);
}

static int single_post(struct registry_call *c, const char *text, struct error *err)
{
	struct content_ingest *i = NULL;
	struct digest d;
	int r = call_digest(c, text, &d, err);

	if (r < 0 || (r = content_ingest_begin(c->registry->store, d.algorithm, &i, err)) < 0)
		return r;
	r = receive(c, i, err);
	if (r < 0) {
		content_ingest_abort(i);
		return r;
	}
	r = complete(c, i, &d, text, NULL, err);
	if (r < 0)
		return r;
	respond_created(c, text);
	return 0;
}

static int parse_algorithm(struct registry_call *c, enum digest_algorithm *ret, struct error *err)
{
	const char *name = http_query_get(c->http, "digest-algorithm");

	*ret = DIGEST_SHA256;
	if (!name || streq(name, "sha256"))
		return 0;
	if (!streq(name, "sha512"))
		return call_fail(
			c, CODE_DIGEST_INVALID, err,
			"digest-algorithm=%.40s is unknown here: sha256 and sha512 are supported",
			name);
	*ret = DIGEST_SHA512;
	return 0;
}

static int open_session(struct registry_call *c, struct error *err)
{
	struct metadata_upload u = { .size = 0 };
	enum digest_algorithm algorithm;
	int r = parse_algorithm(c, &algorithm, err);

	if (r < 0)
		return r;
	make_id(u.id);
	r = metadata_upload_create(c->registry->metadata, u.id, c->repo, c->actor, (int)algorithm,
	                           time_now(), err);
	if (r < 0)
		return r;
	set_session_headers(c, &u);
	http_respond(c->http, 202, NULL, NULL, 0);
	return 0;
}

int upload_start(struct registry_call *c, struct error *err)
{
	const char *mount = http_query_get(c->http, "mount"),
		   *digest = http_query_get(c->http, "digest");
	int r = 0;

	if (!str_empty_or_null(mount))
		r = try_mount(c, mount, err);
	if (r < 0)
		return r;
	if (r > 0) {
		respond_created(c, mount);
		return 0;
	}
	return str_empty_or_null(digest) || mount ? open_session(c, err)
	                                          : single_post(c, digest, err);
}

/* --- asking and giving up --- */

int upload_status(struct registry_call *c, struct error *err)
{
	CLEANUP(metadata_upload_done) struct metadata_upload u = { .size = 0 };
	int r = find(c, &u, err);

	if (r < 0)
		return r;
	set_session_headers(c, &u);
	http_respond(c->http, 204, NULL, NULL, 0);
	return 0;
}

static int discard(struct registry_call *c, const struct metadata_upload *u, struct error *err)
{
	struct content_ingest *i = NULL;
	struct error ignored = { 0 };

	if (u->size > 0 && ingest_open(c, u, DIGEST_SHA256, &i, &ignored) == 0)
		content_ingest_abort(i);
	c->code = CODE_NONE;
	return metadata_upload_remove(c->registry->metadata, u->id, err);
}

int upload_cancel(struct registry_call *c, struct error *err)
{
	CLEANUP(metadata_upload_done) struct metadata_upload u = { .size = 0 };
	int r = claim(c, c->reference, err);

	if (r < 0)
		return r;
	r = find(c, &u, err);
	if (r == 0)
		r = discard(c, &u, err);
	upload_release(c->registry, c->reference);
	if (r < 0)
		return r;
	http_respond(c->http, 204, NULL, NULL, 0);
	return 0;
}
