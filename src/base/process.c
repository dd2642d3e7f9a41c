/* SPDX-License-Identifier: Apache-2.0 */
#include "base/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/fs.h"
#include "base/vec.h"

extern char **environ;

/*
 * The child's descriptors are laid out with dup2, which may overwrite a source before it is used;
 * so all sources are first duplicated above the highest target. They stay close-on-exec.
 */
static int lift_fd(int fd, int above, int *lifted, size_t *n)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, above);

	if (copy < 0)
		return -errno;
	lifted[(*n)++] = copy;
	return copy;
}

static int add_fds(const struct spawn_options *o, posix_spawn_file_actions_t *actions, int *lifted,
                   size_t *n_lifted)
{
	int above = 3 + (int)o->n_keep_fds;
	int r = 0;

	for (int i = 0; i < above && r >= 0; i++) {
		int source = i < 3 ? o->stdio[i] : o->keep_fds[i - 3];

		if (source < 0 && i < 3) {
			r = -posix_spawn_file_actions_addopen(actions, i, "/dev/null",
			                                      i ? O_WRONLY : O_RDONLY, 0);
			continue;
		}
		r = lift_fd(source, above, lifted, n_lifted);
		if (r >= 0)
			r = -posix_spawn_file_actions_adddup2(actions, r, i);
	}
	return r;
}

int process_spawn(const struct spawn_options *o, pid_t *ret_pid, int *ret_pidfd, struct error *err)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	int lifted[64];
	size_t n_lifted = 0;
	sigset_t none, all;
	short flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
	pid_t pid = -1;
	int r;

	if (o->n_keep_fds > ARRAY_SIZE(lifted) - 3)
		return error_set(err, ERROR_INTERNAL, "too many descriptors for %s", o->path);
	posix_spawn_file_actions_init(&actions);
	posix_spawnattr_init(&attr);
	sigemptyset(&none);
	sigfillset(&all);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &all);
	if (o->new_session)
		flags |= POSIX_SPAWN_SETSID;
	posix_spawnattr_setflags(&attr, flags);
	r = add_fds(o, &actions, lifted, &n_lifted);
	if (r >= 0)
		r = -posix_spawnp(&pid, o->path, &actions, &attr, o->argv,
		                  o->envp ? o->envp : environ);
	for (size_t i = 0; i < n_lifted; i++)
		close(lifted[i]);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attr);
	if (r < 0)
		return error_set_errno(err, -r, "cannot run %s", o->path);
	if (ret_pidfd) {
		*ret_pidfd = process_open(pid);
		if (*ret_pidfd < 0) {
			r = *ret_pidfd;
			kill(pid, SIGKILL);
			process_wait(pid);
			return error_set_errno(err, -r, "cannot watch %s", o->path);
		}
	}
	*ret_pid = pid;
	return 0;
}

int process_wait(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return 255;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

int process_run(const struct spawn_options *o, size_t limit, struct strbuf *output,
                struct error *err)
{
	struct spawn_options with_pipe = *o;
	char buf[4096];
	pid_t pid;
	int fds[2];
	int r;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return error_set_errno(err, errno, "cannot make a pipe");
	with_pipe.stdio[1] = with_pipe.stdio[2] = fds[1];
	r = process_spawn(&with_pipe, &pid, NULL, err);
	close(fds[1]);
	if (r < 0) {
		close(fds[0]);
		return r;
	}
	for (;;) {
		ssize_t n = read(fds[0], buf, sizeof(buf));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		if (output && output->len < limit)
			strbuf_add(output, buf, MIN((size_t)n, limit - output->len));
	}
	close(fds[0]);
	return process_wait(pid);
}

int process_start_time(pid_t pid, uint64_t *ret)
{
	char path[64], buf[1024];
	AUTO_CLOSE int fd = -1;
	ssize_t n;
	char *p;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = read_full(fd, buf, sizeof(buf) - 1);
	if (n <= 0)
		return -ESRCH;
	buf[n] = '\0';
	p = strrchr(buf, ')'); /* the name before it may hold anything */
	for (int field = 2; p && field < 22; field++)
		p = strchr(p + 1, ' ');
	if (!p)
		return -EINVAL;
	return parse_u64_str(str_n(p + 1, strcspn(p + 1, " ")), 10, ret);
}

int process_open(pid_t pid)
{
	long fd = syscall(SYS_pidfd_open, pid, 0);

	return fd < 0 ? -errno : (int)fd;
}

int boot_id_read(char buf[BOOT_ID_MAX], struct error *err)
{
	AUTO_STRBUF text = { 0 };
	int r = read_file(AT_FDCWD, "/proc/sys/kernel/random/boot_id", BOOT_ID_MAX - 1, &text, err);

	if (r == 0)
		snprintf(buf, BOOT_ID_MAX, "%.*s", (int)strcspn(strbuf_cstr(&text), "\n"),
		         strbuf_cstr(&text));
	return r;
}
