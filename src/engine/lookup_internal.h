/* SPDX-License-Identifier: Apache-2.0 */
/* What the kinds of lookups share. Inside engine/lookup*.c only. */
#ifndef SAKER_ENGINE_LOOKUP_INTERNAL_H
#define SAKER_ENGINE_LOOKUP_INTERNAL_H

#include "engine/lookup.h"

/* A slice of lookup.outputs. */
struct lookup_slice {
	uint32_t first;
	uint32_t count;
};

struct lookup_trie;
struct lookup_automaton;
struct lookup_hash;
struct lookup_bounds;

struct lookup {
	enum lookup_kind kind;
	union {
		const struct lookup_trie *trie;
		const struct lookup_automaton *automaton;
		const struct lookup_hash *hash;
		const struct lookup_bounds *bounds;
	};
};

static inline void lookup_hit(struct lookup_hits *hits, uint32_t atom)
{
	if (hits->marks[atom] == hits->epoch)
		return;
	hits->marks[atom] = hits->epoch;
	hits->atoms[hits->count++] = atom;
}

const struct lookup_trie *lookup_trie_build(struct lookup_key *keys, size_t count,
					    enum lookup_kind kind, struct arena *arena);
void lookup_trie_find(const struct lookup_trie *t, struct str value, struct lookup_hits *hits);

const struct lookup_automaton *lookup_automaton_build(struct lookup_key *keys, size_t count,
						      bool is_folded, struct arena *arena);
void lookup_automaton_find(const struct lookup_automaton *a, struct str value,
			   struct lookup_hits *hits);

#endif
