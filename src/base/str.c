/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/random.h>

size_t str_find_byte(struct str s, char c, size_t from)
{
	if (from >= s.n)
		return s.n;
	const char *hit = memchr(s.p + from, c, s.n - from);
	return hit ? (size_t)(hit - s.p) : s.n;
}

int str_compare(struct str a, struct str b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int c = n ? memcmp(a.p, b.p, n) : 0;

	if (c)
		return c;
	return (a.n > b.n) - (a.n < b.n);
}

static char ascii_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

bool str_equal_nocase(struct str a, struct str b)
{
	if (a.n != b.n)
		return false;
	for (size_t i = 0; i < a.n; i++)
		if (ascii_lower(a.p[i]) != ascii_lower(b.p[i]))
			return false;
	return true;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\v' || c == '\f';
}

struct str str_trim(struct str s)
{
	while (s.n && is_blank(s.p[0])) {
		s.p++;
		s.n--;
	}
	while (s.n && is_blank(s.p[s.n - 1]))
		s.n--;
	return s;
}

static int digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = ascii_lower(c);
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

bool str_to_u64(struct str s, uint64_t *out)
{
	unsigned base = 10;
	size_t i = 0;
	uint64_t v = 0;

	if (s.n > 2 && s.p[0] == '0' && ascii_lower(s.p[1]) == 'x') {
		base = 16;
		i = 2;
	} else if (s.n > 1 && s.p[0] == '0') {
		base = 8;
		i = 1;
	}
	if (i >= s.n)
		return false;
	for (; i < s.n; i++) {
		int d = digit_value(s.p[i]);

		if (d < 0 || (unsigned)d >= base || __builtin_mul_overflow(v, base, &v) ||
		    __builtin_add_overflow(v, (uint64_t)d, &v))
			return false;
	}
	*out = v;
	return true;
}

bool str_to_i64(struct str s, int64_t *out)
{
	bool negative = s.n && s.p[0] == '-';
	uint64_t v;

	if (s.n && (s.p[0] == '-' || s.p[0] == '+'))
		s = str_slice(s, 1, s.n);
	if (!str_to_u64(s, &v))
		return false;
	if (v > (uint64_t)INT64_MAX + negative)
		return false;
	*out = negative ? (int64_t)(0 - v) : (int64_t)v;
	return true;
}

static uint64_t hash_seed;
static pthread_once_t hash_seed_once = PTHREAD_ONCE_INIT;

static void hash_seed_init(void)
{
	/* Without entropy the hash still works; it can only be aimed at. */
	if (getrandom(&hash_seed, sizeof(hash_seed), GRND_NONBLOCK) != sizeof(hash_seed))
		hash_seed = (uint64_t)(uintptr_t)&hash_seed * 0x9e3779b97f4a7c15u;
}

static uint64_t mix(uint64_t a, uint64_t b)
{
	__uint128_t m = (__uint128_t)a * b;

	return (uint64_t)m ^ (uint64_t)(m >> 64);
}

uint64_t hash_u64(uint64_t v)
{
	return mix(v ^ 0x9e3779b97f4a7c15u, 0xbf58476d1ce4e5b9u);
}

uint64_t str_hash(struct str s)
{
	pthread_once(&hash_seed_once, hash_seed_init);

	uint64_t h = hash_seed ^ (s.n * 0x9e3779b97f4a7c15u);
	const char *p = s.p;
	size_t n = s.n;

	for (; n >= 8; p += 8, n -= 8) {
		uint64_t w;

		memcpy(&w, p, 8);
		h = mix(h ^ w, 0xbf58476d1ce4e5b9u);
	}
	if (n) {
		uint64_t w = 0;

		memcpy(&w, p, n);
		h = mix(h ^ w, 0x94d049bb133111ebu);
	}
	return mix(h ^ 0xe7037ed1a0b428dbu, 0x8ebc6af09c88c6e3u);
}

unsigned str_distance(struct str a, struct str b, unsigned cap)
{
	enum { LONGEST = 96 };
	unsigned rows[3][LONGEST + 2];

	if (a.n > LONGEST || b.n > LONGEST)
		return str_equal(a, b) ? 0 : cap + 1;
	if (a.n > b.n + cap || b.n > a.n + cap)
		return cap + 1;
	for (size_t j = 0; j <= b.n + 1; j++)
		rows[0][j] = (unsigned)j;
	for (size_t i = 1; i <= a.n; i++) {
		unsigned *row = rows[i % 3], *up = rows[(i - 1) % 3], *up2 = rows[(i + 1) % 3];
		/* Further from the diagonal than the cap everything is above it. */
		size_t from = i > cap ? i - cap : 1, to = i + cap < b.n ? i + cap : b.n;
		unsigned least = row[from - 1] = from == 1 ? (unsigned)i : cap + 1;

		for (size_t j = from; j <= to; j++) {
			unsigned d = up[j - 1] + (a.p[i - 1] != b.p[j - 1]);

			if (up[j] + 1 < d)
				d = up[j] + 1;
			if (row[j - 1] + 1 < d)
				d = row[j - 1] + 1;
			if (i > 1 && j > 1 && a.p[i - 1] == b.p[j - 2] &&
			    a.p[i - 2] == b.p[j - 1] && up2[j - 2] + 1 < d)
				d = up2[j - 2] + 1;
			row[j] = d;
			if (d < least)
				least = d;
		}
		row[to + 1] = cap + 1;
		/* A transposition looks two rows up, so that one of them may still be below. */
		if (least > cap + 1)
			return cap + 1;
	}
	unsigned d = rows[a.n % 3][b.n];
	return d > cap ? cap + 1 : d;
}

const char *str_nearest(struct str s, const char *const *names, size_t count)
{
	unsigned best = s.n < 4 ? 1 : s.n < 8 ? 2 : 3;
	const char *nearest = NULL;

	for (size_t i = 0; i < count; i++) {
		unsigned d = str_distance(s, str_from(names[i]), best);

		if (d <= best && !(nearest && d == best)) {
			best = d;
			nearest = names[i];
		}
	}
	return nearest;
}
