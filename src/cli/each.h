/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Commands over several names: each is tried, failures are told one by one, then the status is 1. */
#include "cli/cli.h"

typedef int (*each_fn)(struct cli *cli, const char *name, struct error *err);

/* Runs fn for each operand; prints the name after each success when echo. 0 or 1. */
int each_operand(struct cli *cli, each_fn fn, bool echo);
