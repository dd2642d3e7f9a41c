/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static const struct {
	const char *name;
	int errnum;
} kinds[] = {
	[ERROR_NONE] = { "none", 0 },
	[ERROR_INVALID] = { "invalid", EINVAL },
	[ERROR_UNAUTHORIZED] = { "unauthorized", EACCES },
	[ERROR_FORBIDDEN] = { "forbidden", EPERM },
	[ERROR_NOT_FOUND] = { "not found", ENOENT },
	[ERROR_CONFLICT] = { "conflict", EEXIST },
	[ERROR_PRECONDITION] = { "precondition failed", ESTALE },
	[ERROR_TOO_LARGE] = { "too large", EFBIG },
	[ERROR_RANGE] = { "range", ERANGE },
	[ERROR_TOO_MANY] = { "too many requests", EAGAIN },
	[ERROR_NOT_MODIFIED] = { "not modified", EALREADY },
	[ERROR_CANCELLED] = { "cancelled", ECANCELED },
	[ERROR_TIMEOUT] = { "timeout", ETIMEDOUT },
	[ERROR_UNAVAILABLE] = { "unavailable", EHOSTUNREACH },
	[ERROR_NOT_IMPLEMENTED] = { "not implemented", ENOSYS },
	[ERROR_NO_SPACE] = { "no space", ENOSPC },
	[ERROR_INTERNAL] = { "internal", EIO },
};
static_assert(ARRAY_SIZE(kinds) == ERROR_KIND_COUNT, "every kind has a name and an errno");

static enum error_kind kind_of_errno(int errnum)
{
	switch (errnum) {
	case ENOENT:
		return ERROR_NOT_FOUND;
	case ENOSPC:
	case EDQUOT:
		return ERROR_NO_SPACE;
	case EEXIST:
		return ERROR_CONFLICT;
	case EACCES:
	case EPERM:
		return ERROR_FORBIDDEN;
	case ETIMEDOUT:
		return ERROR_TIMEOUT;
	case ECONNREFUSED:
	case EHOSTUNREACH:
	case ENETUNREACH:
		return ERROR_UNAVAILABLE;
	default:
		return ERROR_INTERNAL;
	}
}

int error_errno(const struct error *err)
{
	return -kinds[err->kind].errnum;
}

const char *error_kind_name(enum error_kind kind)
{
	return kinds[kind].name;
}

int error_set(struct error *err, enum error_kind kind, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(err->message, sizeof(err->message), fmt, ap);
	va_end(ap);
	err->kind = kind;
	return error_errno(err);
}

int error_set_errno(struct error *err, int errnum, const char *fmt, ...)
{
	char reason[128];
	size_t len;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(err->message, sizeof(err->message), fmt, ap);
	va_end(ap);
	len = strlen(err->message);
	snprintf(err->message + len, sizeof(err->message) - len, ": %s",
	         strerror_r(errnum, reason, sizeof(reason)));
	err->kind = kind_of_errno(errnum);
	return error_errno(err);
}

int error_prefix(struct error *err, const char *fmt, ...)
{
	char old[ERROR_MESSAGE_MAX];
	size_t len;
	va_list ap;

	memcpy(old, err->message, sizeof(old));
	va_start(ap, fmt);
	vsnprintf(err->message, sizeof(err->message), fmt, ap);
	va_end(ap);
	len = strlen(err->message);
	snprintf(err->message + len, sizeof(err->message) - len, ": %s", old);
	return error_errno(err);
}

void error_clear(struct error *err)
{
	err->kind = ERROR_NONE;
	err->message[0] = '\0';
}
