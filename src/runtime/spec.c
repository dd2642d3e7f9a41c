/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/spec.h"

#include <ctype.h>
#include <stdio.h>

#include "runtime/capability.h"

static const char *const namespace_names[] = {
	[RUNTIME_NS_PID] = "pid", [RUNTIME_NS_NETWORK] = "network", [RUNTIME_NS_IPC] = "ipc",
	[RUNTIME_NS_UTS] = "uts", [RUNTIME_NS_MOUNT] = "mount",     [RUNTIME_NS_CGROUP] = "cgroup",
};

static void encode_user(struct json_writer *w, const struct runtime_user *u)
{
	jw_key(w, "user");
	jw_object(w);
	jw_kv_i64(w, "uid", u->uid);
	jw_kv_i64(w, "gid", u->gid);
	jw_key(w, "additionalGids");
	jw_array(w);
	for (size_t i = 0; i < u->groups.len; i++)
		jw_i64(w, u->groups.ptr[i]);
	jw_array_end(w);
	jw_object_end(w);
}

/*
 * Inheritable and ambient stay empty. A process that is not root has no capabilities to begin with,
 * but its bounding set lets setuid programs have them, as Docker does.
 */
static void encode_capabilities(struct json_writer *w, const struct runtime_process *p)
{
	static const char *const sets[] = { "bounding", "permitted", "effective" };

	jw_key(w, "capabilities");
	jw_object(w);
	for (size_t k = 0; k < ARRAY_SIZE(sets); k++) {
		jw_key(w, sets[k]);
		jw_array(w);
		for (unsigned i = 0; i < CAPABILITY_COUNT; i++)
			if ((p->capabilities & CAPABILITY_BIT(i)) && (k == 0 || p->user->uid == 0))
				jw_string(w, capability_name(i));
		jw_array_end(w);
	}
	jw_object_end(w);
}

static void encode_rlimits(struct json_writer *w, const struct runtime_rlimit_vec *v)
{
	if (!v->len)
		return;
	jw_key(w, "rlimits");
	jw_array(w);
	vec_for_each (v, l) {
		char name[32] = "RLIMIT_";

		for (size_t i = 0; l->name[i] && i < sizeof(name) - 8; i++)
			name[7 + i] = (char)toupper((unsigned char)l->name[i]);
		jw_object(w);
		jw_kv_string(w, "type", name);
		jw_key(w, "hard");
		jw_u64(w, (uint64_t)l->hard);
		jw_key(w, "soft");
		jw_u64(w, (uint64_t)l->soft);
		jw_object_end(w);
	}
	jw_array_end(w);
}

void runtime_process_encode(struct json_writer *w, const struct runtime_process *p)
{
	jw_object(w);
	jw_kv_bool(w, "terminal", p->terminal);
	if (p->terminal && (p->height || p->width)) {
		jw_key(w, "consoleSize");
		jw_object(w);
		jw_kv_i64(w, "height", p->height);
		jw_kv_i64(w, "width", p->width);
		jw_object_end(w);
	}
	encode_user(w, p->user);
	jw_kv_strv(w, "args", p->args);
	jw_kv_strv(w, "env", p->env);
	jw_kv_string(w, "cwd", str_empty_or_null(p->cwd) ? "/" : p->cwd);
	encode_capabilities(w, p);
	encode_rlimits(w, &p->rlimits);
	jw_kv_bool(w, "noNewPrivileges", p->no_new_privileges);
	if (!str_empty_or_null(p->apparmor_profile))
		jw_kv_string(w, "apparmorProfile", p->apparmor_profile);
	if (!str_empty_or_null(p->selinux_label))
		jw_kv_string(w, "selinuxLabel", p->selinux_label);
	if (p->has_oom_score_adj)
		jw_kv_i64(w, "oomScoreAdj", p->oom_score_adj);
	jw_object_end(w);
}

static void encode_mounts(struct json_writer *w, const struct runtime_mount_vec *v)
{
	jw_key(w, "mounts");
	jw_array(w);
	vec_for_each (v, m) {
		jw_object(w);
		jw_kv_string(w, "destination", m->destination);
		jw_kv_string(w, "type", m->type ? m->type : "bind");
		jw_kv_string(w, "source", m->source ? m->source : m->type);
		jw_kv_strv(w, "options", &m->options);
		jw_object_end(w);
	}
	jw_array_end(w);
}

static void encode_devices(struct json_writer *w, const struct runtime_device_vec *v)
{
	jw_key(w, "devices");
	jw_array(w);
	vec_for_each (v, d) {
		char type[2] = { d->type, '\0' };

		jw_object(w);
		jw_kv_string(w, "path", d->path);
		jw_kv_string(w, "type", type);
		jw_kv_i64(w, "major", d->major);
		jw_kv_i64(w, "minor", d->minor);
		jw_kv_i64(w, "fileMode", d->mode);
		jw_kv_i64(w, "uid", d->uid);
		jw_kv_i64(w, "gid", d->gid);
		jw_object_end(w);
	}
	jw_array_end(w);
}

static void encode_device_rules(struct json_writer *w, const struct runtime_device_rule_vec *v)
{
	jw_key(w, "devices");
	jw_array(w);
	vec_for_each (v, d) {
		char type[2] = { d->type, '\0' };

		jw_object(w);
		jw_kv_bool(w, "allow", d->allow);
		jw_kv_string(w, "type", type);
		if (d->major >= 0)
			jw_kv_i64(w, "major", d->major);
		if (d->minor >= 0)
			jw_kv_i64(w, "minor", d->minor);
		jw_kv_string(w, "access", d->access);
		jw_object_end(w);
	}
	jw_array_end(w);
}

static void kv_if(struct json_writer *w, const char *key, int64_t value)
{
	if (value)
		jw_kv_i64(w, key, value);
}

static void encode_throttle(struct json_writer *w, const char *key, const char *value,
                            const struct runtime_throttle_vec *v)
{
	if (!v->len)
		return;
	jw_key(w, key);
	jw_array(w);
	vec_for_each (v, t) {
		jw_object(w);
		jw_kv_i64(w, "major", t->major);
		jw_kv_i64(w, "minor", t->minor);
		jw_key(w, value);
		jw_u64(w, t->rate);
		jw_object_end(w);
	}
	jw_array_end(w);
}

static void encode_memory(struct json_writer *w, const struct runtime_resources *r)
{
	jw_key(w, "memory");
	jw_object(w);
	kv_if(w, "limit", r->memory);
	kv_if(w, "reservation", r->memory_reservation);
	kv_if(w, "swap", r->memory_swap);
	if (r->memory_swappiness >= 0)
		jw_kv_i64(w, "swappiness", r->memory_swappiness);
	if (r->disable_oom_killer)
		jw_kv_bool(w, "disableOOMKiller", true);
	jw_object_end(w);
}

static void encode_cpu(struct json_writer *w, const struct runtime_resources *r)
{
	jw_key(w, "cpu");
	jw_object(w);
	kv_if(w, "shares", r->cpu_shares);
	kv_if(w, "quota", r->cpu_quota);
	kv_if(w, "period", r->cpu_period);
	kv_if(w, "realtimeRuntime", r->cpu_rt_runtime);
	kv_if(w, "realtimePeriod", r->cpu_rt_period);
	if (!str_empty_or_null(r->cpuset_cpus))
		jw_kv_string(w, "cpus", r->cpuset_cpus);
	if (!str_empty_or_null(r->cpuset_mems))
		jw_kv_string(w, "mems", r->cpuset_mems);
	jw_object_end(w);
}

static void encode_resource_members(struct json_writer *w, const struct runtime_resources *r)
{
	if (r->memory || r->memory_reservation || r->memory_swap || r->memory_swappiness >= 0 ||
	    r->disable_oom_killer)
		encode_memory(w, r);
	if (r->cpu_shares || r->cpu_quota || r->cpu_period || r->cpu_rt_runtime ||
	    r->cpu_rt_period || !str_empty_or_null(r->cpuset_cpus) ||
	    !str_empty_or_null(r->cpuset_mems))
		encode_cpu(w, r);
	if (r->pids_limit) {
		jw_key(w, "pids");
		jw_object(w);
		jw_kv_i64(w, "limit", r->pids_limit);
		jw_object_end(w);
	}
	if (r->blkio_weight || r->weight_devices.len || r->read_bps.len || r->write_bps.len ||
	    r->read_iops.len || r->write_iops.len) {
		jw_key(w, "blockIO");
		jw_object(w);
		kv_if(w, "weight", r->blkio_weight);
		encode_throttle(w, "weightDevice", "weight", &r->weight_devices);
		encode_throttle(w, "throttleReadBpsDevice", "rate", &r->read_bps);
		encode_throttle(w, "throttleWriteBpsDevice", "rate", &r->write_bps);
		encode_throttle(w, "throttleReadIOPSDevice", "rate", &r->read_iops);
		encode_throttle(w, "throttleWriteIOPSDevice", "rate", &r->write_iops);
		jw_object_end(w);
	}
}

void runtime_resources_encode(struct json_writer *w, const struct runtime_resources *r)
{
	jw_object(w);
	encode_resource_members(w, r);
	jw_object_end(w);
}

static void encode_namespaces(struct json_writer *w, const struct runtime_namespace *ns)
{
	jw_key(w, "namespaces");
	jw_array(w);
	for (size_t i = 0; i < RUNTIME_NS_COUNT; i++) {
		if (!ns[i].private_ && !ns[i].path)
			continue;
		jw_object(w);
		jw_kv_string(w, "type", namespace_names[i]);
		if (ns[i].path)
			jw_kv_string(w, "path", ns[i].path);
		jw_object_end(w);
	}
	jw_array_end(w);
}

static void encode_strmap(struct json_writer *w, const char *key, const struct strmap *m)
{
	if (!m || !m->len)
		return;
	jw_key(w, key);
	jw_object(w);
	vec_for_each (m, p)
		jw_kv_string(w, p->key, p->value);
	jw_object_end(w);
}

static void encode_linux(struct json_writer *w, const struct runtime_spec *s)
{
	jw_key(w, "linux");
	jw_object(w);
	encode_namespaces(w, s->namespaces);
	if (s->cgroups_path)
		jw_kv_string(w, "cgroupsPath", s->cgroups_path);
	encode_devices(w, &s->devices);
	jw_key(w, "resources");
	jw_object(w);
	encode_device_rules(w, &s->device_rules);
	encode_resource_members(w, &s->resources);
	jw_object_end(w);
	encode_strmap(w, "sysctl", &s->sysctls);
	jw_kv_strv(w, "maskedPaths", s->masked_paths);
	jw_kv_strv(w, "readonlyPaths", s->readonly_paths);
	if (s->rootfs_propagation)
		jw_kv_string(w, "rootfsPropagation", s->rootfs_propagation);
	if (s->seccomp.len) {
		jw_key(w, "seccomp");
		jw_raw(w, s->seccomp);
	}
	jw_object_end(w);
}

void runtime_spec_encode(const struct runtime_spec *s, struct strbuf *out)
{
	struct json_writer w;

	json_writer_init(&w, out);
	w.html_escape = false;
	jw_object(&w);
	jw_kv_string(&w, "ociVersion", "1.0.2");
	jw_key(&w, "process");
	runtime_process_encode(&w, &s->process);
	jw_key(&w, "root");
	jw_object(&w);
	jw_kv_string(&w, "path", s->rootfs);
	jw_kv_bool(&w, "readonly", s->readonly_rootfs);
	jw_object_end(&w);
	if (!str_empty_or_null(s->hostname))
		jw_kv_string(&w, "hostname", s->hostname);
	if (!str_empty_or_null(s->domainname))
		jw_kv_string(&w, "domainname", s->domainname);
	encode_mounts(&w, &s->mounts);
	encode_strmap(&w, "annotations", s->annotations);
	encode_linux(&w, s);
	jw_object_end(&w);
}

void runtime_spec_done(struct runtime_spec *s)
{
	vec_for_each (&s->mounts, m) {
		free(m->destination);
		free(m->source);
		free(m->type);
		strv_done(&m->options);
	}
	vec_for_each (&s->devices, d)
		free(d->path);
	runtime_mount_vec_done(&s->mounts);
	runtime_device_vec_done(&s->devices);
	runtime_device_rule_vec_done(&s->device_rules);
	runtime_rlimit_vec_done(&s->process.rlimits);
	runtime_throttle_vec_done(&s->resources.weight_devices);
	runtime_throttle_vec_done(&s->resources.read_bps);
	runtime_throttle_vec_done(&s->resources.write_bps);
	runtime_throttle_vec_done(&s->resources.read_iops);
	runtime_throttle_vec_done(&s->resources.write_iops);
	strmap_done(&s->sysctls);
}
