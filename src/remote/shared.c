/* SPDX-License-Identifier: Apache-2.0 */
#include "remote/shared.h"

#include "base/alloc.h"
#include "base/map.h"
#include "base/thread.h"
#include "base/time.h"

enum { TOKENS_MAX = 1024, TOKEN_MARGIN_S = 5 };

struct token {
	char *text;
	int64_t expires; /* monotonic */
};

struct remote_shared {
	pthread_mutex_t lock; /* tokens, plain, curl */
	struct map *tokens;   /* struct token, owned */
	struct map *plain;    /* "host:port" of those that speak plain HTTP; values unused */
	CURLSH *curl; /* NULL until the first exchange: a program that pulls nothing pays nothing */
	pthread_mutex_t curl_locks[CURL_LOCK_DATA_LAST];
};

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;

static void init_curl(void)
{
	curl_global_init(CURL_GLOBAL_ALL);
}

static void lock_share(CURL *curl, curl_lock_data data, curl_lock_access access, void *ctx)
{
	struct remote_shared *s = ctx;
	pthread_mutex_lock(&s->curl_locks[data]);
}

static void unlock_share(CURL *curl, curl_lock_data data, void *ctx)
{
	struct remote_shared *s = ctx;
	pthread_mutex_unlock(&s->curl_locks[data]);
}

static CURLSH *share_new(struct remote_shared *s)
{
	CURLSH *share = curl_share_init();

	if (!share)
		abort();
	/* Not CURL_LOCK_DATA_CONNECT: libcurl's connections can't be shared between threads. */
	curl_share_setopt(share, CURLSHOPT_USERDATA, s);
	curl_share_setopt(share, CURLSHOPT_LOCKFUNC, lock_share);
	curl_share_setopt(share, CURLSHOPT_UNLOCKFUNC, unlock_share);
	curl_share_setopt(share, CURLSHOPT_SHARE, CURL_LOCK_DATA_DNS);
	curl_share_setopt(share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
	return share;
}

struct remote_shared *remote_shared_new(void)
{
	struct remote_shared *s = NEW(struct remote_shared);

	pthread_mutex_init(&s->lock, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(s->curl_locks); i++)
		pthread_mutex_init(&s->curl_locks[i], NULL);
	s->tokens = map_new();
	s->plain = map_new();
	return s;
}

static void token_free(struct token *t)
{
	if (!t)
		return;
	explicit_bzero(t->text, strlen(t->text));
	free(t->text);
	free(t);
}

/* Drops what has expired at now, or all of it. */
static void drop_tokens(struct remote_shared *s, int64_t now, bool all)
{
	size_t pos = 0;
	const char *key;
	void *value;

	while (map_next(s->tokens, &pos, &key, &value)) {
		struct token *t = value;
		if (!all && t->expires > now)
			continue;
		map_remove(s->tokens, key);
		token_free(t);
	}
}

void remote_shared_free(struct remote_shared *s)
{
	if (!s)
		return;
	if (s->curl)
		curl_share_cleanup(s->curl);
	drop_tokens(s, 0, true);
	map_free(s->tokens);
	map_free(s->plain);
	for (size_t i = 0; i < ARRAY_SIZE(s->curl_locks); i++)
		pthread_mutex_destroy(&s->curl_locks[i]);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

CURL *shared_handle_new(void)
{
	CURL *curl;

	pthread_once(&curl_once, init_curl);
	curl = curl_easy_init();
	if (!curl)
		abort();
	return curl;
}

void shared_attach(struct remote_shared *s, CURL *curl)
{
	WITH_LOCK(&s->lock);
	if (!s->curl)
		s->curl = share_new(s);
	curl_easy_setopt(curl, CURLOPT_SHARE, s->curl);
}

bool shared_is_plain(struct remote_shared *s, const char *authority)
{
	WITH_LOCK(&s->lock);
	return map_get(s->plain, authority);
}

void shared_set_plain(struct remote_shared *s, const char *authority, bool plain)
{
	WITH_LOCK(&s->lock);
	if (plain)
		map_set(s->plain, authority, s);
	else
		map_remove(s->plain, authority);
}

char *shared_token(struct remote_shared *s, const char *key)
{
	WITH_LOCK(&s->lock);
	const struct token *t = map_get(s->tokens, key);
	if (!t || t->expires <= time_monotonic())
		return NULL;
	return xstrdup(t->text);
}

void shared_set_token(struct remote_shared *s, const char *key, const char *token, int64_t seconds)
{
	int64_t now = time_monotonic();
	struct token *t = NEW(struct token);

	t->text = xstrdup(token);
	t->expires = now + MAX(seconds - TOKEN_MARGIN_S, (int64_t)1) * NSEC_PER_SEC;
	WITH_LOCK(&s->lock);
	if (map_len(s->tokens) >= TOKENS_MAX)
		drop_tokens(s, now, false);
	if (map_len(s->tokens) >= TOKENS_MAX)
		drop_tokens(s, now, true);
	token_free(map_set(s->tokens, key, t));
}

void shared_drop_token(struct remote_shared *s, const char *key)
{
	WITH_LOCK(&s->lock);
	token_free(map_remove(s->tokens, key));
}
