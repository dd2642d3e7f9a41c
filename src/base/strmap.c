/* SPDX-License-Identifier: Apache-2.0 */
#include "base/strmap.h"

static struct strpair *find(const struct strmap *m, const char *key)
{
	for (size_t i = 0; i < m->len; i++)
		if (streq(m->ptr[i].key, key))
			return &m->ptr[i];
	return NULL;
}

void strmap_done(struct strmap *m)
{
	for (size_t i = 0; i < m->len; i++) {
		free(m->ptr[i].key);
		free(m->ptr[i].value);
	}
	free(m->ptr);
	*m = (struct strmap){ 0 };
}

void strmap_set(struct strmap *m, const char *key, const char *value)
{
	struct strpair *p = find(m, key);

	if (p) {
		char *copy = xstrdup(value);

		free(p->value);
		p->value = copy;
		return;
	}
	if (m->len == m->cap) {
		m->cap = m->cap ? m->cap * 2 : 8;
		m->ptr = xreallocarray(m->ptr, m->cap, sizeof(*m->ptr));
	}
	m->ptr[m->len++] = (struct strpair){ .key = xstrdup(key), .value = xstrdup(value) };
}

const char *strmap_get(const struct strmap *m, const char *key)
{
	struct strpair *p = find(m, key);

	return p ? p->value : NULL;
}

bool strmap_remove(struct strmap *m, const char *key)
{
	struct strpair *p = find(m, key);

	if (!p)
		return false;
	free(p->key);
	free(p->value);
	memmove(p, p + 1, (size_t)(m->ptr + m->len - (p + 1)) * sizeof(*p));
	m->len--;
	return true;
}

void strmap_copy(struct strmap *to, const struct strmap *from)
{
	for (size_t i = 0; i < from->len; i++)
		strmap_set(to, from->ptr[i].key, from->ptr[i].value);
}

static int compare_keys(const void *a, const void *b)
{
	return strcmp(((const struct strpair *)a)->key, ((const struct strpair *)b)->key);
}

void strmap_sort(struct strmap *m)
{
	if (m->len)
		qsort(m->ptr, m->len, sizeof(*m->ptr), compare_keys);
}
