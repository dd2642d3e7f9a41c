/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/each.h"

int each_operand(struct cli *cli, each_fn fn, bool echo)
{
	int status = 0;

	for (size_t i = 0; i < cli->args.len; i++) {
		struct error err = { 0 };

		if (fn(cli, cli->args.ptr[i], &err) < 0) {
			cli_say("%s", err.message);
			status = 1;
		} else if (echo) {
			cli_print_safe(stdout, cli->args.ptr[i]);
			putchar('\n');
			fflush(stdout);
		}
	}
	return status;
}
