/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A hash map from strings to pointers, in insertion order when iterated. Copies its keys, borrows
 * its values. Hashes with a per-process secret (SipHash-style keyed mixing), so that names from
 * outside can't be chosen to collide. Not locked.
 */
#include "base/macros.h"

struct map;

struct map *map_new(void) MUST_USE;
void map_free(struct map *m); /* values are the caller's */
DEFINE_CLEANUP(struct map *, map_free)
/* Returns the value that key had before, or NULL. */
void *map_set(struct map *m, const char *key, void *value);
void *map_get(const struct map *m, const char *key);
/* Removes key; returns the value it had, or NULL. */
void *map_remove(struct map *m, const char *key);
size_t map_len(const struct map *m);
/* Iteration: start with *pos = 0; false at the end. Removing the current key is allowed. */
bool map_next(const struct map *m, size_t *pos, const char **ret_key, void **ret_value);
