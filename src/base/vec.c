/* SPDX-License-Identifier: Apache-2.0 */
#include "base/vec.h"

#include <stdlib.h>

void strv_clear(struct strv *v)
{
	for (size_t i = 0; i < v->len; i++)
		free(v->ptr[i]);
	v->len = 0;
	if (v->ptr)
		v->ptr[0] = NULL;
}

void strv_done(struct strv *v)
{
	strv_clear(v);
	free(v->ptr);
	*v = (struct strv){ 0 };
}

void strv_take(struct strv *v, char *s)
{
	if (v->len + 2 > v->cap) {
		v->cap = v->cap ? v->cap * 2 : 8;
		v->ptr = xreallocarray(v->ptr, v->cap, sizeof(char *));
	}
	v->ptr[v->len++] = s;
	v->ptr[v->len] = NULL;
}

void strv_add(struct strv *v, const char *s)
{
	strv_take(v, xstrdup(s));
}

void strv_add_n(struct strv *v, const char *s, size_t n)
{
	strv_take(v, xstrndup(s, n));
}

void strv_printf(struct strv *v, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	strv_take(v, xvasprintf(fmt, ap));
	va_end(ap);
}

void strv_remove(struct strv *v, size_t i)
{
	free(v->ptr[i]);
	memmove(v->ptr + i, v->ptr + i + 1, (v->len - i) * sizeof(char *));
	v->len--;
}

void strv_copy(struct strv *to, const struct strv *from)
{
	for (size_t i = 0; i < from->len; i++)
		strv_add(to, from->ptr[i]);
}

bool strv_has(const struct strv *v, const char *s)
{
	for (size_t i = 0; i < v->len; i++)
		if (streq(v->ptr[i], s))
			return true;
	return false;
}

static int compare_strings(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void strv_sort(struct strv *v)
{
	if (v->len)
		qsort(v->ptr, v->len, sizeof(char *), compare_strings);
}

static bool is_key(const char *entry, const char *key, size_t n)
{
	return strncmp(entry, key, n) == 0 && (entry[n] == '=' || !entry[n]);
}

const char *strv_env_get(const struct strv *v, const char *key)
{
	size_t n = strlen(key);

	for (size_t i = v->len; i-- > 0;)
		if (is_key(v->ptr[i], key, n))
			return v->ptr[i][n] ? v->ptr[i] + n + 1 : "";
	return NULL;
}

void strv_env_set(struct strv *v, const char *key, const char *value)
{
	size_t n = strlen(key);

	for (size_t i = 0; i < v->len; i++)
		if (is_key(v->ptr[i], key, n)) {
			free(v->ptr[i]);
			v->ptr[i] = xasprintf("%s=%s", key, value);
			return;
		}
	strv_printf(v, "%s=%s", key, value);
}

char *const *strv_argv(const struct strv *v)
{
	static char *const none[] = { NULL };

	return v->ptr ? v->ptr : none;
}
