/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The target of a request: its path and query, decoded once. */
#include "http/head.h"

/* Fills path, raw_path and query of head. 0, or -EINVAL when it is malformed. */
int http_target_parse(const char *target, struct arena *arena, struct http_head *head) MUST_USE;
