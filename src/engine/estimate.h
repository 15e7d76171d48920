/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guesses that decide in which order things are asked and by what rules are found. They change how
 * fast a verdict comes, never which one.
 */
#ifndef SAKER_ENGINE_ESTIMATE_H
#define SAKER_ENGINE_ESTIMATE_H

#include "engine/formula.h"

struct estimate {
	float probability; /* that it holds; negative: not yet guessed */
	float cost;        /* about nanoseconds */
};

/*
 * A guard of a node: atoms of which at least one holds whenever the node does, all answered by
 * lookups. Rules are found by their guards.
 */
struct guard {
	uint32_t first, count; /* in estimator.guard_atoms; count 0: none */
	float probability;     /* that any of them holds; negative: not yet chosen */
};

struct estimator {
	const struct formula *formula;
	const uint32_t *atom_lookups; /* by atom; PLAN_NONE: no lookup answers it */
	VEC(struct estimate) estimates;
	VEC(struct guard) guards;
	VEC(uint32_t) guard_atoms;
};

void estimator_init(struct estimator *e, const struct formula *f, const uint32_t *atom_lookups);
void estimator_free(struct estimator *e);
struct estimate estimate_node(struct estimator *e, uint32_t node);
/* With count 0 where nothing selective enough is necessary for the node. */
struct guard estimate_guard(struct estimator *e, uint32_t node);

#endif
