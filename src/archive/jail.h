/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The walls around coracle-archive. Two steps: jail_enter() before any thread is started and any
 * outside byte is read, jail_lock() when all threads are there.
 */
#include "base/error.h"

enum jail_use { JAIL_UNPACK_LAYER, JAIL_UNPACK_PLAIN, JAIL_PACK };

/* root_fd becomes "/"; no network, no IPC, few capabilities, limits. Other descriptors than
 * 0..last_fd are closed. */
int jail_enter(int root_fd, int last_fd, enum jail_use use, int64_t max_file, struct error *err) MUST_USE;
/* The system call filter, for all threads. */
int jail_lock(struct error *err) MUST_USE;
