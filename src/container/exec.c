/* SPDX-License-Identifier: Apache-2.0 */
/* More processes in a running container: `docker exec`, and health checks. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/time.h"
#include "container/attach.h"
#include "container/container-internal.h"

enum { EXECS_MAX = 256 };

void exec_config_done(struct exec_config *c)
{
	free(c->user);
	free(c->detach_keys);
	free(c->working_dir);
	strv_done(&c->env);
	strv_done(&c->cmd);
	*c = (struct exec_config){ 0 };
}

void exec_info_done(struct exec_info *i)
{
	free(i->id);
	free(i->container_id);
	exec_config_done(&i->config);
	*i = (struct exec_info){ 0 };
}

static void exec_free(struct exec *e)
{
	exec_info_done(&e->info);
	free(e);
}

/* Out of the set's table, too. Neither lock held. */
static void drop(struct containers *cs, struct exec *e)
{
	pthread_mutex_lock(&cs->lock);
	map_remove(cs->execs, e->info.id);
	pthread_mutex_unlock(&cs->lock);
	pthread_mutex_lock(&e->container->lock);
	list_remove(&e->link);
	pthread_mutex_unlock(&e->container->lock);
	exec_free(e);
}

/* With the container's run its execs end, whether their ends were heard or not. */
void execs_drop(struct container *c)
{
	for (;;) {
		struct exec *e = NULL;

		pthread_mutex_lock(&c->lock);
		if (!list_empty(&c->execs))
			e = container_of(c->execs.next, struct exec, link);
		pthread_mutex_unlock(&c->lock);
		if (!e)
			return;
		drop(c->cs, e);
	}
}

void exec_ended(struct container *c, const struct shim_exited *ended)
{
	char code[16];
	bool found = false;

	pthread_mutex_lock(&c->lock);
	list_for_each (&c->execs, it) {
		struct exec *e = container_of(it, struct exec, link);

		if (!streq(e->info.id, ended->process))
			continue;
		e->info.running = false;
		e->info.has_exit_code = true;
		e->info.exit_code = ended->code;
		found = true;
	}
	pthread_cond_broadcast(&c->changed);
	pthread_mutex_unlock(&c->lock);
	snprintf(code, sizeof(code), "%d", ended->code);
	if (found)
		container_event(c, "exec_die", "exitCode", code);
}

static void copy_config(const struct exec_config *from, struct exec_config *to)
{
	*to = *from;
	to->user = xstrdup_null(from->user);
	to->detach_keys = xstrdup_null(from->detach_keys);
	to->working_dir = xstrdup_null(from->working_dir);
	to->env = (struct strv){ 0 };
	to->cmd = (struct strv){ 0 };
	strv_copy(&to->env, &from->env);
	strv_copy(&to->cmd, &from->cmd);
}

static int check_running(struct container *c, struct error *err)
{
	WITH_LOCK(&c->lock);
	if (c->info.status == CONTAINER_PAUSED)
		return error_set(err, ERROR_CONFLICT,
		                 "container %s is paused, unpause the container before exec",
		                 c->info.id);
	if (c->info.status == CONTAINER_RESTARTING)
		return error_set(err, ERROR_CONFLICT,
		                 "container %s is restarting, wait until the container is running",
		                 c->info.id);
	return c->info.status == CONTAINER_RUNNING ? 0 : container_not_running(c, err);
}

/* Ended ones go when there are too many. */
static void make_room(struct container *c)
{
	struct exec *oldest = NULL;
	size_t n = 0;

	pthread_mutex_lock(&c->lock);
	list_for_each (&c->execs, it) {
		struct exec *e = container_of(it, struct exec, link);

		n++;
		if (!oldest && e->started && !e->info.running)
			oldest = e;
	}
	pthread_mutex_unlock(&c->lock);
	if (n >= EXECS_MAX / 2 && oldest)
		drop(c->cs, oldest);
}

static struct exec *exec_new(struct container *c, const struct exec_config *config)
{
	struct exec *e = NEW(struct exec);
	char id[65];

	random_hex(id, 32);
	e->info.id = xstrdup(id);
	e->info.container_id = xstrdup(c->info.id);
	copy_config(config, &e->info.config);
	e->container = c;
	list_init(&e->link);
	pthread_mutex_lock(&c->cs->lock);
	map_set(c->cs->execs, id, e);
	pthread_mutex_unlock(&c->cs->lock);
	pthread_mutex_lock(&c->lock);
	list_append(&c->execs, &e->link);
	pthread_mutex_unlock(&c->lock);
	return e;
}

int exec_create(struct container *c, struct exec_config *config, char **ret_id, struct error *err)
{
	AUTO_FREE char *action = NULL;
	AUTO_STRBUF command = { 0 };
	struct detach_parser ignored;
	struct exec *e;
	int r = check_running(c, err);

	if (r >= 0 && config->cmd.len == 0)
		r = error_set(err, ERROR_INVALID, "No exec command specified");
	if (r >= 0)
		r = detach_parser_init(&ignored, config->detach_keys, err);
	if (r < 0)
		return r;
	make_room(c);
	e = exec_new(c, config);
	*ret_id = xstrdup(e->info.id);
	for (size_t i = 0; i < config->cmd.len; i++)
		strbuf_printf(&command, " %s", config->cmd.ptr[i]);
	action = xasprintf("exec_create:%s", strbuf_cstr(&command));
	container_event(c, action, "execID", *ret_id);
	return 0;
}

/* The exec and a reference to its container. */
static int find(struct containers *cs, const char *id, struct exec **ret, struct container **ret_c,
                struct error *err)
{
	struct exec *e;

	WITH_LOCK(&cs->lock);
	e = map_get(cs->execs, id);
	if (!e)
		return error_set(err, ERROR_NOT_FOUND, "No such exec instance: %s", id);
	*ret = e;
	*ret_c = container_ref(e->container);
	return 0;
}

int exec_inspect(struct containers *cs, const char *id, struct exec_info *ret, struct error *err)
{
	CLEANUP(container_unref_ptr) struct container *c = NULL;
	struct exec *e;
	int r = find(cs, id, &e, &c, err);

	if (r < 0)
		return r;
	WITH_LOCK(&c->lock);
	*ret = e->info;
	ret->id = xstrdup(e->info.id);
	ret->container_id = xstrdup(e->info.container_id);
	copy_config(&e->info.config, &ret->config);
	return 0;
}

static int write_process(struct container *c, const struct exec *e, const char *bundle,
                         struct error *err)
{
	AUTO_FREE char *path = xasprintf("%s/exec-%s.json", bundle, e->info.id);
	AUTO_STRBUF json = { 0 };
	int r = container_exec_spec(c, &e->info.config, &json, err);

	return r < 0 ? r : write_file(AT_FDCWD, path, json.ptr, json.len, 0600, err);
}

static int add_to_shim(struct container *c, const struct exec *e, const char *bundle,
                       struct error *err)
{
	struct shim_exec_add add = {
		.tty = e->info.config.tty,
		.stdin_open = e->info.config.attach_stdin,
		.height = (uint16_t)e->info.config.console_size[0],
		.width = (uint16_t)e->info.config.console_size[1],
	};
	int r = write_process(c, e, bundle, err);

	if (r < 0)
		return r;
	snprintf(add.process, sizeof(add.process), "%s", e->info.id);
	return shim_exec_add(bundle, &add, err);
}

static int start_in_shim(struct container *c, struct exec *e, const char *bundle, struct error *err)
{
	struct shim_started started = { 0 };
	int r;

	pthread_mutex_lock(&c->lock);
	e->info.running = true; /* before its end can be heard */
	pthread_mutex_unlock(&c->lock);
	r = shim_start(bundle, e->info.id, &started, err);
	pthread_mutex_lock(&c->lock);
	if (r < 0) {
		struct error said = *err;

		if (said.kind == ERROR_CONFLICT)
			runtime_translate_error(said.message, true, e->info.config.cmd.ptr[0], err);
	} else {
		e->info.pid = started.pid;
	}
	pthread_mutex_unlock(&c->lock);
	return r < 0 ? error_errno(err) : 0;
}

static void remove_process_file(const char *bundle, const char *id)
{
	AUTO_FREE char *path = xasprintf("%s/exec-%s.json", bundle, id);

	IGNORE_RESULT(unlink(path) < 0, "it goes with the bundle");
}

/* An exec that did not come to be has ended, with a shell's code for why. */
static void record_failure(struct exec *e, const struct error *why)
{
	bool missing = strstr(why->message, "executable file not found") ||
	               strstr(why->message, "no such file or directory");

	WITH_LOCK(&e->container->lock);
	e->info.running = false;
	e->info.has_exit_code = true;
	e->info.exit_code = missing ? 127 : 126;
}

static int claim(struct container *c, struct exec *e, struct error *err)
{
	WITH_LOCK(&c->lock);
	if (e->started)
		return error_set(err, ERROR_CONFLICT, "exec %s has already run", e->info.id);
	e->started = true;
	return 0;
}

int exec_start(struct containers *cs, const char *id, bool detach, bool tty,
               struct attachment **ret, struct error *err)
{
	CLEANUP(container_unref_ptr) struct container *c = NULL;
	AUTO_FREE char *bundle = NULL;
	AUTO_FREE char *action = NULL;
	AUTO_STRBUF command = { 0 };
	struct attachment *a = NULL;
	const struct exec_config *config;
	struct exec *e;
	unsigned flags;
	int r = find(cs, id, &e, &c, err);

	if (r >= 0)
		r = check_running(c, err);
	if (r >= 0)
		r = claim(c, e, err);
	if (r < 0)
		return r;
	config = &e->info.config;
	bundle = container_bundle(c);
	flags = (config->attach_stdin ? SHIM_STDIN : 0) |
	        (config->attach_stdout ? SHIM_STDOUT : 0) |
	        (config->attach_stderr ? SHIM_STDERR : 0);
	r = add_to_shim(c, e, bundle, err);
	if (r >= 0 && !detach)
		r = attachment_of_exec(c, id, flags, config->tty, config->detach_keys, &a, err);
	if (r >= 0)
		r = start_in_shim(c, e, bundle, err);
	remove_process_file(bundle, id);
	if (r < 0) {
		struct error why = *err;

		attachment_free(a);
		record_failure(e, &why);
		return detach ? r : attachment_of_failure(c, config->tty, &why, ret, err);
	}
	for (size_t i = 0; i < config->cmd.len; i++)
		strbuf_printf(&command, " %s", config->cmd.ptr[i]);
	action = xasprintf("exec_start:%s", strbuf_cstr(&command));
	container_event(c, action, "execID", id);
	if (!detach)
		*ret = a;
	return 0;
}

int exec_resize(struct containers *cs, const char *id, unsigned height, unsigned width,
                struct error *err)
{
	CLEANUP(container_unref_ptr) struct container *c = NULL;
	AUTO_FREE char *bundle = NULL;
	struct exec *e;
	int r = find(cs, id, &e, &c, err);

	if (r < 0)
		return r;
	if (height > UINT16_MAX || width > UINT16_MAX)
		return error_set(err, ERROR_INVALID, "invalid terminal size: %u x %u", height,
		                 width);
	bundle = container_bundle(c);
	pthread_mutex_lock(&c->lock);
	if (!e->started) { /* for when it starts */
		e->info.config.console_size[0] = height;
		e->info.config.console_size[1] = width;
		pthread_mutex_unlock(&c->lock);
		return 0;
	}
	pthread_mutex_unlock(&c->lock);
	return shim_resize(bundle, id, height, width, err);
}

/* Frames of both streams, until the end or the deadline: false when that came first. */
static bool collect(int fd, int64_t deadline, size_t limit, struct strbuf *out)
{
	AUTO_STRBUF frames = { 0 };

	for (;;) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		int64_t left = deadline - time_monotonic();
		char buf[4096];
		ssize_t n;

		if (left <= 0 || poll(&p, 1, (int)(left / NSEC_PER_MSEC) + 1) == 0)
			return false;
		n = recv(fd, buf, sizeof(buf), 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return true;
		strbuf_add(&frames, buf, (size_t)n);
		while (frames.len >= SHIM_FRAME_HEADER) {
			const unsigned char *h = (const unsigned char *)frames.ptr;
			size_t size =
				(size_t)h[4] << 24 | (size_t)h[5] << 16 | (size_t)h[6] << 8 | h[7];

			if (frames.len < SHIM_FRAME_HEADER + size)
				break;
			if (out->len < limit)
				strbuf_add(out, frames.ptr + SHIM_FRAME_HEADER,
				           MIN(size, limit - out->len));
			strbuf_remove_front(&frames, SHIM_FRAME_HEADER + size);
		}
	}
}

/* The exit code, which the monitor hears shortly after the streams' end. */
static int await_code(struct container *c, struct exec *e, int64_t deadline)
{
	WITH_LOCK(&c->lock);
	while (!e->info.has_exit_code && c->alive && time_monotonic() < deadline)
		container_wait_changed(c, MIN(deadline, time_monotonic() + NSEC_PER_SEC / 2));
	return e->info.has_exit_code ? e->info.exit_code : -ETIMEDOUT;
}

static struct exec *find_own(struct container *c, const char *id)
{
	list_for_each (&c->execs, it) {
		struct exec *e = container_of(it, struct exec, link);

		if (streq(e->info.id, id))
			return e;
	}
	return NULL;
}

void exec_await_code(struct container *c, const char *id)
{
	int64_t deadline = time_monotonic() + NSEC_PER_SEC;

	WITH_LOCK(&c->lock);
	while (c->alive && time_monotonic() < deadline) {
		struct exec *e = find_own(c, id);

		if (!e || e->info.has_exit_code)
			return;
		container_wait_changed(c, deadline);
	}
}

int exec_run(struct container *c, const struct strv *argv, const char *user, int64_t timeout_ns,
             size_t limit, struct strbuf *out, struct error *err)
{
	AUTO_FREE char *bundle = container_bundle(c);
	struct exec_config config = { .attach_stdout = true, .attach_stderr = true, .cmd = *argv };
	int64_t deadline = time_monotonic() + timeout_ns;
	AUTO_FREE char *id = NULL;
	AUTO_CLOSE int fd = -1;
	struct exec *e;
	int r = check_running(c, err);

	if (r < 0)
		return r;
	e = exec_new(c, &config);
	e->started = true;
	id = xstrdup(e->info.id);
	r = add_to_shim(c, e, bundle, err);
	if (r >= 0)
		r = fd = shim_attach(bundle, id, SHIM_STDOUT | SHIM_STDERR, err);
	if (r >= 0)
		r = start_in_shim(c, e, bundle, err);
	remove_process_file(bundle, id);
	if (r >= 0) {
		r = collect(fd, deadline, limit, out) ? await_code(c, e, deadline + NSEC_PER_SEC)
		                                      : -ETIMEDOUT;
		if (r == -ETIMEDOUT) {
			struct error ignored = { 0 };

			IGNORE_RESULT(shim_signal(bundle, id, SIGKILL, &ignored) < 0,
			              "it may have ended");
			error_set(err, ERROR_TIMEOUT, "%s did not end in time", argv->ptr[0]);
		}
	}
	pthread_mutex_lock(&c->lock);
	bool ours = !list_empty(&e->link);
	pthread_mutex_unlock(&c->lock);
	if (ours)
		drop(c->cs, e);
	return r;
}
