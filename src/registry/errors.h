/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The specification's error codes, and how an error becomes an answer. */
#include "base/error.h"

struct registry_call;

enum registry_code {
	CODE_NONE, /* by the error's kind */
	CODE_BLOB_UNKNOWN,
	CODE_BLOB_UPLOAD_INVALID,
	CODE_BLOB_UPLOAD_UNKNOWN,
	CODE_DIGEST_INVALID,
	CODE_MANIFEST_BLOB_UNKNOWN,
	CODE_MANIFEST_INVALID,
	CODE_MANIFEST_UNKNOWN,
	CODE_NAME_INVALID,
	CODE_NAME_UNKNOWN,
	CODE_SIZE_INVALID,
	CODE_TAG_INVALID,
	CODE_UNAUTHORIZED,
	CODE_DENIED,
	CODE_UNSUPPORTED,
	CODE_TOOMANYREQUESTS,
	CODE_RANGE_INVALID,
	CODE_PAGINATION_NUMBER_INVALID,
	CODE_PRECONDITION_FAILED,
	CODE_MANIFEST_TOO_LARGE,
	CODE_UPLOAD_BUSY,
	CODE_NOT_FOUND,
	CODE_COUNT,
};

/* Sets the code and the error; returns a negative errno. */
int call_fail(struct registry_call *c, enum registry_code code, struct error *err, const char *fmt, ...)
	PRINTF_FORMAT(4, 5);
/* One of several errors in the answer, about a digest. */
void call_problem(struct registry_call *c, enum registry_code code, const char *message, const char *digest);
/* Answers with the error. */
void call_render_error(struct registry_call *c, const struct error *err);
