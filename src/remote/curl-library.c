/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libcurl, loaded when it is first called. It brings some thirty libraries (Kerberos, LDAP, GnuTLS,
 * ssh) of which we use none, but whose relocations and first pages cost megabytes and
 * milliseconds at every start of a daemon that may never pull. The functions here have libcurl's
 * names and hand their arguments on, so that the callers are written, and type-checked, as ever.
 *
 * Without the library curl_url() gives NULL, and with that every use begins: see origin.c.
 */
#include <assert.h>
#include <curl/curl.h>
#include <dlfcn.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>

#include "base/macros.h"

/* the type-checking macros of curl.h would see to our own definitions, too */
#undef curl_easy_setopt
#undef curl_easy_getinfo
#undef curl_share_setopt

/* curl_easy_setopt() and its like take one long, curl_off_t or pointer: one register all of them.
 */
static_assert(sizeof(long) == sizeof(void *) && sizeof(curl_off_t) == sizeof(void *),
              "arguments are handed on as pointers");

static struct {
	CURLcode (*global_init)(long);
	CURL *(*easy_init)(void);
	void (*easy_cleanup)(CURL *);
	void (*easy_reset)(CURL *);
	CURLcode (*easy_setopt)(CURL *, CURLoption, ...);
	CURLcode (*easy_getinfo)(CURL *, CURLINFO, ...);
	CURLcode (*easy_perform)(CURL *);
	const char *(*easy_strerror)(CURLcode);
	CURLSH *(*share_init)(void);
	CURLSHcode (*share_setopt)(CURLSH *, CURLSHoption, ...);
	CURLSHcode (*share_cleanup)(CURLSH *);
	struct curl_slist *(*slist_append)(struct curl_slist *, const char *);
	void (*slist_free_all)(struct curl_slist *);
	CURLU *(*url)(void);
	void (*url_cleanup)(CURLU *);
	CURLUcode (*url_get)(CURLU *, CURLUPart, char **, unsigned int);
	CURLUcode (*url_set)(CURLU *, CURLUPart, const char *, unsigned int);
	const char *(*url_strerror)(CURLUcode);
	void (*free)(void *);
} lib;

static const struct {
	const char *name;
	void *place;
} symbols[] = {
	{ "curl_global_init", &lib.global_init },
	{ "curl_easy_init", &lib.easy_init },
	{ "curl_easy_cleanup", &lib.easy_cleanup },
	{ "curl_easy_reset", &lib.easy_reset },
	{ "curl_easy_setopt", &lib.easy_setopt },
	{ "curl_easy_getinfo", &lib.easy_getinfo },
	{ "curl_easy_perform", &lib.easy_perform },
	{ "curl_easy_strerror", &lib.easy_strerror },
	{ "curl_share_init", &lib.share_init },
	{ "curl_share_setopt", &lib.share_setopt },
	{ "curl_share_cleanup", &lib.share_cleanup },
	{ "curl_slist_append", &lib.slist_append },
	{ "curl_slist_free_all", &lib.slist_free_all },
	{ "curl_url", &lib.url },
	{ "curl_url_cleanup", &lib.url_cleanup },
	{ "curl_url_get", &lib.url_get },
	{ "curl_url_set", &lib.url_set },
	{ "curl_url_strerror", &lib.url_strerror },
	{ "curl_free", &lib.free },
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool loaded;

static void load(void)
{
	void *library = dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL);

	loaded = library != NULL;
	for (size_t i = 0; i < ARRAY_SIZE(symbols) && loaded; i++) {
		void *symbol = dlsym(library, symbols[i].name);

		*(void **)symbols[i].place = symbol;
		loaded = symbol != NULL;
	}
}

/* Everything else is called with what these two gave. */
CURLU *curl_url(void)
{
	pthread_once(&once, load);
	return loaded ? lib.url() : NULL;
}

CURLcode curl_global_init(long flags)
{
	pthread_once(&once, load);
	return loaded ? lib.global_init(flags) : CURLE_FAILED_INIT;
}

CURL *curl_easy_init(void)
{
	return loaded ? lib.easy_init() : NULL;
}

void curl_easy_cleanup(CURL *curl)
{
	lib.easy_cleanup(curl);
}

void curl_easy_reset(CURL *curl)
{
	lib.easy_reset(curl);
}

CURLcode curl_easy_setopt(CURL *curl, CURLoption option, ...)
{
	va_list ap;
	void *value;

	va_start(ap, option);
	value = va_arg(ap, void *);
	va_end(ap);
	return lib.easy_setopt(curl, option, value);
}

CURLcode curl_easy_getinfo(CURL *curl, CURLINFO info, ...)
{
	va_list ap;
	void *value;

	va_start(ap, info);
	value = va_arg(ap, void *);
	va_end(ap);
	return lib.easy_getinfo(curl, info, value);
}

CURLcode curl_easy_perform(CURL *curl)
{
	return lib.easy_perform(curl);
}

const char *curl_easy_strerror(CURLcode code)
{
	return lib.easy_strerror(code);
}

CURLSH *curl_share_init(void)
{
	return loaded ? lib.share_init() : NULL;
}

CURLSHcode curl_share_setopt(CURLSH *share, CURLSHoption option, ...)
{
	va_list ap;
	void *value;

	va_start(ap, option);
	value = va_arg(ap, void *);
	va_end(ap);
	return lib.share_setopt(share, option, value);
}

CURLSHcode curl_share_cleanup(CURLSH *share)
{
	return lib.share_cleanup(share);
}

struct curl_slist *curl_slist_append(struct curl_slist *list, const char *text)
{
	return lib.slist_append(list, text);
}

void curl_slist_free_all(struct curl_slist *list)
{
	if (list)
		lib.slist_free_all(list);
}

void curl_url_cleanup(CURLU *url)
{
	lib.url_cleanup(url);
}

CURLUcode curl_url_get(CURLU *url, CURLUPart part, char **ret, unsigned int flags)
{
	return lib.url_get(url, part, ret, flags);
}

CURLUcode curl_url_set(CURLU *url, CURLUPart part, const char *text, unsigned int flags)
{
	return lib.url_set(url, part, text, flags);
}

const char *curl_url_strerror(CURLUcode code)
{
	return lib.url_strerror(code);
}

void curl_free(void *p)
{
	if (p)
		lib.free(p);
}
