/* SPDX-License-Identifier: Apache-2.0 */
/* The container's configuration as the OCI runtime is told it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/fs.h"
#include "base/log.h"
#include "container/container-internal.h"
#include "runtime/capability.h"
#include "runtime/cgroup.h"
#include "runtime/seccomp.h"

enum { PROFILE_MAX = 1 << 20 };

int container_capabilities(const struct host_config *h, bool privileged, uint64_t *ret,
                           struct strv *warnings, struct error *err)
{
	return capabilities_resolve(&h->cap_add, &h->cap_drop, privileged, ret, warnings, err);
}

/* The value of a "key=value" or "key:value" security option, or NULL. */
static const char *security_option(const struct host_config *h, const char *key)
{
	for (size_t i = 0; i < h->security_opt.len; i++) {
		const char *rest = str_skip_prefix(h->security_opt.ptr[i], key);

		if (rest && (*rest == '=' || *rest == ':'))
			return rest + 1;
	}
	return NULL;
}

static bool no_new_privileges(const struct host_config *h)
{
	const char *value = security_option(h, "no-new-privileges");

	return strv_has(&h->security_opt, "no-new-privileges") ||
	       (value && parse_query_bool(value));
}

/* The client sends a profile's text; a path is what a client on this machine may mean. */
static int encode_seccomp(const struct host_config *h, uint64_t caps, struct strbuf *out,
                          struct error *err)
{
	const char *option = security_option(h, "seccomp");
	AUTO_STRBUF profile = { 0 };
	struct json_writer w;
	int r;

	if (h->privileged || (option && streq(option, "unconfined")))
		return 0;
	json_writer_init(&w, out);
	if (!option || streq(option, "builtin")) {
		seccomp_default_encode(&w, caps);
		return 0;
	}
	if (option[0] == '{')
		return seccomp_profile_encode(&w, str_from(option), caps, err);
	r = read_file(AT_FDCWD, option, PROFILE_MAX, &profile, err);
	return r < 0 ? error_prefix(err, "opening seccomp profile (%s) failed", option)
	             : seccomp_profile_encode(&w, strbuf_str(&profile), caps, err);
}

static void add_throttle(struct runtime_throttle_vec *to, const struct throttle_device_vec *from)
{
	vec_for_each (from, d) {
		struct stat st;

		if (stat(d->path, &st) == 0 && S_ISBLK(st.st_mode))
			runtime_throttle_vec_push(to, (struct runtime_throttle){ major(st.st_rdev),
			                                                         minor(st.st_rdev),
			                                                         d->rate });
	}
}

void container_resources(const struct host_config *h, struct runtime_resources *r)
{
	const struct cgroup_host *host = cgroup_host();

	*r = (struct runtime_resources){ .memory_swappiness = -1 };
	if (host->memory) {
		r->memory = h->memory;
		r->memory_reservation = h->memory_reservation;
		if (host->swap)
			r->memory_swap =
				h->memory && !h->memory_swap ? h->memory * 2 : h->memory_swap;
		if (h->memory_swappiness && host->mode != CGROUP_V2)
			r->memory_swappiness = *h->memory_swappiness;
		r->disable_oom_killer = h->oom_kill_disable == TRISTATE_TRUE;
	}
	if (host->cpu) {
		r->cpu_shares = h->cpu_shares;
		r->cpu_quota = h->cpu_quota;
		r->cpu_period = h->cpu_period;
		if (h->nano_cpus) {
			r->cpu_period = 100000;
			r->cpu_quota = h->nano_cpus / 10000;
		}
		r->cpu_rt_period = h->cpu_realtime_period;
		r->cpu_rt_runtime = h->cpu_realtime_runtime;
	}
	if (host->cpuset) {
		r->cpuset_cpus = h->cpuset_cpus;
		r->cpuset_mems = h->cpuset_mems;
	}
	if (host->pids && h->pids_limit &&
	    *h->pids_limit > 0) /* 0 and -1: none, as a new group has */
		r->pids_limit = *h->pids_limit;
	if (host->blkio) {
		r->blkio_weight = h->blkio_weight;
		add_throttle(&r->read_bps, &h->blkio_read_bps);
		add_throttle(&r->write_bps, &h->blkio_write_bps);
		add_throttle(&r->read_iops, &h->blkio_read_iops);
		add_throttle(&r->write_iops, &h->blkio_write_iops);
	}
}

static int rlimit_number(const char *name)
{
	static const struct {
		const char *name;
		int number;
	} table[] = { { "core", RLIMIT_CORE },         { "cpu", RLIMIT_CPU },
		      { "data", RLIMIT_DATA },         { "fsize", RLIMIT_FSIZE },
		      { "locks", RLIMIT_LOCKS },       { "memlock", RLIMIT_MEMLOCK },
		      { "msgqueue", RLIMIT_MSGQUEUE }, { "nice", RLIMIT_NICE },
		      { "nofile", RLIMIT_NOFILE },     { "nproc", RLIMIT_NPROC },
		      { "rss", RLIMIT_RSS },           { "rtprio", RLIMIT_RTPRIO },
		      { "rttime", RLIMIT_RTTIME },     { "sigpending", RLIMIT_SIGPENDING },
		      { "stack", RLIMIT_STACK } };

	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if (streq(table[i].name, name))
			return table[i].number;
	return -1;
}

/* Without CAP_SYS_RESOURCE nobody raises a hard limit: the container then gets what there is. */
static struct runtime_rlimit bounded(struct ulimit u, const char *id)
{
	bool may_raise = capabilities_available() & CAPABILITY_BIT(CAPABILITY_SYS_RESOURCE);
	struct rlimit ours;
	int number = rlimit_number(u.name);
	struct runtime_rlimit r = { .name = u.name, .soft = u.soft, .hard = u.hard };

	if (may_raise || number < 0 || getrlimit((__rlimit_resource_t)number, &ours) < 0 ||
	    (uint64_t)u.hard <= (uint64_t)ours.rlim_max)
		return r;
	log_warning("ulimit %s is lowered to %llu: the engine lacks CAP_SYS_RESOURCE container=%s",
	            u.name, (unsigned long long)ours.rlim_max, id);
	r.hard = (int64_t)ours.rlim_max;
	r.soft = (int64_t)MIN((uint64_t)u.soft, (uint64_t)ours.rlim_max);
	return r;
}

static void add_ulimits(const struct container *c, struct runtime_process *p)
{
	const struct ulimit_vec *given = &c->info.host_config.ulimits;

	vec_for_each (given, u)
		runtime_rlimit_vec_push(&p->rlimits, bounded(*u, c->info.id));
	vec_for_each (&c->cs->default_ulimits, d) {
		bool set = false;

		vec_for_each (given, u)
			set = set || streq(u->name, d->name);
		if (!set)
			runtime_rlimit_vec_push(&p->rlimits, bounded(*d, c->info.id));
	}
}

/* PATH, HOSTNAME, TERM and HOME as Docker gives them, unless somebody has. */
static void make_environment(const struct container *c, const struct strv *given, bool tty,
                             const char *home, struct strv *env)
{
	strv_add(env, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
	if (!str_empty_or_null(c->info.config.hostname))
		strv_printf(env, "HOSTNAME=%s", c->info.config.hostname);
	if (tty)
		strv_add(env, "TERM=xterm");
	for (size_t i = 0; i < given->len; i++) {
		const char *equals = strchr(given->ptr[i], '=');
		AUTO_FREE char *key =
			equals ? xstrndup(given->ptr[i], (size_t)(equals - given->ptr[i])) : NULL;

		if (key)
			strv_env_set(env, key, equals + 1);
	}
	if (!strv_env_get(env, "HOME"))
		strv_env_set(env, "HOME", home);
}

static int open_root(const char *path, struct error *err)
{
	int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? error_set_errno(err, errno, "cannot open the container's root file system")
	              : fd;
}

/* Docker's engine makes the working directory when it is not there. */
static void make_working_directory(int rootfd, const char *path, const struct runtime_user *user)
{
	AUTO_FREE char *copy = xstrdup(path);
	AUTO_CLOSE int dir = fcntl(rootfd, F_DUPFD_CLOEXEC, 3);

	for (char *p = copy + 1, *end; dir >= 0 && *p; p = end) {
		int next;

		end = p + strcspn(p, "/");
		char kept = *end;
		*end = '\0';
		next = open_in_root(rootfd, copy, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
		if (next == -ENOENT && !strstr(p, "..") && mkdirat(dir, p, 0755) == 0) {
			next = open_in_root(rootfd, copy, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
			IGNORE_RESULT(fchownat(dir, p, user->uid, user->gid, AT_SYMLINK_NOFOLLOW) <
			                      0,
			              "root's then");
		}
		*end = kept;
		if (next < 0)
			return;
		close(dir);
		dir = next;
		end += kept == '/';
	}
}

static void set_namespaces(const struct container *c, const struct container_plan *plan,
                           struct runtime_spec *s)
{
	const struct host_config *h = &c->info.host_config;
	struct runtime_namespace *ns = s->namespaces;

	ns[RUNTIME_NS_MOUNT].private_ = true;
	ns[RUNTIME_NS_PID] =
		(struct runtime_namespace){ !streq_null(h->pid_mode, "host"), plan->pid_ns };
	ns[RUNTIME_NS_IPC] =
		(struct runtime_namespace){ !streq_null(h->ipc_mode, "host"), plan->ipc_ns };
	ns[RUNTIME_NS_UTS].private_ = !streq_null(h->uts_mode, "host");
	ns[RUNTIME_NS_NETWORK] = (struct runtime_namespace){ plan->netns != NULL, plan->netns };
	ns[RUNTIME_NS_CGROUP].private_ = streq_null(h->cgroupns_mode, "private");
}

static int add_devices(const struct host_config *h, struct runtime_spec *s, struct error *err)
{
	runtime_default_device_rules(&s->device_rules, h->privileged);
	if (h->privileged)
		runtime_device_add_all(s);
	vec_for_each (&h->devices, d) {
		const char *inside = str_empty_or_null(d->path_in_container) ? d->path_on_host
		                                                             : d->path_in_container;
		int r = h->privileged && streq(inside, d->path_on_host)
		                ? 0
		                : runtime_device_add(s, d->path_on_host, inside,
		                                     d->cgroup_permissions, err);

		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < h->device_cgroup_rules.len; i++) {
		struct runtime_device_rule rule;
		int r = runtime_device_rule_parse(h->device_cgroup_rules.ptr[i], &rule, err);

		if (r < 0)
			return r;
		runtime_device_rule_vec_push(&s->device_rules, rule);
	}
	return 0;
}

static void add_shm(const struct container *c, const struct container_plan *plan,
                    struct runtime_spec *s)
{
	const struct host_config *h = &c->info.host_config;
	AUTO_FREE char *options =
		xasprintf("nosuid,noexec,nodev,mode=1777,size=%lld", (long long)h->shm_size);

	vec_for_each (&c->info.mounts, m)
		if (streq(m->destination, "/dev/shm"))
			return;
	if (streq_null(h->ipc_mode, "host"))
		runtime_mount_add(&s->mounts, "/dev/shm", "bind", "/dev/shm", "rbind,rw");
	else
		runtime_mount_add(&s->mounts, "/dev/shm", "tmpfs", "shm", options);
}

static bool has_mount(const struct container *c, const char *destination)
{
	vec_for_each (&c->info.mounts, m)
		if (streq(m->destination, destination))
			return true;
	return false;
}

static void add_files(const struct container *c, struct runtime_spec *s)
{
	const struct container_info *i = &c->info;
	const struct {
		const char *destination, *source;
	} files[] = { { "/etc/resolv.conf", i->resolv_conf_path },
		      { "/etc/hostname", i->hostname_path },
		      { "/etc/hosts", i->hosts_path } };

	for (size_t k = 0; k < ARRAY_SIZE(files); k++)
		if (!has_mount(c, files[k].destination) && access(files[k].source, F_OK) == 0)
			runtime_mount_add(&s->mounts, files[k].destination, "bind", files[k].source,
			                  i->host_config.readonly_rootfs ? "rbind,rprivate,ro"
			                                                 : "rbind,rprivate,rw");
}

/* It stands beside the shim. */
static int add_init(const struct container *c, struct runtime_spec *s, struct strv *args,
                    struct error *err)
{
	const char *shim = c->cs->shim_path, *slash = strrchr(shim, '/');
	AUTO_FREE char *init = slash ? xasprintf("%.*s/coracle-init", (int)(slash - shim), shim)
	                             : xstrdup("coracle-init");

	if (c->info.host_config.init != TRISTATE_TRUE)
		return 0;
	if (access(init, X_OK) < 0)
		return error_set_errno(err, errno, "--init needs %s", init);
	runtime_mount_add(&s->mounts, "/sbin/docker-init", "bind", init, "bind,ro");
	strv_add(args, "/sbin/docker-init");
	strv_add(args, "--");
	return 0;
}

static void add_sysctls(const struct host_config *h, struct runtime_spec *s)
{
	strmap_copy(&s->sysctls, &h->sysctls);
	if (!s->namespaces[RUNTIME_NS_NETWORK].private_ ||
	    str_skip_prefix(h->network_mode, "container:"))
		return;
	/* ping without privilege, and low ports for everybody: nobody else is in that namespace */
	if (!strmap_get(&s->sysctls, "net.ipv4.ip_unprivileged_port_start"))
		strmap_set(&s->sysctls, "net.ipv4.ip_unprivileged_port_start", "0");
	if (!strmap_get(&s->sysctls, "net.ipv4.ping_group_range"))
		strmap_set(&s->sysctls, "net.ipv4.ping_group_range", "0 2147483647");
}

static int fill(struct container *c, const struct container_plan *plan, struct runtime_spec *s,
                struct strv *args, struct error *err)
{
	const struct host_config *h = &c->info.host_config;
	int r;

	s->rootfs = plan->merged;
	s->readonly_rootfs = h->readonly_rootfs;
	s->hostname = streq_null(h->uts_mode, "host") ? NULL : c->info.config.hostname;
	s->domainname = streq_null(h->uts_mode, "host") ? NULL : c->info.config.domainname;
	s->cgroups_path = cgroup_host()->mode == CGROUP_NONE ? NULL : plan->cgroup;
	s->masked_paths = &h->masked_paths;
	s->readonly_paths = &h->readonly_paths;
	s->annotations = &h->annotations;
	set_namespaces(c, plan, s);
	add_sysctls(h, s);
	container_resources(h, &s->resources);
	runtime_default_mounts(&s->mounts, h->privileged, !plan->netns,
	                       s->namespaces[RUNTIME_NS_CGROUP].private_);
	add_shm(c, plan, s);
	r = add_devices(h, s, err);
	if (r >= 0)
		r = add_init(c, s, args, err);
	if (r < 0)
		return r;
	add_files(c, s);
	return container_add_mounts(c, plan->rootfd, s, err);
}

int container_write_spec(struct container *c, const struct container_plan *plan, const char *path,
                         struct error *err)
{
	const struct container_info *i = &c->info;
	CLEANUP(runtime_user_done) struct runtime_user user = { 0 };
	CLEANUP(runtime_spec_done) struct runtime_spec s = { 0 };
	AUTO_STRBUF seccomp = { 0 };
	AUTO_STRBUF out = { 0 };
	AUTO_STRV env = { 0 };
	AUTO_STRV args = { 0 };
	int r = runtime_user_resolve(plan->rootfd, i->config.user, &i->host_config.group_add, &user,
	                             err);

	if (r < 0)
		return r;
	s.process = (struct runtime_process){
		.terminal = i->config.tty,
		.user = &user,
		.args = &args,
		.env = &env,
		.cwd = i->config.working_dir,
		.no_new_privileges = no_new_privileges(&i->host_config),
		.oom_score_adj = i->host_config.oom_score_adj,
		.has_oom_score_adj = true,
	};
	host_config_console_size(&i->host_config, &s.process.height, &s.process.width);
	r = container_capabilities(&i->host_config, i->host_config.privileged,
	                           &s.process.capabilities, NULL, err);
	if (r >= 0)
		r = encode_seccomp(&i->host_config, s.process.capabilities, &seccomp, err);
	if (r >= 0)
		r = fill(c, plan, &s, &args, err);
	if (r < 0)
		return r;
	strv_add(&args, i->path);
	strv_copy(&args, &i->args);
	make_environment(c, &i->config.env, i->config.tty, user.home, &env);
	add_ulimits(c, &s.process);
	if (!str_empty_or_null(i->config.working_dir))
		make_working_directory(plan->rootfd, i->config.working_dir, &user);
	s.seccomp = strbuf_str(&seccomp);
	runtime_spec_encode(&s, &out);
	return write_file(AT_FDCWD, path, out.ptr, out.len, 0600, err);
}

int container_exec_spec(struct container *c, const struct exec_config *config, struct strbuf *out,
                        struct error *err)
{
	CLEANUP(container_info_free_ptr) struct container_info *i = container_inspect(c, false);
	AUTO_FREE char *root = xasprintf("/proc/%d/root", (int)i->pid);
	AUTO_CLOSE int rootfd = open_root(root, err);
	CLEANUP(runtime_user_done) struct runtime_user user = { 0 };
	AUTO_STRV env = { 0 };
	AUTO_STRV given = { 0 };
	struct runtime_process p = { 0 };
	struct json_writer w;
	int r;

	if (rootfd < 0)
		return rootfd;
	r = runtime_user_resolve(rootfd,
	                         str_empty_or_null(config->user) ? i->config.user : config->user,
	                         &i->host_config.group_add, &user, err);
	if (r < 0)
		return r;
	strv_copy(&given, &i->config.env);
	strv_copy(&given, &config->env);
	make_environment(c, &given, config->tty, user.home, &env);
	p = (struct runtime_process){
		.terminal = config->tty,
		.user = &user,
		.args = &config->cmd,
		.env = &env,
		.cwd = str_empty_or_null(config->working_dir) ? i->config.working_dir
		                                              : config->working_dir,
		.no_new_privileges = no_new_privileges(&i->host_config),
		.height = (unsigned)config->console_size[0],
		.width = (unsigned)config->console_size[1],
	};
	r = container_capabilities(&i->host_config, i->host_config.privileged || config->privileged,
	                           &p.capabilities, NULL, err);
	if (r < 0)
		return r;
	add_ulimits(c, &p);
	json_writer_init(&w, out);
	w.html_escape = false;
	runtime_process_encode(&w, &p);
	runtime_rlimit_vec_done(&p.rlimits);
	return 0;
}
