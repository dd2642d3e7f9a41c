/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Credentials of registries: config.json's auths, credsStore and credHelpers. Secrets are never
 * printed. */
#include "cli/cli.h"

struct credentials {
	char *username, *password, *identity_token; /* owned */
};

void credentials_done(struct credentials *c);
/* "docker.io" is kept under its old address. */
const char *auth_server_of(const char *domain);
/* Looks the server up; unset members when it is not known. */
int auth_load(struct cli *cli, const char *server, struct credentials *ret, struct error *err) MUST_USE;
int auth_store(struct cli *cli, const char *server, const struct credentials *c, struct error *err) MUST_USE;
/* 1 when there was something to remove. */
int auth_remove(struct cli *cli, const char *server, struct error *err) MUST_USE;
/* The base64url JSON of the API. */
void auth_encode(const struct credentials *c, const char *server, struct strbuf *out);
/* "X-Registry-Auth: …" for an image of this domain. */
int auth_header(struct cli *cli, const char *domain, struct strbuf *out, struct error *err) MUST_USE;
