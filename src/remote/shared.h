/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What remotes of one program share: see remote.h. Any thread. */
#include <curl/curl.h>

#include "remote/remote.h"

/* A new handle; libcurl is set up at the first. Aborts without memory. */
CURL *shared_handle_new(void) MUST_USE;
/* Lets the handle use the addresses and TLS sessions that others have found. */
void shared_attach(struct remote_shared *s, CURL *curl);

/* Whether the insecure host ("host:port") was last found to speak plain HTTP. */
bool shared_is_plain(struct remote_shared *s, const char *authority);
void shared_set_plain(struct remote_shared *s, const char *authority, bool plain);

/* A bearer token that is good for some seconds yet, owned, or NULL. */
char *shared_token(struct remote_shared *s, const char *key) MUST_USE;
void shared_set_token(struct remote_shared *s, const char *key, const char *token, int64_t seconds);
void shared_drop_token(struct remote_shared *s, const char *key);
