/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The options that run and create share, and the create body they make. */
#include "cli/cli.h"

extern const struct cli_option create_options[]; /* of create */
extern const struct cli_option run_options[];    /* the same and run's own */

struct create_plan {
	bool detach, tty, open_stdin;
	bool attach_in, attach_out, attach_err;
};

/* Which streams are attached, from -a, -i, -t, -d. */
int create_plan_make(struct cli *cli, bool is_run, struct create_plan *ret, struct error *err) MUST_USE;
/* The body of POST /containers/create. */
int create_body_write(struct cli *cli, const struct create_plan *plan, struct strbuf *out,
		      struct error *err) MUST_USE;

/* Parts in files of their own; each writes members into the open object of w. */
struct json_writer;
int create_network_mode(struct cli *cli, struct json_writer *host, struct error *err) MUST_USE;
int create_endpoints_write(struct cli *cli, struct json_writer *w, struct error *err) MUST_USE;
int create_mounts_write(struct cli *cli, struct json_writer *host, struct error *err) MUST_USE;
/* Anonymous volumes: "-v /data". */
void create_volumes_write(struct cli *cli, struct json_writer *w);
/* Fields of CSV, appended. */
void csv_split(const char *s, struct strv *ret);
int create_devices_write(struct cli *cli, struct json_writer *host, struct error *err) MUST_USE;
