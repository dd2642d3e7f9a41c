/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* "Did you mean": the known word nearest to what was typed. */
#include "base/vec.h"

/* NULL when none is near enough to be worth a guess. Borrowed from known. */
const char *near_miss(const char *typed, const struct strv *known);
