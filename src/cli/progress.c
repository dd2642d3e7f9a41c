/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/progress.h"

#include <stdio.h>

#include "base/time.h"
#include "cli/human.h"
#include "cli/json-text.h"
#include "cli/table.h"
#include "cli/terminal.h"

enum { LINES_MAX = 500, REDRAW_MS = 40 };

struct line {
	char *id; /* owned */
	int64_t current, total;
	int64_t since; /* monotonic, of the status */
	char *status;  /* owned */
};

DEFINE_VEC(progress_lines, struct line);

struct progress {
	const struct progress_options *o;
	FILE *out;
	bool terminal;
	struct progress_lines lines;
	size_t drawn;      /* lines on the screen */
	int64_t last_draw; /* monotonic */
	bool dirty;
};

static void put_safe(FILE *out, const char *text, size_t columns)
{
	size_t n = 0;

	for (const char *c = text; *c; c++) {
		bool more = ((unsigned char)*c & 0xc0) == 0x80;

		if (!more && n++ >= columns)
			break;
		putc((unsigned char)*c < 0x20 || *c == 0x7f ? '?' : *c, out);
	}
}

/* "[=====>      ]  12.3MB/45MB  3s left", as wide as the window allows. */
static void bar(const struct line *l, unsigned columns, struct strbuf *out)
{
	AUTO_STRBUF numbers = { 0 };
	int64_t now = time_monotonic(), spent = now - l->since;
	unsigned width = columns > 110 ? 50 : columns > 80 ? 30 : columns > 60 ? 15 : 0;
	int64_t filled;

	if (l->current <= 0 && l->total <= 0)
		return;
	human_size((double)l->current, 4, &numbers);
	if (l->total > 0) {
		strbuf_putc(&numbers, '/');
		human_size((double)l->total, 4, &numbers);
	}
	if (width && l->total > 0) {
		filled = MIN(l->current, l->total) * width / l->total;
		strbuf_puts(out, " [");
		for (unsigned i = 0; i < width; i++)
			strbuf_putc(out, i < filled ? '=' : i == filled ? '>' : ' ');
		strbuf_puts(out, "] ");
	}
	strbuf_printf(out, " %s", strbuf_cstr(&numbers));
	if (l->total > l->current && l->current > 0 && spent > NSEC_PER_SEC && columns > 80)
		strbuf_printf(
			out, " %llds left",
			(long long)((double)spent / NSEC_PER_SEC * (double)(l->total - l->current) /
		                            (double)l->current +
		                    1));
}

/* One write for the whole picture: nothing flickers. */
static void draw(struct progress *p)
{
	unsigned rows = 24, columns = 80;
	size_t n = p->lines.len, first;

	terminal_size(fileno(p->out), &rows, &columns);
	if (columns < 2 || rows < 2) {
		columns = MAX(columns, 2u);
		rows = MAX(rows, 2u);
	}
	first = n > rows - 1 ? n - (rows - 1) : 0;
	if (p->drawn)
		fprintf(p->out, "\033[%zuA", p->drawn);
	for (size_t i = first; i < n; i++) {
		AUTO_STRBUF text = { 0 };
		const struct line *l = &p->lines.ptr[i];

		strbuf_printf(&text, "%s%s%s", l->id, *l->id ? ": " : "", l->status);
		bar(l, columns, &text);
		putc('\r', p->out);
		put_safe(p->out, strbuf_cstr(&text), columns - 1);
		fputs("\033[K\n", p->out);
	}
	p->drawn = n - first;
	p->last_draw = time_monotonic();
	p->dirty = false;
	fflush(p->out);
}

static struct line *line_of(struct progress *p, const char *id)
{
	vec_for_each (&p->lines, l)
		if (streq(l->id, id))
			return l;
	if (p->lines.len == LINES_MAX)
		return NULL;
	return progress_lines_push(&p->lines,
	                           (struct line){ .id = xstrdup(id), .status = xstrdup("") });
}

/* Text that belongs to no line scrolls by above: the picture starts anew below it. */
static void say(struct progress *p, const char *text, const char *end)
{
	if (p->terminal && p->dirty)
		draw(p);
	p->drawn = 0;
	for (size_t i = 0; i < p->lines.len; i++) {
		free(p->lines.ptr[i].id);
		free(p->lines.ptr[i].status);
	}
	p->lines.len = 0;
	cli_print_safe(p->out, text);
	fputs(end, p->out);
	fflush(p->out);
}

static void update_line(struct progress *p, const char *id, const char *status, const json_t *doc)
{
	struct line *l = line_of(p, id);

	if (!l)
		return;
	if (!streq(l->status, status)) {
		free(l->status);
		l->status = xstrdup(status);
		l->since = time_monotonic();
	}
	l->current = item_int(doc, "progressDetail.current");
	l->total = item_int(doc, "progressDetail.total");
	p->dirty = true;
	if (time_monotonic() - p->last_draw >= REDRAW_MS * NSEC_PER_MSEC)
		draw(p);
}

static int show(struct progress *p, const json_t *doc, struct error *err)
{
	const char *id = item_string(doc, "id"), *status = item_string(doc, "status");
	const char *error = item_string(doc, "errorDetail.message");

	if (!*error)
		error = item_string(doc, "error");
	if (*error)
		return error_set(err, ERROR_INTERNAL, "%s", error);
	if (item_at(doc, "aux") && p->o->on_aux)
		p->o->on_aux(p->o->ctx, item_at(doc, "aux"));
	if (p->o->quiet)
		return 0;
	if (*item_string(doc, "stream")) {
		say(p, item_string(doc, "stream"), "");
	} else if (*status && *id && p->terminal) {
		update_line(p, id, status, doc);
	} else if (*status && !item_int(doc, "progressDetail.current")) {
		AUTO_FREE char *text = xasprintf("%s%s%s", id, *id ? ": " : "", status);

		say(p, text, "\n");
	}
	return 0;
}

int progress_show(struct http_response *answer, const struct progress_options *o, struct error *err)
{
	struct progress p = { .o = o, .out = o->to_stderr ? stderr : stdout };
	struct json_stream stream = { .answer = answer };
	json_t *doc;
	int r, rc = 0;

	p.terminal = terminal_is(fileno(p.out)) && !streq_null(getenv("TERM"), "dumb");
	while (!rc && (r = json_stream_next(&stream, &doc, err)) != 0) {
		if (r < 0) {
			rc = r;
			break;
		}
		rc = show(&p, doc, err);
		json_decref(doc);
	}
	if (p.terminal && p.dirty)
		draw(&p);
	vec_for_each (&p.lines, l) {
		free(l->id);
		free(l->status);
	}
	progress_lines_done(&p.lines);
	json_stream_done(&stream);
	return rc;
}
