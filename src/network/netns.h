/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Network namespaces kept alive by a bind mount on a file, and work done inside one: a thread
 * made for the purpose enters and ends, so that no other thread of ours ever leaves the engine's.
 */
#include "base/error.h"
#include "base/vec.h"

typedef int (*netns_fn)(void *arg, struct error *err);

/* Makes <directory>/<name> with lo up and IPv6 off for interfaces to come. CONFLICT if it exists. */
int netns_make(const char *directory, const char *name, struct error *err) MUST_USE;
/* Unmounts and removes the file; processes inside keep their namespace. Missing is fine. */
void netns_drop(const char *directory, const char *name);
/* Names under the directory. */
int netns_names(const char *directory, struct strv *ret, struct error *err) MUST_USE;
/* The descriptor of a kept namespace, or of /proc/PID/ns/net. */
int netns_open(const char *path, struct error *err) MUST_USE;
/* Runs fn(arg) in the namespace, in a thread of its own, and waits for its result. */
int netns_run(int netns, netns_fn fn, void *arg, struct error *err) MUST_USE;
/* A socket that lives in the namespace. */
int netns_socket(int netns, int family, int type, int protocol, struct error *err) MUST_USE;

/* Writes /proc/sys/net/<path> of the calling thread's namespace. A missing file is fine (0). */
int sysctl_write(const char *path, const char *value, struct error *err) MUST_USE;
/* The same for each interface setting "ipv6/conf/<interface>/<name>". */
int sysctl_write_if(const char *family, const char *interface, const char *name, const char *value,
		    struct error *err) MUST_USE;
