/* SPDX-License-Identifier: Apache-2.0 */
#include "reference/reference.h"

/* -1: this plain text does not cover the operator. */
static int text_holds(enum operator op, struct str v, struct str want)
{
	switch (op) {
	case OP_EQ:
	case OP_IN:
		return str_equal(v, want);
	case OP_NE:
		return !str_equal(v, want);
	case OP_STARTSWITH:
		return str_starts_with(v, want);
	case OP_ENDSWITH:
		return str_ends_with(v, want);
	case OP_CONTAINS:
	case OP_ICONTAINS:
		for (size_t i = 0; i + want.n <= v.n; i++) {
			struct str part = str_slice(v, i, i + want.n);

			if (op == OP_CONTAINS ? str_equal(part, want)
					      : str_equal_nocase(part, want))
				return 1;
		}
		return 0;
	default:
		return -1;
	}
}

static int order_holds(enum operator op, int order)
{
	switch (op) {
	case OP_EQ:
	case OP_IN:
		return order == 0;
	case OP_NE:
		return order != 0;
	case OP_LT:
		return order < 0;
	case OP_LE:
		return order <= 0;
	case OP_GT:
		return order > 0;
	case OP_GE:
		return order >= 0;
	default:
		return -1;
	}
}

static int in_network(const struct ip_address *a, const struct ip_network *n)
{
	if (a->size != n->address.size || !a->size)
		return 0;
	for (unsigned bit = 0; bit < n->prefix; bit++) {
		unsigned mask = 0x80u >> bit % 8;

		if ((a->bytes[bit / 8] & mask) != (n->address.bytes[bit / 8] & mask))
			return 0;
	}
	return 1;
}

static int one_holds(enum operator op, const struct value *v, const struct value *want)
{
	if (v->is_list || want->is_list)
		return -1;
	if (v->type == VALUE_IP && want->type == VALUE_NET) {
		int in = in_network(&v->ip, &want->net);

		return op == OP_EQ || op == OP_IN ? in : op == OP_NE ? !in : -1;
	}
	if (v->type != want->type)
		return -1;
	switch (v->type) {
	case VALUE_STRING:
		return text_holds(op, v->str, want->str);
	case VALUE_I64:
		return order_holds(op, (v->i64 > want->i64) - (v->i64 < want->i64));
	case VALUE_U64:
	case VALUE_BOOL:
	case VALUE_RELTIME:
	case VALUE_ABSTIME:
		return order_holds(op, (v->u64 > want->u64) - (v->u64 < want->u64));
	case VALUE_IP: {
		struct ip_network host = {want->ip, (uint8_t)(want->ip.size * 8)};
		int in = in_network(&v->ip, &host);

		return op == OP_EQ || op == OP_IN ? in : op == OP_NE ? !in : -1;
	}
	default:
		return -1;
	}
}

static int value_holds(const struct comparison *c, const struct value *v)
{
	bool is_in = c->operator== OP_IN;

	if (!is_in && c->operand_count != 1)
		return -1;
	for (size_t i = 0; i < c->operand_count; i++) {
		int holds = one_holds(c->operator, v, &c->operands[i].value);

		if (holds != 0 || !is_in)
			return holds;
	}
	return 0;
}

static int comparison_holds_plainly(const struct comparison *c, const struct value *v)
{
	const struct expression *x = c->left;

	if (c->right)
		return -1;
	if (!v->is_list)
		return value_holds(c, v);
	if (x->transformer != TRANSFORM_NONE || x->is_literal ||
	    !(x->use.field->flags & FIELD_ANY_OF) || c->operator== OP_NE)
		return -1;
	/* One of several values will do; what != means depends on the field. */
	for (uint32_t i = 0; i < v->count; i++) {
		int holds = value_holds(c, &v->list[i]);

		if (holds != 0)
			return holds;
	}
	return 0;
}

bool reference_holds(const struct condition *c, struct field_context *ctx)
{
	struct value v = {0};
	int holds;

	switch (c->kind) {
	case CONDITION_TRUE:
		return true;
	case CONDITION_AND:
		for (size_t i = 0; i < c->child_count; i++)
			if (!reference_holds(c->children[i], ctx))
				return false;
		return true;
	case CONDITION_OR:
		for (size_t i = 0; i < c->child_count; i++)
			if (reference_holds(c->children[i], ctx))
				return true;
		return false;
	case CONDITION_NOT:
		return !reference_holds(c->children[0], ctx);
	case CONDITION_COMPARE:
		if (c->comparison->operator== OP_EXISTS)
			return comparison_holds(c->comparison, ctx);
		if (!expression_evaluate(ctx, c->comparison->left, &v))
			return comparison_holds_for(c->comparison, ctx, false, &v);
		holds = comparison_holds_plainly(c->comparison, &v);
		return holds >= 0 ? holds : comparison_holds_for(c->comparison, ctx, true, &v);
	default:
		return false;
	}
}

size_t reference_judge(const struct rule_set *set, bool all_matches, struct field_context *ctx,
		       struct event *e, struct match *matches, size_t room)
{
	size_t count = 0;
	char *mark = ctx->scratch->next;

	ctx->event = e;
	for (size_t i = 0; i < set->rule_count; i++) {
		const struct rule *rule = &set->rules[i];

		if (!rule->is_enabled || rule->source != ctx->source)
			continue;
		for (int view = NAME_GIVEN; view <= (int)e->has_second_name; view++) {
			e->name_view = (enum name_view)view;
			arena_reset_to(ctx->scratch, mark);
			if (!reference_holds(rule->condition, ctx))
				continue;
			if (count < room)
				matches[count] = (struct match){rule, e->name_view};
			count++;
			break;
		}
		if (count && !all_matches)
			break;
	}
	e->name_view = NAME_GIVEN;
	return count;
}
