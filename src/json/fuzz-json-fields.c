/* SPDX-License-Identifier: Apache-2.0 */
/* Field tables: what was decoded encodes to a document that decodes to the same. */
#include <assert.h>

#include "base/vec.h"
#include "json/fields.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct inner {
	char *s;
	int64_t i;
	struct strv l;
};

DEFINE_VEC(inners, struct inner);

struct keyed {
	char *key;
	struct inners list;
};

DEFINE_VEC(keyeds, struct keyed);

struct outer {
	bool b;
	enum tristate t;
	int i;
	uint64_t u;
	int64_t *p;
	double d;
	char *s;
	int64_t w;
	struct strv l, o, e;
	struct strmap m;
	json_t *r;
	struct inner in;
	struct inner *ptr;
	struct inners many;
	struct keyeds map;
};

static const struct json_field inner_fields[] = {
	JSON_FIELD(struct inner, s, "s", JSON_F_STRING, .flags = JSON_OMIT_EMPTY),
	JSON_FIELD(struct inner, i, "i", JSON_F_I64),
	JSON_FIELD(struct inner, l, "l", JSON_F_STRV, .flags = JSON_NULL_EMPTY),
	JSON_FIELDS_END,
};
static const struct json_field keyed_fields[] = {
	JSON_FIELD(struct keyed, list, "", JSON_F_LIST, .fields = inner_fields,
	           .size = sizeof(struct inner), .flags = JSON_NULL_EMPTY),
	JSON_FIELDS_END,
};
static const struct json_field fields[] = {
	JSON_FIELD(struct outer, b, "b", JSON_F_BOOL),
	JSON_FIELD(struct outer, t, "t", JSON_F_TRISTATE),
	JSON_FIELD(struct outer, i, "i", JSON_F_INT),
	JSON_FIELD(struct outer, u, "u", JSON_F_U64),
	JSON_FIELD(struct outer, p, "p", JSON_F_I64_PTR),
	JSON_FIELD(struct outer, d, "d", JSON_F_DOUBLE),
	JSON_FIELD(struct outer, s, "s", JSON_F_STRING, .flags = JSON_NULL_EMPTY),
	JSON_FIELD(struct outer, w, "w", JSON_F_TIME, .flags = JSON_OMIT_EMPTY),
	JSON_FIELD(struct outer, l, "l", JSON_F_STRV),
	JSON_FIELD(struct outer, o, "o", JSON_F_STRING_OR_LIST),
	JSON_FIELD(struct outer, e, "e", JSON_F_SET),
	JSON_FIELD(struct outer, m, "m", JSON_F_STRMAP, .flags = JSON_NULL_EMPTY),
	JSON_FIELD(struct outer, r, "r", JSON_F_RAW),
	JSON_FIELD(struct outer, in, "in", JSON_F_OBJECT, .fields = inner_fields),
	JSON_FIELD(struct outer, ptr, "ptr", JSON_F_OBJECT_PTR, .fields = inner_fields,
	           .size = sizeof(struct inner)),
	JSON_FIELD(struct outer, many, "many", JSON_F_LIST, .fields = inner_fields,
	           .size = sizeof(struct inner)),
	JSON_FIELD(struct outer, map, "map", JSON_F_MAP, .fields = keyed_fields,
	           .size = sizeof(struct keyed), .flags = JSON_VALUE_LIST),
	JSON_FIELDS_END,
};

static void encode(const struct outer *o, struct strbuf *out)
{
	struct json_writer w;

	json_writer_init(&w, out);
	json_fields_encode(&w, fields, o);
}

static void check(const struct outer *o)
{
	struct outer again = { 0 }, copy = { 0 };
	struct error err = { 0 };
	AUTO_STRBUF first = { 0 };
	AUTO_STRBUF second = { 0 };
	AUTO_STRBUF third = { 0 };
	AUTO_JSON *doc = NULL;

	encode(o, &first);
	json_fields_copy(fields, o, &copy);
	encode(&copy, &second);
	assert(str_eq(strbuf_str(&first), strbuf_str(&second)));
	json_fields_clear(fields, &copy);
	doc = json_parse(strbuf_str(&first), &err);
	assert(doc && json_fields_decode(doc, fields, &again, NULL, &err) == 0);
	encode(&again, &third);
	assert(str_eq(strbuf_str(&first), strbuf_str(&third)));
	json_fields_clear(fields, &again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct json_decode_options options = { .case_insensitive = size % 2 };
	struct outer o = { 0 };
	struct error err = { 0 };
	AUTO_JSON *doc = json_parse(str_n((const char *)data, size), &err);

	if (doc && json_fields_decode(doc, fields, &o, &options, &err) == 0)
		check(&o);
	json_fields_clear(fields, &o);
	return 0;
}
