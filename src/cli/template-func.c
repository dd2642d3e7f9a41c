/* SPDX-License-Identifier: Apache-2.0 */
/* The functions a template can call: Go's own, and those that docker adds. */
#include "cli/template-internal.h"

#include <ctype.h>
#include <stdio.h>

#include "cli/template-printf.h"

static struct str text_of(struct texec *x, const struct tvalue *v)
{
	AUTO_STRBUF b = { 0 };

	if (v->kind == TVALUE_STRING)
		return v->string;
	tvalue_print(v, &b);
	return str_n(arena_strndup(x->arena, strbuf_cstr(&b), b.len), b.len);
}

static struct tvalue give(struct texec *x, struct strbuf *b)
{
	return tvalue_string(str_n(arena_strndup(x->arena, strbuf_cstr(b), b->len), b->len));
}

static int need_string(const struct tvalue *v, struct error *err)
{
	if (v->kind != TVALUE_STRING)
		return error_set(err, ERROR_INVALID, "expected string");
	return 0;
}

static int need_int(const struct tvalue *v, struct error *err)
{
	if (v->kind != TVALUE_INT)
		return error_set(err, ERROR_INVALID, "expected integer");
	return 0;
}

static int fn_json(struct texec *x, const struct tvalue *a, size_t n, struct tvalue *ret,
                   struct error *err)
{
	AUTO_STRBUF b = { 0 };

	if (x->flags & TEMPLATE_HEADER) {
		*ret = a[0];
		return 0;
	}
	tvalue_json(&a[0], &b);
	*ret = give(x, &b);
	return 0;
}

/* One function for the three that map bytes of ASCII; the rest of UTF-8 is left as it is. */
static int map_text(struct texec *x, const struct tvalue *a, struct tvalue *ret, char how,
                    struct error *err)
{
	AUTO_STRBUF b = { 0 };
	bool start = true;

	if (x->flags & TEMPLATE_HEADER) {
		*ret = a[0];
		return 0;
	}
	if (need_string(&a[0], err) < 0)
		return -EINVAL;
	for (size_t i = 0; i < a[0].string.len; i++) {
		unsigned char c = (unsigned char)a[0].string.ptr[i];

		if (how == 'l')
			c = (unsigned char)(c < 0x80 ? tolower(c) : c);
		else if (how == 'u' || start)
			c = (unsigned char)(c < 0x80 ? toupper(c) : c);
		start = !isalnum(c) && c != '_' && c < 0x80 && c != '\'';
		strbuf_putc(&b, (char)c);
	}
	*ret = give(x, &b);
	return 0;
}

static int fn_lower(struct texec *x, const struct tvalue *a, size_t n, struct tvalue *ret,
                    struct error *err)
{
	return map_text(x, a, ret, 'l', err);
}

static int fn_upper(struct texec *x, const struct tvalue *a, size_t n, struct tvalue *ret,
                    struct error *err)
{
	return map_text(x, a, ret, 'u', err);
}

static int fn_title(struct texec *x, const struct tvalue *a, size_t n, struct tvalue *ret,
                    struct error *err)
{
	return map_text(x, a, ret, 't', err);
}

static size_t split_count(struct str s, struct str sep)
{
	size_t n = 1;

	if (!sep.len)
		return s.len ? s.len : 1;
	for (const char *p = s.ptr; (p = memmem(p, (size_t)(s.ptr + s.len - p), sep.ptr, sep.len));
	     p += sep.len)
		n++;
	return n;
}

static int fn_split(struct texec *x, const struct tvalue *a, size_t n, struct tvalue *ret,
                    struct error *err)
{
	struct str s, sep;
	struct tvalue *items;
	size_t count;

	if (x->flags & TEMPLATE_HEADER) {
		*ret = a[0];
		return 0;
	}
	if (need_string(&a[0], err) < 0 || need_string(&a[1], err) < 0)
		return -EINVAL;
	s = a[0].string;
	sep = a[1].string;
	count = split_count(s, sep);
	items = arena_alloc(x->arena, count * sizeof(*items));
	for (size_t i = 0; i < count; i++) {
		const char *end = sep.len ? memmem(s.ptr, s.len, sep.ptr, sep.len) : s.ptr + 1;
		size_t len = i + 1 < count && end ? (size_t)(end - s.ptr) : s.len;
		size_t skip = MIN(s.len, len + sep.len);

		items[i] = tvalue_string(str_n(s.ptr, len));
		s = str_n(s.ptr + skip, s.len - skip);
	}
	*ret = (struct tvalue){ .kind = TVALUE_LIST, .items = items, .n_items = count };
	return 0;
}

static int fn_join(struct texec *x, const struct tvalue *a, size_t n, struct tvalue *ret,
                   struct error *err)
{
	AUTO_STRBUF b = { 0 };

	if (x->flags & TEMPLATE_HEADER) {
		*ret = a[0];
		return 0;
	}
	if (a[0].kind == TVALUE_NIL) {
		*ret = tvalue_string(STR(""));
		return 0;
	}
	if (!tvalue_is_list(&a[0]))
		return error_set(err, ERROR_INVALID, "expected a list of strings");
	for (int64_t i = 0; i < tvalue_len(&a[0]); i++) {
		struct tvalue item = tvalue_at(&a[0], (size_t)i);

		if (i)
			tvalue_print(&a[1], &b);
		tvalue_print(&item, &b);
	}
	*ret = give(x, &b);
	return 0;
}

static int fn_truncate(struct texec *x, const struct tvalue *a, size_t n, struct tvalue *ret,
                       struct error *err)
{
	size_t limit, i = 0;

	if (x->flags & TEMPLATE_HEADER) {
		*ret = a[0];
		return 0;
	}
	if (need_string(&a[0], err) < 0 || need_int(&a[1], err) < 0)
		return -EINVAL;
	limit = a[1].integer < 0 ? 0 : (size_t)a[1].integer;
	for (; i < a[0].string.len; i++)
		if (((unsigned char)a[0].string.ptr[i] & 0xc0) != 0x80 && limit-- == 0)
			break;
	*ret = tvalue_string(str_n(a[0].string.ptr, i));
	return 0;
}

/* pad TEXT BEFORE AFTER: spaces on both sides, unless the text is empty. */
static int fn_pad(struct texec *x, const struct tvalue *a, size_t n, struct tvalue *ret,
                  struct error *err)
{
	AUTO_STRBUF b = { 0 };

	if (need_string(&a[0], err) < 0 || need_int(&a[1], err) < 0 || need_int(&a[2], err) < 0)
		return -EINVAL;
	if (a[1].integer > 10000 || a[2].integer > 10000)
		return error_set(err, ERROR_INVALID, "more than 10000 spaces");
	if (!a[0].string.len) {
		*ret = a[0];
		return 0;
	}
	for (int64_t i = 0; i < a[1].integer; i++)
		strbuf_putc(&b, ' ');
	strbuf_add_str(&b, a[0].string);
	for (int64_t i = 0; i < a[2].integer; i++)
		strbuf_putc(&b, ' ');
	*ret = give(x, &b);
	return 0;
}

static int fn_len(struct texec *x, const struct tvalue *a, size_t n, struct tvalue *ret,
                  struct error *err)
{
	int64_t len = a[0].kind == TVALUE_NIL ? 0 : tvalue_len(&a[0]);

	if (len < 0)
		return error_set(err, ERROR_INVALID, "the value has no length");
	*ret = tvalue_int(len);
	return 0;
}

/* A member that is not there reads as the zero of what its neighbours are. */
static struct tvalue zero_like(const json_t *object)
{
	const json_t *member;
	const char *key;

	json_object_foreach ((json_t *)(uintptr_t)object, key, member) {
		if (json_is_string(member))
			return tvalue_string(STR(""));
		return (struct tvalue){ .kind = TVALUE_NIL };
	}
	return tvalue_string(STR(""));
}

static int index_once(const struct tvalue *from, const struct tvalue *key, struct tvalue *ret,
                      struct error *err)
{
	const json_t *member;

	if (from->kind == TVALUE_NIL || from->kind == TVALUE_EMPTY_MAP) {
		if (key->kind == TVALUE_INT)
			return error_set(err, ERROR_INVALID, "reflect: slice index out of range");
		*ret = tvalue_string(STR(""));
		return 0;
	}
	if (from->kind == TVALUE_JSON && json_is_object(from->json)) {
		if (need_string(key, err) < 0)
			return -EINVAL;
		member = json_object_getn(from->json, key->string.ptr, key->string.len);
		*ret = member ? tvalue_from_json(member) : zero_like(from->json);
		return 0;
	}
	if (!tvalue_is_list(from) && from->kind != TVALUE_STRING)
		return error_set(err, ERROR_INVALID, "can't index item of this type");
	if (need_int(key, err) < 0)
		return -EINVAL;
	if (key->integer < 0 || key->integer >= tvalue_len(from))
		return error_set(err, ERROR_INVALID, "reflect: slice index out of range");
	*ret = from->kind == TVALUE_STRING
	               ? tvalue_int((unsigned char)from->string.ptr[key->integer])
	               : tvalue_at(from, (size_t)key->integer);
	return 0;
}

static int fn_index(struct texec *x, const struct tvalue *a, size_t n, struct tvalue *ret,
                    struct error *err)
{
	struct tvalue v = a[0];

	for (size_t i = 1; i < n; i++) {
		struct tvalue next;

		if (index_once(&v, &a[i], &next, err) < 0)
			return -EINVAL;
		v = next;
	}
	*ret = v;
	return 0;
}

static int slice_list(struct texec *x, const struct tvalue *v, size_t from, size_t to,
                      struct tvalue *ret)
{
	struct tvalue *items = arena_alloc(x->arena, (to - from + 1) * sizeof(*items));

	for (size_t i = from; i < to; i++)
		items[i - from] = tvalue_at(v, i);
	*ret = (struct tvalue){ .kind = TVALUE_LIST, .items = items, .n_items = to - from };
	return 0;
}

static int fn_slice(struct texec *x, const struct tvalue *a, size_t n, struct tvalue *ret,
                    struct error *err)
{
	int64_t len = tvalue_len(&a[0]), from = 0, to = len;

	if (!tvalue_is_list(&a[0]) && a[0].kind != TVALUE_STRING)
		return error_set(err, ERROR_INVALID, "can't slice item of this type");
	for (size_t i = 1; i < n; i++)
		if (need_int(&a[i], err) < 0)
			return -EINVAL;
	if (n > 1)
		from = a[1].integer;
	if (n > 2)
		to = a[2].integer;
	if (from < 0 || to > len || from > to)
		return error_set(err, ERROR_INVALID, "index out of range: %lld",
		                 (long long)MAX(from, to));
	if (a[0].kind == TVALUE_STRING) {
		*ret = tvalue_string(str_n(a[0].string.ptr + from, (size_t)(to - from)));
		return 0;
	}
	return slice_list(x, &a[0], (size_t)from, (size_t)to, ret);
}

static int fn_not(struct texec *x, const struct tvalue *a, size_t n, struct tvalue *ret,
                  struct error *err)
{
	*ret = tvalue_bool(!tvalue_true(&a[0]));
	return 0;
}

/* Below, equal, above as -1, 0, 1; 2 when equal or not is all there is to say and they differ. */
static int compare(const struct tvalue *a, const struct tvalue *b, int *ret, struct error *err)
{
	if (a->kind == TVALUE_NIL || b->kind == TVALUE_NIL) {
		*ret = a->kind == b->kind ? 0 : 2;
		return 0;
	}
	if (a->kind == TVALUE_STRING && b->kind == TVALUE_STRING) {
		int c = memcmp(a->string.ptr, b->string.ptr, MIN(a->string.len, b->string.len));

		*ret = c ? (c < 0 ? -1 : 1)
		         : (a->string.len > b->string.len) - (a->string.len < b->string.len);
		return 0;
	}
	if (a->kind == TVALUE_INT && b->kind == TVALUE_INT) {
		*ret = (a->integer > b->integer) - (a->integer < b->integer);
		return 0;
	}
	if ((a->kind == TVALUE_INT || a->kind == TVALUE_FLOAT) &&
	    (b->kind == TVALUE_INT || b->kind == TVALUE_FLOAT)) {
		double x = a->kind == TVALUE_INT ? (double)a->integer : a->number;
		double y = b->kind == TVALUE_INT ? (double)b->integer : b->number;

		*ret = (x > y) - (x < y);
		return 0;
	}
	if (a->kind == TVALUE_BOOL && b->kind == TVALUE_BOOL) {
		*ret = a->boolean == b->boolean ? 0 : 2;
		return 0;
	}
	return error_set(err, ERROR_INVALID, "incompatible types for comparison");
}

static int fn_eq(struct texec *x, const struct tvalue *a, size_t n, struct tvalue *ret,
                 struct error *err)
{
	bool equal = false;
	int c;

	for (size_t i = 1; i < n && !equal; i++) {
		if (compare(&a[0], &a[i], &c, err) < 0)
			return -EINVAL;
		equal = c == 0;
	}
	*ret = tvalue_bool(equal);
	return 0;
}

static int fn_ne(struct texec *x, const struct tvalue *a, size_t n, struct tvalue *ret,
                 struct error *err)
{
	int c;

	if (compare(&a[0], &a[1], &c, err) < 0)
		return -EINVAL;
	*ret = tvalue_bool(c != 0);
	return 0;
}

static int order(const struct tvalue *a, int *ret, struct error *err)
{
	if (compare(&a[0], &a[1], ret, err) < 0)
		return -EINVAL;
	if (*ret == 2 || a[0].kind == TVALUE_BOOL || a[0].kind == TVALUE_NIL)
		return error_set(err, ERROR_INVALID, "invalid type for comparison");
	return 0;
}

#define DEFINE_ORDER(name, condition)                                                              \
	static int fn_##name(struct texec *x, const struct tvalue *a, size_t n,                    \
	                     struct tvalue *ret, struct error *err)                                \
	{                                                                                          \
		int c;                                                                             \
                                                                                                   \
		if (order(a, &c, err) < 0)                                                         \
			return -EINVAL;                                                            \
		*ret = tvalue_bool(condition);                                                     \
		return 0;                                                                          \
	}

DEFINE_ORDER(lt, c < 0)
DEFINE_ORDER(le, c <= 0)
DEFINE_ORDER(gt, c > 0)
DEFINE_ORDER(ge, c >= 0)

static int fn_printf(struct texec *x, const struct tvalue *a, size_t n, struct tvalue *ret,
                     struct error *err)
{
	AUTO_STRBUF b = { .limit = TEMPLATE_OUTPUT_MAX };

	if (need_string(&a[0], err) < 0)
		return -EINVAL;
	template_printf(a[0].string, a + 1, n - 1, &b);
	*ret = give(x, &b);
	return 0;
}

/* Go's Print puts a space between two operands when neither is a string; Println always. */
static int print_all(struct texec *x, const struct tvalue *a, size_t n, bool line,
                     struct tvalue *ret)
{
	AUTO_STRBUF b = { 0 };

	for (size_t i = 0; i < n; i++) {
		if (i && (line || (a[i].kind != TVALUE_STRING && a[i - 1].kind != TVALUE_STRING)))
			strbuf_putc(&b, ' ');
		tvalue_print(&a[i], &b);
	}
	if (line)
		strbuf_putc(&b, '\n');
	*ret = give(x, &b);
	return 0;
}

static int fn_print(struct texec *x, const struct tvalue *a, size_t n, struct tvalue *ret,
                    struct error *err)
{
	return print_all(x, a, n, false, ret);
}

static int fn_println(struct texec *x, const struct tvalue *a, size_t n, struct tvalue *ret,
                      struct error *err)
{
	return print_all(x, a, n, true, ret);
}

static int escape(struct texec *x, const struct tvalue *a, size_t n, struct tvalue *ret,
                  const char *from, const char *const *to)
{
	AUTO_STRBUF b = { 0 };

	for (size_t i = 0; i < n; i++) {
		struct str s = text_of(x, &a[i]);

		for (size_t k = 0; k < s.len; k++) {
			const char *found = s.ptr[k] ? strchr(from, s.ptr[k]) : NULL;

			if (found)
				strbuf_puts(&b, to[found - from]);
			else
				strbuf_putc(&b, s.ptr[k]);
		}
	}
	*ret = give(x, &b);
	return 0;
}

static int fn_html(struct texec *x, const struct tvalue *a, size_t n, struct tvalue *ret,
                   struct error *err)
{
	static const char *const to[] = { "&#34;", "&#39;", "&amp;", "&lt;", "&gt;" };

	return escape(x, a, n, ret, "\"'&<>", to);
}

static int fn_js(struct texec *x, const struct tvalue *a, size_t n, struct tvalue *ret,
                 struct error *err)
{
	static const char *const to[] = { "\\\\",    "\\'",     "\\\"",    "\\u003C",
		                          "\\u003E", "\\u0026", "\\u003D", "\\u000A" };

	return escape(x, a, n, ret, "\\'\"<>&=\n", to);
}

static int fn_urlquery(struct texec *x, const struct tvalue *a, size_t n, struct tvalue *ret,
                       struct error *err)
{
	AUTO_STRBUF b = { 0 };
	struct str s = text_of(x, &a[0]);

	for (size_t i = 0; i < s.len; i++)
		if (s.ptr[i] == ' ')
			strbuf_putc(&b, '+');
		else
			strbuf_add_urlencoded(&b, str_n(s.ptr + i, 1), NULL);
	*ret = give(x, &b);
	return 0;
}

/* clang-format off */
static const struct tfunction functions[] = {
	{ "json",     1, 1, fn_json },
	{ "lower",    1, 1, fn_lower },
	{ "upper",    1, 1, fn_upper },
	{ "title",    1, 1, fn_title },
	{ "split",    2, 2, fn_split },
	{ "join",     2, 2, fn_join },
	{ "truncate", 2, 2, fn_truncate },
	{ "pad",      3, 3, fn_pad },
	{ "len",      1, 1, fn_len },
	{ "index",    1, -1, fn_index },
	{ "slice",    1, 4, fn_slice },
	{ "not",      1, 1, fn_not },
	{ "eq",       2, -1, fn_eq },
	{ "ne",       2, 2, fn_ne },
	{ "lt",       2, 2, fn_lt },
	{ "le",       2, 2, fn_le },
	{ "gt",       2, 2, fn_gt },
	{ "ge",       2, 2, fn_ge },
	{ "printf",   1, -1, fn_printf },
	{ "print",    0, -1, fn_print },
	{ "println",  0, -1, fn_println },
	{ "html",     1, -1, fn_html },
	{ "js",       1, -1, fn_js },
	{ "urlquery", 1, 1, fn_urlquery },
};
/* clang-format on */

const struct tfunction *tfunction_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(functions); i++)
		if (streq(functions[i].name, name))
			return &functions[i];
	return NULL;
}
