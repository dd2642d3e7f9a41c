/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Memory with one lifetime (a request, a parsed document), freed at once. Not locked. */
#include <stdarg.h>

#include "base/str.h"

struct arena {
	struct arena_block *blocks; /* owned; newest first */
};

#define AUTO_ARENA CLEANUP(arena_done) struct arena

void arena_done(struct arena *a);
/* Zeroed, aligned for any type. */
void *arena_alloc(struct arena *a, size_t size) MUST_USE;
char *arena_strdup(struct arena *a, const char *s) MUST_USE;
char *arena_strndup(struct arena *a, const char *s, size_t n) MUST_USE;
char *arena_printf(struct arena *a, const char *fmt, ...) MUST_USE PRINTF_FORMAT(2, 3);
