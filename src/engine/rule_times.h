/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What single rules take, by samples: where that is asked for, one event in so many is judged with
 * a look at the clock before and behind each rule that is visited for it. What several rules ask
 * together counts for the first of them; finding the rules that are to be visited, for none.
 */
#ifndef SAKER_ENGINE_RULE_TIMES_H
#define SAKER_ENGINE_RULE_TIMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rule_times {
	uint64_t *ns;        /* by rule id: measured, times `every`; NULL: never asked for */
	uint32_t every;      /* 0: none is timed */
	uint32_t until_next; /* events */
	uint64_t clock_cost; /* ns that a look at the clock takes */
	bool is_due;         /* the event that is judged is one of them */
};

void rule_times_begin(struct rule_times *t, size_t rule_count, uint32_t every);
void rule_times_release(struct rule_times *t);

/* Once an event. */
static inline void rule_times_count(struct rule_times *t)
{
	t->is_due = --t->until_next == 0;
	if (t->is_due)
		t->until_next = t->every;
}

void rule_times_add(struct rule_times *t, uint32_t rule, uint64_t began);

#endif
