/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <poll.h>
#include <stdio.h>

#include "base/time.h"
#include "json/json.h"
#include "remote/remote-internal.h"

enum { BACK_OFF_FIRST_MS = 200, BACK_OFF_STEP_MS = 50 };

/* {"errors":[{"code":...,"message":...}]}: the document and its first entry (borrowed), or NULL. */
static json_t *first_error(const struct http_response *answer, json_t **ret_entry)
{
	struct error ignored;
	json_t *doc = json_parse(strbuf_str(&answer->body), &ignored);

	*ret_entry = doc ? json_array_get(json_member(doc, "errors", false), 0) : NULL;
	return doc;
}

const char *answer_code(const struct http_response *answer, char *buf)
{
	json_t *entry;
	AUTO_JSON *doc = first_error(answer, &entry);
	const char *code = entry ? json_member_string(entry, "code") : NULL;

	snprintf(buf, ANSWER_CODE_MAX, "%s", code ? code : "");
	return buf;
}

static enum error_kind kind_of(long status)
{
	switch (status) {
	case 400:
		return ERROR_INVALID;
	case 401:
		return ERROR_UNAUTHORIZED;
	case 403:
		return ERROR_FORBIDDEN;
	case 404:
		return ERROR_NOT_FOUND;
	case 413:
		return ERROR_TOO_LARGE;
	case 416:
		return ERROR_RANGE;
	case 429:
		return ERROR_TOO_MANY;
	default:
		return status >= 500 ? ERROR_UNAVAILABLE : ERROR_INTERNAL;
	}
}

/* "MANIFEST_UNKNOWN" reads "manifest unknown" in Docker's messages. */
static void code_to_words(char *code)
{
	for (char *p = code; *p; p++)
		*p = *p == '_' ? ' ' : (char)tolower((unsigned char)*p);
}

int answer_error(const struct http_request *q, const struct http_response *answer,
                 struct error *err)
{
	json_t *entry;
	AUTO_JSON *doc = first_error(answer, &entry);
	char words[ANSWER_CODE_MAX];
	const char *message = entry ? json_member_string(entry, "message") : NULL;
	const char *code = answer_code(answer, words);

	if (!*code)
		return error_set(err, kind_of(answer->status),
		                 "%s \"%.300s\": received unexpected HTTP status: %ld", q->method,
		                 q->url, answer->status);
	code_to_words(words);
	return error_set(err, kind_of(answer->status), "%s: %.600s", words,
	                 str_empty_or_null(message) ? words : message);
}

bool error_is_transient(const struct error *err)
{
	return err->kind == ERROR_UNAVAILABLE || err->kind == ERROR_TIMEOUT ||
	       err->kind == ERROR_TOO_MANY;
}

int remote_back_off(struct remote *r, unsigned n, struct error *err)
{
	unsigned left = BACK_OFF_FIRST_MS << MIN(n, 6U);

	while (left) {
		if (transport_cancelled(&r->transport))
			return error_set(err, ERROR_CANCELLED, "context canceled");
		unsigned part = MIN(left, (unsigned)BACK_OFF_STEP_MS);
		poll(NULL, 0, (int)part);
		left -= part;
	}
	return 0;
}
