/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Aho-Corasick. States are the beginnings of the patterns; children are indexed by byte from `low`
 * on, failure links lead to the longest proper suffix that begins a pattern too. The root's
 * children stand in a table of all bytes, since most bytes of most values are met there.
 *
 * Most values have none of the patterns, and most of those not even the rarest two bytes of any.
 * Where few such pairs stand for all patterns they are looked for first, sixteen places at once:
 * that takes a quarter of the automaton's time.
 */
#include "base/bytes16.h"
#include "base/vec.h"
#include "engine/lookup_internal.h"

#include <stdlib.h>

struct state {
	uint32_t children; /* in lookup_automaton.children; entries of 0 have no child */
	uint32_t fail;
	uint32_t
	    report; /* this state or the nearest along the failure links with outputs; 0: none */
	uint32_t next_report; /* the same, without this state */
	uint16_t child_count;
	uint8_t low;
	struct lookup_slice outputs;
};

/* Looking for more takes as long as the automaton. */
enum { PAIRS_MOST = 6 };

struct lookup_automaton {
	/* Each pattern has at least one of these pairs of bytes, folded; count 0: not used. */
	uint32_t pair_count;
	uint8_t pairs[PAIRS_MOST][2];
	uint8_t fold_bit; /* that the pairs' bytes, and a value's, are brought together with */
	const struct state *states; /* 0: the root */
	const uint32_t *children;
	const uint32_t *outputs;
	struct lookup_slice always; /* empty patterns */
	uint32_t root[256];
	uint8_t fold[256];
};

static uint8_t fold_byte(uint8_t b, bool is_folded)
{
	return is_folded && b >= 'A' && b <= 'Z' ? (uint8_t)(b | 0x20) : b;
}

static int compare_folded(const void *a, const void *b)
{
	struct str x = ((const struct lookup_key *)a)->text;
	struct str y = ((const struct lookup_key *)b)->text;
	size_t n = x.n < y.n ? x.n : y.n;

	for (size_t i = 0; i < n; i++) {
		int d =
		    (int)fold_byte((uint8_t)x.p[i], true) - (int)fold_byte((uint8_t)y.p[i], true);

		if (d)
			return d;
	}
	return (x.n > y.n) - (x.n < y.n);
}

static int compare_exact(const void *a, const void *b)
{
	return str_compare(((const struct lookup_key *)a)->text,
			   ((const struct lookup_key *)b)->text);
}

static uint32_t child_of(const struct state *s, const uint32_t *children, uint8_t byte)
{
	unsigned slot = byte - (unsigned)s->low;

	return slot < s->child_count ? children[s->children + slot] : 0;
}

/* How common a byte is in names and command lines, roughly. */
static unsigned commonness(uint8_t b)
{
	if (b >= 'a' && b <= 'z')
		return strchr("jkqvwxz", b) ? 3 : 6;
	if (b == '/' || b == ' ')
		return 7;
	if ((b >= '0' && b <= '9') || b == '.' || b == '-' || b == '_')
		return 4;
	return 1;
}

static bool has_pair(const struct lookup_automaton *a, struct str text)
{
	for (size_t i = 0; i + 1 < text.n; i++)
		for (uint32_t k = 0; k < a->pair_count; k++)
			if (((uint8_t)text.p[i] | a->fold_bit) == a->pairs[k][0] &&
			    ((uint8_t)text.p[i + 1] | a->fold_bit) == a->pairs[k][1])
				return true;
	return false;
}

static void choose_pairs(struct lookup_automaton *a, const struct lookup_key *keys, size_t count,
			 bool is_folded)
{
	a->fold_bit = is_folded ? 0x20 : 0;
	for (size_t i = 0; i < count; i++) {
		struct str text = keys[i].text;
		size_t best = 0;
		unsigned least = UINT32_MAX;

		if (has_pair(a, text))
			continue;
		if (text.n < 2 || a->pair_count == PAIRS_MOST) {
			a->pair_count = 0;
			return;
		}
		for (size_t j = 0; j + 1 < text.n; j++) {
			unsigned both =
			    commonness((uint8_t)text.p[j]) * commonness((uint8_t)text.p[j + 1]);

			if (both < least) {
				least = both;
				best = j;
			}
		}
		a->pairs[a->pair_count][0] = (uint8_t)text.p[best] | a->fold_bit;
		a->pairs[a->pair_count++][1] = (uint8_t)text.p[best + 1] | a->fold_bit;
	}
}

/* True where the value may have one of the patterns; always of values that are too short to tell.
 */
static bool may_have_pattern(const struct lookup_automaton *a, struct str value)
{
	const bytes16 fold = bytes16_all(a->fold_bit);

	if (!a->pair_count || value.n <= sizeof(bytes16))
		return true;
	for (size_t i = 0; i + 1 < value.n; i += sizeof(bytes16)) {
		bytes16 found = bytes16_all(0);

		/* The last sixteen overlap those before them. */
		if (i > value.n - sizeof(bytes16) - 1)
			i = value.n - sizeof(bytes16) - 1;
		bytes16 first = bytes16_load(value.p + i) | fold;
		bytes16 second = bytes16_load(value.p + i + 1) | fold;

		for (uint32_t k = 0; k < a->pair_count; k++)
			found |= bytes16_equal(first, bytes16_all(a->pairs[k][0])) &
				 bytes16_equal(second, bytes16_all(a->pairs[k][1]));
		if (bytes16_any(found))
			return true;
	}
	return false;
}

/* Keys [from, to) begin with the state's bytes. */
struct state_range {
	size_t from, to;
	uint32_t depth;
};

const struct lookup_automaton *lookup_automaton_build(struct lookup_key *keys, size_t count,
						      bool is_folded, struct arena *arena)
{
	VEC(struct state) states = {0};
	VEC(struct state_range) ranges = {0}; /* by state */
	VEC(uint32_t) children = {0};
	VEC(uint32_t) outputs = {0};
	struct lookup_automaton *a = ARENA_NEW(arena, struct lookup_automaton);

	qsort(keys, count, sizeof(*keys), is_folded ? compare_folded : compare_exact);
	VEC_PUSH(&states, (struct state){0});
	VEC_PUSH(&ranges, (struct state_range){.to = count});
	/* Breadth first, so that the states that failure links lead to are complete. */
	for (uint32_t id = 0; id < states.count; id++) {
		struct state_range r = ranges.items[id];
		struct state s = states.items[id];
		size_t at = r.from;

		s.outputs.first = (uint32_t)outputs.count;
		for (; at < r.to && keys[at].text.n == r.depth; at++)
			VEC_PUSH(&outputs, keys[at].atom);
		s.outputs.count = (uint32_t)outputs.count - s.outputs.first;
		if (id) {
			s.next_report = states.items[s.fail].report;
			s.report = s.outputs.count ? id : s.next_report;
		}
		if (at < r.to) {
			s.low = fold_byte((uint8_t)keys[at].text.p[r.depth], is_folded);
			s.child_count =
			    (uint16_t)(fold_byte((uint8_t)keys[r.to - 1].text.p[r.depth],
						 is_folded) -
				       s.low + 1);
			s.children = (uint32_t)children.count;
			for (unsigned i = 0; i < s.child_count; i++)
				VEC_PUSH(&children, 0);
		}
		while (at < r.to) {
			uint8_t byte = fold_byte((uint8_t)keys[at].text.p[r.depth], is_folded);
			size_t to = at;
			uint32_t fail = 0;

			while (to < r.to &&
			       fold_byte((uint8_t)keys[to].text.p[r.depth], is_folded) == byte)
				to++;
			if (id) {
				uint32_t f = s.fail;

				while (!(fail = child_of(&states.items[f], children.items, byte)) &&
				       f)
					f = states.items[f].fail;
			}
			children.items[s.children + byte - s.low] = (uint32_t)states.count;
			VEC_PUSH(&states, (struct state){.fail = fail});
			VEC_PUSH(&ranges, (struct state_range){at, to, r.depth + 1});
			at = to;
		}
		states.items[id] = s;
	}

	struct state *s = ARENA_ARRAY(arena, struct state, states.count);
	uint32_t *c = ARENA_ARRAY(arena, uint32_t, children.count);
	uint32_t *o = ARENA_ARRAY(arena, uint32_t, outputs.count);

	memcpy(s, states.items, states.count * sizeof(*s));
	if (children.count)
		memcpy(c, children.items, children.count * sizeof(*c));
	if (outputs.count)
		memcpy(o, outputs.items, outputs.count * sizeof(*o));
	a->states = s;
	a->children = c;
	a->outputs = o;
	a->always = s[0].outputs;
	choose_pairs(a, keys, count, is_folded);
	for (unsigned b = 0; b < 256; b++) {
		a->fold[b] = fold_byte((uint8_t)b, is_folded);
		a->root[b] = child_of(&s[0], c, a->fold[b]);
	}
	VEC_FREE(&states);
	VEC_FREE(&ranges);
	VEC_FREE(&children);
	VEC_FREE(&outputs);
	return a;
}

static void report_slice(const struct lookup_automaton *a, struct lookup_slice slice,
			 struct lookup_hits *hits)
{
	for (uint32_t i = 0; i < slice.count; i++)
		lookup_hit(hits, a->outputs[slice.first + i]);
}

void lookup_automaton_find(const struct lookup_automaton *a, struct str value,
			   struct lookup_hits *hits)
{
	uint32_t state = 0;

	report_slice(a, a->always, hits);
	if (!value.n || !may_have_pattern(a, value))
		return;

	const uint8_t *p = (const uint8_t *)value.p;
	const uint8_t *end = p + value.n;

	while (p < end) {
		if (!state) {
			while (p < end && !a->root[*p])
				p++;
			if (p == end)
				return;
			state = a->root[*p++];
		} else {
			uint8_t byte = a->fold[*p];
			uint32_t next;

			while (!(next = child_of(&a->states[state], a->children, byte))) {
				state = a->states[state].fail;
				if (!state) {
					next = a->root[byte];
					break;
				}
			}
			state = next;
			p++;
		}
		/*
		 * A state that was reported before was so with all that its links lead to, so that
		 * each is walked once, however often the value repeats it.
		 */
		for (uint32_t r = a->states[state].report; r; r = a->states[r].next_report) {
			struct lookup_slice slice = a->states[r].outputs;

			if (hits->marks[a->outputs[slice.first]] == hits->epoch)
				break;
			report_slice(a, slice, hits);
		}
	}
}
