/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * An error as a value: a kind, which the API maps to a status code and the command line to an
 * exit code, and one sentence for people. Owned by the caller, usually on its stack; needs no
 * release. Functions that fail set it and return a negative errno, on which nobody branches:
 * decide on the kind.
 */
#include <stdarg.h>

#include "base/macros.h"

enum error_kind {
	ERROR_NONE,
	ERROR_INVALID,         /* the request is wrong: 400 */
	ERROR_UNAUTHORIZED,    /* no or bad credentials: 401 */
	ERROR_FORBIDDEN,       /* 403 */
	ERROR_NOT_FOUND,       /* 404 */
	ERROR_CONFLICT,        /* the state does not allow it: 409 */
	ERROR_PRECONDITION,    /* 412 */
	ERROR_TOO_LARGE,       /* 413 */
	ERROR_RANGE,           /* 416 */
	ERROR_TOO_MANY,        /* 429 */
	ERROR_NOT_MODIFIED,    /* already so: 304 */
	ERROR_CANCELLED,       /* the client went away, or a job was cancelled */
	ERROR_TIMEOUT,         /* 504 */
	ERROR_UNAVAILABLE,     /* 503 */
	ERROR_NOT_IMPLEMENTED, /* 501 */
	ERROR_NO_SPACE,        /* disk or quota full: 507 */
	ERROR_INTERNAL,        /* ours, or the system's: 500 */
	ERROR_KIND_COUNT,
};

enum { ERROR_MESSAGE_MAX = 1024 };

struct error {
	enum error_kind kind;
	char message[ERROR_MESSAGE_MAX]; /* longer ones are cut */
};

/* Sets kind and message; returns a negative errno that suits the kind, for `return error_set(…)`. */
int error_set(struct error *err, enum error_kind kind, const char *fmt, ...) PRINTF_FORMAT(3, 4);
/* The same for a failed system call: appends ": " and errnum's text; the kind follows errnum
 * (ENOENT not found, ENOSPC/EDQUOT no space, EEXIST conflict, EACCES/EPERM forbidden, else internal). */
int error_set_errno(struct error *err, int errnum, const char *fmt, ...) PRINTF_FORMAT(3, 4);
/* Puts "text: " before the message. Returns the errno of the kind again. */
int error_prefix(struct error *err, const char *fmt, ...) PRINTF_FORMAT(2, 3);
/* The negative errno that stands for a kind. */
int error_errno(const struct error *err);
const char *error_kind_name(enum error_kind kind);
void error_clear(struct error *err);
