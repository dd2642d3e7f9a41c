/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The main thread reads the connection and the signals; input has a thread of its own, since
 * writing to the engine may block while the engine waits for us to read.
 */
#include "cli/session.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>

#include "base/fs.h"
#include "cli/engine.h"
#include "cli/terminal.h"

enum { KEYS_MAX = 16, DIE_AFTER_SIGNALS = 3 };

struct pump {
	struct session *s;
	unsigned char keys[KEYS_MAX];
	size_t n_keys, matched;
	int detached; /* eventfd */
};

static const int proxied[] = { SIGHUP,  SIGINT,  SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2,
	                       SIGCONT, SIGALRM, SIGTSTP, SIGTTIN, SIGTTOU };

static void signal_set(const struct session *s, sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGWINCH);
	if (s->tty && s->with_input) { /* so that the terminal is put right before we die */
		sigaddset(set, SIGTERM);
		sigaddset(set, SIGHUP);
		sigaddset(set, SIGINT);
	}
	for (size_t i = 0; s->proxy_signals && i < ARRAY_SIZE(proxied); i++)
		sigaddset(set, proxied[i]);
}

void session_block_signals(const struct session *s)
{
	sigset_t set;

	signal_set(s, &set);
	sigprocmask(SIG_BLOCK, &set, NULL);
}

struct http_stream *session_open(struct cli *cli, const char *target, const struct strbuf *body,
                                 struct error *err)
{
	CLEANUP(http_client_free_ptr) struct http_client *client = engine_client_new(cli);
	struct engine_request r = {
		.method = "POST", .target = target, .upgrade = true, .client = client
	};
	struct http_stream *stream;
	struct http_response answer;

	if (body)
		r.body = strbuf_str(body);
	else
		r.content_type = "text/plain";
	if (engine_send(cli, &r, &answer, err) < 0)
		return NULL;
	stream = http_response_hijack(&answer);
	http_response_done(&answer);
	return stream;
}

void session_resize(const struct session *s)
{
	AUTO_STRBUF target = { 0 };
	struct error ignored = { 0 };
	unsigned rows, columns;

	if (!s->tty || !terminal_size(STDOUT_FILENO, &rows, &columns) || !rows || !columns)
		return;
	target_path(&target, s->exec ? "/exec/{}/resize" : "/containers/{}/resize",
	            s->exec ? s->exec : s->container);
	strbuf_printf(&target, "?h=%u&w=%u", rows, columns);
	IGNORE_RESULT(engine_do(s->cli, "POST", strbuf_cstr(&target), NULL, &ignored) < 0,
	              "it may not run yet, or no more");
}

/* One name of a key: a letter, or ctrl- and a letter or one of @ [ \ ] ^ _. */
static int parse_key(struct str key, unsigned char *ret)
{
	char c;

	if (key.len == 1) {
		*ret = (unsigned char)key.ptr[0];
		return 0;
	}
	if (key.len != 6 || strncmp(key.ptr, "ctrl-", 5) != 0)
		return -EINVAL;
	c = key.ptr[5];
	if (c >= 'a' && c <= 'z')
		*ret = (unsigned char)(c - 'a' + 1);
	else if (c == '@' || (c >= '[' && c <= '_'))
		*ret = (unsigned char)(c - '@');
	else
		return -EINVAL;
	return 0;
}

int detach_keys_parse(const char *text, unsigned char *ret, struct error *err)
{
	struct str rest = str_from(str_empty_or_null(text) ? "ctrl-p,ctrl-q" : text), key;
	int n = 0;

	while (str_cut(&rest, ',', &key)) {
		if (n == KEYS_MAX || parse_key(key, &ret[n]) < 0)
			return error_set(
				err, ERROR_INVALID,
				"invalid detach keys \"%s\": a comma separated list of letters and "
				"ctrl-<letter>",
				text);
		n++;
	}
	return n;
}

/* Sends on what can't be the beginning of the detach keys; true when they were typed whole. */
static bool filter_keys(struct pump *p, const unsigned char *data, size_t n, struct strbuf *out)
{
	for (size_t i = 0; i < n; i++) {
		if (data[i] == p->keys[p->matched]) {
			if (++p->matched == p->n_keys)
				return true;
			continue;
		}
		strbuf_add(out, p->keys, p->matched);
		p->matched = 0;
		if (data[i] == p->keys[0])
			p->matched = 1;
		else
			strbuf_putc(out, (char)data[i]);
	}
	return false;
}

static void *pump_input(void *arg)
{
	struct pump *p = arg;
	static unsigned char buf[32 * 1024];
	static struct strbuf filtered; /* not on the stack: the thread may be cancelled */
	uint64_t one = 1;
	ssize_t n;

	while ((n = read(STDIN_FILENO, buf, sizeof(buf))) > 0 || (n < 0 && errno == EINTR)) {
		const void *data = buf;
		size_t len = (size_t)MAX(n, (ssize_t)0);

		if (p->n_keys) {
			strbuf_clear(&filtered);
			if (filter_keys(p, buf, len, &filtered)) {
				IGNORE_RESULT(write(p->detached, &one, sizeof(one)) < 0,
				              "it can't fail");
				return NULL;
			}
			data = strbuf_cstr(&filtered);
			len = filtered.len;
		}
		if (len && http_stream_write(p->s->stream, data, len) < 0)
			return NULL;
	}
	if (p->s->stream->ops->shutdown_write)
		p->s->stream->ops->shutdown_write(p->s->stream);
	return NULL;
}

static int put(int fd, const void *data, size_t n, struct error *err)
{
	int r = write_full(fd, data, n);

	if (r < 0)
		return error_set_errno(err, -r, "cannot write to standard %s",
		                       fd == 1 ? "output" : "error");
	return 0;
}

static int frame_begin(struct demux *d, struct error *err)
{
	d->left = (uint32_t)d->head[4] << 24 | (uint32_t)d->head[5] << 16 |
	          (uint32_t)d->head[6] << 8 | d->head[7];
	d->n_head = d->left ? 8 : 0;
	if (d->head[0] > 3 || d->head[1] || d->head[2] || d->head[3])
		return error_set(err, ERROR_INVALID,
		                 "the engine sent an output frame of unknown kind %u", d->head[0]);
	d->fd = d->head[0] == 2 ? STDERR_FILENO : d->head[0] == 3 ? -1 : STDOUT_FILENO;
	return 0;
}

int demux_feed(struct demux *d, const void *data, size_t n, struct error *err)
{
	const unsigned char *p = data;

	while (n > 0) {
		size_t part;

		if (d->n_head < 8) {
			d->head[d->n_head++] = *p++;
			n--;
			if (d->n_head == 8 && frame_begin(d, err) < 0)
				return error_errno(err);
			continue;
		}
		part = MIN(n, (size_t)d->left);
		if (d->fd < 0)
			strbuf_add(&d->system_error, p, MIN(part, (size_t)4096));
		else if (put(d->fd, p, part, err) < 0)
			return error_errno(err);
		p += part;
		n -= part;
		d->left -= (uint32_t)part;
		if (!d->left)
			d->n_head = 0;
	}
	return 0;
}

bool demux_is_cut(const struct demux *d)
{
	return d->n_head > 0;
}

/* Reads once: 1 go on, 0 the end, negative with err. */
static int read_output(struct session *s, struct demux *d, struct error *err)
{
	static unsigned char buf[64 * 1024];
	ssize_t n = http_stream_read(s->stream, buf, sizeof(buf));

	if (n == -EAGAIN || n == -EINTR)
		return 1;
	if (n == -ECONNRESET || n == 0)
		return 0;
	if (n < 0)
		return error_set_errno(err, (int)-n, "cannot read from the engine");
	if (s->tty)
		return put(STDOUT_FILENO, buf, (size_t)n, err) < 0 ? error_errno(err) : 1;
	return demux_feed(d, buf, (size_t)n, err) < 0 ? error_errno(err) : 1;
}

static void pass_signal(const struct session *s, int sig)
{
	AUTO_STRBUF target = { 0 };
	struct error ignored = { 0 };

	target_path(&target, "/containers/{}/kill", s->container);
	strbuf_printf(&target, "?signal=%s", sigabbrev_np(sig));
	IGNORE_RESULT(engine_do(s->cli, "POST", strbuf_cstr(&target), NULL, &ignored) < 0,
	              "it may have ended");
}

/* A signal that is not passed on ends us, as if we had not caught it. */
static void die_of(int sig)
{
	sigset_t set;

	terminal_restore();
	signal(sig, SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, sig);
	raise(sig);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

static void take_signal(const struct session *s, int fd, unsigned *n_ends)
{
	struct signalfd_siginfo info;

	if (read(fd, &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_signo == SIGWINCH) {
		session_resize(s);
		return;
	}
	if (!s->proxy_signals || s->exec)
		die_of((int)info.ssi_signo);
	if ((info.ssi_signo == SIGINT || info.ssi_signo == SIGTERM) &&
	    ++*n_ends >= DIE_AFTER_SIGNALS) {
		cli_say("got %d SIGTERM/SIGINTs, forcefully exiting", DIE_AFTER_SIGNALS);
		terminal_restore();
		_exit(1);
	}
	pass_signal(s, (int)info.ssi_signo);
}

static int loop(struct session *s, int signals, int detached, struct error *err)
{
	CLEANUP(strbuf_done) struct strbuf text = { 0 };
	struct demux d = { 0 };
	unsigned n_ends = 0;
	int r = 1;

	while (r > 0) {
		struct pollfd fds[] = { { .fd = s->stream->fd, .events = POLLIN },
			                { .fd = signals, .events = POLLIN },
			                { .fd = detached, .events = POLLIN } };
		bool pending = s->stream->ops->pending && s->stream->ops->pending(s->stream);

		if (poll(fds, ARRAY_SIZE(fds), pending ? 0 : -1) < 0 && errno != EINTR)
			return error_set_errno(err, errno, "cannot wait for the engine");
		if (fds[1].revents)
			take_signal(s, signals, &n_ends);
		if (fds[2].revents)
			return SESSION_DETACHED;
		if (pending || fds[0].revents)
			r = read_output(s, &d, err);
	}
	text = d.system_error;
	if (text.len && !r)
		return error_set(err, ERROR_INTERNAL, "error from daemon in stream: %s",
		                 strbuf_cstr(&text));
	if (!r && !s->tty && demux_is_cut(&d))
		return error_set(err, ERROR_UNAVAILABLE,
		                 "the connection to the engine was cut in mid-output");
	return r < 0 ? r : SESSION_ENDED;
}

static int start_input(struct session *s, struct pump *p, pthread_t *ret, struct error *err)
{
	int n, r;

	p->s = s;
	if (s->tty) {
		n = detach_keys_parse(s->detach_keys, p->keys, err);
		if (n < 0)
			return n;
		p->n_keys = (size_t)n;
	}
	r = pthread_create(ret, NULL, pump_input, p);
	return r ? error_set_errno(err, r, "cannot start a thread") : 0;
}

int session_run(struct session *s, struct error *err)
{
	AUTO_CLOSE int signals = -1, detached = eventfd(0, EFD_CLOEXEC);
	struct pump pump = { .detached = detached };
	pthread_t thread;
	sigset_t set;
	int r;

	fflush(stdout);
	signal_set(s, &set);
	session_block_signals(s);
	signals = signalfd(-1, &set, SFD_CLOEXEC);
	if (s->with_input && start_input(s, &pump, &thread, err) < 0)
		return error_errno(err);
	if (!s->with_input && s->stream->ops->shutdown_write)
		s->stream->ops->shutdown_write(s->stream);
	r = loop(s, signals, detached, err);
	terminal_restore();
	if (s->with_input) {
		pthread_cancel(thread);
		pthread_join(thread, NULL);
	}
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	http_stream_close(s->stream);
	s->stream = NULL;
	return r;
}
