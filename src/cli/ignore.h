/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* .dockerignore: patterns that keep files out of a build's context. */
#include "base/vec.h"
#include "base/error.h"
#include "base/strbuf.h"

struct ignore {
	struct strv patterns; /* cleaned; "!" first for exceptions */
	bool has_exceptions;
};

void ignore_done(struct ignore *ig);
/* Adds the lines of a file's text. */
void ignore_add(struct ignore *ig, struct str text);
/* Is name (relative, slashes between) kept out? *ret_walk: an exception may lie below. */
bool ignore_matches(const struct ignore *ig, const char *name, bool *ret_walk);
