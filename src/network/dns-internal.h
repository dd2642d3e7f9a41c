/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What the files of the name service share. */
#include "network/dns-message.h"
#include "network/networks-internal.h"

enum dns_verdict {
	DNS_LOCAL,   /* the answer is written */
	DNS_FORWARD, /* ask the servers */
};

/* lookup.c: what we know ourselves. Takes the networks' lock. servers gets where to ask else. */
enum dns_verdict dns_lookup(struct networks *n, const char *container_id, struct str query,
			    const struct dns_question *q, struct strbuf *out, struct strv *servers);
/* The whole of it: parses, looks up. DNS_LOCAL with an empty out: no answer at all. */
enum dns_verdict dns_serve_query(struct networks *n, const char *container_id, struct str query,
				 bool udp, struct dns_question *q, struct strbuf *out,
				 struct strv *servers);
/* The host's own servers, which we can ask even where they are on its loopback. */
void dns_system_servers(struct strv *ret);
