/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/terminal.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>

/* The one thing that must outlive every scope: how the terminal was. */
static struct termios saved;
static bool is_raw;

bool terminal_is(int fd)
{
	return isatty(fd) == 1;
}

bool terminal_size(int fd, unsigned *ret_rows, unsigned *ret_columns)
{
	struct winsize size;

	if (ioctl(fd, TIOCGWINSZ, &size) < 0)
		return false;
	*ret_rows = size.ws_row;
	*ret_columns = size.ws_col;
	return true;
}

int terminal_raw(struct error *err)
{
	static bool registered;
	struct termios t;

	if (tcgetattr(STDIN_FILENO, &saved) < 0)
		return error_set_errno(err, errno, "cannot read the terminal's settings");
	t = saved;
	cfmakeraw(&t);
	if (!registered && atexit(terminal_restore) == 0)
		registered = true;
	if (tcsetattr(STDIN_FILENO, TCSANOW, &t) < 0)
		return error_set_errno(err, errno, "cannot change the terminal's settings");
	is_raw = true;
	return 0;
}

void terminal_restore(void)
{
	if (is_raw && tcsetattr(STDIN_FILENO, TCSANOW, &saved) == 0)
		is_raw = false;
}
