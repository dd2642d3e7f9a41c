/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The child's other work: a tree as an archive, in sorted order, the same bytes each time. */
#include "archive/confined-internal.h"

/* Writes to fd and fills all of *ret. */
int pack_run(int root, const struct archive_request *spec, int fd, struct unpack_result *ret,
	     struct error *err) MUST_USE;
