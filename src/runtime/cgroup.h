/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The host's control groups: v1, v2 or both, and a container's figures and files in them. Any thread. */
#include <sys/types.h>

#include "base/error.h"
#include "base/vec.h"

enum cgroup_mode { CGROUP_NONE, CGROUP_V1, CGROUP_V2, CGROUP_HYBRID };

struct cgroup_host {
	enum cgroup_mode mode;
	const char *hide_mount; /* must not be seen by Debian's crun (src/shim/runtime-oci.c), or NULL */
	bool memory, swap, cpu, cpuset, pids, blkio, freezer; /* controllers there */
};

const struct cgroup_host *cgroup_host(void);

/* A file of a container's group: path below the hierarchy that has controller. Owned. */
char *cgroup_file(const char *controller, const char *group, const char *file) MUST_USE;
/* Where the out-of-memory kills are counted, or NULL. Owned. */
char *cgroup_oom_file(const char *group) MUST_USE;
int cgroup_freeze(const char *group, bool frozen, struct error *err) MUST_USE;

DEFINE_VEC(pid_vec, pid_t);
/* Every process in it and below. */
int cgroup_pids(const char *group, struct pid_vec *ret, struct error *err) MUST_USE;
/* Sends SIGKILL to all, for when the runtime does not. */
void cgroup_kill(const char *group);
/* Removes the group's directories; for when the runtime did not. */
void cgroup_remove(const char *group);

struct cgroup_io {
	uint64_t major, minor;
	char op[16];
	uint64_t value;
};
DEFINE_VEC(cgroup_io_vec, struct cgroup_io);

struct cgroup_stats {
	uint64_t cpu_total, cpu_user, cpu_system; /* ns */
	uint64_t periods, throttled_periods, throttled_time;
	struct cgroup_cpus {
		uint64_t *ptr;
		size_t len;
	} per_cpu; /* v1 */
	uint64_t memory_usage, memory_max_usage, memory_limit, memory_failcnt;
	struct strv memory_stat; /* "name value" */
	uint64_t pids, pids_limit;
	struct cgroup_io_vec io_bytes, io_ops;
};
void cgroup_stats_read(const char *group, struct cgroup_stats *ret);
void cgroup_stats_done(struct cgroup_stats *s);
