/* SPDX-License-Identifier: Apache-2.0 */
/* coracled: the engine. */
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "api/api.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/thread.h"

enum { DRAIN_MS = 5000, MAX_THREADS = 1024, LONG_MS = 24 * 3600 * 1000 };

struct signals {
	struct engine *engine;
	struct http_server *server;
};

static void watched_signals(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGHUP);
	sigaddset(set, SIGUSR1); /* ends the thread */
}

static void stop(struct signals *s, int sig)
{
	log_info("stopping on signal %d; containers stay with their shims", sig);
	engine_notify("STOPPING=1");
	atomic_store(&s->engine->stopping, true);
	event_bus_wake(s->engine->events);
	http_server_stop(s->server, DRAIN_MS);
}

static void *watch_signals(void *arg)
{
	struct signals *s = arg;
	sigset_t set;
	int sig;

	watched_signals(&set);
	while (sigwait(&set, &sig) == 0 && sig != SIGUSR1) {
		if (sig == SIGHUP) {
			engine_notify("RELOADING=1");
			engine_reload(s->engine);
			engine_notify("READY=1");
		} else {
			stop(s, sig);
		}
	}
	return NULL;
}

/* Signals are for the thread above alone; a client that hangs up must not end us. Two heaps are
 * enough for what we do, and keep the memory of many threads together. */
static void set_up_process(void)
{
	struct rlimit files;
	sigset_t set;

	mallopt(M_ARENA_MAX, 2);
	mallopt(M_TRIM_THRESHOLD, 256 * 1024);
	signal(SIGPIPE, SIG_IGN);
	watched_signals(&set);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	umask(0022);
	if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
}

static int serve(struct engine *e, struct error *err)
{
	const struct http_server_options o = {
		.handler = api_handle,
		.ctx = e,
		.server_name = "Docker/" CORACLE_VERSION " (linux)",
		.max_threads = MAX_THREADS,
		/* clients keep their connections, and waits and logs may be silent, for long */
		.idle_timeout_ms = LONG_MS,
		.body_timeout_ms = LONG_MS,
	};
	struct http_server *server = http_server_new(&o, err);
	struct signals signals = { .engine = e, .server = server };
	pthread_t thread;
	int r;

	if (!server)
		return error_errno(err);
	r = engine_listen(e, server, err);
	if (r >= 0)
		r = thread_start(&thread, watch_signals, &signals, err);
	if (r >= 0) {
		log_info("engine ready version=" CORACLE_VERSION " id=%s data-root=%s", e->id,
		         e->config.data_root);
		engine_notify("READY=1");
		malloc_trim(0);
		r = http_server_run(server, err);
		pthread_kill(thread, SIGUSR1);
		pthread_join(thread, NULL);
	}
	http_server_free(server);
	return r;
}

static int print(void (*fn)(struct strbuf *out))
{
	AUTO_STRBUF text = { 0 };

	fn(&text);
	fputs(strbuf_cstr(&text), stdout);
	return 0;
}

static int run(int argc, char **argv, struct error *err)
{
	CLEANUP(engine_close_ptr) struct engine *e = NULL;
	CLEANUP(engine_config_done) struct engine_config config = { 0 };
	int r = engine_config_load(&config, argc, argv, err);

	if (r < 0)
		return r;
	if (config.help)
		return print(engine_config_usage);
	if (config.api_coverage)
		return print(api_coverage);
	if (config.version)
		return puts("Coracle engine version " CORACLE_VERSION) < 0;
	if (config.validate)
		return puts("configuration OK") < 0;
	if (geteuid() != 0)
		return error_set(err, ERROR_FORBIDDEN,
		                 "the engine needs to be started with root privileges");
	r = engine_open(&config, &e, err);
	return r < 0 ? r : serve(e, err);
}

int main(int argc, char **argv)
{
	struct error err = { 0 };

	set_up_process();
	if (run(argc, argv, &err) >= 0)
		return 0;
	fprintf(stderr, "coracled: %s\n", err.message);
	return 1;
}
