/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading logs back: the rotated files from the oldest on, then the current one, and with follow
 * whatever comes. A file that is renamed under us is read to its end before the next is opened.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/time.h"
#include "container/container-internal.h"
#include "container/log-record.h"

enum { LOG_FILES_MAX = 1000, READ_CHUNK = 65536, RECORD_MAX = 1 << 20, FOLLOW_POLL_MS = 250 };

struct log_reader {
	struct container *c;
	const struct log_options *o;
	log_sink_fn sink;
	void *ctx;
	struct strbuf pending; /* an unfinished line */
	struct log_record record;
	bool past_until;
};

static int emit(struct log_reader *r)
{
	const struct log_options *o = r->o;
	struct log_record *rec = &r->record;
	int result = 0;

	if ((rec->stream == 1 && !o->stdout_) || (rec->stream == 2 && !o->stderr_) ||
	    rec->time < o->since)
		return 0;
	if (o->until && rec->time > o->until) {
		r->past_until = true;
		return 0;
	}
	if (o->timestamps) {
		AUTO_STRBUF line = { 0 };
		char when[TIME_RFC3339_MAX];

		strbuf_printf(&line, "%s ", time_format_fixed(rec->time, when));
		strbuf_add_str(&line, strbuf_str(&rec->text));
		return r->sink(r->ctx, rec->stream, line.ptr, line.len);
	}
	if (rec->text.len)
		result = r->sink(r->ctx, rec->stream, rec->text.ptr, rec->text.len);
	return result;
}

static int take_lines(struct log_reader *r)
{
	struct str rest = strbuf_str(&r->pending);
	size_t used = 0;
	int result = 0;

	while (result >= 0 && !r->past_until) {
		const char *end = memchr(rest.ptr + used, '\n', rest.len - used);
		struct str line;

		if (!end)
			break;
		line = str_n(rest.ptr + used, (size_t)(end - rest.ptr) - used);
		used = (size_t)(end - rest.ptr) + 1;
		if (line.len && log_record_parse(line, &r->record) == 0)
			result = emit(r);
	}
	strbuf_remove_front(&r->pending, used);
	if (r->pending.len > RECORD_MAX)
		strbuf_clear(&r->pending);
	return result;
}

/* To the file's present end. */
static int read_on(struct log_reader *r, int fd)
{
	while (!r->past_until) {
		char *room = strbuf_reserve(&r->pending, READ_CHUNK);
		ssize_t n = read(fd, room, READ_CHUNK);
		int result;

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : 0;
		strbuf_added(&r->pending, (size_t)n);
		result = take_lines(r);
		if (result < 0)
			return result;
	}
	return 0;
}

DEFINE_VEC(fd_vec, int);

static void close_files(struct fd_vec *v)
{
	vec_for_each (v, fd)
		if (*fd >= 0)
			close(*fd);
	fd_vec_done(v);
}

/* Oldest first. All are opened before the first is read: what is rotated meanwhile is still what we
 * hold. */
static void open_files(const char *path, struct fd_vec *files)
{
	int found = 0;

	for (int i = 1; i < LOG_FILES_MAX; i++) {
		AUTO_FREE char *name = xasprintf("%s.%d", path, i);

		if (access(name, F_OK) < 0)
			break;
		found = i;
	}
	for (int i = found; i >= 0; i--) {
		AUTO_FREE char *name = i ? xasprintf("%s.%d", path, i) : xstrdup(path);
		int fd = open(name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

		if (fd >= 0)
			fd_vec_push(files, fd);
	}
}

/* Places *offset so that no more than *left lines follow; *left is what is still wanted of the
 * files before. */
static int seek_tail(int fd, int64_t *left, off_t *offset)
{
	struct stat st;
	char buf[READ_CHUNK];
	off_t at;

	if (fstat(fd, &st) < 0)
		return -errno;
	at = st.st_size;
	*offset = 0;
	while (at > 0) {
		size_t n = (size_t)MIN(at, (off_t)sizeof(buf));

		at -= (off_t)n;
		if (pread_full(fd, buf, n, at) != (ssize_t)n)
			return -EIO;
		for (size_t i = n; i-- > 0;) {
			if (buf[i] != '\n' || at + (off_t)i == st.st_size - 1)
				continue;
			if (--*left == 0) {
				*offset = at + (off_t)i + 1;
				return 0;
			}
		}
	}
	if (st.st_size > 0)
		--*left; /* the first line has no newline before it */
	return 0;
}

/* Which file to begin with, and where in it. */
static int find_start(const struct fd_vec *files, int64_t tail, size_t *first)
{
	*first = 0;
	if (tail < 0)
		return 0;
	if (tail == 0) {
		*first = files->len;
		return files->len ? (int)lseek(files->ptr[files->len - 1], 0, SEEK_END) : 0;
	}
	for (size_t i = files->len; i-- > 0;) {
		off_t offset;
		int r = seek_tail(files->ptr[i], &tail, &offset);

		if (r < 0)
			return r;
		if (lseek(files->ptr[i], offset, SEEK_SET) < 0)
			return -errno;
		*first = i;
		if (tail <= 0)
			break;
	}
	return 0;
}

static bool is_current(int fd, const char *path)
{
	struct stat open_one, named;

	return fstat(fd, &open_one) == 0 && stat(path, &named) == 0 &&
	       open_one.st_ino == named.st_ino && open_one.st_dev == named.st_dev;
}

static bool has_ended(struct container *c)
{
	WITH_LOCK(&c->lock);
	return !c->alive && c->info.status != CONTAINER_RESTARTING;
}

static int follow(struct log_reader *r, const char *path, int *fd, bool (*gone)(void *ctx),
                  void *ctx)
{
	AUTO_CLOSE int watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	AUTO_FREE char *dir = xstrndup(path, (size_t)(strrchr(path, '/') - path));
	char events[4096];

	if (watch >= 0)
		IGNORE_RESULT(inotify_add_watch(watch, dir, IN_MODIFY | IN_CREATE | IN_MOVED_TO) <
		                      0,
		              "then we look often");
	for (;;) {
		struct pollfd p = { .fd = watch, .events = POLLIN };
		bool ended = has_ended(r->c); /* before the read: what came until then is read */
		int result = *fd >= 0 ? read_on(r, *fd) : 0;

		if (result < 0)
			return result;
		if (r->past_until || (gone && gone(ctx)) || atomic_load(&r->c->cs->closing))
			return 0;
		if (*fd < 0 || !is_current(*fd, path)) {
			int next = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

			if (next >= 0) {
				if (*fd >= 0) {
					result = read_on(r, *fd);
					close(*fd);
				}
				*fd = next;
				if (result < 0)
					return result;
				continue;
			}
		}
		if (ended)
			return 0;
		if (r->o->until && time_now() > r->o->until)
			return 0;
		poll(&p, 1, FOLLOW_POLL_MS);
		while (watch >= 0 && read(watch, events, sizeof(events)) > 0)
			;
	}
}

int container_logs(struct container *c, const struct log_options *o, log_sink_fn sink,
                   bool (*gone)(void *ctx), void *ctx, struct error *err)
{
	struct log_reader r = { .c = c, .o = o, .sink = sink, .ctx = ctx };
	CLEANUP(close_files) struct fd_vec files = { 0 };
	const char *path = c->info.log_path;
	size_t first = 0;
	int current = -1, result;

	if (!o->stdout_ && !o->stderr_)
		return error_set(err, ERROR_INVALID,
		                 "Bad parameters: you must choose at least one stream");
	if (!path)
		return error_set(err, ERROR_NOT_IMPLEMENTED,
		                 "configured logging driver does not support reading");
	open_files(path, &files);
	result = find_start(&files, o->tail, &first);
	for (size_t i = first; result >= 0 && i < files.len; i++)
		result = read_on(&r, files.ptr[i]);
	if (result >= 0 && o->follow) {
		if (files.len)
			current = TAKE_FD(files.ptr[files.len - 1]);
		result = follow(&r, path, &current, gone, ctx);
	}
	if (current >= 0)
		close(current);
	strbuf_done(&r.pending);
	strbuf_done(&r.record.text);
	return result < 0 ? error_set_errno(err, -result, "cannot send the log of container %s",
	                                    c->info.id)
	                  : 0;
}
