/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/spec.h"

#include <string.h>

#include "runtime/capability.h"
#include "runtime/runtime.h"
#include "unit.h"

TEST(config_json)
{
	struct runtime_user user = { .uid = 5, .gid = 6 };
	AUTO_STRV args = { 0 };
	AUTO_STRV env = { 0 };
	CLEANUP(runtime_spec_done)
	struct runtime_spec s = {
		.rootfs = "/r",
		.hostname = "h",
		.cgroups_path = "/coracle/x",
		.process = { .user = &user,
		             .args = &args,
		             .env = &env,
		             .capabilities = CAPABILITY_BIT(0) },
		.namespaces = { [RUNTIME_NS_PID] = { .private_ = true },
		                [RUNTIME_NS_NETWORK] = { .private_ = true, .path = "/n" } },
		.resources = { .memory = 1 << 20, .memory_swappiness = -1 },
	};
	AUTO_STRBUF out = { 0 };
	struct error err = { 0 };

	strv_add(&args, "sh");
	runtime_default_mounts(&s.mounts, false, false, false);
	runtime_default_device_rules(&s.device_rules, false);
	runtime_rlimit_vec_push(&s.process.rlimits, (struct runtime_rlimit){ "nofile", 5, 10 });
	runtime_spec_encode(&s, &out);

	AUTO_JSON *j = json_parse(strbuf_str(&out), &err);
	assert_non_null(j);
	json_t *process = json_object_get(j, "process"), *linux_part = json_object_get(j, "linux");
	json_t *caps = json_object_get(process, "capabilities");
	/* a user who is not root: only a bounding set, nothing inheritable */
	assert_int_equal(json_array_size(json_object_get(caps, "bounding")), 1);
	assert_int_equal(json_array_size(json_object_get(caps, "effective")), 0);
	assert_null(json_object_get(caps, "inheritable"));
	assert_null(json_object_get(caps, "ambient"));
	assert_string_equal(json_member_string(process, "cwd"), "/");
	assert_int_equal(json_array_size(json_object_get(linux_part, "namespaces")), 2);
	assert_non_null(strstr(out.ptr, "\"memory\":{\"limit\":1048576}"));
	assert_non_null(strstr(out.ptr, "\"type\":\"RLIMIT_NOFILE\",\"hard\":10,\"soft\":5"));
}

TEST(device_rules)
{
	struct runtime_device_rule r;
	struct error err = { 0 };

	assert_int_equal(runtime_device_rule_parse("c 10:* rw", &r, &err), 0);
	assert_int_equal(r.type, 'c');
	assert_int_equal(r.major, 10);
	assert_int_equal(r.minor, -1);
	assert_string_equal(r.access, "rw");
	assert_true(runtime_device_rule_parse("x 1:1 r", &r, &err) < 0);
	assert_true(runtime_device_rule_parse("c 1 r", &r, &err) < 0);
	assert_true(runtime_device_rule_parse("c 1:1 rwz", &r, &err) < 0);
}

TEST(complaints)
{
	static const struct {
		const char *message, *program, *expected;
	} cases[] = {
		{ "executable file `foo` not found in $PATH: No such file or directory", "foo",
		  "exec: \"foo\": executable file not found in $PATH: unknown" },
		{ "executable file `/nope` not found in $PATH: No such file or directory", "/nope",
		  "no such file or directory" },
		{ "executable file `/etc` not found in $PATH: Permission denied", "/etc",
		  "permission denied" },
		{ "open executable: Operation not permitted", "/etc", "permission denied" },
		{ "open executable: Permission denied /etc/passwd", "/etc/passwd",
		  "permission denied" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct error err = { 0 };

		runtime_translate_error(cases[i].message, false, cases[i].program, &err);
		assert_int_equal(err.kind, ERROR_INVALID);
		assert_non_null(strstr(err.message, cases[i].expected));
	}
}
