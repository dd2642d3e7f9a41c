/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/seccomp.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base/vec.h"
#include "json/json.h"
#include "runtime/capability.h"

/* clang-format off */
static const char *const always[] = {
	/* files */
	"read", "write", "readv", "writev", "pread64", "pwrite64", "preadv", "pwritev", "preadv2", "pwritev2", "open",
	"openat", "openat2", "creat", "close", "close_range", "lseek", "_llseek", "dup", "dup2", "dup3", "fcntl", "fcntl64",
	"flock", "ioctl", "access", "faccessat", "faccessat2", "stat", "stat64", "lstat", "lstat64", "fstat", "fstat64",
	"fstatat64", "newfstatat", "statx", "statfs", "statfs64", "fstatfs", "fstatfs64", "truncate", "truncate64",
	"ftruncate", "ftruncate64", "fallocate", "fadvise64", "fadvise64_64", "arm_fadvise64_64", "readahead", "chmod",
	"fchmod", "fchmodat", "fchmodat2", "chown", "chown32", "fchown", "fchown32", "lchown", "lchown32", "fchownat",
	"link", "linkat", "symlink", "symlinkat", "unlink", "unlinkat", "rename", "renameat", "renameat2", "mkdir",
	"mkdirat", "mknod", "mknodat", "rmdir", "readlink", "readlinkat", "getdents", "getdents64", "getcwd", "chdir",
	"fchdir", "umask", "utime", "utimes", "utimensat", "utimensat_time64", "futimesat", "getxattr", "lgetxattr",
	"fgetxattr", "setxattr", "lsetxattr", "fsetxattr", "listxattr", "llistxattr", "flistxattr", "removexattr",
	"lremovexattr", "fremovexattr", "getxattrat", "setxattrat", "listxattrat", "removexattrat", "sync", "syncfs",
	"fsync", "fdatasync", "sync_file_range", "sync_file_range2", "sendfile", "sendfile64", "splice", "tee", "vmsplice",
	"copy_file_range", "name_to_handle_at", "cachestat", "statmount", "listmount",
	/* waiting */
	"poll", "ppoll", "ppoll_time64", "select", "_newselect", "pselect6", "pselect6_time64", "epoll_create",
	"epoll_create1", "epoll_ctl", "epoll_ctl_old", "epoll_wait", "epoll_wait_old", "epoll_pwait", "epoll_pwait2",
	"eventfd", "eventfd2", "signalfd", "signalfd4", "timerfd_create", "timerfd_settime", "timerfd_settime64",
	"timerfd_gettime", "timerfd_gettime64", "inotify_init", "inotify_init1", "inotify_add_watch", "inotify_rm_watch",
	"fanotify_mark", "io_setup", "io_destroy", "io_submit", "io_cancel", "io_getevents", "io_pgetevents",
	"io_pgetevents_time64", "pipe", "pipe2", "pause", "nanosleep", "clock_nanosleep", "clock_nanosleep_time64",
	/* memory */
	"brk", "mmap", "mmap2", "munmap", "mremap", "mprotect", "madvise", "process_madvise", "mincore", "mlock", "mlock2",
	"mlockall", "munlock", "munlockall", "msync", "remap_file_pages", "memfd_create", "memfd_secret", "membarrier",
	"pkey_alloc", "pkey_free", "pkey_mprotect", "mseal", "map_shadow_stack", "process_mrelease",
	/* processes */
	"fork", "vfork", "execve", "execveat", "exit", "exit_group", "wait4", "waitid", "waitpid", "getpid", "getppid",
	"gettid", "getpgid", "getpgrp", "setpgid", "getsid", "setsid", "kill", "tkill", "tgkill", "pidfd_open",
	"pidfd_send_signal", "getuid", "getuid32", "geteuid", "geteuid32", "getgid", "getgid32", "getegid", "getegid32",
	"getresuid", "getresuid32", "getresgid", "getresgid32", "getgroups", "getgroups32", "setuid", "setuid32", "setgid",
	"setgid32", "setreuid", "setreuid32", "setregid", "setregid32", "setresuid", "setresuid32", "setresgid",
	"setresgid32", "setgroups", "setgroups32", "setfsuid", "setfsuid32", "setfsgid", "setfsgid32", "capget", "capset",
	"prctl", "arch_prctl", "set_tid_address", "set_thread_area", "get_thread_area", "set_robust_list",
	"get_robust_list", "rseq", "futex", "futex_time64", "futex_wait", "futex_wake", "futex_waitv", "futex_requeue",
	"getrlimit", "ugetrlimit", "setrlimit", "prlimit64", "getrusage", "times", "getpriority", "setpriority", "ioprio_get",
	"ioprio_set", "sched_yield", "sched_getaffinity", "sched_setaffinity", "sched_getparam", "sched_setparam",
	"sched_getscheduler", "sched_setscheduler", "sched_getattr", "sched_setattr", "sched_get_priority_max",
	"sched_get_priority_min", "sched_rr_get_interval", "sched_rr_get_interval_time64", "getcpu", "seccomp",
	"landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self", "ptrace", "process_vm_readv",
	"process_vm_writev", "uretprobe",
	/* signals and timers */
	"rt_sigaction", "rt_sigprocmask", "rt_sigpending", "rt_sigreturn", "rt_sigsuspend", "rt_sigtimedwait",
	"rt_sigtimedwait_time64", "rt_sigqueueinfo", "rt_tgsigqueueinfo", "sigaction", "sigaltstack", "signal", "sigpending",
	"sigprocmask", "sigreturn", "sigsuspend", "restart_syscall", "alarm", "getitimer", "setitimer", "timer_create",
	"timer_delete", "timer_getoverrun", "timer_gettime", "timer_gettime64", "timer_settime", "timer_settime64", "time",
	"gettimeofday", "clock_gettime", "clock_gettime64", "clock_getres", "clock_getres_time64", "adjtimex",
	"clock_adjtime", "clock_adjtime64",
	/* networks and messages */
	"socketpair", "bind", "connect", "listen", "accept", "accept4", "getsockname", "getpeername", "getsockopt",
	"setsockopt", "send", "sendto", "sendmsg", "sendmmsg", "recv", "recvfrom", "recvmsg", "recvmmsg", "recvmmsg_time64",
	"shutdown", "socketcall", "mq_open", "mq_unlink", "mq_notify", "mq_getsetattr", "mq_timedsend",
	"mq_timedsend_time64", "mq_timedreceive", "mq_timedreceive_time64", "ipc", "msgctl", "msgget", "msgrcv", "msgsnd",
	"semctl", "semget", "semop", "semtimedop", "semtimedop_time64", "shmat", "shmctl", "shmdt", "shmget",
	/* the system */
	"uname", "sysinfo", "getrandom", "breakpoint", "cacheflush", "set_tls", "lsm_get_self_attr", "lsm_set_self_attr",
	"lsm_list_modules", "modify_ldt", "riscv_flush_icache",
};

/* What a capability brings along. */
static const struct {
	int capability;
	const char *names[24];
} with_capability[] = {
	{ CAPABILITY_DAC_READ_SEARCH, { "open_by_handle_at" } },
	{ CAPABILITY_SYS_ADMIN,
	  { "bpf", "clone", "clone3", "fanotify_init", "fsconfig", "fsmount", "fsopen", "fspick", "lookup_dcookie", "mount",
	    "mount_setattr", "move_mount", "open_tree", "perf_event_open", "quotactl", "quotactl_fd", "setdomainname",
	    "sethostname", "setns", "syslog", "umount", "umount2", "unshare" } },
	{ CAPABILITY_SYS_BOOT, { "reboot" } },
	{ CAPABILITY_SYS_CHROOT, { "chroot" } },
	{ CAPABILITY_SYS_MODULE, { "delete_module", "init_module", "finit_module" } },
	{ CAPABILITY_SYS_PACCT, { "acct" } },
	{ CAPABILITY_SYS_PTRACE, { "kcmp", "pidfd_getfd" } },
	{ CAPABILITY_SYS_RAWIO, { "iopl", "ioperm" } },
	{ CAPABILITY_SYS_TIME, { "settimeofday", "stime", "clock_settime", "clock_settime64" } },
	{ CAPABILITY_SYS_TTY_CONFIG, { "vhangup" } },
	{ CAPABILITY_SYS_NICE,
	  { "get_mempolicy", "mbind", "set_mempolicy", "set_mempolicy_home_node", "migrate_pages", "move_pages" } },
	{ CAPABILITY_SYSLOG, { "syslog" } },
	{ CAPABILITY_BPF, { "bpf" } },
	{ CAPABILITY_PERFMON, { "perf_event_open" } },
};

/* personality(): Linux, Linux32, uname 2.6, and asking */
static const uint32_t personalities[] = { 0x0, 0x8, 0x20000, 0x20008, 0xffffffff };
/* Address families that reach the kernel's or the host's inside: AF_ALG, AF_VSOCK. */
static const unsigned refused_families[] = { 38, 40 };
/* clang-format on */

/* CLONE_NEW* of namespaces: without CAP_SYS_ADMIN none may be made. */
enum { CLONE_NAMESPACES = 0x7e020000 };

static bool has(uint64_t capabilities, int n)
{
	return capabilities & CAPABILITY_BIT(n);
}

static void begin_rule(struct json_writer *w)
{
	jw_object(w);
	jw_key(w, "names");
	jw_array(w);
}

static void end_rule(struct json_writer *w, const char *action, int errno_value)
{
	jw_array_end(w);
	jw_kv_string(w, "action", action);
	if (errno_value)
		jw_kv_i64(w, "errnoRet", errno_value);
}

static void argument(struct json_writer *w, unsigned index, uint64_t value, const char *op,
                     uint64_t two)
{
	jw_object(w);
	jw_kv_i64(w, "index", index);
	jw_key(w, "value");
	jw_u64(w, value);
	if (two || streq(op, "SCMP_CMP_MASKED_EQ")) {
		jw_key(w, "valueTwo");
		jw_u64(w, two);
	}
	jw_kv_string(w, "op", op);
	jw_object_end(w);
}

static void one_argument_rule(struct json_writer *w, const char *name, unsigned index,
                              uint64_t value, const char *op)
{
	begin_rule(w);
	jw_string(w, name);
	end_rule(w, "SCMP_ACT_ALLOW", 0);
	jw_key(w, "args");
	jw_array(w);
	argument(w, index, value, op, 0);
	jw_array_end(w);
	jw_object_end(w);
}

/* Each family that is refused leaves a gap: so three rules allow what is below, between and above.
 */
static void socket_rules(struct json_writer *w)
{
	one_argument_rule(w, "socket", 0, refused_families[0], "SCMP_CMP_LT");
	one_argument_rule(w, "socket", 0, refused_families[0] + 1, "SCMP_CMP_EQ");
	one_argument_rule(w, "socket", 0, refused_families[1], "SCMP_CMP_GT");
}

/* glibc falls back to clone() only for ENOSYS; clone3's arguments are in memory, where no filter
 * sees them. */
static void clone_rules(struct json_writer *w)
{
	begin_rule(w);
	jw_string(w, "clone");
	end_rule(w, "SCMP_ACT_ALLOW", 0);
	jw_key(w, "args");
	jw_array(w);
	argument(w, 0, CLONE_NAMESPACES, "SCMP_CMP_MASKED_EQ", 0);
	jw_array_end(w);
	jw_object_end(w);
	begin_rule(w);
	jw_string(w, "clone3");
	end_rule(w, "SCMP_ACT_ERRNO", ENOSYS);
	jw_object_end(w);
}

static void architectures(struct json_writer *w)
{
	jw_key(w, "architectures");
	jw_array(w);
#if defined(__x86_64__)
	jw_string(w, "SCMP_ARCH_X86_64");
	jw_string(w, "SCMP_ARCH_X86");
#elif defined(__aarch64__)
	jw_string(w, "SCMP_ARCH_AARCH64");
	jw_string(w, "SCMP_ARCH_ARM");
#endif
	jw_array_end(w);
}

void seccomp_default_encode(struct json_writer *w, uint64_t capabilities)
{
	jw_object(w);
	jw_kv_string(w, "defaultAction", "SCMP_ACT_ERRNO");
	jw_kv_i64(w, "defaultErrnoRet", EPERM);
	architectures(w);
	jw_key(w, "syscalls");
	jw_array(w);
	begin_rule(w);
	for (size_t i = 0; i < ARRAY_SIZE(always); i++)
		jw_string(w, always[i]);
	for (size_t i = 0; i < ARRAY_SIZE(with_capability); i++)
		for (size_t k = 0; has(capabilities, with_capability[i].capability) &&
		                   with_capability[i].names[k];
		     k++)
			jw_string(w, with_capability[i].names[k]);
	end_rule(w, "SCMP_ACT_ALLOW", 0);
	jw_object_end(w);
	for (size_t i = 0; i < ARRAY_SIZE(personalities); i++)
		one_argument_rule(w, "personality", 0, personalities[i], "SCMP_CMP_EQ");
	socket_rules(w);
	if (!has(capabilities, CAPABILITY_SYS_ADMIN))
		clone_rules(w);
	jw_array_end(w);
	jw_object_end(w);
}

int seccomp_default_allows(const char *name, uint64_t capabilities)
{
	for (size_t i = 0; i < ARRAY_SIZE(always); i++)
		if (streq(always[i], name))
			return 1;
	for (size_t i = 0; i < ARRAY_SIZE(with_capability); i++)
		for (size_t k = 0; has(capabilities, with_capability[i].capability) &&
		                   with_capability[i].names[k];
		     k++)
			if (streq(with_capability[i].names[k], name))
				return 1;
	return 0;
}

/* Whether a rule's includes or excludes, which only Docker's form has, let it in. */
static bool condition(const json_t *c, uint64_t capabilities, bool any)
{
	json_t *list = json_object_get(c, "caps"), *item;
	size_t i;
	bool all = true, some = false;

	json_array_foreach (list, i, item) {
		int n = capability_parse(json_string_value(item) ? json_string_value(item) : "");
		bool yes = n >= 0 && has(capabilities, n);

		all = all && yes;
		some = some || yes;
	}
	list = json_object_get(c, "arches");
	json_array_foreach (list, i, item) {
#if defined(__x86_64__)
		bool yes = streq_null(json_string_value(item), "amd64");
#else
		bool yes = streq_null(json_string_value(item), "arm64");
#endif
		some = some || yes;
		if (json_array_size(list) == 1)
			all = all && yes;
	}
	return any ? some : all;
}

static bool rule_applies(const json_t *rule, uint64_t capabilities)
{
	const json_t *includes = json_object_get(rule, "includes");
	const json_t *excludes = json_object_get(rule, "excludes");

	if (json_object_size(includes) && !condition(includes, capabilities, false))
		return false;
	return !(json_object_size(excludes) && condition(excludes, capabilities, true));
}

static void copy_rule(struct json_writer *w, json_t *rule)
{
	static const char *const members[] = { "action", "errnoRet" };
	json_t *name = json_object_get(rule, "name");

	jw_object(w);
	jw_key(w, "names");
	if (name) {
		jw_array(w);
		jw_value(w, name);
		jw_array_end(w);
	} else {
		jw_value(w, json_object_get(rule, "names"));
	}
	for (size_t i = 0; i < ARRAY_SIZE(members); i++)
		if (json_object_get(rule, members[i]) &&
		    !json_is_null(json_object_get(rule, members[i]))) {
			jw_key(w, members[i]);
			jw_value(w, json_object_get(rule, members[i]));
		}
	if (json_array_size(json_object_get(rule, "args"))) {
		jw_key(w, "args");
		jw_value(w, json_object_get(rule, "args"));
	}
	jw_object_end(w);
}

int seccomp_profile_encode(struct json_writer *w, struct str text, uint64_t capabilities,
                           struct error *err)
{
	AUTO_JSON *profile = json_parse(text, err);
	json_t *rules, *rule, *value;
	size_t i;

	if (!profile)
		return error_prefix(err, "Decoding seccomp profile failed");
	rules = json_object_get(profile, "syscalls");
	if (!json_is_string(json_object_get(profile, "defaultAction")) ||
	    (rules && !json_is_array(rules)))
		return error_set(err, ERROR_INVALID,
		                 "Decoding seccomp profile failed: it has no defaultAction");
	jw_object(w);
	jw_kv_string(w, "defaultAction", json_member_string(profile, "defaultAction"));
	value = json_object_get(profile, "defaultErrnoRet");
	if (json_is_integer(value)) {
		jw_key(w, "defaultErrnoRet");
		jw_value(w, value);
	}
	value = json_object_get(profile, "architectures");
	if (json_array_size(value)) {
		jw_key(w, "architectures");
		jw_value(w, value);
	} else {
		architectures(w);
	}
	jw_key(w, "syscalls");
	jw_array(w);
	json_array_foreach (rules, i, rule)
		if (rule_applies(rule, capabilities))
			copy_rule(w, rule);
	jw_array_end(w);
	jw_object_end(w);
	return 0;
}
