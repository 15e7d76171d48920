/* SPDX-License-Identifier: Apache-2.0 */
#include "condition/path_set.h"

#include "condition/glob.h"

struct path_set {
	bool has_root; /* a prefix without components, which all paths have */
	/* Prefixes without patterns, found by the hash of their components. */
	struct path_slot {
		uint64_t hash;
		struct str prefix; /* n is 0: free */
	} * slots;
	size_t mask;
	struct str *patterns;
	size_t pattern_count;
};

/* The next component at or after *at; false at the end. */
static bool next_component(struct str path, size_t *at, struct str *out)
{
	while (*at < path.n && path.p[*at] == '/')
		++*at;
	if (*at == path.n)
		return false;

	size_t end = str_find_byte(path, '/', *at);

	*out = str_slice(path, *at, end);
	*at = end;
	return true;
}

/*
 * FNV-1a over components with a slash before each. Collisions cost time only where the prefixes
 * themselves collide, and those are the rules' author's.
 */
static uint64_t hash_component(uint64_t h, struct str component)
{
	h = (h ^ '/') * UINT64_C(0x100000001b3);
	for (size_t i = 0; i < component.n; i++)
		h = (h ^ (unsigned char)component.p[i]) * UINT64_C(0x100000001b3);
	return h;
}

static uint64_t mix(uint64_t h)
{
	return h ^ h >> 29;
}

enum { HASH_START = 0x4f1bbcdc };

bool path_is_prefix(struct str prefix, struct str path)
{
	struct str want, have;
	size_t i = 0, j = 0;

	while (next_component(prefix, &i, &want)) {
		if (!next_component(path, &j, &have))
			return false;
		if (!(glob_is_pattern(want) ? glob_matches(want, have, false)
					    : str_equal(want, have)))
			return false;
	}
	return true;
}

static void add_prefix(struct path_set *set, struct str prefix)
{
	uint64_t h = HASH_START;
	struct str component;
	size_t at = 0;

	while (next_component(prefix, &at, &component))
		h = hash_component(h, component);

	size_t i = mix(h) & set->mask;

	for (; set->slots[i].prefix.n; i = (i + 1) & set->mask)
		if (set->slots[i].hash == h && path_is_prefix(set->slots[i].prefix, prefix))
			return;
	set->slots[i] = (struct path_slot){h, prefix};
}

struct path_set *path_set_new(struct arena *arena, const struct str *prefixes, size_t count)
{
	struct path_set *set = ARENA_NEW(arena, struct path_set);
	size_t size = 2;

	while (size < count * 2)
		size *= 2;
	set->mask = size - 1;
	set->slots = ARENA_ARRAY(arena, struct path_slot, size);
	set->patterns = ARENA_ARRAY(arena, struct str, count);
	for (size_t i = 0; i < count; i++) {
		struct str component;
		size_t at = 0;

		if (!next_component(prefixes[i], &at, &component))
			set->has_root = true;
		else if (glob_is_pattern(prefixes[i]))
			set->patterns[set->pattern_count++] = prefixes[i];
		else
			add_prefix(set, prefixes[i]);
	}
	return set;
}

static bool has_prefix(const struct path_set *set, uint64_t h, struct str path)
{
	for (size_t i = mix(h) & set->mask; set->slots[i].prefix.n; i = (i + 1) & set->mask)
		if (set->slots[i].hash == h && path_is_prefix(set->slots[i].prefix, path))
			return true;
	return false;
}

bool path_set_covers(const struct path_set *set, struct str path)
{
	uint64_t h = HASH_START;
	struct str component;
	size_t at = 0;

	if (set->has_root)
		return true;
	while (next_component(path, &at, &component)) {
		h = hash_component(h, component);
		if (has_prefix(set, h, path))
			return true;
	}
	for (size_t i = 0; i < set->pattern_count; i++)
		if (path_is_prefix(set->patterns[i], path))
			return true;
	return false;
}
