/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What the engine and a container's shim say to each other, over stream connections to
 * <exec-root>/<id>/shim.sock (directory 0700; the shim answers only to root's processes and its own user's).
 *
 * A message is a header and `size` bytes of payload, all in host order: both ends are of one host, and the first
 * message of a connection tells the version. A connection carries requests and their answers one after
 * the other; after SHIM_MONITOR the shim also sends events on it, and after SHIM_ATTACH's answer it is a byte
 * stream: towards the engine frames as Docker's attach has them (stream, 0, 0, 0, length as 32 bits big-endian),
 * towards the shim the process's standard input, ended by shutdown(SHUT_WR).
 *
 * A process is named by its id: "" is the container's first process, others are exec ids.
 */
#include <stdint.h>

enum {
	SHIM_PROTOCOL_VERSION = 1,
	SHIM_PAYLOAD_MAX = 4096,
	SHIM_ID_MAX = 64,
	SHIM_FRAME_HEADER = 8,
};

enum shim_message_type {
	/* requests */
	SHIM_STATE = 1,  /* -> SHIM_STATE_IS */
	SHIM_MONITOR,    /* -> SHIM_STATE_IS, then SHIM_EXITED for every process that ends */
	SHIM_START,      /* struct shim_process_ref -> SHIM_STARTED */
	SHIM_EXEC_ADD,   /* struct shim_exec_add; its OCI process object is in exec-<id>.json -> SHIM_OK */
	SHIM_EXEC_DROP,  /* struct shim_process_ref: one that never started -> SHIM_OK */
	SHIM_ATTACH,     /* struct shim_attach -> SHIM_OK, then the stream */
	SHIM_SIGNAL,     /* struct shim_signal -> SHIM_OK */
	SHIM_RESIZE,     /* struct shim_resize -> SHIM_OK */
	/* answers and events */
	SHIM_OK = 64,
	SHIM_ERROR,      /* text: why the request failed */
	SHIM_STATE_IS,   /* struct shim_state */
	SHIM_STARTED,    /* struct shim_started */
	SHIM_EXITED,     /* struct shim_exited */
};

struct shim_header {
	uint16_t type;
	uint16_t version;
	uint32_t size;
};

enum shim_phase { SHIM_PHASE_NEW, SHIM_PHASE_STARTING, SHIM_PHASE_RUNNING, SHIM_PHASE_EXITED };

struct shim_exited {
	char process[SHIM_ID_MAX + 1];
	int32_t code; /* 0..255, 128 + signal */
	int32_t oom;  /* the kernel killed in this container for want of memory */
	int64_t time; /* wall, ns */
};

struct shim_state {
	int32_t phase; /* enum shim_phase of the first process */
	int32_t pid;   /* of it, in the shim's pid namespace; 0 before and after */
	int32_t shim_pid;
	int32_t pad;
	int64_t started; /* wall, ns; 0 before */
	struct shim_exited exited; /* in SHIM_PHASE_EXITED */
};

struct shim_process_ref {
	char process[SHIM_ID_MAX + 1];
};

struct shim_started {
	int32_t pid;
	int32_t pad;
	int64_t time;
};

enum shim_stdio_flags {
	SHIM_STDIN = 1 << 0,
	SHIM_STDOUT = 1 << 1,
	SHIM_STDERR = 1 << 2,
};

struct shim_exec_add {
	char process[SHIM_ID_MAX + 1];
	uint8_t tty;
	uint8_t stdin_open; /* else /dev/null */
	uint16_t height, width; /* 0: unknown */
};

struct shim_attach {
	char process[SHIM_ID_MAX + 1];
	uint8_t flags; /* enum shim_stdio_flags */
};

struct shim_signal {
	char process[SHIM_ID_MAX + 1];
	int32_t signal;
};

struct shim_resize {
	char process[SHIM_ID_MAX + 1];
	uint16_t height, width;
};
