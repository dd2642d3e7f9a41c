/* SPDX-License-Identifier: Apache-2.0 */
/* The engine's requests: connections are checked, their messages read, one handler per type. */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/alloc.h"
#include "base/fs.h"
#include "base/time.h"
#include "shim/shim-internal.h"

void control_free(struct control *c)
{
	list_for_each (&c->shim->processes, it) {
		struct process *p = container_of(it, struct process, link);

		if (p->starter == c)
			p->starter = NULL;
	}
	list_remove(&c->link);
	source_remove(&c->shim->loop, &c->source);
	strbuf_done(&c->in);
	free(c);
}

/* Answers are small and the engine reads them: what does not fit its socket buffer at once is lost
 * with it. */
void control_reply(struct control *c, enum shim_message_type type, const void *payload, size_t n)
{
	struct shim_header header = { .type = (uint16_t)type,
		                      .version = SHIM_PROTOCOL_VERSION,
		                      .size = (uint32_t)n };
	char message[sizeof(header) + SHIM_PAYLOAD_MAX];

	n = MIN(n, (size_t)SHIM_PAYLOAD_MAX);
	memcpy(message, &header, sizeof(header));
	if (n)
		memcpy(message + sizeof(header), payload, n);
	IGNORE_RESULT(send(c->source.fd, message, sizeof(header) + n, MSG_NOSIGNAL | MSG_DONTWAIT) <
	                      0,
	              "an engine that is gone asks again later");
}

void control_reply_error(struct control *c, const struct error *err)
{
	control_reply(c, SHIM_ERROR, err->message, strlen(err->message));
}

void control_announce(struct shim *s, const struct shim_exited *e)
{
	list_for_each (&s->controls, it) {
		struct control *c = container_of(it, struct control, link);

		if (c->monitor)
			control_reply(c, SHIM_EXITED, e, sizeof(*e));
	}
}

void control_state(const struct shim *s, struct shim_state *ret)
{
	*ret = (struct shim_state){
		.phase = s->first->phase,
		.pid = s->first->phase == SHIM_PHASE_RUNNING ? s->first->pid : 0,
		.shim_pid = getpid(),
		.started = s->first->started,
		.exited = s->first->exited,
	};
}

/* Each payload begins with the process's id; a struct of it is copied out, terminated whatever
 * came. */
#define PAYLOAD(type, name, c, data)                                                               \
	struct type name;                                                                          \
	if ((data).len != sizeof(name))                                                            \
		return error_set(err, ERROR_INVALID, "malformed request");                         \
	memcpy(&name, (data).ptr, sizeof(name));                                                   \
	name.process[SHIM_ID_MAX] = '\0'

static struct process *find(struct control *c, const char *id, struct error *err)
{
	struct process *p = process_find(c->shim, id);

	if (!p)
		error_set(err, ERROR_NOT_FOUND, "no such process: %s", id);
	return p;
}

static int on_state(struct control *c, struct str data, struct error *err)
{
	struct shim_state state;

	control_state(c->shim, &state);
	control_reply(c, SHIM_STATE_IS, &state, sizeof(state));
	return 0;
}

static int on_monitor(struct control *c, struct str data, struct error *err)
{
	c->monitor = true;
	return on_state(c, data, err);
}

static int on_start(struct control *c, struct str data, struct error *err)
{
	PAYLOAD(shim_process_ref, ref, c, data);
	struct process *p = find(c, ref.process, err);

	return p ? process_begin(p, c, err) : error_errno(err);
}

static void forget_ended(struct shim *s)
{
	list_for_each (&s->processes, it) {
		struct process *p = container_of(it, struct process, link);

		if (p != s->first && p->phase == SHIM_PHASE_EXITED && list_empty(&p->clients))
			process_free(p);
	}
}

static int on_exec_add(struct control *c, struct str data, struct error *err)
{
	PAYLOAD(shim_exec_add, add, c, data);
	struct process *p;
	unsigned n = 0;

	if (!is_safe_name(add.process))
		return error_set(err, ERROR_INVALID, "not a process id");
	forget_ended(c->shim);
	list_for_each (&c->shim->processes, it)
		n++;
	if (n >= PROCESSES_MAX)
		return error_set(err, ERROR_TOO_MANY, "the container has %u exec processes already",
		                 n);
	if (process_find(c->shim, add.process))
		return error_set(err, ERROR_CONFLICT, "the process exists already");
	if (c->shim->first->phase != SHIM_PHASE_RUNNING)
		return error_set(err, ERROR_CONFLICT, "the container is not running");
	p = process_new(c->shim, add.process);
	p->tty = add.tty;
	p->stdin_open = add.stdin_open;
	p->stdin_once = true;
	p->height = add.height;
	p->width = add.width;
	control_reply(c, SHIM_OK, NULL, 0);
	return 0;
}

static int on_exec_drop(struct control *c, struct str data, struct error *err)
{
	PAYLOAD(shim_process_ref, ref, c, data);
	struct process *p = find(c, ref.process, err);

	if (!p)
		return error_errno(err);
	if (p == c->shim->first || (p->phase != SHIM_PHASE_NEW && p->phase != SHIM_PHASE_EXITED))
		return error_set(err, ERROR_CONFLICT, "the process is running");
	process_free(p);
	control_reply(c, SHIM_OK, NULL, 0);
	return 0;
}

/* The connection changes hands: it is the client's from now on, and c is gone. Bytes that came with
 * the request are input already. */
static int on_attach(struct control *c, struct str data, struct error *err)
{
	PAYLOAD(shim_attach, attach, c, data);
	struct process *p = find(c, attach.process, err);
	size_t used = sizeof(struct shim_header) + sizeof(attach);
	int fd;

	if (!p)
		return error_errno(err);
	if (p->phase == SHIM_PHASE_EXITED)
		return error_set(err, ERROR_CONFLICT, "the process has ended");
	fd = dup(c->source.fd);
	if (fd < 0)
		return error_set_errno(err, errno, "cannot attach");
	control_reply(c, SHIM_OK, NULL, 0);
	source_remove(&c->shim->loop, &c->source);
	IGNORE_RESULT(attached_add(p, fd, attach.flags, str_n(c->in.ptr + used, c->in.len - used)) <
	                      0,
	              "the client sees its connection end");
	return 0;
}

static int on_signal(struct control *c, struct str data, struct error *err)
{
	PAYLOAD(shim_signal, request, c, data);
	struct process *p = find(c, request.process, err);
	int r = p ? process_send_signal(p, request.signal, err) : error_errno(err);

	if (r == 0)
		control_reply(c, SHIM_OK, NULL, 0);
	return r;
}

static int on_resize(struct control *c, struct str data, struct error *err)
{
	PAYLOAD(shim_resize, request, c, data);
	struct process *p = find(c, request.process, err);
	int r = p ? process_resize(p, request.height, request.width, err) : error_errno(err);

	if (r == 0)
		control_reply(c, SHIM_OK, NULL, 0);
	return r;
}

static int (*const handlers[])(struct control *c, struct str data, struct error *err) = {
	[SHIM_STATE] = on_state,       [SHIM_MONITOR] = on_monitor,     [SHIM_START] = on_start,
	[SHIM_EXEC_ADD] = on_exec_add, [SHIM_EXEC_DROP] = on_exec_drop, [SHIM_ATTACH] = on_attach,
	[SHIM_SIGNAL] = on_signal,     [SHIM_RESIZE] = on_resize,
};

/* One message off the front of c->in: 1 handled, 0 not complete, -errno: close the connection. */
static int handle_one(struct control *c)
{
	struct shim_header header;
	struct error err = { 0 };

	if (c->in.len < sizeof(header))
		return 0;
	memcpy(&header, c->in.ptr, sizeof(header));
	if (header.version != SHIM_PROTOCOL_VERSION || header.size > SHIM_PAYLOAD_MAX ||
	    header.type >= ARRAY_SIZE(handlers) || !handlers[header.type])
		return -EPROTO;
	if (c->in.len < sizeof(header) + header.size)
		return 0;
	if (handlers[header.type](c, str_n(c->in.ptr + sizeof(header), header.size), &err) < 0)
		control_reply_error(c, &err);
	if (c->source.fd < 0)
		return -ECONNABORTED; /* given away */
	strbuf_remove_front(&c->in, sizeof(header) + header.size);
	return 1;
}

static void ready(struct source *s, uint32_t events)
{
	struct control *c = container_of(s, struct control, source);
	char *room = strbuf_reserve(&c->in, SHIM_PAYLOAD_MAX);
	ssize_t n = recv(s->fd, room, SHIM_PAYLOAD_MAX, MSG_DONTWAIT);
	int r;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		control_free(c);
		return;
	}
	strbuf_added(&c->in, (size_t)n);
	do
		r = handle_one(c);
	while (r > 0);
	if (r < 0)
		control_free(c);
}

/* A container's root is uid 0 too where there is no user namespace, but it can't reach the socket's
 * directory. */
static bool is_trusted(int fd)
{
	struct ucred peer;
	socklen_t n = sizeof(peer);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) == 0 &&
	       (peer.uid == 0 || peer.uid == geteuid());
}

static void listener_ready(struct source *s, uint32_t events)
{
	struct shim *shim = container_of(s, struct shim, listener);
	int fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC);
	struct control *c;

	if (fd < 0)
		return;
	if (!is_trusted(fd)) {
		close(fd);
		return;
	}
	c = NEW(struct control);
	c->shim = shim;
	c->source.ready = ready;
	if (source_add(&shim->loop, &c->source, fd, EPOLLIN) < 0) {
		free(c);
		return;
	}
	list_append(&shim->controls, &c->link);
}

int control_listen(struct shim *s)
{
	s->listener.ready = listener_ready;
	return source_add(&s->loop, &s->listener, s->config.listen_fd, EPOLLIN);
}
