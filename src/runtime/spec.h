/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A container as the OCI runtime is told of it: everything resolved (users to numbers, volumes to paths, namespaces to
 * files) by the caller, encoded as config.json here. Plain values; strings are borrowed but where
 * a vector owns them. Any thread.
 */
#include "base/strmap.h"
#include "json/json.h"
#include "json/writer.h"
#include "runtime/user.h"

struct runtime_mount {
	char *destination, *source, *type;
	struct strv options;
};
DEFINE_VEC(runtime_mount_vec, struct runtime_mount);

struct runtime_device {
	char *path;
	char type; /* 'c', 'b' */
	int64_t major, minor;
	mode_t mode;
	uid_t uid;
	gid_t gid;
};
DEFINE_VEC(runtime_device_vec, struct runtime_device);

struct runtime_device_rule {
	bool allow;
	char type; /* 'a', 'b', 'c' */
	int64_t major, minor; /* -1: any */
	char access[4];
};
DEFINE_VEC(runtime_device_rule_vec, struct runtime_device_rule);

struct runtime_rlimit {
	const char *name; /* "nofile" */
	int64_t soft, hard;
};
DEFINE_VEC(runtime_rlimit_vec, struct runtime_rlimit);

enum runtime_namespace_kind {
	RUNTIME_NS_PID,
	RUNTIME_NS_NETWORK,
	RUNTIME_NS_IPC,
	RUNTIME_NS_UTS,
	RUNTIME_NS_MOUNT,
	RUNTIME_NS_CGROUP,
	RUNTIME_NS_COUNT,
};

struct runtime_namespace {
	bool private_; /* false: the host's */
	const char *path; /* join this one */
};

struct runtime_throttle {
	int64_t major, minor;
	uint64_t rate;
};
DEFINE_VEC(runtime_throttle_vec, struct runtime_throttle);

struct runtime_resources { /* 0 or NULL: not set */
	int64_t memory, memory_reservation, memory_swap, memory_swappiness; /* swappiness -1: not set */
	bool disable_oom_killer;
	int64_t cpu_shares, cpu_quota, cpu_period, cpu_rt_runtime, cpu_rt_period;
	const char *cpuset_cpus, *cpuset_mems;
	int64_t pids_limit; /* -1: no limit; 0: not set */
	int64_t blkio_weight;
	struct runtime_throttle_vec weight_devices, read_bps, write_bps, read_iops, write_iops;
};

struct runtime_process {
	bool terminal;
	unsigned height, width;
	const struct runtime_user *user;
	const struct strv *args, *env;
	const char *cwd;
	uint64_t capabilities;
	bool no_new_privileges;
	const char *apparmor_profile, *selinux_label;
	int64_t oom_score_adj;
	bool has_oom_score_adj;
	struct runtime_rlimit_vec rlimits;
};

struct runtime_spec {
	struct runtime_process process;
	const char *rootfs;
	bool readonly_rootfs;
	const char *hostname, *domainname;
	struct runtime_mount_vec mounts;
	struct runtime_device_vec devices;
	struct runtime_device_rule_vec device_rules;
	struct runtime_namespace namespaces[RUNTIME_NS_COUNT];
	const char *cgroups_path;
	struct runtime_resources resources;
	const struct strv *masked_paths, *readonly_paths;
	struct strmap sysctls;
	const struct strmap *annotations;
	const char *rootfs_propagation;
	struct str seccomp; /* JSON of linux.seccomp; empty: unconfined */
};

void runtime_spec_encode(const struct runtime_spec *s, struct strbuf *out);
/* The process object alone, for exec. */
void runtime_process_encode(struct json_writer *w, const struct runtime_process *p);
void runtime_resources_encode(struct json_writer *w, const struct runtime_resources *r);
/* Frees what the vectors own. */
void runtime_spec_done(struct runtime_spec *s);

/* options: a comma-separated list. source and type may be NULL. */
struct runtime_mount *runtime_mount_add(struct runtime_mount_vec *v, const char *destination, const char *type,
					const char *source, const char *options);
/* /proc, /dev, /dev/pts, /sys, /dev/mqueue, cgroup: what every container has. */
void runtime_default_mounts(struct runtime_mount_vec *v, bool privileged, bool host_network, bool cgroup_private);
/* Docker's lists, thermal and power sensors of this machine included. */
void runtime_default_masked_paths(struct strv *out);
void runtime_default_readonly_paths(struct strv *out);
/* Deny everything, then allow null, zero, random, ttys ... */
void runtime_default_device_rules(struct runtime_device_rule_vec *v, bool privileged);
/* The device at path (a host path), as path_in_container; a directory brings those below it. Also
 * allows access (letters of "rwm") to them. */
int runtime_device_add(struct runtime_spec *s, const char *path, const char *path_in_container, const char *access,
		       struct error *err) MUST_USE;
/* All of the host's devices, for --privileged. */
void runtime_device_add_all(struct runtime_spec *s);
/* "c 1:3 rwm", "a *:* rwm" */
int runtime_device_rule_parse(const char *text, struct runtime_device_rule *ret, struct error *err) MUST_USE;
