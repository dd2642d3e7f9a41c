/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Long work behind a request. Only the request's own thread may touch the connection, so the work
 * runs in a second thread: what it has to tell is rendered into a buffer that the first one sends,
 * bodies travel through a pipe, and the first one notices when the client leaves.
 */
#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "api/api-internal.h"
#include "base/fs.h"
#include "base/thread.h"
#include "base/time.h"

enum { PENDING_MAX = 1024 * 1024, POLL_MS = 250, COPY_SIZE = 64 * 1024, BAR_WIDTH = 50 };

struct stream_job {
	struct api_request *req; /* borrowed; the first thread's alone */
	api_job_fn run;
	void *ctx;
	int fd; /* the job's end of the pipe, closed when it is done; or -1 */
	bool silent;
	atomic_bool cancel;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct strbuf pending; /* under lock: messages to be sent */
	bool done;             /* under lock */
	struct error err;      /* the job's until done */
	struct strbuf sending; /* the first thread's */
};

/* 4 digits, decimal units: "1.234MB", as Docker shows sizes. */
static void human_size(double n, char *buf, size_t size)
{
	static const char *const units[] = { "B", "kB", "MB", "GB", "TB" };
	size_t u = 0;

	while (n >= 1000 && u + 1 < ARRAY_SIZE(units)) {
		n /= 1000;
		u++;
	}
	snprintf(buf, size, "%.4g%s", n, units[u]);
}

static void render_bar(struct json_writer *w, int64_t current, int64_t total)
{
	char bar[BAR_WIDTH + 1], have[24], all[24], text[128];
	int done = (int)(MIN(current, total) * BAR_WIDTH / total);

	memset(bar, ' ', BAR_WIDTH);
	memset(bar, '=', (size_t)done);
	bar[BAR_WIDTH] = '\0';
	if (done < BAR_WIDTH)
		bar[done] = '>';
	human_size((double)current, have, sizeof(have));
	human_size((double)total, all, sizeof(all));
	snprintf(text, sizeof(text), "[%s] %8s/%s", bar, have, all);
	jw_kv_string(w, "progress", text);
}

static void render_progress(struct strbuf *out, const struct progress *p)
{
	struct json_writer w;

	json_writer_init(&w, out);
	jw_object(&w);
	if (p->stream)
		jw_kv_string(&w, "stream", p->stream);
	if (p->status)
		jw_kv_string(&w, "status", p->status);
	if (p->id || p->aux_json) {
		jw_key(&w, "progressDetail");
		jw_object(&w);
		if (p->total != 0)
			jw_kv_i64(&w, "current", p->current);
		if (p->total > 0)
			jw_kv_i64(&w, "total", p->total);
		jw_object_end(&w);
	}
	if (p->total > 0)
		render_bar(&w, p->current, p->total);
	if (p->id)
		jw_kv_string(&w, "id", p->id);
	if (p->aux_json) {
		jw_key(&w, "aux");
		jw_raw(&w, str_from(p->aux_json));
	}
	jw_object_end(&w);
	strbuf_puts(out, "\r\n");
}

/* A client that does not read loses the bars, never the sentences. */
static void on_progress(void *ctx, const struct progress *p)
{
	struct stream_job *j = ctx;

	WITH_LOCK(&j->lock);
	if (j->silent || (j->pending.len > PENDING_MAX && p->total != 0))
		return;
	render_progress(&j->pending, p);
	pthread_cond_signal(&j->changed);
}

static void *job_main(void *arg)
{
	struct stream_job *j = arg;
	const struct job job = { .cancel = &j->cancel, .progress = on_progress, .ctx = j };

	/* a first attempt that failed (https, then http) may have left its reason there */
	if (j->run(j->ctx, &job, &j->err) >= 0)
		error_clear(&j->err);
	if (j->fd >= 0)
		close(TAKE_FD(j->fd));
	WITH_LOCK(&j->lock);
	j->done = true;
	pthread_cond_signal(&j->changed);
	return NULL;
}

static int job_start(struct stream_job *j, struct error *err)
{
	pthread_condattr_t attr;

	pthread_mutex_init(&j->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&j->changed, &attr);
	pthread_condattr_destroy(&attr);
	return thread_start(&j->thread, job_main, j, err);
}

static void job_end(struct stream_job *j)
{
	pthread_join(j->thread, NULL);
	pthread_mutex_destroy(&j->lock);
	pthread_cond_destroy(&j->changed);
	strbuf_done(&j->pending);
	strbuf_done(&j->sending);
}

static void render_error(struct strbuf *out, const struct error *err)
{
	struct json_writer w;

	json_writer_init(&w, out);
	jw_object(&w);
	jw_key(&w, "errorDetail");
	jw_object(&w);
	jw_kv_string(&w, "message", err->message);
	jw_object_end(&w);
	jw_kv_string(&w, "error", err->message);
	jw_object_end(&w);
	strbuf_puts(out, "\r\n");
}

static int send_bytes(struct stream_job *j, const struct strbuf *bytes)
{
	struct http_request *http = j->req->http;
	int r = 0;

	if (!http_answered(http))
		r = http_begin(http, 200, "application/json", -1);
	if (r >= 0 && bytes->len)
		r = http_write(http, bytes->ptr, bytes->len);
	if (r >= 0)
		r = http_flush(http);
	if (r < 0)
		atomic_store(&j->cancel, true);
	return r;
}

/* Sends what is there. The two buffers change places, so that the job writes on meanwhile. */
static void send_pending(struct stream_job *j)
{
	struct strbuf tmp;

	pthread_mutex_lock(&j->lock);
	tmp = j->sending;
	j->sending = j->pending;
	j->pending = tmp;
	pthread_mutex_unlock(&j->lock);
	if (j->sending.len > 0)
		IGNORE_RESULT(send_bytes(j, &j->sending) < 0, "the job was cancelled, and ends");
	strbuf_clear(&j->sending);
}

/* Until the job has something to say or is done; looks for a client that left. True when done. */
static bool wait_job(struct stream_job *j)
{
	int64_t at = time_monotonic() + POLL_MS * NSEC_PER_MSEC;
	const struct timespec deadline = { .tv_sec = at / NSEC_PER_SEC,
		                           .tv_nsec = at % NSEC_PER_SEC };
	bool done;

	pthread_mutex_lock(&j->lock);
	while (!j->done && j->pending.len == 0)
		if (pthread_cond_timedwait(&j->changed, &j->lock, &deadline) == ETIMEDOUT)
			break;
	done = j->done;
	pthread_mutex_unlock(&j->lock);
	if (!done && api_gone(j->req))
		atomic_store(&j->cancel, true);
	return done;
}

/* Messages to the last one, then how it ended. */
static int finish_stream(struct stream_job *j, struct error *err)
{
	struct http_request *http = j->req->http;
	bool done;
	int r = 0;

	do {
		done = wait_job(j);
		send_pending(j);
	} while (!done);
	if (j->err.kind && !http_answered(http)) {
		*err = j->err;
		r = error_errno(err);
	} else {
		AUTO_STRBUF last = { 0 };

		if (j->err.kind)
			render_error(&last, &j->err);
		if (send_bytes(j, &last) >= 0)
			IGNORE_RESULT(http_end(http) < 0, "the client is gone");
		else
			http_request_abort(http);
	}
	job_end(j);
	return r;
}

int api_stream_job(struct api_request *req, api_job_fn run, void *ctx, struct error *err)
{
	struct stream_job j = { .req = req, .run = run, .ctx = ctx, .fd = -1 };
	int r = job_start(&j, err);

	return r < 0 ? r : finish_stream(&j, err);
}

static int make_pipe(int fds[2], struct error *err)
{
	if (pipe2(fds, O_CLOEXEC) < 0)
		return error_set_errno(err, errno, "cannot make a pipe");
	return 0;
}

/* The body into the pipe. A job that stops reading ends this early; what remains of the body is the
 * server's. */
static void pump_body(struct stream_job *j, int to)
{
	AUTO_FREE char *buf = xmalloc(COPY_SIZE);

	for (;;) {
		ssize_t n = http_read(j->req->http, buf, COPY_SIZE);

		if (n < 0)
			atomic_store(&j->cancel, true);
		if (n <= 0 || write_full(to, buf, (size_t)n) < 0)
			return;
		send_pending(j);
	}
}

static int start_upload(struct stream_job *j, int *body_fd, int *ret_to, struct error *err)
{
	int fds[2];
	int r = make_pipe(fds, err);

	if (r < 0)
		return r;
	*body_fd = j->fd = fds[0];
	r = job_start(j, err);
	if (r < 0) {
		close(fds[0]);
		close(fds[1]);
		return r;
	}
	*ret_to = fds[1];
	return 0;
}

int api_stream_upload(struct api_request *req, int *body_fd, api_job_fn run, void *ctx,
                      struct error *err)
{
	struct stream_job j = { .req = req, .run = run, .ctx = ctx, .fd = -1 };
	int to, r = start_upload(&j, body_fd, &to, err);

	if (r < 0)
		return r;
	pump_body(&j, to);
	close(to);
	return finish_stream(&j, err);
}

int api_pump_upload(struct api_request *req, int *body_fd, api_job_fn run, void *ctx,
                    struct error *err)
{
	struct stream_job j = { .req = req, .run = run, .ctx = ctx, .fd = -1, .silent = true };
	int to, r = start_upload(&j, body_fd, &to, err);

	if (r < 0)
		return r;
	pump_body(&j, to);
	close(to);
	while (!wait_job(&j))
		;
	*err = j.err;
	job_end(&j);
	return err->kind ? error_errno(err) : 0;
}

/* From the pipe into the answer. False when the client is gone. */
static bool pump_answer(struct stream_job *j, int from, const char *content_type)
{
	struct http_request *http = j->req->http;
	AUTO_FREE char *buf = xmalloc(COPY_SIZE);
	ssize_t n;

	while ((n = read(from, buf, COPY_SIZE)) != 0) {
		int r = 0;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false;
		if (!http_answered(http))
			r = http_begin(http, 200, content_type, -1);
		if (r >= 0)
			r = http_write(http, buf, (size_t)n);
		if (r < 0)
			return false;
	}
	return true;
}

int api_stream_download(struct api_request *req, const char *content_type, int *out_fd,
                        api_job_fn run, void *ctx, struct error *err)
{
	struct stream_job j = { .req = req, .run = run, .ctx = ctx, .fd = -1, .silent = true };
	int fds[2];
	bool whole;
	int r = make_pipe(fds, err);

	if (r < 0)
		return r;
	*out_fd = j.fd = fds[1];
	r = job_start(&j, err);
	if (r < 0) {
		close(fds[0]);
		close(fds[1]);
		return r;
	}
	whole = pump_answer(&j, fds[0], content_type);
	if (!whole)
		atomic_store(&j.cancel, true);
	close(fds[0]);
	job_end(&j);
	if (j.err.kind && !http_answered(req->http)) {
		*err = j.err;
		return error_errno(err);
	}
	if (!http_answered(req->http))
		whole = http_begin(req->http, 200, content_type, -1) >= 0;
	if (j.err.kind || !whole || http_end(req->http) < 0)
		http_request_abort(
			req->http); /* a cut answer, so that the client sees the failure */
	return 0;
}
