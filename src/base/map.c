/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Entries live in one dense array in insertion order; a table of indices with linear probing
 * finds them. Removal leaves a dead entry (key NULL) which the next growth sweeps out.
 */
#include "base/map.h"

#include "base/alloc.h"
#include "base/str.h"

struct entry {
	char *key; /* owned; NULL once removed */
	void *value;
	uint64_t hash;
};

struct map {
	struct entry *entries;
	size_t n_entries; /* dead ones included */
	size_t n_live;
	uint32_t *table;   /* index + 1 into entries, 0 = free */
	size_t table_size; /* a power of two; entries have room for half of it */
	uint64_t secret[2];
};

static uint64_t mix(uint64_t a, uint64_t b)
{
	__uint128_t m = (__uint128_t)a * b;

	return (uint64_t)m ^ (uint64_t)(m >> 64);
}

static uint64_t hash_key(const struct map *m, const char *key)
{
	size_t n = strlen(key);
	uint64_t h = m->secret[0] ^ n;

	while (n >= 8) {
		uint64_t w;

		memcpy(&w, key, 8);
		h = mix(h ^ w, m->secret[1]);
		key += 8;
		n -= 8;
	}
	if (n) {
		uint64_t w = 0;

		memcpy(&w, key, n);
		h = mix(h ^ w, m->secret[1]);
	}
	return mix(h, m->secret[1] ^ 0x9e3779b97f4a7c15u);
}

struct map *map_new(void)
{
	struct map *m = NEW(struct map);

	random_bytes(m->secret, sizeof(m->secret));
	m->secret[1] |= 1;
	return m;
}

void map_free(struct map *m)
{
	if (!m)
		return;
	for (size_t i = 0; i < m->n_entries; i++)
		free(m->entries[i].key);
	free(m->entries);
	free(m->table);
	free(m);
}

static void rebuild(struct map *m)
{
	size_t live = 0, size = 16;

	while (size / 2 < m->n_live + 1)
		size *= 2;
	for (size_t i = 0; i < m->n_entries; i++)
		if (m->entries[i].key)
			m->entries[live++] = m->entries[i];
	m->n_entries = live;
	m->entries = xreallocarray(m->entries, size / 2, sizeof(struct entry));
	free(m->table);
	m->table = xcalloc(size, sizeof(uint32_t));
	m->table_size = size;
	for (size_t i = 0; i < live; i++) {
		size_t at = m->entries[i].hash & (size - 1);

		while (m->table[at])
			at = (at + 1) & (size - 1);
		m->table[at] = (uint32_t)(i + 1);
	}
}

static struct entry *find(const struct map *m, const char *key, uint64_t hash)
{
	if (!m->table_size)
		return NULL;
	for (size_t at = hash & (m->table_size - 1); m->table[at];
	     at = (at + 1) & (m->table_size - 1)) {
		struct entry *e = &m->entries[m->table[at] - 1];

		if (e->key && e->hash == hash && streq(e->key, key))
			return e;
	}
	return NULL;
}

void *map_set(struct map *m, const char *key, void *value)
{
	uint64_t hash = hash_key(m, key);
	struct entry *e = find(m, key, hash);
	size_t at;

	if (e) {
		void *old = e->value;

		e->value = value;
		return old;
	}
	if (m->n_entries >= m->table_size / 2)
		rebuild(m);
	m->entries[m->n_entries] = (struct entry){ xstrdup(key), value, hash };
	at = hash & (m->table_size - 1);
	while (m->table[at])
		at = (at + 1) & (m->table_size - 1);
	m->table[at] = (uint32_t)++m->n_entries;
	m->n_live++;
	return NULL;
}

void *map_get(const struct map *m, const char *key)
{
	struct entry *e = find(m, key, hash_key(m, key));

	return e ? e->value : NULL;
}

void *map_remove(struct map *m, const char *key)
{
	struct entry *e = find(m, key, hash_key(m, key));

	if (!e)
		return NULL;
	free(e->key);
	e->key = NULL;
	m->n_live--;
	return e->value;
}

size_t map_len(const struct map *m)
{
	return m->n_live;
}

bool map_next(const struct map *m, size_t *pos, const char **ret_key, void **ret_value)
{
	while (*pos < m->n_entries) {
		const struct entry *e = &m->entries[(*pos)++];

		if (!e->key)
			continue;
		if (ret_key)
			*ret_key = e->key;
		if (ret_value)
			*ret_value = e->value;
		return true;
	}
	return false;
}
