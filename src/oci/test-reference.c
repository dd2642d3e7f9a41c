/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/reference.h"

#include <stdio.h>

#include "base/alloc.h"
#include "unit.h"

#define HEX "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

static const struct {
	const char *text, *full, *familiar;
} good[] = {
	{ "ubuntu", "docker.io/library/ubuntu", "ubuntu" },
	{ "ubuntu:22.04", "docker.io/library/ubuntu:22.04", "ubuntu:22.04" },
	{ "docker.io/ubuntu", "docker.io/library/ubuntu", "ubuntu" },
	{ "index.docker.io/library/ubuntu", "docker.io/library/ubuntu", "ubuntu" },
	{ "docker.io/library/a/b", "docker.io/library/a/b", "library/a/b" },
	{ "user/app", "docker.io/user/app", "user/app" },
	{ "localhost/app", "localhost/app", "localhost/app" },
	{ "localhost:5000/app:x", "localhost:5000/app:x", "localhost:5000/app:x" },
	{ "reg.example.com/a/b__c/d--e.f", "reg.example.com/a/b__c/d--e.f",
	  "reg.example.com/a/b__c/d--e.f" },
	{ "[::1]:5000/app", "[::1]:5000/app", "[::1]:5000/app" },
	{ "[fe80::1]/app", "[fe80::1]/app", "[fe80::1]/app" },
	{ "HOST/app", "HOST/app", "HOST/app" },
	{ "app@sha256:" HEX, "docker.io/library/app@sha256:" HEX, "app@sha256:" HEX },
	{ "app:v1@sha256:" HEX, "docker.io/library/app:v1@sha256:" HEX, "app:v1@sha256:" HEX },
	{ "sha256:" HEX, "docker.io/library/sha256:" HEX, "sha256:" HEX },
	{ "app:_x.Y-z", "docker.io/library/app:_x.Y-z", "app:_x.Y-z" },
};

static const struct {
	const char *text, *message;
} bad[] = {
	{ "", "invalid reference format" },
	{ "Foo", "invalid reference format: repository name (library/Foo) must be lowercase" },
	{ "reg.io/Foo:x", "invalid reference format: repository name (Foo) must be lowercase" },
	{ HEX, "invalid repository name (" HEX "), cannot specify 64-byte hexadecimal strings" },
	{ "a//b", "invalid reference format" },
	{ "/a", "invalid reference format" },
	{ "a/", "invalid reference format" },
	{ "a:", "invalid reference format" },
	{ "a:.x", "invalid reference format" },
	{ "a@", "invalid reference format" },
	{ "a@sha256:abc", "invalid reference format" },
	{ "a@sha256:" HEX "00", "invalid checksum digest length" },
	{ "a@md5:900150983cd24fb0d6963f7d28e17f72", "unsupported digest algorithm" },
	{ "a___b", "invalid reference format" },
	{ "a..b", "invalid reference format" },
	{ "-a", "invalid reference format" },
	{ "a b", "invalid reference format" },
	{ "../a", "invalid reference format" },
	{ "reg.io:/a", "invalid reference format" },
	{ "reg..io/a", "invalid reference format" },
	{ "-reg.io/a", "invalid reference format" },
	{ "http://reg.io/a", "invalid reference format" },
	{ "a\n", "invalid reference format" },
};

TEST(readable_references)
{
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		AUTO_REFERENCE r = { 0 };
		AUTO_REFERENCE again = { 0 };
		AUTO_FREE char *full = NULL, *familiar = NULL;
		struct error err = { 0 };

		assert_int_equal(reference_parse(good[i].text, &r, &err), 0);
		full = reference_full(&r);
		familiar = reference_familiar(&r);
		assert_string_equal(full, good[i].full);
		assert_string_equal(familiar, good[i].familiar);
		assert_int_equal(reference_parse(familiar, &again, &err), 0);
		assert_string_equal(again.path, r.path);
		assert_string_equal(again.domain, r.domain);
	}
}

TEST(refused_references_say_what_docker_says)
{
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		AUTO_REFERENCE r = { 0 };
		struct error err = { 0 };

		assert_true(reference_parse(bad[i].text, &r, &err) < 0);
		assert_int_equal(err.kind, ERROR_INVALID);
		assert_string_equal(err.message, bad[i].message);
	}
}

TEST(length_limits)
{
	AUTO_REFERENCE r = { 0 };
	struct error err = { 0 };
	char text[600] = "reg.io/";

	memset(text + 7, 'a', 255);
	assert_int_equal(reference_parse(text, &r, &err), 0);
	memset(text + 7, 'a', 256);
	reference_done(&r);
	assert_true(reference_parse(text, &r, &err) < 0);
	assert_string_equal(err.message, "repository name must not be more than 255 characters");
	memcpy(text, "a:", 2);
	memset(text + 2, 'x', 128);
	text[130] = '\0';
	assert_int_equal(reference_parse(text, &r, &err), 0);
	text[130] = 'x';
	text[131] = '\0';
	reference_done(&r);
	assert_true(reference_parse(text, &r, &err) < 0);
}

TEST(latest_is_only_for_bare_names)
{
	AUTO_REFERENCE bare = { 0 };
	AUTO_REFERENCE digest = { 0 };
	struct error err = { 0 };

	assert_int_equal(reference_parse("ubuntu", &bare, &err), 0);
	reference_default_tag(&bare);
	assert_string_equal(bare.tag, "latest");
	assert_int_equal(reference_parse("ubuntu@sha256:" HEX, &digest, &err), 0);
	reference_default_tag(&digest);
	assert_null(digest.tag);
}
