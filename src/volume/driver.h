/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The local driver's options: type, device and o, as for mount(8). Any thread. */
#include "base/error.h"
#include "base/strmap.h"

/* Names and combinations; nothing is mounted. */
int driver_check(const struct strmap *options, struct error *err) MUST_USE;
/* Whether the volume is a mount at all. */
bool driver_mounts(const struct strmap *options);
/* Mounts onto the directory unless something is mounted there. */
int driver_mount(int directory, const struct strmap *options, struct error *err) MUST_USE;
/* Takes all mounts off path. */
void driver_unmount(const char *path);
