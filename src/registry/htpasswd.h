/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A password file as htpasswd writes it: bcrypt, SHA-256- and SHA-512-crypt; read again when it
 * changes. A right password is remembered for a few minutes, since checking costs 60 ms and a push
 * is a hundred requests; no more than two are hashed at a time. Any thread.
 */
#include "base/error.h"

struct htpasswd;

struct htpasswd *htpasswd_open(const char *path, struct error *err) MUST_USE;
void htpasswd_free(struct htpasswd *h);
/* 1 right, 0 wrong. TOO_MANY after too many wrong ones from the peer; one that is remembered is
 * right all the same. Takes as long for a name that isn't there. */
int htpasswd_check(struct htpasswd *h, const char *user, const char *password, const char *peer,
		   struct error *err) MUST_USE;
