/* SPDX-License-Identifier: Apache-2.0 */
/* Atoms on the same subject → lookups that answer all of them at once. */
#ifndef SAKER_ENGINE_GROUP_H
#define SAKER_ENGINE_GROUP_H

#include "engine/formula.h"
#include "engine/plan_internal.h"

struct lookup_groups {
	struct plan_lookup *lookups; /* in the arena */
	uint32_t count;
	uint32_t most_atoms;    /* of the largest */
	uint32_t *atom_lookups; /* by atom; PLAN_NONE: asked one by one */
};

struct lookup_groups group_atoms(const struct formula *f, struct arena *arena);

#endif
