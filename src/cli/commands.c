/* SPDX-License-Identifier: Apache-2.0 */
/* The tree of all commands. */
#include "cli/commands.h"

#define GROUP(name_, brief_, ...)                                                                  \
	static const struct cli_command *const name_##_commands[] = { __VA_ARGS__, NULL };         \
	static const struct cli_command command_##name_ = {                                        \
		.name = #name_,                                                                    \
		.brief = brief_,                                                                   \
		.subcommands = name_##_commands,                                                   \
		.group = CLI_GROUP_MANAGEMENT,                                                     \
	}

GROUP(container, "Manage containers", &command_attach, &command_commit, &command_cp,
      &command_create, &command_diff, &command_exec, &command_export, &command_container_inspect,
      &command_kill, &command_logs, &command_container_ls, &command_pause, &command_port,
      &command_container_prune, &command_rename, &command_restart, &command_rm, &command_run,
      &command_start, &command_stats, &command_stop, &command_top, &command_unpause,
      &command_update, &command_wait);
GROUP(context, "Manage contexts", &command_context_create, &command_context_inspect,
      &command_context_ls, &command_context_rm, &command_context_show, &command_context_use);
GROUP(image, "Manage images", &command_build, &command_history, &command_import,
      &command_image_inspect, &command_load, &command_image_ls, &command_image_prune, &command_pull,
      &command_push, &command_image_rm, &command_save, &command_tag);
GROUP(network, "Manage networks", &command_network_connect, &command_network_create,
      &command_network_disconnect, &command_network_inspect, &command_network_ls,
      &command_network_prune, &command_network_rm);
GROUP(volume, "Manage volumes", &command_volume_create, &command_volume_inspect, &command_volume_ls,
      &command_volume_prune, &command_volume_rm);
GROUP(builder, "Manage builds", &command_build, &command_builder_prune);
GROUP(system, "Manage the engine", &command_dial_stdio, &command_system_df, &command_events,
      &command_info, &command_system_prune);

/* In the order of --help. */
const struct cli_command *const cli_commands[] = {
	&command_run,     &command_exec,       &command_ps,       &command_build,  &command_pull,
	&command_push,    &command_images,     &command_login,    &command_logout, &command_search,
	&command_version, &command_info,

	&command_builder, &command_container,  &command_context,  &command_image,  &command_network,
	&command_system,  &command_volume,

	&command_attach,  &command_commit,     &command_cp,       &command_create, &command_diff,
	&command_events,  &command_export,     &command_history,  &command_import, &command_inspect,
	&command_kill,    &command_load,       &command_logs,     &command_pause,  &command_port,
	&command_rename,  &command_restart,    &command_rm,       &command_rmi,    &command_save,
	&command_start,   &command_stats,      &command_stop,     &command_tag,    &command_top,
	&command_unpause, &command_update,     &command_wait,

	&command_doctor,  &command_completion, &command_complete, &command_man,    NULL,
};
