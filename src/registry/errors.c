/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/errors.h"

#include <assert.h>
#include <stdio.h>

#include "base/log.h"
#include "json/writer.h"
#include "registry/registry-internal.h"

static const struct code_info {
	const char *name;
	int status;
	enum error_kind kind;
} codes[] = {
	/* clang-format off */
	[CODE_NONE]                      = { "UNKNOWN", 500, ERROR_INTERNAL },
	[CODE_BLOB_UNKNOWN]              = { "BLOB_UNKNOWN", 404, ERROR_NOT_FOUND },
	[CODE_BLOB_UPLOAD_INVALID]       = { "BLOB_UPLOAD_INVALID", 400, ERROR_INVALID },
	[CODE_BLOB_UPLOAD_UNKNOWN]       = { "BLOB_UPLOAD_UNKNOWN", 404, ERROR_NOT_FOUND },
	[CODE_DIGEST_INVALID]            = { "DIGEST_INVALID", 400, ERROR_INVALID },
	[CODE_MANIFEST_BLOB_UNKNOWN]     = { "MANIFEST_BLOB_UNKNOWN", 400, ERROR_INVALID },
	[CODE_MANIFEST_INVALID]          = { "MANIFEST_INVALID", 400, ERROR_INVALID },
	[CODE_MANIFEST_UNKNOWN]          = { "MANIFEST_UNKNOWN", 404, ERROR_NOT_FOUND },
	[CODE_NAME_INVALID]              = { "NAME_INVALID", 400, ERROR_INVALID },
	[CODE_NAME_UNKNOWN]              = { "NAME_UNKNOWN", 404, ERROR_NOT_FOUND },
	[CODE_SIZE_INVALID]              = { "SIZE_INVALID", 400, ERROR_INVALID },
	[CODE_TAG_INVALID]               = { "TAG_INVALID", 400, ERROR_INVALID },
	[CODE_UNAUTHORIZED]              = { "UNAUTHORIZED", 401, ERROR_UNAUTHORIZED },
	[CODE_DENIED]                    = { "DENIED", 403, ERROR_FORBIDDEN },
	[CODE_UNSUPPORTED]               = { "UNSUPPORTED", 405, ERROR_CONFLICT },
	[CODE_TOOMANYREQUESTS]           = { "TOOMANYREQUESTS", 429, ERROR_TOO_MANY },
	[CODE_RANGE_INVALID]             = { "RANGE_INVALID", 416, ERROR_RANGE },
	[CODE_PAGINATION_NUMBER_INVALID] = { "PAGINATION_NUMBER_INVALID", 400, ERROR_INVALID },
	[CODE_PRECONDITION_FAILED]       = { "PRECONDITION_FAILED", 412, ERROR_PRECONDITION },
	[CODE_MANIFEST_TOO_LARGE]        = { "SIZE_INVALID", 413, ERROR_TOO_LARGE },
	[CODE_UPLOAD_BUSY]               = { "BLOB_UPLOAD_INVALID", 409, ERROR_CONFLICT },
	[CODE_NOT_FOUND]                 = { "NOT_FOUND", 404, ERROR_NOT_FOUND },
	/* clang-format on */
};
static_assert(ARRAY_SIZE(codes) == CODE_COUNT, "each code has its row");

/* What an error without a code of its own is called. */
static const char *const kind_names[ERROR_KIND_COUNT] = {
	[ERROR_UNAUTHORIZED] = "UNAUTHORIZED",
	[ERROR_FORBIDDEN] = "DENIED",
	[ERROR_PRECONDITION] = "PRECONDITION_FAILED",
	[ERROR_TOO_LARGE] = "SIZE_INVALID",
	[ERROR_RANGE] = "RANGE_INVALID",
	[ERROR_TOO_MANY] = "TOOMANYREQUESTS",
	[ERROR_UNAVAILABLE] = "UNAVAILABLE",
	[ERROR_NO_SPACE] = "DENIED",
};

int call_fail(struct registry_call *c, enum registry_code code, struct error *err, const char *fmt,
              ...)
{
	char message[ERROR_MESSAGE_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(message, sizeof(message), fmt, ap);
	va_end(ap);
	c->code = code;
	return error_set(err, codes[code].kind, "%s", message);
}

static void write_problem(struct strbuf *out, const char *name, const char *message,
                          const char *digest)
{
	struct json_writer w;

	json_writer_init(&w, out);
	jw_object(&w);
	jw_kv_string(&w, "code", name);
	jw_kv_string(&w, "message", message);
	if (digest) {
		jw_key(&w, "detail");
		jw_object(&w);
		jw_kv_string(&w, "digest", digest);
		jw_object_end(&w);
	}
	jw_object_end(&w);
}

void call_problem(struct registry_call *c, enum registry_code code, const char *message,
                  const char *digest)
{
	if (c->problems.len > 0)
		strbuf_putc(&c->problems, ',');
	write_problem(&c->problems, codes[code].name, message, digest);
}

void call_render_error(struct registry_call *c, const struct error *err)
{
	AUTO_STRBUF body = { 0 };
	const char *name = c->code ? codes[c->code].name : kind_names[err->kind];
	int status = c->code ? codes[c->code].status : http_status_of(err->kind);

	if (status >= 500)
		log_error("request failed method=%s path=%s error=%s",
		          http_method_name(c->http->method), c->http->path, err->message);
	if (http_answered(c->http)) {
		http_request_abort(c->http);
		return;
	}
	strbuf_puts(&body, "{\"errors\":[");
	if (c->problems.len > 0)
		strbuf_add_str(&body, strbuf_str(&c->problems));
	else
		write_problem(&body, name ? name : "UNKNOWN", err->message, NULL);
	strbuf_puts(&body, "]}\n");
	if (status == 429 || status == 503)
		http_set_header(c->http, "Retry-After", "5");
	http_respond_json(c->http, status, strbuf_str(&body));
}
