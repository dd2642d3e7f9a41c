/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"

#include <errno.h>
#include <string.h>

#include "unit.h"

TEST(set_keeps_kind_and_message)
{
	struct error err = { 0 };

	assert_int_equal(error_set(&err, ERROR_NOT_FOUND, "no such image: %s", "x"), -ENOENT);
	assert_int_equal(err.kind, ERROR_NOT_FOUND);
	assert_string_equal(err.message, "no such image: x");
	error_prefix(&err, "pull");
	assert_string_equal(err.message, "pull: no such image: x");
}

TEST(errno_decides_the_kind)
{
	struct error err = { 0 };

	error_set_errno(&err, ENOSPC, "cannot write %s", "blob");
	assert_int_equal(err.kind, ERROR_NO_SPACE);
	assert_non_null(strstr(err.message, "cannot write blob: No space"));
}

TEST(long_messages_are_cut)
{
	char big[4000];
	struct error err = { 0 };

	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	error_set(&err, ERROR_INVALID, "%s", big);
	error_prefix(&err, "%s", big);
	assert_int_equal(strlen(err.message), ERROR_MESSAGE_MAX - 1);
}
