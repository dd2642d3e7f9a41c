/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Allocation that aborts when memory runs out. Sizes from outside are bounded before they get here. */
#include <stdarg.h>

#include "base/macros.h"

void *xmalloc(size_t size) MUST_USE __attribute__((malloc));
void *xcalloc(size_t n, size_t size) MUST_USE __attribute__((malloc));
void *xreallocarray(void *p, size_t n, size_t size) MUST_USE;
char *xstrdup(const char *s) MUST_USE;
/* NULL stays NULL. */
char *xstrdup_null(const char *s) MUST_USE;
char *xstrndup(const char *s, size_t n) MUST_USE;
void *xmemdup(const void *p, size_t n) MUST_USE;
char *xasprintf(const char *fmt, ...) MUST_USE PRINTF_FORMAT(1, 2);
char *xvasprintf(const char *fmt, va_list ap) MUST_USE PRINTF_FORMAT(1, 0);

#define NEW(type) ((type *)xcalloc(1, sizeof(type)))
