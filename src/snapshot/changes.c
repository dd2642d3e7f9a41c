/* SPDX-License-Identifier: Apache-2.0 */
/* What an upper directory changes, as `docker diff` tells it. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/map.h"
#include "snapshot/snapshot-internal.h"

/* Recursion on a thread's small stack, over a tree that a container made. */
enum { CHANGES_DEPTH_MAX = 128 };

struct walk {
	struct layer_stack lower;
	struct strbuf path; /* of the current entry, relative */
	struct strv found;  /* kind and path, "A/etc/x" */
	int depth;
};

static void walk_done(struct walk *w)
{
	layer_stack_done(&w->lower);
	strbuf_done(&w->path);
	strv_done(&w->found);
}

static void note(struct walk *w, char kind)
{
	strv_printf(&w->found, "%c/%s", kind, strbuf_cstr(&w->path));
}

static bool same_directory(const struct stat *a, const struct stat *b)
{
	return a->st_mode == b->st_mode && a->st_uid == b->st_uid && a->st_gid == b->st_gid &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static int walk_directory(struct walk *w, int fd, struct error *err);

/* A directory that is only there for what is below it counts when something below counts. */
static int visit_directory(struct walk *w, int parent, const char *name, const struct stat *st,
                           struct error *err)
{
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	size_t before = w->found.len;
	struct stat lower;
	bool is_new;
	int r;

	if (fd < 0)
		return errno == ENOENT ? 0
		                       : error_set_errno(err, errno, "cannot open /%s",
		                                         strbuf_cstr(&w->path));
	is_new = layer_stack_stat(&w->lower, strbuf_cstr(&w->path), &lower) == 0;
	note(w, is_new ? 'A' : 'C');
	r = walk_directory(w, fd, err);
	if (r == 0 && !is_new && S_ISDIR(lower.st_mode) && same_directory(st, &lower) &&
	    w->found.len == before + 1)
		strv_remove(&w->found, before);
	return r;
}

static int visit(struct walk *w, int parent, const char *name, struct error *err)
{
	struct stat st, lower;

	if (fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0
		                       : error_set_errno(err, errno, "cannot look at /%s",
		                                         strbuf_cstr(&w->path));
	if (S_ISDIR(st.st_mode))
		return visit_directory(w, parent, name, &st, err);
	if (layer_is_whiteout(&st))
		note(w, 'D');
	else
		note(w, layer_stack_stat(&w->lower, strbuf_cstr(&w->path), &lower) ? 'C' : 'A');
	return 0;
}

static int walk_directory(struct walk *w, int fd, struct error *err)
{
	AUTO_CLOSE int keep = fd;
	size_t len = w->path.len;
	AUTO_STRV names = { 0 };
	int r = list_directory(fd, &names);

	if (r < 0)
		return error_set_errno(err, -r, "cannot list a directory");
	if (++w->depth > CHANGES_DEPTH_MAX)
		return error_set(err, ERROR_INVALID, "directories are more than %d deep",
		                 CHANGES_DEPTH_MAX);
	for (size_t i = 0; r == 0 && i < names.len; i++) {
		strbuf_printf(&w->path, "%s%s", len ? "/" : "", names.ptr[i]);
		r = visit(w, keep, names.ptr[i], err);
		strbuf_truncate(&w->path, len);
	}
	w->depth--;
	return r;
}

int snapshot_changes(struct snapshot_store *s, const struct snapshot_mount *m,
                     snapshot_change_fn fn, void *ctx, struct error *err)
{
	CLEANUP(walk_done) struct walk w = { 0 };
	AUTO_FREE char *upper = xasprintf("%s/upper", m->directory);
	int fd, r = layer_stack_open(s, m, true, &w.lower, err);

	if (r < 0)
		return r;
	fd = open(upper, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return error_set_errno(err, errno, "cannot open %s", upper);
	r = walk_directory(&w, fd, err);
	for (size_t i = 0; r == 0 && i < w.found.len; i++)
		r = fn(ctx, w.found.ptr[i][0], w.found.ptr[i] + 1);
	return r;
}

static int64_t tree_size(int at, const char *path, struct map *seen, int depth)
{
	AUTO_CLOSE int fd = openat(at, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	DIR *dir = fd < 0 || depth > CHANGES_DEPTH_MAX ? NULL : fdopendir(fd);
	int64_t sum = 0;
	struct stat st;
	char key[64];

	if (!dir)
		return 0;
	IGNORE_RESULT(TAKE_FD(fd), "the stream's now");
	for (struct dirent *e; (e = readdir(dir));) {
		if (streq(e->d_name, ".") || streq(e->d_name, "..") ||
		    fstatat(dirfd(dir), e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if (S_ISDIR(st.st_mode)) {
			sum += tree_size(dirfd(dir), e->d_name, seen, depth + 1);
			continue;
		}
		if (st.st_nlink > 1) {
			snprintf(key, sizeof(key), "%llx:%llx", (unsigned long long)st.st_dev,
			         (unsigned long long)st.st_ino);
			if (map_set(seen, key, seen))
				continue;
		}
		sum += st.st_size;
	}
	closedir(dir);
	return sum;
}

int64_t snapshot_tree_size(int dirfd, const char *path)
{
	CLEANUP(map_free_ptr) struct map *seen = map_new();

	return tree_size(dirfd, path, seen, 0);
}
