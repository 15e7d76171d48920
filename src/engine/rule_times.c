/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/rule_times.h"

#include "base/clock.h"

#include <stdlib.h>

enum { CLOCK_LOOKS = 64 };

/* The shortest of some: what is between two looks at the clock is not the rule's. */
static uint64_t measure_clock(void)
{
	uint64_t least = UINT64_MAX;

	for (int i = 0; i < CLOCK_LOOKS; i++) {
		uint64_t began = clock_monotonic_ns(), took = clock_monotonic_ns() - began;

		least = took < least ? took : least;
	}
	return least;
}

void rule_times_begin(struct rule_times *t, size_t rule_count, uint32_t every)
{
	if (!t->ns)
		t->ns = calloc(rule_count + 1, sizeof(*t->ns));
	t->every = t->ns ? every : 0;
	t->until_next = t->every;
	t->clock_cost = measure_clock();
}

void rule_times_release(struct rule_times *t)
{
	free(t->ns);
}

void rule_times_add(struct rule_times *t, uint32_t rule, uint64_t began)
{
	uint64_t took = clock_monotonic_ns() - began;
	uint64_t own = took > t->clock_cost ? took - t->clock_cost : 0;
	uint64_t sum = __atomic_load_n(&t->ns[rule], __ATOMIC_RELAXED) + own * t->every;

	/* One thread adds; others may read. */
	__atomic_store_n(&t->ns[rule], sum, __ATOMIC_RELAXED);
}
