/* SPDX-License-Identifier: Apache-2.0 */
/* What every container gets unless told otherwise: mounts, masked paths, devices. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "runtime/spec.h"

/* clang-format off */
static const char *const masked[] = {
	"/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
	"/proc/sched_debug", "/proc/scsi", "/proc/timer_list", "/proc/timer_stats", "/sys/devices/virtual/powercap",
	"/sys/firmware", "/sys/fs/selinux",
};
static const char *const readonly[] = { "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger" };

static const struct runtime_device_rule device_rules[] = {
	{ false, 'a', -1, -1, "rwm" },
	{ true, 'c', -1, -1, "m" }, { true, 'b', -1, -1, "m" }, /* mknod alone opens nothing */
	{ true, 'c', 1, 3, "rwm" }, { true, 'c', 1, 5, "rwm" }, { true, 'c', 1, 7, "rwm" }, { true, 'c', 1, 8, "rwm" },
	{ true, 'c', 1, 9, "rwm" }, { true, 'c', 5, 0, "rwm" }, { true, 'c', 5, 1, "rwm" }, { true, 'c', 5, 2, "rwm" },
	{ true, 'c', 136, -1, "rwm" },
	{ false, 'c', 10, 229, "rwm" }, /* fuse */
};
/* clang-format on */

enum { CPUS_MAX = 4096, DEVICES_MAX = 4096, DEVICE_DEPTH_MAX = 8 };

struct runtime_mount *runtime_mount_add(struct runtime_mount_vec *v, const char *destination,
                                        const char *type, const char *source, const char *options)
{
	struct runtime_mount *m =
		runtime_mount_vec_push(v, (struct runtime_mount){
						  .destination = xstrdup(destination),
						  .source = xstrdup_null(source),
						  .type = xstrdup_null(type),
					  });
	struct str rest = str_from(options), option;

	while (str_cut(&rest, ',', &option))
		if (option.len)
			strv_add_n(&m->options, option.ptr, option.len);
	return m;
}

void runtime_default_mounts(struct runtime_mount_vec *v, bool privileged, bool host_network,
                            bool cgroup_private)
{
	runtime_mount_add(v, "/proc", "proc", "proc", "nosuid,noexec,nodev");
	runtime_mount_add(v, "/dev", "tmpfs", "tmpfs", "nosuid,strictatime,mode=755,size=65536k");
	runtime_mount_add(v, "/dev/pts", "devpts", "devpts",
	                  "nosuid,noexec,newinstance,ptmxmode=0666,mode=0620,gid=5");
	runtime_mount_add(v, "/sys", "sysfs", "sysfs",
	                  privileged ? "nosuid,noexec,nodev,rw" : "nosuid,noexec,nodev,ro");
	runtime_mount_add(v, "/sys/fs/cgroup", "cgroup", "cgroup",
	                  privileged ? "nosuid,noexec,nodev,relatime,rw"
	                             : "nosuid,noexec,nodev,relatime,ro");
	runtime_mount_add(v, "/dev/mqueue", "mqueue", "mqueue", "nosuid,noexec,nodev");
}

void runtime_default_masked_paths(struct strv *out)
{
	for (size_t i = 0; i < ARRAY_SIZE(masked); i++)
		strv_add(out, masked[i]);
	for (unsigned i = 0; i < CPUS_MAX; i++) {
		char path[80];

		snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%u", i);
		if (access(path, F_OK) < 0)
			break;
		snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%u/thermal_throttle", i);
		if (access(path, F_OK) == 0)
			strv_add(out, path);
	}
}

void runtime_default_readonly_paths(struct strv *out)
{
	for (size_t i = 0; i < ARRAY_SIZE(readonly); i++)
		strv_add(out, readonly[i]);
}

void runtime_default_device_rules(struct runtime_device_rule_vec *v, bool privileged)
{
	if (privileged) {
		runtime_device_rule_vec_push(
			v, (struct runtime_device_rule){ true, 'a', -1, -1, "rwm" });
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(device_rules); i++)
		runtime_device_rule_vec_push(v, device_rules[i]);
}

static void push_device(struct runtime_spec *s, const char *path, const struct stat *st,
                        const char *access)
{
	struct runtime_device_rule rule = {
		.allow = true,
		.type = S_ISBLK(st->st_mode) ? 'b' : 'c',
		.major = major(st->st_rdev),
		.minor = minor(st->st_rdev),
	};

	runtime_device_vec_push(&s->devices, (struct runtime_device){
						     .path = xstrdup(path),
						     .type = rule.type,
						     .major = rule.major,
						     .minor = rule.minor,
						     .mode = st->st_mode & 0777,
						     .uid = st->st_uid,
						     .gid = st->st_gid,
					     });
	if (!access)
		return;
	snprintf(rule.access, sizeof(rule.access), "%.3s", access);
	runtime_device_rule_vec_push(&s->device_rules, rule);
}

static bool is_device(const struct stat *st)
{
	return S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode);
}

/* Those the runtime makes itself, or that have a mount of their own. */
static bool is_left_out(const char *name, bool top)
{
	/* clang-format off */
	static const char *const names[] = { "pts", "shm", "mqueue", "fd", "console", "null", "zero", "full", "random",
					     "urandom", "tty", "ptmx", "stdin", "stdout", "stderr", "core" };
	/* clang-format on */

	for (size_t i = 0; top && i < ARRAY_SIZE(names); i++)
		if (streq(name, names[i]))
			return true;
	return name[0] == '.';
}

static void walk_devices(struct runtime_spec *s, const char *dir, const char *shown,
                         const char *access, bool top, unsigned depth)
{
	DIR *d = depth < DEVICE_DEPTH_MAX ? opendir(dir) : NULL;
	struct dirent *e;

	while (d && (e = readdir(d))) {
		AUTO_FREE char *path = xasprintf("%s/%s", dir, e->d_name);
		AUTO_FREE char *name = xasprintf("%s/%s", shown, e->d_name);
		struct stat st;

		if (is_left_out(e->d_name, top) || lstat(path, &st) < 0 ||
		    s->devices.len >= DEVICES_MAX)
			continue;
		if (S_ISDIR(st.st_mode))
			walk_devices(s, path, name, access, false, depth + 1);
		else if (is_device(&st))
			push_device(s, name, &st, access);
	}
	if (d)
		closedir(d);
}

void runtime_device_add_all(struct runtime_spec *s)
{
	walk_devices(s, "/dev", "/dev", NULL, true, 0);
}

int runtime_device_add(struct runtime_spec *s, const char *path, const char *path_in_container,
                       const char *access, struct error *err)
{
	struct stat st;
	size_t before = s->devices.len;

	if (str_empty_or_null(access))
		access = "rwm";
	if (strspn(access, "rwm") != strlen(access) || strlen(access) > 3)
		return error_set(err, ERROR_INVALID, "invalid device mode: %s", access);
	if (stat(path, &st) < 0)
		return error_set(
			err, ERROR_INVALID,
			"error gathering device information while adding custom device \"%s\": no such file "
			"or directory",
			path);
	if (is_device(&st)) {
		push_device(s, path_in_container, &st, access);
		return 0;
	}
	if (S_ISDIR(st.st_mode))
		walk_devices(s, path, path_in_container, access, false, 0);
	return s->devices.len > before
	               ? 0
	               : error_set(
				 err, ERROR_INVALID,
				 "error gathering device information while adding custom device \"%s\": not a device node",
				 path);
}

static bool parse_number(struct str s, int64_t *ret)
{
	uint64_t n;

	*ret = -1;
	if (str_eq_c(s, "*"))
		return true;
	if (parse_u64_str(s, 10, &n) < 0 || n > UINT32_MAX)
		return false;
	*ret = (int64_t)n;
	return true;
}

int runtime_device_rule_parse(const char *text, struct runtime_device_rule *ret, struct error *err)
{
	struct str rest = str_from(text), type, major_text, minor_text;
	struct runtime_device_rule r = { .allow = true };

	if (!str_cut(&rest, ' ', &type) || type.len != 1 || !strchr("abc", type.ptr[0]) ||
	    !str_cut(&rest, ':', &major_text) || !str_cut(&rest, ' ', &minor_text) || !rest.ptr ||
	    rest.len < 1 || rest.len > 3 || strspn(rest.ptr, "rwm") != rest.len ||
	    !parse_number(major_text, &r.major) || !parse_number(minor_text, &r.minor))
		return error_set(err, ERROR_INVALID, "invalid device cgroup rule format: '%s'",
		                 text);
	r.type = type.ptr[0];
	memcpy(r.access, rest.ptr, rest.len);
	*ret = r;
	return 0;
}
