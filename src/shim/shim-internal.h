/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The shim's parts: `struct shim` is the whole, `struct process` one process of the container (the first,
 * or an exec), `struct client` a connection that is attached to a process, `struct control` one that sends
 * requests. Everything belongs to one thread.
 */
#include <sys/types.h>

#include "base/list.h"
#include "base/strbuf.h"
#include "shim/log-file.h"
#include "shim/loop.h"
#include "shim/protocol.h"
#include "shim/shim.h"

enum {
	CLIENT_BUFFER_HIGH = 256 * 1024, /* beyond it the process's output is not read */
	CLIENT_BUFFER_LOW = 128 * 1024,
	CLIENT_STALL_SECONDS = 300,      /* then the client is dropped */
	CLIENT_STALL_EXIT_SECONDS = 20,  /* the same once the process has ended */
	STDIN_BUFFER_MAX = 64 * 1024,
	RUNTIME_TIMEOUT_SECONDS = 120,
	PROCESSES_MAX = 256,             /* execs that run or are remembered */
};

struct process {
	struct shim *shim;
	struct list link;
	char id[SHIM_ID_MAX + 1];
	enum shim_phase phase;
	bool tty, stdin_open, stdin_once;
	unsigned height, width;
	pid_t pid;
	int64_t started;
	struct shim_exited exited;
	struct source out, err; /* out: also the pty's master */
	struct source in;       /* without a pty */
	struct source console;  /* listens for the pty while starting */
	struct strbuf in_buffer;
	bool in_closing;        /* closed once in_buffer is written */
	bool paused;            /* output not read for a slow client's sake */
	struct list clients;
	/* while starting */
	pid_t runtime_pid;
	int64_t runtime_deadline; /* monotonic */
	struct control *starter;  /* waits for the answer; NULL when it went away */
};

struct client {
	struct process *process;
	struct list link;
	struct source source;
	unsigned flags;
	bool stdin_eof;
	struct strbuf out;
	size_t out_done;  /* bytes of out already sent */
	int64_t progress; /* monotonic: when it last took something */
};

struct control {
	struct shim *shim;
	struct list link;
	struct source source;
	bool monitor;
	struct strbuf in;
};

/* Children that were reaped before anybody knew their pid. */
struct reaped {
	pid_t pid;
	int status;
};

struct shim {
	struct shim_config config;
	struct loop loop;
	struct source listener, signals;
	struct list processes; /* the first is the container's */
	struct list controls;
	struct log_file *log;
	struct process *first;
	struct reaped reaped[64];
	unsigned n_reaped;
	pid_t delete_pid;
	int64_t delete_deadline;
	bool deleted;      /* the runtime has forgotten the container */
	bool failed;       /* it never started */
	int64_t idle_since; /* monotonic; nobody has started it yet */
};

/* process.c */
struct process *process_new(struct shim *s, const char *id);
void process_free(struct process *p);
struct process *process_find(struct shim *s, const char *id);
/* Starts the runtime for p; the answer goes to starter when it is done. 0 or err. */
int process_begin(struct process *p, struct control *starter, struct error *err) MUST_USE;
void process_child_ended(struct shim *s, pid_t pid, int status);
int process_send_signal(struct process *p, int sig, struct error *err) MUST_USE;
int process_resize(struct process *p, unsigned height, unsigned width, struct error *err) MUST_USE;
void process_check_deadline(struct process *p, int64_t now);

/* stdio.c */
int stdio_open(struct process *p, int child[3], struct error *err) MUST_USE;
int stdio_listen_console(struct process *p, const char *path, struct error *err) MUST_USE;
void stdio_take_console(struct process *p);
/* Reads what is there, without waiting for more. */
void stdio_drain(struct process *p);
void stdio_close(struct process *p);
void stdio_input(struct process *p, const void *data, size_t n);
void stdio_input_end(struct process *p);
bool stdio_input_full(const struct process *p);
void stdio_update(struct process *p); /* flow control after clients or buffers changed */

/* client.c of the attached */
/* Takes fd; 0 or -errno. */
int attached_add(struct process *p, int fd, unsigned flags, struct str early) MUST_USE;
void attached_output(struct process *p, int stream, const void *data, size_t n);
void attached_input_room(struct process *p);
void attached_finish(struct process *p); /* no more output: closes each once it has got everything */
void attached_check_stall(struct process *p, int64_t now);
void attached_free(struct client *c);

/* control.c */
int control_listen(struct shim *s) MUST_USE;
void control_free(struct control *c);
void control_reply(struct control *c, enum shim_message_type type, const void *payload, size_t n);
void control_reply_error(struct control *c, const struct error *err);
void control_announce(struct shim *s, const struct shim_exited *e);
void control_state(const struct shim *s, struct shim_state *ret);

/* runtime-oci.c */
/* Starts the runtime program for p; child are its standard descriptors (-1: /dev/null). */
int runtime_spawn_process(struct process *p, const int child[3], pid_t *ret, struct error *err) MUST_USE;
/* force: it may run still, or never have been made. */
int runtime_spawn_delete(struct shim *s, bool force, pid_t *ret, struct error *err) MUST_USE;
int runtime_read_pid(struct process *p, pid_t *ret) MUST_USE;
/* Why it failed, from its log. */
void runtime_read_failure(struct process *p, int status, struct error *err);
void runtime_forget_files(struct process *p);
