/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/image-config.h"

#include "base/strbuf.h"
#include "unit.h"

#define A "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define B "sha256:cb8379ac2098aa165029e3938a51da0bcecfc008fd6795f401178647f96c5b34"

static const char docker_form[] =
	"{\"architecture\":\"amd64\",\"author\":\"me\",\"config\":{\"User\":\"app\",\"ExposedPorts\":{\"80/tcp\":{}},"
	"\"Env\":[\"PATH=/bin\"],\"Entrypoint\":[\"/init\"],\"Cmd\":[\"sh\"],\"Volumes\":{\"/data\":{}},"
	"\"WorkingDir\":\"/w\",\"Labels\":{\"a\":\"1\",\"b\":\"2\"},\"StopSignal\":\"SIGINT\","
	"\"Healthcheck\":{\"Test\":[\"CMD\",\"true\"],\"Interval\":30000000000,\"Retries\":3},"
	"\"OnBuild\":[\"RUN x\"],\"Shell\":[\"/bin/bash\",\"-c\"]},"
	"\"created\":\"2024-01-02T03:04:05.123456789Z\","
	"\"history\":[{\"created\":\"2024-01-02T03:04:05Z\",\"created_by\":\"COPY . . # buildkit\","
	"\"comment\":\"c\"},{\"created_by\":\"ENV a=b\",\"empty_layer\":true}],"
	"\"os\":\"linux\",\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"" A "\",\"" B
	"\"]},\"variant\":\"v8\"}";

TEST(docker_form_round_trips_byte_for_byte)
{
	AUTO_IMAGE_CONFIG c = { 0 };
	AUTO_IMAGE_CONFIG copy = { 0 };
	AUTO_STRBUF out = { 0 };
	AUTO_STRBUF out_copy = { 0 };
	struct error err = { 0 };

	assert_int_equal(image_config_parse(str_from(docker_form), &c, &err), 0);
	assert_int_equal(c.diff_ids.len, 2);
	assert_int_equal(c.config.healthcheck->retries, 3);
	image_config_encode(&out, &c);
	assert_string_equal(strbuf_cstr(&out), docker_form);
	image_config_copy(&c, &copy);
	image_config_encode(&out_copy, &copy);
	assert_string_equal(strbuf_cstr(&out_copy), docker_form);
}

TEST(empty_members_are_left_out)
{
	AUTO_IMAGE_CONFIG c = { 0 };
	AUTO_STRBUF out = { 0 };
	struct error err = { 0 };

	assert_int_equal(image_config_parse(
				 STR("{\"architecture\":\"amd64\",\"os\":\"linux\",\"config\":null,"
	                             "\"rootfs\":{\"type\":\"layers\",\"diff_ids\":null}}"),
				 &c, &err),
	                 0);
	image_config_encode(&out, &c);
	assert_string_equal(strbuf_cstr(&out),
	                    "{\"architecture\":\"amd64\",\"config\":{},\"os\":\"linux\","
	                    "\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[]}}");
}

TEST(I4_malformed_configurations)
{
	static const char *const bad[] = {
		"",
		"null",
		"[]",
		"7",
		"{\"os\":1}",
		"{\"config\":7}",
		"{\"history\":{}}",
		"{\"rootfs\":{\"type\":\"other\"}}",
		"{\"rootfs\":{\"diff_ids\":[\"sha256:../x\"]}}",
		"{\"rootfs\":{\"diff_ids\":[1]}}",
		"{\"config\":{\"Env\":\"A=b\"}}",
		"{\"os\":\"a\",\"os\":\"b\"}",
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		AUTO_IMAGE_CONFIG c = { 0 };
		struct error err = { 0 };

		assert_true(image_config_parse(str_from(bad[i]), &c, &err) < 0);
		assert_int_equal(err.kind, ERROR_INVALID);
	}
}

TEST(chain_id_is_the_hash_over_the_texts)
{
	struct digest d[2], chain, expected;

	assert_int_equal(digest_parse(str_from(A), &d[0]), 0);
	assert_int_equal(digest_parse(str_from(B), &d[1]), 0);
	image_chain_id(d, 1, &chain);
	assert_true(digest_equal(&chain, &d[0]));
	image_chain_id(d, 2, &chain);
	digest_of(DIGEST_SHA256, A " " B, strlen(A " " B), &expected);
	assert_true(digest_equal(&chain, &expected));
}
