/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What a client asks a container to be: the Engine API's ContainerConfig, HostConfig and
 * NetworkingConfig (engine-api/v1.51.yaml) as structs, with their field tables. The same tables
 * store a container and answer `inspect`. Zeroed is unset.
 */
#include "json/fields.h"
#include "network/endpoint.h"
#include "oci/image-config.h"

struct container_config {
	char *hostname;
	char *domainname;
	char *user;
	bool attach_stdin, attach_stdout, attach_stderr;
	struct strv exposed_ports; /* "80/tcp" */
	bool tty, open_stdin, stdin_once;
	struct strv env;
	struct strv cmd;
	struct healthcheck *healthcheck;
	bool args_escaped;
	char *image;
	struct strv volumes;
	char *working_dir;
	struct strv entrypoint; /* [""] clears the image's */
	bool network_disabled;
	char *mac_address;
	struct strv on_build;
	struct strmap labels;
	char *stop_signal;
	int64_t *stop_timeout; /* seconds; NULL: 10 */
	struct strv shell;
};

struct restart_policy {
	char *name; /* "", "no", "always", "unless-stopped", "on-failure", "unhealthy" */
	int maximum_retry_count;
};

struct log_config {
	char *type;
	struct strmap config;
};

struct device_mapping {
	char *path_on_host, *path_in_container, *cgroup_permissions;
};
DEFINE_VEC(device_mapping_vec, struct device_mapping);

struct device_request {
	char *driver;
	int64_t count;
	struct strv device_ids;
	json_t *capabilities; /* [][]string */
	struct strmap options;
};
DEFINE_VEC(device_request_vec, struct device_request);

struct ulimit {
	char *name;
	int64_t soft, hard;
};
DEFINE_VEC(ulimit_vec, struct ulimit);

struct weight_device {
	char *path;
	int64_t weight;
};
DEFINE_VEC(weight_device_vec, struct weight_device);

struct throttle_device {
	char *path;
	uint64_t rate;
};
DEFINE_VEC(throttle_device_vec, struct throttle_device);

struct bind_options {
	char *propagation;
	bool non_recursive, create_mountpoint, read_only_non_recursive, read_only_force_recursive;
};
struct volume_options {
	bool no_copy;
	struct strmap labels;
	char *subpath;
	char *driver_name;
	struct strmap driver_options;
};
struct tmpfs_options {
	int64_t size_bytes;
	int64_t mode;
	json_t *options; /* [][]string */
};
struct mount_spec {
	char *type; /* "bind", "volume", "tmpfs", "image" */
	char *source, *target;
	bool read_only;
	char *consistency;
	struct bind_options *bind;
	struct volume_options *volume;
	struct tmpfs_options *tmpfs;
	char *image_subpath;
};
DEFINE_VEC(mount_spec_vec, struct mount_spec);

struct host_config {
	struct strv binds;
	char *container_id_file;
	struct log_config log_config;
	char *network_mode;
	struct port_map port_bindings;
	struct restart_policy restart_policy;
	bool auto_remove;
	char *volume_driver;
	struct strv volumes_from;
	struct mount_spec_vec mounts;
	json_t *console_size; /* [height, width]; read it with host_config_console_size() */
	struct strmap annotations;
	struct strv cap_add, cap_drop;
	char *cgroupns_mode;
	struct strv dns, dns_options, dns_search, extra_hosts, group_add;
	char *ipc_mode, *cgroup;
	struct strv links;
	int64_t oom_score_adj;
	char *pid_mode;
	bool privileged, publish_all_ports, readonly_rootfs;
	struct strv security_opt;
	struct strmap storage_opt;
	struct strmap tmpfs; /* path -> options */
	char *uts_mode, *userns_mode;
	int64_t shm_size; /* bytes; 0: 64 MiB */
	struct strmap sysctls;
	char *runtime;
	char *isolation;
	struct strv masked_paths;   /* ptr NULL: the defaults */
	struct strv readonly_paths; /* ptr NULL: the defaults */
	enum tristate init;
	/* resources */
	int64_t cpu_shares, memory, nano_cpus;
	char *cgroup_parent;
	int64_t blkio_weight;
	struct weight_device_vec blkio_weight_device;
	struct throttle_device_vec blkio_read_bps, blkio_write_bps, blkio_read_iops, blkio_write_iops;
	int64_t cpu_period, cpu_quota, cpu_realtime_period, cpu_realtime_runtime;
	char *cpuset_cpus, *cpuset_mems;
	struct device_mapping_vec devices;
	struct strv device_cgroup_rules;
	struct device_request_vec device_requests;
	int64_t memory_reservation, memory_swap;
	int64_t *memory_swappiness;
	enum tristate oom_kill_disable;
	int64_t *pids_limit;
	struct ulimit_vec ulimits;
	int64_t cpu_count, cpu_percent, io_maximum_iops, io_maximum_bandwidth;
};

struct container_create_request {
	struct container_config config; /* members stand at the top level of the body */
	struct host_config host_config;
	struct endpoint_vec endpoints; /* NetworkingConfig.EndpointsConfig */
};

extern const struct json_field container_config_fields[];
extern const struct json_field host_config_fields[];

/* 0 and 0 when unset. */
void host_config_console_size(const struct host_config *h, unsigned *ret_height, unsigned *ret_width);
void container_config_done(struct container_config *c);
void host_config_done(struct host_config *h);

/* Decodes a create body (case-insensitive keys). */
int container_create_request_parse(struct str body, struct container_create_request *ret, struct error *err) MUST_USE;
void container_create_request_done(struct container_create_request *r);
