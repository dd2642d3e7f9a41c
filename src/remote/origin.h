/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Where a request goes: scheme, host and port. A secret belongs to one origin and is sent to no
 * other. URLs are read by libcurl's own parser, so that what is compared is what is connected to.
 * Any thread.
 */
#include "base/error.h"

enum { URL_SIZE_MAX = 8192, ORIGIN_HOST_MAX = 256 };

struct origin {
	char scheme[8];             /* "http" or "https" */
	char host[ORIGIN_HOST_MAX]; /* lower case; IPv6 in brackets */
	unsigned port;
};

/* http and https only; user names in the URL are refused. */
int origin_parse(const char *url, struct origin *ret, struct error *err) MUST_USE;
bool origin_equal(const struct origin *a, const struct origin *b);
bool origin_is_https(const struct origin *o);
/* 127.0.0.0/8, ::1 or "localhost", by name: nothing is looked up. */
bool host_is_loopback(const char *host);
/* "host", or "host:port" when the port isn't the scheme's own; owned. */
char *origin_authority(const struct origin *o) MUST_USE;
/* What `reference` means as a link in the document at `base`; owned. */
int url_resolve(const char *base, const char *reference, char **ret, struct error *err) MUST_USE;
/* The same for where a server sends us: 1 when that leads from TLS to plain text, where nobody may follow. */
int url_follow(const char *base, const char *location, char **ret, struct error *err) MUST_USE;
/* May the token server at realm hear the credentials of the registry at o? The same host on any
 * port, or by https a sister of its name (registry-1.docker.io, auth.docker.io). */
bool origin_trusts_realm(const struct origin *o, const struct origin *realm);
