/* SPDX-License-Identifier: Apache-2.0 */
#include "network/netns.h"

#include <dirent.h>
#include <errno.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/socket.h>

#include "base/fs.h"
#include "base/thread.h"
#include "network/link.h"

struct errand {
	int netns; /* borrowed; -1: a new one */
	netns_fn fn;
	void *arg;         /* borrowed */
	int result;        /* fn's */
	struct error *err; /* the waiting caller's */
};

static void *run_errand(void *arg)
{
	struct errand *e = arg;
	int r = e->netns >= 0 ? setns(e->netns, CLONE_NEWNET) : unshare(CLONE_NEWNET);

	if (r < 0)
		e->result = error_set_errno(e->err, errno, "cannot %s a network namespace",
		                            e->netns >= 0 ? "enter" : "make");
	else
		e->result = e->fn(e->arg, e->err);
	return NULL;
}

int netns_run(int netns, netns_fn fn, void *arg, struct error *err)
{
	struct errand e = { .netns = netns, .fn = fn, .arg = arg, .err = err };
	pthread_t thread;
	int r = thread_start(&thread, run_errand, &e, err);

	if (r < 0)
		return r;
	pthread_join(thread, NULL);
	return e.result;
}

int sysctl_write(const char *path, const char *value, struct error *err)
{
	AUTO_FREE char *file = xasprintf("/proc/sys/net/%s", path);
	AUTO_CLOSE int fd = open(file, O_WRONLY | O_CLOEXEC);
	int r;

	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0)
		return error_set_errno(err, errno, "cannot open %s", file);
	r = write_full(fd, value, strlen(value));
	return r < 0 ? error_set_errno(err, -r, "cannot write %s to %s", value, file) : 0;
}

int sysctl_write_if(const char *family, const char *interface, const char *name, const char *value,
                    struct error *err)
{
	AUTO_FREE char *path = xasprintf("%s/conf/%s/%s", family, interface, name);

	return sysctl_write(path, value, err);
}

/* Interfaces that appear later start without IPv6; connecting to a network with IPv6 turns it on
 * for its interface. Router advertisements are never taken: a neighbour could send them. */
static int quiet_ipv6(struct error *err)
{
	static const char *const settings[][2] = {
		{ "ipv6/conf/default/disable_ipv6", "1" },
		{ "ipv6/conf/default/accept_ra", "0" },
		{ "ipv6/conf/all/accept_ra", "0" },
		{ "ipv6/conf/default/accept_dad", "0" },
	};
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(settings) && r >= 0; i++)
		r = sysctl_write(settings[i][0], settings[i][1], err);
	return r;
}

static int loopback_up(struct error *err)
{
	AUTO_NETLINK nl = NETLINK_NONE;
	int r = netlink_open(&nl, NETLINK_ROUTE, err);

	if (r < 0)
		return r;
	return link_set_up(&nl, 1, err); /* lo is the first interface of every namespace */
}

struct keep {
	int directory; /* borrowed */
	const char *name;
};

static int keep_current(void *arg, struct error *err)
{
	struct keep *k = arg;
	AUTO_CLOSE int ns = -1;
	int r = loopback_up(err);

	if (r < 0)
		return r;
	r = quiet_ipv6(err);
	if (r < 0)
		return r;
	ns = open_tree(AT_FDCWD, "/proc/thread-self/ns/net", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (ns < 0)
		return error_set_errno(err, errno, "cannot take hold of a network namespace");
	if (move_mount(ns, "", k->directory, k->name, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return error_set_errno(err, errno, "cannot mount a network namespace");
	return 0;
}

static int make_place(int directory, const char *name, struct error *err)
{
	AUTO_CLOSE int fd = openat(directory, name, O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444);

	if (fd < 0)
		return error_set_errno(err, errno, "cannot keep the network namespace %s", name);
	return 0;
}

int netns_make(const char *directory, const char *name, struct error *err)
{
	AUTO_CLOSE int dir = -1;
	struct keep k;
	int r;

	if (!is_safe_name(name))
		return error_set(err, ERROR_INVALID, "invalid container id %s", name);
	dir = open_or_make_dir(AT_FDCWD, directory, 0755, err);
	if (dir < 0)
		return dir;
	r = make_place(dir, name, err);
	if (r < 0)
		return r;
	k = (struct keep){ .directory = dir, .name = name };
	r = netns_run(-1, keep_current, &k, err);
	if (r < 0)
		unlinkat(dir, name, 0);
	return r;
}

void netns_drop(const char *directory, const char *name)
{
	AUTO_FREE char *path = NULL;

	if (!is_safe_name(name))
		return;
	path = xasprintf("%s/%s", directory, name);
	/* a second mount can lie on top when an earlier engine died half-way */
	while (umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW) == 0)
		;
	unlink(path);
}

int netns_names(const char *directory, struct strv *ret, struct error *err)
{
	DIR *dir = opendir(directory);

	if (!dir && errno == ENOENT)
		return 0;
	if (!dir)
		return error_set_errno(err, errno, "cannot list %s", directory);
	for (struct dirent *e; (e = readdir(dir));)
		if (is_safe_name(e->d_name))
			strv_add(ret, e->d_name);
	closedir(dir);
	return 0;
}

int netns_open(const char *path, struct error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return error_set_errno(err, errno, "cannot open the network namespace %s", path);
	return fd;
}

struct socket_wish {
	int family, type, protocol;
};

static int open_socket(void *arg, struct error *err)
{
	const struct socket_wish *w = arg;
	int fd = socket(w->family, w->type | SOCK_CLOEXEC, w->protocol);

	if (fd < 0)
		return error_set_errno(err, errno, "cannot open a socket in a network namespace");
	return fd;
}

int netns_socket(int netns, int family, int type, int protocol, struct error *err)
{
	struct socket_wish w = { .family = family, .type = type, .protocol = protocol };

	return netns_run(netns, open_socket, &w, err);
}
