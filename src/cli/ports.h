/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Published ports: the notation of -p, and how lists show them. */
#include <jansson.h>

#include "base/error.h"
#include "base/strbuf.h"
#include "base/strmap.h"

/* "0.0.0.0:8080->80/tcp, 443/tcp" from the list answer's Ports; runs of numbers become ranges. */
void ports_display(const json_t *ports, struct strbuf *out);

struct port_mapping {
	char *container; /* "80/tcp"; owned */
	char *ip;        /* owned, "" for any */
	char *host;      /* owned: "8080", "8000-8010" or "" */
};

DEFINE_VEC(port_mappings, struct port_mapping);

void port_mappings_free(struct port_mappings *m);
/* Adds what "-p SPEC" means: [ip:][host[-end]:]container[-end][/proto]. */
int port_spec_parse(const char *spec, struct port_mappings *ret, struct error *err) MUST_USE;
/* --expose: "80", "80-90/udp"; adds "80/tcp"… */
int expose_parse(const char *spec, struct strv *ret, struct error *err) MUST_USE;
