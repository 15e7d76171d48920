/* SPDX-License-Identifier: Apache-2.0 */
#include "condition/glob.h"

#include <ctype.h>

static unsigned char fold_byte(unsigned char c, bool folds)
{
	return folds && c >= 'A' && c <= 'Z' ? c | 0x20 : c;
}

bool glob_is_pattern(struct str text)
{
	for (size_t i = 0; i < text.n; i++)
		if (text.p[i] == '*' || text.p[i] == '?' || text.p[i] == '[')
			return true;
	return false;
}

static const struct {
	const char *name;
	int (*has)(int c);
} classes[] = {
    {"alpha", isalpha}, {"digit", isdigit}, {"alnum", isalnum}, {"upper", isupper},
    {"lower", islower}, {"space", isspace}, {"blank", isblank}, {"punct", ispunct},
    {"print", isprint}, {"graph", isgraph}, {"cntrl", iscntrl}, {"xdigit", isxdigit},
};
enum { CLASS_COUNT = sizeof(classes) / sizeof(classes[0]) };

/* One member of a set, at *at: a byte, escaped or in [.x.] or [=x=]; false where the set breaks. */
static bool read_member(struct str p, size_t *at, unsigned char *out, bool *is_equivalence)
{
	size_t i = *at;

	*is_equivalence = false;
	if (i >= p.n)
		return false;
	if (p.p[i] == '[' && i + 4 < p.n && (p.p[i + 1] == '.' || p.p[i + 1] == '=') &&
	    p.p[i + 3] == p.p[i + 1] && p.p[i + 4] == ']') {
		*is_equivalence = p.p[i + 1] == '=';
		*out = (unsigned char)p.p[i + 2];
		*at = i + 5;
		return true;
	}
	if (p.p[i] == '\\') {
		if (++i >= p.n)
			return false;
	}
	*out = (unsigned char)p.p[i];
	*at = i + 1;
	return true;
}

/* Whether [:name:] stands at i; its end and whether it has c. */
static bool read_class(struct str p, size_t i, unsigned char c, size_t *end, bool *has)
{
	if (i + 1 >= p.n || p.p[i] != '[' || p.p[i + 1] != ':')
		return false;

	size_t close = i + 2;

	while (close < p.n && p.p[close] >= 'a' && p.p[close] <= 'z')
		close++;
	if (close + 1 >= p.n || p.p[close] != ':' || p.p[close + 1] != ']')
		return false;

	struct str name = str_slice(p, i + 2, close);

	*end = close + 2;
	*has = false;
	for (size_t k = 0; k < CLASS_COUNT; k++)
		if (str_equal_c(name, classes[k].name))
			*has = classes[k].has(c) != 0;
	return true;
}

enum set_result { SET_OPEN, SET_LOST, SET_HAS, SET_HAS_NOT };

/*
 * The set that begins behind the [ at *at, which is moved behind its ]. Where it has no end its [
 * stands for itself (SET_OPEN); but one that ends within an escape or range, or had the byte
 * before its end was missed, matches nothing (SET_LOST).
 */
static enum set_result match_set(struct str p, size_t *at, unsigned char c, bool folds)
{
	size_t i = *at;
	bool is_negated = i < p.n && (p.p[i] == '!' || p.p[i] == '^');
	bool found = false;
	unsigned char folded = fold_byte(c, folds);

	i += is_negated;
	for (bool is_first = true;; is_first = false) {
		unsigned char low, high;
		bool has, is_equivalence;
		size_t end;

		if (i >= p.n)
			return found ? SET_LOST : SET_OPEN;
		if (p.p[i] == ']' && !is_first)
			break;
		if (read_class(p, i, c, &end, &has)) {
			found |= has;
			i = end;
			continue;
		}
		if (!read_member(p, &i, &low, &is_equivalence))
			return SET_LOST;
		high = low;
		if (!is_equivalence && i < p.n && p.p[i] == '-' &&
		    !(i + 1 < p.n && p.p[i + 1] == ']')) {
			i++;
			if (!read_member(p, &i, &high, &is_equivalence))
				return SET_LOST;
		}
		low = fold_byte(low, folds);
		high = fold_byte(high, folds);
		found |= folded >= low && folded <= high;
	}
	*at = i + 1;
	return found != is_negated ? SET_HAS : SET_HAS_NOT;
}

/* Whether the element of the pattern at *at, no star, matches c; moves *at behind it. */
static bool match_one(struct str p, size_t *at, unsigned char c, bool folds)
{
	unsigned char want = (unsigned char)p.p[(*at)++];

	if (want == '?')
		return true;
	if (want == '[') {
		enum set_result r = match_set(p, at, c, folds);

		if (r != SET_OPEN)
			return r == SET_HAS;
	} else if (want == '\\') {
		if (*at == p.n)
			return false;
		want = (unsigned char)p.p[(*at)++];
	}
	return fold_byte(want, folds) == fold_byte(c, folds);
}

bool glob_matches(struct str pattern, struct str text, bool folds)
{
	size_t p = 0, t = 0;
	size_t star = SIZE_MAX; /* behind the last star */
	size_t retry = 0;       /* where in the text that star's run is tried to end */

	while (t < text.n) {
		if (p < pattern.n && pattern.p[p] == '*') {
			star = ++p;
			retry = t;
			if (star == pattern.n)
				return true;
			continue;
		}
		if (p < pattern.n && match_one(pattern, &p, (unsigned char)text.p[t], folds)) {
			t++;
			continue;
		}
		if (star == SIZE_MAX)
			return false;
		p = star;
		t = ++retry;
	}
	while (p < pattern.n && pattern.p[p] == '*')
		p++;
	return p == pattern.n;
}
