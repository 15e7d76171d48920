/* SPDX-License-Identifier: Apache-2.0 */
#include "base/map.h"
#include "base/vec.h"

#include <stdio.h>
#include <stdlib.h>

static void *alloc_entries(size_t count, size_t size)
{
	void *p = calloc(count, size);

	if (!p) {
		fprintf(stderr, "saker: out of memory (%zu entries of %zu bytes wanted)\n", count,
			size);
		abort();
	}
	return p;
}

void *vec_grow(void *items, size_t *room, size_t item_size)
{
	/* Many arrays hold one or two items for ever: those of small items alone start larger. */
	size_t first = item_size < 64 ? 64 / item_size : 1;
	size_t new_room = *room ? *room * 2 : first, bytes;

	if (!__builtin_mul_overflow(new_room, item_size, &bytes))
		items = realloc(items, bytes);
	else
		items = NULL;
	if (!items) {
		fprintf(stderr, "saker: out of memory (%zu items of %zu bytes wanted)\n", new_room,
			item_size);
		abort();
	}
	*room = new_room;
	return items;
}

/* The slot of the key, or the free slot where it would go. The table always has a free slot. */
static struct strmap_entry *strmap_slot(const struct strmap *m, struct str key, uint64_t hash)
{
	for (size_t i = hash;; i++) {
		struct strmap_entry *e = &m->entries[i & (m->size - 1)];

		if (!e->value || (e->hash == hash && str_equal(e->key, key)))
			return e;
	}
}

void *strmap_get(const struct strmap *m, struct str key)
{
	return m->count ? strmap_slot(m, key, str_hash(key))->value : NULL;
}

static void strmap_grow(struct strmap *m)
{
	struct strmap bigger = {.size = m->size ? m->size * 2 : 16, .count = m->count};

	bigger.entries = alloc_entries(bigger.size, sizeof(*bigger.entries));
	for (size_t i = 0; i < m->size; i++) {
		struct strmap_entry *e = &m->entries[i];

		if (e->value)
			*strmap_slot(&bigger, e->key, e->hash) = *e;
	}
	free(m->entries);
	*m = bigger;
}

void *strmap_put(struct strmap *m, struct str key, void *value)
{
	if ((m->count + 1) * 4 > m->size * 3)
		strmap_grow(m);

	uint64_t hash = str_hash(key);
	struct strmap_entry *e = strmap_slot(m, key, hash);
	void *before = e->value;

	m->count += !before;
	*e = (struct strmap_entry){key, hash, value};
	return before;
}

void *strmap_remove(struct strmap *m, struct str key)
{
	struct strmap_entry *hole = m->count ? strmap_slot(m, key, str_hash(key)) : NULL;

	if (!hole || !hole->value)
		return NULL;

	void *before = hole->value;
	size_t at = (size_t)(hole - m->entries);

	/* Move later entries of the same run back, so that no lookup stops at the hole. */
	for (size_t i = at;;) {
		i = (i + 1) & (m->size - 1);
		struct strmap_entry *e = &m->entries[i];

		if (!e->value)
			break;
		if (((i - e->hash) & (m->size - 1)) >= ((i - at) & (m->size - 1))) {
			m->entries[at] = *e;
			at = i;
		}
	}
	m->entries[at].value = NULL;
	m->count--;
	return before;
}

void strmap_free(struct strmap *m)
{
	free(m->entries);
	*m = (struct strmap){0};
}

static struct u64map_entry *u64map_slot(const struct u64map *m, uint64_t key)
{
	for (size_t i = hash_u64(key);; i++) {
		struct u64map_entry *e = &m->entries[i & (m->size - 1)];

		if (!e->value || e->key == key)
			return e;
	}
}

void *u64map_get(const struct u64map *m, uint64_t key)
{
	return m->count ? u64map_slot(m, key)->value : NULL;
}

static void u64map_grow(struct u64map *m)
{
	struct u64map bigger = {.size = m->size ? m->size * 2 : 16, .count = m->count};

	bigger.entries = alloc_entries(bigger.size, sizeof(*bigger.entries));
	for (size_t i = 0; i < m->size; i++)
		if (m->entries[i].value)
			*u64map_slot(&bigger, m->entries[i].key) = m->entries[i];
	free(m->entries);
	*m = bigger;
}

void *u64map_put(struct u64map *m, uint64_t key, void *value)
{
	if ((m->count + 1) * 4 > m->size * 3)
		u64map_grow(m);

	struct u64map_entry *e = u64map_slot(m, key);
	void *before = e->value;

	m->count += !before;
	*e = (struct u64map_entry){key, value};
	return before;
}

void *u64map_remove(struct u64map *m, uint64_t key)
{
	struct u64map_entry *hole = m->count ? u64map_slot(m, key) : NULL;

	if (!hole || !hole->value)
		return NULL;

	void *before = hole->value;
	size_t at = (size_t)(hole - m->entries);

	for (size_t i = at;;) {
		i = (i + 1) & (m->size - 1);
		struct u64map_entry *e = &m->entries[i];

		if (!e->value)
			break;
		if (((i - hash_u64(e->key)) & (m->size - 1)) >= ((i - at) & (m->size - 1))) {
			m->entries[at] = *e;
			at = i;
		}
	}
	m->entries[at].value = NULL;
	m->count--;
	return before;
}

void u64map_free(struct u64map *m)
{
	free(m->entries);
	*m = (struct u64map){0};
}
