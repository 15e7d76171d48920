/* SPDX-License-Identifier: Apache-2.0 */
/* `contains anyof (a, b)` and its kin, as the and, or, not of plain comparisons. */
#include "condition/modifier.h"

static struct condition *new_like(struct arena *arena, const struct condition *like,
				  enum condition_kind kind, size_t child_count)
{
	struct condition *c = ARENA_NEW(arena, struct condition);

	*c = *like;
	c->kind = kind;
	c->children = ARENA_ARRAY(arena, struct condition *, child_count);
	c->child_count = child_count;
	return c;
}

static struct condition *any_of(struct arena *arena, const struct condition *like,
				struct condition **leaves, size_t count)
{
	struct condition *c = new_like(arena, like, CONDITION_OR, count);

	memcpy(c->children, leaves, count * sizeof(*leaves));
	return count == 1 ? leaves[0] : c;
}

static struct condition *and_not(struct arena *arena, struct condition *a, struct condition *b)
{
	struct condition *not = new_like(arena, a, CONDITION_NOT, 1);
	struct condition *and = new_like(arena, a, CONDITION_AND, 2);

	not ->children[0] = b;
	and->children[0] = a;
	and->children[1] = not ;
	return and;
}

/* One in this half and none in the other, either way round: n log n nodes for n leaves. */
static struct condition *one_of(struct arena *arena, const struct condition *like,
				struct condition **leaves, size_t count)
{
	size_t half = count / 2;

	if (count == 1)
		return leaves[0];

	struct condition *either = new_like(arena, like, CONDITION_OR, 2);

	either->children[0] = and_not(arena, one_of(arena, like, leaves, half),
				      any_of(arena, like, leaves + half, count - half));
	either->children[1] = and_not(arena, one_of(arena, like, leaves + half, count - half),
				      any_of(arena, like, leaves, half));
	return either;
}

static struct comparison *without_modifier(struct arena *arena, const struct comparison *whole,
					   struct operand *operands, size_t count)
{
	struct comparison *c = ARENA_NEW(arena, struct comparison);

	*c = *whole;
	c->modifier = MODIFIER_NONE;
	c->operands = operands;
	c->operand_count = count;
	c->is_list = false;
	return c;
}

/*
 * Turns a node whose comparison has a modifier into what it means. The comparison, whose left side
 * is parsed, stays as it is: other nodes may share it.
 */
void modifier_expand(struct arena *arena, struct condition *node)
{
	const struct comparison *whole = node->comparison;
	size_t count = whole->operand_count;

	node->whole = whole;
	if (count == 0) {
		node->kind = CONDITION_FALSE;
		return;
	}
	if (whole->operator== OP_EQ && whole->modifier == MODIFIER_ANYOF) {
		struct comparison *in = without_modifier(arena, whole, whole->operands, count);

		in->operator= OP_IN;
		in->is_list = true;
		node->comparison = in;
		return;
	}

	struct condition **leaves = ARENA_ARRAY(arena, struct condition *, count);

	for (size_t i = 0; i < count; i++) {
		leaves[i] = ARENA_NEW(arena, struct condition);
		*leaves[i] = *node;
		leaves[i]->comparison = without_modifier(arena, whole, &whole->operands[i], 1);
		leaves[i]->whole = NULL;
	}
	if (count == 1) {
		node->comparison = leaves[0]->comparison;
	} else if (whole->modifier == MODIFIER_ONEOF) {
		*node = *one_of(arena, leaves[0], leaves, count);
		node->whole = whole;
	} else {
		node->kind = whole->modifier == MODIFIER_ALLOF ? CONDITION_AND : CONDITION_OR;
		node->children = leaves;
		node->child_count = count;
	}
}
