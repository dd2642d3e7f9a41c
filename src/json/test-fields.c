/* SPDX-License-Identifier: Apache-2.0 */
#include "json/fields.h"

#include "base/alloc.h"

#include "unit.h"

struct bind {
	char *ip;
	char *port;
};

DEFINE_VEC(binds, struct bind);

struct port {
	char *key;
	struct binds binds;
};

DEFINE_VEC(ports, struct port);

struct inner {
	int64_t memory;
	char *name;
};

DEFINE_VEC(inners, struct inner);

struct endpoint {
	char *key;
	struct inner inner;
};

DEFINE_VEC(endpoints, struct endpoint);

struct outer {
	bool flag;
	enum tristate maybe;
	int number;
	uint64_t big;
	int64_t *limit;
	double ratio;
	char *text;
	int64_t when;
	struct strv list;
	struct strv entry;
	struct strmap labels;
	struct strv exposed;
	json_t *raw;
	struct inner host;
	struct inner *extra;
	struct inners many;
	struct ports ports;
	struct endpoints endpoints;
};

static const struct json_field bind_fields[] = {
	JSON_FIELD(struct bind, ip, "HostIp", JSON_F_STRING),
	JSON_FIELD(struct bind, port, "HostPort", JSON_F_STRING),
	JSON_FIELDS_END,
};
static const struct json_field port_fields[] = {
	JSON_FIELD(struct port, binds, "", JSON_F_LIST, .fields = bind_fields,
	           .size = sizeof(struct bind), .flags = JSON_NULL_EMPTY),
	JSON_FIELDS_END,
};
static const struct json_field inner_fields[] = {
	JSON_FIELD(struct inner, memory, "Memory", JSON_F_I64),
	JSON_FIELD(struct inner, name, "Name", JSON_F_STRING, .flags = JSON_OMIT_EMPTY),
	JSON_FIELDS_END,
};
static const struct json_field endpoint_fields[] = {
	JSON_FIELD(struct endpoint, inner.memory, "Memory", JSON_F_I64),
	JSON_FIELDS_END,
};
static const struct json_field outer_fields[] = {
	JSON_FIELD(struct outer, flag, "Flag", JSON_F_BOOL, .flags = JSON_OMIT_EMPTY),
	JSON_FIELD(struct outer, maybe, "Maybe", JSON_F_TRISTATE, .flags = JSON_OMIT_EMPTY),
	JSON_FIELD(struct outer, number, "Number", JSON_F_INT, .flags = JSON_OMIT_EMPTY),
	JSON_FIELD(struct outer, big, "Big", JSON_F_U64, .flags = JSON_OMIT_EMPTY),
	JSON_FIELD(struct outer, limit, "Limit", JSON_F_I64_PTR, .flags = JSON_OMIT_EMPTY),
	JSON_FIELD(struct outer, ratio, "Ratio", JSON_F_DOUBLE, .flags = JSON_OMIT_EMPTY),
	JSON_FIELD(struct outer, text, "Text", JSON_F_STRING, .flags = JSON_OMIT_EMPTY),
	JSON_FIELD(struct outer, when, "When", JSON_F_TIME, .flags = JSON_OMIT_EMPTY),
	JSON_FIELD(struct outer, list, "List", JSON_F_STRV, .flags = JSON_OMIT_EMPTY),
	JSON_FIELD(struct outer, entry, "Entry", JSON_F_STRING_OR_LIST, .flags = JSON_OMIT_EMPTY),
	JSON_FIELD(struct outer, labels, "Labels", JSON_F_STRMAP, .flags = JSON_OMIT_EMPTY),
	JSON_FIELD(struct outer, exposed, "Exposed", JSON_F_SET, .flags = JSON_OMIT_EMPTY),
	JSON_FIELD(struct outer, raw, "Raw", JSON_F_RAW, .flags = JSON_OMIT_EMPTY),
	JSON_FIELD(struct outer, host, "HostConfig", JSON_F_OBJECT, .fields = inner_fields,
	           .flags = JSON_OMIT_EMPTY),
	JSON_FIELD(struct outer, extra, "Extra", JSON_F_OBJECT_PTR, .fields = inner_fields,
	           .size = sizeof(struct inner), .flags = JSON_OMIT_EMPTY),
	JSON_FIELD(struct outer, many, "Many", JSON_F_LIST, .fields = inner_fields,
	           .size = sizeof(struct inner), .flags = JSON_OMIT_EMPTY),
	JSON_FIELD(struct outer, ports, "Ports", JSON_F_MAP, .fields = port_fields,
	           .size = sizeof(struct port), .flags = JSON_OMIT_EMPTY | JSON_VALUE_LIST),
	JSON_FIELD(struct outer, endpoints, "Endpoints", JSON_F_MAP, .fields = endpoint_fields,
	           .size = sizeof(struct endpoint), .flags = JSON_OMIT_EMPTY),
	JSON_FIELDS_END,
};

static const struct json_decode_options go = { .case_insensitive = true };

static int decode(const char *text, struct outer *o, struct error *err)
{
	AUTO_JSON *doc = json_parse(str_from(text), err);

	assert_non_null(doc);
	return json_fields_decode(doc, outer_fields, o, &go, err);
}

static void assert_encodes(const struct json_field *fields, const void *in, const char *expected)
{
	AUTO_STRBUF out = { 0 };
	struct json_writer w;

	json_writer_init(&w, &out);
	json_fields_encode(&w, fields, in);
	assert_string_equal(strbuf_cstr(&out), expected);
}

static const char everything[] =
	"{\"Flag\":true,\"Maybe\":false,\"Number\":-7,\"Big\":9223372036854775807,\"Limit\":0,"
	"\"Ratio\":0.5,\"Text\":\"t\",\"When\":\"2024-02-03T04:05:06.7Z\",\"List\":[\"a\",\"b\"],"
	"\"Entry\":[\"sh\"],\"Labels\":{\"a\":\"1\",\"b\":\"2\"},\"Exposed\":{\"22/tcp\":{},\"80/tcp\":{}},"
	"\"Raw\":[1,{\"x\":null}],\"HostConfig\":{\"Memory\":5,\"Name\":\"n\"},\"Extra\":{\"Memory\":6},"
	"\"Many\":[{\"Memory\":1},{\"Memory\":2,\"Name\":\"two\"}],"
	"\"Ports\":{\"22/tcp\":null,\"80/tcp\":[{\"HostIp\":\"\",\"HostPort\":\"8080\"}],\"90/tcp\":[]},"
	"\"Endpoints\":{\"net\":{\"Memory\":3}}}";

TEST(every_type_survives_decoding_copying_and_encoding)
{
	struct outer o = { 0 }, copy = { 0 };
	struct error err = { 0 };

	assert_int_equal(decode(everything, &o, &err), 0);
	assert_string_equal(o.ports.ptr[1].binds.ptr[0].port, "8080");
	json_fields_copy(outer_fields, &o, &copy);
	assert_encodes(outer_fields, &o, everything);
	json_fields_clear(outer_fields, &o);
	assert_encodes(outer_fields, &o, "{}");
	assert_encodes(outer_fields, &copy, everything);
	json_fields_clear(outer_fields, &copy);
}

TEST(names_match_without_case_and_null_is_unset)
{
	struct outer o = { 0 };
	struct error err = { 0 };

	assert_int_equal(
		decode("{\"flag\":true,\"TEXT\":\"x\",\"hostconfig\":{\"MEMORY\":4.0},"
	               "\"unknown\":1,\"List\":null,\"Labels\":null,\"Many\":null,\"Extra\":null,"
	               "\"Raw\":null,\"Number\":null,\"entry\":\"one\"}",
	               &o, &err),
		0);
	assert_encodes(
		outer_fields, &o,
		"{\"Flag\":true,\"Text\":\"x\",\"Entry\":[\"one\"],\"HostConfig\":{\"Memory\":4}}");
	json_fields_clear(outer_fields, &o);

	AUTO_JSON *doc = json_parse(STR("{\"flag\":true}"), &err);
	assert_int_equal(json_fields_decode(doc, outer_fields, &o, NULL, &err), 0);
	assert_false(o.flag);
}

TEST(errors_name_the_path)
{
	static const struct {
		const char *in, *message;
	} cases[] = {
		{ "{\"HostConfig\":{\"Memory\":\"64m\"}}", "HostConfig.Memory: expected a number" },
		{ "{\"HostConfig\":{\"Memory\":1.5}}",
		  "HostConfig.Memory: expected a whole number of at most 64 bits" },
		{ "{\"HostConfig\":{\"Memory\":1e30}}",
		  "HostConfig.Memory: expected a whole number of at most 64 bits" },
		{ "{\"Number\":3000000000}", "Number: the number is out of range" },
		{ "{\"Big\":-1}", "Big: the number must not be negative" },
		{ "{\"Many\":[{},{\"Name\":5}]}", "Many[1].Name: expected a string" },
		{ "{\"Many\":[7]}", "Many[0]: expected an object" },
		{ "{\"Many\":{}}", "Many: expected a list" },
		{ "{\"List\":[\"a\",1]}", "List[1]: expected a string" },
		{ "{\"Labels\":{\"x\":1}}", "Labels.x: expected a string" },
		{ "{\"Exposed\":{\"80/tcp\":1}}", "Exposed.80/tcp: expected an object" },
		{ "{\"Ports\":{\"80/tcp\":[{\"HostPort\":80}]}}",
		  "Ports.80/tcp[0].HostPort: expected a string" },
		{ "{\"Flag\":\"yes\"}", "Flag: expected true or false" },
		{ "{\"When\":\"yesterday\"}", "When: expected a time in RFC 3339" },
		{ "{\"Extra\":[]}", "Extra: expected an object" },
		{ "[]", "expected an object" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct outer o = { 0 };
		struct error err = { 0 };

		assert_true(decode(cases[i].in, &o, &err) < 0);
		assert_int_equal(err.kind, ERROR_INVALID);
		assert_string_equal(err.message, cases[i].message);
		assert_encodes(outer_fields, &o, "{}");
	}
}

struct shape {
	char *text;
	struct strv list;
	struct strmap map;
	char *needed;
};

TEST(empty_and_null_are_kept_apart)
{
	static const struct json_field with_null[] = {
		JSON_FIELD(struct shape, text, "Text", JSON_F_STRING, .flags = JSON_NULL_EMPTY),
		JSON_FIELD(struct shape, list, "List", JSON_F_STRV, .flags = JSON_NULL_EMPTY),
		JSON_FIELD(struct shape, map, "Map", JSON_F_STRMAP, .flags = JSON_NULL_EMPTY),
		JSON_FIELDS_END,
	};
	static const struct json_field without[] = {
		JSON_FIELD(struct shape, text, "Text", JSON_F_STRING),
		JSON_FIELD(struct shape, list, "List", JSON_F_STRV),
		JSON_FIELD(struct shape, map, "Map", JSON_F_STRMAP),
		JSON_FIELDS_END,
	};
	struct shape s = { 0 };
	struct error err = { 0 };
	AUTO_JSON *doc = json_parse(STR("{\"Text\":\"\",\"List\":[],\"Map\":{}}"), &err);

	assert_encodes(with_null, &s, "{\"Text\":null,\"List\":null,\"Map\":null}");
	assert_encodes(without, &s, "{\"Text\":\"\",\"List\":[],\"Map\":{}}");
	assert_int_equal(json_fields_decode(doc, with_null, &s, NULL, &err), 0);
	assert_encodes(with_null, &s, "{\"Text\":\"\",\"List\":[],\"Map\":{}}");
	json_fields_clear(with_null, &s);
}

TEST(required_and_decode_only)
{
	static const struct json_field fields[] = {
		JSON_FIELD(struct shape, needed, "Needed", JSON_F_STRING,
		           .flags = JSON_REQUIRED | JSON_DECODE_ONLY),
		JSON_FIELDS_END,
	};
	struct shape s = { 0 };
	struct error err = { 0 };
	AUTO_JSON *empty = json_parse(STR("{\"Needed\":null}"), &err);
	AUTO_JSON *full = json_parse(STR("{\"Needed\":\"x\"}"), &err);

	assert_true(json_fields_decode(empty, fields, &s, NULL, &err) < 0);
	assert_string_equal(err.message, "Needed: is required");
	assert_int_equal(json_fields_decode(full, fields, &s, NULL, &err), 0);
	assert_encodes(fields, &s, "{}");
	json_fields_clear(fields, &s);
}
