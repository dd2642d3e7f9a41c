/* SPDX-License-Identifier: Apache-2.0 */
/* The shim with a real runtime: needs root, crun and a static busybox, and says so when it skips.
 */
#include "shim/client.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/fs.h"
#include "base/process.h"
#include "base/time.h"
#include "base/vec.h"
#include "unit.h"

static const char *const applets[] = { "sh",   "cat",  "echo", "sleep", "stty", "ls",
	                               "head", "kill", "true", "tr",    "dd" };

struct box {
	char id[33];
	char *bundle, *log, *root;
	struct shim_config config;
	int monitor;
	struct shim_state state;
};

static char *shim_program(void)
{
	char self[4096];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	assert_true(n > 0);
	self[n] = '\0';
	*strrchr(self, '/') = '\0';
	return xasprintf("%s/../src/main/coracle-shim", self);
}

static const char *why_not(void)
{
	AUTO_FREE char *program = shim_program();

	if (geteuid() != 0)
		return "needs root";
	if (access("/bin/busybox", X_OK) < 0 || access("/usr/bin/crun", X_OK) < 0)
		return "needs busybox-static and crun";
	return access(program, X_OK) < 0 ? "coracle-shim is not built" : NULL;
}

#define NEEDS_RUNTIME()                                                                            \
	do {                                                                                       \
		if (why_not()) {                                                                   \
			print_message("# SKIP %s\n", why_not());                                   \
			skip();                                                                    \
		}                                                                                  \
	} while (0)

static void put(const char *path, const char *text)
{
	struct error err = { 0 };

	assert_int_equal(write_file(AT_FDCWD, path, text, strlen(text), 0600, &err), 0);
}

static void make_rootfs(const struct box *b)
{
	static const char *const dirs[] = { "bin", "proc", "dev", "sys", "tmp" };
	AUTO_FREE char *busybox = xasprintf("%s/rootfs/bin/busybox", b->bundle);
	AUTO_STRBUF program = { 0 };
	struct error err = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		AUTO_FREE char *dir = xasprintf("%s/rootfs/%s", b->bundle, dirs[i]);

		assert_int_equal(mkdir_parents(AT_FDCWD, dir, 0755), 0);
	}
	assert_int_equal(read_file(AT_FDCWD, "/bin/busybox", 8 << 20, &program, &err), 0);
	assert_int_equal(write_file(AT_FDCWD, busybox, program.ptr, program.len, 0755, &err), 0);
	for (size_t i = 0; i < ARRAY_SIZE(applets); i++) {
		AUTO_FREE char *link = xasprintf("%s/rootfs/bin/%s", b->bundle, applets[i]);

		assert_int_equal(symlink("busybox", link), 0);
	}
}

static char *process_json(bool tty, const char *script)
{
	return xasprintf("{\"terminal\":%s,\"user\":{\"uid\":0,\"gid\":0},\"cwd\":\"/\","
	                 "\"env\":[\"PATH=/bin\"],\"args\":[\"%s\"%s%s%s]}",
	                 tty ? "true" : "false", script[0] == '/' ? script : "sh",
	                 script[0] == '/' ? "" : ",\"-c\",\"", script[0] == '/' ? "" : script,
	                 script[0] == '/' ? "" : "\"");
}

static void make_box(struct box *b, bool tty, bool stdin_open, const char *script)
{
	AUTO_FREE char *process = process_json(tty, script);
	AUTO_FREE char *config = NULL;
	AUTO_FREE char *path = NULL;

	*b = (struct box){ .monitor = -1 };
	random_hex(b->id, 16);
	b->bundle = xasprintf("%s/%s", unit_scratch(), b->id);
	b->log = xasprintf("%s/log", b->bundle);
	b->root = xasprintf("%s/crun", b->bundle);
	make_rootfs(b);
	config = xasprintf(
		"{\"ociVersion\":\"1.0.2\",\"root\":{\"path\":\"rootfs\"},\"process\":%s,"
		"\"mounts\":[{\"destination\":\"/proc\",\"type\":\"proc\",\"source\":\"proc\"},"
		"{\"destination\":\"/dev\",\"type\":\"tmpfs\",\"source\":\"tmpfs\"},"
		"{\"destination\":\"/dev/pts\",\"type\":\"devpts\",\"source\":\"devpts\"}],"
		"\"linux\":{\"cgroupsPath\":\"/coracle-unit/%s\","
		"\"namespaces\":[{\"type\":\"pid\"},{\"type\":\"mount\"},{\"type\":\"ipc\"},{\"type\":\"uts\"}]}}",
		process, b->id);
	path = xasprintf("%s/config.json", b->bundle);
	put(path, config);
	b->config = (struct shim_config){
		.id = b->id,
		.bundle = b->bundle,
		.runtime = "/usr/bin/crun",
		.runtime_root = b->root,
		.log_path = b->log,
		.log_max_size = 20 << 20,
		.log_max_files = 5,
		.hide_mount = access("/sys/fs/cgroup/unified/cgroup.controllers", F_OK) == 0
		                      ? "/sys/fs/cgroup/unified"
		                      : NULL,
		.tty = tty,
		.stdin_open = stdin_open,
		.stdin_once = true,
		.height = 24,
		.width = 80,
	};
}

static void spawn_box(struct box *b)
{
	AUTO_FREE char *program = shim_program();
	struct error err = { 0 };

	assert_int_equal(shim_spawn(program, &b->config, &err), 0);
	b->monitor = shim_monitor(b->bundle, &b->state, &err);
	assert_true(b->monitor >= 0);
}

static void start_box(struct box *b)
{
	struct shim_started started;
	struct error err = { 0 };

	if (shim_start(b->bundle, "", &started, &err) < 0)
		fail_msg("%s", err.message);
	assert_true(started.pid > 1);
}

/* Waits for process's end and, for the first, for the shim's. */
static struct shim_exited wait_box(struct box *b, const char *process)
{
	struct shim_exited e;
	int r;

	do
		r = shim_read_event(b->monitor, true, &e);
	while (r == 1 && !streq(e.process, process));
	assert_int_equal(r, 1);
	if (!process[0]) {
		struct shim_exited more;

		while (shim_read_event(b->monitor, true, &more) >= 0)
			;
	}
	return e;
}

static void done_box(struct box *b)
{
	if (b->monitor >= 0)
		close(b->monitor);
	free(b->bundle);
	free(b->log);
	free(b->root);
}

static char *log_text(const struct box *b)
{
	AUTO_STRBUF out = { 0 };
	struct error err = { 0 };

	assert_int_equal(read_file(AT_FDCWD, b->log, 8 << 20, &out, &err), 0);
	return strbuf_steal(&out);
}

static size_t read_all(int fd, char *buf, size_t room)
{
	ssize_t n = read_full(fd, buf, room - 1);

	assert_true(n >= 0);
	buf[n] = '\0';
	return (size_t)n;
}

TEST(exit_code_and_log)
{
	struct box b;
	struct shim_exited e, kept;

	NEEDS_RUNTIME();
	make_box(&b, false, false, "echo out; echo err >&2; ls /proc/self/fd; exit 7");
	spawn_box(&b);
	assert_int_equal(b.state.phase, SHIM_PHASE_NEW);
	start_box(&b);
	e = wait_box(&b, "");
	assert_int_equal(e.code, 7);
	assert_int_equal(shim_read_exit(b.bundle, &kept), 1);
	assert_int_equal(kept.code, 7);
	assert_true(kept.time == e.time);

	AUTO_FREE char *log = log_text(&b);
	assert_non_null(strstr(log, "{\"log\":\"out\\n\",\"stream\":\"stdout\",\"time\":\""));
	assert_non_null(strstr(log, "{\"log\":\"err\\n\",\"stream\":\"stderr\",\"time\":\""));
	assert_null(strstr(log, "{\"log\":\"4\\n\"")); /* 3 is ls's own */
	done_box(&b);
}

TEST(attach_sees_all_output_and_gives_input)
{
	static const char expected[] = "\1\0\0\0\0\0\0\6HELLO\n";
	struct box b;
	struct error err = { 0 };
	char buf[256];
	int fd;

	NEEDS_RUNTIME();
	make_box(&b, false, true, "tr a-z A-Z");
	spawn_box(&b);
	fd = shim_attach(b.bundle, "", SHIM_STDIN | SHIM_STDOUT | SHIM_STDERR, &err);
	assert_true(fd >= 0);
	start_box(&b);
	assert_int_equal(write_full(fd, "hello\n", 6), 0);
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	assert_int_equal(read_all(fd, buf, sizeof(buf)), sizeof(expected) - 1);
	assert_memory_equal(buf, expected, sizeof(expected) - 1);
	assert_int_equal(wait_box(&b, "").code, 0);
	close(fd);
	done_box(&b);
}

TEST(terminal)
{
	struct box b;
	struct error err = { 0 };
	char buf[1024];
	int fd;

	NEEDS_RUNTIME();
	make_box(&b, true, true, "stty size; read x; echo got $x; stty size; exit 3");
	spawn_box(&b);
	fd = shim_attach(b.bundle, "", SHIM_STDIN | SHIM_STDOUT, &err);
	assert_true(fd >= 0);
	start_box(&b);
	assert_true(read(fd, buf, sizeof(buf)) > 0);
	assert_int_equal(shim_resize(b.bundle, "", 30, 100, &err), 0);
	assert_int_equal(write_full(fd, "yes\r", 4), 0);
	IGNORE_RESULT(read_all(fd, buf, sizeof(buf)), "the log has it too");
	assert_int_equal(wait_box(&b, "").code, 3);

	AUTO_FREE char *log = log_text(&b);
	assert_non_null(strstr(log, "24 80\\r\\n"));
	assert_non_null(strstr(log, "got yes\\r\\n"));
	assert_non_null(strstr(log, "30 100\\r\\n"));
	close(fd);
	done_box(&b);
}

TEST(missing_program)
{
	struct box b;
	struct shim_started started;
	struct error err = { 0 };
	char buf[64];
	int fd;

	NEEDS_RUNTIME();
	make_box(&b, false, false, "/bin/none");
	spawn_box(&b);
	fd = shim_attach(b.bundle, "", SHIM_STDOUT | SHIM_STDERR, &err);
	assert_true(fd >= 0);
	assert_true(shim_start(b.bundle, "", &started, &err) < 0);
	print_message("# %s\n", err.message);
	assert_non_null(strstr(err.message, "/bin/none"));
	/* what the runtime says is no output of the container's */
	assert_int_equal(read_all(fd, buf, sizeof(buf)), 0);
	AUTO_FREE char *log = log_text(&b);
	assert_string_equal(log, "");
	close(fd);
	done_box(&b);
}

TEST(exec_processes)
{
	struct box b;
	struct shim_exec_add add = { .process = "e1", .stdin_open = 1 };
	struct shim_started started;
	struct error err = { 0 };
	AUTO_FREE char *process = process_json(false, "cat; exit 5");
	AUTO_FREE char *path = NULL;
	char buf[64];
	int fd;

	NEEDS_RUNTIME();
	make_box(&b, false, false, "sleep 1000");
	path = xasprintf("%s/exec-e1.json", b.bundle);
	put(path, process);
	spawn_box(&b);
	start_box(&b);
	assert_int_equal(shim_exec_add(b.bundle, &add, &err), 0);
	fd = shim_attach(b.bundle, "e1", SHIM_STDIN | SHIM_STDOUT, &err);
	assert_true(fd >= 0);
	if (shim_start(b.bundle, "e1", &started, &err) < 0)
		fail_msg("%s", err.message);
	assert_int_equal(write_full(fd, "abc", 3), 0);
	shutdown(fd, SHUT_WR);
	assert_int_equal(read_all(fd, buf, sizeof(buf)), 11);
	assert_string_equal(buf + 8, "abc");
	assert_int_equal(wait_box(&b, "e1").code, 5);
	assert_int_equal(shim_signal(b.bundle, "", SIGKILL, &err), 0);
	assert_int_equal(wait_box(&b, "").code, 137);
	close(fd);
	done_box(&b);
}

/* The engine is killed: the container runs on, and the next engine finds everything. */
TEST(survives_its_starter)
{
	struct box b;
	struct error err = { 0 };
	int status;
	pid_t pid;

	NEEDS_RUNTIME();
	make_box(&b, false, true, "read x; echo $x; exit 9");
	pid = fork();
	if (pid == 0) {
		spawn_box(&b);
		start_box(&b);
		raise(SIGKILL);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	b.monitor = shim_monitor(b.bundle, &b.state, &err);
	assert_true(b.monitor >= 0);
	assert_int_equal(b.state.phase, SHIM_PHASE_RUNNING);
	assert_true(b.state.pid > 1);
	assert_int_equal(kill(b.state.pid, 0), 0);

	int fd = shim_attach(b.bundle, "", SHIM_STDIN, &err);
	assert_int_equal(write_full(fd, "later\n", 6), 0);
	assert_int_equal(wait_box(&b, "").code, 9);
	AUTO_FREE char *log = log_text(&b);
	assert_non_null(strstr(log, "later"));
	close(fd);
	done_box(&b);
}

/* A client that reads nothing holds the container up as a pipe would, and loses nothing once it
 * reads. */
/* More than the shim keeps before the start: what held the client back must let it go again. */
TEST(input_before_the_start_does_not_stall)
{
	static const char chunk[16384];
	const struct timeval patience = { .tv_sec = 20 };
	struct box b;
	struct error err = { 0 };
	char buf[256];
	size_t total = 0;
	ssize_t n;
	int fd;

	NEEDS_RUNTIME();
	make_box(&b, false, true, "tr -d '\\\\000'; echo end");
	spawn_box(&b);
	fd = shim_attach(b.bundle, "", SHIM_STDIN | SHIM_STDOUT, &err);
	assert_true(fd >= 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)), 0);
	while ((n = send(fd, chunk, sizeof(chunk), MSG_DONTWAIT)) > 0)
		total += (size_t)n;
	assert_true(total > 64 * 1024);
	start_box(&b);
	for (; total < 3000000; total += sizeof(chunk))
		assert_int_equal(write_full(fd, chunk, sizeof(chunk)), 0);
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	assert_int_equal(read_all(fd, buf, sizeof(buf)), 8 + 4);
	assert_memory_equal(buf + 8, "end\n", 4);
	assert_int_equal(wait_box(&b, "").code, 0);
	close(fd);
	done_box(&b);
}

TEST(slow_reader_gets_everything)
{
	enum { BYTES = 3 * 1000 * 1000 };
	struct box b;
	struct error err = { 0 };
	char *buf = xmalloc(2 * BYTES);
	size_t n, at = 0, payload = 0;
	int fd;

	NEEDS_RUNTIME();
	make_box(&b, false, false,
	         "dd if=/dev/zero bs=1000 count=3000 2>/dev/null | tr '\\\\000' x");
	b.config.log_path = NULL;
	spawn_box(&b);
	fd = shim_attach(b.bundle, "", SHIM_STDOUT, &err);
	assert_true(fd >= 0);
	start_box(&b);
	n = read_all(fd, buf, 2 * BYTES);
	while (at + 8 <= n) {
		size_t size = (size_t)(unsigned char)buf[at + 5] << 16 |
		              (size_t)(unsigned char)buf[at + 6] << 8 | (unsigned char)buf[at + 7];

		payload += size;
		at += 8 + size;
	}
	assert_int_equal(payload, BYTES);
	assert_int_equal(wait_box(&b, "").code, 0);
	free(buf);
	close(fd);
	done_box(&b);
}
