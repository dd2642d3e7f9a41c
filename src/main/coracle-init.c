/* SPDX-License-Identifier: Apache-2.0 */
/* coracle-init: a container's process 1 for --init. Starts a program, passes signals on, reaps
 * orphans, and ends as the program does. Static: it runs in whatever root file system there is. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* Faults are the program's own: were one to be passed on, it would be by mistake. */
static const int kept[] = { SIGFPE,  SIGILL, SIGSEGV, SIGBUS, SIGABRT,
	                    SIGTRAP, SIGSYS, SIGTTIN, SIGTTOU };

static void start(char **argv, const sigset_t *before)
{
	setpgid(0, 0);
	if (isatty(0)) {
		signal(SIGTTOU, SIG_IGN);
		tcsetpgrp(0, getpgrp());
		signal(SIGTTOU, SIG_DFL);
	}
	sigprocmask(SIG_SETMASK, before, NULL);
	execvp(argv[0], argv);
	fprintf(stderr, "coracle-init: cannot run %s: %s\n", argv[0], strerror(errno));
	_exit(errno == ENOENT ? 127 : 126);
}

/* The program's status once it has ended, else -1. */
static int reap(pid_t program)
{
	int status, result = -1;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		if (pid == program)
			result = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	return result;
}

int main(int argc, char **argv)
{
	sigset_t all, before;
	pid_t program;
	int sig, result = -1;

	argv++;
	if (*argv && strcmp(*argv, "--") == 0)
		argv++;
	if (!*argv) {
		fputs("usage: coracle-init [--] PROGRAM [ARGUMENT...]\n", stderr);
		return 2;
	}
	sigfillset(&all);
	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
		sigdelset(&all, kept[i]);
	sigprocmask(SIG_BLOCK, &all, &before);
	program = fork();
	if (program < 0) {
		perror("coracle-init: cannot fork");
		return 1;
	}
	if (program == 0)
		start(argv, &before);
	while (result < 0) {
		if (sigwait(&all, &sig) != 0)
			continue;
		if (sig == SIGCHLD)
			result = reap(program);
		else
			kill(program, sig);
	}
	return result;
}
