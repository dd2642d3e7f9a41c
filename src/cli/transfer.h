/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Files to and from the engine. */
#include "cli/engine.h"

/* The answer's body to path, or to stdout when path is "" (refused on a terminal). A file appears
 * under its name only when all of it came. */
int download(struct cli *cli, const char *target, const char *path, struct error *err) MUST_USE;
/* Opens path, or stdin for "-" and "" (refused when that is a terminal). -1 with err. */
int upload_open(const char *path, struct error *err) MUST_USE;
/* An engine_request.body_read over a descriptor (int *). */
ssize_t upload_read(void *fd, void *buf, size_t n);
