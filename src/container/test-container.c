/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whole containers: real snapshots, networks, shim and runtime, in network and mount namespaces of
 * the test's own. Needs root, crun and a static busybox, and says so when it skips.
 */
#include "container/container-internal.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "archive/confined.h"
#include "archive/tar.h"
#include "base/fs.h"
#include "base/time.h"
#include "runtime/cgroup.h"
#include "unit.h"

struct world {
	char *dir;
	struct db *db;
	struct content_store *content;
	struct snapshot_store *snapshots;
	struct event_bus *events;
	struct image_store *images;
	struct networks *networks;
	struct volumes *volumes;
	struct containers *cs;
};

static struct world w;

static char *beside(const char *name)
{
	char self[4096];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	assert_true(n > 0);
	self[n] = '\0';
	*strrchr(self, '/') = '\0';
	return xasprintf("%s/../src/main/%s", self, name);
}

static void ok(int r, const struct error *err)
{
	if (r < 0)
		fail_msg("%s", err->message);
}

static int to_fd(void *ctx, const void *data, size_t n, struct error *err)
{
	return write_full(*(const int *)ctx, data, n);
}

static void add_entry(struct tar_writer *t, struct tar_entry e)
{
	struct error err = { 0 };

	ok(tar_write_header(t, &e, &err), &err);
}

static char name_buf[64], link_buf[64];

static void import_busybox(void)
{
	static const char *const applets[] = { "sh", "cat", "echo",  "sleep", "ls",  "true",
		                               "id", "env", "mkdir", "wc",    "kill" };
	static const char *const dirs[] = {
		"bin/", "etc/", "proc/", "dev/", "sys/", "tmp/", "data/"
	};
	int fd = memfd_create("tar", MFD_CLOEXEC);
	CLEANUP(tar_writer_free_ptr) struct tar_writer *t = tar_writer_new(to_fd, &fd);
	AUTO_STRBUF busybox = { 0 };
	AUTO_STRV changes = { 0 };
	struct reference ref = { 0 };
	struct digest id;
	struct job job = { 0 };
	struct error err = { 0 };

	ok(read_file(AT_FDCWD, "/bin/busybox", 8 << 20, &busybox, &err), &err);
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		snprintf(name_buf, sizeof(name_buf), "%s", dirs[i]);
		add_entry(t, (struct tar_entry){
				     .type = TAR_DIRECTORY, .name = name_buf, .mode = 0755 });
	}
	snprintf(name_buf, sizeof(name_buf), "bin/busybox");
	add_entry(t, (struct tar_entry){ .type = TAR_FILE,
	                                 .name = name_buf,
	                                 .mode = 0755,
	                                 .size = (int64_t)busybox.len });
	ok(tar_write_data(t, busybox.ptr, busybox.len, &err), &err);
	for (size_t i = 0; i < ARRAY_SIZE(applets); i++) {
		snprintf(name_buf, sizeof(name_buf), "bin/%s", applets[i]);
		snprintf(link_buf, sizeof(link_buf), "busybox");
		add_entry(t, (struct tar_entry){ .type = TAR_SYMLINK,
		                                 .name = name_buf,
		                                 .link = link_buf,
		                                 .mode = 0777 });
	}
	ok(tar_write_file(t, "etc/passwd", "root:x:0:0::/root:/bin/sh\napp:x:7:8::/home:/bin/sh\n",
	                  50, 0, &err),
	   &err);
	ok(tar_write_file(t, "data/seed", "seed\n", 5, 0, &err), &err);
	ok(tar_writer_finish(t, &err), &err);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	strv_add(&changes, "ENV FROM_IMAGE=yes");
	strv_add(&changes, "CMD [\"sh\"]");
	ok(reference_parse("busybox", &ref, &err), &err);
	ok(image_import(w.images, fd, &ref, "", &changes, NULL, &job, &id, &err), &err);
	reference_done(&ref);
	close(fd);
}

static void open_containers(void)
{
	AUTO_FREE char *data = xasprintf("%s/containers", w.dir);
	AUTO_FREE char *exec = xasprintf("%s/exec", w.dir);
	AUTO_FREE char *shim = beside("coracle-shim");
	AUTO_STRMAP runtimes = { 0 };
	struct error err = { 0 };

	strmap_set(&runtimes, "crun", "/usr/bin/crun");
	struct containers_options o = {
		.data_directory = data,
		.exec_directory = exec,
		.shim_path = shim,
		.default_runtime = "crun",
		.runtimes = &runtimes,
		.cgroup_parent = "/coracle-unit",
	};
	w.cs = containers_new(&o, w.db, w.images, w.snapshots, w.networks, w.volumes, w.events,
	                      &err);
	ok(w.cs ? 0 : -1, &err);
	ok(containers_recover(w.cs, &err), &err);
}

static const char *open_world(void)
{
	static const struct content_options content = { .referenced_sql =
		                                                image_content_referenced_sql };
	static const struct snapshot_options layers = { .referenced_sql =
		                                                image_layer_referenced_sql };
	static const struct remote_config remote = { .user_agent = "test/1" };
	AUTO_FREE char *helper = beside("coracle-archive");
	struct error err = { 0 };

	if (w.cs)
		return NULL;
	if (geteuid() != 0 || access("/usr/bin/crun", X_OK) < 0 || access("/bin/busybox", X_OK) < 0)
		return "needs root, crun and busybox-static";
	if (unshare(CLONE_NEWNET | CLONE_NEWNS) < 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return "needs namespaces of its own";
	signal(SIGPIPE, SIG_IGN);
	archive_set_helper(helper);
	w.dir = xstrdup(unit_scratch());
	AUTO_FREE char *db = xasprintf("%s/db", w.dir);
	AUTO_FREE char *blobs = xasprintf("%s/content", w.dir);
	AUTO_FREE char *layer_dir = xasprintf("%s/layers", w.dir);
	AUTO_FREE char *volume_dir = xasprintf("%s/volumes", w.dir);
	AUTO_FREE char *exec = xasprintf("%s/exec", w.dir);
	assert_int_equal(mkdir(exec, 0711), 0);
	w.db = db_open(db, &err);
	ok(w.db ? 0 : -1, &err);
	w.content = content_open(blobs, w.db, &content, &err);
	ok(w.content ? 0 : -1, &err);
	w.snapshots = snapshot_open(layer_dir, w.db, &layers, &err);
	ok(w.snapshots ? 0 : -1, &err);
	w.events = event_bus_new();
	w.images = image_store_open(w.db, w.content, w.snapshots, &remote, w.events, &err);
	ok(w.images ? 0 : -1, &err);
	struct networks_options n = {
		.exec_directory = exec, .ip_forward = true, .ip_masquerade = true, .icc = true
	};
	w.networks = networks_new(&n, w.db, w.events, &err);
	ok(w.networks ? 0 : -1, &err);
	struct strv none = { 0 };
	ok(networks_recover(w.networks, &none, &err), &err);
	w.volumes = volumes_new(volume_dir, w.db, w.events, &err);
	ok(w.volumes ? 0 : -1, &err);
	open_containers();
	import_busybox();
	return NULL;
}

#define NEEDS_WORLD()                                                                              \
	do {                                                                                       \
		const char *why = open_world();                                                    \
		if (why) {                                                                         \
			print_message("# SKIP %s\n", why);                                         \
			skip();                                                                    \
		}                                                                                  \
	} while (0)

static struct container *create(const char *body)
{
	struct container_create_request r = { 0 };
	AUTO_STRV warnings = { 0 };
	AUTO_FREE char *id = NULL;
	struct container *c;
	struct error err = { 0 };

	ok(container_create_request_parse(str_from(body), &r, &err), &err);
	ok(container_create(w.cs, NULL, NULL, &r, &warnings, &id, &err), &err);
	ok(container_find(w.cs, id, &c, &err), &err);
	return c;
}

static int run_to_end(struct container *c)
{
	struct container_wait *wait = container_wait_begin(c, WAIT_NEXT_EXIT);
	struct error err = { 0 };
	int code = -1;

	ok(container_start(c, NULL, &err), &err);
	ok(container_wait_finish(wait, NULL, NULL, &code, NULL, &err), &err);
	return code;
}

static int collect_log(void *ctx, int stream, const void *data, size_t n)
{
	return strbuf_add(ctx, data, n);
}

static char *log_of(struct container *c, int64_t tail)
{
	struct log_options o = { .stdout_ = true, .stderr_ = true, .tail = tail };
	AUTO_STRBUF out = { 0 };
	struct error err = { 0 };

	ok(container_logs(c, &o, collect_log, NULL, &out, &err), &err);
	return strbuf_steal(&out);
}

static void await_log(struct container *c, const char *expected)
{
	for (int i = 0; i < 500; i++) {
		AUTO_FREE char *log = log_of(c, -1);

		if (streq(log, expected))
			return;
		usleep(10000);
	}
	fail_msg("no %s in the log", expected);
}

static void remove_container(struct container *c)
{
	struct container_remove_options o = { .force = true, .volumes = true };
	struct error err = { 0 };

	ok(container_remove(c, &o, &err), &err);
	container_unref(c);
}

TEST(runs_and_tells)
{
	NEEDS_WORLD();
	struct container *c = create(
		"{\"Image\":\"busybox\",\"Cmd\":[\"sh\",\"-c\",\"echo one; echo $FROM_IMAGE; id -u; exit "
		"3\"],\"User\":\"app\"}");
	assert_int_equal(run_to_end(c), 3);
	AUTO_FREE char *log = log_of(c, -1);
	assert_string_equal(log, "one\nyes\n7\n");
	AUTO_FREE char *last = log_of(c, 1);
	assert_string_equal(last, "7\n");
	CLEANUP(container_info_free_ptr) struct container_info *i = container_inspect(c, false);
	assert_int_equal(i->status, CONTAINER_EXITED);
	assert_int_equal(i->exit_code, 3);
	assert_int_equal(run_to_end(c), 3); /* and again */
	remove_container(c);
}

TEST(missing_command)
{
	NEEDS_WORLD();
	struct container *c = create("{\"Image\":\"busybox\",\"Cmd\":[\"nope\"]}");
	struct error err = { 0 };
	assert_true(container_start(c, NULL, &err) < 0);
	assert_int_equal(err.kind, ERROR_INVALID);
	assert_non_null(
		strstr(err.message, "exec: \"nope\": executable file not found in $PATH: unknown"));
	remove_container(c);
	c = create("{\"Image\":\"busybox\",\"Cmd\":[\"/etc\"]}");
	assert_true(container_start(c, NULL, &err) < 0);
	print_message("# %s\n", err.message);
	assert_non_null(strstr(err.message, "permission denied"));
	remove_container(c);
	c = create("{\"Image\":\"busybox\",\"Cmd\":[\"/nope\"]}");
	assert_true(container_start(c, NULL, &err) < 0);
	assert_non_null(strstr(err.message, "no such file or directory"));
	remove_container(c);
}

TEST(volumes_binds_and_read_only)
{
	NEEDS_WORLD();
	AUTO_FREE char *bind = xasprintf("%s/bind", w.dir);
	AUTO_FREE char *file = xasprintf("%s/x", bind);
	AUTO_FREE char *body = xasprintf(
		"{\"Image\":\"busybox\",\"Cmd\":[\"sh\",\"-c\",\"cat /data/seed /b/x; echo no > /b/x || "
		"echo ro; echo y > /root || echo rootro; echo t > /t/x && cat /t/x\"],\"HostConfig\":{"
		"\"Binds\":[\"%s:/b:ro\",\"vol:/data\"],\"ReadonlyRootfs\":true,\"Tmpfs\":{\"/t\":\"\"}}}",
		bind);
	struct error err = { 0 };
	assert_int_equal(mkdir_parents(AT_FDCWD, bind, 0755), 0);
	ok(write_file(AT_FDCWD, file, "x\n", 2, 0644, &err), &err);
	struct container *c = create(body);
	assert_int_equal(run_to_end(c), 0);
	AUTO_FREE char *log = log_of(c, -1);
	assert_non_null(strstr(log, "seed\n"));
	assert_non_null(strstr(log, "x\n"));
	assert_non_null(strstr(log, "\nro\n"));
	assert_non_null(strstr(log, "rootro\n"));
	assert_non_null(strstr(log, "t\n"));
	remove_container(c);
	ok(volume_remove(w.volumes, "vol", false, &err), &err);
}

TEST(stops_when_asked)
{
	NEEDS_WORLD();
	struct container *c = create(
		"{\"Image\":\"busybox\",\"Cmd\":[\"sh\",\"-c\",\"trap 'exit 5' TERM; echo up; while true; "
		"do sleep 0.05; done\"]}");
	struct error err = { 0 };
	ok(container_start(c, NULL, &err), &err);
	assert_true(container_start(c, NULL, &err) < 0);
	assert_int_equal(err.kind, ERROR_NOT_MODIFIED);
	await_log(c, "up\n");
	ok(container_pause(c, &err), &err);
	ok(container_unpause(c, &err), &err);
	ok(container_stop(c, NULL, NULL, &err), &err);
	CLEANUP(container_info_free_ptr) struct container_info *i = container_inspect(c, false);
	assert_int_equal(i->exit_code, 5);
	assert_true(container_stop(c, NULL, NULL, &err) < 0);
	assert_int_equal(err.kind, ERROR_NOT_MODIFIED);
	remove_container(c);
}

TEST(restart_policy)
{
	NEEDS_WORLD();
	struct container *c = create(
		"{\"Image\":\"busybox\",\"Cmd\":[\"sh\",\"-c\",\"exit 4\"],\"HostConfig\":{\"RestartPolicy\":{"
		"\"Name\":\"on-failure\",\"MaximumRetryCount\":2}}}");
	struct error err = { 0 };
	int code;
	ok(container_start(c, NULL, &err), &err);
	ok(container_wait_finish(container_wait_begin(c, WAIT_NOT_RUNNING), NULL, NULL, &code, NULL,
	                         &err),
	   &err);
	CLEANUP(container_info_free_ptr) struct container_info *i = container_inspect(c, false);
	assert_int_equal(i->restart_count, 2);
	assert_int_equal(code, 4);
	remove_container(c);
}

struct attached {
	struct attachment *a;
	int fd;
};

static void *run_attachment(void *arg)
{
	struct attached *t = arg;

	attachment_run(t->a, http_stream_plain(t->fd, NULL, 0));
	return NULL;
}

static size_t talk(struct attachment *a, const char *input, char *buf, size_t room)
{
	struct attached t = { .a = a };
	struct error err = { 0 };
	pthread_t thread;
	int fds[2];
	ssize_t n;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	t.fd = fds[1];
	ok(thread_start(&thread, run_attachment, &t, &err), &err);
	assert_int_equal(write_full(fds[0], input, strlen(input)), 0);
	shutdown(fds[0], SHUT_WR);
	n = read_full(fds[0], buf, room);
	assert_true(n >= 0);
	pthread_join(thread, NULL);
	close(fds[0]);
	return (size_t)n;
}

TEST(attach_before_start_and_auto_remove)
{
	NEEDS_WORLD();
	struct container *c = create(
		"{\"Image\":\"busybox\",\"Cmd\":[\"cat\"],\"OpenStdin\":true,\"StdinOnce\":true,\"HostConfig\":{"
		"\"AutoRemove\":true}}");
	struct attach_options o = {
		.stdin_ = true, .stdout_ = true, .stderr_ = true, .stream = true
	};
	struct container_wait *wait = container_wait_begin(c, WAIT_REMOVED);
	struct attachment *a;
	struct error err = { 0 };
	struct container *gone;
	char buf[64];
	int code;

	ok(container_attach(c, &o, &a, &err), &err);
	ok(container_start(c, NULL, &err), &err);
	assert_int_equal(talk(a, "hello", buf, sizeof(buf)), 13);
	assert_memory_equal(buf, "\1\0\0\0\0\0\0\5hello", 13);
	ok(container_wait_finish(wait, NULL, NULL, &code, NULL, &err), &err);
	assert_int_equal(code, 0);
	assert_true(container_find(w.cs, container_id(c), &gone, &err) < 0);
	assert_int_equal(err.kind, ERROR_NOT_FOUND);
	container_unref(c);
}

TEST(exec_with_output_and_code)
{
	NEEDS_WORLD();
	struct container *c = create("{\"Image\":\"busybox\",\"Cmd\":[\"sleep\",\"1000\"]}");
	struct exec_config config = { .attach_stdout = true };
	struct exec_info info;
	struct attachment *a;
	AUTO_FREE char *id = NULL;
	struct error err = { 0 };
	char buf[64];

	strv_add(&config.cmd, "sh");
	strv_add(&config.cmd, "-c");
	strv_add(&config.cmd, "echo $A; exit 6");
	strv_add(&config.env, "A=b");
	ok(container_start(c, NULL, &err), &err);
	ok(exec_create(c, &config, &id, &err), &err);
	ok(exec_start(w.cs, id, false, false, &a, &err), &err);
	assert_int_equal(talk(a, "", buf, sizeof(buf)), 10);
	assert_memory_equal(buf + 8, "b\n", 2);
	for (int i = 0; i < 200; i++) {
		ok(exec_inspect(w.cs, id, &info, &err), &err);
		if (!info.running)
			break;
		exec_info_done(&info);
		usleep(10000);
	}
	assert_int_equal(info.exit_code, 6);
	exec_info_done(&info);
	exec_config_done(&config);
	remove_container(c);
}

TEST(networks_and_ports)
{
	NEEDS_WORLD();
	struct container *c = create(
		"{\"Image\":\"busybox\",\"Cmd\":[\"sleep\",\"1000\"],\"ExposedPorts\":{\"80/tcp\":{}},"
		"\"HostConfig\":{\"PortBindings\":{\"80/tcp\":[{\"HostPort\":\"18080\"}]}}}");
	struct error err = { 0 };
	ok(container_start(c, NULL, &err), &err);
	struct container_info *i = container_inspect(c, false);
	assert_int_equal(i->endpoints.len, 1);
	assert_non_null(i->endpoints.ptr[0].ip_address);
	assert_true(i->ports.len >= 1);
	assert_int_equal(i->ports.ptr[0].host_port, 18080);
	container_info_free(i);
	int zero = 0;
	ok(container_stop(c, &zero, NULL, &err), &err);
	i = container_inspect(c, false);
	assert_int_equal(i->ports.len, 0);
	assert_int_equal(i->exit_code, 137);
	container_info_free(i);
	remove_container(c);
}

/* The engine goes and comes back: the container has not noticed. */
TEST(recovers_what_runs)
{
	NEEDS_WORLD();
	struct container *c = create("{\"Image\":\"busybox\",\"Cmd\":[\"sleep\",\"1000\"]}"),
			 *again;
	AUTO_FREE char *id = xstrdup(container_id(c));
	struct error err = { 0 };
	int zero = 0;

	ok(container_start(c, NULL, &err), &err);
	container_unref(c);
	containers_close(w.cs, true);
	w.cs = NULL;
	open_containers();
	ok(container_find(w.cs, id, &again, &err), &err);
	struct container_info *i = container_inspect(again, false);
	assert_int_equal(i->status, CONTAINER_RUNNING);
	assert_true(i->pid > 1);
	container_info_free(i);
	ok(container_stop(again, &zero, NULL, &err), &err);
	remove_container(again);
}

TEST(files_in_and_out)
{
	NEEDS_WORLD();
	struct container *c =
		create("{\"Image\":\"busybox\",\"Cmd\":[\"sh\",\"-c\",\"echo new > /new\"]}");
	struct path_stat st = { 0 };
	struct error err = { 0 };

	assert_int_equal(run_to_end(c), 0);
	ok(container_path_stat(c, "/new", &st, &err), &err);
	assert_string_equal(st.name, "new");
	assert_int_equal(st.size, 4);
	free(st.name);
	free(st.link_target);
	assert_true(container_path_stat(c, "/../../nothing", &st, &err) < 0);
	assert_int_equal(err.kind, ERROR_NOT_FOUND);
	int fd = memfd_create("out", MFD_CLOEXEC);
	ok(container_archive_get(c, "/new", &st, fd, &err), &err);
	assert_true(lseek(fd, 0, SEEK_END) >= 1024);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	free(st.name);
	free(st.link_target);
	ok(container_archive_put(c, "/tmp", fd, false, false, &err), &err);
	ok(container_path_stat(c, "/tmp/new", &st, &err), &err);
	free(st.name);
	free(st.link_target);
	close(fd);
	remove_container(c);
}

static char *output_of(const char *body, int expected_code)
{
	struct container *c = create(body);
	char *log;

	assert_int_equal(run_to_end(c), expected_code);
	log = log_of(c, -1);
	remove_container(c);
	return log;
}

TEST(confinement)
{
	NEEDS_WORLD();
	AUTO_FREE char *log = output_of(
		"{\"Image\":\"busybox\",\"Cmd\":[\"sh\",\"-c\",\"cat /proc/self/status; ls "
		"/proc/self/fd; cat /proc/timer_list | wc -c; mkdir /proc/sys/x; busybox pwd; busybox "
		"hostname\"],\"WorkingDir\":\"/new/dir\",\"Hostname\":\"box\"}",
		0);
	assert_non_null(strstr(log, "CapEff:\t00000000a80425fb"));
	assert_non_null(strstr(log, "CapInh:\t0000000000000000"));
	assert_non_null(strstr(log, "CapAmb:\t0000000000000000"));
	assert_non_null(strstr(log, "Seccomp:\t2"));
	assert_non_null(strstr(log, "0\n1\n2\n3\n0\n")); /* 3 is ls's own */
	assert_non_null(strstr(log, "/new/dir\nbox\n"));
}

TEST(privileged_and_limits)
{
	NEEDS_WORLD();
	AUTO_FREE char *log = output_of(
		"{\"Image\":\"busybox\",\"Cmd\":[\"sh\",\"-c\",\"cat /proc/self/status; ulimit -n; "
		"busybox mount -t tmpfs none /tmp && echo mounted\"],\"HostConfig\":{\"Privileged\":true,"
		"\"Ulimits\":[{\"Name\":\"nofile\",\"Soft\":100,\"Hard\":200}]}}",
		0);
	assert_non_null(strstr(log, "Seccomp:\t0"));
	assert_non_null(strstr(log, "\n100\n"));
	assert_non_null(strstr(log, "mounted\n"));
}

TEST(init_reaps_and_passes_signals)
{
	NEEDS_WORLD();
	AUTO_FREE char *log = output_of(
		"{\"Image\":\"busybox\",\"Cmd\":[\"sh\",\"-c\",\"echo $$; exit 9\"],\"HostConfig\":{"
		"\"Init\":true}}",
		9);
	assert_string_not_equal(log, "1\n");
	struct container *c = create(
		"{\"Image\":\"busybox\",\"Cmd\":[\"sh\",\"-c\",\"echo up; exec sleep 1000\"],"
		"\"HostConfig\":{\"Init\":true}}");
	struct error err = { 0 };
	int minute = 60;
	ok(container_start(c, NULL, &err), &err);
	await_log(c, "up\n");                             /* before that nobody passes signals on */
	ok(container_stop(c, &minute, NULL, &err), &err); /* sleep as process 1 would ignore it */
	CLEANUP(container_info_free_ptr) struct container_info *i = container_inspect(c, false);
	assert_int_equal(i->exit_code, 143);
	remove_container(c);
}

TEST(out_of_memory_is_told)
{
	NEEDS_WORLD();
	struct container *c = create(
		"{\"Image\":\"busybox\",\"Cmd\":[\"sh\",\"-c\",\"x=aaaaaaaaaaaaaaaa; while true; do "
		"x=$x$x; done\"],\"HostConfig\":{\"Memory\":8388608}}");
	assert_int_equal(run_to_end(c), 137);
	CLEANUP(container_info_free_ptr) struct container_info *i = container_inspect(c, false);
	assert_true(i->oom_killed);
	remove_container(c);
}

TEST(killed_shim)
{
	NEEDS_WORLD();
	struct container *c = create("{\"Image\":\"busybox\",\"Cmd\":[\"sleep\",\"1000\"]}");
	AUTO_FREE char *bundle = container_bundle(c);
	struct container_wait *wait = container_wait_begin(c, WAIT_NEXT_EXIT);
	struct shim_state shim;
	struct error err = { 0 };
	int code;

	ok(container_start(c, NULL, &err), &err);
	AUTO_CLOSE int fd = shim_monitor(bundle, &shim, &err);
	assert_true(fd >= 0);
	kill(shim.shim_pid, SIGKILL);
	ok(container_wait_finish(wait, NULL, NULL, &code, NULL, &err), &err);
	assert_int_equal(code, 137);
	/* it did not outlive its shim unseen */
	AUTO_FREE char *cgroup = container_cgroup(c);
	AUTO_FREE char *left = cgroup_file("pids", cgroup, "");
	assert_int_equal(access(left, F_OK), -1);
	remove_container(c);
}

TEST(health_checks)
{
	NEEDS_WORLD();
	struct container *c = create(
		"{\"Image\":\"busybox\",\"Cmd\":[\"sleep\",\"1000\"],\"Healthcheck\":{\"Test\":["
		"\"CMD-SHELL\",\"echo fine\"],\"Interval\":50000000}}");
	struct error err = { 0 };
	struct container_info *i = NULL;

	ok(container_start(c, NULL, &err), &err);
	for (int n = 0; n < 100; n++) {
		container_info_free(i);
		i = container_inspect(c, false);
		if (i->health == HEALTH_HEALTHY)
			break;
		usleep(50000);
	}
	assert_int_equal(i->health, HEALTH_HEALTHY);
	assert_string_equal(i->health_log.ptr[0].output, "fine\n");
	container_info_free(i);
	remove_container(c);
}

static int count_change(void *ctx, char kind, const char *path)
{
	strbuf_printf(ctx, "%c %s\n", kind, path);
	return 0;
}

TEST(changes_and_commit)
{
	NEEDS_WORLD();
	struct container *c =
		create("{\"Image\":\"busybox\",\"Cmd\":[\"sh\",\"-c\",\"echo 1 > /made; busybox rm "
	               "/data/seed\"]}");
	AUTO_STRBUF changes = { 0 };
	AUTO_REFERENCE ref = { 0 };
	struct commit_options o = { .tag = &ref, .comment = "c" };
	struct digest id;
	struct error err = { 0 };

	assert_int_equal(run_to_end(c), 0);
	ok(container_changes(c, count_change, &changes, &err), &err);
	assert_string_equal(strbuf_cstr(&changes), "C /data\nD /data/seed\nA /made\n");
	ok(reference_parse("committed", &ref, &err), &err);
	ok(container_commit(c, &o, &id, &err), &err);
	remove_container(c);
	AUTO_FREE char *log = output_of(
		"{\"Image\":\"committed\",\"Cmd\":[\"sh\",\"-c\",\"cat /made; ls /data\"]}", 0);
	assert_string_equal(log, "1\n");
}

TEST(names_and_validation)
{
	NEEDS_WORLD();
	static const struct {
		const char *body, *message;
	} cases[] = {
		{ "{\"Image\":\"none\"}", "No such image: none:latest" },
		{ "{\"Image\":\"busybox\",\"HostConfig\":{\"Memory\":1000}}",
		  "Minimum memory limit allowed is 6MB" },
		{ "{\"Image\":\"busybox\",\"HostConfig\":{\"CapAdd\":[\"NOPE\"]}}",
		  "unknown capability" },
		{ "{\"Image\":\"busybox\",\"HostConfig\":{\"Sysctls\":{\"kernel.core_pattern\":\"|x\"}}}",
		  "is not allowed" },
		{ "{\"Image\":\"busybox\",\"HostConfig\":{\"RestartPolicy\":{\"Name\":\"sometimes\"}}}",
		  "unknown policy" },
		{ "{\"Image\":\"busybox\",\"HostConfig\":{\"CpusetCpus\":\"0-2147483647\"}}",
		  "Invalid value" },
		{ "{\"Image\":\"busybox\",\"HostConfig\":{\"Binds\":[\"/x:relative\"]}}",
		  "mount path must be absolute" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct container_create_request r = { 0 };
		AUTO_STRV warnings = { 0 };
		AUTO_FREE char *id = NULL;
		struct error err = { 0 };

		ok(container_create_request_parse(str_from(cases[i].body), &r, &err), &err);
		assert_true(container_create(w.cs, NULL, NULL, &r, &warnings, &id, &err) < 0);
		if (!strstr(err.message, cases[i].message))
			fail_msg("%s", err.message);
		container_create_request_done(&r);
	}
}

TEST(zz_close)
{
	NEEDS_WORLD();
	containers_close(w.cs, true);
	volumes_close(w.volumes);
	networks_close(w.networks);
	image_store_close(w.images);
	event_bus_free(w.events);
	snapshot_close(w.snapshots);
	content_close(w.content);
	db_close(w.db);
	free(w.dir);
}
