/* SPDX-License-Identifier: Apache-2.0 */
/* What handlers read from a request, and the plain answers. */
#include <strings.h>

#include "api/api-internal.h"
#include "base/time.h"

static const struct json_decode_options go_like = { .case_insensitive = true };

const char *api_param(const struct api_request *req, const char *name)
{
	return http_route_param(req->params, name);
}

const char *api_query(const struct api_request *req, const char *name)
{
	const char *v = http_query_get(req->http, name);

	return str_empty_or_null(v) ? NULL : v;
}

bool api_query_bool(const struct api_request *req, const char *name, bool def)
{
	return http_query_bool(req->http, name, def);
}

int api_query_i64(const struct api_request *req, const char *name, int64_t *ret, struct error *err)
{
	const char *v = api_query(req, name);

	if (!v)
		return 0;
	if (parse_i64(v, ret) < 0)
		return error_set(err, ERROR_INVALID,
		                 "invalid value for '%s': \"%s\" is not a number", name, v);
	return 1;
}

int api_query_time(const struct api_request *req, const char *name, int64_t *ret, struct error *err)
{
	const char *v = api_query(req, name);

	*ret = 0;
	if (!v || streq(v, "0"))
		return 0;
	if (time_parse_query(v, time_now(), ret) < 0)
		return error_set(err, ERROR_INVALID, "invalid value for '%s': \"%s\" is not a time",
		                 name, v);
	return 0;
}

int api_query_filters(const struct api_request *req, const char *const *allowed,
                      struct filters *ret, struct error *err)
{
	return filters_parse(http_query_get(req->http, "filters"), allowed, ret, err);
}

int api_query_platform(const struct api_request *req, struct platform *ret, struct error *err)
{
	const char *v = api_query(req, "platform");
	AUTO_JSON *object = NULL;

	if (!v)
		return 0;
	if (*v != '{')
		return platform_parse(v, ret, err);
	object = json_parse(str_from(v), err); /* since 1.49: an OCI platform */
	if (!object)
		return error_errno(err);
	ret->os = xstrdup_null(json_member_string(object, "os"));
	ret->architecture = xstrdup_null(json_member_string(object, "architecture"));
	ret->variant = xstrdup_null(json_member_string(object, "variant"));
	return 0;
}

int api_check_json_type(struct api_request *req, struct error *err)
{
	const char *type = http_header_get(req->http, "Content-Type");
	struct str rest = str_from(type), media;

	if (str_empty_or_null(type))
		return error_set(err, ERROR_INVALID,
		                 "malformed Content-Type header (): mime: no media type");
	if (str_cut(&rest, ';', &media) && str_ieq_c(str_trim(media), "application/json"))
		return 0;
	return error_set(err, ERROR_INVALID,
	                 "unsupported Content-Type header (%s): must be 'application/json'", type);
}

int api_read_json(struct api_request *req, bool optional, json_t **ret, struct error *err)
{
	AUTO_STRBUF body = { 0 };
	int r = http_read_all(req->http, API_BODY_MAX, &body, err);

	if (r < 0)
		return r;
	if (str_trim(strbuf_str(&body)).len == 0) {
		*ret = NULL;
		return optional ? 0
		                : error_set(err, ERROR_INVALID,
		                            "invalid JSON: got EOF while reading request body");
	}
	r = api_check_json_type(req, err);
	if (r < 0)
		return r;
	*ret = json_parse(strbuf_str(&body), err);
	return *ret ? 0 : error_errno(err);
}

int api_decode(struct api_request *req, const struct json_field *fields, void *out,
               struct error *err)
{
	AUTO_JSON *body = NULL;
	int r = api_read_json(req, false, &body, err);

	return r < 0 ? r : json_fields_decode(body, fields, out, &go_like, err);
}

static const char *auth_member(struct api_request *req, const json_t *auth, const char *name)
{
	const char *v = json_string_value(json_member(auth, name, true));

	return str_empty_or_null(v) ? NULL : arena_strdup(req->arena, v);
}

void api_registry_auth(struct api_request *req, struct remote_credentials *ret)
{
	const char *header = http_header_get(req->http, "X-Registry-Auth");
	AUTO_STRBUF text = { 0 };
	AUTO_JSON *auth = NULL;
	struct error ignored = { 0 };

	*ret = (struct remote_credentials){ 0 };
	if (!header || base64_decode(str_trim(str_from(header)), &text) < 0)
		return;
	auth = json_parse(strbuf_str(&text), &ignored);
	if (!auth)
		return;
	ret->username = auth_member(req, auth, "username");
	ret->password = auth_member(req, auth, "password");
	ret->identity_token = auth_member(req, auth, "identitytoken");
	ret->registry_token = auth_member(req, auth, "registrytoken");
}

int api_reference(const char *name, const char *tag, struct reference *ret, struct error *err)
{
	AUTO_FREE char *whole = NULL;

	if (str_empty_or_null(tag))
		return reference_parse(name, ret, err);
	whole = xasprintf("%s%c%s", name, strchr(tag, ':') ? '@' : ':', tag);
	return reference_parse(whole, ret, err);
}

bool api_gone(void *ctx)
{
	struct api_request *req = ctx;

	return atomic_load(&req->engine->stopping) || http_client_gone(req->http);
}

int api_find_container(struct api_request *req, struct container **ret, struct error *err)
{
	return container_find(req->engine->containers, api_param(req, "id"), ret, err);
}

int api_respond_json(struct api_request *req, int status, const struct strbuf *json)
{
	AUTO_STRBUF line = { 0 };

	strbuf_add(&line, json->ptr, json->len);
	strbuf_putc(&line, '\n');
	http_respond_json(req->http, status, strbuf_str(&line));
	return 0;
}

int api_respond_empty(struct api_request *req, int status)
{
	http_respond(req->http, status, NULL, NULL, 0);
	return 0;
}

int api_respond_id(struct api_request *req, int status, const char *id, const struct strv *warnings)
{
	AUTO_STRBUF out = { 0 };
	struct json_writer w;

	json_writer_init(&w, &out);
	jw_object(&w);
	jw_kv_string(&w, "Id", id);
	if (warnings)
		jw_kv_strv(&w, "Warnings", warnings);
	jw_object_end(&w);
	return api_respond_json(req, status, &out);
}

void jw_kv_strmap(struct json_writer *w, const char *key, const struct strmap *m)
{
	jw_key(w, key);
	jw_object(w);
	vec_for_each (m, p)
		jw_kv_string(w, p->key, p->value);
	jw_object_end(w);
}

void api_container_infos(struct api_request *req, bool size, struct container_info_vec *ret)
{
	struct container_ptr_vec all = { 0 };

	container_list(req->engine->containers, &all);
	vec_for_each (&all, c)
		container_info_vec_push(ret, container_inspect(*c, size));
	container_list_done(&all);
}

void api_container_infos_done(struct container_info_vec *v)
{
	vec_for_each (v, i)
		container_info_free(*i);
	container_info_vec_done(v);
}
