/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/config.h"

#include "base/time.h"
#include "unit.h"

static char *const nothing[] = { NULL };

static int parse(const char *text, char *const *environment, struct registry_config *c,
                 struct strv *warnings, struct error *err)
{
	return registry_config_parse(str_from(text), "config.yml", environment, c, warnings, err);
}

TEST(a_file_of_docker_s_registry)
{
	AUTO_REGISTRY_CONFIG c = { 0 };
	AUTO_STRV warnings = { 0 };
	struct error err = { 0 };

	assert_int_equal(
		parse("version: 0.1\n"
	              "log:\n  fields:\n    service: registry\n"
	              "storage:\n  cache:\n    blobdescriptor: inmemory\n"
	              "  filesystem:\n    rootdirectory: /srv/images\n"
	              "http:\n  addr: :5001\n  headers:\n    X-Content-Type-Options: [nosniff]\n"
	              "health:\n  storagedriver:\n    enabled: true\n    interval: 10s\n    threshold: 3\n",
	              nothing, &c, &warnings, &err),
		0);
	assert_string_equal(c.root, "/srv/images");
	assert_string_equal(c.address, ":5001");
	assert_false(c.delete_enabled); /* as Docker's: off unless the file says so */
	assert_int_equal(c.headers.len, 1);
	assert_int_equal(c.upload_age_ns, 168 * 3600 * NSEC_PER_SEC);
	assert_string_equal(
		warnings.ptr[0],
		"config.yml:4: log.fields.service has no effect: log fields are not supported");
}

TEST(the_environment_wins)
{
	char *const environment[] = { (char[]){ "REGISTRY_HTTP_ADDR=:6000" },
		                      (char[]){ "REGISTRY_STORAGE_DELETE_ENABLED=true" },
		                      (char[]){ "REGISTRY_AUTH=htpasswd" },
		                      (char[]){ "REGISTRY_AUTH_HTPASSWD_PATH=/p" },
		                      (char[]){ "OTHER=1" },
		                      NULL };
	AUTO_REGISTRY_CONFIG c = { 0 };
	AUTO_STRV warnings = { 0 };
	struct error err = { 0 };

	assert_int_equal(parse("http: {addr: ':5001'}", environment, &c, &warnings, &err), 0);
	assert_string_equal(c.address, ":6000");
	assert_string_equal(c.htpasswd_path, "/p");
	assert_true(c.delete_enabled);
	assert_int_equal(warnings.len, 0);
}

TEST(what_is_wrong_has_its_line)
{
	static const struct {
		const char *text, *message;
	} cases[] = {
		{ "storage:\n  delete:\n    enabled: maybe\n",
		  "config.yml:3: storage.delete.enabled is \"maybe\", but true or false is wanted" },
		{ "http:\n  draintimeout: soon\n",
		  "config.yml:2: http.draintimeout is \"soon\", but a time such as 90s, 10m or 24h is wanted" },
		{ "a: 1\na: 2\n", "config.yml:2: this key is here twice" },
		{ "a: &x 1\nb: *x\n",
		  "config.yml:2: aliases (*name) are not supported: write the value out" },
		{ "storage:\n  s3:\n    bucket: b\n",
		  "config.yml:3: storage.s3.bucket is not possible: only the filesystem driver is there" },
		{ "auth:\n  silly:\n    realm: x\n", NULL },
		{ "http: [\n", NULL },
		{ "just text\n", NULL },
		{ "http:\n  tls:\n    certificate: /c\n",
		  "http.tls needs both certificate and key" },
		{ "http:\n  headers:\n    X-A: [\"a\\r\\nb: c\"]\n", NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO_REGISTRY_CONFIG c = { 0 };
		AUTO_STRV warnings = { 0 };
		struct error err = { 0 };

		assert_true(parse(cases[i].text, nothing, &c, &warnings, &err) < 0);
		assert_int_equal(err.kind, ERROR_INVALID);
		if (cases[i].message)
			assert_string_equal(err.message, cases[i].message);
	}
}

TEST(unknown_settings_are_warned_of)
{
	AUTO_REGISTRY_CONFIG c = { 0 };
	AUTO_STRV warnings = { 0 };
	struct error err = { 0 };

	assert_int_equal(parse("http:\n  adr: :5001\n", nothing, &c, &warnings, &err), 0);
	assert_int_equal(warnings.len, 1);
	assert_string_equal(warnings.ptr[0], "config.yml:2: there is no setting http.adr");
}

TEST(access_rules)
{
	AUTO_REGISTRY_CONFIG c = { 0 };
	AUTO_STRV warnings = { 0 };
	struct error err = { 0 };

	assert_int_equal(
		parse("auth: {htpasswd: {path: /p}}\n"
	              "coracle:\n  access:\n"
	              "    - {repositories: 'team/**', users: [alice, bob], allow: [push, delete]}\n"
	              "    - {repositories: ['*'], users: anonymous, allow: pull}\n",
	              nothing, &c, &warnings, &err),
		0);
	assert_int_equal(c.rules.len, 2);
	assert_int_equal(c.rules.ptr[0].rights, RIGHT_PULL | RIGHT_PUSH | RIGHT_DELETE);
	assert_string_equal(c.rules.ptr[1].users.ptr[0], "anonymous");
	registry_config_done(&c);
	assert_true(
		parse("auth: {htpasswd: {path: /p}}\ncoracle: {access: [{repositories: a, users: b, allow: fly}]}",
	              nothing, &c, &warnings, &err) < 0);
	assert_true(parse("coracle: {access: [{repositories: a, users: b, allow: pull}]}", nothing,
	                  &c, &warnings, &err) < 0);
}

TEST(globs)
{
	static const struct {
		const char *pattern, *text;
		bool match;
	} cases[] = {
		{ "a", "a", true },        { "a", "b", false },        { "*", "a", true },
		{ "*", "a/b", false },     { "**", "a/b", true },      { "a/*", "a/b", true },
		{ "a/*", "a/b/c", false }, { "a/**", "a/b/c", true },  { "a*c", "abc", true },
		{ "a/**", "a", false },    { "*:v*", "app:v1", true }, { "", "", true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(registry_glob(cases[i].pattern, cases[i].text), cases[i].match);
}
