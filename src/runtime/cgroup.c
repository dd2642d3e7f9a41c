/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "base/fs.h"
#include "base/time.h"

#define ROOT "/sys/fs/cgroup"

enum { CGROUP_FILE_MAX = 1 << 20, FREEZE_TRIES = 200, TREE_DEPTH_MAX = 16 };

static struct cgroup_host host;
static pthread_once_t host_once = PTHREAD_ONCE_INIT;

static bool is_cgroup2(const char *path)
{
	struct statfs fs;

	return statfs(path, &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC;
}

static bool has_v1(const char *controller)
{
	AUTO_FREE char *path = xasprintf(ROOT "/%s", controller);

	return access(path, F_OK) == 0;
}

static void read_v2_controllers(void)
{
	AUTO_STRBUF text = { 0 };
	struct error err = { 0 };
	struct str rest, name;

	if (read_file(AT_FDCWD, ROOT "/cgroup.controllers", CGROUP_FILE_MAX, &text, &err) < 0)
		return;
	rest = str_n(text.ptr, strcspn(strbuf_cstr(&text), "\n"));
	while (str_cut(&rest, ' ', &name)) {
		host.memory = host.memory || str_eq_c(name, "memory");
		host.cpu = host.cpu || str_eq_c(name, "cpu");
		host.cpuset = host.cpuset || str_eq_c(name, "cpuset");
		host.pids = host.pids || str_eq_c(name, "pids");
		host.blkio = host.blkio || str_eq_c(name, "io");
	}
	host.freezer = true;
	host.swap = host.memory;
}

static void detect(void)
{
	if (is_cgroup2(ROOT)) {
		host.mode = CGROUP_V2;
		read_v2_controllers();
		return;
	}
	host.memory = has_v1("memory");
	host.swap = access(ROOT "/memory/memory.memsw.limit_in_bytes", F_OK) == 0;
	host.cpu = has_v1("cpu");
	host.cpuset = has_v1("cpuset");
	host.pids = has_v1("pids");
	host.blkio = has_v1("blkio");
	host.freezer = has_v1("freezer");
	if (!host.memory && !host.cpu && !host.pids)
		return;
	host.mode = CGROUP_V1;
	if (is_cgroup2(ROOT "/unified")) {
		host.mode = CGROUP_HYBRID;
		host.hide_mount = ROOT "/unified";
	}
}

const struct cgroup_host *cgroup_host(void)
{
	pthread_once(&host_once, detect);
	return &host;
}

char *cgroup_file(const char *controller, const char *group, const char *file)
{
	return cgroup_host()->mode == CGROUP_V2
	               ? xasprintf(ROOT "%s/%s", group, file)
	               : xasprintf(ROOT "/%s%s/%s", controller, group, file);
}

char *cgroup_oom_file(const char *group)
{
	if (!cgroup_host()->memory)
		return NULL;
	return cgroup_file("memory", group,
	                   cgroup_host()->mode == CGROUP_V2 ? "memory.events"
	                                                    : "memory.oom_control");
}

static bool read_text(const char *controller, const char *group, const char *file,
                      struct strbuf *out)
{
	AUTO_FREE char *path = cgroup_file(controller, group, file);
	struct error err = { 0 };

	strbuf_clear(out);
	return read_file(AT_FDCWD, path, CGROUP_FILE_MAX, out, &err) >= 0;
}

static uint64_t read_number(const char *controller, const char *group, const char *file)
{
	AUTO_STRBUF text = { 0 };

	return read_text(controller, group, file, &text) ? strtoull(strbuf_cstr(&text), NULL, 10)
	                                                 : 0;
}

/* The value of a "name value" line. */
static uint64_t find_number(const struct strbuf *text, const char *name)
{
	struct str rest = strbuf_str(text), line, key;

	while (str_cut(&rest, '\n', &line))
		if (str_cut(&line, ' ', &key) && str_eq_c(key, name) && line.ptr)
			return strtoull(line.ptr, NULL, 10);
	return 0;
}

/* v1's freezer says FREEZING until all have stopped. */
static int wait_frozen(const char *group, struct error *err)
{
	AUTO_STRBUF text = { 0 };

	for (int i = 0; i < FREEZE_TRIES; i++) {
		bool v2 = cgroup_host()->mode == CGROUP_V2;

		if (!read_text("freezer", group, v2 ? "cgroup.events" : "freezer.state", &text))
			break;
		if (v2 ? find_number(&text, "frozen") == 1
		       : strncmp(strbuf_cstr(&text), "FROZEN", 6) == 0)
			return 0;
		poll(NULL, 0, 5);
	}
	return error_set(err, ERROR_INTERNAL, "the container's processes could not be frozen");
}

int cgroup_freeze(const char *group, bool frozen, struct error *err)
{
	bool v2 = cgroup_host()->mode == CGROUP_V2;
	AUTO_FREE char *path =
		cgroup_file("freezer", group, v2 ? "cgroup.freeze" : "freezer.state");
	const char *text = v2 ? (frozen ? "1" : "0") : frozen ? "FROZEN" : "THAWED";
	int r;

	if (!cgroup_host()->freezer)
		return error_set(err, ERROR_NOT_IMPLEMENTED,
		                 "this host has no freezer control group: cannot pause");
	r = write_file(AT_FDCWD, path, text, strlen(text), 0644, err);
	if (r < 0)
		return error_prefix(err, "cannot %s the container", frozen ? "pause" : "unpause");
	return frozen ? wait_frozen(group, err) : 0;
}

static void collect_pids(int dirfd, unsigned depth, struct pid_vec *ret)
{
	AUTO_STRBUF text = { 0 };
	struct error err = { 0 };
	struct str rest, line;
	struct dirent *e;
	DIR *d;

	if (read_file(dirfd, "cgroup.procs", CGROUP_FILE_MAX, &text, &err) >= 0) {
		rest = strbuf_str(&text);
		while (str_cut(&rest, '\n', &line)) {
			uint64_t pid;

			if (parse_u64_str(line, 10, &pid) == 0 && pid > 0 && pid <= INT32_MAX)
				pid_vec_push(ret, (pid_t)pid);
		}
	}
	d = depth < TREE_DEPTH_MAX ? fdopendir(dup(dirfd)) : NULL;
	while (d && (e = readdir(d))) {
		AUTO_CLOSE int sub = -1;

		if (e->d_type != DT_DIR || e->d_name[0] == '.')
			continue;
		sub = openat(dirfd, e->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
		if (sub >= 0)
			collect_pids(sub, depth + 1, ret);
	}
	if (d)
		closedir(d);
}

static const char *process_controller(void)
{
	return cgroup_host()->pids ? "pids" : cgroup_host()->freezer ? "freezer" : "memory";
}

int cgroup_pids(const char *group, struct pid_vec *ret, struct error *err)
{
	AUTO_FREE char *path = cgroup_file(process_controller(), group, "");
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return error_set_errno(err, errno, "cannot list the container's processes");
	collect_pids(fd, 0, ret);
	return 0;
}

void cgroup_kill(const char *group)
{
	struct pid_vec pids = { 0 };
	struct error err = { 0 };

	if (cgroup_pids(group, &pids, &err) == 0)
		vec_for_each (&pids, pid)
			kill(*pid, SIGKILL);
	pid_vec_done(&pids);
}

static void remove_groups(int parent, const char *name, unsigned depth)
{
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	DIR *d = fd >= 0 && depth < TREE_DEPTH_MAX ? fdopendir(fd) : NULL;
	struct dirent *e;

	while (d && (e = readdir(d)))
		if (e->d_type == DT_DIR && e->d_name[0] != '.')
			remove_groups(dirfd(d), e->d_name, depth + 1);
	if (d)
		closedir(d);
	else if (fd >= 0)
		close(fd);
	IGNORE_RESULT(unlinkat(parent, name, AT_REMOVEDIR) < 0, "it may be gone, or in use still");
}

void cgroup_remove(const char *group)
{
	DIR *d = cgroup_host()->mode == CGROUP_V2 ? NULL : opendir(ROOT);
	struct dirent *e;

	if (cgroup_host()->mode == CGROUP_V2) {
		AUTO_FREE char *path = cgroup_file("", group, "");

		remove_groups(AT_FDCWD, path, 0);
	}
	while (d && (e = readdir(d))) {
		AUTO_FREE char *path = NULL;

		if (e->d_type != DT_DIR || e->d_name[0] == '.')
			continue;
		path = cgroup_file(e->d_name, group, "");
		remove_groups(AT_FDCWD, path, 0);
	}
	if (d)
		closedir(d);
}

static void read_cpu_v1(const char *group, struct cgroup_stats *s)
{
	AUTO_STRBUF text = { 0 };
	uint64_t tick = NSEC_PER_SEC / (uint64_t)sysconf(_SC_CLK_TCK);
	size_t room = 0;
	char *p, *end;

	s->cpu_total = read_number("cpuacct", group, "cpuacct.usage");
	if (read_text("cpuacct", group, "cpuacct.stat", &text)) {
		s->cpu_user = find_number(&text, "user") * tick;
		s->cpu_system = find_number(&text, "system") * tick;
	}
	if (read_text("cpu", group, "cpu.stat", &text)) {
		s->periods = find_number(&text, "nr_periods");
		s->throttled_periods = find_number(&text, "nr_throttled");
		s->throttled_time = find_number(&text, "throttled_time");
	}
	if (!read_text("cpuacct", group, "cpuacct.usage_percpu", &text) || !text.len)
		return;
	for (p = text.ptr;; p = end) {
		uint64_t v = strtoull(p, &end, 10);

		if (end == p)
			break;
		if (s->per_cpu.len == room) {
			room = room ? room * 2 : 8;
			s->per_cpu.ptr = xreallocarray(s->per_cpu.ptr, room, sizeof(uint64_t));
		}
		s->per_cpu.ptr[s->per_cpu.len++] = v;
	}
}

static void read_cpu_v2(const char *group, struct cgroup_stats *s)
{
	AUTO_STRBUF text = { 0 };

	if (!read_text("", group, "cpu.stat", &text))
		return;
	s->cpu_total = find_number(&text, "usage_usec") * 1000;
	s->cpu_user = find_number(&text, "user_usec") * 1000;
	s->cpu_system = find_number(&text, "system_usec") * 1000;
	s->periods = find_number(&text, "nr_periods");
	s->throttled_periods = find_number(&text, "nr_throttled");
	s->throttled_time = find_number(&text, "throttled_usec") * 1000;
}

static void read_memory(const char *group, bool v2, struct cgroup_stats *s)
{
	AUTO_STRBUF text = { 0 };
	struct str rest, line;

	s->memory_usage =
		read_number("memory", group, v2 ? "memory.current" : "memory.usage_in_bytes");
	s->memory_limit = read_number("memory", group, v2 ? "memory.max" : "memory.limit_in_bytes");
	s->memory_max_usage =
		read_number("memory", group, v2 ? "memory.peak" : "memory.max_usage_in_bytes");
	s->memory_failcnt = v2 ? 0 : read_number("memory", group, "memory.failcnt");
	if (!read_text("memory", group, "memory.stat", &text))
		return;
	rest = strbuf_str(&text);
	while (str_cut(&rest, '\n', &line))
		if (line.len)
			strv_add_n(&s->memory_stat, line.ptr, line.len);
}

/* v1: "8:0 Read 123" a line. */
static void read_io_v1(const char *group, const char *file, struct cgroup_io_vec *ret)
{
	AUTO_STRBUF text = { 0 };
	struct str rest, line;

	if (!read_text("blkio", group, file, &text))
		return;
	rest = strbuf_str(&text);
	while (str_cut(&rest, '\n', &line)) {
		struct cgroup_io io;
		AUTO_FREE char *copy = xstrndup(line.ptr, line.len);
		unsigned long long maj, min, value;

		if (sscanf(copy, "%llu:%llu %15s %llu", &maj, &min, io.op, &value) != 4)
			continue;
		io.major = maj;
		io.minor = min;
		io.value = value;
		cgroup_io_vec_push(ret, io);
	}
}

static void push_io(struct cgroup_io_vec *v, unsigned long long maj, unsigned long long min,
                    const char *op, uint64_t n)
{
	struct cgroup_io io = { .major = maj, .minor = min, .value = n };

	snprintf(io.op, sizeof(io.op), "%s", op);
	cgroup_io_vec_push(v, io);
}

/* v2: "8:0 rbytes=1 wbytes=2 rios=3 wios=4 ..." a line. */
static void read_io_v2(const char *group, struct cgroup_stats *s)
{
	AUTO_STRBUF text = { 0 };
	struct str rest, line;

	if (!read_text("", group, "io.stat", &text))
		return;
	rest = strbuf_str(&text);
	while (str_cut(&rest, '\n', &line)) {
		AUTO_FREE char *copy = xstrndup(line.ptr, line.len);
		unsigned long long maj, min, rb, wb, ri, wi;

		if (sscanf(copy, "%llu:%llu rbytes=%llu wbytes=%llu rios=%llu wios=%llu", &maj,
		           &min, &rb, &wb, &ri, &wi) != 6)
			continue;
		push_io(&s->io_bytes, maj, min, "read", rb);
		push_io(&s->io_bytes, maj, min, "write", wb);
		push_io(&s->io_ops, maj, min, "read", ri);
		push_io(&s->io_ops, maj, min, "write", wi);
	}
}

void cgroup_stats_read(const char *group, struct cgroup_stats *ret)
{
	bool v2 = cgroup_host()->mode == CGROUP_V2;

	*ret = (struct cgroup_stats){ 0 };
	if (cgroup_host()->mode == CGROUP_NONE)
		return;
	if (v2)
		read_cpu_v2(group, ret);
	else
		read_cpu_v1(group, ret);
	read_memory(group, v2, ret);
	ret->pids = read_number("pids", group, "pids.current");
	ret->pids_limit = read_number("pids", group, "pids.max");
	if (v2) {
		read_io_v2(group, ret);
		return;
	}
	read_io_v1(group, "blkio.throttle.io_service_bytes", &ret->io_bytes);
	read_io_v1(group, "blkio.throttle.io_serviced", &ret->io_ops);
}

void cgroup_stats_done(struct cgroup_stats *s)
{
	free(s->per_cpu.ptr);
	strv_done(&s->memory_stat);
	cgroup_io_vec_done(&s->io_bytes);
	cgroup_io_vec_done(&s->io_ops);
	*s = (struct cgroup_stats){ 0 };
}
