/* SPDX-License-Identifier: Apache-2.0 */
#include "volume/driver.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/strbuf.h"

static const struct {
	const char *name;
	unsigned long set, clear;
} mount_flags[] = {
	{ "ro", MS_RDONLY, 0 },         { "rw", 0, MS_RDONLY },
	{ "nosuid", MS_NOSUID, 0 },     { "suid", 0, MS_NOSUID },
	{ "nodev", MS_NODEV, 0 },       { "dev", 0, MS_NODEV },
	{ "noexec", MS_NOEXEC, 0 },     { "exec", 0, MS_NOEXEC },
	{ "sync", MS_SYNCHRONOUS, 0 },  { "async", 0, MS_SYNCHRONOUS },
	{ "noatime", MS_NOATIME, 0 },   { "nodiratime", MS_NODIRATIME, 0 },
	{ "relatime", MS_RELATIME, 0 }, { "strictatime", MS_STRICTATIME, 0 },
	{ "bind", MS_BIND, 0 },         { "rbind", MS_BIND | MS_REC, 0 },
	{ "defaults", 0, 0 },
};

struct parsed {
	unsigned long flags;
	struct strbuf data; /* what the file system gets */
};

bool driver_mounts(const struct strmap *options)
{
	return strmap_get(options, "device") || strmap_get(options, "type");
}

int driver_check(const struct strmap *options, struct error *err)
{
	static const char *const known[] = { "type", "o", "device" };
	static const char *const needed[] = { "device", "type" };

	vec_for_each (options, pair) {
		bool ok = false;

		for (size_t i = 0; i < ARRAY_SIZE(known); i++)
			ok = ok || streq(pair->key, known[i]);
		if (!ok && streq(pair->key, "size"))
			return error_set(
				err, ERROR_NOT_IMPLEMENTED,
				"quota size requested but no quota support: for tmpfs give "
				"--opt o=size=…");
		if (!ok)
			return error_set(err, ERROR_INVALID, "invalid option: \"%s\"", pair->key);
	}
	for (size_t i = 0; options->len && i < ARRAY_SIZE(needed); i++)
		if (str_empty_or_null(strmap_get(options, needed[i])))
			return error_set(err, ERROR_INVALID, "missing required option: \"%s\"",
			                 needed[i]);
	return 0;
}

static bool take_flag(struct parsed *p, struct str option)
{
	for (size_t i = 0; i < ARRAY_SIZE(mount_flags); i++)
		if (str_eq_c(option, mount_flags[i].name)) {
			p->flags = (p->flags | mount_flags[i].set) & ~mount_flags[i].clear;
			return true;
		}
	return false;
}

/* The kernel's NFS wants a number where people write a name. */
static int add_address(struct parsed *p, struct str host, struct error *err)
{
	AUTO_FREE char *name = xstrndup(host.ptr, host.len);
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *found = NULL;
	char number[INET6_ADDRSTRLEN];
	int r = getaddrinfo(name, NULL, &hints, &found);

	if (r != 0)
		return error_set(err, ERROR_INVALID,
		                 "error resolving passed in network volume "
		                 "address %s: %s",
		                 name, gai_strerror(r));
	r = getnameinfo(found->ai_addr, found->ai_addrlen, number, sizeof(number), NULL, 0,
	                NI_NUMERICHOST);
	freeaddrinfo(found);
	if (r != 0)
		return error_set(err, ERROR_INTERNAL, "cannot write the address of %s", name);
	strbuf_printf(&p->data, "addr=%s", number);
	return 0;
}

static int parse(const struct strmap *options, struct parsed *p, struct error *err)
{
	const char *o = strmap_get(options, "o"), *type = strmap_get(options, "type");
	struct str rest = str_from(o), option;
	int r = 0;

	while (r >= 0 && str_cut(&rest, ',', &option)) {
		if (!option.len || take_flag(p, option))
			continue;
		if (p->data.len)
			strbuf_putc(&p->data, ',');
		if (type && str_skip_prefix(type, "nfs") && option.len > 5 &&
		    memcmp(option.ptr, "addr=", 5) == 0)
			r = add_address(p, str_n(option.ptr + 5, option.len - 5), err);
		else
			strbuf_add_str(&p->data, option);
	}
	return r;
}

static bool is_mounted(int directory)
{
	struct statx st;

	return statx(directory, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &st) == 0 &&
	       (st.stx_attributes & STATX_ATTR_MOUNT_ROOT);
}

static int bind_device(int directory, const char *device, unsigned long flags, struct error *err)
{
	struct mount_attr attr = { .attr_set = flags & MS_RDONLY ? MOUNT_ATTR_RDONLY : 0 };
	AUTO_CLOSE int tree = open_tree(AT_FDCWD, device,
	                                OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC |
	                                        (flags & MS_REC ? AT_RECURSIVE : 0));

	if (tree < 0)
		return error_set_errno(err, errno, "cannot bind %s", device);
	if (attr.attr_set && mount_setattr(tree, "", AT_EMPTY_PATH, &attr, sizeof(attr)) < 0)
		return error_set_errno(err, errno, "cannot bind %s read-only", device);
	if (move_mount(tree, "", directory, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) <
	    0)
		return error_set_errno(err, errno, "cannot bind %s", device);
	return 0;
}

static int mount_device(int directory, const struct strmap *options, const struct parsed *p,
                        struct error *err)
{
	const char *device = strmap_get(options, "device"), *type = strmap_get(options, "type");
	char target[64];

	/* no remount follows, so the kernel takes this name of the descriptor */
	snprintf(target, sizeof(target), "/proc/self/fd/%d", directory);
	if (mount(device, target, type, p->flags, p->data.len ? p->data.ptr : NULL) < 0)
		return error_set_errno(err, errno, "failed to mount local volume: mount %s as %s",
		                       device, type);
	return 0;
}

int driver_mount(int directory, const struct strmap *options, struct error *err)
{
	struct parsed p = { 0 };
	int r;

	if (!driver_mounts(options) || is_mounted(directory))
		return 0;
	r = parse(options, &p, err);
	if (r >= 0 && p.flags & MS_BIND)
		r = bind_device(directory, strmap_get(options, "device"), p.flags, err);
	else if (r >= 0)
		r = mount_device(directory, options, &p, err);
	strbuf_done(&p.data);
	return r;
}

void driver_unmount(const char *path)
{
	while (umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW) == 0)
		;
}
