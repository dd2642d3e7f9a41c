/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files of a container: cp, export, diff, commit. A running container's root is /proc/<pid>/root,
 * volumes and all, by descriptor; a stopped one's is mounted for the time. Paths are resolved in
 * that root only, and archives are read and written by the confined helper.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "archive/confined.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/time.h"
#include "container/container-internal.h"

/* Go's FileMode bits */
enum {
	GO_STICKY = 1 << 20,
	GO_CHAR = 1 << 21,
	GO_SETGID = 1 << 22,
	GO_SETUID = 1 << 23,
	GO_SOCKET = 1 << 24,
	GO_PIPE = 1 << 25,
	GO_DEVICE = 1 << 26,
	GO_LINK = 1 << 27,
};
#define GO_DIR (UINT32_C(1) << 31)

struct root {
	struct container *c;
	int fd;
	bool mounted; /* by us, to be unmounted; operation is held */
};

static void root_close(struct root *r)
{
	if (r->fd >= 0)
		close(r->fd);
	if (!r->c)
		return;
	if (r->mounted) {
		AUTO_FREE char *dir = container_directory(r->c);
		struct error err = { 0 };

		if (snapshot_unmount(dir, &err) < 0)
			log_warning("cannot unmount the root file system container=%s: %s",
			            r->c->info.id, err.message);
	}
	pthread_mutex_unlock(&r->c->operation);
}

/* Holds operation until root_close(): nobody starts, stops or removes it meanwhile. */
static int root_open(struct container *c, struct root *ret, struct error *err)
{
	AUTO_FREE char *dir = NULL;
	AUTO_FREE char *path = NULL;
	struct digest chain = { 0 };
	struct snapshot_mount m;
	pid_t pid;
	int r = 0;

	pthread_mutex_lock(&c->operation);
	*ret = (struct root){ .c = c, .fd = -1 };
	if (c->removed)
		return error_set(err, ERROR_NOT_FOUND, "No such container: %s", c->info.id);
	pthread_mutex_lock(&c->lock);
	pid = c->info.pid;
	pthread_mutex_unlock(&c->lock);
	if (pid <= 0) {
		r = container_snapshot(c, &m, &dir, &chain, err);
		if (r >= 0)
			r = snapshot_mount(c->cs->snapshots, &m, err);
		if (r < 0)
			return r;
		ret->mounted = true;
	}
	path = pid > 0 ? xasprintf("/proc/%d/root", (int)pid) : xasprintf("%s/merged", dir);
	ret->fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return ret->fd < 0
	               ? error_set_errno(err, errno, "cannot open the container's root file system")
	               : 0;
}

static uint32_t go_mode(mode_t m)
{
	uint32_t g = m & 0777;

	if (S_ISDIR(m))
		g |= GO_DIR;
	else if (S_ISLNK(m))
		g |= GO_LINK;
	else if (S_ISFIFO(m))
		g |= GO_PIPE;
	else if (S_ISSOCK(m))
		g |= GO_SOCKET;
	else if (S_ISBLK(m))
		g |= GO_DEVICE;
	else if (S_ISCHR(m))
		g |= GO_DEVICE | GO_CHAR;
	return g | (m & S_ISUID ? GO_SETUID : 0) | (m & S_ISGID ? GO_SETGID : 0) |
	       (m & S_ISVTX ? GO_STICKY : 0);
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && slash[1] ? slash + 1 : slash ? "/" : path;
}

/* The name without trailing slashes: "/a/b/." means what is in /a/b. */
static char *trimmed(const char *path)
{
	size_t n = strlen(path);

	while (n > 1 && (path[n - 1] == '/' || (n > 2 && path[n - 1] == '.' && path[n - 2] == '/')))
		n--;
	return n ? xstrndup(path, n) : xstrdup("/");
}

static int stat_path(const struct root *root, const char *path, struct path_stat *ret,
                     struct error *err)
{
	AUTO_FREE char *clean = trimmed(path);
	bool through = strlen(clean) != strlen(path); /* a trailing slash follows the link */
	AUTO_CLOSE int fd =
		open_in_root(root->fd, clean, O_PATH | O_CLOEXEC | (through ? 0 : O_NOFOLLOW), 0);
	struct stat st;

	if (fd == -ENOENT || fd == -ENOTDIR)
		return error_set(err, ERROR_NOT_FOUND, "Could not find the file %s in container %s",
		                 path, root->c->info.id);
	if (fd < 0)
		return error_set_errno(err, -fd, "cannot look at %s in container %s", path,
		                       root->c->info.id);
	if (fstat(fd, &st) < 0)
		return error_set_errno(err, errno, "cannot look at %s in container %s", path,
		                       root->c->info.id);
	*ret = (struct path_stat){
		.name = xstrdup(base_name(clean)),
		.size = st.st_size,
		.go_mode = go_mode(st.st_mode),
		.mtime = st.st_mtim.tv_sec * NSEC_PER_SEC + st.st_mtim.tv_nsec,
		.link_target = xstrdup(""),
	};
	if (S_ISLNK(st.st_mode)) {
		char target[4097];
		ssize_t n = readlinkat(fd, "", target, sizeof(target) - 1);

		if (n >= 0) {
			target[n] = '\0';
			free(ret->link_target);
			ret->link_target = xstrdup(target);
		}
	}
	return 0;
}

int container_path_stat(struct container *c, const char *path, struct path_stat *ret,
                        struct error *err)
{
	CLEANUP(root_close) struct root root = { .fd = -1 };
	int r = root_open(c, &root, err);

	return r < 0 ? r : stat_path(&root, path, ret, err);
}

static int copy_out(int from, int to, struct error *err)
{
	char buf[65536];

	for (;;) {
		ssize_t n = read(from, buf, sizeof(buf));
		int r;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_set_errno(err, errno, "cannot read the archive");
		if (n == 0)
			return 0;
		r = write_full(to, buf, (size_t)n);
		if (r < 0)
			return error_set(err, ERROR_CANCELLED, "the client left");
	}
}

static int pack(const struct pack_options *o, int out_fd, struct error *err)
{
	struct archive_job *job;
	struct unpack_result result;
	int fd, r = pack_start(o, &job, &fd, err);

	if (r < 0)
		return r;
	r = copy_out(fd, out_fd, err);
	close(fd);
	if (r < 0) {
		archive_job_abort(job);
		return r;
	}
	return pack_finish(job, &result, err);
}

int container_archive_get(struct container *c, const char *path, struct path_stat *ret, int out_fd,
                          struct error *err)
{
	CLEANUP(root_close) struct root root = { .fd = -1 };
	AUTO_FREE char *clean = trimmed(path);
	struct pack_options o = { .path = clean, .style = PACK_PLAIN, .clamp_mtime = -1 };
	int r = root_open(c, &root, err);

	if (r >= 0)
		r = stat_path(&root, path, ret, err);
	if (r < 0 || out_fd < 0)
		return r;
	o.root_fd = root.fd;
	r = pack(&o, out_fd, err);
	if (r >= 0)
		container_event(c, "archive-path", NULL, NULL);
	return r;
}

/* Directories whose inside is not the container's to write. */
static int check_writable(const struct container *c, const char *path, struct error *err)
{
	if (c->info.host_config.readonly_rootfs)
		return error_set(err, ERROR_FORBIDDEN, "container rootfs is marked read-only");
	vec_for_each (&c->info.mounts, m) {
		const char *rest = str_skip_prefix(path, m->destination);

		if (rest && (!*rest || *rest == '/') && !m->rw)
			return error_set(err, ERROR_FORBIDDEN,
			                 "mounted volume is marked read-only");
	}
	return 0;
}

int container_archive_put(struct container *c, const char *path, int in_fd,
                          bool no_overwrite_dir_non_dir, bool copy_uid_gid, struct error *err)
{
	CLEANUP(root_close) struct root root = { .fd = -1 };
	AUTO_FREE char *clean = trimmed(path);
	struct unpack_options o = {
		.subdirectory = clean,
		.style = UNPACK_PLAIN,
		.no_overwrite_dir_non_dir = no_overwrite_dir_non_dir,
		.copy_uid_gid = true,
	};
	struct unpack_result result;
	struct archive_job *job;
	struct stat st;
	int r = root_open(c, &root, err);

	if (r < 0)
		return r;
	AUTO_CLOSE int dir = open_in_root(root.fd, clean, O_PATH | O_CLOEXEC, 0);
	if (dir < 0)
		return error_set(err, ERROR_NOT_FOUND, "Could not find the file %s in container %s",
		                 path, c->info.id);
	if (fstat(dir, &st) < 0 || !S_ISDIR(st.st_mode))
		return error_set(err, ERROR_INVALID, "extraction point is not a directory");
	r = check_writable(c, clean, err);
	if (r < 0)
		return r;
	(void)copy_uid_gid; /* the archive's owners either way, as in Docker; without it the client
	                       has mapped them */
	o.root_fd = root.fd;
	r = unpack_start_from(&o, in_fd, &job, err);
	if (r >= 0)
		r = unpack_finish(job, &result, err);
	if (r >= 0)
		container_event(c, "extract-to-dir", NULL, NULL);
	return r;
}

int container_export(struct container *c, int out_fd, struct error *err)
{
	CLEANUP(root_close) struct root root = { .fd = -1 };
	struct pack_options o = { .style = PACK_PLAIN, .clamp_mtime = -1 };
	AUTO_FREE char *dir = NULL;
	AUTO_FREE char *merged = NULL;
	AUTO_CLOSE int merged_fd = -1;
	int r = root_open(c, &root, err);

	if (r < 0)
		return r;
	/* without what is mounted in a running container */
	dir = container_directory(c);
	merged = xasprintf("%s/merged", dir);
	merged_fd = open(merged, O_PATH | O_DIRECTORY | O_CLOEXEC);
	o.root_fd = merged_fd >= 0 ? merged_fd : root.fd;
	r = pack(&o, out_fd, err);
	if (r >= 0)
		container_event(c, "export", NULL, NULL);
	return r;
}

int container_changes(struct container *c, snapshot_change_fn fn, void *ctx, struct error *err)
{
	AUTO_FREE char *dir = NULL;
	struct digest chain = { 0 };
	struct snapshot_mount m;
	int r = container_snapshot(c, &m, &dir, &chain, err);

	return r < 0 ? r : snapshot_changes(c->cs->snapshots, &m, fn, ctx, err);
}

static void config_of_container(const struct container *c, struct image_run_config *ret)
{
	const struct container_config *from = &c->info.config;

	*ret = (struct image_run_config){
		.user = xstrdup_null(from->user),
		.working_dir = xstrdup_null(from->working_dir),
		.stop_signal = xstrdup_null(from->stop_signal),
		.args_escaped = from->args_escaped,
	};
	strv_copy(&ret->exposed_ports, &from->exposed_ports);
	strv_copy(&ret->env, &from->env);
	strv_copy(&ret->entrypoint, &from->entrypoint);
	strv_copy(&ret->cmd, &from->cmd);
	strv_copy(&ret->volumes, &from->volumes);
	strv_copy(&ret->on_build, &from->on_build);
	strv_copy(&ret->shell, &from->shell);
	strmap_copy(&ret->labels, &from->labels);
	if (from->healthcheck) {
		ret->healthcheck = NEW(struct healthcheck);
		json_fields_copy(healthcheck_fields, from->healthcheck, ret->healthcheck);
	}
}

static int make_config(struct container *c, const struct commit_options *o,
                       const struct image *parent, const struct digest *diff_id,
                       struct image_config *ret, struct error *err)
{
	AUTO_STRBUF command = { 0 };
	int r = 0;

	image_config_copy(&parent->config, ret);
	json_fields_clear(image_run_config_fields, &ret->config);
	if (o->config)
		json_fields_copy(image_run_config_fields, o->config, &ret->config);
	else
		config_of_container(c, &ret->config);
	for (size_t i = 0; r >= 0 && o->changes && i < o->changes->len; i++)
		r = image_config_change(&ret->config, o->changes->ptr[i], err);
	if (r < 0)
		return r;
	ret->created = time_now();
	free(ret->author);
	ret->author = xstrdup_null(o->author);
	digest_vec_push(&ret->diff_ids, *diff_id);
	strbuf_puts(&command, c->info.path);
	for (size_t i = 0; i < c->info.args.len; i++)
		strbuf_printf(&command, " %s", c->info.args.ptr[i]);
	image_history_vec_push(&ret->history, (struct image_history){
						      .created = ret->created,
						      .created_by = strbuf_steal(&command),
						      .author = xstrdup_null(o->author),
						      .comment = xstrdup_null(o->comment),
					      });
	return 0;
}

static int commit_layer(struct container *c, const struct image *parent, struct digest *ret_diff_id,
                        struct error *err)
{
	AUTO_FREE char *path = container_directory(c);
	AUTO_CLOSE int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct digest chain;
	int64_t size;

	if (dir < 0)
		return error_set_errno(err, errno, "cannot open %s", path);
	return layer_commit_upper(c->cs->snapshots, dir, "upper", true,
	                          digest_is_set(&parent->chain_id) ? &parent->chain_id : NULL,
	                          ret_diff_id, &chain, &size, err);
}

int container_commit(struct container *c, const struct commit_options *o, struct digest *ret_id,
                     struct error *err)
{
	CLEANUP(image_free_ptr) struct image *parent = NULL;
	AUTO_IMAGE_CONFIG config = { 0 };
	struct error ignored = { 0 };
	struct digest id, diff_id;
	bool paused = false;
	int r = digest_parse_error(c->info.image_id, &id, err);

	if (r >= 0)
		r = image_get_by_id(c->cs->images, &id, &parent, err);
	if (r < 0)
		return r;
	if (o->pause)
		paused = container_pause(c, &ignored) >= 0;
	r = commit_layer(c, parent, &diff_id, err);
	if (paused)
		IGNORE_RESULT(container_unpause(c, &ignored) < 0,
		              "it may have been killed meanwhile");
	if (r >= 0)
		r = make_config(c, o, parent, &diff_id, &config, err);
	if (r >= 0)
		r = image_create(c->cs->images, &config, &parent->id, o->tag, ret_id, err);
	if (r >= 0)
		container_event(c, "commit", NULL, NULL);
	return r;
}
