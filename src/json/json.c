/* SPDX-License-Identifier: Apache-2.0 */
#include "json/json.h"

#include <errno.h>
#include <math.h>
#include <strings.h>

/*
 * jansson's own bound on nesting is 2048 levels, far more than our recursion should follow, so
 * brackets outside of strings are counted before it sees the text.
 */
static bool too_deep(struct str text)
{
	unsigned depth = 0;
	bool quoted = false;

	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];

		if (quoted) {
			if (c == '\\')
				i++;
			else if (c == '"')
				quoted = false;
		} else if (c == '"') {
			quoted = true;
		} else if (c == '{' || c == '[') {
			if (++depth > JSON_DEPTH_MAX)
				return true;
		} else if ((c == '}' || c == ']') && depth) {
			depth--;
		}
	}
	return false;
}

json_t *json_parse(struct str text, struct error *err)
{
	json_error_t why;
	json_t *doc;

	if (too_deep(text)) {
		error_set(err, ERROR_INVALID, "invalid JSON: nested deeper than %d levels",
		          JSON_DEPTH_MAX);
		return NULL;
	}
	doc = json_loadb(text.len ? text.ptr : "", text.len,
	                 JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &why);
	if (!doc)
		error_set(err, ERROR_INVALID, "invalid JSON: line %d, column %d: %s", why.line,
		          why.column, why.text);
	return doc;
}

static json_t *member_folded(json_t *obj, const char *key)
{
	char lower = (char)(key[0] | 0x20);
	const char *name;
	json_t *value;

	json_object_foreach (obj, name, value)
		if ((char)(name[0] | 0x20) == lower && strcasecmp(name, key) == 0)
			return value;
	return NULL;
}

json_t *json_member(const json_t *obj, const char *key, bool ci)
{
	json_t *exact = json_object_get(obj, key);

	if (exact || !ci || !json_is_object(obj))
		return exact;
	return member_folded((json_t *)(uintptr_t)obj, key);
}

const char *json_member_string(const json_t *obj, const char *key)
{
	return json_string_value(json_object_get(obj, key));
}

int json_number_i64(const json_t *v, int64_t *ret)
{
	double d;

	if (json_is_integer(v)) {
		*ret = json_integer_value(v);
		return 0;
	}
	if (!json_is_real(v))
		return -EINVAL;
	d = json_real_value(v);
	/* 2^63 is exact as a double, INT64_MAX is not */
	if (d != trunc(d) || d < -0x1p63 || d >= 0x1p63)
		return -EINVAL;
	*ret = (int64_t)d;
	return 0;
}

int json_member_i64(const json_t *obj, const char *key, int64_t *ret)
{
	const json_t *v = json_object_get(obj, key);

	if (!v || json_is_null(v))
		return 0;
	return json_number_i64(v, ret) < 0 ? -EINVAL : 1;
}
