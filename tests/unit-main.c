/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { UNIT_TESTS_MAX = 512 };

static struct CMUnitTest cases[UNIT_TESTS_MAX];
static size_t n_cases;
static char scratch[64];

void unit_register(const char *name, CMUnitTestFunction fn)
{
	if (n_cases == UNIT_TESTS_MAX)
		abort();
	cases[n_cases++] = (struct CMUnitTest){ .name = name, .test_func = fn };
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static void remove_scratch(void)
{
	nftw(scratch, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

const char *unit_scratch(void)
{
	if (!scratch[0]) {
		memcpy(scratch, "/tmp/coracle-unit-XXXXXX", sizeof("/tmp/coracle-unit-XXXXXX"));
		if (!mkdtemp(scratch))
			abort();
		atexit(remove_scratch);
	}
	return scratch;
}

int main(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return _cmocka_run_group_tests("unit", cases, n_cases, NULL, NULL) ? 1 : 0;
}
