/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The daemons' own log: one line per event on stderr, "time level message key=value…".
 * error = an operator must act, warning = degraded, info = a state changed, debug = the rest.
 * Never secrets, never bodies. Callable from any thread; a line is one write().
 */
#include "base/macros.h"

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* "debug", "info", "warn"/"warning", "error", "fatal". 0 or -EINVAL. */
int log_level_parse(const char *name, enum log_level *ret) MUST_USE;
void log_set_level(enum log_level level);
void log_set_json(bool json);
bool log_enabled(enum log_level level);
void log_write(enum log_level level, const char *fmt, ...) PRINTF_FORMAT(2, 3);

#define log_error(...) log_write(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_write(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(...) log_write(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...)                                       \
	do {                                                 \
		if (log_enabled(LOG_LEVEL_DEBUG))            \
			log_write(LOG_LEVEL_DEBUG, __VA_ARGS__); \
	} while (0)
