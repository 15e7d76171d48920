/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Nodes → programs. A node that several others share becomes a program of its own whose answer is
 * remembered for the event; what is fixed per process becomes one whose answer is remembered with
 * the process. So the code is linear in the formula, and calls nest no deeper than it does.
 */
#ifndef SAKER_ENGINE_PROGRAM_H
#define SAKER_ENGINE_PROGRAM_H

#include "engine/estimate.h"
#include "engine/plan_internal.h"

struct program_builder {
	const struct formula *formula;
	struct estimator *estimator;
	const uint32_t *atom_lookups;
	VEC(struct instruction) code;
	VEC(uint64_t) constants;
	VEC(struct plan_memo) memos;
	VEC(uint32_t) bit_entries;
	uint32_t *uses;    /* by node: parents and roots that use it */
	uint32_t *memo_of; /* by node, PLAN_NONE: none */
	uint32_t *bit_of;
	uint32_t *entry_of; /* of roots; PLAN_NONE: not yet made */
};

/* The formula must be complete: nodes that are added later have no programs. */
void program_init(struct program_builder *b, const struct formula *f, struct estimator *e,
		  const uint32_t *atom_lookups);
void program_free(struct program_builder *b);

/* First tell all roots, then ask for their entries. */
void program_add_root(struct program_builder *b, uint32_t node);
uint32_t program_entry(struct program_builder *b, uint32_t node);

#endif
