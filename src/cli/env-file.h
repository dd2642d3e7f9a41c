/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* --env, --env-file, --label and --label-file. */
#include "base/error.h"
#include "base/vec.h"

/* Adds the files' lines, then the given ones: KEY=VALUE; KEY alone takes our own value, if any. */
int env_collect(const struct strv *files, const struct strv *given, struct strv *ret,
		struct error *err) MUST_USE;
/* The same for labels, where KEY alone has an empty value. */
int labels_collect(const struct strv *files, const struct strv *given, struct strv *ret,
		   struct error *err) MUST_USE;
