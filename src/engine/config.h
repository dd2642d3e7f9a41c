/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The engine's settings. One table (settings.c) has each setting's flag, daemon.json key, type,
 * default and help; it drives the command line, --help, the file and the check that a setting is
 * not given in both. A setting that we know of but can't honour is refused when it would weaken
 * what its user relies on, and otherwise accepted with a warning.
 */
#include "container/config.h"

#define ENGINE_DEFAULT_HOST "unix:///run/coracle/coracle.sock"
#define ENGINE_DEFAULT_CONFIG_FILE "/etc/coracle/daemon.json"

struct engine_config {
	struct strv hosts;
	char *data_root, *exec_root, *pidfile, *group;
	char *config_file;
	char *log_level, *log_format;
	bool debug, validate, help, version, api_coverage;
	struct strv registry_mirrors, insecure_registries, labels;
	char *bridge, *bip, *ip;
	struct strv address_pools; /* "base,size" */
	struct strv dns, dns_options, dns_search;
	bool icc, iptables, ip_forward, ip_masquerade;
	char *log_driver;
	struct strmap log_options;
	struct ulimit_vec ulimits;
	char *default_shm_size;
	int64_t shm_size; /* of default_shm_size, bytes */
	char *default_runtime, *cgroup_parent;
	struct strmap runtimes; /* name -> path */
	bool tls, tls_verify;
	char *tls_ca, *tls_certificate, *tls_key;
	struct strv warnings; /* to be logged once the log is set up */
	json_t *given;        /* owned: what the command line gave, by key */
};

void engine_config_done(struct engine_config *c);
/* Defaults, then the command line, then the file. With help, version or api_coverage set, the
 * rest has not been read. Errors in dockerd's wording. */
int engine_config_load(struct engine_config *c, int argc, char **argv, struct error *err) MUST_USE;
/* Reads the file again into a fresh configuration: for SIGHUP. */
int engine_config_reload(const struct engine_config *old, struct engine_config *ret, struct error *err) MUST_USE;
void engine_config_usage(struct strbuf *out);
