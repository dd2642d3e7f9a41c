/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The engine's side of a shim: starting one, and its requests. Every call makes a connection of its own to
 * <bundle>/shim.sock, so that any thread may call at any time. A shim that is gone is
 * ERROR_UNAVAILABLE; what the shim answers is ERROR_CONFLICT with its text.
 */
#include "base/error.h"
#include "shim/protocol.h"
#include "shim/shim.h"

/* Starts a shim, detached from this process. config's listen_fd is ignored: it is made here. */
int shim_spawn(const char *program, const struct shim_config *config, struct error *err) MUST_USE;
/* A connection that shim_read_event() reads; it ends when the shim does. Returns the descriptor. */
int shim_monitor(const char *bundle, struct shim_state *ret, struct error *err) MUST_USE;
/* 1 and *ret: a process ended; 0: none now (with wait false); -errno: the shim is gone. */
int shim_read_event(int fd, bool wait, struct shim_exited *ret) MUST_USE;
/* The exit file of a shim that is gone: 1 found, 0 not. */
int shim_read_exit(const char *bundle, struct shim_exited *ret) MUST_USE;

int shim_start(const char *bundle, const char *process, struct shim_started *ret, struct error *err) MUST_USE;
int shim_exec_add(const char *bundle, const struct shim_exec_add *add, struct error *err) MUST_USE;
int shim_exec_drop(const char *bundle, const char *process, struct error *err) MUST_USE;
/* The stream's descriptor. */
int shim_attach(const char *bundle, const char *process, unsigned flags, struct error *err) MUST_USE;
int shim_signal(const char *bundle, const char *process, int sig, struct error *err) MUST_USE;
int shim_resize(const char *bundle, const char *process, unsigned height, unsigned width, struct error *err) MUST_USE;
