/* SPDX-License-Identifier: Apache-2.0 */
#include "image/test-support.h"
#include "unit.h"

static void change(struct image_run_config *c, const char *line)
{
	struct error err = { 0 };
	expect_ok(image_config_change(c, line, &err), &err);
}

TEST(changes_apply)
{
	AUTO_IMAGE_CONFIG config = { 0 };
	struct image_run_config *c = &config.config;

	change(c, "CMD echo hi");
	assert_int_equal(c->cmd.len, 3);
	assert_string_equal(c->cmd.ptr[2], "echo hi");
	change(c, "cmd [\"/bin/x\", \"y z\"]");
	assert_int_equal(c->cmd.len, 2);
	assert_string_equal(c->cmd.ptr[1], "y z");
	change(c, "ENTRYPOINT [\"/e\"]");
	assert_string_equal(c->entrypoint.ptr[0], "/e");
	change(c, "ENV A=1 B=\"two words\" C=x\\ y");
	change(c, "ENV OLD the old form");
	assert_string_equal(strv_env_get(&c->env, "B"), "two words");
	assert_string_equal(strv_env_get(&c->env, "C"), "x y");
	assert_string_equal(strv_env_get(&c->env, "OLD"), "the old form");
	change(c, "LABEL k=v");
	assert_string_equal(strmap_get(&c->labels, "k"), "v");
	change(c, "EXPOSE 80 53/udp 80");
	assert_int_equal(c->exposed_ports.len, 2);
	assert_true(strv_has(&c->exposed_ports, "80/tcp"));
	change(c, "VOLUME /a /b");
	assert_int_equal(c->volumes.len, 2);
	change(c, "WORKDIR /w");
	change(c, "WORKDIR sub");
	assert_string_equal(c->working_dir, "/w/sub");
	change(c, "USER 5:6");
	change(c, "STOPSIGNAL SIGINT");
	change(c, "ONBUILD RUN x");
	change(c, "SHELL [\"/bin/ash\"]");
	change(c, "CMD one");
	assert_string_equal(c->cmd.ptr[0], "/bin/ash");
	change(c, "HEALTHCHECK CMD true");
	assert_string_equal(c->healthcheck->test.ptr[0], "CMD-SHELL");
}

TEST(bad_changes_are_refused)
{
	static const char *const bad[] = { "FROM x",   "COPY a b",     "CMD",        "",
		                           "EXPOSE x", "EXPOSE 70000", "EXPOSE 1/x", "ENV =x",
		                           "SHELL sh", "HEALTHCHECK x" };
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		AUTO_IMAGE_CONFIG config = { 0 };
		struct error err = { 0 };
		assert_true(image_config_change(&config.config, bad[i], &err) < 0);
		assert_int_equal(err.kind, ERROR_INVALID);
	}
}
