/* SPDX-License-Identifier: Apache-2.0 */
#include "remote/header.h"

#include <ctype.h>

#include "base/strbuf.h"

static bool is_token_char(char c)
{
	return isalnum((unsigned char)c) || (c && strchr("!#$%&'*+-.^_`|~", c));
}

static bool is_token68_char(char c)
{
	return isalnum((unsigned char)c) || (c && strchr("-._~+/", c));
}

static void advance(struct str *s, size_t n)
{
	s->ptr += n;
	s->len -= n;
}

static void skip_space(struct str *s)
{
	while (s->len && (*s->ptr == ' ' || *s->ptr == '\t'))
		advance(s, 1);
}

static void skip_separators(struct str *s)
{
	while (s->len && (*s->ptr == ' ' || *s->ptr == '\t' || *s->ptr == ','))
		advance(s, 1);
}

static struct str take_token(struct str *s)
{
	size_t n = 0;
	while (n < s->len && is_token_char(s->ptr[n]))
		n++;
	struct str token = str_n(s->ptr, n);
	advance(s, n);
	return token;
}

static char *lower_copy(struct str s)
{
	char *copy = xstrndup(s.ptr, s.len);
	for (char *p = copy; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	return copy;
}

static int take_quoted(struct str *s, struct strbuf *out, struct error *err)
{
	advance(s, 1);
	while (s->len) {
		char c = *s->ptr;
		advance(s, 1);
		if (c == '"')
			return 0;
		if (c == '\\') {
			if (!s->len)
				break;
			c = *s->ptr;
			advance(s, 1);
		}
		if ((unsigned char)c < ' ' && c != '\t')
			return error_set(err, ERROR_INVALID,
			                 "control character in a quoted string");
		strbuf_putc(out, c);
	}
	return error_set(err, ERROR_INVALID, "unterminated quoted string");
}

/* A token or a quoted string. */
static int take_value(struct str *s, struct strbuf *out, struct error *err)
{
	if (s->len && *s->ptr == '"')
		return take_quoted(s, out, err);
	struct str token = take_token(s);
	if (!token.len)
		return error_set(err, ERROR_INVALID, "parameter without a value");
	strbuf_add_str(out, token);
	return 0;
}

/* `Basic dGVzdA==`: opaque data in the place of parameters. Skips it when it is there. */
static void skip_token68(struct str *s)
{
	size_t n = 0;
	while (n < s->len && is_token68_char(s->ptr[n]))
		n++;
	while (n && n < s->len && s->ptr[n] == '=')
		n++;
	struct str rest = str_n(s->ptr + n, s->len - n);
	skip_space(&rest);
	if (n && (!rest.len || *rest.ptr == ','))
		*s = rest;
}

void challenges_done(struct challenge_vec *v)
{
	vec_for_each (v, c) {
		free(c->scheme);
		strmap_done(&c->params);
	}
	challenge_vec_done(v);
}

static int begin_challenge(struct challenge_vec *v, struct str scheme, struct str *s,
                           struct error *err)
{
	if (v->len == CHALLENGES_MAX)
		return error_set(err, ERROR_INVALID, "more than %d challenges", CHALLENGES_MAX);
	challenge_vec_push(v, (struct challenge){ .scheme = lower_copy(scheme) });
	skip_space(s);
	skip_token68(s);
	return 0;
}

static int add_param(struct challenge_vec *v, struct str name, struct str *s, struct error *err)
{
	AUTO_STRBUF value = { 0 };

	if (!v->len)
		return error_set(err, ERROR_INVALID, "parameter before any scheme");
	struct challenge *c = &v->ptr[v->len - 1];
	if (c->params.len == CHALLENGE_PARAMS_MAX)
		return error_set(err, ERROR_INVALID, "more than %d parameters",
		                 CHALLENGE_PARAMS_MAX);
	int r = take_value(s, &value, err);
	if (r < 0)
		return r;
	AUTO_FREE char *key = lower_copy(name);
	/* The first one counts: a later one can't quietly replace it. */
	if (!strmap_get(&c->params, key))
		strmap_set(&c->params, key, strbuf_cstr(&value));
	return 0;
}

static int parse_item(struct challenge_vec *v, struct str *s, struct error *err)
{
	struct str token = take_token(s);
	if (!token.len)
		return error_set(err, ERROR_INVALID, "unexpected character 0x%02x",
		                 (unsigned char)*s->ptr);
	struct str rest = *s;
	skip_space(&rest);
	if (!rest.len || *rest.ptr != '=')
		return begin_challenge(v, token, s, err);
	*s = rest;
	advance(s, 1);
	skip_space(s);
	return add_param(v, token, s, err);
}

int challenges_parse(struct str header, struct challenge_vec *ret, struct error *err)
{
	AUTO_CHALLENGES v = { 0 };

	if (header.len > HEADER_VALUE_MAX)
		return error_set(err, ERROR_INVALID, "WWW-Authenticate of %zu bytes is too long",
		                 header.len);
	for (skip_separators(&header); header.len; skip_separators(&header)) {
		int r = parse_item(&v, &header, err);
		if (r < 0)
			return error_prefix(err, "WWW-Authenticate");
	}
	*ret = v;
	v = (struct challenge_vec){ 0 };
	return 0;
}

const struct challenge *challenges_find(const struct challenge_vec *v, const char *scheme)
{
	for (size_t i = 0; i < v->len; i++) {
		if (streq(v->ptr[i].scheme, scheme))
			return &v->ptr[i];
	}
	return NULL;
}

static bool rel_has_next(const char *value)
{
	struct str rest = str_from(value), piece;
	while (str_cut(&rest, ' ', &piece)) {
		if (str_ieq_c(piece, "next"))
			return true;
	}
	return false;
}

/* The parameters behind one <target>, up to the comma; says whether rel names "next". */
static int link_params(struct str *s, bool *ret_next, struct error *err)
{
	for (skip_space(s); s->len && *s->ptr == ';'; skip_space(s)) {
		AUTO_STRBUF value = { 0 };
		advance(s, 1);
		skip_space(s);
		struct str name = take_token(s);
		skip_space(s);
		if (!s->len || *s->ptr != '=')
			continue;
		advance(s, 1);
		skip_space(s);
		int r = take_value(s, &value, err);
		if (r < 0)
			return r;
		if (str_ieq_c(name, "rel") && rel_has_next(strbuf_cstr(&value)))
			*ret_next = true;
	}
	if (s->len && *s->ptr != ',')
		return error_set(err, ERROR_INVALID, "unexpected character 0x%02x",
		                 (unsigned char)*s->ptr);
	return 0;
}

static int parse_link(struct str *s, struct str *ret_target, bool *ret_next, struct error *err)
{
	const char *end = *s->ptr == '<' ? memchr(s->ptr, '>', s->len) : NULL;
	if (!end)
		return error_set(err, ERROR_INVALID, "no <target>");
	*ret_target = str_n(s->ptr + 1, (size_t)(end - s->ptr - 1));
	advance(s, (size_t)(end - s->ptr) + 1);
	*ret_next = false;
	return link_params(s, ret_next, err);
}

int link_next(struct str header, char **ret, struct error *err)
{
	if (header.len > HEADER_VALUE_MAX)
		return error_set(err, ERROR_INVALID, "Link of %zu bytes is too long", header.len);
	for (skip_separators(&header); header.len; skip_separators(&header)) {
		struct str target = { 0 };
		bool next = false;
		int r = parse_link(&header, &target, &next, err);
		if (r < 0)
			return error_prefix(err, "Link");
		if (next) {
			*ret = xstrndup(target.ptr, target.len);
			return 1;
		}
	}
	return 0;
}
