/* SPDX-License-Identifier: Apache-2.0 */
#include "reference/set.h"

#include "base/bitset.h"

struct rule_set set_new(size_t room)
{
	struct rule_set set = {.arena = arena_new()};

	set.rules = ARENA_ARRAY(set.arena, struct rule, room);
	return set;
}

void set_free(struct rule_set *set)
{
	arena_free(set->arena);
}

struct rule *set_add_rule(struct rule_set *set, struct str condition)
{
	struct rule *r = &set->rules[set->rule_count];
	struct condition *c;

	condition = arena_str(set->arena, condition);
	if (condition_parse(condition, set->arena, &c, NULL) ||
	    condition_check(c, SOURCE_BIT(SOURCE_SYSCALL), set->arena, NULL, NULL, NULL, NULL))
		return NULL;
	*r = (struct rule){.id = (uint32_t)set->rule_count++,
			   .name = condition,
			   .is_enabled = true,
			   .condition_text = condition,
			   .condition = c};
	r->event_kinds = ARENA_ARRAY(set->arena, uint64_t, BITSET_WORDS(event_kind_count));
	condition_event_kinds(c, r->event_kinds);
	return r;
}
