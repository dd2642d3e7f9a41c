/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Whom we believe: hosts that may be spoken to without TLS, and per-host certificates. Any thread. */
#include "remote/origin.h"
#include "remote/remote.h"

/* Whether the host may use plain HTTP or a certificate that we can't verify. Looks the name up
 * only when the user named address blocks. */
bool trust_is_insecure(const struct remote_config *config, const struct origin *o);

/* What <certs>/<host:port>/ holds. Empty when there is no such directory. */
struct trust_files {
	struct strbuf authorities; /* all *.crt, PEM */
	char *certificate, *key;   /* paths of the first *.cert and its *.key */
};
void trust_files_done(struct trust_files *f);
int trust_files_read(const struct remote_config *config, const struct origin *o,
		     struct trust_files *ret, struct error *err) MUST_USE;
