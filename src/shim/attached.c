/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connections attached to a process. Each has a buffer of its own; when one is full the process's
 * output waits, as it would on a pipe that nobody reads, and a client that takes nothing for
 * minutes is dropped.
 */
#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/alloc.h"
#include "base/time.h"
#include "shim/shim-internal.h"

static void update(struct client *c)
{
	struct process *p = c->process;
	bool finished = p->phase == SHIM_PHASE_EXITED;
	bool reads = (c->flags & SHIM_STDIN) && !c->stdin_eof && !stdio_input_full(p);
	uint32_t events = 0;

	/* without standard input the only news from the client is that it left */
	if (!finished && (reads || !(c->flags & SHIM_STDIN)) && !c->stdin_eof)
		events |= EPOLLIN;
	if (c->out.len > c->out_done)
		events |= EPOLLOUT;
	/* EPOLLHUP comes unasked, but only while some interest is registered: EPOLLPRI never
	 * happens here */
	source_set_events(&p->shim->loop, &c->source, events ? events : EPOLLPRI);
}

/* Sends what the socket takes; false when the client is gone. */
static bool flush(struct client *c)
{
	while (c->out.len > c->out_done) {
		ssize_t n = send(c->source.fd, c->out.ptr + c->out_done, c->out.len - c->out_done,
		                 MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return true;
		if (n < 0)
			return false;
		c->out_done += (size_t)n;
		c->progress = time_monotonic();
	}
	strbuf_clear(&c->out);
	c->out_done = 0;
	return true;
}

void attached_free(struct client *c)
{
	struct process *p = c->process;
	bool was_input = (c->flags & SHIM_STDIN) && !c->stdin_eof;

	list_remove(&c->link);
	source_remove(&p->shim->loop, &c->source);
	strbuf_done(&c->out);
	free(c);
	if (was_input && p->phase != SHIM_PHASE_EXITED)
		stdio_input_end(p);
}

static bool finish(struct client *c)
{
	return c->process->phase == SHIM_PHASE_EXITED && c->out.len == c->out_done;
}

/* false when the client is gone. */
static bool read_input(struct client *c)
{
	static char buf[16384];
	ssize_t n = recv(c->source.fd, buf, sizeof(buf), MSG_DONTWAIT);

	if (n > 0) {
		if (c->flags & SHIM_STDIN)
			stdio_input(c->process, buf, (size_t)n);
		return true;
	}
	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	c->stdin_eof = true;
	if (c->flags & SHIM_STDIN)
		stdio_input_end(c->process);
	return true;
}

static void ready(struct source *s, uint32_t events)
{
	struct client *c = container_of(s, struct client, source);
	struct process *p = c->process;
	bool alive = !(events & (EPOLLERR | EPOLLHUP));

	if (events & EPOLLIN)
		alive = read_input(c) && alive;
	if (alive && (events & EPOLLOUT))
		alive = flush(c);
	if (!alive || finish(c))
		attached_free(c);
	else
		update(c);
	stdio_update(p);
}

int attached_add(struct process *p, int fd, unsigned flags, struct str early)
{
	struct client *c = NEW(struct client);
	int r;

	*c = (struct client){ .process = p, .flags = flags, .progress = time_monotonic() };
	c->source.ready = ready;
	r = source_add(&p->shim->loop, &c->source, fd, EPOLLIN);
	if (r < 0) {
		free(c);
		return r;
	}
	list_append(&p->clients, &c->link);
	if (early.len && (flags & SHIM_STDIN))
		stdio_input(p, early.ptr, early.len);
	update(c);
	return 0;
}

void attached_output(struct process *p, int stream, const void *data, size_t n)
{
	unsigned char header[SHIM_FRAME_HEADER] = { (unsigned char)stream,
		                                    0,
		                                    0,
		                                    0,
		                                    (unsigned char)(n >> 24),
		                                    (unsigned char)(n >> 16),
		                                    (unsigned char)(n >> 8),
		                                    (unsigned char)n };
	unsigned wanted = stream == 2 ? SHIM_STDERR : SHIM_STDOUT;

	list_for_each (&p->clients, it) {
		struct client *c = container_of(it, struct client, link);

		if (!(c->flags & wanted))
			continue;
		if (c->out_done == c->out.len)
			c->progress = time_monotonic();
		if (c->out_done > CLIENT_BUFFER_LOW) {
			strbuf_remove_front(&c->out, c->out_done);
			c->out_done = 0;
		}
		strbuf_add(&c->out, header, sizeof(header));
		strbuf_add(&c->out, data, n);
		if (flush(c))
			update(c);
		else
			attached_free(c);
	}
}

void attached_input_room(struct process *p)
{
	list_for_each (&p->clients, it)
		update(container_of(it, struct client, link));
}

void attached_finish(struct process *p)
{
	list_for_each (&p->clients, it) {
		struct client *c = container_of(it, struct client, link);

		if (!flush(c) || finish(c))
			attached_free(c);
		else
			update(c);
	}
}

void attached_check_stall(struct process *p, int64_t now)
{
	int64_t limit =
		p->phase == SHIM_PHASE_EXITED ? CLIENT_STALL_EXIT_SECONDS : CLIENT_STALL_SECONDS;

	list_for_each (&p->clients, it) {
		struct client *c = container_of(it, struct client, link);

		if (c->out.len > c->out_done && now - c->progress > limit * NSEC_PER_SEC)
			attached_free(c);
	}
	stdio_update(p);
}
