/* SPDX-License-Identifier: Apache-2.0 */
/* One sample of a container's figures, in the shape of Docker's `stats`. */
#include <fcntl.h>
#include <stdio.h>

#include "base/fs.h"
#include "base/time.h"
#include "container/container-internal.h"
#include "runtime/cgroup.h"

enum { PROC_FILE_MAX = 1 << 20 };

static uint64_t system_cpu(void)
{
	AUTO_STRBUF text = { 0 };
	struct error err = { 0 };
	unsigned long long v[8] = { 0 }, total = 0;

	if (read_file(AT_FDCWD, "/proc/stat", PROC_FILE_MAX, &text, &err) < 0)
		return 0;
	if (sscanf(strbuf_cstr(&text), "cpu %llu %llu %llu %llu %llu %llu %llu %llu", &v[0], &v[1],
	           &v[2], &v[3], &v[4], &v[5], &v[6], &v[7]) < 4)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(v); i++)
		total += v[i];
	return total * (uint64_t)(NSEC_PER_SEC / sysconf(_SC_CLK_TCK));
}

static uint64_t host_memory(void)
{
	return (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
}

static void kv_u64(struct json_writer *w, const char *key, uint64_t v)
{
	jw_key(w, key);
	jw_u64(w, v);
}

static void write_cpu(struct json_writer *w, const struct cgroup_stats *s, bool running)
{
	jw_key(w, "cpu_stats");
	jw_object(w);
	jw_key(w, "cpu_usage");
	jw_object(w);
	kv_u64(w, "total_usage", s->cpu_total);
	if (s->per_cpu.len) {
		jw_key(w, "percpu_usage");
		jw_array(w);
		for (size_t i = 0; i < s->per_cpu.len; i++)
			jw_u64(w, s->per_cpu.ptr[i]);
		jw_array_end(w);
	}
	kv_u64(w, "usage_in_kernelmode", s->cpu_system);
	kv_u64(w, "usage_in_usermode", s->cpu_user);
	jw_object_end(w);
	if (running) {
		kv_u64(w, "system_cpu_usage", system_cpu());
		jw_kv_i64(w, "online_cpus", sysconf(_SC_NPROCESSORS_ONLN));
	}
	jw_key(w, "throttling_data");
	jw_object(w);
	kv_u64(w, "periods", s->periods);
	kv_u64(w, "throttled_periods", s->throttled_periods);
	kv_u64(w, "throttled_time", s->throttled_time);
	jw_object_end(w);
	jw_object_end(w);
}

static void write_memory(struct json_writer *w, const struct cgroup_stats *s, bool running)
{
	uint64_t total = host_memory();

	jw_key(w, "memory_stats");
	jw_object(w);
	if (running) {
		kv_u64(w, "usage", s->memory_usage);
		if (s->memory_max_usage)
			kv_u64(w, "max_usage", s->memory_max_usage);
		jw_key(w, "stats");
		jw_object(w);
		for (size_t i = 0; i < s->memory_stat.len; i++) {
			struct str rest = str_from(s->memory_stat.ptr[i]), name;
			AUTO_FREE char *key = NULL;

			if (!str_cut(&rest, ' ', &name) || !rest.ptr)
				continue;
			key = xstrndup(name.ptr, name.len);
			kv_u64(w, key, strtoull(rest.ptr, NULL, 10));
		}
		jw_object_end(w);
		kv_u64(w, "limit",
		       s->memory_limit && s->memory_limit < total ? s->memory_limit : total);
	}
	jw_object_end(w);
}

static void write_io_list(struct json_writer *w, const char *key, const struct cgroup_io_vec *v)
{
	jw_key(w, key);
	if (!v->len) {
		jw_null(w);
		return;
	}
	jw_array(w);
	vec_for_each (v, io) {
		jw_object(w);
		kv_u64(w, "major", io->major);
		kv_u64(w, "minor", io->minor);
		jw_kv_string(w, "op", io->op);
		kv_u64(w, "value", io->value);
		jw_object_end(w);
	}
	jw_array_end(w);
}

static void write_io(struct json_writer *w, const struct cgroup_stats *s)
{
	static const char *const others[] = { "io_queue_recursive",     "io_service_time_recursive",
		                              "io_wait_time_recursive", "io_merged_recursive",
		                              "io_time_recursive",      "sectors_recursive" };

	jw_key(w, "blkio_stats");
	jw_object(w);
	write_io_list(w, "io_service_bytes_recursive", &s->io_bytes);
	write_io_list(w, "io_serviced_recursive", &s->io_ops);
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		jw_key(w, others[i]);
		jw_null(w);
	}
	jw_object_end(w);
}

/* /proc/<pid>/net/dev is of the container's own namespace. */
static void write_networks(struct json_writer *w, pid_t pid)
{
	AUTO_FREE char *path = xasprintf("/proc/%d/net/dev", (int)pid);
	AUTO_STRBUF text = { 0 };
	struct error err = { 0 };
	struct str rest, line;

	if (read_file(AT_FDCWD, path, PROC_FILE_MAX, &text, &err) < 0)
		return;
	jw_key(w, "networks");
	jw_object(w);
	rest = strbuf_str(&text);
	while (str_cut(&rest, '\n', &line)) {
		AUTO_FREE char *copy = xstrndup(line.ptr, line.len);
		unsigned long long rb, rp, re, rd, tb, tp, te, td;
		char name[64];

		if (sscanf(copy,
		           " %63[^:]: %llu %llu %llu %llu %*u %*u %*u %*u %llu %llu %llu %llu",
		           name, &rb, &rp, &re, &rd, &tb, &tp, &te, &td) != 9 ||
		    streq(name, "lo"))
			continue;
		jw_key(w, name);
		jw_object(w);
		kv_u64(w, "rx_bytes", rb);
		kv_u64(w, "rx_packets", rp);
		kv_u64(w, "rx_errors", re);
		kv_u64(w, "rx_dropped", rd);
		kv_u64(w, "tx_bytes", tb);
		kv_u64(w, "tx_packets", tp);
		kv_u64(w, "tx_errors", te);
		kv_u64(w, "tx_dropped", td);
		jw_object_end(w);
	}
	jw_object_end(w);
}

int container_stats(struct container *c, struct json_writer *w, struct error *err)
{
	AUTO_FREE char *cgroup = container_cgroup(c);
	AUTO_FREE char *name = NULL;
	struct cgroup_stats s = { 0 };
	bool running = container_is_running(c);
	pid_t pid;

	pthread_mutex_lock(&c->lock);
	pid = c->info.pid;
	name = xasprintf("/%s", c->info.name);
	pthread_mutex_unlock(&c->lock);
	if (running)
		cgroup_stats_read(cgroup, &s);
	jw_object(w);
	jw_kv_string(w, "name", name);
	jw_kv_string(w, "id", c->info.id);
	jw_kv_time(w, "read", time_now());
	jw_key(w, "pids_stats");
	jw_object(w);
	if (running) {
		kv_u64(w, "current", s.pids);
		if (s.pids_limit)
			kv_u64(w, "limit", s.pids_limit);
	}
	jw_object_end(w);
	jw_kv_i64(w, "num_procs", 0);
	write_cpu(w, &s, running);
	write_memory(w, &s, running);
	write_io(w, &s);
	jw_key(w, "storage_stats");
	jw_object(w);
	jw_object_end(w);
	if (running && !streq(c->info.host_config.network_mode, "host"))
		write_networks(w, pid);
	jw_object_end(w);
	cgroup_stats_done(&s);
	return 0;
}
