/* SPDX-License-Identifier: Apache-2.0 */
#include "../unit.h"
#include "engine/lookup.h"

#include <arpa/inet.h>

enum { ATOMS_MAX = 64 };

struct fixture {
	struct arena *arena;
	uint32_t marks[ATOMS_MAX];
	uint32_t atoms[ATOMS_MAX];
	struct lookup_hits hits;
};

static void setup(struct fixture *x)
{
	memset(x, 0, sizeof(*x));
	x->arena = arena_new();
	x->hits.marks = x->marks;
	x->hits.atoms = x->atoms;
}

static void next_value(struct fixture *x)
{
	x->hits.epoch++;
	x->hits.count = 0;
}

/* Whether the components of key are the first of value, compared one by one. */
static bool has_components(struct str value, struct str key)
{
	size_t i = 0, j = 0;

	for (;;) {
		while (i < key.n && key.p[i] == '/')
			i++;
		while (j < value.n && value.p[j] == '/')
			j++;
		if (i == key.n)
			return true;

		size_t i_end = str_find_byte(key, '/', i), j_end = str_find_byte(value, '/', j);

		if (!str_equal(str_slice(key, i, i_end), str_slice(value, j, j_end)))
			return false;
		i = i_end;
		j = j_end;
	}
}

static bool naive(enum lookup_kind kind, struct str value, struct str key)
{
	switch (kind) {
	case LOOKUP_EXACT:
		return str_equal(value, key);
	case LOOKUP_PREFIX:
		return str_starts_with(value, key);
	case LOOKUP_PATH:
		return has_components(value, key);
	case LOOKUP_SUFFIX:
		return str_ends_with(value, key);
	case LOOKUP_CONTAINS:
		return !key.n || memmem(value.p, value.n, key.p, key.n);
	case LOOKUP_ICONTAINS:
		for (size_t i = 0; i + key.n <= value.n; i++)
			if (str_equal_nocase(str_slice(value, i, i + key.n), key))
				return true;
		return false;
	default:
		return false;
	}
}

static uint32_t seed = 1;

static uint32_t random_below(uint32_t n)
{
	seed = seed * 1664525u + 1013904223u;
	return (seed >> 8) % n;
}

/* Few letters, so that keys and values share much. */
static struct str random_text(struct arena *a, uint32_t longest)
{
	static const char letters[] = "ab/AB";
	size_t n = random_below(longest + 1);
	char *p = arena_bytes(a, n + 1);

	for (size_t i = 0; i < n; i++)
		p[i] = letters[random_below(sizeof(letters) - 1)];
	return (struct str){p, n};
}

static void text_lookups_agree_with_plain_comparison(void **state)
{
	static const enum lookup_kind kinds[] = {LOOKUP_EXACT,    LOOKUP_PREFIX,    LOOKUP_SUFFIX,
						 LOOKUP_CONTAINS, LOOKUP_ICONTAINS, LOOKUP_PATH};
	(void)state;
	for (int round = 0; round < 3000; round++) {
		enum lookup_kind kind = kinds[round % 6];
		struct fixture x;
		struct lookup_key keys[ATOMS_MAX], kept[ATOMS_MAX];
		uint32_t count = random_below(12);

		setup(&x);
		for (uint32_t i = 0; i < count; i++)
			keys[i] = kept[i] = (struct lookup_key){
			    .atom = i,
			    .is_whole = kind == LOOKUP_PREFIX && random_below(3) == 0,
			    .text = random_text(x.arena, 5),
			};

		struct lookup *l = lookup_build(kind, keys, count, x.arena);

		for (int i = 0; i < 50; i++) {
			/* Some of more than sixteen bytes, which are looked at in another way. */
			struct str value = random_text(x.arena, i % 4 ? 12 : 50);
			uint32_t wanted = 0;

			next_value(&x);
			lookup_text(l, value, &x.hits);
			for (uint32_t k = 0; k < count; k++) {
				bool want = naive(kept[k].is_whole ? LOOKUP_EXACT : kind, value,
						  kept[k].text);
				bool got = x.marks[k] == x.hits.epoch;

				wanted += want;
				if (got != want)
					fail_msg("kind %d: \"%.*s\" on \"%.*s\": got %d, want %d",
						 (int)kind, STR_ARG(kept[k].text), STR_ARG(value),
						 got, want);
			}
			check_i64(x.hits.count, wanted, "each atom is reported once");
		}
		arena_free(x.arena);
	}
}

static void numbers_are_found_and_bounded(void **state)
{
	struct fixture x;
	(void)state;
	setup(&x);
	static const int64_t values[] = {INT64_MIN, -5, -1, 0, 1, 5, 443, INT64_MAX};
	enum { VALUES = sizeof(values) / sizeof(*values) };

	for (int is_signed = 0; is_signed < 2; is_signed++) {
		struct lookup_key equal[VALUES], bounds[VALUES * 4];

		for (uint32_t i = 0; i < VALUES; i++) {
			equal[i] = (struct lookup_key){.atom = i, .number = (uint64_t)values[i]};
			for (uint32_t b = 0; b < 4; b++)
				bounds[i * 4 + b] =
				    (struct lookup_key){.atom = i * 4 + b,
							.bound = (enum lookup_bound)b,
							.is_signed = is_signed,
							.number = (uint64_t)values[i]};
		}
		struct lookup *e = lookup_build(LOOKUP_NUMBER, equal, VALUES, x.arena);
		struct lookup *l = lookup_build(LOOKUP_BOUND, bounds, VALUES * 4, x.arena);

		for (uint32_t i = 0; i < VALUES; i++) {
			uint64_t v = (uint64_t)values[i];

			next_value(&x);
			lookup_number(e, v, &x.hits);
			check_i64(x.hits.count, 1, "equal");
			check_i64(x.atoms[0], i, "equal");
			next_value(&x);
			lookup_number(l, v, &x.hits);
			for (uint32_t j = 0; j < VALUES; j++) {
				uint64_t c = (uint64_t)values[j];
				bool below = is_signed ? values[i] < values[j] : v < c;
				bool want[] = {[BOUND_BELOW] = below,
					       [BOUND_NOT_ABOVE] = below || v == c,
					       [BOUND_ABOVE] = !below && v != c,
					       [BOUND_NOT_BELOW] = !below};

				for (uint32_t b = 0; b < 4; b++)
					check_i64(x.marks[j * 4 + b] == x.hits.epoch, want[b],
						  "bound");
			}
		}
	}
	arena_free(x.arena);
}

static struct ip_address address(const char *text)
{
	struct ip_address a = {0};

	if (inet_pton(AF_INET, text, a.bytes) == 1)
		a.size = 4;
	else if (inet_pton(AF_INET6, text, a.bytes) == 1)
		a.size = 16;
	return a;
}

static void addresses_match_all_their_networks(void **state)
{
	static const struct {
		const char *address;
		uint8_t prefix;
	} networks[] = {{"10.0.0.0", 8}, {"10.1.0.0", 16}, {"10.1.2.3", 32}, {"0.0.0.0", 0},
			{"fe80::", 10},  {"::1", 128},     {"10.128.0.0", 9}};
	static const struct {
		const char *address;
		uint32_t atoms; /* bits by row above */
	} cases[] = {{"10.1.2.3", 0x0f}, {"10.1.9.9", 0x0b}, {"10.200.0.1", 0x49},
		     {"8.8.8.8", 0x08},  {"fe80::77", 0x10}, {"::1", 0x20},
		     {"::2", 0},         {"none", 0}};
	struct fixture x;
	struct lookup_key keys[7];
	(void)state;
	setup(&x);
	for (uint32_t i = 0; i < 7; i++)
		keys[i] = (struct lookup_key){
		    .atom = i, .network = {address(networks[i].address), networks[i].prefix}};

	struct lookup *l = lookup_build(LOOKUP_NETWORK, keys, 7, x.arena);

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct ip_address a = address(cases[i].address);
		uint32_t got = 0;

		next_value(&x);
		lookup_address(l, &a, &x.hits);
		for (uint32_t j = 0; j < x.hits.count; j++)
			got |= 1u << x.atoms[j];
		check_i64(got, cases[i].atoms, cases[i].address);
	}
	arena_free(x.arena);
}

/* Nested patterns over one letter: every position ends all of them. */
static void hostile_values_take_linear_time(void **state)
{
	enum { PATTERNS = 2000, LENGTH = 1 << 20 };
	struct arena *arena = arena_new();
	struct lookup_key *keys = ARENA_ARRAY(arena, struct lookup_key, PATTERNS);
	char *text = arena_bytes(arena, LENGTH);
	uint32_t *marks = ARENA_ARRAY(arena, uint32_t, PATTERNS);
	uint32_t *atoms = ARENA_ARRAY(arena, uint32_t, PATTERNS);
	struct lookup_hits hits = {marks, 1, 0, atoms};
	(void)state;

	memset(text, 'a', LENGTH);
	for (uint32_t i = 0; i < PATTERNS; i++)
		keys[i] = (struct lookup_key){.atom = i, .text = {text, i + 1}};
	struct lookup *l = lookup_build(LOOKUP_CONTAINS, keys, PATTERNS, arena);

	/* Quadratic work would be 2 * 10^9 steps here, and be noticed by the test's time limit. */
	lookup_text(l, (struct str){text, LENGTH}, &hits);
	check_i64(hits.count, PATTERNS, "hits");
	arena_free(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(text_lookups_agree_with_plain_comparison),
	    cmocka_unit_test(numbers_are_found_and_bounded),
	    cmocka_unit_test(addresses_match_all_their_networks),
	    cmocka_unit_test(hostile_values_take_linear_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
