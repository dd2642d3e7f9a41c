/* SPDX-License-Identifier: Apache-2.0 */
/* A process's standard streams: pipes, or a pty whose master the runtime sends; their flow to log
 * and clients. */
#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/alloc.h"
#include "base/socket.h"
#include "base/time.h"
#include "shim/shim-internal.h"

enum { OUTPUT_CHUNK = 32768 };

static struct log_file *log_of(const struct process *p)
{
	return p == p->shim->first ? p->shim->log : NULL;
}

static void deliver(struct process *p, int stream, const void *data, size_t n)
{
	if (log_of(p))
		log_file_add(log_of(p), stream, data, n, time_now());
	attached_output(p, stream, data, n);
}

/* One read. Positive: there may be more; 0: none now; negative: the stream has ended. */
static int pump(struct process *p, struct source *s, int stream)
{
	static char buf[OUTPUT_CHUNK];
	ssize_t n;

	if (s->fd < 0)
		return -1;
	n = read(s->fd, buf, sizeof(buf));
	if (n > 0) {
		deliver(p, stream, buf, (size_t)n);
		return 1;
	}
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	source_remove(&p->shim->loop, s); /* EIO: the pty's other side is gone */
	return -1;
}

static void write_input(struct process *p);

static void output_ready(struct process *p, struct source *s, int stream, uint32_t events)
{
	if (p->tty && (events & EPOLLOUT))
		write_input(p);
	if (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
		IGNORE_RESULT(pump(p, s, stream) < 0, "an ended stream has been removed");
		if (log_of(p))
			log_file_flush(log_of(p));
	}
	stdio_update(p);
}

static void out_ready(struct source *s, uint32_t events)
{
	output_ready(container_of(s, struct process, out), s, 1, events);
}

static void err_ready(struct source *s, uint32_t events)
{
	output_ready(container_of(s, struct process, err), s, 2, events);
}

static void in_ready(struct source *s, uint32_t events)
{
	struct process *p = container_of(s, struct process, in);

	if (events & EPOLLERR) { /* nobody reads it any more */
		strbuf_clear(&p->in_buffer);
		source_remove(&p->shim->loop, s);
	} else {
		write_input(p);
	}
	stdio_update(p);
	attached_input_room(p);
}

static int set_nonblocking(int fd)
{
	return fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) < 0 ? -errno : 0;
}

static int make_pipe(struct process *p, struct source *s, void (*ready)(struct source *, uint32_t),
                     bool ours_writes, int *ret_child)
{
	int fds[2], r;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	r = set_nonblocking(fds[ours_writes]);
	if (r < 0) {
		close(fds[0]);
		close(fds[1]);
		return r;
	}
	s->ready = ready;
	/* EPOLLERR is always reported: the input pipe needs no interest until there is something to
	 * write */
	r = source_add(&p->shim->loop, s, fds[ours_writes], ours_writes ? EPOLLOUT : EPOLLIN);
	if (r < 0) {
		close(fds[!ours_writes]);
		return r;
	}
	if (ours_writes)
		source_set_events(&p->shim->loop, s, 0);
	*ret_child = fds[!ours_writes];
	return 0;
}

int stdio_open(struct process *p, int child[3], struct error *err)
{
	int r = 0;

	child[0] = child[1] = child[2] = -1;
	if (p->stdin_open)
		r = make_pipe(p, &p->in, in_ready, true, &child[0]);
	if (r == 0)
		r = make_pipe(p, &p->out, out_ready, false, &child[1]);
	if (r == 0)
		r = make_pipe(p, &p->err, err_ready, false, &child[2]);
	if (r == 0) {
		stdio_update(p);
		return 0;
	}
	for (int i = 0; i < 3; i++)
		if (child[i] >= 0)
			close(child[i]);
	stdio_close(p);
	return error_set_errno(err, -r, "cannot make pipes for the process");
}

static void set_window(int fd, unsigned height, unsigned width)
{
	struct winsize size = { .ws_row = (unsigned short)height, .ws_col = (unsigned short)width };

	if (height || width)
		IGNORE_RESULT(ioctl(fd, TIOCSWINSZ, &size) < 0, "a size is a courtesy");
}

/* The runtime connects and sends the pty's master. */
static void console_ready(struct source *s, uint32_t events)
{
	struct process *p = container_of(s, struct process, console);
	AUTO_CLOSE int connection = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC);
	struct timeval patience = { .tv_sec = 5 };
	char buf[256];
	int master = -1;
	size_t n = 1;

	if (connection < 0)
		return;
	IGNORE_RESULT(setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) <
	                      0,
	              "only a guard");
	if (socket_recv_fds(connection, buf, sizeof(buf), &master, &n) < 0 || n == 0)
		return;
	if (set_nonblocking(master) < 0) {
		close(master);
		return;
	}
	set_window(master, p->height, p->width);
	source_remove(&p->shim->loop, s);
	p->out.ready = out_ready;
	IGNORE_RESULT(source_add(&p->shim->loop, &p->out, master, EPOLLIN) < 0,
	              "it then has no terminal");
	stdio_update(p);
}

int stdio_listen_console(struct process *p, const char *path, struct error *err)
{
	int fd = unix_listen(path, 0600, err);
	int r;

	if (fd < 0)
		return fd;
	p->console.ready = console_ready;
	r = set_nonblocking(fd);
	if (r < 0) {
		close(fd);
		return error_set_errno(err, -r, "cannot watch %s", path);
	}
	r = source_add(&p->shim->loop, &p->console, fd, EPOLLIN);
	return r < 0 ? error_set_errno(err, -r, "cannot watch %s", path) : 0;
}

void stdio_take_console(struct process *p)
{
	console_ready(&p->console, EPOLLIN);
}

void stdio_drain(struct process *p)
{
	while (pump(p, &p->out, 1) > 0)
		;
	while (pump(p, &p->err, 2) > 0)
		;
	if (log_of(p))
		log_file_flush(log_of(p));
}

void stdio_close(struct process *p)
{
	struct loop *l = &p->shim->loop;

	source_remove(l, &p->console);
	source_remove(l, &p->in);
	source_remove(l, &p->out);
	source_remove(l, &p->err);
	strbuf_done(&p->in_buffer);
}

static void write_input(struct process *p)
{
	struct source *s = p->tty ? &p->out : &p->in;
	ssize_t n;

	while (p->in_buffer.len && s->fd >= 0) {
		n = write(s->fd, p->in_buffer.ptr, p->in_buffer.len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0) {
			strbuf_clear(&p->in_buffer);
			if (!p->tty)
				source_remove(&p->shim->loop, s);
			return;
		}
		strbuf_remove_front(&p->in_buffer, (size_t)n);
	}
	if (p->in_closing && !p->tty && !p->in_buffer.len)
		source_remove(&p->shim->loop, &p->in);
}

void stdio_input(struct process *p, const void *data, size_t n)
{
	struct source *s = p->tty ? &p->out : &p->in;

	/* before the start it is kept for the process; afterwards there is nobody to read it */
	if (p->phase == SHIM_PHASE_EXITED || p->in_closing ||
	    (s->fd < 0 && p->phase == SHIM_PHASE_RUNNING))
		return;
	strbuf_add(&p->in_buffer, data, n);
	write_input(p);
	stdio_update(p);
}

void stdio_input_end(struct process *p)
{
	if (p->tty || !p->stdin_once)
		return;
	p->in_closing = true;
	if (p->in.fd >= 0)
		write_input(p);
	stdio_update(p);
}

bool stdio_input_full(const struct process *p)
{
	return p->in_buffer.len >= STDIN_BUFFER_MAX;
}

void stdio_update(struct process *p)
{
	struct loop *l = &p->shim->loop;
	bool waiting = p->in_buffer.len > 0;
	/* what comes before the process runs is the runtime's complaint, which is told in another
	 * way */
	bool held = p->phase == SHIM_PHASE_NEW || p->phase == SHIM_PHASE_STARTING;
	size_t most = 0;

	list_for_each (&p->clients, it) {
		const struct client *c = container_of(it, struct client, link);

		most = MAX(most, c->out.len - c->out_done);
	}
	if (most > CLIENT_BUFFER_HIGH)
		p->paused = true;
	else if (most < CLIENT_BUFFER_LOW)
		p->paused = false;
	held = held || p->paused;
	source_set_events(l, &p->out, (held ? 0 : EPOLLIN) | (p->tty && waiting ? EPOLLOUT : 0));
	source_set_events(l, &p->err, held ? 0 : EPOLLIN);
	source_set_events(l, &p->in, waiting ? EPOLLOUT : 0);
}
