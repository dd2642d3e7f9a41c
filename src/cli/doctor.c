/* SPDX-License-Identifier: Apache-2.0 */
/* doctor: looks at this host and says what the engine will miss, and what to do about it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <linux/netlink.h>

#include "base/fs.h"
#include "cli/commands.h"
#include "cli/engine.h"
#include "cli/human.h"
#include "cli/table.h"
#include "cli/terminal.h"

enum finding { FINE, WARNING, BROKEN };

struct report {
	unsigned counts[3];
	bool colours;
};

static void say(struct report *r, enum finding f, const char *what, const char *advice)
{
	static const char *const words[] = { "ok", "warning", "missing" };
	static const char *const colours[] = { "\033[32m", "\033[33m", "\033[31m" };

	r->counts[f]++;
	printf("%s%-8s%s %s\n", r->colours ? colours[f] : "", words[f], r->colours ? "\033[0m" : "",
	       what);
	if (f != FINE && advice)
		printf("         -> %s\n", advice);
}

static bool file_has_word(const char *path, const char *word)
{
	AUTO_STRBUF text = { 0 };
	struct error ignored = { 0 };

	return read_file(AT_FDCWD, path, 1024 * 1024, &text, &ignored) == 0 &&
	       strstr(strbuf_cstr(&text), word);
}

static void check_filesystems(struct report *r)
{
	say(r, file_has_word("/proc/filesystems", "overlay") ? FINE : BROKEN, "overlay file system",
	    "modprobe overlay; a kernel with CONFIG_OVERLAY_FS");
	say(r, file_has_word("/proc/filesystems", "tmpfs") ? FINE : BROKEN, "tmpfs",
	    "a kernel with CONFIG_TMPFS");
}

static void check_namespaces(struct report *r)
{
	static const char *const all[] = { "mnt", "pid", "net", "ipc", "uts", "cgroup", "user" };

	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		AUTO_FREE char *path = xasprintf("/proc/self/ns/%s", all[i]);
		AUTO_FREE char *what = xasprintf("%s namespaces", all[i]);

		say(r,
		    access(path, F_OK) == 0 ? FINE
		    : streq(all[i], "user") ? WARNING
		                            : BROKEN,
		    what, "a kernel with CONFIG_NAMESPACES and this kind of them");
	}
}

static void check_cgroups(struct report *r)
{
	static const char *const wanted[] = { "cpu", "memory", "pids", "io" };
	bool v2 = access("/sys/fs/cgroup/cgroup.controllers", F_OK) == 0;
	bool hybrid = !v2 && access("/sys/fs/cgroup/unified", F_OK) == 0;

	say(r, v2 || file_has_word("/proc/self/mountinfo", " - cgroup ") ? FINE : BROKEN,
	    v2       ? "control groups, version 2"
	    : hybrid ? "control groups, hybrid"
	             : "control groups, version 1",
	    "mount them: systemd does, or mount -t cgroup2 none /sys/fs/cgroup");
	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
		AUTO_FREE char *what = xasprintf("controller %s", wanted[i]);
		const char *v1 = streq(wanted[i], "io") ? "blkio" : wanted[i];
		bool there = v2 ? file_has_word("/sys/fs/cgroup/cgroup.controllers", wanted[i])
		                : file_has_word("/proc/cgroups", v1);

		say(r, there ? FINE : WARNING, what, "limits of this kind will not hold");
	}
}

static void check_network(struct report *r)
{
	AUTO_CLOSE int nft = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);

	say(r, nft >= 0 ? FINE : BROKEN, "netfilter (published ports, masquerading)",
	    "modprobe nf_tables; a kernel with CONFIG_NF_TABLES");
	say(r, file_has_word("/proc/sys/net/ipv4/ip_forward", "1") ? FINE : WARNING,
	    "IPv4 forwarding",
	    "sysctl -w net.ipv4.ip_forward=1 (the engine turns it on when it may)");
	say(r,
	    access("/sys/module/bridge", F_OK) == 0 || access("/sys/class/net", F_OK) == 0
	            ? FINE
	            : WARNING,
	    "bridges", "modprobe bridge");
}

static void check_security(struct report *r)
{
	say(r, file_has_word("/proc/self/status", "Seccomp:") ? FINE : WARNING, "seccomp",
	    "a kernel with CONFIG_SECCOMP_FILTER; containers run without their filter");
	say(r, geteuid() == 0 ? FINE : WARNING, "running as root",
	    "the engine needs root; the command line only needs the socket's group");
}

static void check_space(struct report *r, const char *path)
{
	struct statvfs fs;
	AUTO_STRBUF what = { 0 };
	double avail, share;

	if (statvfs(path, &fs) < 0 || !fs.f_blocks)
		return;
	avail = (double)fs.f_bavail * (double)fs.f_frsize;
	share = (double)fs.f_bavail / (double)fs.f_blocks;
	strbuf_printf(&what, "room in %s: ", path);
	human_size(avail, 3, &what);
	say(r,
	    avail < 1e9   ? BROKEN
	    : share < 0.1 ? WARNING
	                  : FINE,
	    strbuf_cstr(&what),
	    "\"system df\" shows what takes it, \"system prune\" gives it back");
	if (fs.f_files && fs.f_favail < fs.f_files / 20)
		say(r, WARNING, "few inodes are left there",
		    "many small files in images or volumes");
}

static void check_engine(struct cli *cli, struct report *r)
{
	struct error err = { 0 };
	AUTO_FREE char *what = xasprintf("an engine answers at %s", cli->host);
	CLEANUP(json_decref_ptr) json_t *info = engine_json(cli, "GET", "/info", NULL, &err);

	say(r, info ? FINE : BROKEN, what, err.message);
	if (!info)
		return;
	const json_t *warning;
	size_t i;

	json_array_foreach (item_at(info, "Warnings"), i, warning)
		say(r, WARNING, json_is_string(warning) ? json_string_value(warning) : "", NULL);
	if (str_skip_prefix(cli->host, "unix://") && *item_string(info, "DockerRootDir"))
		check_space(r, item_string(info, "DockerRootDir"));
}

static int doctor(struct cli *cli, struct error *err)
{
	struct report r = { .colours = terminal_is(STDOUT_FILENO) &&
		                       str_empty_or_null(getenv("NO_COLOR")) };

	check_filesystems(&r);
	check_namespaces(&r);
	check_cgroups(&r);
	check_network(&r);
	check_security(&r);
	check_space(&r, "/var/lib");
	check_engine(cli, &r);
	printf("\n%u fine, %u warnings, %u missing\n", r.counts[FINE], r.counts[WARNING],
	       r.counts[BROKEN]);
	return r.counts[BROKEN] ? 1 : 0;
}

const struct cli_command command_doctor = {
	.name = "doctor",
	.brief = "Check this host and the engine, and say what to do",
	.run = doctor,
	.group = CLI_GROUP_OWN,
};
