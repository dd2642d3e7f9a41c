/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The registry's settings: Docker's registry configuration file (YAML) and its REGISTRY_* variables,
 * which win over the file. What we don't have is a warning, what is wrong an error with its line.
 * Ours beyond Docker's are under "coracle:". Read once at the start, constant afterwards.
 */
#include "base/error.h"
#include "base/vec.h"

enum registry_right {
	RIGHT_PULL = 1 << 0,
	RIGHT_PUSH = 1 << 1,
	RIGHT_DELETE = 1 << 2,
	RIGHT_ADMIN = 1 << 3, /* the catalog's whole, and all the others */
};

/* Who may do what where; rights of all rules that match add up. */
struct registry_rule {
	struct strv repositories; /* globs: * within a part, ** across parts */
	struct strv users;        /* names, "*" for anybody with a name, "anonymous" for all */
	unsigned rights;
};

DEFINE_VEC(registry_rule_vec, struct registry_rule);

struct registry_config {
	char *address;
	char *host;   /* http.host: URL that clients see, for Location; NULL: relative */
	char *prefix; /* http.prefix */
	char *root;
	char *log_level;
	char *log_formatter; /* text, json */
	bool access_log_disabled;
	bool delete_enabled;
	bool read_only;
	int64_t drain_ns;
	struct strv headers; /* "Name: value", on every answer */

	char *tls_certificate, *tls_key, *tls_client_auth;
	struct strv tls_client_cas;

	char *htpasswd_path, *htpasswd_realm;
	bool anonymous_pull;
	struct registry_rule_vec rules;

	char *debug_address; /* http.debug.addr: metrics and health apart from the service */
	bool metrics;
	char *metrics_path;

	bool upload_purging;
	int64_t upload_age_ns, upload_interval_ns;
	int64_t catalog_max, tags_max;
	char *indexes; /* validation.manifests.indexes.platforms: all, none, list */

	int64_t lease_ns;       /* how long an answer "it exists" holds */
	bool gc_enabled;
	int64_t gc_interval_ns; /* between collections */
	int64_t untagged_ns;    /* manifests without a tag go after it; 0: never */
	int64_t undelete_ns;    /* what was deleted can be brought back for so long */
	int64_t quota;          /* bytes a repository may hold; 0: no bound */
	struct strv immutable;  /* globs of REPOSITORY:TAG that can't be moved */
};

#define AUTO_REGISTRY_CONFIG CLEANUP(registry_config_done) struct registry_config

void registry_config_done(struct registry_config *c);
/* path NULL: defaults and the environment only. Warnings are appended as sentences. */
int registry_config_load(const char *path, char *const *environment, struct registry_config *ret,
			 struct strv *warnings, struct error *err) MUST_USE;
/* The same from a text, for tests. */
int registry_config_parse(struct str text, const char *name, char *const *environment,
			  struct registry_config *ret, struct strv *warnings, struct error *err) MUST_USE;
/* A star matches within a part of a name, two of them also its slashes. */
bool registry_glob(const char *pattern, const char *text);
