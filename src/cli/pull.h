/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "cli/cli.h"

struct pull_options {
	const char *platform; /* "" for the engine's own */
	bool quiet;
	bool all_tags;
	bool to_stderr;
};

/* Pulls by the name the user gave; shows progress. */
int image_pull(struct cli *cli, const char *name, const struct pull_options *o, struct error *err) MUST_USE;
