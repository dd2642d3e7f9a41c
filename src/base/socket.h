/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Unix sockets by path of any length, and descriptors sent over them. */
#include "base/error.h"

/* A listening stream socket; replaces a stale one nobody listens on, refuses a live one
 * (ERROR_CONFLICT). Mode is set before anybody can connect. Returns the descriptor. */
int unix_listen(const char *path, mode_t mode, struct error *err) MUST_USE;
int unix_connect(const char *path, struct error *err) MUST_USE;
/* One message with its descriptors. 0 or -errno. */
int socket_send_fds(int sock, const void *data, size_t n, const int *fds, size_t n_fds) MUST_USE;
/* Bytes received (0 at the end) or -errno; *n_fds in: room, out: received (close-on-exec). */
ssize_t socket_recv_fds(int sock, void *data, size_t n, int *fds, size_t *n_fds) MUST_USE;
