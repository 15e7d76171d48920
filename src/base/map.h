/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hash maps with open addressing: from strings (the map keeps the view, so the key's bytes must
 * outlive the entry) and from 64-bit numbers, to pointers that the map does not own and that are
 * never NULL. Zero-initialised a map is empty. Lookups never allocate. One thread at a time.
 */
#ifndef SAKER_BASE_MAP_H
#define SAKER_BASE_MAP_H

#include "base/str.h"

struct strmap {
	struct strmap_entry {
		struct str key;
		uint64_t hash;
		void *value; /* NULL: free */
	} * entries;
	size_t count;
	size_t size; /* a power of two, or 0 */
};

void *strmap_get(const struct strmap *m, struct str key);
/* Sets or replaces; answers the value that was there before, or NULL. */
void *strmap_put(struct strmap *m, struct str key, void *value);
void *strmap_remove(struct strmap *m, struct str key);
void strmap_free(struct strmap *m);

struct u64map {
	struct u64map_entry {
		uint64_t key;
		void *value;
	} * entries;
	size_t count;
	size_t size;
};

void *u64map_get(const struct u64map *m, uint64_t key);
void *u64map_put(struct u64map *m, uint64_t key, void *value);
void *u64map_remove(struct u64map *m, uint64_t key);
void u64map_free(struct u64map *m);

#endif
