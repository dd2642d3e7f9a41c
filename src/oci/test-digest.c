/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/digest.h"

#include "unit.h"

#define ABC256 "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define ABC512                                                                                     \
	"ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"                         \
	"2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"

TEST(known_answers)
{
	struct digest d;
	char text[DIGEST_TEXT_MAX];

	digest_of(DIGEST_SHA256, "abc", 3, &d);
	assert_string_equal(digest_format(&d, text), "sha256:" ABC256);
	assert_string_equal(digest_hex(&d, text), ABC256);
	digest_of(DIGEST_SHA512, "abc", 3, &d);
	assert_string_equal(digest_format(&d, text), "sha512:" ABC512);
}

TEST(parse_takes_the_canonical_form_only)
{
	static const char *const bad[] = {
		"",
		"sha256",
		"sha256:",
		ABC256,
		"md5:900150983cd24fb0d6963f7d28e17f72",
		"sha256:../../x",
		"sha256:" ABC256 "0",
		"SHA256:" ABC256,
		"sha256:BA7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
		"sha512:" ABC256,
		"sha256:a7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
		"sha256:" ABC256 "\n",
		"sha256::" ABC256,
	};
	struct digest d, same;
	struct error err = { 0 };

	assert_int_equal(digest_parse(str_from("sha256:" ABC256), &d), 0);
	digest_of(DIGEST_SHA256, "abc", 3, &same);
	assert_true(digest_equal(&d, &same));
	assert_int_equal(digest_parse(str_from("sha512:" ABC512), &d), 0);
	assert_false(digest_equal(&d, &same));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_true(digest_parse(str_from(bad[i]), &d) < 0);
		assert_true(digest_parse_error(bad[i], &d, &err) < 0);
		assert_int_equal(err.kind, ERROR_INVALID);
	}
}

TEST(state_is_a_value)
{
	struct digester d, saved;
	struct digest whole, resumed, half;

	digester_init(&d, DIGEST_SHA256);
	digester_add(&d, "a", 1);
	saved = d;
	digester_finish(&d, &half);
	digester_add(&d, "bc", 2);
	digester_finish(&d, &whole);
	digester_add(&saved, "bc", 2);
	digester_finish(&saved, &resumed);
	assert_true(digest_equal(&whole, &resumed));
	assert_false(digest_equal(&half, &whole));
}
