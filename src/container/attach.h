/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What attach and exec share: detach keys, framing, attachments of execs. */
#include "container/container.h"

enum { DETACH_KEYS_MAX = 16 };

/* Finds the detach sequence in what a client types. Keys that only began it are passed on. */
struct detach_parser {
	unsigned char keys[DETACH_KEYS_MAX];
	size_t n_keys, matched;
};

/* "ctrl-p,ctrl-q", "a", "ctrl-@"; NULL or "": the default. INVALID for others. */
int detach_parser_init(struct detach_parser *p, const char *keys, struct error *err) MUST_USE;
/* Copies n bytes of in to out (room for n + DETACH_KEYS_MAX) without the sequence; true
 * when it was complete: *ret_n bytes came before it. out may be in. */
bool detach_parser_feed(struct detach_parser *p, const char *in, size_t n, char *out, size_t *ret_n);

int stdcopy_write(struct http_stream *to, int stream, const void *data, size_t n) MUST_USE;
int attachment_of_exec(struct container *c, const char *exec_id, unsigned flags, bool tty, const char *keys,
		       struct attachment **ret, struct error *err) MUST_USE;
int attachment_of_failure(struct container *c, bool tty, const struct error *why, struct attachment **ret,
			  struct error *err) MUST_USE;
