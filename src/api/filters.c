/* SPDX-License-Identifier: Apache-2.0 */
#include "api/filters.h"

#include "base/time.h"
#include "json/json.h"

void filters_done(struct filters *f)
{
	vec_for_each (&f->list, e) {
		free(e->key);
		strv_done(&e->values);
	}
	filter_vec_done(&f->list);
}

static int take_values(struct strv *to, const json_t *values)
{
	const char *key;
	json_t *v;
	size_t i;

	if (json_is_array(values)) {
		json_array_foreach (values, i, v) {
			if (!json_is_string(v))
				return -1;
			strv_add(to, json_string_value(v));
		}
		return 0;
	}
	if (!json_is_object(values))
		return -1;
	json_object_foreach ((json_t *)(uintptr_t)values, key, v)
		if (!json_is_false(v))
			strv_add(to, key);
	return 0;
}

static bool is_allowed(const char *key, const char *const *allowed)
{
	for (; *allowed; allowed++)
		if (streq(key, *allowed))
			return true;
	return false;
}

int filters_parse(const char *text, const char *const *allowed, struct filters *ret,
                  struct error *err)
{
	AUTO_JSON *root = NULL;
	const char *key;
	json_t *values;

	if (str_empty_or_null(text))
		return 0;
	root = json_parse(str_from(text), err);
	if (!root || !json_is_object(root))
		return error_set(err, ERROR_INVALID, "invalid filter: %s",
		                 root ? "not a JSON object" : err->message);
	json_object_foreach (root, key, values) {
		struct filter f = { 0 };

		if (!is_allowed(key, allowed))
			return error_set(err, ERROR_INVALID, "invalid filter '%s'", key);
		f.key = xstrdup(key);
		filter_vec_push(&ret->list, f);
		if (take_values(&ret->list.ptr[ret->list.len - 1].values, values) < 0)
			return error_set(err, ERROR_INVALID,
			                 "invalid filter: the values of '%s' are no list of texts",
			                 key);
	}
	return 0;
}

const struct strv *filters_get(const struct filters *f, const char *key)
{
	vec_for_each (&f->list, e)
		if (streq(e->key, key) && e->values.len > 0)
			return &e->values;
	return NULL;
}

bool filters_match(const struct filters *f, const char *key, const char *text)
{
	const struct strv *values = filters_get(f, key);

	return !values || (text && strv_has(values, text));
}

bool filters_contains(const struct filters *f, const char *key, const char *text)
{
	const struct strv *values = filters_get(f, key);

	if (!values)
		return true;
	vec_for_each (values, v)
		if (text && strstr(text, *v))
			return true;
	return false;
}

static bool has_label(const struct strmap *labels, const char *want)
{
	const char *eq = strchr(want, '=');
	AUTO_FREE char *key = eq ? xstrndup(want, (size_t)(eq - want)) : xstrdup(want);
	const char *value = strmap_get(labels, key);

	return value && (!eq || streq(value, eq + 1));
}

bool filters_labels(const struct filters *f, const struct strmap *labels)
{
	const struct strv *with = filters_get(f, "label"), *without = filters_get(f, "label!");

	for (size_t i = 0; with && i < with->len; i++)
		if (!has_label(labels, with->ptr[i]))
			return false;
	for (size_t i = 0; without && i < without->len; i++)
		if (has_label(labels, without->ptr[i]))
			return false;
	return true;
}

int filters_bool(const struct filters *f, const char *key, bool def, bool *ret, struct error *err)
{
	const struct strv *values = filters_get(f, key);

	*ret = def;
	for (size_t i = 0; values && i < values->len; i++) {
		const char *v = values->ptr[i];

		if (streq(v, "1") || streq(v, "true") || streq(v, "True") || streq(v, "TRUE") ||
		    streq(v, "t"))
			*ret = true;
		else if (streq(v, "0") || streq(v, "false") || streq(v, "False") ||
		         streq(v, "FALSE") || streq(v, "f"))
			*ret = false;
		else
			return error_set(err, ERROR_INVALID, "invalid filter '%s=[%s]'", key, v);
	}
	return 0;
}

int filters_until(const struct filters *f, int64_t *ret, struct error *err)
{
	const struct strv *values = filters_get(f, "until");

	*ret = 0;
	if (!values)
		return 0;
	if (values->len > 1)
		return error_set(err, ERROR_INVALID, "more than one until filter specified");
	if (time_parse_query(values->ptr[0], time_now(), ret) < 0)
		return error_set(err, ERROR_INVALID, "invalid until filter: \"%s\"",
		                 values->ptr[0]);
	return 0;
}
