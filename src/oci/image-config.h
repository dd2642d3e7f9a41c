/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Image configurations (image-spec config.md, docker-image-v1.2.md). What an image says about
 * the containers made of it. Encoding writes keys as Docker does, so that digests are stable.
 */
#include "base/strmap.h"
#include "json/fields.h"
#include "oci/digest.h"

struct healthcheck {
	struct strv test;
	int64_t interval, timeout, start_period, start_interval; /* ns; 0 inherits */
	int retries;
};

/* The `config` object, which container configurations share. */
struct image_run_config {
	char *user;
	struct strv exposed_ports; /* "80/tcp" */
	struct strv env;
	struct strv entrypoint;
	struct strv cmd;
	struct healthcheck *healthcheck;
	bool args_escaped;
	struct strv volumes;
	char *working_dir;
	struct strmap labels;
	char *stop_signal;
	struct strv on_build;
	struct strv shell;
};

struct image_history {
	int64_t created;
	char *created_by;
	char *author;
	char *comment;
	bool empty_layer;
};

DEFINE_VEC(image_history_vec, struct image_history);
DEFINE_VEC(digest_vec, struct digest);

struct image_config {
	int64_t created;
	char *author;
	char *architecture;
	char *os;
	char *variant;
	char *os_version;
	struct image_run_config config;
	struct digest_vec diff_ids;
	struct image_history_vec history;
};

#define AUTO_IMAGE_CONFIG CLEANUP(image_config_done) struct image_config

extern const struct json_field healthcheck_fields[];
extern const struct json_field image_run_config_fields[];

enum { IMAGE_CONFIG_SIZE_MAX = 4 * 1024 * 1024, IMAGE_DIFF_IDS_MAX = 1000 };

int image_config_parse(struct str json, struct image_config *ret, struct error *err) MUST_USE;
void image_config_encode(struct strbuf *out, const struct image_config *c);
void image_config_copy(const struct image_config *from, struct image_config *ret);
void image_config_done(struct image_config *c);
/* chainID of the first n layers (LAYER-FACTS 4.3). n >= 1. */
void image_chain_id(const struct digest *diff_ids, size_t n, struct digest *ret);
/* One step of it. */
struct digest image_chain_next(const struct digest *parent, const struct digest *diff_id);
