/* SPDX-License-Identifier: Apache-2.0 */
/* Looking through layers as overlayfs would, without mounting them. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "base/alloc.h"
#include "snapshot/snapshot-internal.h"

enum { STACK_PATH_MAX = 4096 };

void layer_stack_done(struct layer_stack *k)
{
	for (size_t i = 0; i < k->n; i++)
		close(k->fds[i]);
	free(k->fds);
	*k = (struct layer_stack){ 0 };
}

static int add(struct layer_stack *k, const char *path, struct error *err)
{
	int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return error_set_errno(err, errno, "cannot open layer directory %s", path);
	k->fds = xreallocarray(k->fds, k->n + 1, sizeof(*k->fds));
	k->fds[k->n++] = fd;
	return 0;
}

int layer_stack_open(struct snapshot_store *s, const struct snapshot_mount *m, bool with_init,
                     struct layer_stack *ret, struct error *err)
{
	AUTO_FREE char *init = xasprintf("%s/init", m->directory);
	CLEANUP(layer_stack_done) struct layer_stack k = { 0 };
	AUTO_STRV paths = { 0 };
	int r = m->chain_id ? layer_paths(s, m->chain_id, &paths, err) : 0;

	if (r == 0 && with_init)
		r = add(&k, init, err);
	for (size_t i = 0; r == 0 && i < paths.len; i++)
		r = add(&k, paths.ptr[i], err);
	if (r < 0)
		return r;
	*ret = k;
	k = (struct layer_stack){ 0 };
	return 0;
}

bool layer_is_whiteout(const struct stat *st)
{
	return S_ISCHR(st->st_mode) && st->st_rdev == makedev(0, 0);
}

bool layer_is_opaque(int dirfd, const char *path)
{
	AUTO_CLOSE int fd = openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	char value;

	return fd >= 0 && fgetxattr(fd, "trusted.overlay.opaque", &value, 1) == 1 && value == 'y';
}

enum found { FOUND_HERE, FOUND_NOT, FOUND_COVERED };

/* One layer: the path, nothing, or something that hides the layers below. */
static enum found look(int fd, const char *path, struct stat *ret)
{
	char prefix[STACK_PATH_MAX];
	bool covered = false;

	for (const char *p = path;;) {
		const char *end = p + strcspn(p, "/");
		size_t n = (size_t)(end - path);

		if (n >= sizeof(prefix))
			return FOUND_COVERED;
		memcpy(prefix, path, n);
		prefix[n] = '\0';
		if (fstatat(fd, prefix, ret, AT_SYMLINK_NOFOLLOW) < 0)
			return covered ? FOUND_COVERED : FOUND_NOT;
		if (layer_is_whiteout(ret))
			return FOUND_COVERED;
		if (!*end)
			return FOUND_HERE;
		if (!S_ISDIR(ret->st_mode))
			return FOUND_COVERED;
		covered = covered || layer_is_opaque(fd, prefix);
		p = end + 1;
	}
}

int layer_stack_stat(const struct layer_stack *k, const char *path, struct stat *ret)
{
	for (size_t i = 0; i < k->n; i++)
		switch (look(k->fds[i], path, ret)) {
		case FOUND_HERE:
			return 1;
		case FOUND_COVERED:
			return 0;
		case FOUND_NOT:
			break;
		}
	return 0;
}
