/* SPDX-License-Identifier: Apache-2.0 */
/* What a rule costs: how the plan finds it and how it answers what the rule asks. */
#include "base/cleanup.h"
#include "base/vec.h"
#include "engine/discard.h"
#include "engine/lookup_internal.h"
#include "engine/plan_internal.h"

#include <stdio.h>

enum { TEXT_MAX = 90, SHOWN = 8 };

static const char *const lookup_names[LOOKUP_KIND_COUNT] = {
    [LOOKUP_EXACT] = "hash table of texts",
    [LOOKUP_PREFIX] = "prefix trie",
    [LOOKUP_PATH] = "path trie",
    [LOOKUP_SUFFIX] = "suffix trie",
    [LOOKUP_CONTAINS] = "multi-pattern search",
    [LOOKUP_ICONTAINS] = "multi-pattern search without case",
    [LOOKUP_NUMBER] = "hash table of numbers",
    [LOOKUP_BOUND] = "sorted bounds",
    [LOOKUP_NETWORK] = "hash table of networks",
};

struct walk_step {
	uint32_t at;
	bool in_bit;
};

/* A program on its way through its instructions. */
struct walk {
	const struct plan *plan;
	uint64_t *atoms, *bit_atoms; /* met at all; met within what is kept with the process */
	uint64_t *seen;              /* instructions */
	uint32_t plain;              /* tests of numbers, flags and presence */
	VEC(struct walk_step) steps;
};

static void walk_from(struct walk *w, uint32_t at, bool in_bit)
{
	if (at < PC_LIMIT && !bitset_has(w->seen, at)) {
		bitset_add(w->seen, at);
		VEC_PUSH(&w->steps, (struct walk_step){at, in_bit});
	}
}

static void walk_all(struct walk *w)
{
	const struct plan *p = w->plan;

	while (w->steps.count) {
		struct walk_step step = w->steps.items[--w->steps.count];
		const struct instruction *i = &p->code[step.at];

		switch (i->test) {
		case TEST_LOOKUP:
		case TEST_COMPARISON:
			bitset_add(step.in_bit ? w->bit_atoms : w->atoms, i->operand);
			break;
		case TEST_MEMO:
			walk_from(w, p->memos[i->operand].entry, step.in_bit);
			break;
		case TEST_BIT:
			walk_from(w, p->bit_entries[i->operand], true);
			break;
		default:
			w->plain += !step.in_bit;
			break;
		}
		walk_from(w, i->on_true, step.in_bit);
		walk_from(w, i->on_false, step.in_bit);
	}
}

static const char *lookup_of(const struct plan *p, uint32_t atom)
{
	uint32_t lookup = p->atoms[atom].lookup;

	return lookup == PLAN_NONE ? NULL : lookup_names[p->lookups[lookup].lookup->kind];
}

static struct rule_question question(const struct plan *p, uint32_t atom, struct arena *arena)
{
	struct condition c = {.kind = CONDITION_COMPARE,
			      .comparison =
				  (struct comparison *)(uintptr_t)p->atoms[atom].comparison};
	char memory[TEXT_MAX];
	struct buffer text = BUFFER(memory);

	condition_print(&c, &text);
	return (struct rule_question){.text =
					  arena_printf(arena, "%.*s%s", STR_ARG(buffer_str(&text)),
						       text.is_truncated ? "..." : ""),
				      .lookup = lookup_of(p, atom)};
}

static bool is_guarded(const struct kind_table *t, const struct guard_entry *g, uint32_t candidate)
{
	for (uint32_t i = 0; g->atom != PLAN_NONE && i < g->count; i++)
		if (t->guarded[g->first + i] == candidate)
			return true;
	return false;
}

static void take_kinds(const struct plan *p, const struct kind_table *t, enum event_source source,
		       struct rule_cost *cost, struct arena *arena)
{
	cost->kinds = ARENA_ARRAY(arena, uint16_t, p->kind_count);
	for (uint16_t kind = 0; kind < p->kind_count; kind++)
		if (p->tables[source * p->kind_count + kind] == t)
			cost->kinds[cost->kind_count++] = kind;
}

static void take_guards(const struct plan *p, const struct kind_table *t, uint32_t candidate,
			struct rule_cost *cost, struct arena *arena)
{
	cost->is_always_visited = bitset_has(t->always, candidate);
	if (cost->is_always_visited)
		return;
	for (uint32_t i = 0; i <= t->guard_mask; i++)
		cost->guard_count += is_guarded(t, &t->guards[i], candidate);
	cost->guards = ARENA_ARRAY(arena, struct rule_question, cost->guard_count);
	for (uint32_t i = 0, n = 0; i <= t->guard_mask; i++)
		if (is_guarded(t, &t->guards[i], candidate))
			cost->guards[n++] = question(p, t->guards[i].atom, arena);
}

static bool is_alone(const struct walk *w, uint32_t atom)
{
	return bitset_has(w->atoms, atom) && !bitset_has(w->bit_atoms, atom) &&
	       w->plan->atoms[atom].lookup == PLAN_NONE;
}

static void take_questions(const struct walk *w, struct rule_cost *cost, struct arena *arena)
{
	const struct plan *p = w->plan;
	uint32_t by_kind[LOOKUP_KIND_COUNT] = {0};

	cost->in_place = w->plain;
	for (uint32_t a = 0; a < p->atom_count; a++) {
		if (bitset_has(w->bit_atoms, a))
			cost->kept_with_process++;
		else if (is_alone(w, a))
			cost->alone_count++;
		else if (bitset_has(w->atoms, a))
			by_kind[p->lookups[p->atoms[a].lookup].lookup->kind]++;
	}
	cost->shared = ARENA_ARRAY(arena, struct rule_shared_lookup, LOOKUP_KIND_COUNT);
	for (int kind = 0; kind < LOOKUP_KIND_COUNT; kind++)
		if (by_kind[kind])
			cost->shared[cost->shared_count++] =
			    (struct rule_shared_lookup){lookup_names[kind], by_kind[kind]};
	cost->alone = ARENA_ARRAY(arena, struct rule_question, cost->alone_count);
	for (uint32_t a = 0, n = 0; a < p->atom_count; a++)
		if (is_alone(w, a))
			cost->alone[n++] = question(p, a, arena);
}

static struct rule_cost cost_in(const struct plan *p, const struct kind_table *t,
				uint32_t candidate, enum event_source source, struct arena *arena)
{
	struct rule_cost cost = {.rule_count = t->count};
	struct walk w = {.plan = p};

	w.atoms = ARENA_ARRAY(arena, uint64_t, BITSET_WORDS(p->atom_count) + 1);
	w.bit_atoms = ARENA_ARRAY(arena, uint64_t, BITSET_WORDS(p->atom_count) + 1);
	w.seen = ARENA_ARRAY(arena, uint64_t, BITSET_WORDS(p->code_count) + 1);
	walk_from(&w, t->candidates[candidate].entry, false);
	walk_all(&w);
	VEC_FREE(&w.steps);
	take_kinds(p, t, source, &cost, arena);
	take_guards(p, t, candidate, &cost, arena);
	take_questions(&w, &cost, arena);
	return cost;
}

size_t plan_rule_costs(const struct plan *p, const struct rule *rule, struct arena *arena,
		       struct rule_cost **out)
{
	size_t tables = (size_t)SOURCE_COUNT * p->kind_count, n = 0;
	uint64_t *done = ARENA_ARRAY(arena, uint64_t, BITSET_WORDS(p->table_count) + 1);

	/* A rule is at most once a candidate of a table. */
	*out = ARENA_ARRAY(arena, struct rule_cost, p->table_count);
	for (size_t i = 0; i < tables; i++) {
		const struct kind_table *t = p->tables[i];

		if (!t || bitset_has(done, t->id))
			continue;
		bitset_add(done, t->id);
		for (uint32_t c = 0; c < t->count && n < p->table_count; c++)
			if (t->candidates[c].rule == rule->id)
				(*out)[n++] =
				    cost_in(p, t, c, (enum event_source)(i / p->kind_count), arena);
	}
	return n;
}

static void print_kinds(const struct rule_cost *cost, FILE *out)
{
	for (size_t i = 0; i < cost->kind_count && i < SHOWN; i++)
		fprintf(out, "%s%s", i ? ", " : "", event_kind_name(cost->kinds[i]));
	if (cost->kind_count > SHOWN)
		fprintf(out, " and %zu more", cost->kind_count - SHOWN);
}

static void print_guards(const struct rule_cost *cost, FILE *out)
{
	if (cost->is_always_visited) {
		fputs("    guard: none, so it is visited for each of these events\n", out);
		return;
	}
	fputs("    guard: visited only where one of these holds\n", out);
	for (size_t i = 0; i < cost->guard_count && i < SHOWN; i++)
		fprintf(out, "      %.*s   [%s]\n", STR_ARG(cost->guards[i].text),
			cost->guards[i].lookup);
	if (cost->guard_count > SHOWN)
		fprintf(out, "      and %zu more\n", cost->guard_count - SHOWN);
}

static void print_questions(const struct rule_cost *cost, FILE *out)
{
	fputs("    comparisons:\n", out);
	for (size_t i = 0; i < cost->shared_count; i++)
		fprintf(out, "      %u answered by lookups that all rules share: %s\n",
			cost->shared[i].count, cost->shared[i].lookup);
	if (cost->in_place)
		fprintf(out, "      %u of numbers, flags and presence, compared in place\n",
			cost->in_place);
	if (cost->kept_with_process)
		fprintf(out, "      %u asked once per process and kept with it\n",
			cost->kept_with_process);
	if (cost->alone_count)
		fprintf(out, "      %zu asked one by one\n", cost->alone_count);
	for (size_t i = 0; i < cost->alone_count && i < SHOWN; i++)
		fprintf(out, "        %.*s\n", STR_ARG(cost->alone[i].text));
}

/* What the kernel leaves of these events, by all rules. */
static void print_discards(const struct plan *p, const struct rule_cost *cost, FILE *out)
{
	for (size_t i = 0; i < cost->kind_count && i < SHOWN; i++) {
		char *text = NULL;
		size_t size;
		FILE *memory = open_memstream(&text, &size);

		if (!memory)
			return;
		bool has_any = discard_describe(p->discards, cost->kinds[i], memory);

		fclose(memory);
		if (has_any)
			fprintf(out, "    in the kernel, with all rules, %s: %s\n",
				event_kind_name(cost->kinds[i]), text);
		free(text);
	}
}

void plan_describe_rule(const struct plan *p, const struct rule *rule, FILE *out)
{
	CLEANUP_ARENA struct arena *arena = arena_new();
	struct rule_cost *costs;
	size_t count = plan_rule_costs(p, rule, arena, &costs);

	for (size_t i = 0; i < count; i++) {
		fputs("  for ", out);
		print_kinds(&costs[i], out);
		fprintf(out, ", with %u rule%s in all\n", costs[i].rule_count,
			costs[i].rule_count == 1 ? "" : "s");
		print_guards(&costs[i], out);
		print_questions(&costs[i], out);
		print_discards(p, &costs[i], out);
	}
	if (!count)
		fputs("  it can hold for no event, or is not enabled\n", out);
}
