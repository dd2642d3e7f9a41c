/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "base/alloc.h"
#include "json/json.h"
#include "oci/manifest.h"
#include "remote/header.h"
#include "remote/remote-internal.h"

enum { TAGS_PAGE_MAX = 4 * 1024 * 1024, TAGS_PAGES_MAX = 1000, TAGS_MAX = 100000, TRIES = 3 };

static const char accepted[] =
	MEDIA_DOCKER_MANIFEST ", " MEDIA_DOCKER_LIST ", " MEDIA_OCI_INDEX ", " MEDIA_OCI_MANIFEST;

/* Sends the request up to TRIES times while it fails for what may pass. */
static int request_patiently(struct remote *r, struct endpoint *e, const struct http_request *q,
                             struct http_response *ret, struct error *err)
{
	for (unsigned n = 0;; n++) {
		int rc = remote_request(r, e, q, NULL, ret, err);
		if (rc >= 0 && ret->status < 500 && ret->status != 429)
			return 0;
		if (rc >= 0)
			rc = answer_error(q, ret, err);
		if (!error_is_transient(err) || n + 1 == TRIES)
			return rc;
		http_response_done(ret);
		rc = remote_back_off(r, n, err);
		if (rc < 0)
			return rc;
	}
}

/* dockerd's sentences around what the registry said. The kind is what dockerd answers: 404. */
static int pull_error(struct remote *r, const struct http_request *q, const char *what,
                      const struct http_response *answer, struct error *err)
{
	char code[ANSWER_CODE_MAX];
	struct error cause = { 0 };
	AUTO_FREE char *name = reference_familiar_name(&r->ref);

	IGNORE_RESULT(answer_error(q, answer, &cause), "reported below");
	answer_code(answer, code);
	if (streq(code, "DENIED") || streq(code, "UNAUTHORIZED") || answer->status == 401 ||
	    answer->status == 403)
		return error_set(
			err, ERROR_NOT_FOUND,
			"pull access denied for %s, repository does not exist or may require "
			"'docker login': %s",
			name, cause.message);
	if (streq(code, "NAME_UNKNOWN"))
		return error_set(err, ERROR_NOT_FOUND, "repository %s not found: %s", name,
		                 cause.message);
	if (streq(code, "MANIFEST_UNKNOWN") || answer->status == 404)
		return error_set(err, ERROR_NOT_FOUND, "manifest for %s%s%s not found: %s", name,
		                 strchr(what, ':') ? "@" : ":", what,
		                 streq(code, "MANIFEST_UNKNOWN")
		                         ? cause.message
		                         : "manifest unknown: manifest unknown");
	*err = cause;
	return error_errno(err);
}

/* The digest that the body has, of the algorithm that was asked for or promised. */
static int check_digest(const char *what, const struct http_response *answer, struct digest *ret,
                        struct error *err)
{
	struct digest want = { 0 }, have;
	char a[DIGEST_TEXT_MAX], b[DIGEST_TEXT_MAX];
	const char *promised = strmap_get(&answer->headers, "docker-content-digest");

	if (digest_parse(str_from(what), &want) < 0 && promised) {
		int rc = digest_parse_error(promised, &want, err);
		if (rc < 0)
			return error_prefix(err, "Docker-Content-Digest");
	}
	digest_of(digest_is_set(&want) ? want.algorithm : DIGEST_SHA256, strbuf_cstr(&answer->body),
	          answer->body.len, &have);
	if (digest_is_set(&want) && !digest_equal(&want, &have))
		return error_set(err, ERROR_INVALID,
		                 "manifest verification failed for digest %s: the content has %s",
		                 digest_format(&want, a), digest_format(&have, b));
	*ret = have;
	return 0;
}

/* "application/json; charset=utf-8" -> "application/json"; owned, NULL when there is none. */
static char *media_type_of(const struct http_response *answer)
{
	struct str rest = str_from(strmap_get(&answer->headers, "content-type")), type;

	if (!rest.ptr || !str_cut(&rest, ';', &type))
		return NULL;
	type = str_trim(type);
	return type.len ? xstrndup(type.ptr, type.len) : NULL;
}

static int get_from(struct remote *r, struct endpoint *e, const char *what, struct strbuf *ret_body,
                    char **ret_media_type, struct digest *ret_digest, struct error *err)
{
	AUTO_RESPONSE answer = { 0 };
	AUTO_FREE char *rest = xasprintf("manifests/%s", what);
	AUTO_FREE char *url = endpoint_url(r, e, rest);
	struct http_request q = {
		.method = "GET", .url = url, .accept = accepted, .body_limit = MANIFEST_SIZE_MAX
	};

	int rc = request_patiently(r, e, &q, &answer, err);
	if (rc < 0)
		return err->kind == ERROR_UNAUTHORIZED ? error_prefix(err, "Get \"%s\"", url) : rc;
	if (answer.status != 200)
		return pull_error(r, &q, what, &answer, err);
	rc = check_digest(what, &answer, ret_digest, err);
	if (rc < 0)
		return rc;
	if (ret_media_type)
		*ret_media_type = media_type_of(&answer);
	strbuf_done(ret_body);
	*ret_body = answer.body;
	answer.body = (struct strbuf){ 0 };
	return 0;
}

int remote_get_manifest(struct remote *r, const char *tag_or_digest, struct strbuf *ret_body,
                        char **ret_media_type, struct digest *ret_digest, struct error *err)
{
	for (struct endpoint *e = remote_current(r);;) {
		int rc = get_from(r, e, tag_or_digest, ret_body, ret_media_type, ret_digest, err);
		if (rc >= 0 || err->kind == ERROR_CANCELLED)
			return rc;
		rc = remote_next(r, e, &e, err);
		if (rc <= 0)
			return error_errno(err);
	}
}

int remote_put_manifest(struct remote *r, const char *tag_or_digest, const char *media_type,
                        struct str body, struct error *err)
{
	AUTO_RESPONSE answer = { 0 };
	struct endpoint *e = remote_current(r);
	AUTO_FREE char *rest = xasprintf("manifests/%s", tag_or_digest);
	AUTO_FREE char *url = endpoint_url(r, e, rest);
	struct http_request q = {
		.method = "PUT", .url = url, .content_type = media_type, .body = body
	};

	int rc = request_patiently(r, e, &q, &answer, err);
	if (rc < 0)
		return rc;
	return answer.status == 201 || answer.status == 200 ? 0 : answer_error(&q, &answer, err);
}

static int add_tags(const struct http_response *answer, struct strv *ret, struct error *err)
{
	size_t i;
	json_t *tag;
	AUTO_JSON *doc = json_parse(strbuf_str(&answer->body), err);
	if (!doc)
		return error_prefix(err, "tags/list");
	json_array_foreach (json_member(doc, "tags", false), i, tag) {
		const char *text = json_string_value(tag);
		if (!text || !reference_is_tag(str_from(text)))
			return error_set(err, ERROR_INVALID, "tags/list: entry %zu is not a tag",
			                 i);
		if (ret->len == TAGS_MAX)
			return error_set(err, ERROR_TOO_LARGE, "tags/list: more than %d tags",
			                 TAGS_MAX);
		strv_add(ret, text);
	}
	return 0;
}

/* The page's URL that Link names, owned; NULL at the end. */
static int next_page(const char *url, const struct http_response *answer, char **ret,
                     struct error *err)
{
	AUTO_FREE char *target = NULL;
	const char *link = strmap_get(&answer->headers, "link");

	*ret = NULL;
	int rc = link ? link_next(str_from(link), &target, err) : 0;
	return rc <= 0 ? rc : url_resolve(url, target, ret, err);
}

int remote_tags(struct remote *r, struct strv *ret, struct error *err)
{
	struct endpoint *e = remote_current(r);
	AUTO_FREE char *url = endpoint_url(r, e, "tags/list");

	for (unsigned page = 0; url && page < TAGS_PAGES_MAX; page++) {
		AUTO_RESPONSE answer = { 0 };
		char *next;
		struct http_request q = { .method = "GET",
			                  .url = url,
			                  .body_limit = TAGS_PAGE_MAX };
		int rc = request_patiently(r, e, &q, &answer, err);
		if (rc < 0)
			return rc;
		if (answer.status != 200)
			return pull_error(r, &q, "", &answer, err);
		rc = add_tags(&answer, ret, err);
		if (rc < 0)
			return rc;
		rc = next_page(url, &answer, &next, err);
		if (rc < 0)
			return rc;
		free(url);
		url = next;
	}
	return 0;
}
