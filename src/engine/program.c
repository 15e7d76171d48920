/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/program.h"

#include <stdlib.h>

/* How to go about emitting a node. */
enum emit_mode {
	EMIT_PROCESS = 1 << 0, /* inside what is remembered with the process */
	EMIT_BODY = 1 << 1,    /* the node's own program, not a reference to it */
};

static uint32_t push(struct program_builder *b, struct instruction i)
{
	VEC_PUSH(&b->code, i);
	return (uint32_t)b->code.count - 1;
}

static uint32_t push_constant(struct program_builder *b, uint64_t v)
{
	VEC_PUSH(&b->constants, v);
	return (uint32_t)b->constants.count - 1;
}

static bool is_integer(enum value_type t)
{
	return t == VALUE_I64 || t == VALUE_U64 || t == VALUE_BOOL || t == VALUE_RELTIME ||
	       t == VALUE_ABSTIME;
}

/* Comparisons with one integer need no call. "at least c" is made "above c - 1". */
static bool integer_test(struct program_builder *b, const struct atom *a, struct instruction *i)
{
	const struct comparison *c = a->comparison;
	const struct subject *s = &b->formula->subjects.items[a->subject];
	enum value_type type = s->expression->type;

	if (!s->is_scalar || c->right || c->operand_count != 1 || !is_integer(type) ||
	    c->operands[0].value.type != type || c->operands[0].value.is_list)
		return false;

	bool is_signed = type == VALUE_I64;
	uint64_t v = c->operands[0].value.u64;
	uint64_t least = is_signed ? (uint64_t)INT64_MIN : 0;
	uint64_t most = is_signed ? (uint64_t)INT64_MAX : UINT64_MAX;

	i->operand = a->subject;
	switch (c->operator) {
	case OP_EQ:
		i->test = TEST_EQUAL;
		break;
	case OP_LT:
		i->test = is_signed ? TEST_BELOW_I64 : TEST_BELOW;
		break;
	case OP_GT:
		i->test = is_signed ? TEST_ABOVE_I64 : TEST_ABOVE;
		break;
	case OP_LE:
		i->test = v == most ? TEST_PRESENT : is_signed ? TEST_BELOW_I64 : TEST_BELOW;
		v++;
		break;
	case OP_GE:
		i->test = v == least ? TEST_PRESENT : is_signed ? TEST_ABOVE_I64 : TEST_ABOVE;
		v--;
		break;
	default:
		return false;
	}
	i->aux = push_constant(b, v);
	return true;
}

static uint8_t view_of(uint8_t flags)
{
	return flags & FORMULA_PATH ? VIEW_NAME : VIEW_EVENT;
}

static struct instruction literal_test(struct program_builder *b, uint32_t atom)
{
	const struct atom *a = &b->formula->atoms.items[atom];
	struct instruction i = {.view = view_of(a->flags), .operand = atom};

	if (a->form == ATOM_PRESENT) {
		i.test = TEST_PRESENT;
		i.operand = a->subject;
	} else if (b->atom_lookups[atom] != PLAN_NONE) {
		i.test = TEST_LOOKUP;
		i.aux = b->atom_lookups[atom];
	} else if (!integer_test(b, a, &i)) {
		i.test = TEST_COMPARISON;
	}
	return i;
}

static uint32_t emit(struct program_builder *b, uint32_t id, uint32_t on_true, uint32_t on_false,
		     unsigned mode);

static uint32_t memo_of(struct program_builder *b, uint32_t id, unsigned mode)
{
	if (b->memo_of[id] != PLAN_NONE)
		return b->memo_of[id];
	uint32_t memo = (uint32_t)b->memos.count;

	b->memo_of[id] = memo;
	VEC_PUSH(&b->memos, (struct plan_memo){.view = view_of(b->formula->nodes.items[id].flags)});
	uint32_t entry = emit(b, id, PC_ACCEPT, PC_REJECT, mode | EMIT_BODY);

	b->memos.items[memo].entry = entry;
	return memo;
}

static uint32_t bit_of(struct program_builder *b, uint32_t id)
{
	if (b->bit_of[id] != PLAN_NONE)
		return b->bit_of[id];
	uint32_t bit = (uint32_t)b->bit_entries.count;

	b->bit_of[id] = bit;
	VEC_PUSH(&b->bit_entries, PLAN_NONE);
	uint32_t entry = emit(b, id, PC_ACCEPT, PC_REJECT, EMIT_PROCESS | EMIT_BODY);

	b->bit_entries.items[bit] = entry;
	return bit;
}

struct ranked {
	uint32_t node;
	float rank; /* what asking costs for each chance to decide */
};

static int compare_ranks(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;

	if (x->rank != y->rank)
		return x->rank < y->rank ? -1 : 1;
	return (x->node > y->node) - (x->node < y->node);
}

static uint32_t emit_children(struct program_builder *b, const struct node *n, uint32_t on_true,
			      uint32_t on_false, unsigned mode)
{
	struct ranked *order = calloc(n->count, sizeof(*order));
	bool is_and = n->kind == NODE_AND;
	uint32_t entry = is_and ? on_true : on_false;

	if (!order)
		abort();
	for (uint32_t i = 0; i < n->count; i++) {
		uint32_t child = b->formula->children.items[n->first + i];
		struct estimate e = estimate_node(b->estimator, child);
		float decides = is_and ? 1 - e.probability : e.probability;

		order[i] = (struct ranked){child, e.cost / (decides + 0.001f)};
	}
	qsort(order, n->count, sizeof(*order), compare_ranks);
	/* From the last to the first, so that each knows where to go on. */
	for (uint32_t i = n->count; i-- > 0;)
		entry = is_and ? emit(b, order[i].node, entry, on_false, mode)
			       : emit(b, order[i].node, on_true, entry, mode);
	free(order);
	return entry;
}

static uint32_t emit(struct program_builder *b, uint32_t id, uint32_t on_true, uint32_t on_false,
		     unsigned mode)
{
	struct node n = b->formula->nodes.items[id];
	unsigned inner = mode & EMIT_PROCESS;
	struct instruction i = {.on_true = on_true, .on_false = on_false};

	if (n.kind == NODE_TRUE)
		return on_true;
	if (n.kind == NODE_FALSE)
		return on_false;
	if (n.flags & FORMULA_PROCESS && !(mode & EMIT_PROCESS)) {
		/* Both literals of an atom share a bit. */
		i.test = TEST_BIT;
		i.operand = bit_of(b, n.is_negated ? id - 1 : id);
	} else if (n.kind == NODE_LITERAL) {
		i = literal_test(b, n.first);
	} else if (b->uses[id] > 1 && !(mode & EMIT_BODY)) {
		i.test = TEST_MEMO;
		i.view = view_of(n.flags);
		i.operand = memo_of(b, id, inner);
	} else {
		return emit_children(b, &n, on_true, on_false, inner);
	}
	i.on_true = n.is_negated ? on_false : on_true;
	i.on_false = n.is_negated ? on_true : on_false;
	return push(b, i);
}

void program_add_root(struct program_builder *b, uint32_t node)
{
	const struct node *n = &b->formula->nodes.items[node];

	if (b->uses[node]++ || n->kind == NODE_LITERAL)
		return;
	for (uint32_t i = 0; i < n->count; i++)
		program_add_root(b, b->formula->children.items[n->first + i]);
}

uint32_t program_entry(struct program_builder *b, uint32_t node)
{
	if (b->entry_of[node] == PLAN_NONE)
		b->entry_of[node] = emit(b, node, PC_ACCEPT, PC_REJECT, 0);
	return b->entry_of[node];
}

static uint32_t *node_array(size_t count, int fill)
{
	uint32_t *a = malloc(count * sizeof(*a));

	if (!a)
		abort();
	return memset(a, fill, count * sizeof(*a));
}

void program_init(struct program_builder *b, const struct formula *f, struct estimator *e,
		  const uint32_t *atom_lookups)
{
	*b = (struct program_builder){.formula = f, .estimator = e, .atom_lookups = atom_lookups};
	b->uses = node_array(f->nodes.count, 0);
	b->memo_of = node_array(f->nodes.count, 0xff);
	b->bit_of = node_array(f->nodes.count, 0xff);
	b->entry_of = node_array(f->nodes.count, 0xff);
}

void program_free(struct program_builder *b)
{
	VEC_FREE(&b->code);
	VEC_FREE(&b->constants);
	VEC_FREE(&b->memos);
	VEC_FREE(&b->bit_entries);
	free(b->uses);
	free(b->memo_of);
	free(b->bit_of);
	free(b->entry_of);
}
