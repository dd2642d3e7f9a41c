/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The default system call filter: what is not in the table fails with EPERM. Some calls come with
 * a capability, some only with certain arguments.
 */
#include "base/error.h"
#include "json/writer.h"

/* Writes the value of linux.seccomp for a process with these capabilities. */
void seccomp_default_encode(struct json_writer *w, uint64_t capabilities);
/* A profile from outside, in Docker's form (archMap, includes, excludes) or the runtime specification's, as the value
 * of linux.seccomp. INVALID when it is no profile: a filter is never silently dropped. */
int seccomp_profile_encode(struct json_writer *w, struct str profile, uint64_t capabilities, struct error *err) MUST_USE;
/* For tests: 1 allowed whatever its arguments, 0 not. */
int seccomp_default_allows(const char *name, uint64_t capabilities);
