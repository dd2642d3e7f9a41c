/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* An epoll loop of sources that are embedded in the objects owning them. One thread. */
#include <stdint.h>

#include "base/macros.h"

struct loop {
	int epoll_fd;
	void *pending[64]; /* sources of the batch being dispatched; NULL once removed */
	int n_pending;
};

struct source {
	int fd;          /* -1: none; owned */
	uint32_t events; /* registered interest */
	void (*ready)(struct source *s, uint32_t events);
};

int loop_init(struct loop *l) MUST_USE;
void loop_done(struct loop *l);
/* Takes fd. 0 or -errno (fd is closed then). */
int source_add(struct loop *l, struct source *s, int fd, uint32_t events) MUST_USE;
void source_set_events(struct loop *l, struct source *s, uint32_t events);
/* Closes it; its events of the running batch are forgotten. Fine for one without descriptor. */
void source_remove(struct loop *l, struct source *s);
/* Waits up to timeout_ms (-1: for ever) and dispatches once. */
void loop_once(struct loop *l, int timeout_ms);
