/* SPDX-License-Identifier: Apache-2.0 */
#include "remote/origin.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <curl/curl.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/str.h"

DEFINE_CLEANUP(CURLU *, curl_url_cleanup)
#define AUTO_CURLU CLEANUP(curl_url_cleanup_ptr)

static int set_url(CURLU *u, const char *url, struct error *err)
{
	if (strlen(url) > URL_SIZE_MAX)
		return error_set(err, ERROR_INVALID, "URL of %zu bytes is too long", strlen(url));
	CURLUcode code = curl_url_set(u, CURLUPART_URL, url, CURLU_DISALLOW_USER);
	if (code)
		return error_set(err, ERROR_INVALID, "URL \"%.200s\": %s", url,
		                 curl_url_strerror(code));
	return 0;
}

static int get_part(CURLU *u, CURLUPart part, unsigned flags, char *out, size_t size,
                    struct error *err)
{
	char *text = NULL;
	CURLUcode code = curl_url_get(u, part, &text, flags);
	if (code)
		return error_set(err, ERROR_INVALID, "URL: %s", curl_url_strerror(code));
	int n = snprintf(out, size, "%s", text);
	curl_free(text);
	if (n < 0 || (size_t)n >= size)
		return error_set(err, ERROR_INVALID, "URL with a name that is too long");
	return 0;
}

static int read_origin(CURLU *u, struct origin *ret, struct error *err)
{
	struct origin o = { 0 };
	char port[8];
	int r = get_part(u, CURLUPART_SCHEME, 0, o.scheme, sizeof(o.scheme), err);
	if (r < 0)
		return r;
	if (!streq(o.scheme, "http") && !streq(o.scheme, "https"))
		return error_set(err, ERROR_INVALID, "URL scheme \"%s\" is not http or https",
		                 o.scheme);
	r = get_part(u, CURLUPART_HOST, 0, o.host, sizeof(o.host), err);
	if (r < 0)
		return r;
	r = get_part(u, CURLUPART_PORT, CURLU_DEFAULT_PORT, port, sizeof(port), err);
	if (r < 0)
		return r;
	uint64_t number;
	if (parse_u64(port, &number) < 0 || number > 65535)
		return error_set(err, ERROR_INVALID, "URL with port \"%s\"", port);
	o.port = (unsigned)number;
	for (char *p = o.host; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	*ret = o;
	return 0;
}

int origin_parse(const char *url, struct origin *ret, struct error *err)
{
	AUTO_CURLU CURLU *u = curl_url();
	if (!u)
		return error_set(err, ERROR_INTERNAL,
		                 "libcurl.so.4 cannot be loaded: install the package libcurl4");
	int r = set_url(u, url, err);
	if (r < 0)
		return r;
	return read_origin(u, ret, err);
}

bool origin_equal(const struct origin *a, const struct origin *b)
{
	return a->port == b->port && streq(a->scheme, b->scheme) && streq(a->host, b->host);
}

bool origin_is_https(const struct origin *o)
{
	return streq(o->scheme, "https");
}

bool host_is_loopback(const char *host)
{
	struct in_addr v4;
	struct in6_addr v6;

	if (streq(host, "localhost") || streq(host, "[::1]"))
		return true;
	if (inet_pton(AF_INET, host, &v4) == 1)
		return ntohl(v4.s_addr) >> 24 == 127;
	return inet_pton(AF_INET6, host, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

char *origin_authority(const struct origin *o)
{
	if (o->port == (origin_is_https(o) ? 443U : 80U))
		return xstrdup(o->host);
	return xasprintf("%s:%u", o->host, o->port);
}

int url_resolve(const char *base, const char *reference, char **ret, struct error *err)
{
	AUTO_CURLU CURLU *u = curl_url();
	struct origin ignored;
	char *text = NULL;

	if (!u)
		return error_set(err, ERROR_INTERNAL,
		                 "libcurl.so.4 cannot be loaded: install the package libcurl4");
	int r = set_url(u, base, err);
	if (r < 0)
		return r;
	r = set_url(u, reference, err);
	if (r < 0)
		return r;
	r = read_origin(u, &ignored, err);
	if (r < 0)
		return r;
	CURLUcode code = curl_url_get(u, CURLUPART_URL, &text, 0);
	if (code)
		return error_set(err, ERROR_INVALID, "URL: %s", curl_url_strerror(code));
	*ret = xstrdup(text);
	curl_free(text);
	return 0;
}

int url_follow(const char *base, const char *location, char **ret, struct error *err)
{
	struct origin from, to;
	int r = url_resolve(base, location, ret, err);

	if (r >= 0)
		r = origin_parse(base, &from, err);
	if (r >= 0)
		r = origin_parse(*ret, &to, err);
	return r < 0 ? r : origin_is_https(&from) && !origin_is_https(&to);
}

/* The last labels of a name under which its owner may name sisters: two, or three where the
 * second is short as in co.uk. NULL for addresses and names without so many. */
static const char *owner_suffix(const char *host)
{
	struct in_addr v4;
	if (host[0] == '[' || inet_pton(AF_INET, host, &v4) == 1)
		return NULL;

	const char *dots[3] = { NULL, NULL, NULL }; /* the last three, nearest the end first */
	for (const char *p = host; *p; p++) {
		if (*p != '.')
			continue;
		dots[2] = dots[1];
		dots[1] = dots[0];
		dots[0] = p;
	}
	if (!dots[0])
		return NULL;
	size_t second = (size_t)(dots[0] - (dots[1] ? dots[1] + 1 : host));
	if (second > 3)
		return dots[1] ? dots[1] + 1 : host;
	if (!dots[1])
		return NULL;
	return dots[2] ? dots[2] + 1 : host;
}

bool origin_trusts_realm(const struct origin *o, const struct origin *realm)
{
	if (origin_is_https(o) && !origin_is_https(realm))
		return false;
	if (streq(o->host, realm->host))
		return true;
	if (!origin_is_https(realm))
		return false;
	const char *a = owner_suffix(o->host), *b = owner_suffix(realm->host);
	return a && b && streq(a, b);
}
