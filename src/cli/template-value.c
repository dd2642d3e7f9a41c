/* SPDX-License-Identifier: Apache-2.0 */
/* The values that templates compute with, printed as Go's fmt and encoding/json print them. */
#include "cli/template-internal.h"

#include <math.h>
#include <stdio.h>

#include "json/writer.h"

struct tvalue tvalue_string(struct str s)
{
	return (struct tvalue){ .kind = TVALUE_STRING, .string = s };
}

struct tvalue tvalue_int(int64_t v)
{
	return (struct tvalue){ .kind = TVALUE_INT, .integer = v };
}

struct tvalue tvalue_bool(bool v)
{
	return (struct tvalue){ .kind = TVALUE_BOOL, .boolean = v };
}

struct tvalue tvalue_from_json(const json_t *json)
{
	switch (json_typeof(json)) {
	case JSON_STRING:
		return tvalue_string(str_n(json_string_value(json), json_string_length(json)));
	case JSON_INTEGER:
		return tvalue_int(json_integer_value(json));
	case JSON_REAL:
		return (struct tvalue){ .kind = TVALUE_FLOAT, .number = json_real_value(json) };
	case JSON_TRUE:
	case JSON_FALSE:
		return tvalue_bool(json_is_true(json));
	case JSON_NULL:
		return (struct tvalue){ .kind = TVALUE_NIL };
	case JSON_OBJECT:
	case JSON_ARRAY:
		break;
	}
	return (struct tvalue){ .kind = TVALUE_JSON, .json = json };
}

bool tvalue_true(const struct tvalue *v)
{
	switch (v->kind) {
	case TVALUE_NIL:
	case TVALUE_MISSING:
	case TVALUE_EMPTY_MAP:
		return false;
	case TVALUE_BOOL:
		return v->boolean;
	case TVALUE_INT:
		return v->integer != 0;
	case TVALUE_FLOAT:
		return v->number != 0;
	case TVALUE_STRING:
	case TVALUE_LIST:
	case TVALUE_JSON:
		return tvalue_len(v) > 0;
	case TVALUE_ROW:
		return true;
	}
	return false;
}

bool tvalue_is_list(const struct tvalue *v)
{
	return v->kind == TVALUE_LIST || (v->kind == TVALUE_JSON && json_is_array(v->json));
}

int64_t tvalue_len(const struct tvalue *v)
{
	if (v->kind == TVALUE_EMPTY_MAP)
		return 0;
	if (v->kind == TVALUE_STRING)
		return (int64_t)v->string.len;
	if (v->kind == TVALUE_LIST)
		return (int64_t)v->n_items;
	if (v->kind == TVALUE_JSON)
		return (int64_t)(json_is_array(v->json) ? json_array_size(v->json)
		                                        : json_object_size(v->json));
	return -1;
}

struct tvalue tvalue_at(const struct tvalue *list, size_t i)
{
	if (list->kind == TVALUE_LIST)
		return list->items[i];
	return tvalue_from_json(json_array_get(list->json, i));
}

/* Go's %v of a float: the shortest digits, exponent form beyond 21 places. */
static void print_float(double v, struct strbuf *out)
{
	char text[64];
	int precision = 1;

	if (isnan(v) || isinf(v)) {
		strbuf_puts(out, isnan(v) ? "NaN" : v > 0 ? "+Inf" : "-Inf");
		return;
	}
	do
		snprintf(text, sizeof(text), "%.*g", precision, v);
	while (strtod(text, NULL) != v && ++precision <= 17);
	if (strchr(text, 'e') && fabs(v) < 1e21 && fabs(v) >= 1e-4)
		snprintf(text, sizeof(text), "%.0f", v);
	strbuf_puts(out, text);
}

static int compare_keys(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void print_object(const json_t *object, struct strbuf *out)
{
	AUTO_FREE const char **keys = xcalloc(json_object_size(object) + 1, sizeof(*keys));
	const char *key;
	const json_t *member;
	size_t n = 0;

	json_object_foreach ((json_t *)(uintptr_t)object, key, member)
		keys[n++] = key;
	qsort(keys, n, sizeof(*keys), compare_keys);
	strbuf_puts(out, "map[");
	for (size_t i = 0; i < n; i++) {
		struct tvalue v = tvalue_from_json(json_object_get(object, keys[i]));

		strbuf_printf(out, "%s%s:", i ? " " : "", keys[i]);
		tvalue_print(&v, out);
	}
	strbuf_putc(out, ']');
}

void tvalue_print(const struct tvalue *v, struct strbuf *out)
{
	switch (v->kind) {
	case TVALUE_NIL:
		strbuf_puts(out, "<nil>");
		break;
	case TVALUE_MISSING:
		strbuf_puts(out, "<no value>");
		break;
	case TVALUE_EMPTY_MAP:
		strbuf_puts(out, "map[]");
		break;
	case TVALUE_BOOL:
		strbuf_puts(out, v->boolean ? "true" : "false");
		break;
	case TVALUE_INT:
		strbuf_printf(out, "%lld", (long long)v->integer);
		break;
	case TVALUE_FLOAT:
		print_float(v->number, out);
		break;
	case TVALUE_STRING:
		strbuf_add_str(out, v->string);
		break;
	case TVALUE_JSON:
		if (json_is_object(v->json)) {
			print_object(v->json, out);
			break;
		}
		/* fallthrough */
	case TVALUE_LIST:
		strbuf_putc(out, '[');
		for (int64_t i = 0; i < tvalue_len(v); i++) {
			struct tvalue item = tvalue_at(v, (size_t)i);

			if (i)
				strbuf_putc(out, ' ');
			tvalue_print(&item, out);
		}
		strbuf_putc(out, ']');
		break;
	case TVALUE_ROW:
		v->ops->json(v->row, out);
		break;
	}
}

static void write_value(struct json_writer *w, const struct tvalue *v);

static void write_list(struct json_writer *w, const struct tvalue *v)
{
	if (!v->items) { /* null where Go has a list */
		jw_null(w);
		return;
	}
	jw_array(w);
	for (size_t i = 0; i < v->n_items; i++)
		write_value(w, &v->items[i]);
	jw_array_end(w);
}

static void write_value(struct json_writer *w, const struct tvalue *v)
{
	switch (v->kind) {
	case TVALUE_NIL:
	case TVALUE_MISSING:
	case TVALUE_EMPTY_MAP:
		jw_null(w);
		break;
	case TVALUE_BOOL:
		jw_bool(w, v->boolean);
		break;
	case TVALUE_INT:
		jw_i64(w, v->integer);
		break;
	case TVALUE_FLOAT:
		jw_double(w, v->number);
		break;
	case TVALUE_STRING:
		jw_str(w, v->string);
		break;
	case TVALUE_LIST:
		write_list(w, v);
		break;
	case TVALUE_JSON:
		jw_value(w, v->json);
		break;
	case TVALUE_ROW:
		break; /* tvalue_json() deals with them */
	}
}

void tvalue_json(const struct tvalue *v, struct strbuf *out)
{
	struct json_writer w;

	if (v->kind == TVALUE_ROW) {
		v->ops->json(v->row, out);
		return;
	}
	json_writer_init(&w, out);
	w.html_escape = false;
	write_value(&w, v);
}

void go_quote(struct str s, struct strbuf *out)
{
	static const char from[] = "\a\b\f\n\r\t\v\\\"", to[] = "abfnrtv\\\"";

	strbuf_putc(out, '"');
	for (size_t i = 0; i < s.len; i++) {
		char c = s.ptr[i];
		const char *known = c ? strchr(from, c) : NULL;

		if (known)
			strbuf_printf(out, "\\%c", to[known - from]);
		else if ((unsigned char)c < 0x20 || c == 0x7f)
			strbuf_printf(out, "\\x%02x", (unsigned char)c);
		else
			strbuf_putc(out, c);
	}
	strbuf_putc(out, '"');
}
