/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/seccomp.h"

#include <string.h>

#include "json/json.h"
#include "runtime/capability.h"
#include "unit.h"

TEST(what_is_refused)
{
	static const char *const refused[] = {
		"mount",           "umount2",        "bpf",
		"keyctl",          "add_key",        "request_key",
		"io_uring_setup",  "io_uring_enter", "userfaultfd",
		"perf_event_open", "kexec_load",     "init_module",
		"unshare",         "setns",          "open_by_handle_at",
		"move_pages",      "reboot",         "swapon",
		"pivot_root",      "settimeofday",   "clone3",
		"socket",          "personality"
	};

	for (size_t i = 0; i < ARRAY_SIZE(refused); i++)
		assert_int_equal(seccomp_default_allows(refused[i], capabilities_default()), 0);
	assert_int_equal(seccomp_default_allows("chroot", capabilities_default()), 1);
	assert_int_equal(seccomp_default_allows("mount", CAPABILITY_BIT(CAPABILITY_SYS_ADMIN)), 1);
}

static json_t *encode_default(uint64_t caps)
{
	AUTO_STRBUF out = { 0 };
	struct error err = { 0 };
	struct json_writer w;

	json_writer_init(&w, &out);
	seccomp_default_encode(&w, caps);
	return json_parse(strbuf_str(&out), &err);
}

TEST(the_profile_as_json)
{
	AUTO_JSON *p = encode_default(capabilities_default());
	json_t *rule;
	unsigned sockets = 0, clone3 = 0;
	size_t i;

	assert_string_equal(json_member_string(p, "defaultAction"), "SCMP_ACT_ERRNO");
	json_array_foreach (json_object_get(p, "syscalls"), i, rule) {
		const char *name =
			json_string_value(json_array_get(json_object_get(rule, "names"), 0));

		sockets += strcmp(name, "socket") == 0;
		if (strcmp(name, "clone3") == 0) {
			clone3++;
			assert_int_equal(json_integer_value(json_object_get(rule, "errnoRet")), 38);
		}
	}
	assert_int_equal(sockets, 3);
	assert_int_equal(clone3, 1);
}

TEST(profiles_from_outside)
{
	AUTO_STRBUF out = { 0 };
	struct error err = { 0 };
	struct json_writer w;

	json_writer_init(&w, &out);
	assert_int_equal(
		seccomp_profile_encode(
			&w,
			STR("{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"name\":\"chmod\",\"action\":"
	                    "\"SCMP_ACT_ERRNO\",\"args\":[]},{\"names\":[\"mount\"],\"action\":\"SCMP_ACT_ERRNO\","
	                    "\"includes\":{\"caps\":[\"CAP_SYS_ADMIN\"]}}]}"),
			0, &err),
		0);
	assert_non_null(strstr(out.ptr, "{\"names\":[\"chmod\"],\"action\":\"SCMP_ACT_ERRNO\"}"));
	assert_null(strstr(out.ptr, "mount"));
	assert_true(seccomp_profile_encode(&w, STR("{}"), 0, &err) < 0);
	assert_true(seccomp_profile_encode(&w, STR("nonsense"), 0, &err) < 0);
}
