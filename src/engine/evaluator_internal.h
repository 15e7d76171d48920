/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The evaluator's inside: what it remembers of the event and of processes. Laid out by evaluator.c,
 * used by evaluate.c, seen by nobody else.
 */
#ifndef SAKER_ENGINE_EVALUATOR_INTERNAL_H
#define SAKER_ENGINE_EVALUATOR_INTERNAL_H

#include "engine/plan_internal.h"
#include "engine/rule_times.h"

/* What is kept of a process; events of others fall back on looking it up each time. */
enum { SLOT_GUARDS_MAX = 48 };

struct subject_answer {
	uint32_t epoch;
	bool has_value;
	struct value value;
};

/*
 * What has been found out about a thread and its process, as long as their scope_generations stand.
 * Per thread, since threads have names of their own. The thread names its slot, the slot names its
 * thread: either side may forget.
 */
struct slot {
	const struct thread *thread;
	const struct process *process;
	uint64_t generation;                /* both scope_generations: neither ever goes back */
	uint64_t seen_tables, known_tables; /* small tables, by small_id */
	bool are_guards_known, has_too_many_guards;
	uint16_t recurrences; /* events, as evaluator_recurs counts them */
	uint32_t guard_count;
	/* What most events read stands first, in one cache line: see slot_* for the rest. */
	struct small_known {
		uint64_t ready; /* candidates that the process leaves */
		uint64_t found; /* those that its guards find */
	} small[];
};

struct evaluator {
	const struct plan *plan;
	struct field_context ctx;
	struct arena scratch;
	char *scratch_memory;
	uint32_t next_epoch;
	uint32_t epochs[VIEW_COUNT];

	struct subject_answer *subjects;
	uint32_t *lookup_epochs; /* done in */
	uint32_t *atom_epochs;   /* holds in; of atoms without a lookup: known in */
	uint8_t *atom_answers;   /* of atoms without a lookup */
	uint32_t *memo_epochs;   /* known in */
	uint8_t *memo_answers;
	uint32_t *hits; /* room for the largest lookup */

	/* Candidates of the event, and which words of them are not empty. */
	uint64_t *found, *found_summary;
	uint64_t ready; /* of small tables: candidates that may hold as far as is known */
	uint64_t *fired;

	void *slots_memory;
	char *slots; /* in it, at a cache line */
	size_t slot_size;
	uint32_t slot_count, next_slot;
	uint32_t bit_words;
	struct slot *slot; /* of the event's process */
	uint64_t serial;   /* tells this evaluator's slots from an earlier one's */

	uint64_t *match_counts;
	struct rule_times times;
	uint64_t last_time;
};

static inline struct slot *slot_at(const struct evaluator *ev, uint32_t index)
{
	return (struct slot *)(ev->slots + (size_t)index * ev->slot_size);
}

/* Behind slot.small: which tables guards find rules in; bits known, and set; the guards that hold.
 */

static inline uint64_t *slot_tables(const struct evaluator *ev, struct slot *s)
{
	return (uint64_t *)(s->small + ev->plan->small_count);
}

static inline uint64_t *slot_bits(const struct evaluator *ev, struct slot *s)
{
	return slot_tables(ev, s) + ev->plan->guard_table_words;
}

static inline uint32_t *slot_guards(const struct evaluator *ev, struct slot *s)
{
	return (uint32_t *)(slot_bits(ev, s) + 2 * (size_t)ev->bit_words);
}

#endif
