/* SPDX-License-Identifier: Apache-2.0 */
/* `top`: the host's ps over the container's processes, as Docker does, so that its options mean
 * what ps says. */
#include <stdio.h>
#include <string.h>

#include "base/process.h"
#include "container/container-internal.h"
#include "runtime/cgroup.h"

enum { OUTPUT_MAX = 8 << 20 };

/* Only letters, digits, ',', '-', '=' and '%': ps reads nothing, writes nothing, but needs no more
 * than that. */
static int add_arguments(const char *text, struct strv *args, struct error *err)
{
	struct str rest = str_from(text), word;

	while (str_cut(&rest, ' ', &word)) {
		for (size_t i = 0; i < word.len; i++)
			if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789,-=%_:+",
			            word.ptr[i]))
				return error_set(err, ERROR_INVALID, "invalid arguments for ps: %s",
				                 text);
		if (word.len)
			strv_add_n(args, word.ptr, word.len);
	}
	return 0;
}

static void split(struct str line, size_t columns, struct strv *row)
{
	while (line.len) {
		size_t n = 0;

		while (line.len && *line.ptr == ' ')
			line = str_n(line.ptr + 1, line.len - 1);
		if (!line.len)
			return;
		if (columns && row->len + 1 == columns)
			n = line.len; /* the command, spaces and all */
		else
			while (n < line.len && line.ptr[n] != ' ')
				n++;
		strv_add_n(row, line.ptr, n);
		line = str_n(line.ptr + n, line.len - n);
	}
}

static bool is_ours(const struct strv *row, size_t column, const struct pid_vec *pids)
{
	uint64_t pid;

	if (column >= row->len || parse_u64(row->ptr[column], &pid) < 0)
		return false;
	vec_for_each (pids, p)
		if ((uint64_t)*p == pid)
			return true;
	return false;
}

static int parse_output(struct str text, const struct pid_vec *pids, struct strv *titles,
                        struct strv_vec *rows, struct error *err)
{
	struct str line;
	size_t column = SIZE_MAX;

	if (!str_cut(&text, '\n', &line))
		line = STR("");
	split(line, 0, titles);
	for (size_t i = 0; i < titles->len; i++)
		if (streq(titles->ptr[i], "PID"))
			column = i;
	if (column == SIZE_MAX)
		return error_set(err, ERROR_INVALID, "Couldn't find PID field in ps output");
	while (str_cut(&text, '\n', &line)) {
		struct strv row = { 0 };

		split(line, titles->len, &row);
		if (is_ours(&row, column, pids))
			strv_vec_push(rows, row);
		else
			strv_done(&row);
	}
	return 0;
}

int container_top(struct container *c, const char *ps_args, struct strv *titles,
                  struct strv_vec *rows, struct error *err)
{
	AUTO_FREE char *cgroup = container_cgroup(c);
	CLEANUP(pid_vec_done) struct pid_vec pids = { 0 };
	AUTO_STRBUF output = { 0 };
	AUTO_STRV args = { 0 };
	struct spawn_options o = { .path = "ps", .stdio = { -1, -1, -1 } };
	int r;

	if (!container_is_running(c))
		return container_not_running(c, err);
	strv_add(&args, "ps");
	r = add_arguments(str_empty_or_null(ps_args) ? "-ef" : ps_args, &args, err);
	if (r >= 0)
		r = cgroup_pids(cgroup, &pids, err);
	if (r < 0)
		return r;
	o.argv = strv_argv(&args);
	r = process_run(&o, OUTPUT_MAX, &output, err);
	if (r < 0)
		return r;
	if (r > 0)
		return error_set(err, ERROR_INVALID, "ps: %s", strbuf_cstr(&output));
	container_event(c, "top", NULL, NULL);
	return parse_output(strbuf_str(&output), &pids, titles, rows, err);
}
