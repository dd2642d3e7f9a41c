/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "base/alloc.h"
#include "remote/remote-internal.h"

enum { UPLOAD_TRIES = 3 };

/* Where the session that the answer opened takes its bytes; owned. */
static int session_url(const char *url, const struct http_response *answer, char **ret,
                       struct error *err)
{
	const char *location = strmap_get(&answer->headers, "location");
	if (!location)
		return error_set(err, ERROR_INVALID, "%.200s: upload session without a Location",
		                 url);
	int rc = url_follow(url, location, ret, err);
	if (rc < 0)
		return error_prefix(err, "upload session at %.200s", url);
	if (rc > 0)
		return error_set(
			err, ERROR_FORBIDDEN,
			"the registry wants the upload at %.200s, which is not encrypted: refused",
			*ret);
	return 0;
}

static char *take_session(struct remote *r)
{
	WITH_LOCK(&r->lock);
	if (!r->uploads.len)
		return NULL;
	char *url = xstrdup(r->uploads.ptr[r->uploads.len - 1]);
	strv_remove(&r->uploads, r->uploads.len - 1);
	return url;
}

static void keep_session(struct remote *r, const char *url)
{
	WITH_LOCK(&r->lock);
	strv_add(&r->uploads, url);
}

static int open_session(struct remote *r, struct endpoint *e, char **ret, struct error *err)
{
	AUTO_RESPONSE answer = { 0 };
	AUTO_FREE char *url = endpoint_url(r, e, "blobs/uploads/");
	struct http_request q = { .method = "POST", .url = url };

	*ret = take_session(r);
	if (*ret)
		return 0;
	int rc = remote_request(r, e, &q, NULL, &answer, err);
	if (rc < 0)
		return rc;
	if (answer.status != 202)
		return answer_error(&q, &answer, err);
	return session_url(url, &answer, ret, err);
}

int remote_mount_blob(struct remote *r, const struct digest *d, const char *from_path,
                      struct error *err)
{
	char text[DIGEST_TEXT_MAX];
	AUTO_RESPONSE answer = { 0 };
	AUTO_STRBUF url = { 0 };
	struct endpoint *e = remote_current(r);
	AUTO_FREE char *own = auth_default_scope(r);
	AUTO_FREE char *scope = xasprintf("%s repository:%s:pull", own, from_path);

	strbuf_printf(&url, "%s/v2/%s/blobs/uploads/?mount=%s&from=", e->base, r->ref.path,
	              digest_format(d, text));
	strbuf_add_urlencoded(&url, str_from(from_path), "/");
	struct http_request q = { .method = "POST", .url = strbuf_cstr(&url) };
	int rc = remote_request(r, e, &q, scope, &answer, err);
	if (rc < 0)
		return rc;
	if (answer.status == 201)
		return 1;
	if (answer.status == 202) {
		/* Not mounted, but a session has been opened: the upload uses it up. */
		AUTO_FREE char *session = NULL;
		rc = session_url(q.url, &answer, &session, err);
		if (rc < 0)
			return rc;
		keep_session(r, session);
		return 0;
	}
	/* May not read the other repository: then upload. */
	if (answer.status == 401 || answer.status == 403 || answer.status == 404)
		return 0;
	return answer_error(&q, &answer, err);
}

static int upload_once(struct remote *r, const struct digest *d, const struct http_request *like,
                       bool *ret_local, struct error *err)
{
	char text[DIGEST_TEXT_MAX];
	AUTO_RESPONSE answer = { 0 };
	AUTO_FREE char *session = NULL;
	struct endpoint *e = remote_current(r);

	int rc = open_session(r, e, &session, err);
	if (rc < 0)
		return rc;
	AUTO_FREE char *url = xasprintf("%s%cdigest=%s", session, strchr(session, '?') ? '&' : '?',
	                                digest_format(d, text));
	struct http_request q = *like;
	q.url = url;
	rc = remote_request(r, e, &q, NULL, &answer, err);
	*ret_local = answer.sink_failed;
	if (rc < 0)
		return rc;
	return answer.status == 201 ? 0 : answer_error(&q, &answer, err);
}

int remote_put_blob(struct remote *r, const struct digest *d, int fd, int64_t size,
                    remote_progress_fn progress, void *ctx, struct error *err)
{
	struct http_request q = {
		.method = "PUT",
		.content_type = "application/octet-stream",
		.fd = &fd,
		.fd_size = size,
		.sent = progress,
		.sent_ctx = ctx,
	};

	for (unsigned n = 0;; n++) {
		bool local = false;
		int rc = upload_once(r, d, &q, &local, err);
		if (rc >= 0 || local || !error_is_transient(err) || n + 1 == UPLOAD_TRIES)
			return rc;
		rc = remote_back_off(r, n, err);
		if (rc < 0)
			return rc;
	}
}
