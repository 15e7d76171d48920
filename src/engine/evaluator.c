/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The evaluator's life, and what is asked of it between events: all memory that judging needs is
 * taken here, by the plan's sizes, so that evaluate.c takes none.
 */
#include "base/clock.h"
#include "engine/evaluator_internal.h"
#include "state/pool.h"

#include <stdlib.h>

enum {
	SCRATCH_SIZE = 16 * 1024 * 1024, /* of which there is what was ever used */
	SLOTS_MOST = 8192,
	SLOTS_LEAST = 64,
	SLOTS_BYTES = 4 * 1024 * 1024,
};

static void *array(size_t count, size_t size)
{
	void *p = calloc(count ? count : 1, size);

	if (!p)
		abort();
	return p;
}

struct evaluator *evaluator_new_sized(const struct plan *p, struct state *state,
				      const char *hostname, bool is_small)
{
	struct evaluator *ev = array(1, sizeof(*ev));
	size_t words = BITSET_WORDS(p->most_candidates);

	ev->plan = p;
	ev->scratch_memory = array(1, SCRATCH_SIZE);
	arena_fixed(&ev->scratch, ev->scratch_memory, SCRATCH_SIZE);
	ev->ctx =
	    (struct field_context){.state = state, .scratch = &ev->scratch, .hostname = hostname};
	ev->subjects = array(p->subject_count, sizeof(*ev->subjects));
	ev->lookup_epochs = array(p->lookup_count, sizeof(*ev->lookup_epochs));
	ev->atom_epochs = array(p->atom_count, sizeof(*ev->atom_epochs));
	ev->atom_answers = array(p->atom_count, sizeof(*ev->atom_answers));
	ev->memo_epochs = array(p->memo_count, sizeof(*ev->memo_epochs));
	ev->memo_answers = array(p->memo_count, sizeof(*ev->memo_answers));
	ev->hits = array(p->most_hits, sizeof(*ev->hits));
	ev->found = array(words, sizeof(*ev->found));
	ev->found_summary = array(BITSET_WORDS(words), sizeof(*ev->found_summary));
	ev->fired = array(words * 2, sizeof(*ev->fired));
	ev->bit_words = (uint32_t)BITSET_WORDS(p->bit_count);
	ev->slot_size = sizeof(struct slot) + p->small_count * sizeof(struct small_known) +
			(p->guard_table_words + 2 * (size_t)ev->bit_words) * sizeof(uint64_t) +
			SLOT_GUARDS_MAX * sizeof(uint32_t);
	ev->slot_size = (ev->slot_size + CACHE_LINE - 1) & ~(size_t)(CACHE_LINE - 1);
	size_t slots = is_small ? 0 : SLOTS_BYTES / ev->slot_size;
	ev->slot_count = slots > SLOTS_MOST    ? SLOTS_MOST
			 : slots < SLOTS_LEAST ? SLOTS_LEAST
					       : (uint32_t)slots;
	/* Zeroed by whoever gives the memory, so that slots that are never used take none. */
	ev->slots_memory = array(ev->slot_count * ev->slot_size + CACHE_LINE, 1);
	ev->slots =
	    (char *)(((uintptr_t)ev->slots_memory + CACHE_LINE - 1) & ~(uintptr_t)(CACHE_LINE - 1));
	ev->next_slot = 1;
	ev->match_counts = array(p->set->rule_count, sizeof(*ev->match_counts));
	ev->serial = hash_u64((uintptr_t)ev) ^ clock_monotonic_ns();
	return ev;
}

void evaluator_free(struct evaluator *ev)
{
	if (!ev)
		return;
	free(ev->scratch_memory);
	free(ev->subjects);
	free(ev->lookup_epochs);
	free(ev->atom_epochs);
	free(ev->atom_answers);
	free(ev->memo_epochs);
	free(ev->memo_answers);
	free(ev->hits);
	free(ev->found);
	free(ev->found_summary);
	free(ev->fired);
	free(ev->slots_memory);
	free(ev->match_counts);
	rule_times_release(&ev->times);
	free(ev);
}

void evaluator_forget(struct evaluator *ev)
{
	ev->serial = hash_u64(ev->serial);
}

void evaluator_follow(struct evaluator *ev, const struct evaluator *before)
{
	ev->ctx.first_event_time = before->ctx.first_event_time;
	ev->last_time = before->last_time;
}

struct field_context *evaluator_context(struct evaluator *ev)
{
	return &ev->ctx;
}

const uint64_t *evaluator_match_counts(const struct evaluator *ev)
{
	return ev->match_counts;
}

void evaluator_count_match(struct evaluator *ev, const struct rule *rule)
{
	ev->match_counts[rule->id]++;
}

void evaluator_time_rules(struct evaluator *ev, uint32_t every)
{
	rule_times_begin(&ev->times, ev->plan->set->rule_count, every);
}

const uint64_t *evaluator_rule_times(const struct evaluator *ev)
{
	return ev->times.ns;
}
