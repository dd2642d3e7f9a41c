/* SPDX-License-Identifier: Apache-2.0 */
#include "shim/shim.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/alloc.h"
#include "base/fs.h"
#include "base/time.h"
#include "shim/shim-internal.h"

enum { IDLE_SECONDS = 120, TICK_MS = 1000 };

static void reap(struct shim *s)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		process_child_ended(s, pid, status);
}

static void signals_ready(struct source *source, uint32_t events)
{
	struct shim *s = container_of(source, struct shim, signals);
	struct signalfd_siginfo info;

	while (read(source->fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
		;
	reap(s);
}

static int watch_children(struct shim *s)
{
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;
	/* the container is not to end because somebody ends all that is called so: its end is ours
	 */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		return -errno;
	s->signals.ready = signals_ready;
	return source_add(&s->loop, &s->signals, fd, EPOLLIN);
}

/* The last to be killed when memory runs out; the runtime sets the container's own score. */
static void protect_from_oom(void)
{
	struct error err = { 0 };

	IGNORE_RESULT(write_file(AT_FDCWD, "/proc/self/oom_score_adj", "-998", 4, 0644, &err),
	              "lowering needs CAP_SYS_RESOURCE");
}

static int open_log(struct shim *s, struct error *err)
{
	const struct shim_config *c = &s->config;

	return c->log_path
	               ? log_file_open(c->log_path, c->log_max_size, c->log_max_files, &s->log, err)
	               : 0;
}

static int prepare(struct shim *s, const struct shim_config *config, struct error *err)
{
	int r;

	s->config = *config;
	s->signals.fd = s->listener.fd = -1;
	list_init(&s->processes);
	list_init(&s->controls);
	s->idle_since = time_monotonic();
	s->first = process_new(s, "");
	s->first->tty = config->tty;
	s->first->stdin_open = config->stdin_open;
	s->first->stdin_once = config->stdin_once;
	s->first->height = config->height;
	s->first->width = config->width;
	if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0)
		return error_set_errno(err, errno, "cannot become a subreaper");
	r = loop_init(&s->loop);
	if (r == 0)
		r = watch_children(s);
	if (r < 0)
		return error_set_errno(err, -r, "cannot make an event loop");
	protect_from_oom();
	r = open_log(s, err);
	if (r < 0)
		return r;
	r = control_listen(s);
	return r < 0 ? error_set_errno(err, -r, "cannot watch the control socket") : 0;
}

static void tick(struct shim *s)
{
	int64_t now = time_monotonic();

	list_for_each (&s->processes, it) {
		struct process *p = container_of(it, struct process, link);

		process_check_deadline(p, now);
		attached_check_stall(p, now);
	}
	if (s->delete_pid > 0 && now > s->delete_deadline)
		kill(s->delete_pid, SIGKILL);
}

static bool anybody_attached(struct shim *s)
{
	list_for_each (&s->processes, it)
		if (!list_empty(&container_of(it, struct process, link)->clients))
			return true;
	return false;
}

static bool anything_runs(struct shim *s)
{
	list_for_each (&s->processes, it) {
		const struct process *p = container_of(it, struct process, link);

		if (p->phase == SHIM_PHASE_STARTING || p->phase == SHIM_PHASE_RUNNING)
			return true;
	}
	return false;
}

static bool is_done(struct shim *s)
{
	if (s->first->phase == SHIM_PHASE_EXITED)
		return s->deleted && !anybody_attached(s) && !anything_runs(s);
	/* the engine died between making us and starting the container */
	return s->first->phase == SHIM_PHASE_NEW && list_empty(&s->controls) &&
	       time_monotonic() - s->idle_since > IDLE_SECONDS * NSEC_PER_SEC;
}

static bool needs_ticks(struct shim *s)
{
	return s->first->phase != SHIM_PHASE_RUNNING || anybody_attached(s) || s->delete_pid > 0 ||
	       s->processes.next->next != &s->processes;
}

static void finish(struct shim *s)
{
	AUTO_FREE char *socket_path = xasprintf("%s/shim.sock", s->config.bundle);

	IGNORE_RESULT(unlink(socket_path) < 0, "the engine removes the directory");
	list_for_each (&s->controls, it)
		control_free(container_of(it, struct control, link));
	list_for_each (&s->processes, it)
		process_free(container_of(it, struct process, link));
	log_file_close(s->log, time_now());
	source_remove(&s->loop, &s->listener);
	source_remove(&s->loop, &s->signals);
	loop_done(&s->loop);
}

int shim_run(const struct shim_config *config)
{
	struct shim s = { 0 };
	struct error err = { 0 };
	int64_t last_tick;

	if (prepare(&s, config, &err) < 0) {
		fprintf(stderr, "coracle-shim: %s\n", err.message);
		return 1;
	}
	last_tick = time_monotonic();
	while (!is_done(&s)) {
		loop_once(&s.loop, needs_ticks(&s) ? TICK_MS : -1);
		if (time_monotonic() - last_tick >= TICK_MS * NSEC_PER_MSEC) {
			last_tick = time_monotonic();
			tick(&s);
		}
	}
	finish(&s);
	return 0;
}
