/* SPDX-License-Identifier: Apache-2.0 */
/* Sets of small numbers as arrays of 64-bit words; the caller owns the words. */
#ifndef SAKER_BASE_BITSET_H
#define SAKER_BASE_BITSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BITSET_WORDS(bits) (((bits) + 63) / 64)

static inline bool bitset_has(const uint64_t *set, size_t bit)
{
	return set[bit / 64] >> (bit % 64) & 1;
}

static inline void bitset_add(uint64_t *set, size_t bit)
{
	set[bit / 64] |= UINT64_C(1) << (bit % 64);
}

static inline void bitset_remove(uint64_t *set, size_t bit)
{
	set[bit / 64] &= ~(UINT64_C(1) << (bit % 64));
}

static inline void bitset_unite(uint64_t *set, const uint64_t *other, size_t words)
{
	for (size_t i = 0; i < words; i++)
		set[i] |= other[i];
}

static inline void bitset_intersect(uint64_t *set, const uint64_t *other, size_t words)
{
	for (size_t i = 0; i < words; i++)
		set[i] &= other[i];
}

static inline size_t bitset_count(const uint64_t *set, size_t words)
{
	size_t n = 0;

	for (size_t i = 0; i < words; i++)
		n += (size_t)__builtin_popcountll(set[i]);
	return n;
}

/* The first member at or after from; words * 64 where there is none. */
static inline size_t bitset_next(const uint64_t *set, size_t words, size_t from)
{
	for (size_t w = from / 64; w < words; w++) {
		uint64_t bits = set[w];

		if (w == from / 64)
			bits &= ~UINT64_C(0) << (from % 64);
		if (bits)
			return w * 64 + (size_t)__builtin_ctzll(bits);
	}
	return words * 64;
}

#define BITSET_FOREACH(bit, set, words)                                                            \
	for (size_t bit = bitset_next((set), (words), 0); bit < (words)*64;                        \
	     bit = bitset_next((set), (words), bit + 1))

#endif
