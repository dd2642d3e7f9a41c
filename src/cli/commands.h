/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Every command, one line each; commands.c hangs them in the tree. */
#include "cli/cli.h"

/* containers */
extern const struct cli_command command_attach, command_commit, command_cp, command_create, command_diff,
	command_exec, command_export, command_container_inspect, command_kill, command_logs,
	command_container_ls, command_ps, command_pause, command_port, command_container_prune,
	command_rename, command_restart, command_rm, command_run, command_start, command_stats,
	command_stop, command_top, command_unpause, command_update, command_wait;
/* images */
extern const struct cli_command command_build, command_history, command_import, command_image_inspect,
	command_load, command_image_ls, command_images, command_image_prune, command_pull, command_push,
	command_image_rm, command_rmi, command_save, command_tag;
/* the rest */
extern const struct cli_command command_volume_create, command_volume_inspect, command_volume_ls,
	command_volume_prune, command_volume_rm;
extern const struct cli_command command_network_connect, command_network_create,
	command_network_disconnect, command_network_inspect, command_network_ls, command_network_prune,
	command_network_rm;
extern const struct cli_command command_inspect, command_events, command_info, command_version,
	command_system_df, command_system_prune, command_builder_prune, command_dial_stdio, command_login, command_logout,
	command_search;
extern const struct cli_command command_context_create, command_context_ls, command_context_rm,
	command_context_use, command_context_show, command_context_inspect;
extern const struct cli_command command_complete, command_man, command_completion, command_doctor;

/* Prints doc by a format and a newline. */
int print_by_template(const char *format, json_t *doc, struct error *err) MUST_USE;

/* What --format options say, everywhere alike. */
#define FORMAT_HELP \
	"Format of the output: 'table', 'table TEMPLATE', 'json', or a Go template"
#define FORMAT_HELP_INSPECT "Format of the output: 'json', or a Go template"
