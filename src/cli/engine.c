/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/engine.h"

#include <stdio.h>

#include "cli/dial.h"
#include "json/writer.h"

enum { API_MINOR_MAX = 51, ERROR_BODY_MAX = 1024 * 1024 };

struct http_client *engine_client_new(struct cli *cli)
{
	return http_client_new(engine_dial, cli, dial_host_header(cli));
}

void engine_close(struct cli *cli)
{
	http_client_free(cli->http);
	cli->http = NULL;
}

static unsigned api_minor(const char *version)
{
	unsigned major = 0, minor = 0;

	return sscanf(version, "%u.%u", &major, &minor) == 2 && major == 1 ? minor : 0;
}

bool engine_api_at_least(const struct cli *cli, unsigned minor)
{
	return api_minor(cli->api_version) >= minor;
}

static void note_ping(struct cli *cli, const struct http_response *answer)
{
	const char *version = http_response_header(answer, "Api-Version");
	const char *os = http_response_header(answer, "Ostype");
	const char *experimental = http_response_header(answer, "Docker-Experimental");
	unsigned minor = version ? api_minor(version) : 24;

	snprintf(cli->server_os, sizeof(cli->server_os), "%s", os ? os : "linux");
	cli->experimental = experimental && streq(experimental, "true");
	if (!cli->api_version_fixed)
		snprintf(cli->api_version, sizeof(cli->api_version), "1.%u",
		         MIN(minor ? minor : 24, (unsigned)API_MINOR_MAX));
	cli->negotiated = true;
}

int engine_open(struct cli *cli, struct error *err)
{
	struct http_client_request ping = { .method = "HEAD", .target = "/_ping" };
	struct http_response answer;

	if (cli->negotiated)
		return 0;
	cli->http = engine_client_new(cli);
	if (http_client_send(cli->http, &ping, &answer, err) < 0)
		return error_errno(err);
	if (answer.status != 200) {
		http_response_done(&answer);
		ping.method = "GET";
		if (http_client_send(cli->http, &ping, &answer, err) < 0)
			return error_errno(err);
	}
	note_ping(cli, &answer);
	http_response_done(&answer);
	return 0;
}

static enum error_kind kind_of_status(int status)
{
	static const struct {
		int status;
		enum error_kind kind;
	} known[] = {
		{ 400, ERROR_INVALID },         { 401, ERROR_UNAUTHORIZED },
		{ 403, ERROR_FORBIDDEN },       { 404, ERROR_NOT_FOUND },
		{ 409, ERROR_CONFLICT },        { 429, ERROR_TOO_MANY },
		{ 501, ERROR_NOT_IMPLEMENTED }, { 503, ERROR_UNAVAILABLE },
		{ 504, ERROR_TIMEOUT },         { 507, ERROR_NO_SPACE },
	};

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (known[i].status == status)
			return known[i].kind;
	return ERROR_INTERNAL;
}

/* The engine's words from a failure answer. */
static int failure(struct cli *cli, struct http_response *answer, const char *target,
                   struct error *err)
{
	AUTO_STRBUF body = { 0 };
	CLEANUP(json_decref_ptr) json_t *doc = NULL;
	struct error ignored = { 0 };
	enum error_kind kind = kind_of_status(answer->status);
	const char *message = NULL;
	int status = answer->status;

	if (http_response_read_all(answer, ERROR_BODY_MAX, &body, &ignored) == 0)
		doc = json_parse(strbuf_str(&body), &ignored);
	message = doc ? json_member_string(doc, "message") : NULL;
	if (!message && body.len && body.ptr[0] != '{' && body.ptr[0] != '<')
		message = strbuf_cstr(&body);
	http_response_done(answer);
	if (str_empty_or_null(message))
		return error_set(err, kind,
		                 "the engine at %s answered %s with status %d and no explanation",
		                 cli->host, target, status);
	error_set(err, kind, "Error response from daemon: %s", message);
	for (size_t n = strlen(err->message); n > 0 && err->message[n - 1] == '\n'; n--)
		err->message[n - 1] = '\0';
	return error_errno(err);
}

static const char **request_headers(const struct engine_request *r, const char *type)
{
	size_t n = 0;
	const char **all;

	while (r->headers && r->headers[n])
		n++;
	all = xcalloc(n + 2, sizeof(*all));
	for (size_t i = 0; i < n; i++)
		all[i] = r->headers[i];
	if (type)
		all[n] = type;
	return all;
}

int engine_send(struct cli *cli, const struct engine_request *r, struct http_response *ret,
                struct error *err)
{
	AUTO_STRBUF target = { 0 }, type = { 0 };
	AUTO_FREE const char **headers = NULL;
	bool has_body = r->body.len || r->body_read;

	if (engine_open(cli, err) < 0)
		return error_errno(err);
	strbuf_printf(&target, "/v%s%s", cli->api_version, r->target);
	strbuf_printf(&type, "Content-Type: %s",
	              r->content_type ? r->content_type : "application/json");
	headers = request_headers(r, has_body || r->content_type ? strbuf_cstr(&type) : NULL);
	struct http_client_request request = { .method = r->method,
		                               .target = strbuf_cstr(&target),
		                               .headers = headers,
		                               .body = r->body.ptr,
		                               .n_body = (int64_t)r->body.len,
		                               .body_read = r->body_read,
		                               .body_ctx = r->body_ctx,
		                               .upgrade = r->upgrade };
	if (cli->debug)
		cli_say("DEBUG %s %s %.*s", r->method, strbuf_cstr(&target), STR_ARG(r->body));
	if (http_client_send(r->client ? r->client : cli->http, &request, ret, err) < 0)
		return error_errno(err);
	if (cli->debug)
		cli_say("DEBUG answer %d", ret->status);
	return ret->status >= 400 ? failure(cli, ret, strbuf_cstr(&target), err) : 0;
}

int engine_text(struct cli *cli, const char *method, const char *target, const struct strbuf *body,
                struct strbuf *out, struct error *err)
{
	struct engine_request r = { .method = method, .target = target };
	struct http_response answer;
	int rc;

	if (body)
		r.body = strbuf_str(body);
	if (engine_send(cli, &r, &answer, err) < 0)
		return error_errno(err);
	rc = http_response_read_all(&answer, ENGINE_ANSWER_MAX, out, err);
	http_response_done(&answer);
	return rc;
}

json_t *engine_json(struct cli *cli, const char *method, const char *target,
                    const struct strbuf *body, struct error *err)
{
	AUTO_STRBUF text = { 0 };
	json_t *doc;

	if (engine_text(cli, method, target, body, &text, err) < 0)
		return NULL;
	doc = json_parse(strbuf_str(&text), err);
	if (!doc)
		error_prefix(err, "the engine's answer to %s %s can't be read", method, target);
	return doc;
}

int engine_do(struct cli *cli, const char *method, const char *target, const struct strbuf *body,
              struct error *err)
{
	AUTO_STRBUF text = { 0 };

	return engine_text(cli, method, target, body, &text, err);
}

void target_path(struct strbuf *t, const char *pattern, ...)
{
	va_list ap;

	va_start(ap, pattern);
	for (const char *p = pattern; *p; p++) {
		if (p[0] == '{' && p[1] == '}') {
			strbuf_add_urlencoded(t, str_from(va_arg(ap, const char *)), "/:@");
			p++;
		} else {
			strbuf_putc(t, *p);
		}
	}
	va_end(ap);
}

void target_arg(struct strbuf *t, const char *name, const char *value)
{
	strbuf_printf(t, "%c%s=", t->len && strchr(t->ptr, '?') ? '&' : '?', name);
	strbuf_add_urlencoded(t, str_from(value), NULL);
}

void target_flag(struct strbuf *t, const char *name, bool value)
{
	if (value)
		target_arg(t, name, "1");
}

/* One name's values, when i is the first text of that name. */
static void write_filter(struct json_writer *w, const struct strv *filters, size_t i)
{
	size_t n = strcspn(filters->ptr[i], "=");
	AUTO_STRV seen = { 0 };

	for (size_t k = 0; k < i; k++)
		if (!strncmp(filters->ptr[k], filters->ptr[i], n + 1))
			return;
	AUTO_FREE char *name = xstrndup(filters->ptr[i], n);
	AUTO_FREE char *trimmed = NULL;
	struct str t = str_trim(str_from(name));

	trimmed = xstrndup(t.ptr, t.len);
	for (char *c = trimmed; *c; c++)
		*c = (char)(*c >= 'A' && *c <= 'Z' ? *c + 32 : *c);
	jw_key(w, trimmed);
	jw_object(w);
	for (size_t k = i; k < filters->len; k++) {
		struct str value;
		AUTO_FREE char *text = NULL;

		if (strncmp(filters->ptr[k], filters->ptr[i], n + 1))
			continue;
		value = str_trim(str_from(filters->ptr[k] + n + 1));
		text = xstrndup(value.ptr, value.len);
		if (strv_has(&seen, text))
			continue;
		strv_add(&seen, text);
		jw_key(w, text);
		jw_bool(w, true);
	}
	jw_object_end(w);
}

void target_filters(struct strbuf *t, const struct strv *filters)
{
	AUTO_STRBUF json = { 0 };
	struct json_writer w;

	json_writer_init(&w, &json);
	jw_object(&w);
	for (size_t i = 0; i < filters->len; i++)
		if (*filters->ptr[i])
			write_filter(&w, filters, i);
	jw_object_end(&w);
	if (json.len > 2)
		target_arg(t, "filters", strbuf_cstr(&json));
}
