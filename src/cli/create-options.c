/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/create-options.h"

#include <errno.h>
#include <stdio.h>

#include "base/fs.h"
#include "cli/engine.h"
#include "cli/env-file.h"
#include "cli/json-text.h"
#include "cli/kv.h"
#include "cli/ports.h"
#include "cli/resources.h"
#include "cli/terminal.h"
#include "json/writer.h"

static int check_ulimit(const char *s, struct error *err)
{
	const char *eq = strchr(s, '=');
	struct str rest, soft;
	int64_t n;

	if (!eq || eq == s)
		return error_set(err, ERROR_INVALID, "invalid ulimit argument: %s", s);
	rest = str_from(eq + 1);
	while (str_cut(&rest, ':', &soft)) {
		AUTO_FREE char *text = xstrndup(soft.ptr, soft.len);

		if (parse_i64(text, &n) < 0)
			return error_set(err, ERROR_INVALID, "invalid ulimit argument: %s", s);
	}
	return 0;
}

static int check_attach(const char *s, struct error *err)
{
	if (strcasecmp(s, "stdin") && strcasecmp(s, "stdout") && strcasecmp(s, "stderr"))
		return error_set(err, ERROR_INVALID, "valid streams are STDIN, STDOUT and STDERR");
	return 0;
}

/* clang-format off */
#define CREATE_OPTIONS \
	{ "add-host", 0, OPTION_LIST, "Add a line to /etc/hosts, as name:address" }, \
	{ "annotation", 0, OPTION_MAP, "Annotation for the OCI runtime" }, \
	{ "attach", 'a', OPTION_LIST, "Attach to STDIN, STDOUT or STDERR", .check = check_attach }, \
	{ "blkio-weight-device", 0, OPTION_LIST, "Block IO weight for a device, as /dev/sda:200" }, \
	{ "cap-add", 0, OPTION_LIST, "Add a capability" }, \
	{ "cap-drop", 0, OPTION_LIST, "Take a capability away" }, \
	{ "cgroup-parent", 0, OPTION_STRING, "Control group above the container's" }, \
	{ "cgroupns", 0, OPTION_STRING, "Control group namespace: host or private", .complete = "host private" }, \
	{ "cidfile", 0, OPTION_STRING, "Write the container's id to this file", .complete = "@files" }, \
	{ "cpu-count", 0, OPTION_INT, "Windows only", .flags = OPTION_HIDDEN }, \
	{ "cpu-percent", 0, OPTION_INT, "Windows only", .flags = OPTION_HIDDEN }, \
	{ "device", 0, OPTION_LIST, "Give it a device, as /dev/fuse or /dev/sda:/dev/xvda:r" }, \
	{ "device-cgroup-rule", 0, OPTION_LIST, "Rule of the devices control group, as 'c 10:* rwm'" }, \
	{ "device-read-bps", 0, OPTION_LIST, "Limit of bytes read per second, as /dev/sda:1mb" }, \
	{ "device-read-iops", 0, OPTION_LIST, "Limit of reads per second" }, \
	{ "device-write-bps", 0, OPTION_LIST, "Limit of bytes written per second" }, \
	{ "device-write-iops", 0, OPTION_LIST, "Limit of writes per second" }, \
	{ "disable-content-trust", 0, OPTION_BOOL, "", .initial = "true", .flags = OPTION_HIDDEN }, \
	{ "dns", 0, OPTION_LIST, "Name server" }, \
	{ "dns-opt", 0, OPTION_LIST, "", .flags = OPTION_HIDDEN }, \
	{ "dns-option", 0, OPTION_LIST, "Option of the resolver" }, \
	{ "dns-search", 0, OPTION_LIST, "Domain to search names in" }, \
	{ "domainname", 0, OPTION_STRING, "NIS domain name" }, \
	{ "entrypoint", 0, OPTION_STRING, "Run this instead of the image's entry point" }, \
	{ "env", 'e', OPTION_LIST, "Set an environment variable" }, \
	{ "env-file", 0, OPTION_LIST, "Read environment variables from a file", .complete = "@files" }, \
	{ "expose", 0, OPTION_LIST, "Declare a port, or a range, that it listens on" }, \
	{ "gpus", 0, OPTION_LIST, "GPUs to give it, 'all' for all", .type_name = "gpu-request" }, \
	{ "group-add", 0, OPTION_LIST, "One more group to be in" }, \
	{ "health-cmd", 0, OPTION_STRING, "Command that checks its health" }, \
	{ "health-interval", 0, OPTION_DURATION, "Time between checks", .initial = "0s" }, \
	{ "health-retries", 0, OPTION_INT, "Failures in a row that make it unhealthy" }, \
	{ "health-start-interval", 0, OPTION_DURATION, "Time between checks while it starts", .initial = "0s" }, \
	{ "health-start-period", 0, OPTION_DURATION, "Time it may take to start before failures count", .initial = "0s" }, \
	{ "health-timeout", 0, OPTION_DURATION, "Time one check may take", .initial = "0s" }, \
	{ "hostname", 'h', OPTION_STRING, "Host name" }, \
	{ "init", 0, OPTION_BOOL, "Run an init that passes signals on and reaps" }, \
	{ "interactive", 'i', OPTION_BOOL, "Keep its input open" }, \
	{ "io-maxbandwidth", 0, OPTION_BYTES, "Windows only", .flags = OPTION_HIDDEN }, \
	{ "io-maxiops", 0, OPTION_UINT, "Windows only", .flags = OPTION_HIDDEN }, \
	{ "ip", 0, OPTION_STRING, "IPv4 address" }, \
	{ "ip6", 0, OPTION_STRING, "IPv6 address" }, \
	{ "ipc", 0, OPTION_STRING, "IPC namespace: private, shareable, host or container:NAME" }, \
	{ "isolation", 0, OPTION_STRING, "Windows only", .flags = OPTION_HIDDEN }, \
	{ "label", 'l', OPTION_LIST, "Label, as key=value" }, \
	{ "label-file", 0, OPTION_LIST, "Read labels from a file", .complete = "@files" }, \
	{ "link", 0, OPTION_LIST, "Link to another container, as name:alias" }, \
	{ "link-local-ip", 0, OPTION_LIST, "Link-local address" }, \
	{ "log-driver", 0, OPTION_STRING, "Where its output is kept" }, \
	{ "log-opt", 0, OPTION_LIST, "Option of the log driver, as max-size=10m" }, \
	{ "mac-address", 0, OPTION_STRING, "MAC address" }, \
	{ "memory-swappiness", 0, OPTION_INT, "Readiness to swap, 0 to 100", .initial = "-1" }, \
	{ "mount", 0, OPTION_LIST, "Mount, as type=bind,source=/a,target=/b,readonly", .type_name = "mount" }, \
	{ "name", 0, OPTION_STRING, "Name of the container" }, \
	{ "net", 0, OPTION_LIST, "", .flags = OPTION_HIDDEN }, \
	{ "net-alias", 0, OPTION_LIST, "", .flags = OPTION_HIDDEN }, \
	{ "network", 0, OPTION_LIST, "Network to be in: a name, bridge, host, none, container:NAME", .type_name = "network", .complete = "@networks" }, \
	{ "network-alias", 0, OPTION_LIST, "One more name in its networks" }, \
	{ "no-healthcheck", 0, OPTION_BOOL, "Don't run the image's health check" }, \
	{ "oom-kill-disable", 0, OPTION_BOOL, "Keep the out-of-memory killer off" }, \
	{ "oom-score-adj", 0, OPTION_INT, "How likely it is killed when memory runs out, -1000 to 1000" }, \
	{ "pid", 0, OPTION_STRING, "PID namespace: host or container:NAME" }, \
	{ "platform", 0, OPTION_STRING, "Platform of the image, as linux/arm64" }, \
	{ "privileged", 0, OPTION_BOOL, "Give it all the host's privileges" }, \
	{ "publish", 'p', OPTION_LIST, "Publish a port, as 8080:80 or 127.0.0.1:8080:80/tcp" }, \
	{ "publish-all", 'P', OPTION_BOOL, "Publish all exposed ports on free ones" }, \
	{ "pull", 0, OPTION_STRING, "Pull the image first: always, missing or never", .initial = "missing", .complete = "always missing never" }, \
	{ "quiet", 'q', OPTION_BOOL, "Pull without a word" }, \
	{ "read-only", 0, OPTION_BOOL, "Mount its root file system read-only" }, \
	{ "restart", 0, OPTION_STRING, "When to start it again: no, always, unless-stopped, on-failure[:n]", .initial = "no", .complete = "no always on-failure unless-stopped" }, \
	{ "rm", 0, OPTION_BOOL, "Remove it, and its anonymous volumes, when it ends" }, \
	{ "runtime", 0, OPTION_STRING, "OCI runtime to use" }, \
	{ "security-opt", 0, OPTION_LIST, "Security option, as no-new-privileges or seccomp=FILE" }, \
	{ "shm-size", 0, OPTION_BYTES, "Size of /dev/shm" }, \
	{ "stop-signal", 0, OPTION_STRING, "Signal that stops it" }, \
	{ "stop-timeout", 0, OPTION_INT, "Seconds it has to stop before it is killed" }, \
	{ "storage-opt", 0, OPTION_LIST, "Option of the storage driver, as size=10G" }, \
	{ "sysctl", 0, OPTION_MAP, "Kernel setting of its namespaces" }, \
	{ "tmpfs", 0, OPTION_LIST, "Mount a tmpfs, as /run:size=64m" }, \
	{ "tty", 't', OPTION_BOOL, "Give it a terminal" }, \
	{ "ulimit", 0, OPTION_LIST, "Resource limit, as nofile=1024:2048", .type_name = "ulimit", .check = check_ulimit }, \
	{ "use-api-socket", 0, OPTION_BOOL, "Mount the engine's socket", .flags = OPTION_HIDDEN }, \
	{ "user", 'u', OPTION_STRING, "User, and group: name|uid[:group|gid]" }, \
	{ "userns", 0, OPTION_STRING, "User namespace" }, \
	{ "uts", 0, OPTION_STRING, "UTS namespace: host" }, \
	{ "volume", 'v', OPTION_LIST, "Mount a volume or a directory, as data:/data or /srv:/srv:ro" }, \
	{ "volume-driver", 0, OPTION_STRING, "Driver of its volumes" }, \
	{ "volumes-from", 0, OPTION_LIST, "Mount the volumes of another container" }, \
	{ "workdir", 'w', OPTION_STRING, "Working directory in the container" }

const struct cli_option create_options[] = { CREATE_OPTIONS, RESOURCE_OPTIONS, { NULL } };
const struct cli_option run_options[] = {
	{ "detach", 'd', OPTION_BOOL, "Leave it running in the background and print its id" },
	{ "detach-keys", 0, OPTION_STRING, "Keys that detach (default ctrl-p,ctrl-q)" },
	{ "sig-proxy", 0, OPTION_BOOL, "Pass signals on to the process", .initial = "true" },
	CREATE_OPTIONS, RESOURCE_OPTIONS, { NULL } };

/* Members that are an option's value as it is. */
struct plain {
	const char *option, *member;
};

static const struct plain config_strings[] = {
	{ "hostname", "Hostname" }, { "domainname", "Domainname" }, { "user", "User" },
	{ "workdir", "WorkingDir" }, { "stop-signal", "StopSignal" },
};
static const struct plain host_strings[] = {
	{ "cgroup-parent", "CgroupParent" }, { "cgroupns", "CgroupnsMode" }, { "ipc", "IpcMode" },
	{ "pid", "PidMode" }, { "userns", "UsernsMode" }, { "uts", "UTSMode" }, { "runtime", "Runtime" },
	{ "isolation", "Isolation" }, { "volume-driver", "VolumeDriver" },
};
static const struct plain host_bools[] = {
	{ "privileged", "Privileged" }, { "publish-all", "PublishAllPorts" }, { "read-only", "ReadonlyRootfs" },
	{ "oom-kill-disable", "OomKillDisable" }, { "rm", "AutoRemove" }, { "init", "Init" },
};
static const struct plain host_lists[] = {
	{ "cap-add", "CapAdd" }, { "cap-drop", "CapDrop" }, { "dns", "Dns" }, { "dns-search", "DnsSearch" },
	{ "group-add", "GroupAdd" }, { "volumes-from", "VolumesFrom" },
	{ "device-cgroup-rule", "DeviceCgroupRules" },
};
static const struct plain host_maps[] = {
	{ "annotation", "Annotations" }, { "storage-opt", "StorageOpt" }, { "sysctl", "Sysctls" },
};
/* clang-format on */

static void write_list(struct json_writer *w, const char *key, const struct strv *a,
                       const struct strv *b)
{
	jw_key(w, key);
	jw_array(w);
	for (size_t i = 0; i < a->len; i++)
		jw_string(w, a->ptr[i]);
	for (size_t i = 0; b && i < b->len; i++)
		jw_string(w, b->ptr[i]);
	jw_array_end(w);
}

static bool has_attach(const struct strv *v, const char *stream)
{
	for (size_t i = 0; i < v->len; i++)
		if (!strcasecmp(v->ptr[i], stream))
			return true;
	return false;
}

int create_plan_make(struct cli *cli, bool is_run, struct create_plan *ret, struct error *err)
{
	const struct strv *attach = opt_list(cli, "attach");

	*ret = (struct create_plan){
		.detach = is_run && opt_bool(cli, "detach"),
		.tty = opt_bool(cli, "tty"),
		.open_stdin = opt_bool(cli, "interactive"),
		.attach_in = has_attach(attach, "stdin"),
		.attach_out = has_attach(attach, "stdout"),
		.attach_err = has_attach(attach, "stderr"),
	};
	if (ret->detach && attach->len)
		return error_set(err, ERROR_INVALID,
		                 "conflicting options: cannot specify both --attach and "
		                 "--detach");
	if (ret->detach)
		return 0;
	if (!attach->len)
		ret->attach_out = ret->attach_err = true;
	if (!attach->len && ret->open_stdin)
		ret->attach_in = true;
	return 0;
}

static int write_health(struct cli *cli, struct json_writer *w, struct error *err)
{
	static const struct plain times[] = { { "health-interval", "Interval" },
		                              { "health-timeout", "Timeout" },
		                              { "health-start-period", "StartPeriod" },
		                              { "health-start-interval", "StartInterval" } };
	const char *command = opt_string(cli, "health-cmd");
	bool any = *command || opt_given(cli, "health-retries"),
	     none = opt_bool(cli, "no-healthcheck");

	for (size_t i = 0; i < ARRAY_SIZE(times); i++) {
		any |= opt_given(cli, times[i].option);
		if (opt_int(cli, times[i].option) < 0)
			return error_set(err, ERROR_INVALID, "--%s cannot be negative",
			                 times[i].option);
	}
	if (none && any)
		return error_set(err, ERROR_INVALID,
		                 "--no-healthcheck conflicts with --health-* options");
	if (opt_int(cli, "health-retries") < 0)
		return error_set(err, ERROR_INVALID, "--health-retries cannot be negative");
	if (!none && !any)
		return 0;
	jw_key(w, "Healthcheck");
	jw_object(w);
	if (none || *command) {
		jw_key(w, "Test");
		jw_array(w);
		jw_string(w, none ? "NONE" : "CMD-SHELL");
		if (!none)
			jw_string(w, command);
		jw_array_end(w);
	}
	for (size_t i = 0; !none && i < ARRAY_SIZE(times); i++)
		if (opt_given(cli, times[i].option))
			jw_kv_i64(w, times[i].member, opt_int(cli, times[i].option));
	if (opt_given(cli, "health-retries"))
		jw_kv_i64(w, "Retries", opt_int(cli, "health-retries"));
	jw_object_end(w);
	return 0;
}

/* Ports of -p and --expose: names for the configuration, bindings for the host. */
static int collect_ports(struct cli *cli, struct port_mappings *mappings, struct strv *exposed,
                         struct error *err)
{
	const struct strv *publish = opt_list(cli, "publish"), *expose = opt_list(cli, "expose");

	for (size_t i = 0; i < publish->len; i++)
		if (port_spec_parse(publish->ptr[i], mappings, err) < 0)
			return error_errno(err);
	vec_for_each (mappings, m)
		if (!strv_has(exposed, m->container))
			strv_add(exposed, m->container);
	for (size_t i = 0; i < expose->len; i++)
		if (expose_parse(expose->ptr[i], exposed, err) < 0)
			return error_errno(err);
	return 0;
}

static void write_bindings(struct json_writer *w, const struct port_mappings *all,
                           const struct strv *exposed)
{
	jw_key(w, "PortBindings");
	jw_object(w);
	for (size_t i = 0; i < exposed->len; i++) {
		bool open = false;

		vec_for_each (all, m) {
			if (!streq(m->container, exposed->ptr[i]))
				continue;
			if (!open) {
				jw_key(w, m->container);
				jw_array(w);
				open = true;
			}
			jw_object(w);
			jw_kv_string(w, "HostIp", m->ip);
			jw_kv_string(w, "HostPort", m->host);
			jw_object_end(w);
		}
		if (open)
			jw_array_end(w);
	}
	jw_object_end(w);
}

/* seccomp=FILE is read here: the engine may be on another machine. */
static int write_security(struct cli *cli, struct json_writer *w, struct error *err)
{
	const struct strv *v = opt_list(cli, "security-opt");
	AUTO_STRV out = { 0 };

	for (size_t i = 0; i < v->len; i++) {
		const char *path = str_skip_prefix(v->ptr[i], "seccomp=");
		AUTO_STRBUF text = { 0 }, compact = { 0 };
		CLEANUP(json_decref_ptr) json_t *doc = NULL;
		struct json_writer inner;

		if (!path)
			path = str_skip_prefix(v->ptr[i], "seccomp:");
		if (!path || streq(path, "unconfined") || streq(path, "builtin")) {
			strv_add(&out, v->ptr[i]);
			continue;
		}
		if (read_file(AT_FDCWD, path, 4 * 1024 * 1024, &text, err) < 0)
			return error_prefix(err, "opening seccomp profile (%s) failed", path);
		doc = json_parse(strbuf_str(&text), err);
		if (!doc)
			return error_prefix(err, "compacting json for seccomp profile (%s) failed",
			                    path);
		json_writer_init(&inner, &compact);
		jw_value(&inner, doc);
		strv_printf(&out, "seccomp=%s", strbuf_cstr(&compact));
	}
	if (out.len)
		write_list(w, "SecurityOpt", &out, NULL);
	return 0;
}

static int write_hosts(struct cli *cli, struct json_writer *w, struct error *err)
{
	const struct strv *v = opt_list(cli, "add-host");
	AUTO_STRV out = { 0 };

	for (size_t i = 0; i < v->len; i++) {
		size_t n = strcspn(v->ptr[i], "=:");
		const char *address = v->ptr[i][n] ? v->ptr[i] + n + 1 : "";
		size_t len = strlen(address);

		if (!n || !len)
			return error_set(err, ERROR_INVALID, "bad format for add-host: \"%s\"",
			                 v->ptr[i]);
		if (address[0] == '[' && address[len - 1] == ']') {
			address++;
			len -= 2;
		}
		strv_printf(&out, "%.*s:%.*s", (int)n, v->ptr[i], (int)len, address);
	}
	if (out.len)
		write_list(w, "ExtraHosts", &out, NULL);
	return 0;
}

static void write_ulimits(struct cli *cli, struct json_writer *w)
{
	const struct strv *v = opt_list(cli, "ulimit");

	if (!v->len)
		return;
	jw_key(w, "Ulimits");
	jw_array(w);
	for (size_t i = 0; i < v->len; i++) {
		const char *eq = strchr(v->ptr[i], '='), *colon = strchr(eq, ':');
		AUTO_FREE char *name = xstrndup(v->ptr[i], (size_t)(eq - v->ptr[i]));
		long long soft = strtoll(eq + 1, NULL, 10);

		jw_object(w);
		jw_kv_string(w, "Name", name);
		jw_kv_i64(w, "Hard", colon ? strtoll(colon + 1, NULL, 10) : soft);
		jw_kv_i64(w, "Soft", soft);
		jw_object_end(w);
	}
	jw_array_end(w);
}

static void write_log_config(struct cli *cli, struct json_writer *w)
{
	if (!opt_given(cli, "log-driver") && !opt_given(cli, "log-opt"))
		return;
	jw_key(w, "LogConfig");
	jw_object(w);
	jw_kv_string(w, "Type", opt_string(cli, "log-driver"));
	kv_write(w, "Config", opt_list(cli, "log-opt"));
	jw_object_end(w);
}

static void write_host_plain(struct cli *cli, struct json_writer *w)
{
	for (size_t i = 0; i < ARRAY_SIZE(host_strings); i++)
		if (opt_given(cli, host_strings[i].option))
			jw_kv_string(w, host_strings[i].member,
			             opt_string(cli, host_strings[i].option));
	for (size_t i = 0; i < ARRAY_SIZE(host_bools); i++)
		if (opt_given(cli, host_bools[i].option))
			jw_kv_bool(w, host_bools[i].member, opt_bool(cli, host_bools[i].option));
	for (size_t i = 0; i < ARRAY_SIZE(host_lists); i++)
		if (opt_list(cli, host_lists[i].option)->len)
			write_list(w, host_lists[i].member, opt_list(cli, host_lists[i].option),
			           NULL);
	for (size_t i = 0; i < ARRAY_SIZE(host_maps); i++)
		if (opt_list(cli, host_maps[i].option)->len)
			kv_write(w, host_maps[i].member, opt_list(cli, host_maps[i].option));
	if (opt_given(cli, "dns-option") || opt_given(cli, "dns-opt"))
		write_list(w, "DnsOptions", opt_list(cli, "dns-option"), opt_list(cli, "dns-opt"));
}

static int write_host(struct cli *cli, const struct create_plan *plan,
                      const struct port_mappings *ports, const struct strv *exposed,
                      struct json_writer *w, struct error *err)
{
	unsigned rows, columns;

	write_host_plain(cli, w);
	write_bindings(w, ports, exposed);
	write_ulimits(cli, w);
	write_log_config(cli, w);
	if (opt_given(cli, "shm-size"))
		jw_kv_i64(w, "ShmSize", opt_int(cli, "shm-size"));
	if (opt_given(cli, "oom-score-adj"))
		jw_kv_i64(w, "OomScoreAdj", opt_int(cli, "oom-score-adj"));
	jw_kv_i64(w, "MemorySwappiness", opt_int(cli, "memory-swappiness"));
	if (plan->tty && terminal_size(STDOUT_FILENO, &rows, &columns)) {
		jw_key(w, "ConsoleSize");
		jw_array(w);
		jw_i64(w, rows);
		jw_i64(w, columns);
		jw_array_end(w);
	}
	if (resources_write(cli, w, err) < 0 || restart_policy_write(cli, w, err) < 0 ||
	    write_security(cli, w, err) < 0 || write_hosts(cli, w, err) < 0 ||
	    create_network_mode(cli, w, err) < 0 || create_mounts_write(cli, w, err) < 0 ||
	    create_devices_write(cli, w, err) < 0)
		return error_errno(err);
	return 0;
}

static int write_config(struct cli *cli, const struct create_plan *plan, struct json_writer *w,
                        struct error *err)
{
	AUTO_STRV env = { 0 }, labels = { 0 }, command = { 0 };

	if (env_collect(opt_list(cli, "env-file"), opt_list(cli, "env"), &env, err) < 0 ||
	    labels_collect(opt_list(cli, "label-file"), opt_list(cli, "label"), &labels, err) < 0)
		return error_errno(err);
	for (size_t i = 0; i < ARRAY_SIZE(config_strings); i++)
		jw_kv_string(w, config_strings[i].member,
		             opt_string(cli, config_strings[i].option));
	jw_kv_bool(w, "AttachStdin", plan->attach_in);
	jw_kv_bool(w, "AttachStdout", plan->attach_out);
	jw_kv_bool(w, "AttachStderr", plan->attach_err);
	jw_kv_bool(w, "Tty", plan->tty);
	jw_kv_bool(w, "OpenStdin", plan->open_stdin);
	jw_kv_bool(w, "StdinOnce", plan->open_stdin && plan->attach_in);
	write_list(w, "Env", &env, NULL);
	for (size_t i = 1; i < cli->args.len; i++)
		strv_add(&command, cli->args.ptr[i]);
	if (command.len)
		write_list(w, "Cmd", &command, NULL);
	jw_kv_string(w, "Image", cli->args.ptr[0]);
	if (opt_given(cli, "entrypoint")) {
		jw_key(w, "Entrypoint");
		jw_array(w);
		jw_string(w, opt_string(cli, "entrypoint"));
		jw_array_end(w);
	}
	kv_write(w, "Labels", &labels);
	if (opt_given(cli, "stop-timeout"))
		jw_kv_i64(w, "StopTimeout", opt_int(cli, "stop-timeout"));
	if (opt_given(cli, "mac-address") && !engine_api_at_least(cli, 44))
		jw_kv_string(w, "MacAddress", opt_string(cli, "mac-address"));
	create_volumes_write(cli, w);
	return write_health(cli, w, err);
}

int create_body_write(struct cli *cli, const struct create_plan *plan, struct strbuf *out,
                      struct error *err)
{
	struct port_mappings ports = { 0 };
	AUTO_STRV exposed = { 0 };
	struct json_writer w;
	int r;

	json_writer_init(&w, out);
	jw_object(&w);
	r = collect_ports(cli, &ports, &exposed, err);
	if (!r)
		r = write_config(cli, plan, &w, err);
	if (!r) {
		jw_key(&w, "ExposedPorts");
		jw_object(&w);
		for (size_t i = 0; i < exposed.len; i++) {
			jw_key(&w, exposed.ptr[i]);
			jw_object(&w);
			jw_object_end(&w);
		}
		jw_object_end(&w);
		jw_key(&w, "HostConfig");
		jw_object(&w);
		r = write_host(cli, plan, &ports, &exposed, &w, err);
	}
	if (!r) {
		jw_object_end(&w);
		r = create_endpoints_write(cli, &w, err);
	}
	if (!r)
		jw_object_end(&w);
	port_mappings_free(&ports);
	return r;
}
