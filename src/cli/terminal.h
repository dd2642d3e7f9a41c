/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The user's terminal: raw mode that is undone however the program ends, size, kind. */
#include "base/error.h"

bool terminal_is(int fd);
/* Rows and columns; false when fd is no terminal. */
bool terminal_size(int fd, unsigned *ret_rows, unsigned *ret_columns);
/* Puts standard input in raw mode; terminal_restore(), exit() and cli_main()'s end undo it. */
int terminal_raw(struct error *err) MUST_USE;
void terminal_restore(void);
