/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The user's configuration: config.json, contexts, and from both where the engine is. */
#include "cli/cli.h"

/* Fills config_dir, config, context, host of cli from options, environment and files. */
int config_open(struct cli *cli, struct error *err) MUST_USE;
/* A text member of config.json ("psFormat"), or NULL. Borrowed. */
const char *config_string(const struct cli *cli, const char *key);
/* Writes cli->config back, mode 0600. */
int config_save(struct cli *cli, struct error *err) MUST_USE;
/* The folder of a context's files below config_dir/contexts/<kind>: its name's SHA-256. Owned. */
char *context_path(const struct cli *cli, const char *kind, const char *name) MUST_USE;
/* The context's meta.json; NULL with err. */
json_t *context_load(const struct cli *cli, const char *name, struct error *err) MUST_USE;
/* Where the engine is when nothing says so. Owned. */
char *config_default_host(void) MUST_USE;
