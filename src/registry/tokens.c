/* SPDX-License-Identifier: Apache-2.0 */
/* /token: the token server for this registry's own users, by GET and by OAuth2's POST. */
#include <string.h>

#include "base/time.h"
#include "json/writer.h"
#include "registry/registry-internal.h"

enum { FORM_MAX = 65536, SCOPES_MAX = 64 };

static const char *const words[] = { "pull", "push", "delete" };
static const unsigned rights[] = { RIGHT_PULL, RIGHT_PUSH, RIGHT_DELETE };

/* The actions asked for that the actor has, into an array. */
static json_t *granted(struct registry_call *c, const char *repo, struct str asked)
{
	unsigned have = access_rights(c->registry, c->actor, repo);
	json_t *list = json_array();
	struct str action;

	while (str_cut(&asked, ',', &action))
		for (size_t i = 0; i < ARRAY_SIZE(words); i++)
			if ((str_eq_c(action, words[i]) || str_eq_c(action, "*")) &&
			    have & rights[i])
				json_array_append_new(list, json_string(words[i]));
	return list;
}

/* "repository:NAME:ACTION,..." or "registry:catalog:*"; what is neither grants nothing. */
static void grant(struct registry_call *c, struct str scope, json_t *access)
{
	struct str type, rest = scope;
	const char *last;
	char *name;
	json_t *list;

	if (!str_cut(&rest, ':', &type) || !rest.ptr || !(last = memrchr(rest.ptr, ':', rest.len)))
		return;
	name = arena_strndup(c->http->arena, rest.ptr, (size_t)(last - rest.ptr));
	rest = str_n(last + 1, rest.len - (size_t)(last + 1 - rest.ptr));
	if (str_eq_c(type, "repository") && reference_is_path(str_from(name)))
		list = granted(c, name, rest);
	else if (str_eq_c(type, "registry") && streq(name, "catalog"))
		list = json_pack("[s]", "*");
	else
		return;
	json_array_append_new(access, json_pack("{s:s%,s:s,s:o}", "type", type.ptr, type.len,
	                                        "name", name, "actions", list));
}

static json_t *grant_all(struct registry_call *c, const struct http_param *params, size_t n)
{
	json_t *access = json_array();
	unsigned count = 0;

	for (size_t i = 0; i < n; i++) {
		struct str rest = str_from(params[i].value), scope;

		if (!streq(params[i].name, "scope"))
			continue;
		while (str_cut(&rest, ' ', &scope) && count++ < SCOPES_MAX)
			grant(c, scope, access);
	}
	return access;
}

static void respond(struct registry_call *c, json_t *access, bool offline)
{
	AUTO_STRBUF token = { 0 }, refresh = { 0 }, body = { 0 };
	struct json_writer w;
	int64_t now = time_now();

	token_issue(&c->registry->token_key, TOKEN_ACCESS, c->actor, access, now, &token);
	json_writer_init(&w, &body);
	jw_object(&w);
	jw_kv_string(&w, "token", strbuf_cstr(&token));
	jw_kv_string(&w, "access_token", strbuf_cstr(&token));
	jw_kv_i64(&w, "expires_in", TOKEN_LIFE_S);
	jw_kv_time(&w, "issued_at", now);
	if (offline && *c->actor) {
		token_issue(&c->registry->token_key, TOKEN_REFRESH, c->actor, NULL, now, &refresh);
		jw_kv_string(&w, "refresh_token", strbuf_cstr(&refresh));
	}
	jw_object_end(&w);
	http_set_header(c->http, "Cache-Control", "no-store");
	http_respond_json(c->http, 200, strbuf_str(&body));
	json_decref(access);
}

int token_get(struct registry_call *c, struct error *err)
{
	if (access_identify(c, ACCESS_ANY, err) < 0)
		return error_errno(err);
	respond(c, grant_all(c, c->http->query, c->http->n_query),
	        http_query_bool(c->http, "offline_token", false));
	return 0;
}

/* --- POST --- */

DEFINE_VEC(param_vec, struct http_param);

static char *decode(struct registry_call *c, struct str s)
{
	AUTO_STRBUF out = { 0 };

	return url_decode(s, true, &out) < 0 ? NULL
	                                     : arena_strdup(c->http->arena, strbuf_cstr(&out));
}

static int parse_form(struct registry_call *c, struct str body, struct param_vec *out,
                      struct error *err)
{
	struct str pair, key;

	while (body.len && str_cut(&body, '&', &pair)) {
		struct http_param p;

		if (!str_cut(&pair, '=', &key))
			continue;
		p.name = decode(c, key);
		p.value = decode(c, pair.ptr ? pair : str_n("", 0));
		if (!p.name || !p.value)
			return error_set(err, ERROR_INVALID, "the form is malformed");
		param_vec_push(out, p);
	}
	return 0;
}

static const char *field(const struct param_vec *v, const char *name)
{
	for (size_t i = 0; i < v->len; i++)
		if (streq(v->ptr[i].name, name))
			return v->ptr[i].value;
	return "";
}

static int by_refresh_token(struct registry_call *c, const char *text, struct error *err)
{
	if (token_verify(&c->registry->token_key, TOKEN_REFRESH, text, time_now(), &c->token, err) <
	    0)
		return error_errno(err);
	c->actor = c->token.subject;
	return 0;
}

int token_post(struct registry_call *c, struct error *err)
{
	CLEANUP(param_vec_done) struct param_vec form = { 0 };
	AUTO_STRBUF body = { 0 };
	const char *grant_type;
	int r = http_read_all(c->http, FORM_MAX, &body, err);

	if (r < 0 || (r = parse_form(c, strbuf_str(&body), &form, err)) < 0)
		return r;
	grant_type = field(&form, "grant_type");
	if (streq(grant_type, "password"))
		r = access_is_open(c->registry) ? 0
		                                : access_login(c, field(&form, "username"),
		                                               field(&form, "password"), err);
	else if (streq(grant_type, "refresh_token"))
		r = by_refresh_token(c, field(&form, "refresh_token"), err);
	else
		r = error_set(err, ERROR_INVALID, "grant_type must be password or refresh_token");
	if (r < 0)
		return r;
	respond(c, grant_all(c, form.ptr, form.len), streq(field(&form, "access_type"), "offline"));
	return 0;
}
