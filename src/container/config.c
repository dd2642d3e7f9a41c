/* SPDX-License-Identifier: Apache-2.0 */
#include "container/config.h"

#include <limits.h>

#include "json/json.h"

/* clang-format off */

#define CONFIG(member, wire, kind, ...) JSON_FIELD(struct container_config, member, wire, kind, ##__VA_ARGS__)
#define HOST(member, wire, kind, ...)   JSON_FIELD(struct host_config, member, wire, kind, ##__VA_ARGS__)
#define OMIT  .flags = JSON_OMIT_EMPTY
#define NULLS .flags = JSON_NULL_EMPTY

/* What is empty is written as Docker writes it, member by member: clients index into these. */
const struct json_field container_config_fields[] = {
	CONFIG(hostname,         "Hostname",        JSON_F_STRING),
	CONFIG(domainname,       "Domainname",      JSON_F_STRING),
	CONFIG(user,             "User",            JSON_F_STRING),
	CONFIG(attach_stdin,     "AttachStdin",     JSON_F_BOOL),
	CONFIG(attach_stdout,    "AttachStdout",    JSON_F_BOOL),
	CONFIG(attach_stderr,    "AttachStderr",    JSON_F_BOOL),
	CONFIG(exposed_ports,    "ExposedPorts",    JSON_F_SET, OMIT),
	CONFIG(tty,              "Tty",             JSON_F_BOOL),
	CONFIG(open_stdin,       "OpenStdin",       JSON_F_BOOL),
	CONFIG(stdin_once,       "StdinOnce",       JSON_F_BOOL),
	CONFIG(env,              "Env",             JSON_F_STRV, NULLS),
	CONFIG(cmd,              "Cmd",             JSON_F_STRING_OR_LIST, NULLS),
	CONFIG(healthcheck,      "Healthcheck",     JSON_F_OBJECT_PTR, OMIT, .fields = healthcheck_fields,
	                                            .size = sizeof(struct healthcheck)),
	CONFIG(args_escaped,     "ArgsEscaped",     JSON_F_BOOL, OMIT),
	CONFIG(image,            "Image",           JSON_F_STRING),
	CONFIG(volumes,          "Volumes",         JSON_F_SET, NULLS),
	CONFIG(working_dir,      "WorkingDir",      JSON_F_STRING),
	CONFIG(entrypoint,       "Entrypoint",      JSON_F_STRING_OR_LIST, NULLS),
	CONFIG(network_disabled, "NetworkDisabled", JSON_F_BOOL, OMIT),
	CONFIG(mac_address,      "MacAddress",      JSON_F_STRING, OMIT),
	CONFIG(on_build,         "OnBuild",         JSON_F_STRV, NULLS),
	CONFIG(labels,           "Labels",          JSON_F_STRMAP),
	CONFIG(stop_signal,      "StopSignal",      JSON_F_STRING, OMIT),
	CONFIG(stop_timeout,     "StopTimeout",     JSON_F_I64_PTR, OMIT),
	CONFIG(shell,            "Shell",           JSON_F_STRING_OR_LIST, OMIT),
	JSON_FIELDS_END,
};

static const struct json_field restart_policy_fields[] = {
	JSON_FIELD(struct restart_policy, name, "Name", JSON_F_STRING),
	JSON_FIELD(struct restart_policy, maximum_retry_count, "MaximumRetryCount", JSON_F_INT),
	JSON_FIELDS_END,
};

static const struct json_field log_config_fields[] = {
	JSON_FIELD(struct log_config, type, "Type", JSON_F_STRING),
	JSON_FIELD(struct log_config, config, "Config", JSON_F_STRMAP),
	JSON_FIELDS_END,
};

static const struct json_field device_mapping_fields[] = {
	JSON_FIELD(struct device_mapping, path_on_host, "PathOnHost", JSON_F_STRING),
	JSON_FIELD(struct device_mapping, path_in_container, "PathInContainer", JSON_F_STRING),
	JSON_FIELD(struct device_mapping, cgroup_permissions, "CgroupPermissions", JSON_F_STRING),
	JSON_FIELDS_END,
};

static const struct json_field device_request_fields[] = {
	JSON_FIELD(struct device_request, driver, "Driver", JSON_F_STRING),
	JSON_FIELD(struct device_request, count, "Count", JSON_F_I64),
	JSON_FIELD(struct device_request, device_ids, "DeviceIDs", JSON_F_STRV, NULLS),
	JSON_FIELD(struct device_request, capabilities, "Capabilities", JSON_F_RAW),
	JSON_FIELD(struct device_request, options, "Options", JSON_F_STRMAP),
	JSON_FIELDS_END,
};

static const struct json_field ulimit_fields[] = {
	JSON_FIELD(struct ulimit, name, "Name", JSON_F_STRING),
	JSON_FIELD(struct ulimit, hard, "Hard", JSON_F_I64),
	JSON_FIELD(struct ulimit, soft, "Soft", JSON_F_I64),
	JSON_FIELDS_END,
};

static const struct json_field weight_device_fields[] = {
	JSON_FIELD(struct weight_device, path, "Path", JSON_F_STRING),
	JSON_FIELD(struct weight_device, weight, "Weight", JSON_F_I64),
	JSON_FIELDS_END,
};

static const struct json_field throttle_device_fields[] = {
	JSON_FIELD(struct throttle_device, path, "Path", JSON_F_STRING),
	JSON_FIELD(struct throttle_device, rate, "Rate", JSON_F_U64),
	JSON_FIELDS_END,
};

static const struct json_field bind_options_fields[] = {
	JSON_FIELD(struct bind_options, propagation, "Propagation", JSON_F_STRING, OMIT),
	JSON_FIELD(struct bind_options, non_recursive, "NonRecursive", JSON_F_BOOL, OMIT),
	JSON_FIELD(struct bind_options, create_mountpoint, "CreateMountpoint", JSON_F_BOOL, OMIT),
	JSON_FIELD(struct bind_options, read_only_non_recursive, "ReadOnlyNonRecursive", JSON_F_BOOL, OMIT),
	JSON_FIELD(struct bind_options, read_only_force_recursive, "ReadOnlyForceRecursive", JSON_F_BOOL, OMIT),
	JSON_FIELDS_END,
};

/* The wire nests what the struct has flat: an object "at" the struct itself. */
#define NESTED(wire, table) { .name = (wire), .type = JSON_F_OBJECT, .offset = 0, .flags = JSON_OMIT_EMPTY, \
	                      .fields = (table) }

static const struct json_field volume_driver_fields[] = {
	JSON_FIELD(struct volume_options, driver_name, "Name", JSON_F_STRING, OMIT),
	JSON_FIELD(struct volume_options, driver_options, "Options", JSON_F_STRMAP, OMIT),
	JSON_FIELDS_END,
};

static const struct json_field volume_options_fields[] = {
	JSON_FIELD(struct volume_options, no_copy, "NoCopy", JSON_F_BOOL, OMIT),
	JSON_FIELD(struct volume_options, labels, "Labels", JSON_F_STRMAP, OMIT),
	JSON_FIELD(struct volume_options, subpath, "Subpath", JSON_F_STRING, OMIT),
	NESTED("DriverConfig", volume_driver_fields),
	JSON_FIELDS_END,
};

static const struct json_field tmpfs_options_fields[] = {
	JSON_FIELD(struct tmpfs_options, size_bytes, "SizeBytes", JSON_F_I64, OMIT),
	JSON_FIELD(struct tmpfs_options, mode, "Mode", JSON_F_I64, OMIT),
	JSON_FIELD(struct tmpfs_options, options, "Options", JSON_F_RAW, OMIT),
	JSON_FIELDS_END,
};

static const struct json_field image_mount_fields[] = {
	JSON_FIELD(struct mount_spec, image_subpath, "Subpath", JSON_F_STRING, OMIT),
	JSON_FIELDS_END,
};

static const struct json_field mount_spec_fields[] = {
	JSON_FIELD(struct mount_spec, type, "Type", JSON_F_STRING, OMIT),
	JSON_FIELD(struct mount_spec, source, "Source", JSON_F_STRING, OMIT),
	JSON_FIELD(struct mount_spec, target, "Target", JSON_F_STRING, OMIT),
	JSON_FIELD(struct mount_spec, read_only, "ReadOnly", JSON_F_BOOL, OMIT),
	JSON_FIELD(struct mount_spec, consistency, "Consistency", JSON_F_STRING, OMIT),
	JSON_FIELD(struct mount_spec, bind, "BindOptions", JSON_F_OBJECT_PTR, OMIT,
		   .fields = bind_options_fields, .size = sizeof(struct bind_options)),
	JSON_FIELD(struct mount_spec, volume, "VolumeOptions", JSON_F_OBJECT_PTR, OMIT,
		   .fields = volume_options_fields, .size = sizeof(struct volume_options)),
	JSON_FIELD(struct mount_spec, tmpfs, "TmpfsOptions", JSON_F_OBJECT_PTR, OMIT,
		   .fields = tmpfs_options_fields, .size = sizeof(struct tmpfs_options)),
	NESTED("ImageOptions", image_mount_fields),
	JSON_FIELDS_END,
};

#define THROTTLE .fields = throttle_device_fields, .size = sizeof(struct throttle_device)

const struct json_field host_config_fields[] = {
	HOST(binds,                "Binds",                JSON_F_STRV, NULLS),
	HOST(container_id_file,    "ContainerIDFile",      JSON_F_STRING),
	HOST(log_config,           "LogConfig",            JSON_F_OBJECT, .fields = log_config_fields),
	HOST(network_mode,         "NetworkMode",          JSON_F_STRING),
	HOST(port_bindings,        "PortBindings",         JSON_F_MAP, .flags = JSON_VALUE_LIST,
	                           .fields = port_bindings_value_fields, .size = sizeof(struct port_bindings)),
	HOST(restart_policy,       "RestartPolicy",        JSON_F_OBJECT, .fields = restart_policy_fields),
	HOST(auto_remove,          "AutoRemove",           JSON_F_BOOL),
	HOST(volume_driver,        "VolumeDriver",         JSON_F_STRING),
	HOST(volumes_from,         "VolumesFrom",          JSON_F_STRV, NULLS),
	HOST(mounts,               "Mounts",               JSON_F_LIST, OMIT, .fields = mount_spec_fields,
	                           .size = sizeof(struct mount_spec)),
	HOST(console_size,         "ConsoleSize",          JSON_F_RAW),
	HOST(annotations,          "Annotations",          JSON_F_STRMAP, OMIT),
	HOST(cap_add,              "CapAdd",               JSON_F_STRING_OR_LIST, NULLS),
	HOST(cap_drop,             "CapDrop",              JSON_F_STRING_OR_LIST, NULLS),
	HOST(cgroupns_mode,        "CgroupnsMode",         JSON_F_STRING),
	HOST(dns,                  "Dns",                  JSON_F_STRV),
	HOST(dns_options,          "DnsOptions",           JSON_F_STRV),
	HOST(dns_search,           "DnsSearch",            JSON_F_STRV),
	HOST(extra_hosts,          "ExtraHosts",           JSON_F_STRV, NULLS),
	HOST(group_add,            "GroupAdd",             JSON_F_STRV, NULLS),
	HOST(ipc_mode,             "IpcMode",              JSON_F_STRING),
	HOST(cgroup,               "Cgroup",               JSON_F_STRING),
	HOST(links,                "Links",                JSON_F_STRV, NULLS),
	HOST(oom_score_adj,        "OomScoreAdj",          JSON_F_I64),
	HOST(pid_mode,             "PidMode",              JSON_F_STRING),
	HOST(privileged,           "Privileged",           JSON_F_BOOL),
	HOST(publish_all_ports,    "PublishAllPorts",      JSON_F_BOOL),
	HOST(readonly_rootfs,      "ReadonlyRootfs",       JSON_F_BOOL),
	HOST(security_opt,         "SecurityOpt",          JSON_F_STRV, NULLS),
	HOST(storage_opt,          "StorageOpt",           JSON_F_STRMAP, OMIT),
	HOST(tmpfs,                "Tmpfs",                JSON_F_STRMAP, OMIT),
	HOST(uts_mode,             "UTSMode",              JSON_F_STRING),
	HOST(userns_mode,          "UsernsMode",           JSON_F_STRING),
	HOST(shm_size,             "ShmSize",              JSON_F_I64),
	HOST(sysctls,              "Sysctls",              JSON_F_STRMAP, OMIT),
	HOST(runtime,              "Runtime",              JSON_F_STRING),
	HOST(isolation,            "Isolation",            JSON_F_STRING),
	HOST(cpu_shares,           "CpuShares",            JSON_F_I64),
	HOST(memory,               "Memory",               JSON_F_I64),
	HOST(nano_cpus,            "NanoCpus",             JSON_F_I64),
	HOST(cgroup_parent,        "CgroupParent",         JSON_F_STRING),
	HOST(blkio_weight,         "BlkioWeight",          JSON_F_I64),
	HOST(blkio_weight_device,  "BlkioWeightDevice",    JSON_F_LIST, .fields = weight_device_fields,
	                           .size = sizeof(struct weight_device)),
	HOST(blkio_read_bps,       "BlkioDeviceReadBps",   JSON_F_LIST, THROTTLE),
	HOST(blkio_write_bps,      "BlkioDeviceWriteBps",  JSON_F_LIST, THROTTLE),
	HOST(blkio_read_iops,      "BlkioDeviceReadIOps",  JSON_F_LIST, THROTTLE),
	HOST(blkio_write_iops,     "BlkioDeviceWriteIOps", JSON_F_LIST, THROTTLE),
	HOST(cpu_period,           "CpuPeriod",            JSON_F_I64),
	HOST(cpu_quota,            "CpuQuota",             JSON_F_I64),
	HOST(cpu_realtime_period,  "CpuRealtimePeriod",    JSON_F_I64),
	HOST(cpu_realtime_runtime, "CpuRealtimeRuntime",   JSON_F_I64),
	HOST(cpuset_cpus,          "CpusetCpus",           JSON_F_STRING),
	HOST(cpuset_mems,          "CpusetMems",           JSON_F_STRING),
	HOST(devices,              "Devices",              JSON_F_LIST, .fields = device_mapping_fields,
	                           .size = sizeof(struct device_mapping)),
	HOST(device_cgroup_rules,  "DeviceCgroupRules",    JSON_F_STRV, NULLS),
	HOST(device_requests,      "DeviceRequests",       JSON_F_LIST, NULLS, .fields = device_request_fields,
	                           .size = sizeof(struct device_request)),
	HOST(memory_reservation,   "MemoryReservation",    JSON_F_I64),
	HOST(memory_swap,          "MemorySwap",           JSON_F_I64),
	HOST(memory_swappiness,    "MemorySwappiness",     JSON_F_I64_PTR),
	HOST(oom_kill_disable,     "OomKillDisable",       JSON_F_TRISTATE),
	HOST(init,                 "Init",                 JSON_F_TRISTATE, OMIT),
	HOST(pids_limit,           "PidsLimit",            JSON_F_I64_PTR),
	HOST(ulimits,              "Ulimits",              JSON_F_LIST, .fields = ulimit_fields,
	                           .size = sizeof(struct ulimit)),
	HOST(cpu_count,            "CpuCount",             JSON_F_I64),
	HOST(cpu_percent,          "CpuPercent",           JSON_F_I64),
	HOST(io_maximum_iops,      "IOMaximumIOps",        JSON_F_I64),
	HOST(io_maximum_bandwidth, "IOMaximumBandwidth",   JSON_F_I64),
	HOST(masked_paths,         "MaskedPaths",          JSON_F_STRV, NULLS),
	HOST(readonly_paths,       "ReadonlyPaths",        JSON_F_STRV, NULLS),
	JSON_FIELDS_END,
};

static const struct json_field networking_fields[] = {
	JSON_FIELD(struct container_create_request, endpoints, "EndpointsConfig", JSON_F_MAP,
		   .fields = endpoint_fields, .size = sizeof(struct endpoint)),
	JSON_FIELDS_END,
};

/* What stands beside the configuration's members at the top of a create body. */
static const struct json_field request_fields[] = {
	JSON_FIELD(struct container_create_request, host_config, "HostConfig", JSON_F_OBJECT,
		   .fields = host_config_fields),
	{ .name = "NetworkingConfig", .type = JSON_F_OBJECT, .offset = 0, .fields = networking_fields },
	JSON_FIELDS_END,
};
/* clang-format on */

void container_config_done(struct container_config *c)
{
	json_fields_clear(container_config_fields, c);
}

void host_config_done(struct host_config *h)
{
	json_fields_clear(host_config_fields, h);
}

void container_create_request_done(struct container_create_request *r)
{
	container_config_done(&r->config);
	json_fields_clear(request_fields, r);
}

static unsigned console_number(const json_t *size, size_t i)
{
	json_int_t n = json_integer_value(json_array_get(size, i));

	return n < 0 || n > USHRT_MAX ? 0 : (unsigned)n;
}

void host_config_console_size(const struct host_config *h, unsigned *ret_height,
                              unsigned *ret_width)
{
	*ret_height = console_number(h->console_size, 0);
	*ret_width = console_number(h->console_size, 1);
}

/* Clients send [h, w], [0, 0], null or nothing; what is stored is always two numbers. */
static void settle_console_size(struct host_config *h)
{
	unsigned height, width;

	host_config_console_size(h, &height, &width);
	json_decref(h->console_size);
	h->console_size = json_pack("[ii]", (int)height, (int)width);
}

int container_create_request_parse(struct str body, struct container_create_request *ret,
                                   struct error *err)
{
	static const struct json_decode_options options = { .case_insensitive = true };
	struct container_create_request out = { 0 };
	AUTO_JSON *root = NULL;
	int r;

	if (body.len == 0)
		return error_set(err, ERROR_INVALID,
		                 "invalid JSON: got EOF while reading request body");
	root = json_parse(body, err);
	if (!root)
		return error_errno(err);
	r = json_fields_decode(root, container_config_fields, &out.config, &options, err);
	if (r >= 0)
		r = json_fields_decode(root, request_fields, &out, &options, err);
	if (r < 0) {
		container_create_request_done(&out);
		return r;
	}
	settle_console_size(&out.host_config);
	*ret = out;
	return 0;
}
