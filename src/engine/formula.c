/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/formula.h"

#include <errno.h>
#include <stdlib.h>

/* Same-kind children up to this many are taken into their parent: larger ones stay shared. */
enum { FLATTEN_MAX = 32 };
/* The check of a condition may nest it somewhat deeper than its text is. */
enum { DEPTH_MAX = 2 * CONDITION_DEPTH_MAX };

static uint64_t mix_hash(uint64_t h, uint64_t v)
{
	return hash_u64(h * 0x9e3779b97f4a7c15u + v);
}

/*
 * Finds the id with that hash for which same() holds, or the place where a new one goes. The caller
 * stores the id there (plus one) and counts it.
 */
static uint32_t *
id_table_slot(struct id_table *t, uint64_t hash, const struct formula *f, const void *wanted,
	      bool (*same)(const struct formula *f, uint32_t id, const void *wanted))
{
	for (uint64_t slot = hash & (t->size - 1);; slot = (slot + 1) & (t->size - 1))
		if (!t->ids[slot] || same(f, t->ids[slot] - 1, wanted))
			return &t->ids[slot];
}

static void id_table_reserve(struct id_table *t, const struct formula *f,
			     uint64_t (*hash_of)(const struct formula *f, uint32_t id))
{
	if (t->count * 2 < t->size)
		return;

	struct id_table bigger = {.size = t->size ? t->size * 2 : 64, .count = t->count};

	bigger.ids = calloc(bigger.size, sizeof(*bigger.ids));
	if (!bigger.ids)
		abort();
	for (size_t i = 0; i < t->size; i++) {
		if (!t->ids[i])
			continue;
		uint64_t slot = hash_of(f, t->ids[i] - 1) & (bigger.size - 1);

		while (bigger.ids[slot])
			slot = (slot + 1) & (bigger.size - 1);
		bigger.ids[slot] = t->ids[i];
	}
	free(t->ids);
	*t = bigger;
}

/* Subjects */

static uint64_t expression_hash(const struct expression *x)
{
	uint64_t h = mix_hash(x->transformer, (uint64_t)x->is_literal);

	if (x->is_literal)
		return mix_hash(h, str_hash(x->literal));
	if (x->transformer == TRANSFORM_NONE)
		return mix_hash(h, str_hash(x->use.text) ^ (uintptr_t)x->use.field);
	for (size_t i = 0; i < x->argument_count; i++)
		h = mix_hash(h, expression_hash(x->arguments[i]));
	return h;
}

static bool expression_same(const struct expression *a, const struct expression *b)
{
	if (a == b)
		return true;
	if (a->transformer != b->transformer || a->is_literal != b->is_literal ||
	    a->type != b->type || a->is_list != b->is_list)
		return false;
	if (a->is_literal)
		return str_equal(a->literal, b->literal);
	if (a->transformer == TRANSFORM_NONE)
		return a->use.field == b->use.field && str_equal(a->use.text, b->use.text);
	if (a->argument_count != b->argument_count)
		return false;
	for (size_t i = 0; i < a->argument_count; i++)
		if (!expression_same(a->arguments[i], b->arguments[i]))
			return false;
	return true;
}

static void collect_field_flags(const struct field_use *use, void *context)
{
	*(uint32_t *)context |= use->field->flags;
}

static uint8_t expression_flags(const struct expression *x, uint32_t field_flags)
{
	uint8_t flags = 0;

	if (field_flags & FIELD_PATH)
		flags |= FORMULA_PATH;
	else if (expression_scope(x) != SCOPE_EVENT)
		flags |= FORMULA_PROCESS;
	return flags;
}

static uint64_t subject_hash_of(const struct formula *f, uint32_t id)
{
	return f->subjects.items[id].hash;
}

static bool subject_same(const struct formula *f, uint32_t id, const void *wanted)
{
	return expression_same(f->subjects.items[id].expression, wanted);
}

static uint32_t intern_subject(struct formula *f, const struct expression *x)
{
	uint64_t hash = expression_hash(x);
	uint32_t fields = 0;

	id_table_reserve(&f->subject_table, f, subject_hash_of);
	uint32_t *slot = id_table_slot(&f->subject_table, hash, f, x, subject_same);
	if (*slot)
		return *slot - 1;

	expression_visit(x, collect_field_flags, &fields);
	bool is_field = x->transformer == TRANSFORM_NONE && !x->is_literal;
	bool is_any_of = is_field && fields & FIELD_ANY_OF;
	struct subject s = {
	    .expression = x,
	    .hash = hash,
	    .facts = expression_facts(x),
	    .flags = expression_flags(x, fields),
	    .is_any_of = is_any_of,
	    .is_scalar = !x->is_list && !(fields & (FIELD_ANY_OF | FIELD_LIST)),
	};

	VEC_PUSH(&f->subjects, s);
	*slot = (uint32_t)f->subjects.count;
	f->subject_table.count++;
	return *slot - 1;
}

/* Atoms */

struct wanted_atom {
	const struct comparison *comparison;
	uint32_t subject;
	uint8_t form;
	uint64_t hash;
};

static bool operands_same(const struct comparison *a, const struct comparison *b)
{
	if (a->operand_count != b->operand_count)
		return false;
	if (a->operands == b->operands)
		return true;
	for (size_t i = 0; i < a->operand_count; i++)
		if (!str_equal(a->operands[i].text, b->operands[i].text) ||
		    a->operands[i].value.type != b->operands[i].value.type)
			return false;
	return true;
}

static uint64_t atom_hash_of(const struct formula *f, uint32_t id)
{
	return f->atoms.items[id].hash;
}

static bool atom_same(const struct formula *f, uint32_t id, const void *wanted)
{
	const struct wanted_atom *w = wanted;
	const struct atom *a = &f->atoms.items[id];
	const struct comparison *x = a->comparison, *y = w->comparison;

	if (a->hash != w->hash || a->subject != w->subject || a->form != w->form)
		return false;
	if (a->form == ATOM_PRESENT)
		return true;
	if (x->operator!= y->operator|| x->is_list != y->is_list || !x->right != !y->right)
		return false;
	if (x->right)
		return expression_same(x->right, y->right);
	return operands_same(x, y);
}

/* Fields that say nothing but which kind of event it is. */
static bool is_kind_subject(const struct expression *x)
{
	return x->transformer == TRANSFORM_NONE && !x->is_literal &&
	       strcmp(x->use.field->name, "evt.type") == 0;
}

static uint32_t push_node(struct formula *f, struct node n)
{
	VEC_PUSH(&f->nodes, n);
	return (uint32_t)f->nodes.count - 1;
}

static uint32_t intern_atom(struct formula *f, const struct comparison *c, uint8_t form)
{
	struct wanted_atom w = {c, intern_subject(f, c->left), form, 0};

	w.hash = mix_hash(w.subject, form);
	if (form == ATOM_COMPARISON) {
		w.hash = mix_hash(w.hash, c->operator* 2 + c->is_list);
		if (c->right)
			w.hash = mix_hash(w.hash, expression_hash(c->right));
		for (size_t i = 0; i < c->operand_count; i++)
			w.hash = mix_hash(w.hash, str_hash(c->operands[i].text));
	}
	id_table_reserve(&f->atom_table, f, atom_hash_of);
	uint32_t *slot = id_table_slot(&f->atom_table, w.hash, f, &w, atom_same);
	if (*slot)
		return *slot - 1;

	const struct subject *s = &f->subjects.items[w.subject];
	uint32_t id = (uint32_t)f->atoms.count;
	struct atom a = {.comparison = c,
			 .hash = w.hash,
			 .subject = w.subject,
			 .facts = s->facts,
			 .form = form,
			 .flags = s->flags};

	if (form == ATOM_COMPARISON && c->right) {
		uint32_t fields = 0;

		expression_visit(c->right, collect_field_flags, &fields);
		uint8_t right = expression_flags(c->right, fields);
		uint8_t both = a.flags & right & FORMULA_PROCESS;

		a.flags = (uint8_t)(((a.flags | right) & ~FORMULA_PROCESS) | both);
		a.facts |= expression_facts(c->right);
	}
	if (is_kind_subject(c->left) && !c->right)
		a.flags |= FORMULA_KIND;
	*slot = id + 1;
	f->atom_table.count++;

	struct node n = {.hash = mix_hash(w.hash, 1),
			 .kind = NODE_LITERAL,
			 .flags = a.flags,
			 .first = id,
			 .facts = a.facts};

	a.literal = push_node(f, n);
	n.is_negated = true;
	n.hash = mix_hash(w.hash, 2);
	push_node(f, n);
	VEC_PUSH(&f->atoms, a);
	return id;
}

/* Nodes */

struct wanted_node {
	enum node_kind kind;
	const uint32_t *ids;
	size_t count;
	uint64_t hash;
};

static uint64_t node_hash_of(const struct formula *f, uint32_t id)
{
	return f->nodes.items[id].hash;
}

static bool node_same(const struct formula *f, uint32_t id, const void *wanted)
{
	const struct wanted_node *w = wanted;
	const struct node *n = &f->nodes.items[id];

	return n->hash == w->hash && n->kind == w->kind && n->count == w->count &&
	       memcmp(f->children.items + n->first, w->ids, w->count * sizeof(*w->ids)) == 0;
}

static int compare_ids(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

/* ids: sorted, without repetitions. */
static uint32_t intern_sorted(struct formula *f, enum node_kind kind, const uint32_t *ids,
			      size_t count)
{
	struct wanted_node w = {kind, ids, count, mix_hash(kind, count)};

	if (count == 0)
		return kind == NODE_AND ? NODE_ID_TRUE : NODE_ID_FALSE;
	if (count == 1)
		return ids[0];
	for (size_t i = 0; i < count; i++)
		w.hash = mix_hash(w.hash, ids[i]);
	id_table_reserve(&f->node_table, f, node_hash_of);
	uint32_t *slot = id_table_slot(&f->node_table, w.hash, f, &w, node_same);
	if (*slot)
		return *slot - 1;

	struct node n = {.hash = w.hash,
			 .kind = (uint8_t)kind,
			 .flags = FORMULA_PROCESS,
			 .first = (uint32_t)f->children.count,
			 .count = (uint32_t)count};

	for (size_t i = 0; i < count; i++) {
		const struct node *child = &f->nodes.items[ids[i]];

		n.flags |= child->flags & (FORMULA_PATH | FORMULA_KIND);
		if (!(child->flags & FORMULA_PROCESS))
			n.flags &= (uint8_t)~FORMULA_PROCESS;
		n.facts |= child->facts;
		VEC_PUSH(&f->children, ids[i]);
	}
	*slot = push_node(f, n) + 1;
	f->node_table.count++;
	return *slot - 1;
}

static size_t sort_unique(uint32_t *ids, size_t count)
{
	size_t kept = 0;

	if (count)
		qsort(ids, count, sizeof(*ids), compare_ids);
	for (size_t i = 0; i < count; i++)
		if (!kept || ids[kept - 1] != ids[i])
			ids[kept++] = ids[i];
	return kept;
}

/*
 * AND or OR of any nodes. Constants go, small children of the same kind are taken in, x with its
 * own negation decides, and what is fixed per process becomes one child, which can then be
 * remembered with the process as one bit.
 */
uint32_t formula_join(struct formula *f, enum node_kind kind, const uint32_t *ids, size_t count)
{
	const uint32_t neutral = kind == NODE_AND ? NODE_ID_TRUE : NODE_ID_FALSE;
	const uint32_t deciding = kind == NODE_AND ? NODE_ID_FALSE : NODE_ID_TRUE;
	VEC(uint32_t) all = {0};
	uint32_t result = deciding;

	for (size_t i = 0; i < count; i++) {
		const struct node *n = &f->nodes.items[ids[i]];

		if (ids[i] == neutral)
			continue;
		if (ids[i] == deciding)
			goto done;
		if (n->kind == kind && n->count <= FLATTEN_MAX)
			for (uint32_t j = 0; j < n->count; j++)
				VEC_PUSH(&all, f->children.items[n->first + j]);
		else
			VEC_PUSH(&all, ids[i]);
	}
	all.count = sort_unique(all.items, all.count);
	for (size_t i = 1; i < all.count; i++) {
		const struct node *a = &f->nodes.items[all.items[i - 1]];
		const struct node *b = &f->nodes.items[all.items[i]];

		/* The two literals of an atom have neighbouring ids. */
		if (a->kind == NODE_LITERAL && b->kind == NODE_LITERAL && a->first == b->first)
			goto done;
	}

	size_t fixed = 0;

	for (size_t i = 0; i < all.count; i++)
		fixed += f->nodes.items[all.items[i]].flags & FORMULA_PROCESS ? 1 : 0;
	if (fixed > 1 && fixed < all.count) {
		VEC(uint32_t) of_process = {0};
		size_t kept = 0;

		for (size_t i = 0; i < all.count; i++) {
			if (f->nodes.items[all.items[i]].flags & FORMULA_PROCESS)
				VEC_PUSH(&of_process, all.items[i]);
			else
				all.items[kept++] = all.items[i];
		}
		all.items[kept++] = intern_sorted(f, kind, of_process.items, of_process.count);
		all.count = sort_unique(all.items, kept);
		VEC_FREE(&of_process);
	}
	result = intern_sorted(f, kind, all.items, all.count);
done:
	VEC_FREE(&all);
	return result;
}

static struct comparison *with_operator(struct formula *f, const struct comparison *c,
					enum operator op)
{
	struct comparison *copy = ARENA_NEW(f->arena, struct comparison);

	*copy = *c;
	copy->operator= op;
	return copy;
}

static bool is_literal(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c && strchr("/_-,:=@ %~\"'", c));
}

/* What every text that matches the pattern begins with; may be less than there is. */
static struct str literal_head(enum operator op, struct str pattern)
{
	size_t start = 0, n;

	if (op == OP_REGEX) {
		if (pattern.n && memchr(pattern.p, '|', pattern.n))
			return STR("");
		start = pattern.n && pattern.p[0] == '^';
	}
	for (n = start; n < pattern.n && is_literal(pattern.p[n]); n++)
		;
	/* What follows may say that the last character need not be there. */
	if (op == OP_REGEX && n > start && n < pattern.n)
		n--;
	return str_slice(pattern, start, n);
}

/*
 * "x glob H*" is "x startswith H and x glob H*", which the first decides most often, and rules are
 * found by. The startswith; false where there is none.
 */
static bool startswith_of(struct formula *f, const struct comparison *c, const struct subject *s,
			  struct comparison **out)
{
	enum { HEAD_LEAST = 2 };

	if ((c->operator!= OP_GLOB && c->operator!= OP_REGEX) || c->right ||
	    c->operand_count != 1 || !s->is_scalar || s->expression->type != VALUE_STRING)
		return false;
	struct str head = literal_head(c->operator, c->operands[0].value.str);

	if (head.n < HEAD_LEAST)
		return false;
	*out = with_operator(f, c, OP_STARTSWITH);
	(*out)->operands = ARENA_NEW(f->arena, struct operand);
	(*out)->operands[0] = c->operands[0];
	(*out)->operands[0].text = (*out)->operands[0].value.str = head;
	return true;
}

static uint32_t add_comparison(struct formula *f, const struct comparison *c, bool is_negated)
{
	uint64_t key = (uintptr_t)c;
	void *known = u64map_get(&f->atom_of_comparison, key);
	/* The literal of the atom as the comparison stands, plus one. */
	uint32_t node;

	f->comparison_count++;
	if (known) {
		node = (uint32_t)(uintptr_t)known - 1;
	} else {
		uint32_t subject = intern_subject(f, c->left);
		const struct subject *s = &f->subjects.items[subject];
		enum value_type type = s->expression->type;
		struct comparison *head;

		if (startswith_of(f, c, s, &head)) {
			uint32_t begins = intern_atom(f, head, ATOM_COMPARISON);
			uint32_t whole = intern_atom(f, c, ATOM_COMPARISON);
			uint32_t both[] = {f->atoms.items[begins].literal,
					   f->atoms.items[whole].literal};

			node = formula_join(f, NODE_AND, both, 2);
		} else if (c->operator== OP_NE && !c->right &&
			   s->is_scalar && type != VALUE_NET && c->operand_count == 1) {
			uint32_t equal =
			    intern_atom(f, with_operator(f, c, OP_EQ), ATOM_COMPARISON);
			uint32_t present = intern_atom(f, c, ATOM_PRESENT);
			uint32_t both[] = {f->atoms.items[equal].literal + 1,
					   f->atoms.items[present].literal};

			node = formula_join(f, NODE_AND, both, 2);
		} else {
			uint32_t atom = intern_atom(f, c, ATOM_COMPARISON);

			node = f->atoms.items[atom].literal;
		}
		u64map_put(&f->atom_of_comparison, key, (void *)(uintptr_t)(node + 1));
	}
	if (!is_negated)
		return node;

	struct node n = f->nodes.items[node];

	if (n.kind == NODE_LITERAL)
		return node + 1;
	uint32_t ids[2]; /* De Morgan on the pair above */

	for (uint32_t i = 0; i < 2; i++) {
		uint32_t child = f->children.items[n.first + i];

		ids[i] = f->nodes.items[child].is_negated ? child - 1 : child + 1;
	}
	return formula_join(f, NODE_OR, ids, 2);
}

static bool needs_metadata(struct formula *f, const struct comparison *c)
{
	uint32_t flags = 0;

	expression_visit(c->left, collect_field_flags, &flags);
	if (c->right)
		expression_visit(c->right, collect_field_flags, &flags);
	f->has_metadata |= (flags & FIELD_METADATA) != 0;
	return flags & FIELD_METADATA;
}

static int add(struct formula *f, const struct condition *c, bool is_negated, unsigned depth,
	       uint32_t *out, struct error *err)
{
	if (depth > DEPTH_MAX)
		return error_set(err, -E2BIG, "the condition is nested deeper than %d levels",
				 DEPTH_MAX);
	switch (c->kind) {
	case CONDITION_TRUE:
	case CONDITION_FALSE:
		*out = (c->kind == CONDITION_TRUE) != is_negated ? NODE_ID_TRUE : NODE_ID_FALSE;
		return 0;
	case CONDITION_NOT:
		return add(f, c->children[0], !is_negated, depth + 1, out, err);
	case CONDITION_COMPARE:
		*out = needs_metadata(f, c->comparison) && f->assume_metadata
			   ? (uint32_t)NODE_ID_TRUE
			   : add_comparison(f, c->comparison, is_negated);
		return 0;
	case CONDITION_NAME:
		return error_set(err, -EINVAL, "the macro \"%.*s\" is not resolved",
				 STR_ARG(c->name));
	case CONDITION_AND:
	case CONDITION_OR:
		break;
	}

	enum node_kind kind = (c->kind == CONDITION_AND) != is_negated ? NODE_AND : NODE_OR;
	VEC(uint32_t) ids = {0};
	int r = 0;

	for (size_t i = 0; i < c->child_count && !r; i++) {
		uint32_t id;

		r = add(f, c->children[i], is_negated, depth + 1, &id, err);
		if (!r)
			VEC_PUSH(&ids, id);
	}
	if (!r)
		*out = formula_join(f, kind, ids.items, ids.count);
	VEC_FREE(&ids);
	return r;
}

int formula_add(struct formula *f, const struct condition *c, uint32_t *node, struct error *err)
{
	return add(f, c, false, 1, node, err);
}

/* Kinds */

void formula_begin_kind(struct formula *f)
{
	f->kind_round++;
}

static bool atom_holds_for_kind(const struct atom *a, uint16_t kind)
{
	char memory[512];
	struct arena scratch;
	struct field_context ctx = {.scratch = &scratch};
	struct value name = value_str(str_from(event_kind_name(kind)));

	arena_fixed(&scratch, memory, sizeof(memory));
	return comparison_holds_for(a->comparison, &ctx, true, &name);
}

uint32_t formula_for_kind(struct formula *f, uint32_t id, uint16_t kind)
{
	if (!(f->nodes.items[id].flags & FORMULA_KIND))
		return id;
	while (f->kind_rounds.count < f->nodes.count) {
		VEC_PUSH(&f->kind_rounds, 0);
		VEC_PUSH(&f->kind_results, 0);
	}
	if (f->kind_rounds.items[id] == f->kind_round)
		return f->kind_results.items[id];

	struct node n = f->nodes.items[id];
	uint32_t result;

	if (n.kind == NODE_LITERAL) {
		const struct atom *a = &f->atoms.items[n.first];
		bool holds = a->form == ATOM_PRESENT || atom_holds_for_kind(a, kind);

		result = holds != n.is_negated ? NODE_ID_TRUE : NODE_ID_FALSE;
	} else {
		VEC(uint32_t) ids = {0};

		for (uint32_t i = 0; i < n.count; i++)
			VEC_PUSH(&ids, formula_for_kind(f, f->children.items[n.first + i], kind));
		result = formula_join(f, n.kind, ids.items, ids.count);
		VEC_FREE(&ids);
	}
	f->kind_rounds.items[id] = f->kind_round;
	f->kind_results.items[id] = result;
	return result;
}

void formula_init(struct formula *f, struct arena *arena)
{
	*f = (struct formula){.arena = arena};
	push_node(f, (struct node){.kind = NODE_FALSE, .flags = FORMULA_PROCESS});
	push_node(f, (struct node){.kind = NODE_TRUE, .flags = FORMULA_PROCESS});
}

void formula_free(struct formula *f)
{
	VEC_FREE(&f->subjects);
	VEC_FREE(&f->atoms);
	VEC_FREE(&f->nodes);
	VEC_FREE(&f->children);
	VEC_FREE(&f->kind_results);
	VEC_FREE(&f->kind_rounds);
	free(f->subject_table.ids);
	free(f->atom_table.ids);
	free(f->node_table.ids);
	u64map_free(&f->atom_of_comparison);
}
