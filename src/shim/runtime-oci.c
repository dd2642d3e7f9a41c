/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The OCI runtime's command line: crun, runc and what is like them. `run --detach` makes and starts
 * the container in one go; its first process becomes our child when the runtime ends (we are a
 * subreaper).
 *
 * Debian's crun refuses hosts whose cgroup2 hierarchy, mounted beside v1's, has controllers. It
 * only looks at what is mounted: so there the runtime gets a mount namespace of its own in which
 * cgroup2 is not. The namespace ends with the runtime; the container's own was made from it and is
 * none the worse.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "base/fs.h"
#include "base/vec.h"
#include "shim/shim-internal.h"

enum { RUNTIME_LOG_MAX = 65536, RUNTIME_PID_FILE_MAX = 32 };

static char *file_name(const struct process *p, const char *kind)
{
	const char *bundle = p->shim->config.bundle;

	return p->id[0] ? xasprintf("%s/%s-%s", bundle, kind, p->id)
	                : xasprintf("%s/%s", bundle, kind);
}

static NORETURN void exec_runtime(const struct shim *s, char *const *argv, const int stdio[3])
{
	sigset_t none;

	for (int i = 0; i < 3; i++)
		if (stdio[i] >= 0 && dup2(stdio[i], i) < 0)
			_exit(126);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	for (int sig = 1; sig < 32; sig++)
		signal(sig, SIG_DFL);
	if (s->config.hide_mount) {
		/* MS_SLAVE: what the host mounts still arrives, what is undone here stays here */
		if (unshare(CLONE_NEWNS) < 0 ||
		    mount(NULL, "/", NULL, MS_SLAVE | MS_REC, NULL) < 0 ||
		    (umount2(s->config.hide_mount, MNT_DETACH) < 0 && errno != EINVAL))
			_exit(125);
	}
	execvp(argv[0], argv);
	_exit(errno == ENOENT ? 127 : 126);
}

static int spawn(const struct shim *s, char *const *argv, const int stdio[3], pid_t *ret,
                 struct error *err)
{
	pid_t pid = fork();

	if (pid < 0)
		return error_set_errno(err, errno, "cannot start %s", argv[0]);
	if (pid == 0)
		exec_runtime(s, argv, stdio);
	*ret = pid;
	return 0;
}

static void add_common(const struct process *p, struct strv *args, bool with_log)
{
	const struct shim_config *c = &p->shim->config;

	strv_add(args, c->runtime);
	strv_add(args, "--root");
	strv_add(args, c->runtime_root);
	if (with_log) {
		AUTO_FREE char *log = file_name(p, "runtime.log");

		strv_add(args, "--log");
		strv_add(args, log);
		strv_add(args, "--log-format");
		strv_add(args, "json");
	}
}

int runtime_spawn_process(struct process *p, const int child[3], pid_t *ret, struct error *err)
{
	const struct shim_config *c = &p->shim->config;
	AUTO_FREE char *pid_file = file_name(p, "pid");
	AUTO_FREE char *console = file_name(p, "pty");
	AUTO_STRV args = { 0 };

	add_common(p, &args, true);
	strv_add(&args, p->id[0] ? "exec" : "run");
	strv_add(&args, "--detach");
	strv_add(&args, "--pid-file");
	strv_add(&args, pid_file);
	if (p->tty) {
		strv_add(&args, "--console-socket");
		strv_add(&args, console);
	}
	if (p->id[0]) {
		strv_add(&args, "--process");
		strv_printf(&args, "%s/exec-%s.json", c->bundle, p->id);
	} else {
		strv_add(&args, "--bundle");
		strv_add(&args, c->bundle);
	}
	strv_add(&args, c->id);
	return spawn(p->shim, strv_argv(&args), child, ret, err);
}

int runtime_spawn_delete(struct shim *s, bool force, pid_t *ret, struct error *err)
{
	static const int nothing[3] = { -1, -1, -1 };
	AUTO_STRV args = { 0 };

	add_common(s->first, &args, false);
	strv_add(&args, "delete");
	if (force)
		strv_add(&args, "--force");
	strv_add(&args, s->config.id);
	return spawn(s, strv_argv(&args), nothing, ret, err);
}

int runtime_read_pid(struct process *p, pid_t *ret)
{
	AUTO_FREE char *path = file_name(p, "pid");
	AUTO_STRBUF text = { 0 };
	struct error err = { 0 };
	uint64_t pid;
	int r = read_file(AT_FDCWD, path, RUNTIME_PID_FILE_MAX, &text, &err);

	if (r < 0)
		return r;
	while (text.len && text.ptr[text.len - 1] <= ' ')
		strbuf_truncate(&text, text.len - 1);
	r = parse_u64_str(strbuf_str(&text), 10, &pid);
	if (r < 0 || pid < 2 || pid > INT32_MAX)
		return -EINVAL;
	*ret = (pid_t)pid;
	return 0;
}

/* Undoes JSON's escapes up to the closing quote; good enough for one line of a runtime's log. */
static void unescape(struct strbuf *out, const char *p)
{
	for (; *p && *p != '"' && *p != '\n'; p++) {
		if (*p != '\\' || !p[1]) {
			strbuf_putc(out, *p);
			continue;
		}
		p++;
		if (*p == 'u' && strlen(p) > 4) {
			uint64_t code = 0;

			if (parse_u64_str(str_n(p + 1, 4), 16, &code) == 0 && code >= 0x20 &&
			    code < 0x7f)
				strbuf_putc(out, (char)code);
			p += 4;
		} else {
			strbuf_putc(out, *p == 'n' || *p == 't' ? ' ' : *p);
		}
	}
}

/* The last error of the log: {"msg":"...","level":"error",...} a line, keys in any order. */
static void last_message(const struct strbuf *log, struct strbuf *out)
{
	struct str rest = strbuf_str(log), line;

	while (str_cut(&rest, '\n', &line)) {
		AUTO_FREE char *text = xstrndup(line.ptr, line.len);
		char *msg = strstr(text, "\"msg\"");

		if (!msg || strstr(text, "\"level\":\"warning\"") ||
		    strstr(text, "\"level\": \"warning\""))
			continue;
		msg = strchr(msg + 5, '"');
		if (!msg)
			continue;
		strbuf_clear(out);
		unescape(out, msg + 1);
	}
}

void runtime_read_failure(struct process *p, int status, struct error *err)
{
	AUTO_FREE char *path = file_name(p, "runtime.log");
	AUTO_STRBUF log = { 0 };
	AUTO_STRBUF message = { 0 };
	struct error ignored = { 0 };

	IGNORE_RESULT(read_file(AT_FDCWD, path, RUNTIME_LOG_MAX, &log, &ignored),
	              "an empty log is told below");
	last_message(&log, &message);
	if (message.len)
		error_set(err, ERROR_INTERNAL, "%s", message.ptr);
	else if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
		error_set(err, ERROR_INTERNAL, "cannot run the OCI runtime %s: no such program",
		          p->shim->config.runtime);
	else if (WIFSIGNALED(status))
		error_set(err, ERROR_INTERNAL, "the OCI runtime %s was killed by signal %d",
		          p->shim->config.runtime, WTERMSIG(status));
	else
		error_set(err, ERROR_INTERNAL,
		          "the OCI runtime %s failed with status %d and said nothing",
		          p->shim->config.runtime, WEXITSTATUS(status));
}

void runtime_forget_files(struct process *p)
{
	static const char *const kinds[] = { "pid", "pty", "runtime.log" };

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		AUTO_FREE char *path = file_name(p, kinds[i]);

		IGNORE_RESULT(unlink(path) < 0, "it may not be there");
	}
}
