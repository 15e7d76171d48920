/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which kinds of events a condition can hold for. Each node has two sets: the kinds for which it
 * may be true and those for which it may be false; what is not known is in both. `not` swaps them.
 */
#include "base/bitset.h"
#include "condition/condition.h"

enum { KINDS_MAX = 1024, WORDS = BITSET_WORDS(KINDS_MAX) };

struct kind_sets {
	uint64_t may_hold[WORDS];
	uint64_t may_fail[WORDS];
};

static void add_all(uint64_t *set)
{
	size_t whole = event_kind_count / 64, rest = event_kind_count % 64;

	memset(set, 0xff, whole * sizeof(*set));
	if (rest)
		set[whole] |= (UINT64_C(1) << rest) - 1;
}

static void add_complement(uint64_t *set, const uint64_t *of)
{
	add_all(set);
	for (size_t w = 0; w < WORDS; w++)
		set[w] &= ~of[w];
}

static bool holds_for_name(const struct comparison *c, const char *name)
{
	char memory[512];
	struct arena scratch;
	struct field_context ctx = {.scratch = &scratch};
	struct value v = value_str(str_from(name));

	arena_fixed(&scratch, memory, sizeof(memory));
	return comparison_holds_for(c, &ctx, true, &v);
}

/* evt.type says the kind's name, always. */
static void collect_event_type(const struct comparison *c, struct kind_sets *out)
{
	if (c->operator== OP_EQ || c->operator== OP_NE || c->operator== OP_IN) {
		uint64_t named[WORDS] = {0};

		for (size_t i = 0; i < c->operand_count; i++) {
			int kind = event_kind_by_name(c->operands[i].text);

			if (kind >= 0)
				bitset_add(named, (size_t)kind);
		}
		bool is_not = c->operator== OP_NE;
		memcpy(is_not ? out->may_fail : out->may_hold, named, sizeof(named));
		add_complement(is_not ? out->may_hold : out->may_fail, named);
		return;
	}
	for (uint16_t kind = 0; kind < event_kind_count; kind++)
		bitset_add(holds_for_name(c, event_kind_name(kind)) ? out->may_hold : out->may_fail,
			   kind);
}

/*
 * syscall.type says the system call's name, which is not always the kind's, and is absent where
 * there was no call: absent fails every comparison.
 */
static void collect_syscall_type(const struct comparison *c, struct kind_sets *out)
{
	uint64_t is_call[WORDS] = {0};

	for (uint16_t nr = 0; nr < SYSCALL_NR_LIMIT; nr++) {
		const struct syscall_schema *s = syscall_schema_get(nr);

		if (!s)
			continue;
		bitset_add(is_call, s->kind);
		bitset_add(holds_for_name(c, s->name) ? out->may_hold : out->may_fail, s->kind);
	}
	/* Calls that this architecture has not may come in captures, under the kind's name. */
	for (uint16_t kind = 0; kind < event_kind_count; kind++) {
		bool holds = holds_for_name(c, event_kind_name(kind));

		if (holds)
			bitset_add(out->may_hold, kind);
		if (!holds || !bitset_has(is_call, kind))
			bitset_add(out->may_fail, kind);
	}
	/* The generic event carries any call. */
	int generic = event_kind_by_name(STR("syscall"));
	if (generic >= 0) {
		bitset_add(out->may_hold, (size_t)generic);
		bitset_add(out->may_fail, (size_t)generic);
	}
}

/*
 * Events are counted from 1. "evt.num = 0" is how rules write a condition that never holds, and
 * "evt.num > 0" one that always does.
 */
static bool collect_event_number(const struct comparison *c, struct kind_sets *out)
{
	bool is_never = c->operand_count || c->operator== OP_IN, is_always = c->operand_count;

	for (size_t i = 0; i < c->operand_count; i++) {
		uint64_t n = c->operands[i].value.u64;

		switch (c->operator) {
		case OP_EQ:
		case OP_IN:
			is_never &= n == 0;
			is_always = false;
			break;
		case OP_NE:
			is_never = false;
			is_always &= n == 0;
			break;
		case OP_LT:
			is_never &= n <= 1;
			is_always = false;
			break;
		case OP_LE:
			is_never &= n == 0;
			is_always = false;
			break;
		case OP_GT:
			is_never = false;
			is_always &= n == 0;
			break;
		case OP_GE:
			is_never = false;
			is_always &= n <= 1;
			break;
		default:
			return false;
		}
	}
	if (is_never)
		add_all(out->may_fail);
	else if (is_always)
		add_all(out->may_hold);
	return is_never || is_always;
}

static void collect_comparison(const struct comparison *c, struct kind_sets *out)
{
	bool has_transformer;
	const struct field_use *use = expression_field(c->left, &has_transformer);
	struct str name = str_from(use ? use->field->name : "");

	if (!has_transformer && !c->right && str_equal(name, STR("evt.type"))) {
		collect_event_type(c, out);
	} else if (!has_transformer && !c->right && str_equal(name, STR("syscall.type"))) {
		collect_syscall_type(c, out);
	} else if (has_transformer || c->right || !str_equal(name, STR("evt.num")) ||
		   !collect_event_number(c, out)) {
		add_all(out->may_hold);
		add_all(out->may_fail);
	}
}

static void collect(const struct condition *c, struct kind_sets *out)
{
	struct kind_sets child;
	bool is_and = c->kind == CONDITION_AND;
	uint64_t *narrowed = is_and ? out->may_hold : out->may_fail;
	uint64_t *widened = is_and ? out->may_fail : out->may_hold;

	memset(out, 0, sizeof(*out));
	switch (c->kind) {
	case CONDITION_COMPARE:
		collect_comparison(c->comparison, out);
		break;
	case CONDITION_NOT:
		collect(c->children[0], &child);
		memcpy(out->may_hold, child.may_fail, sizeof(child.may_fail));
		memcpy(out->may_fail, child.may_hold, sizeof(child.may_hold));
		break;
	case CONDITION_AND:
	case CONDITION_OR:
		add_all(narrowed);
		for (size_t i = 0; i < c->child_count; i++) {
			collect(c->children[i], &child);
			bitset_intersect(narrowed, is_and ? child.may_hold : child.may_fail, WORDS);
			bitset_unite(widened, is_and ? child.may_fail : child.may_hold, WORDS);
		}
		break;
	case CONDITION_TRUE:
		add_all(out->may_hold);
		break;
	case CONDITION_FALSE:
		add_all(out->may_fail);
		break;
	case CONDITION_NAME:
		add_all(out->may_hold);
		add_all(out->may_fail);
		break;
	}
}

bool condition_event_kinds(const struct condition *c, uint64_t *kinds)
{
	size_t words = BITSET_WORDS((size_t)event_kind_count);
	uint64_t all[WORDS] = {0};
	struct kind_sets sets;

	if (event_kind_count > KINDS_MAX) {
		memset(kinds, 0xff, words * sizeof(*kinds));
		return false;
	}
	collect(c, &sets);
	add_all(all);
	memcpy(kinds, sets.may_hold, words * sizeof(*kinds));
	return memcmp(sets.may_hold, all, sizeof(all)) != 0;
}
