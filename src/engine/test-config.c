/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/config.h"

#include <stdio.h>
#include <string.h>

#include "base/fs.h"
#include "unit.h"

static int load(struct engine_config *c, struct error *err, const char *file,
                const char *const *flags)
{
	AUTO_FREE char *path = xasprintf("%s/daemon.json", unit_scratch());
	char *argv[16] = { (char *)(uintptr_t) "coracled", (char *)(uintptr_t) "--config-file",
		           path };
	int argc = 3;

	if (write_file(AT_FDCWD, path, file, strlen(file), 0600, err) < 0)
		return -1;
	for (; flags && *flags; flags++)
		argv[argc++] = (char *)(uintptr_t)*flags;
	error_clear(err);
	return engine_config_load(c, argc, argv, err);
}

TEST(flags_file_and_defaults_meet)
{
	const char *const flags[] = {
		"-D",          "-H", "unix:///a",        "--host=tcp://127.0.0.1:1",
		"--data-root", "/d", "--default-ulimit", "nofile=1:2",
		NULL
	};
	struct engine_config c;
	struct error err = { 0 };

	if (load(&c, &err,
	         "{\"registry-mirrors\":[\"http://m\"],\"icc\":false,\"log-opts\":{\"max-size\":\"1m\"},"
	         "\"runtimes\":{\"mine\":{\"path\":\"/r\"}},\"default-address-pools\":"
	         "[{\"base\":\"10.0.0.0/8\",\"size\":24}]}",
	         flags) < 0)
		fail_msg("%s", err.message);
	assert_true(c.debug);
	assert_int_equal(c.hosts.len, 2);
	assert_string_equal(c.hosts.ptr[1], "tcp://127.0.0.1:1");
	assert_string_equal(c.data_root, "/d");
	assert_string_equal(c.exec_root, "/run/coracle");
	assert_string_equal(c.registry_mirrors.ptr[0], "http://m");
	assert_false(c.icc);
	assert_true(c.ip_forward);
	assert_string_equal(strmap_get(&c.log_options, "max-size"), "1m");
	assert_string_equal(strmap_get(&c.runtimes, "mine"), "/r");
	assert_string_equal(c.address_pools.ptr[0], "10.0.0.0/8,24");
	assert_int_equal(c.ulimits.ptr[0].hard, 2);
	assert_int_equal(c.shm_size, 64 << 20);
	engine_config_done(&c);
}

static const struct {
	const char *file, *flag, *want;
} bad[] = {
	{ "{\"nonsense\":1,\"icc\":true}", NULL, "don't match any configuration option: nonsense" },
	{ "{\"debug\":true}", "--debug",
	  "specified both as a flag and in the configuration file: debug" },
	{ "{\"debug\":\"yes\"}", NULL, "\"debug\" is not true or false" },
	{ "{\"hosts\":[1]}", NULL, "\"hosts\" is not a list" },
	{ "[]", NULL, "not a JSON object" },
	{ "{\"a\":1,\"a\":2}", NULL, "duplicate" },
	{ "{}", "--nonsense", "unknown flag: --nonsense" },
	{ "{}", "--icc=perhaps", "true or false is expected" },
	{ "{}", "--data-root", "flag needs an argument" },
	{ "{}", "--data-root=relative", "absolute path" },
	{ "{}", "--log-level=loud", "invalid logging level: loud" },
	{ "{}", "--registry-mirror=ftp://x", "invalid mirror" },
	{ "{}", "--default-runtime=none", "default runtime 'none' does not exist" },
	{ "{\"userns-remap\":\"default\"}", NULL, "\"userns-remap\" is not supported" },
	{ "{}", "extra", "accepts no arguments" },
};

TEST(mistakes_are_named)
{
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		const char *const flags[] = { bad[i].flag, NULL };
		struct engine_config c;
		struct error err = { 0 };

		assert_true(load(&c, &err, bad[i].file, flags) < 0);
		if (!strstr(err.message, bad[i].want))
			fail_msg("%s: \"%s\" lacks \"%s\"", bad[i].file, err.message, bad[i].want);
		engine_config_done(&c);
	}
}

TEST(what_has_no_effect_is_said_and_off_is_fine)
{
	const char *const flags[] = { "--userland-proxy=false", NULL };
	struct engine_config c;
	struct error err = { 0 };

	assert_int_equal(load(&c, &err, "{\"no-new-privileges\":false}", flags), 0);
	assert_int_equal(c.warnings.len, 1);
	assert_non_null(strstr(c.warnings.ptr[0], "userland-proxy"));
	engine_config_done(&c);
}

TEST(a_reload_takes_the_flags_and_the_new_file)
{
	const char *const flags[] = { "--data-root", "/d", NULL };
	struct engine_config c, fresh;
	struct error err = { 0 };

	assert_int_equal(load(&c, &err, "{\"labels\":[\"a=1\"]}", flags), 0);
	assert_int_equal(
		write_file(AT_FDCWD, c.config_file, "{\"labels\":[\"a=2\"]}", 18, 0600, &err), 0);
	if (engine_config_reload(&c, &fresh, &err) < 0)
		fail_msg("%s", err.message);
	assert_string_equal(fresh.data_root, "/d");
	assert_string_equal(fresh.labels.ptr[0], "a=2");
	engine_config_done(&c);
	engine_config_done(&fresh);
}
