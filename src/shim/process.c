/* SPDX-License-Identifier: Apache-2.0 */
/* The container's processes: started through the runtime, reaped here, their exit codes kept. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>

#include "base/alloc.h"
#include "base/fs.h"
#include "base/time.h"
#include "shim/shim-internal.h"

enum { OOM_FILE_MAX = 4096 };

struct process *process_new(struct shim *s, const char *id)
{
	struct process *p = NEW(struct process);

	p->shim = s;
	snprintf(p->id, sizeof(p->id), "%s", id);
	p->out.fd = p->err.fd = p->in.fd = p->console.fd = -1;
	list_init(&p->clients);
	list_append(&s->processes, &p->link);
	return p;
}

void process_free(struct process *p)
{
	list_for_each (&p->clients, it)
		attached_free(container_of(it, struct client, link));
	stdio_close(p);
	list_remove(&p->link);
	free(p);
}

struct process *process_find(struct shim *s, const char *id)
{
	list_for_each (&s->processes, it) {
		struct process *p = container_of(it, struct process, link);

		if (streq(p->id, id))
			return p;
	}
	return NULL;
}

int process_begin(struct process *p, struct control *starter, struct error *err)
{
	int child[3] = { -1, -1, -1 };
	AUTO_FREE char *console = NULL;
	int r;

	if (p->phase != SHIM_PHASE_NEW)
		return error_set(err, ERROR_CONFLICT, "the process has been started already");
	runtime_forget_files(p);
	if (p->tty) {
		console = p->id[0] ? xasprintf("%s/pty-%s", p->shim->config.bundle, p->id)
		                   : xasprintf("%s/pty", p->shim->config.bundle);
		r = stdio_listen_console(p, console, err);
	} else {
		r = stdio_open(p, child, err);
	}
	if (r < 0)
		return r;
	r = runtime_spawn_process(p, child, &p->runtime_pid, err);
	for (int i = 0; i < 3; i++)
		if (child[i] >= 0)
			close(child[i]);
	if (r < 0) {
		stdio_close(p);
		return r;
	}
	p->phase = SHIM_PHASE_STARTING;
	p->starter = starter;
	p->runtime_deadline = time_monotonic() + RUNTIME_TIMEOUT_SECONDS * NSEC_PER_SEC;
	return 0;
}

/* "oom_kill N" of memory.oom_control (v1) or memory.events (v2). */
static bool was_oom_killed(const struct shim *s)
{
	AUTO_STRBUF text = { 0 };
	struct error err = { 0 };
	struct str rest, line;
	uint64_t n = 0;

	if (!s->config.oom_path ||
	    read_file(AT_FDCWD, s->config.oom_path, OOM_FILE_MAX, &text, &err) < 0)
		return false;
	rest = strbuf_str(&text);
	while (str_cut(&rest, '\n', &line))
		if (line.len > 9 && memcmp(line.ptr, "oom_kill ", 9) == 0)
			IGNORE_RESULT(parse_u64_str(str_n(line.ptr + 9, line.len - 9), 10, &n),
			              "then it is 0");
	return n > 0;
}

/*
 * The exit code outlives us: it is in a file, complete under its name, before anybody hears of the
 * end. The directory is gone with the next boot, as the container is, so nothing needs to reach a
 * disk.
 */
static void keep_exit(const struct shim *s, const struct shim_exited *e)
{
	AUTO_FREE char *path = xasprintf("%s/exit", s->config.bundle);
	AUTO_FREE char *temporary = xasprintf("%s.tmp", path);
	AUTO_FREE char *text = xasprintf("%d %d %lld\n", e->code, e->oom, (long long)e->time);
	struct error err = { 0 };

	if (write_file(AT_FDCWD, temporary, text, strlen(text), 0600, &err) == 0)
		IGNORE_RESULT(rename(temporary, path) < 0,
		              "the engine then hears of it, or sees that we are gone");
}

static void ended(struct process *p, int status)
{
	struct shim *s = p->shim;
	struct error err = { 0 };

	stdio_drain(p);
	p->phase = SHIM_PHASE_EXITED;
	p->exited = (struct shim_exited){
		.code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status),
		.time = time_now(),
	};
	memcpy(p->exited.process, p->id, sizeof(p->id));
	stdio_close(p);
	if (p == s->first) {
		p->exited.oom = was_oom_killed(s);
		log_file_close(s->log, p->exited.time);
		s->log = NULL;
		keep_exit(s, &p->exited);
	}
	attached_finish(p);
	control_announce(s, &p->exited);
	if (p == s->first) {
		s->delete_deadline = time_monotonic() + RUNTIME_TIMEOUT_SECONDS * NSEC_PER_SEC;
		if (runtime_spawn_delete(s, false, &s->delete_pid, &err) < 0)
			s->deleted = true;
	}
}

static void failed(struct process *p, const struct error *err)
{
	struct shim *s = p->shim;

	if (p->starter)
		control_reply_error(p->starter, err);
	p->starter = NULL;
	p->phase = SHIM_PHASE_EXITED;
	p->exited = (struct shim_exited){ .code = 127, .time = time_now() };
	memcpy(p->exited.process, p->id, sizeof(p->id));
	stdio_close(p);
	attached_finish(p);
	if (p == s->first) {
		struct error ignored = { 0 };

		s->failed = true;
		s->delete_deadline = time_monotonic() + RUNTIME_TIMEOUT_SECONDS * NSEC_PER_SEC;
		if (runtime_spawn_delete(s, true, &s->delete_pid, &ignored) < 0)
			s->deleted = true;
	}
}

static bool take_reaped(struct shim *s, pid_t pid, int *ret_status)
{
	for (unsigned i = 0; i < s->n_reaped; i++)
		if (s->reaped[i].pid == pid) {
			*ret_status = s->reaped[i].status;
			s->reaped[i] = s->reaped[--s->n_reaped];
			return true;
		}
	return false;
}

static void started(struct process *p)
{
	struct shim_started answer = { .pid = p->pid, .time = time_now() };
	int status;

	p->phase = SHIM_PHASE_RUNNING;
	p->started = answer.time;
	if (p->starter)
		control_reply(p->starter, SHIM_STARTED, &answer, sizeof(answer));
	p->starter = NULL;
	stdio_input(p, "", 0);  /* what came before */
	attached_input_room(p); /* who was held back by it may go on */
	stdio_update(p);
	if (p->in_closing)
		stdio_input_end(p);
	if (take_reaped(p->shim, p->pid, &status))
		ended(p, status);
}

static void runtime_ended(struct process *p, int status)
{
	struct error err = { 0 };

	p->runtime_pid = 0;
	if (p->console.fd >= 0)
		stdio_take_console(p); /* the master may still wait in the socket */
	if (status == 0 && runtime_read_pid(p, &p->pid) == 0) {
		runtime_forget_files(p);
		started(p);
		return;
	}
	if (status == 0)
		error_set(&err, ERROR_INTERNAL, "the OCI runtime %s left no pid",
		          p->shim->config.runtime);
	else
		runtime_read_failure(p, status, &err);
	runtime_forget_files(p);
	failed(p, &err);
}

static bool any_starting(struct shim *s)
{
	list_for_each (&s->processes, it)
		if (container_of(it, struct process, link)->phase == SHIM_PHASE_STARTING)
			return true;
	return false;
}

void process_child_ended(struct shim *s, pid_t pid, int status)
{
	list_for_each (&s->processes, it) {
		struct process *p = container_of(it, struct process, link);

		if (p->runtime_pid == pid && p->phase == SHIM_PHASE_STARTING) {
			runtime_ended(p, status);
			return;
		}
		if (p->pid == pid && p->phase == SHIM_PHASE_RUNNING) {
			ended(p, status);
			return;
		}
	}
	if (pid == s->delete_pid) {
		s->delete_pid = 0;
		s->deleted = true;
		return;
	}
	/* a process that ended before its runtime did, or an orphan of the container's */
	if (any_starting(s) && s->n_reaped < ARRAY_SIZE(s->reaped))
		s->reaped[s->n_reaped++] = (struct reaped){ .pid = pid, .status = status };
	else
		s->n_reaped = 0;
}

int process_send_signal(struct process *p, int sig, struct error *err)
{
	if (p->phase != SHIM_PHASE_RUNNING)
		return error_set(err, ERROR_CONFLICT, "the process is not running");
	/* it is our child and not reaped yet: the pid is its own */
	if (kill(p->pid, sig) < 0)
		return error_set_errno(err, errno, "cannot signal process %d", (int)p->pid);
	return 0;
}

int process_resize(struct process *p, unsigned height, unsigned width, struct error *err)
{
	struct winsize size = { .ws_row = (unsigned short)height, .ws_col = (unsigned short)width };

	if (!p->tty)
		return error_set(err, ERROR_INVALID, "the process has no terminal");
	p->height = height;
	p->width = width;
	if (p->out.fd >= 0 && ioctl(p->out.fd, TIOCSWINSZ, &size) < 0)
		return error_set_errno(err, errno, "cannot resize the terminal");
	return 0;
}

void process_check_deadline(struct process *p, int64_t now)
{
	if (p->runtime_pid > 0 && now > p->runtime_deadline)
		kill(p->runtime_pid, SIGKILL);
}
