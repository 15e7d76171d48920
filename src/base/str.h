/* SPDX-License-Identifier: Apache-2.0 */
/*
 * String views: a pointer and a length, never owned, not NUL-terminated, any bytes inside.
 * A view lives as long as what it points into. The empty string is {any, 0}; "no string" is said
 * by whatever carries the view, not by a NULL pointer.
 */
#ifndef SAKER_BASE_STR_H
#define SAKER_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct str {
	const char *p;
	size_t n;
};

/* A view of a string literal. */
#define STR(literal) ((struct str){(literal), sizeof(literal) - 1})

/* The two arguments of "%.*s". */
#define STR_ARG(s) ((int)(s).n), ((s).p ? (s).p : "")

/* A view of a NUL-terminated string; NULL gives the empty view. */
static inline struct str str_from(const char *c)
{
	return (struct str){c, c ? strlen(c) : 0};
}

static inline struct str str_slice(struct str s, size_t from, size_t to)
{
	if (to > s.n)
		to = s.n;
	if (from > to)
		from = to;
	/* Of a NULL view too, to which not even 0 may be added. */
	return (struct str){from ? s.p + from : s.p, to - from};
}

static inline bool str_equal(struct str a, struct str b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline bool str_equal_c(struct str a, const char *b)
{
	return str_equal(a, str_from(b));
}

static inline bool str_starts_with(struct str s, struct str prefix)
{
	return s.n >= prefix.n && (prefix.n == 0 || memcmp(s.p, prefix.p, prefix.n) == 0);
}

static inline bool str_ends_with(struct str s, struct str suffix)
{
	return s.n >= suffix.n &&
	       (suffix.n == 0 || memcmp(s.p + s.n - suffix.n, suffix.p, suffix.n) == 0);
}

/* Position of the first byte c at or after from; s.n where there is none. */
size_t str_find_byte(struct str s, char c, size_t from);

/* Bytewise order like memcmp; a prefix sorts before what it begins. */
int str_compare(struct str a, struct str b);

/* Equal but for the case of ASCII letters. */
bool str_equal_nocase(struct str a, struct str b);

/* Without leading and trailing blanks, tabs and line ends. */
struct str str_trim(struct str s);

/*
 * Whole string as a number; false (and *out untouched) where it is none or does not fit.
 * Decimal, 0x hexadecimal and (u64, with a leading 0) octal.
 */
bool str_to_u64(struct str s, uint64_t *out);
bool str_to_i64(struct str s, int64_t *out);

/* A 64-bit hash, seeded once per process so that watched programs cannot aim for collisions. */
uint64_t str_hash(struct str s);
uint64_t hash_u64(uint64_t v);

/*
 * The member of names that is nearest to s, by edit distance, or NULL where none is near enough to
 * be what was meant. For messages: "did you mean ...?".
 */
const char *str_nearest(struct str s, const char *const *names, size_t count);

/* Edit distance with a cap: larger distances answer cap + 1. Transpositions count as one. */
unsigned str_distance(struct str a, struct str b, unsigned cap);

#endif
