/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Capabilities as a set of bits: names, Docker's default, what this process can give. Any thread. */
#include <stdint.h>

#include "base/error.h"
#include "base/vec.h"

enum { CAPABILITY_COUNT = 41 };

#define CAPABILITY_BIT(n) (UINT64_C(1) << (n))

enum capability { /* those that code asks about */
	CAPABILITY_DAC_READ_SEARCH = 2,
	CAPABILITY_SYS_MODULE = 16,
	CAPABILITY_SYS_RAWIO = 17,
	CAPABILITY_SYS_CHROOT = 18,
	CAPABILITY_SYS_PTRACE = 19,
	CAPABILITY_SYS_PACCT = 20,
	CAPABILITY_SYS_ADMIN = 21,
	CAPABILITY_SYS_BOOT = 22,
	CAPABILITY_SYS_NICE = 23,
	CAPABILITY_SYS_RESOURCE = 24,
	CAPABILITY_SYS_TIME = 25,
	CAPABILITY_SYS_TTY_CONFIG = 26,
	CAPABILITY_SYSLOG = 34,
	CAPABILITY_PERFMON = 38,
	CAPABILITY_BPF = 39,
};

const char *capability_name(unsigned n); /* "CAP_CHOWN" */
/* "NET_ADMIN", "CAP_NET_ADMIN", any case: the number, or -EINVAL. */
int capability_parse(const char *name);
uint64_t capabilities_default(void);
/* The bounding set of this process: no container can have more. */
uint64_t capabilities_available(void);
/* --cap-add, --cap-drop and --privileged as Docker reads them ("ALL" too). What this process lacks is left
 * out, and warnings names what had been asked for by name. INVALID for an unknown name. */
int capabilities_resolve(const struct strv *add, const struct strv *drop, bool privileged, uint64_t *ret,
			 struct strv *warnings, struct error *err) MUST_USE;
