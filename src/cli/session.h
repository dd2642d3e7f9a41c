/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A connection taken over by attach or exec: our input goes in, frames (or, with a terminal, bytes)
 * come out, signals and window sizes are passed on, the detach keys end it.
 */
#include "cli/cli.h"
#include "http/stream.h"

struct session {
	struct cli *cli;
	struct http_stream *stream; /* owned */
	const char *container;      /* for signals and sizes */
	const char *exec;           /* an exec's id: sizes go there, signals nowhere */
	const char *detach_keys;    /* NULL or "": ctrl-p,ctrl-q */
	bool tty;
	bool with_input;
	bool proxy_signals;
};

enum session_end { SESSION_ENDED, SESSION_DETACHED };

/* Posts to target and takes the connection over. NULL with err. */
struct http_stream *session_open(struct cli *cli, const char *target, const struct strbuf *body,
				 struct error *err) MUST_USE;
/* Blocks the signals that session_run() will read; before the container starts. */
void session_block_signals(const struct session *s);
/* Copies until the end: an enum session_end, or negative with err. The terminal is raw meanwhile. */
int session_run(struct session *s, struct error *err) MUST_USE;
/* Tells the engine the size of our terminal. */
void session_resize(const struct session *s);
/* "ctrl-p,ctrl-q" to bytes (at most 16); their number, or negative with err. */
int detach_keys_parse(const char *text, unsigned char *ret, struct error *err) MUST_USE;

/* Frames of a stream without a terminal to stdout and stderr, as they come in. */
struct demux {
	unsigned char head[8];
	size_t n_head;
	uint32_t left;
	int fd;
	struct strbuf system_error; /* frames of kind 3 */
};

/* 0, or negative with err: bad frame, or our output is closed. */
int demux_feed(struct demux *d, const void *data, size_t n, struct error *err) MUST_USE;
/* True when the stream ended inside a frame. */
bool demux_is_cut(const struct demux *d);
