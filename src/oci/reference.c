/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/reference.h"

#include <ctype.h>

#include "base/alloc.h"
#include "base/strbuf.h"

static const char default_domain[] = "docker.io";
static const char legacy_domain[] = "index.docker.io";
static const char official_prefix[] = "library/";

/* The longest text that can be right: domain, path, tag and digest at their limits. */
enum { REFERENCE_TEXT_MAX = 1024 };

void reference_done(struct reference *r)
{
	free(r->domain);
	free(r->path);
	free(r->tag);
	*r = (struct reference){ 0 };
}

void reference_copy(const struct reference *from, struct reference *ret)
{
	*ret = (struct reference){
		.domain = xstrdup_null(from->domain),
		.path = xstrdup_null(from->path),
		.tag = xstrdup_null(from->tag),
		.digest = from->digest,
	};
}

static bool is_lower_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool is_alnum(char c)
{
	return is_lower_alnum(c) || (c >= 'A' && c <= 'Z');
}

static bool has_upper(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.ptr[i] >= 'A' && s.ptr[i] <= 'Z')
			return true;
	return false;
}

/* Length of a separator inside a path component: ".", "_", "__" or any number of "-". */
static size_t separator_length(struct str s, size_t at)
{
	size_t n = 0;

	if (s.ptr[at] == '.')
		return 1;
	if (s.ptr[at] == '_')
		return at + 1 < s.len && s.ptr[at + 1] == '_' ? 2 : 1;
	while (at + n < s.len && s.ptr[at + n] == '-')
		n++;
	return n;
}

static bool is_path_component(struct str s)
{
	size_t i = 0;

	for (;;) {
		size_t start = i, n;

		while (i < s.len && is_lower_alnum(s.ptr[i]))
			i++;
		if (i == start)
			return false;
		if (i == s.len)
			return true;
		n = separator_length(s, i);
		if (n == 0)
			return false;
		i += n;
	}
}

bool reference_is_path(struct str s)
{
	struct str piece;

	if (s.len == 0 || s.len > REFERENCE_NAME_MAX)
		return false;
	while (str_cut(&s, '/', &piece))
		if (!is_path_component(piece))
			return false;
	return true;
}

bool reference_is_tag(struct str s)
{
	if (s.len == 0 || s.len > REFERENCE_TAG_MAX || !(is_alnum(s.ptr[0]) || s.ptr[0] == '_'))
		return false;
	for (size_t i = 1; i < s.len; i++)
		if (!is_alnum(s.ptr[i]) && !memchr("_.-", s.ptr[i], 3))
			return false;
	return true;
}

static bool is_host_label(struct str s)
{
	if (s.len == 0 || !is_alnum(s.ptr[0]) || !is_alnum(s.ptr[s.len - 1]))
		return false;
	for (size_t i = 0; i < s.len; i++)
		if (!is_alnum(s.ptr[i]) && s.ptr[i] != '-')
			return false;
	return true;
}

static bool is_bracketed_address(struct str s)
{
	if (s.len < 3 || s.ptr[0] != '[' || s.ptr[s.len - 1] != ']')
		return false;
	for (size_t i = 1; i < s.len - 1; i++)
		if (!isxdigit((unsigned char)s.ptr[i]) && s.ptr[i] != ':')
			return false;
	return true;
}

/* Cuts a ":port" off; false when there is a colon without digits behind it. */
static bool cut_port(struct str *host)
{
	size_t end = host->len;

	if (end && host->ptr[end - 1] == ']')
		return true;
	while (end > 0 && isdigit((unsigned char)host->ptr[end - 1]))
		end--;
	if (end > 0 && host->ptr[end - 1] == ':') {
		if (end == host->len)
			return false;
		host->len = end - 1;
	}
	return true;
}

static bool is_domain(struct str s)
{
	struct str label;

	if (!cut_port(&s))
		return false;
	if (is_bracketed_address(s))
		return true;
	if (s.len == 0)
		return false;
	while (str_cut(&s, '.', &label))
		if (!is_host_label(label))
			return false;
	return true;
}

static bool is_image_id(const char *s)
{
	if (strlen(s) != 64)
		return false;
	for (; *s; s++)
		if (!isdigit((unsigned char)*s) && !(*s >= 'a' && *s <= 'f'))
			return false;
	return true;
}

/* What stands before the first slash is a registry only if it looks like a host. */
static bool looks_like_domain(struct str s)
{
	return memchr(s.ptr, '.', s.len) || memchr(s.ptr, ':', s.len) || str_eq_c(s, "localhost") ||
	       has_upper(s);
}

/* Splits domain from the rest and completes Docker Hub's short names. */
static void split_domain(const char *s, char **ret_domain, char **ret_rest)
{
	const char *slash = strchr(s, '/');
	struct str domain = str_from(default_domain);
	const char *rest = s;

	if (slash && looks_like_domain(str_n(s, (size_t)(slash - s)))) {
		domain = str_n(s, (size_t)(slash - s));
		rest = slash + 1;
		if (str_eq_c(domain, legacy_domain))
			domain = str_from(default_domain);
	}
	*ret_domain = xstrndup(domain.ptr, domain.len);
	if (str_eq_c(domain, default_domain) && !strchr(rest, '/'))
		*ret_rest = xasprintf("%s%s", official_prefix, rest);
	else
		*ret_rest = xstrdup(rest);
}

static int parse_digest(struct str s, struct digest *ret, struct error *err)
{
	const char *colon = memchr(s.ptr, ':', s.len);
	struct str algorithm = str_n(s.ptr, colon ? (size_t)(colon - s.ptr) : 0);
	size_t hex = colon ? s.len - algorithm.len - 1 : 0;

	if (hex < 32 || algorithm.len == 0 || !isalpha((unsigned char)algorithm.ptr[0]))
		return error_set(err, ERROR_INVALID, "invalid reference format");
	for (size_t i = 0; i < hex; i++)
		if (!isxdigit((unsigned char)colon[1 + i]))
			return error_set(err, ERROR_INVALID, "invalid reference format");
	if (digest_parse(s, ret) == 0)
		return 0;
	if (!str_eq_c(algorithm, "sha256") && !str_eq_c(algorithm, "sha512"))
		return error_set(err, ERROR_INVALID, "unsupported digest algorithm");
	if (hex != 2 * digest_size(str_eq_c(algorithm, "sha256") ? DIGEST_SHA256 : DIGEST_SHA512))
		return error_set(err, ERROR_INVALID, "invalid checksum digest length");
	return error_set(err, ERROR_INVALID, "invalid checksum digest format");
}

/* rest is path[:tag][@digest]; fills path, tag and digest. */
static int parse_rest(const char *rest, struct reference *r, struct error *err)
{
	const char *at = strchr(rest, '@');
	struct str name = str_n(rest, at ? (size_t)(at - rest) : strlen(rest));
	const char *colon = memchr(name.ptr, ':', name.len);
	struct str tag = { 0 };
	int e;

	if (colon) {
		tag = str_n(colon + 1, name.len - (size_t)(colon + 1 - name.ptr));
		name.len = (size_t)(colon - name.ptr);
	}
	if (name.len > REFERENCE_NAME_MAX)
		return error_set(err, ERROR_INVALID,
		                 "repository name must not be more than %d characters",
		                 REFERENCE_NAME_MAX);
	if (!reference_is_path(name) || (colon && !reference_is_tag(tag)))
		return error_set(err, ERROR_INVALID, "invalid reference format");
	if (at) {
		e = parse_digest(str_from(at + 1), &r->digest, err);
		if (e < 0)
			return e;
	}
	r->path = xstrndup(name.ptr, name.len);
	r->tag = colon ? xstrndup(tag.ptr, tag.len) : NULL;
	return 0;
}

int reference_parse(const char *s, struct reference *ret, struct error *err)
{
	AUTO_REFERENCE r = { 0 };
	AUTO_FREE char *rest = NULL;
	struct str remote;
	int e;

	if (strlen(s) > REFERENCE_TEXT_MAX)
		return error_set(err, ERROR_INVALID,
		                 "invalid reference format: longer than %d characters",
		                 REFERENCE_TEXT_MAX);
	if (is_image_id(s))
		return error_set(
			err, ERROR_INVALID,
			"invalid repository name (%s), cannot specify 64-byte hexadecimal strings",
			s);
	split_domain(s, &r.domain, &rest);
	remote = str_n(rest, strcspn(rest, ":"));
	if (has_upper(remote))
		return error_set(
			err, ERROR_INVALID,
			"invalid reference format: repository name (%.*s) must be lowercase",
			STR_ARG(remote));
	if (!is_domain(str_from(r.domain)))
		return error_set(err, ERROR_INVALID, "invalid reference format");
	e = parse_rest(rest, &r, err);
	if (e < 0)
		return e;
	*ret = r;
	r = (struct reference){ 0 };
	return 0;
}

void reference_default_tag(struct reference *r)
{
	if (!r->tag && !digest_is_set(&r->digest))
		r->tag = xstrdup("latest");
}

char *reference_full_name(const struct reference *r)
{
	return xasprintf("%s/%s", r->domain, r->path);
}

char *reference_familiar_name(const struct reference *r)
{
	const char *short_name;

	if (!streq(r->domain, default_domain))
		return reference_full_name(r);
	short_name = str_skip_prefix(r->path, official_prefix);
	/* names deeper than library/x can't be shortened: reading them back would differ */
	return xstrdup(short_name && !strchr(short_name, '/') ? short_name : r->path);
}

static char *with_tag_and_digest(const char *name, const struct reference *r)
{
	struct strbuf b = { 0 };
	char text[DIGEST_TEXT_MAX];

	strbuf_puts(&b, name);
	if (r->tag)
		strbuf_printf(&b, ":%s", r->tag);
	if (digest_is_set(&r->digest))
		strbuf_printf(&b, "@%s", digest_format(&r->digest, text));
	return strbuf_steal(&b);
}

char *reference_full(const struct reference *r)
{
	AUTO_FREE char *name = reference_full_name(r);

	return with_tag_and_digest(name, r);
}

char *reference_familiar(const struct reference *r)
{
	AUTO_FREE char *name = reference_familiar_name(r);

	return with_tag_and_digest(name, r);
}
