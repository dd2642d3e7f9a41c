/* SPDX-License-Identifier: Apache-2.0 */
#include "remote/origin.h"

#include "base/str.h"
#include "remote/trust.h"
#include "unit.h"

static struct origin parse(const char *url)
{
	struct origin o = { 0 };
	struct error err = { 0 };
	assert_int_equal(origin_parse(url, &o, &err), 0);
	return o;
}

TEST(compares_scheme_host_and_port)
{
	struct origin a = parse("https://Example.com/x");

	assert_true(origin_equal(&a, &(struct origin){ "https", "example.com", 443 }));
	struct origin other[] = { parse("http://example.com"), parse("https://example.com:444"),
		                  parse("https://example.com.evil") };
	for (size_t i = 0; i < ARRAY_SIZE(other); i++)
		assert_false(origin_equal(&a, &other[i]));
}

TEST(refuses_other_urls)
{
	static const char *const bad[] = {
		"ftp://x", "file:///etc/passwd", "https://user:pw@x/", "",
		"http://", "https://x:99999/"
	};
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct origin o;
		struct error err = { 0 };
		assert_true(origin_parse(bad[i], &o, &err) < 0);
	}
}

TEST(resolves_references)
{
	struct error err = { 0 };
	AUTO_FREE char *url = NULL;
	AUTO_FREE char *evil = NULL;

	assert_int_equal(url_resolve("https://a:5/v2/x/", "/y?z=1", &url, &err), 0);
	assert_string_equal(url, "https://a:5/y?z=1");
	assert_int_equal(url_resolve("https://a:5/v2/x/", "//b/c", &evil, &err), 0);
	assert_string_equal(evil, "https://b/c");
}

TEST(knows_this_machine)
{
	assert_true(host_is_loopback("localhost"));
	assert_true(host_is_loopback("127.3.2.1"));
	assert_true(host_is_loopback("[::1]"));
	assert_false(host_is_loopback("127.0.0.1.evil.com"));
	assert_false(host_is_loopback("localhost.evil.com"));
	assert_false(host_is_loopback("10.0.0.1"));
}

TEST(trusts_realms_of_the_same_owner)
{
	static const struct {
		const char *registry, *realm;
		bool trusted;
	} cases[] = {
		{ "https://registry-1.docker.io", "https://auth.docker.io/token", true },
		{ "https://registry.gitlab.com", "https://gitlab.com/jwt", true },
		{ "https://r.example.com", "https://r.example.com:5001/t", true },
		{ "http://localhost:5000", "http://localhost:5001/t", true },
		{ "https://r.example.com", "http://r.example.com/t", false },
		{ "https://r.example.com", "https://example.com.evil/t", false },
		{ "https://a.co.uk", "https://evil.co.uk/t", false },
		{ "http://127.0.0.1:5000", "http://127.0.0.2:5000/t", false },
		{ "https://1.2.3.4", "https://9.9.3.4/t", false },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct origin a = parse(cases[i].registry), b = parse(cases[i].realm);
		assert_int_equal(origin_trusts_realm(&a, &b), cases[i].trusted);
	}
}

TEST(insecure_are_those_that_the_user_named)
{
	static const char *const listed[] = { "reg:5000", "10.1.0.0/16", "fd00::/8", "bare", NULL };
	struct remote_config config = { .insecure = listed };
	static const struct {
		const char *url;
		bool insecure;
	} cases[] = {
		{ "https://reg:5000", true },     { "https://reg:5001", false },
		{ "https://10.1.9.9:1", true },   { "https://10.2.0.1", false },
		{ "https://[fd00::1]:5", true },  { "https://[fe00::1]:5", false },
		{ "https://bare", true },         { "https://bare:5000", false },
		{ "https://127.0.0.9:77", true }, { "https://reg.evil:5000", false },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct origin o = parse(cases[i].url);
		assert_int_equal(trust_is_insecure(&config, &o), cases[i].insecure);
	}
}
