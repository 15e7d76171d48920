/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random conditions and events that have much to do with each other: both draw names, paths,
 * addresses and numbers from the same small stores, so that comparisons hold about as often as not.
 * The same seed gives the same sequence.
 */
#ifndef SAKER_TESTS_REFERENCE_GENERATE_H
#define SAKER_TESTS_REFERENCE_GENERATE_H

#include "base/buffer.h"
#include "event/event.h"

struct generator {
	uint64_t state;
	uint64_t time;
	uint64_t start_times[16]; /* of the processes there are; changes when a pid is used again */
	uint64_t exec_ids[16];
	bool only_early; /* see generate_early_condition */
};

struct generator generator_new(uint64_t seed);
uint64_t generate_below(struct generator *g, uint64_t limit);

/* A condition as rules files have it. Not all of them pass the check: some types do not fit. */
void generate_condition(struct generator *g, struct buffer *out);

/* The same of fields that the kernel may know before it collects anything, and calls of which it
 * may. */
void generate_early_condition(struct generator *g, struct buffer *out);

/* One record; 0 where it does not fit into room. */
size_t generate_event(struct generator *g, void *memory, size_t room);

#endif
