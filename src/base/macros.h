/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Compiler help used everywhere: attributes, cleanup, checked arithmetic. Threads: any. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#define MUST_USE __attribute__((warn_unused_result))
#define PRINTF_FORMAT(fmt, args) __attribute__((format(printf, fmt, args)))
#define UNUSED __attribute__((unused))
#define NORETURN __attribute__((noreturn))

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define MIN(a, b) ({ typeof(a) min_a_ = (a); typeof(b) min_b_ = (b); min_a_ < min_b_ ? min_a_ : min_b_; })
#define MAX(a, b) ({ typeof(a) max_a_ = (a); typeof(b) max_b_ = (b); max_a_ > max_b_ ? max_a_ : max_b_; })
#define container_of(ptr, type, member) ((type *)((char *)(ptr) - offsetof(type, member)))

/* Drops a result on purpose; the reason is for the reader. */
#define IGNORE_RESULT(expr, reason)             \
	do {                                    \
		if (expr) {                     \
			/* dropped on purpose */ \
		}                               \
	} while (0)

/* Overflow-checked arithmetic: true when the result did not fit (C23's stdckdint.h). */
#define ckd_add(ret, a, b) __builtin_add_overflow(a, b, ret)
#define ckd_sub(ret, a, b) __builtin_sub_overflow(a, b, ret)
#define ckd_mul(ret, a, b) __builtin_mul_overflow(a, b, ret)

/* Owned locals. CLEANUP(fn) calls fn(&variable) when the scope is left. */
#define CLEANUP(fn) __attribute__((cleanup(fn)))
#define AUTO_FREE CLEANUP(cleanup_free)
#define AUTO_CLOSE CLEANUP(cleanup_close)
#define TAKE_PTR(p) ({ typeof(p) *take_p_ = &(p); typeof(p) take_v_ = *take_p_; *take_p_ = NULL; take_v_; })
#define TAKE_FD(fd) ({ int *take_f_ = &(fd); int take_v_ = *take_f_; *take_f_ = -1; take_v_; })

/* Defines cleanup function name_ptr(type **) for CLEANUP from a release function. */
#define DEFINE_CLEANUP(type, release)                     \
	UNUSED static inline void release##_ptr(type *p)  \
	{                                                 \
		if (*p)                                   \
			release(*p);                      \
	}

static inline void cleanup_free(void *p)
{
	free(*(void **)p);
}

static inline void cleanup_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}
