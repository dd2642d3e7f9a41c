/* SPDX-License-Identifier: Apache-2.0 */
#include "container/config.h"

#include <string.h>

#include "unit.h"

static void parse(const char *body, struct container_create_request *ret)
{
	struct error err = { 0 };

	if (container_create_request_parse(str_from(body), ret, &err) < 0)
		fail_msg("%s", err.message);
}

TEST(what_docker_run_sends_is_understood)
{
	struct container_create_request r = { 0 };
	unsigned h, w;

	parse("{\"Hostname\":\"h\",\"Tty\":true,\"Env\":null,\"Cmd\":[\"sh\"],\"Image\":\"busybox\","
	      "\"Volumes\":{\"/v\":{}},\"Entrypoint\":\"one\",\"StopTimeout\":3,"
	      "\"HostConfig\":{\"NetworkMode\":\"default\",\"PortBindings\":{\"80/tcp\":[{\"HostIp\":\"\","
	      "\"HostPort\":\"8080\"}]},\"RestartPolicy\":{\"Name\":\"always\",\"MaximumRetryCount\":0},"
	      "\"ConsoleSize\":[24,80],\"MemorySwappiness\":-1,\"OomKillDisable\":false,"
	      "\"Mounts\":[{\"Type\":\"volume\",\"Source\":\"s\",\"Target\":\"/t\",\"VolumeOptions\":"
	      "{\"DriverConfig\":{\"Name\":\"local\",\"Options\":{\"a\":\"b\"}}}}]},"
	      "\"NetworkingConfig\":{\"EndpointsConfig\":{\"default\":{\"Aliases\":[\"x\"]}}}}",
	      &r);
	assert_string_equal(r.config.hostname, "h");
	assert_string_equal(r.config.cmd.ptr[0], "sh");
	assert_string_equal(r.config.entrypoint.ptr[0], "one");
	assert_string_equal(r.config.volumes.ptr[0], "/v");
	assert_int_equal(*r.config.stop_timeout, 3);
	assert_int_equal(r.host_config.port_bindings.len, 1);
	assert_string_equal(r.host_config.port_bindings.ptr[0].port, "80/tcp");
	assert_string_equal(r.host_config.port_bindings.ptr[0].bindings.ptr[0].host_port, "8080");
	assert_string_equal(r.host_config.restart_policy.name, "always");
	assert_int_equal(*r.host_config.memory_swappiness, -1);
	assert_int_equal(r.host_config.oom_kill_disable, TRISTATE_FALSE);
	assert_string_equal(r.host_config.mounts.ptr[0].volume->driver_name, "local");
	assert_string_equal(strmap_get(&r.host_config.mounts.ptr[0].volume->driver_options, "a"),
	                    "b");
	assert_string_equal(r.endpoints.ptr[0].network, "default");
	assert_string_equal(r.endpoints.ptr[0].aliases.ptr[0], "x");
	host_config_console_size(&r.host_config, &h, &w);
	assert_int_equal(h, 24);
	assert_int_equal(w, 80);
	container_create_request_done(&r);
}

TEST(keys_match_without_case_and_nulls_are_absent)
{
	struct container_create_request r = { 0 };

	parse("{\"image\":\"x\",\"hostConfig\":{\"binds\":[\"/a:/b\"],\"ConsoleSize\":null,\"Init\":null},"
	      "\"NetworkingConfig\":null}",
	      &r);
	assert_string_equal(r.config.image, "x");
	assert_string_equal(r.host_config.binds.ptr[0], "/a:/b");
	assert_int_equal(r.host_config.init, TRISTATE_UNSET);
	assert_int_equal(r.endpoints.len, 0);
	container_create_request_done(&r);
}

TEST(a_wrong_type_names_the_member)
{
	struct container_create_request r = { 0 };
	struct error err = { 0 };

	assert_true(container_create_request_parse(STR("{\"HostConfig\":{\"Memory\":\"much\"}}"),
	                                           &r, &err) < 0);
	assert_int_equal(err.kind, ERROR_INVALID);
	assert_non_null(strstr(err.message, "HostConfig.Memory"));
	assert_true(container_create_request_parse(STR(""), &r, &err) < 0);
	assert_true(container_create_request_parse(STR("[]"), &r, &err) < 0);
}

TEST(empty_members_are_written_as_docker_writes_them)
{
	struct container_create_request r = { 0 };
	AUTO_STRBUF out = { 0 };
	struct json_writer w;

	parse("{\"Image\":\"x\"}", &r);
	json_writer_init(&w, &out);
	json_fields_encode(&w, host_config_fields, &r.host_config);
	assert_non_null(strstr(strbuf_cstr(&out), "\"Binds\":null"));
	assert_non_null(strstr(strbuf_cstr(&out), "\"PortBindings\":{}"));
	assert_non_null(strstr(strbuf_cstr(&out), "\"ConsoleSize\":[0,0]"));
	assert_non_null(strstr(strbuf_cstr(&out), "\"Dns\":[]"));
	assert_non_null(strstr(strbuf_cstr(&out), "\"PidsLimit\":null"));
	assert_null(strstr(strbuf_cstr(&out), "\"Mounts\""));
	assert_null(strstr(strbuf_cstr(&out), "\"Init\""));
	container_create_request_done(&r);
}
