/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/estimate.h"

#include "engine/plan_internal.h"

#include <stdlib.h>

/* Guards that hold more often than this find too little to be worth their lookup. */
static const float guard_probability_max = 0.35f;
/* More atoms than this do not make a guard. */
enum { GUARD_ATOMS_MAX = 4096 };

/* Fields with so few values that equality says little. */
static const struct {
	const char *name;
	float probability; /* that one value is met */
} common_values[] = {
    {"container.id", 0.7f}, {"evt.category", 0.3f}, {"evt.res", 0.8f},       {"fd.l4proto", 0.4f},
    {"fd.type", 0.4f},      {"fd.typechar", 0.4f},  {"group.gid", 0.5f},     {"group.name", 0.5f},
    {"proc.tty", 0.5f},     {"proc.vpid", 0.2f},    {"user.loginuid", 0.5f}, {"user.name", 0.5f},
    {"user.uid", 0.5f},     {"evt.rawres", 0.5f},   {"evt.dir", 1.0f},
};

static float value_probability(const struct subject *s, size_t length)
{
	const struct expression *x = s->expression;

	if (x->type == VALUE_BOOL)
		return 0.5f;
	if (x->transformer == TRANSFORM_NONE && !x->is_literal)
		for (size_t i = 0; i < sizeof(common_values) / sizeof(*common_values); i++)
			if (strcmp(x->use.field->name, common_values[i].name) == 0)
				return common_values[i].probability;
	if (x->type == VALUE_STRING)
		return length < 2 ? 0.2f : 0.01f;
	return 0.03f;
}

static float prefix_probability(size_t length)
{
	return length == 0 ? 1.0f : length == 1 ? 0.8f : length < 5 ? 0.15f : 0.03f;
}

static float atom_probability(const struct formula *f, const struct atom *a)
{
	const struct subject *s = &f->subjects.items[a->subject];
	const struct comparison *c = a->comparison;
	float p = 0;

	if (a->form == ATOM_PRESENT)
		return 0.9f;
	switch (c->operator) {
	case OP_EXISTS:
		return 0.9f;
	case OP_EQ:
	case OP_IN:
		/* Long lists name what is usual less and less often. */
		for (size_t i = 0; i < c->operand_count && p < 0.9f; i++)
			p += value_probability(s, c->operands[i].text.n) / (i < 8 ? 1 : 16);
		return p < 0.9f ? p : 0.9f;
	case OP_NE:
		return 0.7f;
	case OP_STARTSWITH:
	case OP_PMATCH:
	case OP_ENDSWITH:
		for (size_t i = 0; i < c->operand_count && p < 0.9f; i++)
			p += prefix_probability(c->operands[i].text.n);
		return p < 0.9f ? p : 0.9f;
	case OP_CONTAINS:
	case OP_ICONTAINS:
		return c->operand_count && c->operands[0].text.n < 3 ? 0.5f : 0.05f;
	default:
		return 0.4f;
	}
}

static float atom_cost(const struct estimator *e, uint32_t atom)
{
	const struct atom *a = &e->formula->atoms.items[atom];
	const struct subject *s = &e->formula->subjects.items[a->subject];
	enum value_type type = s->expression->type;
	/* Fetching the value. */
	float cost = a->flags & FORMULA_PROCESS ? 1 : 4;

	if (a->form == ATOM_PRESENT || type == VALUE_BOOL || type == VALUE_I64 || type == VALUE_U64)
		return cost + 1;
	if (e->atom_lookups[atom] == PLAN_NONE)
		return cost + (a->comparison->operator== OP_REGEX ? 200 : 50);
	return cost +
	       (a->comparison->operator== OP_CONTAINS || a->comparison->operator== OP_ICONTAINS
		    ? 60
		    : 12);
}

struct estimate estimate_node(struct estimator *e, uint32_t id)
{
	const struct formula *f = e->formula;

	while (e->estimates.count < f->nodes.count)
		VEC_PUSH(&e->estimates, (struct estimate){.probability = -1});
	if (e->estimates.items[id].probability >= 0)
		return e->estimates.items[id];

	struct node n = f->nodes.items[id];
	struct estimate r = {0, 0};
	bool is_and = n.kind == NODE_AND;
	float all = 1; /* that all children hold (AND), that none does (OR) */

	switch (n.kind) {
	case NODE_TRUE:
		r.probability = 1;
		break;
	case NODE_FALSE:
		break;
	case NODE_LITERAL:
		r.probability = atom_probability(f, &f->atoms.items[n.first]);
		if (n.is_negated)
			r.probability = 1 - r.probability;
		r.cost = atom_cost(e, n.first);
		break;
	default:
		for (uint32_t i = 0; i < n.count; i++) {
			struct estimate c = estimate_node(e, f->children.items[n.first + i]);

			r.cost += all * c.cost;
			all *= is_and ? c.probability : 1 - c.probability;
		}
		r.probability = is_and ? all : 1 - all;
		break;
	}
	/* Remembered with the process. */
	if (n.flags & FORMULA_PROCESS)
		r.cost = 1;
	e->estimates.items[id] = r;
	return r;
}

static struct guard join_guards(struct estimator *e, const struct node *n)
{
	const struct formula *f = e->formula;
	struct guard joined = {0};
	VEC(uint32_t) atoms = {0};

	for (uint32_t i = 0; i < n->count; i++) {
		struct guard g = estimate_guard(e, f->children.items[n->first + i]);

		if (!g.count || atoms.count + g.count > GUARD_ATOMS_MAX ||
		    joined.probability + g.probability > guard_probability_max) {
			VEC_FREE(&atoms);
			return (struct guard){0};
		}
		joined.probability += g.probability;
		for (uint32_t j = 0; j < g.count; j++)
			VEC_PUSH(&atoms, e->guard_atoms.items[g.first + j]);
	}
	joined.first = (uint32_t)e->guard_atoms.count;
	joined.count = (uint32_t)atoms.count;
	VEC_FOREACH (atom, &atoms)
		VEC_PUSH(&e->guard_atoms, *atom);
	VEC_FREE(&atoms);
	return joined;
}

/* Values that have to be made, as text of flags or by transformers, make poor guards. */
static bool is_made(const struct expression *x)
{
	return x->transformer != TRANSFORM_NONE || x->is_literal ||
	       strncmp(x->use.field->name, "evt.", 4) == 0;
}

/*
 * What it costs to find rules by the guard, as a probability that is as bad: lookups that are
 * fixed per process are done once per process, those that search take longer.
 */
static float guard_weight(const struct estimator *e, const struct guard *g)
{
	float weight = g->probability * 0.5f;

	for (uint32_t i = 0; i < g->count; i++) {
		uint32_t id = e->guard_atoms.items[g->first + i];
		const struct atom *a = &e->formula->atoms.items[id];
		enum operator op = a->comparison->operator;
		float cost = g->probability;

		if (a->flags & FORMULA_PROCESS)
			continue;
		if (op == OP_CONTAINS || op == OP_ICONTAINS)
			cost += 0.1f;
		if (is_made(e->formula->subjects.items[a->subject].expression))
			cost += 0.1f;
		if (cost > weight)
			weight = cost;
	}
	return weight;
}

struct guard estimate_guard(struct estimator *e, uint32_t id)
{
	const struct formula *f = e->formula;

	while (e->guards.count < f->nodes.count)
		VEC_PUSH(&e->guards, (struct guard){.probability = -1});
	if (e->guards.items[id].probability >= 0)
		return e->guards.items[id];

	struct node n = f->nodes.items[id];
	struct guard best = {0};

	if (n.kind == NODE_LITERAL && !n.is_negated && e->atom_lookups[n.first] != PLAN_NONE) {
		float p = estimate_node(e, id).probability;

		if (p <= guard_probability_max) {
			best = (struct guard){(uint32_t)e->guard_atoms.count, 1, p};
			VEC_PUSH(&e->guard_atoms, n.first);
		}
	} else if (n.kind == NODE_AND) {
		for (uint32_t i = 0; i < n.count; i++) {
			struct guard g = estimate_guard(e, f->children.items[n.first + i]);

			if (g.count &&
			    (!best.count || guard_weight(e, &g) < guard_weight(e, &best)))
				best = g;
		}
	} else if (n.kind == NODE_OR) {
		best = join_guards(e, &n);
	}
	e->guards.items[id] = best;
	return best;
}

void estimator_init(struct estimator *e, const struct formula *f, const uint32_t *atom_lookups)
{
	*e = (struct estimator){.formula = f, .atom_lookups = atom_lookups};
}

void estimator_free(struct estimator *e)
{
	VEC_FREE(&e->estimates);
	VEC_FREE(&e->guards);
	VEC_FREE(&e->guard_atoms);
}
