/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* A small ordered list of owned key/value strings (labels, options): linear, kept as given. */
#include "base/vec.h"

struct strpair {
	char *key;   /* owned */
	char *value; /* owned */
};

struct strmap {
	struct strpair *ptr;
	size_t len;
	size_t cap;
};

#define AUTO_STRMAP CLEANUP(strmap_done) struct strmap

void strmap_done(struct strmap *m);
void strmap_set(struct strmap *m, const char *key, const char *value); /* copies; replaces */
const char *strmap_get(const struct strmap *m, const char *key);      /* borrowed, or NULL */
bool strmap_remove(struct strmap *m, const char *key);
void strmap_copy(struct strmap *to, const struct strmap *from); /* sets each of from's in to */
void strmap_sort(struct strmap *m);                             /* by key, bytewise */
