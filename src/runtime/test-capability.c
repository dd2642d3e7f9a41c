/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/capability.h"

#include <string.h>

#include "unit.h"

TEST(names)
{
	assert_int_equal(capability_parse("NET_ADMIN"), 12);
	assert_int_equal(capability_parse("cap_sys_admin"), 21);
	assert_true(capability_parse("NOPE") < 0);
	assert_int_equal(__builtin_popcountll(capabilities_default()), 14);
}

TEST(adding_and_dropping)
{
	uint64_t have = capabilities_available(), set;
	AUTO_STRV add = { 0 };
	AUTO_STRV drop = { 0 };
	struct error err = { 0 };

	strv_add(&drop, "ALL");
	strv_add(&add, "NET_RAW");
	assert_int_equal(capabilities_resolve(&add, &drop, false, &set, NULL, &err), 0);
	assert_int_equal(set, CAPABILITY_BIT(13) & have);
	strv_clear(&drop);
	strv_clear(&add);
	strv_add(&drop, "CHOWN");
	assert_int_equal(capabilities_resolve(&add, &drop, false, &set, NULL, &err), 0);
	assert_int_equal(set, capabilities_default() & ~CAPABILITY_BIT(0) & have);
	assert_int_equal(capabilities_resolve(&add, &drop, true, &set, NULL, &err), 0);
	assert_int_equal(set, have);
	strv_add(&add, "BOGUS");
	assert_true(capabilities_resolve(&add, &drop, false, &set, NULL, &err) < 0);
	assert_non_null(strstr(err.message, "unknown capability: \"BOGUS\""));
}
