/* SPDX-License-Identifier: Apache-2.0 */
#include "shim/log-file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/fs.h"
#include "base/time.h"

enum { LOG_BATCH_MAX = 65536 };

struct log_file {
	char *path;
	int fd; /* -1 after a failed rotation: tried again with the next record */
	int64_t size, max_size;
	unsigned max_files;
	struct strbuf line[2]; /* the unfinished line of stdout and stderr */
	struct strbuf batch;   /* records not yet written */
};

/* Length of the valid UTF-8 sequence at p, 0 when there is none. */
static size_t utf8_length(const unsigned char *p, size_t n)
{
	uint32_t cp;
	size_t len;

	if (p[0] < 0x80)
		return 1;
	if (p[0] >= 0xc2 && p[0] <= 0xdf)
		len = 2;
	else if ((p[0] & 0xf0) == 0xe0)
		len = 3;
	else if (p[0] >= 0xf0 && p[0] <= 0xf4)
		len = 4;
	else
		return 0;
	if (n < len)
		return 0;
	cp = p[0] & (0x7f >> len);
	for (size_t i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		cp = cp << 6 | (p[i] & 0x3f);
	}
	if ((len == 3 && (cp < 0x800 || (cp >= 0xd800 && cp <= 0xdfff))) ||
	    (len == 4 && (cp < 0x10000 || cp > 0x10ffff)))
		return 0;
	return len;
}

static bool is_plain(unsigned char c)
{
	return c >= 0x20 && c < 0x7f && c != '"' && c != '\\' && c != '<' && c != '>' && c != '&';
}

static void encode_special(struct strbuf *out, unsigned char c)
{
	switch (c) {
	case '"':
	case '\\':
		strbuf_putc(out, '\\');
		strbuf_putc(out, (char)c);
		return;
	case '\n':
		strbuf_puts(out, "\\n");
		return;
	case '\r':
		strbuf_puts(out, "\\r");
		return;
	case '\t':
		strbuf_puts(out, "\\t");
		return;
	default:
		strbuf_printf(out, "\\u%04x", c);
	}
}

static void encode_text(struct strbuf *out, struct str s)
{
	const unsigned char *p = (const unsigned char *)s.ptr;

	for (size_t i = 0; i < s.len;) {
		size_t n = 0;

		while (i + n < s.len && is_plain(p[i + n]))
			n++;
		if (n) {
			strbuf_add(out, p + i, n);
			i += n;
			continue;
		}
		if (p[i] < 0x80) {
			encode_special(out, p[i++]);
			continue;
		}
		n = utf8_length(p + i, s.len - i);
		if (n == 0) {
			strbuf_puts(out, "\\ufffd");
			i++;
		} else {
			strbuf_add(out, p + i, n);
			i += n;
		}
	}
}

void log_record_encode(struct strbuf *out, int stream, struct str line, int64_t time)
{
	char when[TIME_RFC3339_MAX];

	strbuf_puts(out, "{\"log\":\"");
	encode_text(out, line);
	strbuf_printf(out, "\",\"stream\":\"%s\",\"time\":\"%s\"}\n",
	              stream == 2 ? "stderr" : "stdout", time_format(time, when));
}

static int open_log(struct log_file *l)
{
	struct stat st;

	l->fd = open(l->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (l->fd < 0)
		return -errno;
	l->size = fstat(l->fd, &st) == 0 ? st.st_size : 0;
	return 0;
}

static void rotate(struct log_file *l)
{
	for (unsigned i = l->max_files - 1; i >= 1; i--) {
		AUTO_FREE char *to = xasprintf("%s.%u", l->path, i);
		AUTO_FREE char *from =
			i > 1 ? xasprintf("%s.%u", l->path, i - 1) : xstrdup(l->path);

		IGNORE_RESULT(rename(from, to) < 0, "an older file may not be there");
	}
	if (l->max_files <= 1)
		IGNORE_RESULT(unlink(l->path) < 0, "then it just goes on growing");
	close(l->fd);
	IGNORE_RESULT(open_log(l) < 0, "tried again with the next record");
}

void log_file_flush(struct log_file *l)
{
	if (!l->batch.len)
		return;
	if (l->fd < 0)
		IGNORE_RESULT(open_log(l) < 0, "the records are dropped");
	if (l->fd >= 0) {
		/* a record cut short by a full disk would spoil its neighbour: take it back */
		if (write_full(l->fd, l->batch.ptr, l->batch.len) == 0)
			l->size += (int64_t)l->batch.len;
		else
			IGNORE_RESULT(ftruncate(l->fd, l->size) < 0,
			              "the reader skips broken records");
	}
	strbuf_clear(&l->batch);
}

static void add_record(struct log_file *l, int stream, struct str line, int64_t now)
{
	if (l->max_size && l->size + (int64_t)l->batch.len >= l->max_size) {
		log_file_flush(l);
		if (l->fd >= 0)
			rotate(l);
	}
	log_record_encode(&l->batch, stream, line, now);
	if (l->batch.len >= LOG_BATCH_MAX)
		log_file_flush(l);
}

void log_file_add(struct log_file *l, int stream, const void *data, size_t n, int64_t now)
{
	struct strbuf *pending = &l->line[stream == 2];
	const char *p = data;

	while (n > 0) {
		const char *newline = memchr(p, '\n', n);
		size_t take = newline ? (size_t)(newline - p) + 1 : n;
		bool complete = newline != NULL;

		if (pending->len + take > LOG_LINE_MAX + (complete ? 1u : 0u) ||
		    (!complete && pending->len + take == LOG_LINE_MAX)) {
			take = LOG_LINE_MAX - pending->len;
			complete = true;
		}
		if (complete && pending->len == 0) {
			add_record(l, stream, str_n(p, take), now);
		} else {
			strbuf_add(pending, p, take);
			if (complete) {
				add_record(l, stream, strbuf_str(pending), now);
				strbuf_clear(pending);
			}
		}
		p += take;
		n -= take;
	}
}

int log_file_open(const char *path, int64_t max_size, unsigned max_files, struct log_file **ret,
                  struct error *err)
{
	struct log_file *l = NEW(struct log_file);
	int r;

	l->path = xstrdup(path);
	l->max_size = max_size;
	l->max_files = max_files ? max_files : 1;
	r = open_log(l);
	if (r < 0) {
		free(l->path);
		free(l);
		return error_set_errno(err, -r, "cannot open the log %s", path);
	}
	*ret = l;
	return 0;
}

void log_file_close(struct log_file *l, int64_t now)
{
	if (!l)
		return;
	for (int i = 0; i < 2; i++) {
		if (l->line[i].len)
			add_record(l, i + 1, strbuf_str(&l->line[i]), now);
		strbuf_done(&l->line[i]);
	}
	log_file_flush(l);
	strbuf_done(&l->batch);
	if (l->fd >= 0)
		close(l->fd);
	free(l->path);
	free(l);
}
