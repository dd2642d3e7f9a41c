/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The shim: one container's parent. It runs the OCI runtime, owns the container's standard streams, writes
 * its log, reaps it, keeps its exit code and serves attach and exec (protocol.h). It outlives the engine and
 * everything it knows can be asked for again. One thread, one epoll set.
 */
#include <stdint.h>

#include "base/error.h"

struct shim_config {
	const char *id;
	const char *bundle;       /* <exec-root>/<id>: config.json, shim.sock, exit, exec-*.json */
	const char *runtime;      /* program */
	const char *runtime_root; /* its --root */
	const char *log_path;     /* NULL: nothing is logged */
	int64_t log_max_size;     /* bytes, 0: no rotation */
	unsigned log_max_files;
	bool log_compress;
	const char *oom_path;     /* file with an "oom_kill N" line, or NULL */
	const char *hide_mount;   /* unmounted from the runtime's view: cgroup2 of a hybrid host, or NULL */
	bool tty, stdin_open, stdin_once;
	unsigned height, width;
	int listen_fd;
};

/* Runs until the container has ended and all is told. The process's exit status. */
int shim_run(const struct shim_config *config);
