/* SPDX-License-Identifier: Apache-2.0 */
/* Rule sets made of nothing but conditions, for tests below the rules files. */
#ifndef SAKER_TESTS_REFERENCE_SET_H
#define SAKER_TESTS_REFERENCE_SET_H

#include "rules/ruleset.h"

struct rule_set set_new(size_t room);
void set_free(struct rule_set *set);
/* NULL where the condition is not valid. */
struct rule *set_add_rule(struct rule_set *set, struct str condition);

#endif
