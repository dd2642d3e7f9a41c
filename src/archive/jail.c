/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why chroot and not a mount namespace with pivot_root: the root may be a container's, whose mounts
 * belong to another namespace and can't be cloned from here; and a copy of the host's mount table
 * costs more than the unpacking of a small layer. chroot holds nobody who has a descriptor outside,
 * the capability to chroot again, or a working directory outside: here are none of the three, and
 * the filter knows no call that would help.
 */
#include "archive/jail.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define JAIL_SANITIZED 1 /* sanitizers map terabytes and make calls of their own */
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define JAIL_SANITIZED 1
#endif
#endif
#ifndef JAIL_SANITIZED
#define JAIL_SANITIZED 0
#endif

#if defined(__x86_64__)
#define JAIL_AUDIT_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define JAIL_AUDIT_ARCH AUDIT_ARCH_AARCH64
#else
#error "the system call filter does not know this architecture"
#endif

enum {
	/* the largest decoder window, the ring, and what the C library reserves per thread */
	JAIL_MEMORY = 1024 * 1024 * 1024,
	JAIL_DESCRIPTORS = 4096, /* one per directory level */
};

#define CAP(name) (UINT64_C(1) << CAP_##name)

/* What owners, modes and devices need. Writing trusted.overlay.opaque is CAP_SYS_ADMIN to the
 * kernel; the filter leaves it nothing else to do. */
static const uint64_t capabilities[] = {
	[JAIL_UNPACK_LAYER] = CAP(CHOWN) | CAP(DAC_OVERRIDE) | CAP(FOWNER) | CAP(FSETID) |
	                      CAP(MKNOD) | CAP(SETFCAP) | CAP(SYS_ADMIN),
	[JAIL_UNPACK_PLAIN] = CAP(CHOWN) | CAP(DAC_OVERRIDE) | CAP(FOWNER) | CAP(FSETID) |
	                      CAP(MKNOD) | CAP(SETFCAP),
	[JAIL_PACK] = CAP(DAC_OVERRIDE) | CAP(DAC_READ_SEARCH) | CAP(SYS_ADMIN),
};

static const int allowed_calls[] = {
	SYS_read,          SYS_write,
	SYS_pread64,       SYS_close,
	SYS_fstat,         SYS_newfstatat,
	SYS_statx,         SYS_lseek,
	SYS_openat,        SYS_openat2,
	SYS_getdents64,    SYS_readlinkat,
	SYS_mkdirat,       SYS_mknodat,
	SYS_unlinkat,      SYS_symlinkat,
	SYS_linkat,        SYS_fchown,
	SYS_fchownat,      SYS_fchmod,
	SYS_fchmodat,      SYS_utimensat,
	SYS_fsetxattr,     SYS_fgetxattr,
	SYS_fcntl,         SYS_umask,
	SYS_mmap,          SYS_munmap,
	SYS_mremap,        SYS_mprotect,
	SYS_madvise,       SYS_brk,
	SYS_futex,         SYS_getrandom,
	SYS_clock_gettime, SYS_sched_yield,
	SYS_rt_sigreturn,  SYS_rt_sigprocmask,
	SYS_rt_sigaction,  SYS_restart_syscall,
	SYS_getpid,        SYS_gettid,
	SYS_tgkill,        SYS_exit,
	SYS_exit_group,    SYS_set_robust_list,
	SYS_rseq,          SYS_sysinfo,
	SYS_sendto,
#if defined(__x86_64__)
	SYS_readlink,      SYS_open,
	SYS_stat,          SYS_lstat,
#endif
};

static int set_limit(int resource, uint64_t value, struct error *err)
{
	struct rlimit l = { .rlim_cur = value, .rlim_max = value };

	if (setrlimit((__rlimit_resource_t)resource, &l) < 0)
		return error_set_errno(err, errno, "cannot limit the archive helper");
	return 0;
}

static int set_limits(int64_t max_file, struct error *err)
{
	int r = set_limit(RLIMIT_CORE, 0, err);

	signal(SIGXFSZ, SIG_IGN); /* an error is better than a death */
	signal(SIGPIPE, SIG_IGN);
	if (r == 0)
		r = set_limit(RLIMIT_NOFILE, JAIL_DESCRIPTORS, err);
	if (r == 0 && max_file > 0)
		r = set_limit(RLIMIT_FSIZE, (uint64_t)max_file, err);
	if (r == 0 && !JAIL_SANITIZED)
		r = set_limit(RLIMIT_AS, JAIL_MEMORY, err);
	return r;
}

static int drop_capabilities(uint64_t keep, struct error *err)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { 0 };

	if (syscall(SYS_capget, &header, data) < 0)
		return error_set_errno(err, errno, "cannot read capabilities");
	for (int i = 0; i < 2; i++) {
		data[i].permitted &= (uint32_t)(keep >> (32 * i));
		data[i].effective = data[i].permitted;
		data[i].inheritable = 0;
	}
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	if (syscall(SYS_capset, &header, data) < 0)
		return error_set_errno(err, errno, "cannot drop capabilities");
	return 0;
}

int jail_enter(int root_fd, int last_fd, enum jail_use use, int64_t max_file, struct error *err)
{
	int r = set_limits(max_file, err);

	if (r < 0)
		return r;
	if (syscall(SYS_close_range, (unsigned)last_fd + 1, ~0u, 0) < 0)
		return error_set_errno(err, errno, "cannot close descriptors");
	if (unshare(CLONE_NEWNET | CLONE_NEWIPC) < 0)
		return error_set_errno(err, errno,
		                       "cannot leave the network for the archive helper");
	if (fchdir(root_fd) < 0 || chroot(".") < 0 || chdir("/") < 0)
		return error_set_errno(err, errno, "cannot enter the directory of the archive");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_SET_DUMPABLE, JAIL_SANITIZED, 0, 0, 0) < 0)
		return error_set_errno(err, errno, "cannot give up privileges");
	return drop_capabilities(capabilities[use], err);
}

int jail_lock(struct error *err)
{
	enum { HEAD = 4, TAIL = 2 };
	struct sock_filter code[HEAD + ARRAY_SIZE(allowed_calls) + TAIL];
	struct sock_fprog program = { .len = ARRAY_SIZE(code), .filter = code };
	const size_t n = ARRAY_SIZE(allowed_calls);

	if (JAIL_SANITIZED)
		return 0;
	code[0] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
	                                       offsetof(struct seccomp_data, arch));
	code[1] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, JAIL_AUDIT_ARCH, 1, 0);
	code[2] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
	code[3] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
	                                       offsetof(struct seccomp_data, nr));
	for (size_t i = 0; i < n; i++)
		code[HEAD + i] = (struct sock_filter)BPF_JUMP(
			BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)allowed_calls[i], (uint8_t)(n - i), 0);
	code[HEAD + n] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
	code[HEAD + n + 1] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program) != 0)
		return error_set_errno(err, errno,
		                       "cannot set the system call filter of the archive helper");
	return 0;
}
