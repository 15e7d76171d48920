/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/lookup_internal.h"

#include "base/vec.h"
#include "state/path.h"

#include <stdlib.h>

/* Hash tables, from byte strings or numbers to slices of outputs. */

struct hash_entry {
	struct str text;             /* strings and networks */
	uint64_t key;                /* the number, or the text's hash */
	struct lookup_slice outputs; /* count 0: a free entry */
};

struct lookup_hash {
	const struct hash_entry *entries;
	uint64_t mask;
	const uint32_t *outputs;
	uint64_t lengths; /* which lengths keys have, 63 and more in the last bit */
	/* NETWORK: which prefix lengths are in use, by address size. */
	uint8_t prefixes4[33], prefixes6[129];
	uint8_t prefix4_count, prefix6_count;
};

/* A network as bytes to hash: size of the address, prefix, masked address. */
struct network_key {
	uint8_t bytes[18];
};

static uint64_t length_bit(size_t n)
{
	return UINT64_C(1) << (n < 63 ? n : 63);
}

static void network_key(struct network_key *k, const struct ip_address *a, uint8_t prefix)
{
	unsigned whole = prefix / 8;

	memset(k, 0, sizeof(*k));
	k->bytes[0] = a->size;
	k->bytes[1] = prefix;
	memcpy(k->bytes + 2, a->bytes, whole);
	if (prefix % 8)
		k->bytes[2 + whole] = a->bytes[whole] & (uint8_t)(0xff00 >> prefix % 8);
}

static int compare_keys(const void *x, const void *y)
{
	const struct lookup_key *a = x, *b = y;
	int c = (a->number > b->number) - (a->number < b->number);

	if (!c)
		c = str_compare(a->text, b->text);
	return c ? c : (a->atom > b->atom) - (a->atom < b->atom);
}

static const struct lookup_hash *hash_build(enum lookup_kind kind, struct lookup_key *keys,
					    size_t count, struct arena *arena)
{
	struct lookup_hash *h = ARENA_NEW(arena, struct lookup_hash);
	uint32_t *outputs = ARENA_ARRAY(arena, uint32_t, count);
	uint64_t size = 4;

	for (size_t i = 0; i < count; i++) {
		struct lookup_key *k = &keys[i];

		if (kind == LOOKUP_NETWORK) {
			struct network_key *n = ARENA_NEW(arena, struct network_key);
			uint8_t prefix = k->network.prefix;
			bool is_v4 = k->network.address.size == 4;
			uint8_t *prefixes = is_v4 ? h->prefixes4 : h->prefixes6;
			uint8_t *used = is_v4 ? &h->prefix4_count : &h->prefix6_count;

			network_key(n, &k->network.address, prefix);
			k->text = (struct str){(const char *)n->bytes, sizeof(n->bytes)};
			if (!memchr(prefixes, prefix, *used))
				prefixes[(*used)++] = prefix;
		}
		if (kind != LOOKUP_NUMBER) {
			k->number = str_hash(k->text);
			h->lengths |= length_bit(k->text.n);
		}
	}
	qsort(keys, count, sizeof(*keys), compare_keys);
	while (size < count * 2)
		size *= 2;

	struct hash_entry *entries = ARENA_ARRAY(arena, struct hash_entry, size);
	uint32_t used = 0;

	for (size_t i = 0; i < count;) {
		struct lookup_key *k = &keys[i];
		uint64_t hash = kind == LOOKUP_NUMBER ? hash_u64(k->number) : k->number;
		uint64_t slot = hash & (size - 1);
		uint32_t first = used;

		for (; i < count && keys[i].number == k->number && str_equal(keys[i].text, k->text);
		     i++)
			outputs[used++] = keys[i].atom;
		while (entries[slot].outputs.count)
			slot = (slot + 1) & (size - 1);
		entries[slot] = (struct hash_entry){k->text, k->number, {first, used - first}};
	}
	h->entries = entries;
	h->mask = size - 1;
	h->outputs = outputs;
	return h;
}

static void report(const uint32_t *outputs, struct lookup_slice slice, struct lookup_hits *hits)
{
	for (uint32_t i = 0; i < slice.count; i++)
		lookup_hit(hits, outputs[slice.first + i]);
}

static void hash_find_text(const struct lookup_hash *h, struct str value, struct lookup_hits *hits)
{
	uint64_t hash = str_hash(value);

	for (uint64_t slot = hash & h->mask; h->entries[slot].outputs.count;
	     slot = (slot + 1) & h->mask) {
		const struct hash_entry *e = &h->entries[slot];

		if (e->key == hash && str_equal(e->text, value)) {
			report(h->outputs, e->outputs, hits);
			return;
		}
	}
}

static void hash_find_number(const struct lookup_hash *h, uint64_t value, struct lookup_hits *hits)
{
	for (uint64_t slot = hash_u64(value) & h->mask; h->entries[slot].outputs.count;
	     slot = (slot + 1) & h->mask) {
		if (h->entries[slot].key == value) {
			report(h->outputs, h->entries[slot].outputs, hits);
			return;
		}
	}
}

static void hash_find_address(const struct lookup_hash *h, const struct ip_address *value,
			      struct lookup_hits *hits)
{
	bool is_v4 = value->size == 4;
	const uint8_t *prefixes = is_v4 ? h->prefixes4 : h->prefixes6;
	unsigned count = is_v4 ? h->prefix4_count : value->size == 16 ? h->prefix6_count : 0;

	for (unsigned i = 0; i < count; i++) {
		struct network_key k;

		network_key(&k, value, prefixes[i]);
		hash_find_text(h, (struct str){(const char *)k.bytes, sizeof(k.bytes)}, hits);
	}
}

/*
 * Bounds, made alike: "at least n" (not below n, above n - 1) holds for a beginning of the list
 * sorted by n, "at most n" for an end of its own list. Signed numbers are shifted so that unsigned
 * order is theirs.
 */
struct bound {
	uint64_t number;
	uint32_t atom;
};

struct lookup_bounds {
	const struct bound *least, *most; /* least: ascending; most: descending */
	uint32_t least_count, most_count;
	uint64_t shift;
};

static int compare_bounds(const void *x, const void *y)
{
	const struct bound *a = x, *b = y;

	return (a->number > b->number) - (a->number < b->number);
}

static int compare_bounds_down(const void *x, const void *y)
{
	return compare_bounds(y, x);
}

static const struct lookup_bounds *bounds_build(const struct lookup_key *keys, size_t count,
						struct arena *arena)
{
	struct lookup_bounds *b = ARENA_NEW(arena, struct lookup_bounds);
	struct bound *least = ARENA_ARRAY(arena, struct bound, count);
	struct bound *most = ARENA_ARRAY(arena, struct bound, count);

	b->shift = count && keys[0].is_signed ? UINT64_C(1) << 63 : 0;
	for (size_t i = 0; i < count; i++) {
		const struct lookup_key *k = &keys[i];
		uint64_t n = k->number ^ b->shift;

		switch (k->bound) {
		case BOUND_ABOVE: /* nothing is above the largest number */
			if (n != UINT64_MAX)
				least[b->least_count++] = (struct bound){n + 1, k->atom};
			break;
		case BOUND_NOT_BELOW:
			least[b->least_count++] = (struct bound){n, k->atom};
			break;
		case BOUND_BELOW:
			if (n)
				most[b->most_count++] = (struct bound){n - 1, k->atom};
			break;
		case BOUND_NOT_ABOVE:
			most[b->most_count++] = (struct bound){n, k->atom};
			break;
		}
	}
	qsort(least, b->least_count, sizeof(*least), compare_bounds);
	qsort(most, b->most_count, sizeof(*most), compare_bounds_down);
	b->least = least;
	b->most = most;
	return b;
}

static void bounds_find(const struct lookup_bounds *b, uint64_t value, struct lookup_hits *hits)
{
	uint64_t n = value ^ b->shift;

	for (uint32_t i = 0; i < b->least_count && b->least[i].number <= n; i++)
		lookup_hit(hits, b->least[i].atom);
	for (uint32_t i = 0; i < b->most_count && b->most[i].number >= n; i++)
		lookup_hit(hits, b->most[i].atom);
}

/*
 * A path as its components with a slash before each; cut to room, which is more than any key has,
 * so that no key matches only because of the cut.
 */
static struct str components(struct str path, char *out, size_t room)
{
	size_t n = 0;
	bool is_start = true;

	for (size_t i = 0; i < path.n && n < room; i++) {
		if (path.p[i] == '/') {
			is_start = true;
			continue;
		}
		if (is_start)
			out[n++] = '/';
		is_start = false;
		if (n < room)
			out[n++] = path.p[i];
	}
	return (struct str){out, n};
}

static bool has_plain_components(struct str path)
{
	return path.n && path.p[0] == '/' && !path_has_double_slash(path);
}

struct lookup *lookup_build(enum lookup_kind kind, struct lookup_key *keys, size_t count,
			    struct arena *arena)
{
	struct lookup *l = ARENA_NEW(arena, struct lookup);
	struct lookup_key none;

	/* Sorting wants a place even where there is nothing to sort. */
	if (!count)
		keys = &none;
	l->kind = kind;
	switch (kind) {
	case LOOKUP_PATH:
		for (size_t i = 0; i < count; i++) {
			size_t room = keys[i].text.n + 1;

			keys[i].text = components(keys[i].text, arena_bytes(arena, room), room);
		}
		l->trie = lookup_trie_build(keys, count, kind, arena);
		break;
	case LOOKUP_PREFIX:
	case LOOKUP_SUFFIX:
		l->trie = lookup_trie_build(keys, count, kind, arena);
		break;
	case LOOKUP_CONTAINS:
	case LOOKUP_ICONTAINS:
		l->automaton = lookup_automaton_build(keys, count, kind == LOOKUP_ICONTAINS, arena);
		break;
	case LOOKUP_BOUND:
		l->bounds = bounds_build(keys, count, arena);
		break;
	default:
		l->hash = hash_build(kind, keys, count, arena);
		break;
	}
	return l;
}

/* Of its own: what else is looked up needs no such room on the stack. */
static __attribute__((noinline)) void find_path(const struct lookup *l, struct str value,
						struct lookup_hits *hits)
{
	char normal[LOOKUP_PATH_MAX + 1];

	if (!has_plain_components(value))
		value = components(value, normal, sizeof(normal));
	lookup_trie_find(l->trie, value, hits);
}

void lookup_text(const struct lookup *l, struct str value, struct lookup_hits *hits)
{
	switch (l->kind) {
	case LOOKUP_EXACT:
		if (l->hash->lengths & length_bit(value.n))
			hash_find_text(l->hash, value, hits);
		break;
	case LOOKUP_PATH:
		find_path(l, value, hits);
		break;
	case LOOKUP_PREFIX:
	case LOOKUP_SUFFIX:
		lookup_trie_find(l->trie, value, hits);
		break;
	case LOOKUP_CONTAINS:
	case LOOKUP_ICONTAINS:
		lookup_automaton_find(l->automaton, value, hits);
		break;
	default:
		break;
	}
}

void lookup_number(const struct lookup *l, uint64_t value, struct lookup_hits *hits)
{
	if (l->kind == LOOKUP_BOUND)
		bounds_find(l->bounds, value, hits);
	else
		hash_find_number(l->hash, value, hits);
}

void lookup_address(const struct lookup *l, const struct ip_address *value,
		    struct lookup_hits *hits)
{
	hash_find_address(l->hash, value, hits);
}
