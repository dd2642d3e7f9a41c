/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* tests/remote/fake-registry.py, one for all tests of a program. */
#include <sys/types.h>

struct fake_registry {
	pid_t pid;
	int stdin_fd; /* closing it ends the server */
	char registry[64], token[64], evil[64]; /* "127.0.0.1:port" and two URLs */
	char secure[64]; /* "127.0.0.1:port", with TLS for 0.0.0.0 by the certificate in <log>.crt */
	char log[128]; /* a file: one line per request */
};

extern struct fake_registry fake;

/* Skips the test when python is missing; starts the server once for all tests. */
void need_fake(void);
