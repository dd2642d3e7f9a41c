/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attaching a client to a process's streams. One that attaches before the start waits, and is
 * connected between the making of the shim and the start of the process, so that it misses nothing.
 * This thread carries output; input has a thread of its own.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include "base/log.h"
#include "base/socket.h"
#include "container/attach.h"
#include "container/container-internal.h"

struct attachment {
	struct container *c;
	struct list link; /* in c->attachments while waiting */
	char exec_id[SHIM_ID_MAX + 1];
	unsigned flags;
	bool tty, logs, stream;
	struct detach_parser detach;
	int shim_fd;                /* -1 while waiting; c->lock */
	int ready_fd;               /* counts up when connected or dropped */
	bool dropped;               /* c->lock */
	char *message;              /* instead of a process: why there is none */
	struct http_stream *client; /* while running */
	bool detached;
};

static struct attachment *attachment_new(struct container *c, unsigned flags, const char *keys,
                                         struct error *err)
{
	struct attachment *a = NEW(struct attachment);

	*a = (struct attachment){
		.c = container_ref(c), .flags = flags, .shim_fd = -1, .stream = true
	};
	list_init(&a->link);
	a->ready_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (a->ready_fd >= 0 && detach_parser_init(&a->detach, keys, err) >= 0)
		return a;
	if (a->ready_fd < 0)
		error_set_errno(err, errno, "cannot attach");
	attachment_free(a);
	return NULL;
}

void attachment_free(struct attachment *a)
{
	if (!a)
		return;
	pthread_mutex_lock(&a->c->lock);
	list_remove(&a->link);
	pthread_mutex_unlock(&a->c->lock);
	if (a->shim_fd >= 0)
		close(a->shim_fd);
	if (a->ready_fd >= 0)
		close(a->ready_fd);
	container_unref(a->c);
	free(a->message);
	free(a);
}

/* lock held */
static void connect_one(struct attachment *a)
{
	AUTO_FREE char *bundle = container_bundle(a->c);
	struct error err = { 0 };

	a->shim_fd = shim_attach(bundle, a->exec_id, a->flags, &err);
	if (a->shim_fd < 0) {
		a->shim_fd = -1;
		a->dropped = true;
		log_warning("cannot attach container=%s: %s", a->c->info.id, err.message);
	}
	IGNORE_RESULT(eventfd_write(a->ready_fd, 1) < 0, "a counter does not fail");
}

void attachments_connect(struct container *c)
{
	WITH_LOCK(&c->lock);
	list_for_each (&c->attachments, it) {
		list_remove(it);
		connect_one(container_of(it, struct attachment, link));
	}
}

void attachments_drop(struct container *c)
{
	WITH_LOCK(&c->lock);
	list_for_each (&c->attachments, it) {
		struct attachment *a = container_of(it, struct attachment, link);

		list_remove(it);
		a->dropped = true;
		IGNORE_RESULT(eventfd_write(a->ready_fd, 1) < 0, "a counter does not fail");
	}
}

int container_attach(struct container *c, const struct attach_options *o, struct attachment **ret,
                     struct error *err)
{
	unsigned flags = (o->stdin_ ? SHIM_STDIN : 0) | (o->stdout_ ? SHIM_STDOUT : 0) |
	                 (o->stderr_ ? SHIM_STDERR : 0);
	struct attachment *a;
	int r = 0;

	a = attachment_new(c, flags, o->detach_keys, err);
	if (!a)
		return error_errno(err);
	a->logs = o->logs;
	a->stream = o->stream;
	pthread_mutex_lock(&c->lock);
	a->tty = c->info.config.tty;
	if (!c->info.config.open_stdin)
		a->flags &= ~(unsigned)SHIM_STDIN;
	if (c->info.status == CONTAINER_PAUSED)
		r = error_set(err, ERROR_CONFLICT,
		              "container %s is paused, unpause the container before attach",
		              c->info.id);
	else if (c->info.status == CONTAINER_RESTARTING)
		r = error_set(err, ERROR_CONFLICT,
		              "container %s is restarting, wait until the container is running",
		              c->info.id);
	else if (c->removed || c->info.status == CONTAINER_REMOVING ||
	         c->info.status == CONTAINER_DEAD)
		r = error_set(err, ERROR_CONFLICT, "container %s is marked for removal",
		              c->info.id);
	else if (!a->stream)
		a->dropped = true;
	else if (c->info.status == CONTAINER_RUNNING)
		connect_one(a);
	else
		list_append(&c->attachments, &a->link);
	pthread_mutex_unlock(&c->lock);
	if (r < 0) {
		attachment_free(a);
		return r;
	}
	container_event(c, "attach", NULL, NULL);
	*ret = a;
	return 0;
}

int attachment_of_exec(struct container *c, const char *exec_id, unsigned flags, bool tty,
                       const char *keys, struct attachment **ret, struct error *err)
{
	AUTO_FREE char *bundle = container_bundle(c);
	struct attachment *a = attachment_new(c, flags, keys, err);

	if (!a)
		return error_errno(err);
	snprintf(a->exec_id, sizeof(a->exec_id), "%s", exec_id);
	a->tty = tty;
	a->shim_fd = shim_attach(bundle, exec_id, flags, err);
	if (a->shim_fd < 0) {
		a->shim_fd = -1;
		attachment_free(a);
		return error_errno(err);
	}
	*ret = a;
	return 0;
}

/* The stream was promised before the process could fail: the failure is told in it, as Docker does.
 */
int attachment_of_failure(struct container *c, bool tty, const struct error *why,
                          struct attachment **ret, struct error *err)
{
	struct attachment *a = attachment_new(c, 0, NULL, err);

	if (!a)
		return error_errno(err);
	a->tty = tty;
	a->dropped = true;
	a->message = xasprintf("%s\r\n", why->message);
	*ret = a;
	return 0;
}

/* True once connected; false when the client left or nothing will come. */
static bool await_start(struct attachment *a)
{
	struct pollfd fds[2] = { { .fd = a->ready_fd, .events = POLLIN }, { .fd = a->client->fd } };
	bool connected;

	for (;;) {
		pthread_mutex_lock(&a->c->lock);
		connected = a->shim_fd >= 0;
		if (connected || a->dropped) {
			pthread_mutex_unlock(&a->c->lock);
			return connected;
		}
		pthread_mutex_unlock(&a->c->lock);
		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			return false;
		if (fds[1].revents & (POLLHUP | POLLERR | POLLNVAL))
			return false;
	}
}

static void *carry_input(void *arg)
{
	struct attachment *a = arg;
	char buf[16384];

	for (;;) {
		ssize_t n = http_stream_read(a->client, buf, sizeof(buf) - DETACH_KEYS_MAX);
		size_t keep;

		if (n == -EAGAIN || n == -EINTR)
			continue;
		if (n <= 0)
			break;
		keep = (size_t)n;
		if (a->tty)
			a->detached = detach_parser_feed(&a->detach, buf, (size_t)n, buf, &keep);
		for (size_t done = 0; done < keep;) {
			ssize_t sent = send(a->shim_fd, buf + done, keep - done, MSG_NOSIGNAL);

			if (sent < 0 && errno == EINTR)
				continue;
			if (sent < 0)
				return NULL;
			done += (size_t)sent;
		}
		if (a->detached) {
			shutdown(a->shim_fd, SHUT_RDWR);
			return NULL;
		}
	}
	shutdown(a->shim_fd, SHUT_WR);
	return NULL;
}

/* Takes frame headers off: with a terminal there is one stream of plain bytes. */
struct unframer {
	unsigned char header[SHIM_FRAME_HEADER];
	size_t have, left;
};

static int write_plain(struct unframer *u, struct http_stream *to, const char *data, size_t n)
{
	while (n > 0) {
		if (u->left == 0) {
			size_t take = MIN(sizeof(u->header) - u->have, n);

			memcpy(u->header + u->have, data, take);
			u->have += take;
			data += take;
			n -= take;
			if (u->have < sizeof(u->header))
				return 0;
			u->have = 0;
			u->left = (size_t)u->header[4] << 24 | (size_t)u->header[5] << 16 |
			          (size_t)u->header[6] << 8 | u->header[7];
			continue;
		}
		size_t take = MIN(u->left, n);
		int r = http_stream_write(to, data, take);

		if (r < 0)
			return r;
		u->left -= take;
		data += take;
		n -= take;
	}
	return 0;
}

static void carry_output(struct attachment *a)
{
	struct pollfd fds[2] = { { .fd = a->shim_fd, .events = POLLIN }, { .fd = a->client->fd } };
	struct unframer u = { 0 };
	char buf[32768];

	for (;;) {
		ssize_t n;
		int r;

		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			return;
		if (!(fds[0].revents & (POLLIN | POLLHUP | POLLERR))) {
			if (fds[1].revents & (POLLHUP | POLLERR | POLLNVAL))
				return;
			continue;
		}
		n = recv(a->shim_fd, buf, sizeof(buf), MSG_DONTWAIT);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (n <= 0)
			return;
		r = a->tty ? write_plain(&u, a->client, buf, (size_t)n)
		           : http_stream_write(a->client, buf, (size_t)n);
		if (r < 0)
			return;
	}
}

int stdcopy_write(struct http_stream *to, int stream, const void *data, size_t n)
{
	unsigned char header[SHIM_FRAME_HEADER] = { (unsigned char)stream,
		                                    0,
		                                    0,
		                                    0,
		                                    (unsigned char)(n >> 24),
		                                    (unsigned char)(n >> 16),
		                                    (unsigned char)(n >> 8),
		                                    (unsigned char)n };
	int r = http_stream_write(to, header, sizeof(header));

	return r < 0 ? r : http_stream_write(to, data, n);
}

static int log_sink(void *ctx, int stream, const void *data, size_t n)
{
	struct attachment *a = ctx;

	return a->tty ? http_stream_write(a->client, data, n)
	              : stdcopy_write(a->client, stream, data, n);
}

static void send_logs(struct attachment *a)
{
	struct log_options o = { .stdout_ = a->flags & SHIM_STDOUT,
		                 .stderr_ = a->flags & SHIM_STDERR,
		                 .tail = -1 };
	struct error err = { 0 };

	IGNORE_RESULT(container_logs(a->c, &o, log_sink, NULL, a, &err) < 0,
	              "what is not there is not shown");
}

void attachment_run(struct attachment *a, struct http_stream *stream)
{
	struct error err = { 0 };
	pthread_t input;
	bool has_input = false;

	a->client = stream;
	if (a->message)
		IGNORE_RESULT(log_sink(a, 1, a->message, strlen(a->message)) < 0,
		              "the client left");
	if (a->logs)
		send_logs(a);
	if (await_start(a)) {
		if (a->flags & SHIM_STDIN)
			has_input = thread_start(&input, carry_input, a, &err) >= 0;
		carry_output(a);
	}
	if (has_input) {
		/* wakes the reader; what was written is still delivered */
		shutdown(stream->fd, SHUT_RD);
		shutdown(a->shim_fd, SHUT_RDWR);
		pthread_join(input, NULL);
	}
	if (a->detached)
		container_event(a->c, a->exec_id[0] ? "exec_detach" : "detach",
		                a->exec_id[0] ? "execID" : NULL, a->exec_id);
	else if (a->exec_id[0])
		exec_await_code(a->c, a->exec_id);
	http_stream_close(stream);
	attachment_free(a);
}

int container_resize(struct container *c, unsigned height, unsigned width, struct error *err)
{
	AUTO_FREE char *bundle = container_bundle(c);

	if (!container_is_running(c))
		return container_not_running(c, err);
	if (height > UINT16_MAX || width > UINT16_MAX)
		return error_set(err, ERROR_INVALID, "invalid terminal size: %u x %u", height,
		                 width);
	if (shim_resize(bundle, "", height, width, err) < 0)
		return error_prefix(err, "cannot resize the terminal of container %s", c->info.id);
	container_event(c, "resize", NULL, NULL);
	return 0;
}
