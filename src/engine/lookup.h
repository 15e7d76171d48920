/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lookups: one pass over a value answers which of many atoms on it hold, whatever their number.
 *
 *   LOOKUP_EXACT      = and in, on strings: a hash table
 *   LOOKUP_PREFIX     startswith: a path-compressed trie
 *   LOOKUP_PATH       pmatch: the same trie over whole components (condition/path_set.h says which)
 *   LOOKUP_SUFFIX     endswith: the same trie, read from the end
 *   LOOKUP_CONTAINS   contains: an Aho-Corasick automaton
 *   LOOKUP_ICONTAINS  icontains: the same with ASCII letters folded
 *   LOOKUP_NUMBER     = and in, on integers: a hash table
 *   LOOKUP_BOUND      < <= > >= on integers: sorted bounds
 *   LOOKUP_NETWORK    addresses and networks: one hash probe for each prefix length in use
 *
 * Time is linear in the value plus the atoms that hold; whoever chooses the value cannot make it
 * worse. A lookup is immutable and keeps views of its keys' bytes, which must outlive it.
 */
#ifndef SAKER_ENGINE_LOOKUP_H
#define SAKER_ENGINE_LOOKUP_H

#include "fields/value.h"

/* Longer keys do not fit LOOKUP_PATH. */
enum { LOOKUP_PATH_MAX = 4096 };

enum lookup_kind {
	LOOKUP_EXACT,
	LOOKUP_PREFIX,
	LOOKUP_PATH,
	LOOKUP_SUFFIX,
	LOOKUP_CONTAINS,
	LOOKUP_ICONTAINS,
	LOOKUP_NUMBER,
	LOOKUP_BOUND,
	LOOKUP_NETWORK,
	LOOKUP_KIND_COUNT
};

/* Which side of its number a bound wants values to be on. */
enum lookup_bound { BOUND_BELOW, BOUND_NOT_ABOVE, BOUND_ABOVE, BOUND_NOT_BELOW };

/* One operand of one atom. */
struct lookup_key {
	uint32_t atom;
	enum lookup_bound bound; /* BOUND */
	bool is_signed;          /* BOUND: number is an int64 */
	struct str text;         /* the string kinds */
	bool is_whole;           /* PREFIX: holds of no longer value than the text itself */
	uint64_t number;         /* NUMBER, BOUND */
	struct ip_network network;
};

/*
 * Where answers go: marks[atom] is set to epoch, and each atom that was not marked before is
 * appended to atoms, which has room for all atoms of the lookup.
 */
struct lookup_hits {
	uint32_t *marks;
	uint32_t epoch;
	uint32_t count;
	uint32_t *atoms;
};

struct lookup;

/* Lives in the arena. Keys may be reordered. */
struct lookup *lookup_build(enum lookup_kind kind, struct lookup_key *keys, size_t count,
			    struct arena *arena);

void lookup_text(const struct lookup *l, struct str value, struct lookup_hits *hits);
void lookup_number(const struct lookup *l, uint64_t value, struct lookup_hits *hits);
void lookup_address(const struct lookup *l, const struct ip_address *value,
		    struct lookup_hits *hits);

#endif
