/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Other programs, from processes with threads: always posix_spawn or clone with CLONE_VFORK,
 * never fork. Children get only the descriptors they are given.
 */
#include <sys/types.h>

#include "base/error.h"
#include "base/strbuf.h"

struct spawn_options {
	const char *path;         /* executable, searched in PATH when it has no slash */
	char *const *argv;
	char *const *envp;        /* NULL: ours */
	int stdio[3];             /* -1: /dev/null */
	const int *keep_fds;      /* passed on as descriptors 3, 4, … in this order */
	size_t n_keep_fds;
	bool new_session;
};

/* Starts the program; *ret_pid is the caller's to wait for. ret_pidfd may be NULL. */
int process_spawn(const struct spawn_options *o, pid_t *ret_pid, int *ret_pidfd, struct error *err) MUST_USE;
/* Waits for the end: exit status 0..255, or 128 + signal. */
int process_wait(pid_t pid);
/* Runs to the end and collects stdout+stderr, up to limit bytes (the rest is thrown away).
 * Returns the exit status (>= 0), or negative with err set when it couldn't be started. */
int process_run(const struct spawn_options *o, size_t limit, struct strbuf *output, struct error *err) MUST_USE;

/* Identity that survives reuse of pids: start time in clock ticks, /proc/PID/stat field 22. */
int process_start_time(pid_t pid, uint64_t *ret) MUST_USE;
/* The kernel's id of this boot, 36 characters: tells whether the machine went down in between. */
enum { BOOT_ID_MAX = 64 };
int boot_id_read(char buf[BOOT_ID_MAX], struct error *err) MUST_USE;
/* pidfd_open; -errno when gone. */
int process_open(pid_t pid) MUST_USE;
