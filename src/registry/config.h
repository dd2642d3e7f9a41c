/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The registry's settings: Docker's registry configuration file (YAML) and its REGISTRY_* variables,
 * which win over the file. What we don't have is a warning, what is wrong an error with its line.
 * Read once at the start, constant afterwards.
 */
#include "base/error.h"
#include "base/strmap.h"

struct registry_config {
	char *address;   /* "http.addr": [HOST]:PORT */
	char *host;      /* "http.host": URL that clients see, for Location; NULL: relative */
	char *root;      /* "storage.filesystem.rootdirectory" */
	char *log_level; /* "log.level" */
	bool log_json;
	bool access_log;
	bool delete_enabled;
	bool sparse_indexes; /* an index may list manifests that are not here */
	bool read_only;
	int64_t drain_ms;
	int64_t lease_ns;        /* how long an answer "it exists" holds */
	int64_t upload_age_ns;   /* unfinished uploads go after it; 0: never */
	int64_t catalog_max;     /* entries of one page */
};

#define AUTO_REGISTRY_CONFIG CLEANUP(registry_config_done) struct registry_config

void registry_config_done(struct registry_config *c);
/* path NULL: defaults and the environment only. */
int registry_config_load(const char *path, char *const *environment, struct registry_config *ret,
			 struct error *err) MUST_USE;
