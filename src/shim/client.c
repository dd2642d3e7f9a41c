/* SPDX-License-Identifier: Apache-2.0 */
#include "shim/client.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/fs.h"
#include "base/process.h"
#include "base/socket.h"
#include "base/vec.h"

enum { CALL_SECONDS = 20, START_SECONDS = 150, EXIT_FILE_MAX = 256 };

static void add_size(struct strv *args, const char *option, int64_t value)
{
	strv_add(args, option);
	strv_printf(args, "%lld", (long long)value);
}

static void add_text(struct strv *args, const char *option, const char *value)
{
	if (!value)
		return;
	strv_add(args, option);
	strv_add(args, value);
}

static void make_args(const char *program, const struct shim_config *c, struct strv *args)
{
	strv_add(args, program);
	add_text(args, "--id", c->id);
	add_text(args, "--bundle", c->bundle);
	add_text(args, "--runtime", c->runtime);
	add_text(args, "--runtime-root", c->runtime_root);
	add_text(args, "--log", c->log_path);
	add_text(args, "--oom-file", c->oom_path);
	add_text(args, "--hide-mount", c->hide_mount);
	add_size(args, "--log-max-size", c->log_max_size);
	add_size(args, "--log-max-files", c->log_max_files);
	add_size(args, "--height", c->height);
	add_size(args, "--width", c->width);
	if (c->tty)
		strv_add(args, "--tty");
	if (c->stdin_open)
		strv_add(args, "--stdin");
	if (c->stdin_once)
		strv_add(args, "--stdin-once");
}

int shim_spawn(const char *program, const struct shim_config *config, struct error *err)
{
	AUTO_FREE char *path = xasprintf("%s/shim.sock", config->bundle);
	AUTO_CLOSE int listener = unix_listen(path, 0600, err);
	AUTO_STRV args = { 0 };
	pid_t pid;
	int r;

	if (listener < 0)
		return listener;
	make_args(program, config, &args);
	struct spawn_options o = {
		.path = program,
		.argv = strv_argv(&args),
		.stdio = { -1, -1, -1 },
		.keep_fds = &listener,
		.n_keep_fds = 1,
		.new_session = true,
	};
	r = process_spawn(&o, &pid, NULL, err);
	if (r < 0)
		return r;
	/* it forks at once and goes on as nobody's child */
	r = process_wait(pid);
	if (r != 0)
		return error_set(err, ERROR_INTERNAL, "%s ended with status %d before it was ready",
		                 program, r);
	return 0;
}

static int connect_to(const char *bundle, unsigned seconds, struct error *err)
{
	AUTO_FREE char *path = xasprintf("%s/shim.sock", bundle);
	struct timeval patience = { .tv_sec = seconds };
	struct error cause = { 0 };
	int fd = unix_connect(path, &cause);

	if (fd < 0)
		return error_set(err, ERROR_UNAVAILABLE, "the container's shim does not answer: %s",
		                 cause.message);
	IGNORE_RESULT(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0,
	              "only a guard");
	IGNORE_RESULT(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) < 0,
	              "only a guard");
	return fd;
}

/* read_full() reports a time-out as an error, and no byte more than the message is taken. */
static int receive(int fd, struct shim_header *header, char *payload, struct error *err)
{
	ssize_t n = read_full(fd, header, sizeof(*header));

	if (n == (ssize_t)sizeof(*header) && header->size <= SHIM_PAYLOAD_MAX)
		n = read_full(fd, payload, header->size);
	else
		n = n < 0 ? n : -EPIPE;
	if (n >= 0 && (size_t)n == header->size)
		return 0;
	return error_set(err, ERROR_UNAVAILABLE, "the container's shim did not answer: %s",
	                 strerror(n < 0 ? (int)-n : EPIPE));
}

static int call(int fd, enum shim_message_type type, const void *request, size_t n,
                enum shim_message_type expected, void *answer, size_t answer_size,
                struct error *err)
{
	struct shim_header header = { .type = (uint16_t)type,
		                      .version = SHIM_PROTOCOL_VERSION,
		                      .size = (uint32_t)n };
	char payload[SHIM_PAYLOAD_MAX];
	int r = write_full(fd, &header, sizeof(header));

	if (r == 0 && n)
		r = write_full(fd, request, n);
	if (r < 0)
		return error_set(err, ERROR_UNAVAILABLE, "the container's shim is gone: %s",
		                 strerror(-r));
	r = receive(fd, &header, payload, err);
	if (r < 0)
		return r;
	if (header.type == SHIM_ERROR)
		return error_set(err, ERROR_CONFLICT, "%.*s", (int)header.size, payload);
	if (header.type != expected || header.size != answer_size)
		return error_set(err, ERROR_INTERNAL,
		                 "the container's shim answered %u to request %u", header.type,
		                 (unsigned)type);
	if (answer_size)
		memcpy(answer, payload, answer_size);
	return 0;
}

static int simple_call(const char *bundle, enum shim_message_type type, const void *request,
                       size_t n, struct error *err)
{
	AUTO_CLOSE int fd = connect_to(bundle, CALL_SECONDS, err);

	return fd < 0 ? fd : call(fd, type, request, n, SHIM_OK, NULL, 0, err);
}

static int set_process(char *to, const char *process, struct error *err)
{
	if (strlen(process) > SHIM_ID_MAX)
		return error_set(err, ERROR_INVALID, "not a process id: %s", process);
	memset(to, 0, SHIM_ID_MAX + 1);
	memcpy(to, process, strlen(process));
	return 0;
}

int shim_monitor(const char *bundle, struct shim_state *ret, struct error *err)
{
	AUTO_CLOSE int fd = connect_to(bundle, CALL_SECONDS, err);
	int r;

	if (fd < 0)
		return fd;
	r = call(fd, SHIM_MONITOR, NULL, 0, SHIM_STATE_IS, ret, sizeof(*ret), err);
	return r < 0 ? r : TAKE_FD(fd);
}

int shim_read_event(int fd, bool wait, struct shim_exited *ret)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	struct shim_header header;
	struct error err = { 0 };
	char payload[SHIM_PAYLOAD_MAX];
	int r = poll(&p, 1, wait ? -1 : 0);

	if (r <= 0)
		return r < 0 ? -errno : 0;
	r = receive(fd, &header, payload, &err);
	if (r < 0)
		return r;
	if (header.type != SHIM_EXITED || header.size != sizeof(*ret))
		return -EPROTO;
	memcpy(ret, payload, sizeof(*ret));
	ret->process[SHIM_ID_MAX] = '\0';
	return 1;
}

int shim_read_exit(const char *bundle, struct shim_exited *ret)
{
	AUTO_FREE char *path = xasprintf("%s/exit", bundle);
	AUTO_STRBUF text = { 0 };
	struct error err = { 0 };
	long long when;
	int code, oom;

	if (read_file(AT_FDCWD, path, EXIT_FILE_MAX, &text, &err) < 0)
		return 0;
	if (sscanf(strbuf_cstr(&text), "%d %d %lld", &code, &oom, &when) != 3)
		return 0;
	*ret = (struct shim_exited){ .code = code, .oom = oom, .time = when };
	return 1;
}

int shim_start(const char *bundle, const char *process, struct shim_started *ret, struct error *err)
{
	AUTO_CLOSE int fd = connect_to(bundle, START_SECONDS, err);
	struct shim_process_ref ref;
	int r;

	if (fd < 0)
		return fd;
	r = set_process(ref.process, process, err);
	return r < 0 ? r
	             : call(fd, SHIM_START, &ref, sizeof(ref), SHIM_STARTED, ret, sizeof(*ret),
	                    err);
}

int shim_exec_add(const char *bundle, const struct shim_exec_add *add, struct error *err)
{
	return simple_call(bundle, SHIM_EXEC_ADD, add, sizeof(*add), err);
}

int shim_exec_drop(const char *bundle, const char *process, struct error *err)
{
	struct shim_process_ref ref;
	int r = set_process(ref.process, process, err);

	return r < 0 ? r : simple_call(bundle, SHIM_EXEC_DROP, &ref, sizeof(ref), err);
}

int shim_attach(const char *bundle, const char *process, unsigned flags, struct error *err)
{
	AUTO_CLOSE int fd = connect_to(bundle, CALL_SECONDS, err);
	struct timeval forever = { 0 };
	struct shim_attach request = { .flags = (uint8_t)flags };
	int r;

	if (fd < 0)
		return fd;
	r = set_process(request.process, process, err);
	if (r == 0)
		r = call(fd, SHIM_ATTACH, &request, sizeof(request), SHIM_OK, NULL, 0, err);
	if (r < 0)
		return r;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &forever, sizeof(forever)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &forever, sizeof(forever)) < 0)
		return error_set_errno(err, errno, "cannot attach");
	return TAKE_FD(fd);
}

int shim_signal(const char *bundle, const char *process, int sig, struct error *err)
{
	struct shim_signal request = { .signal = sig };
	int r = set_process(request.process, process, err);

	return r < 0 ? r : simple_call(bundle, SHIM_SIGNAL, &request, sizeof(request), err);
}

int shim_resize(const char *bundle, const char *process, unsigned height, unsigned width,
                struct error *err)
{
	struct shim_resize request = { .height = (uint16_t)height, .width = (uint16_t)width };
	int r = set_process(request.process, process, err);

	return r < 0 ? r : simple_call(bundle, SHIM_RESIZE, &request, sizeof(request), err);
}
