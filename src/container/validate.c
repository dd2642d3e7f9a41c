/* SPDX-License-Identifier: Apache-2.0 */
/* What a create request may not say, in the words Docker has for it. */
#include <stdio.h>

#include "container/container-internal.h"
#include "runtime/capability.h"
#include "runtime/cgroup.h"
#include "runtime/seccomp.h"

enum { MEMORY_MIN = 6 * 1024 * 1024, ENV_MAX = 128 * 1024 };

static int check_restart_policy(const struct host_config *h, struct error *err)
{
	const struct restart_policy *p = &h->restart_policy;
	bool on_failure = p->name && streq(p->name, "on-failure");

	if (str_empty_or_null(p->name) || streq(p->name, "no"))
		return p->maximum_retry_count
		               ? error_set(
					 err, ERROR_INVALID,
					 "invalid restart policy: maximum retry count can only be used with 'on-failure'")
		               : 0;
	if (!on_failure && !streq(p->name, "always") && !streq(p->name, "unless-stopped"))
		return error_set(
			err, ERROR_INVALID,
			"invalid restart policy: unknown policy '%s'; use one of 'no', 'always', 'on-failure', or "
			"'unless-stopped'",
			p->name);
	if (!on_failure && p->maximum_retry_count)
		return error_set(
			err, ERROR_INVALID,
			"invalid restart policy: maximum retry count can only be used with 'on-failure'");
	if (p->maximum_retry_count < 0)
		return error_set(err, ERROR_INVALID,
		                 "invalid restart policy: maximum retry count cannot be negative");
	if (h->auto_remove)
		return error_set(err, ERROR_INVALID,
		                 "can't create 'AutoRemove' container with restart policy");
	return 0;
}

static int check_cpuset(const char *set, const char *what, struct error *err)
{
	struct str rest = str_from(set ? set : ""), piece;

	while (str_cut(&rest, ',', &piece)) {
		struct str high = piece, low;
		uint64_t a, b;

		if (!piece.len && str_empty_or_null(set))
			continue;
		if (!str_cut(&high, '-', &low) || parse_u64_str(low, 10, &a) < 0 || a > 8191 ||
		    (high.ptr && (parse_u64_str(high, 10, &b) < 0 || b > 8191 || b < a)))
			return error_set(err, ERROR_INVALID, "Invalid value %s for cpuset %s", set,
			                 what);
	}
	return 0;
}

static int check_memory(const struct host_config *h, struct strv *warnings, struct error *err)
{
	if (h->memory && h->memory < MEMORY_MIN)
		return error_set(err, ERROR_INVALID, "Minimum memory limit allowed is 6MB");
	if (h->memory_swap > 0 && h->memory_swap < h->memory)
		return error_set(
			err, ERROR_INVALID,
			"Minimum memoryswap limit should be larger than memory limit, see usage");
	if (h->memory == 0 && h->memory_swap > 0)
		return error_set(
			err, ERROR_INVALID,
			"You should always set the Memory limit when using Memoryswap limit, "
			"see usage");
	if (h->memory_swappiness && (*h->memory_swappiness < -1 || *h->memory_swappiness > 100))
		return error_set(err, ERROR_INVALID,
		                 "Invalid value: %lld, valid memory swappiness range is 0-100",
		                 (long long)*h->memory_swappiness);
	if (h->memory_reservation && h->memory && h->memory_reservation > h->memory)
		return error_set(
			err, ERROR_INVALID,
			"Minimum memory limit can not be less than memory reservation limit, see usage");
	if (h->memory && !cgroup_host()->swap)
		strv_add(
			warnings,
			"Your kernel does not support swap limit capabilities or the cgroup is not mounted. "
			"Memory limited without swap.");
	return 0;
}

static int check_cpu(const struct host_config *h, struct error *err)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	int r;

	if (h->nano_cpus && (h->cpu_period || h->cpu_quota))
		return error_set(
			err, ERROR_INVALID,
			"Conflicting options: Nano CPUs and CPU Period or Quota cannot both be set.");
	if (h->nano_cpus < 0 || h->nano_cpus > cpus * INT64_C(1000000000))
		return error_set(
			err, ERROR_INVALID,
			"range of CPUs is from 0.01 to %ld.00, as there are only %ld CPUs available",
			cpus, cpus);
	if (h->cpu_period && (h->cpu_period < 1000 || h->cpu_period > 1000000))
		return error_set(
			err, ERROR_INVALID,
			"CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s "
			"(i.e. 1000000)");
	if (h->cpu_quota > 0 && h->cpu_quota < 1000)
		return error_set(err, ERROR_INVALID,
		                 "CPU cfs quota can not be less than 1ms (i.e. 1000)");
	if (h->cpu_shares < 0)
		return error_set(err, ERROR_INVALID,
		                 "invalid CPU shares (%lld): value must be a positive integer",
		                 (long long)h->cpu_shares);
	r = check_cpuset(h->cpuset_cpus, "cpus", err);
	return r < 0 ? r : check_cpuset(h->cpuset_mems, "mems", err);
}

int host_config_check_resources(const struct host_config *h, struct strv *warnings,
                                struct error *err)
{
	int r = check_memory(h, warnings, err);

	if (r >= 0)
		r = check_cpu(h, err);
	if (r < 0)
		return r;
	if (h->blkio_weight && (h->blkio_weight < 10 || h->blkio_weight > 1000))
		return error_set(err, ERROR_INVALID, "Range of blkio weight is from 10 to 1000");
	if (h->pids_limit && *h->pids_limit < -1)
		return error_set(err, ERROR_INVALID, "invalid pids limit: %lld",
		                 (long long)*h->pids_limit);
	return 0;
}

static int check_ulimits(const struct host_config *h, struct error *err)
{
	static const char *const names[] = {
		"core",   "cpu",   "data", "fsize",  "locks",  "memlock",    "msgqueue", "nice",
		"nofile", "nproc", "rss",  "rtprio", "rttime", "sigpending", "stack"
	};

	vec_for_each (&h->ulimits, u) {
		bool known = false;

		for (size_t i = 0; i < ARRAY_SIZE(names); i++)
			known = known || streq_null(u->name, names[i]);
		if (!known)
			return error_set(err, ERROR_INVALID, "invalid ulimit type: %s",
			                 u->name ? u->name : "");
		if (u->hard >= 0 && (u->soft > u->hard || u->soft < 0))
			return error_set(
				err, ERROR_INVALID,
				"ulimit soft limit must be less than or equal to hard limit: %lld > %lld",
				(long long)u->soft, (long long)u->hard);
	}
	return 0;
}

/* Settings of the container's own namespaces only; and no value that a runtime could read as two.
 */
static int check_sysctls(const struct host_config *h, struct error *err)
{
	static const char *const ipc[] = { "kernel.msgmax", "kernel.msgmnb",
		                           "kernel.msgmni", "kernel.sem",
		                           "kernel.shmall", "kernel.shmmax",
		                           "kernel.shmmni", "kernel.shm_rmid_forced" };
	bool host_net = streq_null(h->network_mode, "host"),
	     host_ipc = streq_null(h->ipc_mode, "host");

	vec_for_each (&h->sysctls, s) {
		bool allowed = str_skip_prefix(s->key, "net.") && !host_net;

		for (size_t i = 0; i < ARRAY_SIZE(ipc); i++)
			allowed = allowed || (streq(s->key, ipc[i]) && !host_ipc);
		allowed = allowed || (str_skip_prefix(s->key, "fs.mqueue.") && !host_ipc);
		allowed = allowed ||
		          (streq(s->key, "kernel.domainname") && !streq_null(h->uts_mode, "host"));
		if (!allowed || strpbrk(s->key, "/\\\n+ ") || strstr(s->key, "..") ||
		    strpbrk(s->value, "\n+"))
			return error_set(err, ERROR_INVALID, "sysctl '%s=%s' is not allowed",
			                 s->key, s->value);
	}
	return 0;
}

static int check_security(const struct host_config *h, struct error *err)
{
	for (size_t i = 0; i < h->security_opt.len; i++) {
		const char *o = h->security_opt.ptr[i];

		if (streq(o, "no-new-privileges") || str_skip_prefix(o, "no-new-privileges") ||
		    str_skip_prefix(o, "seccomp=") || str_skip_prefix(o, "seccomp:") ||
		    str_skip_prefix(o, "apparmor=") || str_skip_prefix(o, "apparmor:") ||
		    str_skip_prefix(o, "label=") || str_skip_prefix(o, "label:") ||
		    streq(o, "systempaths=unconfined") || str_skip_prefix(o, "writable-cgroups"))
			continue;
		return error_set(err, ERROR_INVALID, "invalid --security-opt: \"%s\"", o);
	}
	return 0;
}

static int check_environment(const struct container_config *c, struct error *err)
{
	size_t total = 0;

	for (size_t i = 0; i < c->env.len; i++) {
		const char *e = c->env.ptr[i];

		if (!*e || *e == '=')
			return error_set(err, ERROR_INVALID, "invalid environment variable: %s", e);
		total += strlen(e);
	}
	return total > ENV_MAX ? error_set(err, ERROR_INVALID,
	                                   "the environment is larger than %d bytes", ENV_MAX)
	                       : 0;
}

static int check_modes(struct containers *cs, const struct host_config *h,
                       const struct container_config *c, struct error *err)
{
	const char *net = h->network_mode ? h->network_mode : "";
	bool host = streq(net, "host"), joined = str_skip_prefix(net, "container:") != NULL;

	if (host && h->links.len)
		return error_set(
			err, ERROR_INVALID,
			"conflicting options: host type networking can't be used with links");
	if (joined && !str_empty_or_null(c->hostname))
		return error_set(err, ERROR_INVALID,
		                 "conflicting options: hostname and the network mode");
	if (joined && (h->port_bindings.len || h->publish_all_ports))
		return error_set(
			err, ERROR_INVALID,
			"conflicting options: port publishing and the container type network mode");
	if (!str_empty_or_null(h->userns_mode) && !streq(h->userns_mode, "host"))
		return error_set(err, ERROR_INVALID, "invalid user namespace mode: %s",
		                 h->userns_mode);
	if (!str_empty_or_null(h->isolation) && !streq(h->isolation, "default"))
		return error_set(err, ERROR_INVALID, "Invalid isolation: %s", h->isolation);
	if (!str_empty_or_null(h->runtime) && !strmap_get(&cs->runtimes, h->runtime))
		return error_set(err, ERROR_INVALID, "unknown or invalid runtime name: %s",
		                 h->runtime);
	if (!str_empty_or_null(h->cgroup_parent) && strstr(h->cgroup_parent, ".."))
		return error_set(err, ERROR_INVALID, "invalid CgroupParent: %s", h->cgroup_parent);
	if (h->oom_score_adj < -1000 || h->oom_score_adj > 1000)
		return error_set(err, ERROR_INVALID,
		                 "Invalid value %lld, range for oom score adj is [-1000, 1000]",
		                 (long long)h->oom_score_adj);
	if (h->shm_size < 0)
		return error_set(err, ERROR_INVALID, "SHM size can not be less than 0");
	return 0;
}

static int check_log(const struct host_config *h, struct error *err)
{
	const char *type = h->log_config.type;

	if (str_empty_or_null(type) || streq(type, "json-file") || streq(type, "none") ||
	    streq(type, "local"))
		return 0;
	return error_set(err, ERROR_INVALID, "logger: no log driver named '%s' is registered",
	                 type);
}

static int check_working_directory(const struct container_config *c, struct error *err)
{
	if (str_empty_or_null(c->working_dir) || c->working_dir[0] == '/')
		return 0;
	return error_set(err, ERROR_INVALID,
	                 "the working directory '%s' is invalid, it needs to be an absolute path",
	                 c->working_dir);
}

int container_validate(struct containers *cs, struct container_create_request *r,
                       struct strv *warnings, struct error *err)
{
	const struct host_config *h = &r->host_config;
	uint64_t caps;
	int ignored, ret = container_capabilities(h, h->privileged, &caps, warnings, err);

	if (ret >= 0)
		ret = check_restart_policy(h, err);
	if (ret >= 0)
		ret = host_config_check_resources(h, warnings, err);
	if (ret >= 0)
		ret = check_ulimits(h, err);
	if (ret >= 0)
		ret = check_sysctls(h, err);
	if (ret >= 0)
		ret = check_security(h, err);
	if (ret >= 0)
		ret = check_environment(&r->config, err);
	if (ret >= 0)
		ret = check_modes(cs, h, &r->config, err);
	if (ret >= 0)
		ret = check_log(h, err);
	if (ret >= 0)
		ret = check_working_directory(&r->config, err);
	if (ret >= 0 && !str_empty_or_null(r->config.stop_signal) &&
	    container_signal_parse(r->config.stop_signal, &ignored) < 0)
		ret = error_set(err, ERROR_INVALID, "invalid signal: %s", r->config.stop_signal);
	return ret;
}
