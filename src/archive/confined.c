/* SPDX-License-Identifier: Apache-2.0 */
#include "archive/confined.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "archive/confined-internal.h"
#include "base/alloc.h"
#include "base/process.h"
#include "base/thread.h"
#include "base/vec.h"

enum {
	UNPACK_ENTRIES_DEFAULT = 4000000,
	ARCHIVE_PIPE_SIZE = 1024 * 1024, /* /proc/sys/fs/pipe-max-size: fewer switches */
	HELPER_PATH_MAX = 4096,
};

static const int64_t unpack_bytes_default = INT64_C(64) << 30;

struct archive_job {
	pid_t pid;
	int socket; /* owned */
};

static pthread_mutex_t helper_lock = PTHREAD_MUTEX_INITIALIZER; /* helper_path */
static char helper_path[HELPER_PATH_MAX];

void archive_set_helper(const char *path)
{
	WITH_LOCK(&helper_lock);
	snprintf(helper_path, sizeof(helper_path), "%s", path);
}

/* Beside the program, where it is installed, or where a build tree has it for its tests. */
static int find_helper(char *ret, struct error *err)
{
	static const char *const places[] = { "", "../libexec/coracle/", "../bin/" };
	char exe[HELPER_PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	char *slash;

	if (n < 0)
		return error_set_errno(err, errno, "cannot find the running program");
	exe[n] = '\0';
	slash = strrchr(exe, '/');
	slash[1] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		if (snprintf(ret, HELPER_PATH_MAX, "%s%scoracle-archive", exe, places[i]) <
		            HELPER_PATH_MAX &&
		    access(ret, X_OK) == 0)
			return 0;
	}
	return error_set(
		err, ERROR_INTERNAL,
		"cannot find coracle-archive beside the program in %s or in ../libexec/coracle: "
		"the installation is not complete",
		exe);
}

static int get_helper(char *ret, struct error *err)
{
	WITH_LOCK(&helper_lock);
	if (!*helper_path) {
		int r = find_helper(helper_path, err);

		if (r < 0) {
			*helper_path = '\0';
			return r;
		}
	}
	memcpy(ret, helper_path, sizeof(helper_path));
	return 0;
}

/* Starts the child with its ends; in and out may be -1. */
static int spawn(int in, int out, int root_fd, int socket, pid_t *ret, struct error *err)
{
	char path[HELPER_PATH_MAX], name[] = "coracle-archive", locale[] = "LC_ALL=C";
	char *argv[] = { name, NULL }, *envp[] = { locale, NULL };
	int keep[] = { root_fd, socket };
	struct spawn_options o = {
		.path = path,
		.argv = argv,
		.envp = envp,
		.stdio = { in, out, fcntl(STDERR_FILENO, F_GETFD) < 0 ? -1 : STDERR_FILENO },
		.keep_fds = keep,
		.n_keep_fds = ARRAY_SIZE(keep),
	};
	int r = get_helper(path, err);

	return r < 0 ? r : process_spawn(&o, ret, NULL, err);
}

static int start(const struct archive_request *q, int in, int out, int root_fd,
                 struct archive_job **ret, struct error *err)
{
	struct archive_job *job;
	int pair[2], r;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return error_set_errno(err, errno, "cannot make a socket pair");
	r = spawn(in, out, root_fd, pair[1], &pid, err);
	close(pair[1]);
	if (r < 0) {
		close(pair[0]);
		return r;
	}
	job = NEW(struct archive_job);
	*job = (struct archive_job){ .pid = pid, .socket = pair[0] };
	/* fits the socket's buffer; if the child is dead already, finish tells */
	IGNORE_RESULT(send(pair[0], q, sizeof(*q), MSG_NOSIGNAL) < 0, "finish tells");
	*ret = job;
	return 0;
}

static int make_pipe(int *fds, struct error *err)
{
	if (pipe2(fds, O_CLOEXEC) < 0)
		return error_set_errno(err, errno, "cannot make a pipe");
	fcntl(fds[0], F_SETPIPE_SZ, ARCHIVE_PIPE_SIZE);
	return 0;
}

static struct archive_request *new_request(enum archive_operation operation)
{
	struct archive_request *q = NEW(struct archive_request);

	q->magic = ARCHIVE_MAGIC;
	q->size = sizeof(*q);
	q->operation = operation;
	return q;
}

/* Paths inside the root are kept clean, without slashes at the ends. */
static int set_path(struct archive_request *q, const char *path, struct error *err)
{
	size_t n;

	while (path && *path == '/')
		path++;
	n = path ? strlen(path) : 0;
	if (n >= sizeof(q->path))
		return error_set(err, ERROR_INVALID, "a path of %zu bytes is too long", n);
	if (n)
		memcpy(q->path, path, n);
	return 0;
}

static int unpack_request(const struct unpack_options *o, struct archive_request **ret,
                          struct error *err)
{
	AUTO_FREE struct archive_request *q = new_request(ARCHIVE_UNPACK);
	int r = set_path(q, o->subdirectory, err);
	size_t n = strlen(q->path);

	if (r < 0)
		return r;
	while (n > 0 && q->path[n - 1] == '/')
		q->path[--n] = '\0';
	q->unpack_style = o->style;
	q->max_bytes = o->max_bytes ? o->max_bytes : unpack_bytes_default;
	q->max_entries = o->max_entries ? o->max_entries : UNPACK_ENTRIES_DEFAULT;
	q->no_overwrite_dir_non_dir = o->no_overwrite_dir_non_dir;
	q->copy_uid_gid = o->copy_uid_gid;
	q->uid = o->chown_uid;
	q->gid = o->chown_gid;
	*ret = TAKE_PTR(q);
	return 0;
}

int unpack_start_from(const struct unpack_options *o, int in_fd, struct archive_job **ret,
                      struct error *err)
{
	AUTO_FREE struct archive_request *q = NULL;
	int r = unpack_request(o, &q, err);

	return r < 0 ? r : start(q, in_fd, -1, o->root_fd, ret, err);
}

int unpack_start(const struct unpack_options *o, struct archive_job **ret, int *ret_fd,
                 struct error *err)
{
	int fds[2], r = make_pipe(fds, err);

	if (r < 0)
		return r;
	r = unpack_start_from(o, fds[0], ret, err);
	close(fds[0]);
	if (r < 0)
		close(fds[1]);
	else
		*ret_fd = fds[1];
	return r;
}

static int pack_request(const struct pack_options *o, struct archive_request **ret,
                        struct error *err)
{
	AUTO_FREE struct archive_request *q = new_request(ARCHIVE_PACK);
	size_t n = o->rename_base ? strlen(o->rename_base) : 0;
	int r = set_path(q, o->path, err);

	if (r < 0)
		return r;
	if (n >= sizeof(q->rename_base))
		return error_set(err, ERROR_INVALID, "a name of %zu bytes is too long", n);
	if (o->path && !*q->path)
		memcpy(q->path, ".", 2); /* "/": the root as an entry of its own */
	q->pack_style = o->style;
	q->clamp_mtime = o->clamp_mtime;
	q->has_rename_base = o->rename_base != NULL;
	if (n)
		memcpy(q->rename_base, o->rename_base, n);
	*ret = TAKE_PTR(q);
	return 0;
}

int pack_start_to(const struct pack_options *o, int out_fd, struct archive_job **ret,
                  struct error *err)
{
	AUTO_FREE struct archive_request *q = NULL;
	int r = pack_request(o, &q, err);

	return r < 0 ? r : start(q, -1, out_fd, o->root_fd, ret, err);
}

int pack_start(const struct pack_options *o, struct archive_job **ret, int *ret_fd,
               struct error *err)
{
	int fds[2], r = make_pipe(fds, err);

	if (r < 0)
		return r;
	r = pack_start_to(o, fds[1], ret, err);
	close(fds[1]);
	if (r < 0)
		close(fds[0]);
	else
		*ret_fd = fds[0];
	return r;
}

static int died(int status, struct error *err)
{
	if (status == 128 + SIGKILL)
		return error_set(err, ERROR_INTERNAL,
		                 "the archive helper was killed (out of memory?)");
	return error_set(err, ERROR_INTERNAL,
	                 "the archive helper died with status %d: the archive may be hostile",
	                 status);
}

static int finish(struct archive_job *job, struct unpack_result *ret, struct error *err)
{
	AUTO_FREE struct archive_reply *reply = NEW(struct archive_reply);
	ssize_t n;
	int status;

	do
		n = recv(job->socket, reply, sizeof(*reply), MSG_WAITALL);
	while (n < 0 && errno == EINTR);
	status = process_wait(job->pid);
	close(job->socket);
	free(job);
	if (n != (ssize_t)sizeof(*reply) || reply->magic != ARCHIVE_MAGIC)
		return died(status, err);
	reply->message[sizeof(reply->message) - 1] = '\0';
	if (reply->kind != ERROR_NONE)
		return error_set(err, reply->kind < ERROR_KIND_COUNT ? reply->kind : ERROR_INTERNAL,
		                 "%s", reply->message);
	*ret = reply->result;
	return 0;
}

int unpack_finish(struct archive_job *job, struct unpack_result *ret, struct error *err)
{
	return finish(job, ret, err);
}

int pack_finish(struct archive_job *job, struct unpack_result *ret, struct error *err)
{
	return finish(job, ret, err);
}

void archive_job_abort(struct archive_job *job)
{
	if (!job)
		return;
	kill(job->pid, SIGKILL); /* not waited for yet: the pid is still its own */
	process_wait(job->pid);
	close(job->socket);
	free(job);
}
