/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/group.h"

#include "condition/glob.h"

#include <stdlib.h>

/* Fewer bounds on one subject are cheaper to compare one by one. */
enum { BOUNDS_LEAST = 8 };

/* Which lookup answers an operator, by what it is given. */
static const struct answered {
	uint8_t op;
	uint8_t input;
	uint8_t kind;
	uint8_t bound;
	bool is_whole;
} answered[] = {
    {OP_EQ, INPUT_TEXT, LOOKUP_EXACT, 0, false},
    {OP_IN, INPUT_TEXT, LOOKUP_EXACT, 0, false},
    {OP_INTERSECTS, INPUT_TEXT, LOOKUP_EXACT, 0, false},
    {OP_STARTSWITH, INPUT_TEXT, LOOKUP_PREFIX, 0, false},
    {OP_PMATCH, INPUT_TEXT, LOOKUP_PATH, 0, false},
    {OP_ENDSWITH, INPUT_TEXT, LOOKUP_SUFFIX, 0, false},
    {OP_CONTAINS, INPUT_TEXT, LOOKUP_CONTAINS, 0, false},
    {OP_ICONTAINS, INPUT_TEXT, LOOKUP_ICONTAINS, 0, false},
    {OP_EQ, INPUT_NUMBER, LOOKUP_NUMBER, 0, false},
    {OP_IN, INPUT_NUMBER, LOOKUP_NUMBER, 0, false},
    {OP_LT, INPUT_NUMBER, LOOKUP_BOUND, BOUND_BELOW, false},
    {OP_LE, INPUT_NUMBER, LOOKUP_BOUND, BOUND_NOT_ABOVE, false},
    {OP_GT, INPUT_NUMBER, LOOKUP_BOUND, BOUND_ABOVE, false},
    {OP_GE, INPUT_NUMBER, LOOKUP_BOUND, BOUND_NOT_BELOW, false},
    {OP_EQ, INPUT_ADDRESS, LOOKUP_NETWORK, 0, false},
    {OP_IN, INPUT_ADDRESS, LOOKUP_NETWORK, 0, false},
};

/*
 * Few texts that are compared whole join those that values are searched for as beginnings: one walk
 * answers both, and the value needs no hash.
 */
static const struct answered whole_beginning = {OP_EQ, INPUT_TEXT, LOOKUP_PREFIX, 0, true};
enum { WHOLES_MOST = 256 };

static int input_of(enum value_type type)
{
	switch (type) {
	case VALUE_STRING:
		return INPUT_TEXT;
	case VALUE_I64:
	case VALUE_U64:
	case VALUE_RELTIME:
	case VALUE_ABSTIME:
		return INPUT_NUMBER;
	case VALUE_IP:
	case VALUE_NET: /* fields of networks hold an address */
		return INPUT_ADDRESS;
	default: /* one comparison of booleans and doubles is as quick */
		return -1;
	}
}

static bool operand_fits(const struct value *v, enum value_type type, enum lookup_input input)
{
	if (v->is_list)
		return false;
	if (input == INPUT_ADDRESS)
		return v->type == VALUE_IP || v->type == VALUE_NET;
	return v->type == type;
}

/* pmatch takes shell patterns too. */
static bool is_plain_path(struct str path)
{
	return path.n < LOOKUP_PATH_MAX && !glob_is_pattern(path);
}

/* The row that answers the atom, or NULL where it has to be asked by itself. */
static const struct answered *answer_for(const struct formula *f, const struct atom *a)
{
	const struct comparison *c = a->comparison;
	const struct subject *s = &f->subjects.items[a->subject];
	enum value_type type = s->expression->type;
	enum operator op = c->operator;
	int input = input_of(type);

	if (a->form != ATOM_COMPARISON || c->right || input < 0 || !(s->is_scalar || s->is_any_of))
		return NULL;
	if (op != OP_IN && op != OP_INTERSECTS && op != OP_PMATCH && c->operand_count != 1)
		return NULL;
	for (size_t i = 0; i < c->operand_count; i++)
		if (!operand_fits(&c->operands[i].value, type, (enum lookup_input)input) ||
		    (op == OP_PMATCH && !is_plain_path(c->operands[i].value.str)))
			return NULL;
	for (size_t i = 0; i < sizeof(answered) / sizeof(*answered); i++)
		if (answered[i].op == op && answered[i].input == input)
			return &answered[i];
	return NULL;
}

/* An atom on its way into the lookup of its subject and kind. */
struct grouped {
	uint32_t subject;
	uint32_t atom;
	const struct answered *row;
};

static int compare_grouped(const void *a, const void *b)
{
	const struct grouped *x = a, *y = b;

	if (x->subject != y->subject)
		return x->subject < y->subject ? -1 : 1;
	if (x->row->kind != y->row->kind)
		return x->row->kind < y->row->kind ? -1 : 1;
	return (x->atom > y->atom) - (x->atom < y->atom);
}

static struct lookup_key key_of(const struct grouped *g, const struct value *v)
{
	struct lookup_key k = {
	    .atom = g->atom, .bound = g->row->bound, .is_whole = g->row->is_whole};

	switch (g->row->input) {
	case INPUT_TEXT:
		k.text = v->str;
		break;
	case INPUT_NUMBER:
		k.number = v->u64;
		k.is_signed = v->type == VALUE_I64;
		break;
	default:
		k.network = v->net;
		if (v->type == VALUE_IP) {
			k.network.address = v->ip;
			k.network.prefix = (uint8_t)(v->ip.size * 8);
		}
		break;
	}
	return k;
}

static void join_wholes(const struct formula *f, struct grouped *all, size_t count)
{
	struct texts {
		bool has_beginnings;
		size_t wholes;
	} *of = calloc(f->subjects.count + 1, sizeof(*of));

	if (!of)
		abort();
	for (size_t i = 0; i < count; i++) {
		if (all[i].row->kind == LOOKUP_PREFIX)
			of[all[i].subject].has_beginnings = true;
		else if (all[i].row->kind == LOOKUP_EXACT)
			of[all[i].subject].wholes +=
			    f->atoms.items[all[i].atom].comparison->operand_count;
	}
	for (size_t i = 0; i < count; i++) {
		const struct texts *t = &of[all[i].subject];

		if (all[i].row->kind == LOOKUP_EXACT && t->has_beginnings &&
		    t->wholes <= WHOLES_MOST)
			all[i].row = &whole_beginning;
	}
	free(of);
}

struct lookup_groups group_atoms(const struct formula *f, struct arena *arena)
{
	struct lookup_groups groups = {0};
	VEC(struct grouped) all = {0};
	VEC(struct plan_lookup) lookups = {0};
	VEC(struct lookup_key) keys = {0};

	groups.atom_lookups = ARENA_ARRAY(arena, uint32_t, f->atoms.count);
	for (uint32_t i = 0; i < f->atoms.count; i++) {
		const struct atom *a = &f->atoms.items[i];
		const struct answered *row = answer_for(f, a);

		groups.atom_lookups[i] = PLAN_NONE;
		if (row)
			VEC_PUSH(&all, (struct grouped){a->subject, i, row});
	}
	join_wholes(f, all.items, all.count);
	if (all.count)
		qsort(all.items, all.count, sizeof(*all.items), compare_grouped);
	for (size_t from = 0, to; from < all.count; from = to) {
		const struct grouped *g = &all.items[from];
		const struct subject *s = &f->subjects.items[g->subject];

		for (to = from; to < all.count && all.items[to].subject == g->subject &&
				all.items[to].row->kind == g->row->kind;
		     to++)
			;
		if (g->row->kind == LOOKUP_BOUND && to - from < BOUNDS_LEAST)
			continue;

		uint32_t *atoms = ARENA_ARRAY(arena, uint32_t, to - from);

		keys.count = 0;
		for (size_t i = from; i < to; i++) {
			const struct comparison *c = f->atoms.items[all.items[i].atom].comparison;

			atoms[i - from] = all.items[i].atom;
			groups.atom_lookups[all.items[i].atom] = (uint32_t)lookups.count;
			for (size_t j = 0; j < c->operand_count; j++)
				VEC_PUSH(&keys, key_of(&all.items[i], &c->operands[j].value));
		}

		struct plan_lookup l = {
		    .lookup = lookup_build(g->row->kind, keys.items, keys.count, arena),
		    .atoms = atoms,
		    .atom_count = (uint32_t)(to - from),
		    .subject = g->subject,
		    .type = s->expression->type,
		    .input = g->row->input,
		    .view = s->flags & FORMULA_PATH ? VIEW_NAME : VIEW_EVENT,
		};

		VEC_PUSH(&lookups, l);
		if (l.atom_count > groups.most_atoms)
			groups.most_atoms = l.atom_count;
	}
	groups.count = (uint32_t)lookups.count;
	groups.lookups = ARENA_ARRAY(arena, struct plan_lookup, lookups.count);
	if (lookups.count)
		memcpy(groups.lookups, lookups.items, lookups.count * sizeof(*lookups.items));
	VEC_FREE(&all);
	VEC_FREE(&lookups);
	VEC_FREE(&keys);
	return groups;
}
