/* SPDX-License-Identifier: Apache-2.0 */
/* stats: figures of running containers, drawn over on a terminal. */
#include <pthread.h>
#include <stdio.h>

#include "base/time.h"
#include "cli/attach.h"
#include "cli/commands.h"
#include "cli/human.h"
#include "cli/terminal.h"

enum { CONTAINERS_MAX = 1000 };

struct sample {
	char *id, *name; /* owned */
	json_t *doc;     /* owned; NULL when it could not be read */
};

DEFINE_VEC(samples, struct sample);

static void samples_free(struct samples *s)
{
	vec_for_each (s, one) {
		free(one->id);
		free(one->name);
		json_decref(one->doc);
	}
	samples_done(s);
}

static double cpu_percent(const json_t *d)
{
	double cpu = (double)(item_int(d, "cpu_stats.cpu_usage.total_usage") -
	                      item_int(d, "precpu_stats.cpu_usage.total_usage"));
	double system = (double)(item_int(d, "cpu_stats.system_cpu_usage") -
	                         item_int(d, "precpu_stats.system_cpu_usage"));
	int64_t n = item_int(d, "cpu_stats.online_cpus");

	if (!n)
		n = (int64_t)json_array_size(item_at(d, "cpu_stats.cpu_usage.percpu_usage"));
	return cpu > 0 && system > 0 ? cpu / system * (double)n * 100 : 0;
}

/* Without the page cache that can go at any time. */
static double memory_used(const json_t *d)
{
	int64_t usage = item_int(d, "memory_stats.usage");
	int64_t cache = item_int(d, "memory_stats.stats.total_inactive_file");

	if (!cache)
		cache = item_int(d, "memory_stats.stats.inactive_file");
	return (double)(cache > 0 && cache < usage ? usage - cache : usage);
}

static const struct sample *sample_of(const struct row *row)
{
	return row->extra;
}

static void print_container(const struct row *row, const char *arg, struct strbuf *out)
{
	print_id(sample_of(row)->id, row->no_trunc, out);
}

static void print_name(const struct row *row, const char *arg, struct strbuf *out)
{
	strbuf_puts(out, *sample_of(row)->name ? sample_of(row)->name : "--");
}

static void print_cpu(const struct row *row, const char *arg, struct strbuf *out)
{
	strbuf_printf(out, row->item ? "%.2f%%" : "--", cpu_percent(row->item));
}

static void print_memory(const struct row *row, const char *arg, struct strbuf *out)
{
	if (!row->item) {
		strbuf_puts(out, "-- / --");
		return;
	}
	human_size_binary(memory_used(row->item), out);
	strbuf_puts(out, " / ");
	human_size_binary((double)item_int(row->item, "memory_stats.limit"), out);
}

static void print_memory_percent(const struct row *row, const char *arg, struct strbuf *out)
{
	double limit = (double)item_int(row->item, "memory_stats.limit");

	strbuf_printf(out, row->item ? "%.2f%%" : "--",
	              limit > 0 ? memory_used(row->item) / limit * 100 : 0);
}

static void print_pair(double a, double b, struct strbuf *out)
{
	human_size(a, 3, out);
	strbuf_puts(out, " / ");
	human_size(b, 3, out);
}

static void print_net(const struct row *row, const char *arg, struct strbuf *out)
{
	const json_t *networks = item_at(row->item, "networks"), *one;
	double rx = 0, tx = 0;
	const char *name;

	json_object_foreach ((json_t *)(uintptr_t)networks, name, one) {
		rx += (double)item_int(one, "rx_bytes");
		tx += (double)item_int(one, "tx_bytes");
	}
	if (row->item)
		print_pair(rx, tx, out);
	else
		strbuf_puts(out, "--");
}

static void print_block(const struct row *row, const char *arg, struct strbuf *out)
{
	const json_t *one;
	double rd = 0, wr = 0;
	size_t i;

	json_array_foreach (item_at(row->item, "blkio_stats.io_service_bytes_recursive"), i, one) {
		const char *op = item_string(one, "op");

		if (*op == 'r' || *op == 'R')
			rd += (double)item_int(one, "value");
		if (*op == 'w' || *op == 'W')
			wr += (double)item_int(one, "value");
	}
	if (row->item)
		print_pair(rd, wr, out);
	else
		strbuf_puts(out, "--");
}

static void print_pids(const struct row *row, const char *arg, struct strbuf *out)
{
	if (row->item)
		strbuf_printf(out, "%lld", (long long)item_int(row->item, "pids_stats.current"));
	else
		strbuf_puts(out, "--");
}

static const struct row_field fields[] = {
	{ "Container", "CONTAINER", print_container },
	{ "ID", "CONTAINER ID", print_container },
	{ "Name", "NAME", print_name },
	{ "CPUPerc", "CPU %", print_cpu },
	{ "MemUsage", "MEM USAGE / LIMIT", print_memory },
	{ "MemPerc", "MEM %", print_memory_percent },
	{ "NetIO", "NET I/O", print_net },
	{ "BlockIO", "BLOCK I/O", print_block },
	{ "PIDs", "PIDS", print_pids },
	{ NULL },
};

static int choose(struct cli *cli, struct samples *ret, struct error *err)
{
	CLEANUP(json_decref_ptr) json_t *all = NULL;
	const json_t *c;
	size_t i;

	for (i = 0; i < cli->args.len; i++) {
		CLEANUP(json_decref_ptr) json_t *one = container_load(cli, cli->args.ptr[i], err);
		const char *name;

		if (!one)
			return error_errno(err);
		name = item_string(one, "Name");
		samples_push(ret,
		             (struct sample){ .id = xstrdup(item_string(one, "Id")),
		                              .name = xstrdup(*name == '/' ? name + 1 : name) });
	}
	if (cli->args.len)
		return 0;
	all = engine_json(cli, "GET",
	                  opt_bool(cli, "all") ? "/containers/json?all=1" : "/containers/json",
	                  NULL, err);
	if (!all)
		return error_errno(err);
	json_array_foreach (all, i, c) {
		const char *name = json_string_value(json_array_get(item_at(c, "Names"), 0));

		if (ret->len == CONTAINERS_MAX)
			break;
		name = name ? name : "";
		samples_push(ret,
		             (struct sample){ .id = xstrdup(item_string(c, "Id")),
		                              .name = xstrdup(*name == '/' ? name + 1 : name) });
	}
	return 0;
}

struct request {
	struct cli *cli;
	struct sample *sample;
	struct http_client *client; /* owned */
};

/* One sample takes the engine a second or two: all are asked for at once, each on a connection. */
static void *fetch(void *arg)
{
	struct request *q = arg;
	AUTO_STRBUF target = { 0 }, text = { 0 };
	struct engine_request r = { .method = "GET", .client = q->client };
	struct http_response answer;
	struct error ignored = { 0 };

	target_path(&target, "/containers/{}/stats?stream=0", q->sample->id);
	r.target = strbuf_cstr(&target);
	if (engine_send(q->cli, &r, &answer, &ignored) < 0)
		return NULL;
	if (http_response_read_all(&answer, 16 * 1024 * 1024, &text, &ignored) == 0)
		q->sample->doc = json_parse(strbuf_str(&text), &ignored);
	http_response_done(&answer);
	return NULL;
}

static void fetch_all(struct cli *cli, struct samples *s)
{
	AUTO_FREE struct request *q = xcalloc(s->len + 1, sizeof(*q));
	AUTO_FREE pthread_t *threads = xcalloc(s->len + 1, sizeof(*threads));
	AUTO_FREE bool *started = xcalloc(s->len + 1, sizeof(*started));

	for (size_t i = 0; i < s->len; i++) {
		q[i] = (struct request){ cli, &s->ptr[i], engine_client_new(cli) };
		started[i] = pthread_create(&threads[i], NULL, fetch, &q[i]) == 0;
	}
	for (size_t i = 0; i < s->len; i++) {
		if (started[i])
			pthread_join(threads[i], NULL);
		http_client_free(q[i].client);
	}
}

static int print_round(struct cli *cli, bool redraw, struct error *err)
{
	CLEANUP(samples_free) struct samples all = { 0 };
	AUTO_TABLE table = { 0 };
	AUTO_STRBUF out = { 0 };
	const char *format = opt_string(cli, "format");
	const char *saved = json_string_value(json_object_get(cli->config, "statsFormat"));

	if (table_begin(
		    &table, fields, *format ? format : saved,
		    "table {{.ID}}\t{{.Name}}\t{{.CPUPerc}}\t{{.MemUsage}}\t{{.MemPerc}}\t{{.NetIO}}\t"
		    "{{.BlockIO}}\t{{.PIDs}}",
		    err) < 0 ||
	    choose(cli, &all, err) < 0)
		return error_errno(err);
	fetch_all(cli, &all);
	vec_for_each (&all, s) {
		struct row row = { .fields = fields,
			           .item = s->doc,
			           .extra = s,
			           .no_trunc = opt_bool(cli, "no-trunc") };

		if (table_add(&table, &row, err) < 0)
			return error_errno(err);
	}
	if (table_text(&table, &out, err) < 0)
		return error_errno(err);
	if (redraw)
		fputs("\033[H\033[2J", stdout);
	if (cli_write(strbuf_cstr(&out), out.len, err) < 0)
		return error_errno(err);
	return fflush(stdout) ? error_set(err, ERROR_CANCELLED, "standard output was closed") : 0;
}

static int stats(struct cli *cli, struct error *err)
{
	bool once = opt_bool(cli, "no-stream");
	int r;

	if (engine_open(cli, err) < 0)
		return error_errno(err);
	do {
		int64_t began = time_monotonic(), left;

		r = print_round(cli, !once && terminal_is(STDOUT_FILENO), err);
		left = began + NSEC_PER_SEC - time_monotonic();
		if (!once && !r && left > 0)
			usleep((useconds_t)(left / 1000));
	} while (!once && !r);
	return r;
}

/* clang-format off */
static const struct cli_option options[] = {
	{ "all", 'a', OPTION_BOOL, "Stopped containers too" },
	{ "format", 0, OPTION_STRING, FORMAT_HELP },
	{ "no-stream", 0, OPTION_BOOL, "Once, and end" },
	{ "no-trunc", 0, OPTION_BOOL, "Cut nothing short" },
	{ NULL },
};
/* clang-format on */

const struct cli_command command_stats = {
	.name = "stats",
	.usage = "[CONTAINER...]",
	.brief = "Show how much containers use of the host",
	.options = options,
	.max_args = CLI_ARGS_ANY,
	.run = stats,
	.complete = "@containers",
	.group = CLI_GROUP_MORE,
};
