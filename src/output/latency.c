/* SPDX-License-Identifier: Apache-2.0 */
#include "output/latency.h"

#define US UINT64_C(1000)
#define MS UINT64_C(1000000)
#define S UINT64_C(1000000000)

static const uint64_t bounds[LATENCY_BUCKETS] = {
    100 * US,  250 * US, 500 * US, 1 * MS,   2 * MS,   3 * MS, 4 * MS, 5 * MS,
    7500 * US, 10 * MS,  25 * MS,  100 * MS, 500 * MS, 2 * S,  10 * S, 60 * S,
};

uint64_t latency_bound(size_t bucket)
{
	return bounds[bucket];
}

static void add(uint64_t *counter, uint64_t n)
{
	__atomic_store_n(counter, __atomic_load_n(counter, __ATOMIC_RELAXED) + n, __ATOMIC_RELAXED);
}

void latency_add(struct latency *l, uint64_t ns)
{
	size_t i = 0;

	while (i < LATENCY_BUCKETS && ns > bounds[i])
		i++;
	add(&l->counts[i], 1);
	add(&l->sum, ns);
}

struct latency latency_read(const struct latency *l)
{
	struct latency copy;

	for (size_t i = 0; i <= LATENCY_BUCKETS; i++)
		copy.counts[i] = __atomic_load_n(&l->counts[i], __ATOMIC_RELAXED);
	copy.sum = __atomic_load_n(&l->sum, __ATOMIC_RELAXED);
	return copy;
}

uint64_t latency_count(const struct latency *l)
{
	uint64_t n = 0;

	for (size_t i = 0; i <= LATENCY_BUCKETS; i++)
		n += l->counts[i];
	return n;
}

void latency_merge(struct latency *l, const struct latency *more)
{
	for (size_t i = 0; i <= LATENCY_BUCKETS; i++)
		l->counts[i] += more->counts[i];
	l->sum += more->sum;
}

uint64_t latency_quantile(const struct latency *l, double share)
{
	uint64_t total = latency_count(l), seen = 0;

	if (total == 0)
		return 0;
	for (size_t i = 0; i < LATENCY_BUCKETS; i++) {
		seen += l->counts[i];
		if ((double)seen >= share * (double)total)
			return bounds[i];
	}
	return UINT64_MAX;
}
