/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/capability.h"

#include <errno.h>
#include <strings.h>
#include <sys/prctl.h>

/* clang-format off */
static const char *const names[CAPABILITY_COUNT] = {
	"CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_SETGID",
	"CAP_SETUID", "CAP_SETPCAP", "CAP_LINUX_IMMUTABLE", "CAP_NET_BIND_SERVICE", "CAP_NET_BROADCAST",
	"CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_IPC_LOCK", "CAP_IPC_OWNER", "CAP_SYS_MODULE", "CAP_SYS_RAWIO",
	"CAP_SYS_CHROOT", "CAP_SYS_PTRACE", "CAP_SYS_PACCT", "CAP_SYS_ADMIN", "CAP_SYS_BOOT", "CAP_SYS_NICE",
	"CAP_SYS_RESOURCE", "CAP_SYS_TIME", "CAP_SYS_TTY_CONFIG", "CAP_MKNOD", "CAP_LEASE", "CAP_AUDIT_WRITE",
	"CAP_AUDIT_CONTROL", "CAP_SETFCAP", "CAP_MAC_OVERRIDE", "CAP_MAC_ADMIN", "CAP_SYSLOG", "CAP_WAKE_ALARM",
	"CAP_BLOCK_SUSPEND", "CAP_AUDIT_READ", "CAP_PERFMON", "CAP_BPF", "CAP_CHECKPOINT_RESTORE",
};

static const char *const defaults[] = {
	"CHOWN", "DAC_OVERRIDE", "FSETID", "FOWNER", "MKNOD", "NET_RAW", "SETGID", "SETUID", "SETFCAP", "SETPCAP",
	"NET_BIND_SERVICE", "SYS_CHROOT", "KILL", "AUDIT_WRITE",
};
/* clang-format on */

const char *capability_name(unsigned n)
{
	return n < CAPABILITY_COUNT ? names[n] : NULL;
}

int capability_parse(const char *name)
{
	if (strncasecmp(name, "CAP_", 4) == 0)
		name += 4;
	for (unsigned i = 0; i < CAPABILITY_COUNT; i++)
		if (strcasecmp(names[i] + 4, name) == 0)
			return (int)i;
	return -EINVAL;
}

uint64_t capabilities_default(void)
{
	uint64_t set = 0;

	for (size_t i = 0; i < ARRAY_SIZE(defaults); i++)
		set |= CAPABILITY_BIT(capability_parse(defaults[i]));
	return set;
}

uint64_t capabilities_available(void)
{
	uint64_t set = 0;

	for (unsigned i = 0; i < CAPABILITY_COUNT; i++)
		if (prctl(PR_CAPBSET_READ, i, 0, 0, 0) == 1)
			set |= CAPABILITY_BIT(i);
	return set;
}

static bool is_all(const char *name)
{
	return strcasecmp(name, "ALL") == 0 || strcasecmp(name, "CAP_ALL") == 0;
}

static int parse_list(const struct strv *list, uint64_t *ret, bool *all, struct error *err)
{
	*ret = 0;
	*all = false;
	for (size_t i = 0; i < list->len; i++) {
		int n = capability_parse(list->ptr[i]);

		if (is_all(list->ptr[i]))
			*all = true;
		else if (n < 0)
			return error_set(err, ERROR_INVALID,
			                 "invalid CapAdd or CapDrop: unknown capability: \"%s\"",
			                 list->ptr[i]);
		else
			*ret |= CAPABILITY_BIT(n);
	}
	return 0;
}

int capabilities_resolve(const struct strv *add, const struct strv *drop, bool privileged,
                         uint64_t *ret, struct strv *warnings, struct error *err)
{
	uint64_t available = capabilities_available();
	uint64_t everything = CAPABILITY_BIT(CAPABILITY_COUNT) - 1;
	uint64_t added, dropped, set, missing;
	bool add_all, drop_all;
	int r = parse_list(add, &added, &add_all, err);

	if (r == 0)
		r = parse_list(drop, &dropped, &drop_all, err);
	if (r < 0)
		return r;
	if (privileged)
		set = everything;
	else if (add_all)
		set = everything & ~dropped;
	else
		set = ((drop_all ? 0 : capabilities_default()) & ~dropped) | added;
	missing = set & ~available & (added | (privileged ? everything : 0));
	for (unsigned i = 0; warnings && i < CAPABILITY_COUNT; i++)
		if (missing & CAPABILITY_BIT(i))
			strv_printf(warnings,
			            "The engine itself lacks %s: the container runs without it",
			            names[i]);
	*ret = set & available;
	return 0;
}
