/* SPDX-License-Identifier: Apache-2.0 */
/* The confined unpacker and packer; started by the other programs only. */
#include <unistd.h>

#include "archive/helper.h"

int main(void)
{
	/* a decoder thread may still wait for input: nothing is to be cleaned up behind it */
	_exit(archive_helper_main());
}
