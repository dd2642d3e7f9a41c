/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The child's work: an archive into the tree at root. Safe on its own, without the jail around it:
 * every path is resolved in root by the kernel, nothing is written or changed through a link.
 */
#include "archive/confined-internal.h"

/* Fills bytes and entries of *ret. */
int unpack_run(int root, const struct archive_request *spec, struct byte_source *from, struct unpack_result *ret,
	       struct error *err) MUST_USE;
