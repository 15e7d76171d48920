/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SAKER_CONDITION_MODIFIER_H
#define SAKER_CONDITION_MODIFIER_H

#include "condition/condition.h"

/*
 * Turns a node whose comparison has a modifier into what it means. The comparison, whose left side
 * is parsed, stays as it is: other nodes may share it.
 */
void modifier_expand(struct arena *arena, struct condition *node);

#endif
