/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Copies a tree by descriptors: owners, modes, times, extended attributes, hard links, devices
 * and holes stay as they are. Names are single components opened without following links, so
 * nothing outside either tree is touched, whatever the source holds.
 */
#include "base/error.h"

/* The content of one directory into another, which should be empty; its own owner and mode too. */
int copy_tree(int from, int to, struct error *err) MUST_USE;
/* 1 when the directory has no entries, 0 when it has. */
int dir_is_empty(int dir, struct error *err) MUST_USE;
