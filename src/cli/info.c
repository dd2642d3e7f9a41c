/* SPDX-License-Identifier: Apache-2.0 */
/* info: what the engine says of itself and its host. */
#include <stdio.h>

#include "cli/commands.h"
#include "cli/engine.h"
#include "cli/human.h"
#include "cli/table.h"

static void line(const char *label, const char *value)
{
	if (*value)
		printf(" %s: %s\n", label, value);
}

static void list_line(const char *label, const json_t *list, const char *separator)
{
	const json_t *one;
	size_t i;

	if (!json_array_size(list))
		return;
	printf("%s:", label);
	json_array_foreach (list, i, one)
		printf("%s%s", i ? separator : " ",
		       json_is_string(one) ? json_string_value(one) : "");
	printf("\n");
}

static void print_counts(const json_t *info)
{
	printf(" Containers: %lld\n  Running: %lld\n  Paused: %lld\n  Stopped: %lld\n Images: %lld\n",
	       (long long)item_int(info, "Containers"),
	       (long long)item_int(info, "ContainersRunning"),
	       (long long)item_int(info, "ContainersPaused"),
	       (long long)item_int(info, "ContainersStopped"), (long long)item_int(info, "Images"));
}

static void print_driver(const json_t *info)
{
	const json_t *pair;
	size_t i;

	line("Storage Driver", item_string(info, "Driver"));
	json_array_foreach (item_at(info, "DriverStatus"), i, pair)
		printf("  %s: %s\n", json_string_value(json_array_get(pair, 0)),
		       json_string_value(json_array_get(pair, 1)));
	line("Logging Driver", item_string(info, "LoggingDriver"));
	line("Cgroup Driver", item_string(info, "CgroupDriver"));
	line("Cgroup Version", item_string(info, "CgroupVersion"));
}

static int compare_texts(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void print_runtimes(const json_t *info)
{
	const json_t *runtimes = item_at(info, "Runtimes"), *one;
	const char *names[64], *name;
	size_t n = 0;

	json_object_foreach ((json_t *)(uintptr_t)runtimes, name, one)
		if (n < ARRAY_SIZE(names))
			names[n++] = name;
	qsort(names, n, sizeof(*names), compare_texts);
	if (n) {
		printf(" Runtimes:");
		for (size_t i = 0; i < n; i++)
			printf(" %s", names[i]);
		printf("\n");
	}
	line("Default Runtime", item_string(info, "DefaultRuntime"));
	line("Init Binary", item_string(info, "InitBinary"));
}

static void print_commit(const json_t *info, const char *label, const char *member)
{
	const json_t *c = item_at(info, member);

	if (c)
		printf(" %s version: %s\n", label, item_string(c, "ID"));
}

/* "name=seccomp,profile=default" to a line and an indented one. */
static void print_security(const json_t *info)
{
	const json_t *options = item_at(info, "SecurityOptions"), *one;
	size_t i;

	if (!json_array_size(options))
		return;
	printf(" Security Options:\n");
	json_array_foreach (options, i, one) {
		struct str rest = str_from(json_is_string(one) ? json_string_value(one) : ""), pair,
			   key;

		while (str_cut(&rest, ',', &pair)) {
			struct str value = pair;

			str_cut(&value, '=', &key);
			if (str_eq_c(key, "name"))
				printf("  %.*s\n", STR_ARG(value));
			else if (str_eq_c(key, "profile"))
				printf("   Profile: %.*s\n", STR_ARG(value));
		}
	}
}

static void print_host(const json_t *info)
{
	AUTO_STRBUF memory = { 0 };

	line("Kernel Version", item_string(info, "KernelVersion"));
	line("Operating System", item_string(info, "OperatingSystem"));
	line("OSType", item_string(info, "OSType"));
	line("Architecture", item_string(info, "Architecture"));
	printf(" CPUs: %lld\n", (long long)item_int(info, "NCPU"));
	human_size_binary((double)item_int(info, "MemTotal"), &memory);
	printf(" Total Memory: %s\n", strbuf_cstr(&memory));
	line("Name", item_string(info, "Name"));
	line("ID", item_string(info, "ID"));
	line("Docker Root Dir", item_string(info, "DockerRootDir"));
	printf(" Debug Mode: %s\n", item_bool(info, "Debug") ? "true" : "false");
	line("HTTP Proxy", item_string(info, "HttpProxy"));
	line("HTTPS Proxy", item_string(info, "HttpsProxy"));
	line("No Proxy", item_string(info, "NoProxy"));
	line("Username", item_string(info, "Username"));
}

static void print_labels_and_registries(const json_t *info)
{
	const json_t *list = item_at(info, "Labels"), *one;
	const json_t *config = item_at(info, "RegistryConfig");
	const char *name;
	size_t i;

	if (json_array_size(list)) {
		printf(" Labels:\n");
		json_array_foreach (list, i, one)
			printf("  %s\n", json_is_string(one) ? json_string_value(one) : "");
	}
	printf(" Experimental: %s\n", item_bool(info, "ExperimentalBuild") ? "true" : "false");
	if (!config)
		return;
	printf(" Insecure Registries:\n");
	json_object_foreach ((json_t *)(uintptr_t)item_at(config, "IndexConfigs"), name, one)
		if (!json_is_true(json_object_get(one, "Secure")))
			printf("  %s\n", name);
	json_array_foreach (item_at(config, "InsecureRegistryCIDRs"), i, one)
		printf("  %s\n", json_is_string(one) ? json_string_value(one) : "");
	if (json_array_size(item_at(config, "Mirrors"))) {
		printf(" Registry Mirrors:\n");
		json_array_foreach (item_at(config, "Mirrors"), i, one)
			printf("  %s\n", json_is_string(one) ? json_string_value(one) : "");
	}
}

static void print_server(const json_t *info)
{
	const json_t *one;
	size_t i;

	print_counts(info);
	line("Server Version", item_string(info, "ServerVersion"));
	print_driver(info);
	printf(" Plugins:\n");
	list_line("  Volume", item_at(info, "Plugins.Volume"), " ");
	list_line("  Network", item_at(info, "Plugins.Network"), " ");
	list_line("  Authorization", item_at(info, "Plugins.Authorization"), " ");
	list_line("  Log", item_at(info, "Plugins.Log"), " ");
	printf(" Swarm: %s\n", *item_string(info, "Swarm.LocalNodeState")
	                               ? item_string(info, "Swarm.LocalNodeState")
	                               : "inactive");
	print_runtimes(info);
	print_commit(info, "containerd", "ContainerdCommit");
	print_commit(info, "runc", "RuncCommit");
	print_commit(info, "init", "InitCommit");
	print_security(info);
	print_host(info);
	print_labels_and_registries(info);
	printf(" Live Restore Enabled: %s\n",
	       item_bool(info, "LiveRestoreEnabled") ? "true" : "false");
	line("Product License", item_string(info, "ProductLicense"));
	printf("\n");
	fflush(stdout);
	json_array_foreach (item_at(info, "Warnings"), i, one)
		cli_say("%s", json_is_string(one) ? json_string_value(one) : "");
}

static int info(struct cli *cli, struct error *err)
{
	CLEANUP(json_decref_ptr) json_t *doc = engine_json(cli, "GET", "/info", NULL, err);

	if (doc && *opt_string(cli, "format"))
		return print_by_template(opt_string(cli, "format"), doc, err);
	if (!*opt_string(cli, "format"))
		printf("Client:\n Version:    %s\n Context:    %s\n Debug Mode: %s\n\nServer:\n",
		       CORACLE_VERSION, cli->context, cli->debug ? "true" : "false");
	if (!doc)
		return error_errno(err);
	print_server(doc);
	return 0;
}

/* clang-format off */
static const struct cli_option options[] = {
	{ "format", 'f', OPTION_STRING, FORMAT_HELP_INSPECT },
	{ NULL },
};
/* clang-format on */

const struct cli_command command_info = {
	.name = "info",
	.brief = "Show what the engine says of itself and its host",
	.options = options,
	.run = info,
	.group = CLI_GROUP_COMMON,
};
