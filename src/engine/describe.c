/* SPDX-License-Identifier: Apache-2.0 */
/* What a rule costs: how the plan finds it and how it answers what the rule asks. */
#include "base/vec.h"
#include "engine/lookup_internal.h"
#include "engine/plan_internal.h"

#include <stdlib.h>

enum { TEXT_MAX = 90, GUARDS_SHOWN = 8 };

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

static void print_atom(const struct plan *p, uint32_t id, FILE *out)
{
	struct condition c = {.kind = CONDITION_COMPARE,
			      .comparison =
				  (struct comparison *)(uintptr_t)p->atoms[id].comparison};
	char memory[TEXT_MAX];
	struct buffer text = BUFFER(memory);

	condition_print(&c, &text);
	fprintf(out, "%.*s%s", STR_ARG(buffer_str(&text)), text.is_truncated ? "..." : "");
}

static const char *lookup_of(const struct plan *p, uint32_t atom)
{
	uint32_t lookup = p->atoms[atom].lookup;

	return lookup == PLAN_NONE ? NULL : lookup_names[p->lookups[lookup].lookup->kind];
}

static bool is_guarded(const struct kind_table *t, const struct guard_entry *g, uint32_t candidate)
{
	for (uint32_t i = 0; g->atom != PLAN_NONE && i < g->count; i++)
		if (t->guarded[g->first + i] == candidate)
			return true;
	return false;
}

static void print_kinds(const struct plan *p, const struct kind_table *t, enum event_source source,
			FILE *out)
{
	size_t shown = 0, count = 0;

	for (uint16_t kind = 0; kind < p->kind_count; kind++) {
		if (p->tables[source * p->kind_count + kind] != t)
			continue;
		if (++count <= GUARDS_SHOWN) {
			fprintf(out, "%s%s", shown ? ", " : "", event_kind_name(kind));
			shown++;
		}
	}
	if (count > shown)
		fprintf(out, " and %zu more", count - shown);
}

static void print_guards(const struct plan *p, const struct kind_table *t, uint32_t candidate,
			 FILE *out)
{
	uint32_t count = 0;

	if (bitset_has(t->always, candidate)) {
		fputs("    guard: none, so it is visited for each of these events\n", out);
		return;
	}
	fputs("    guard: visited only where one of these holds\n", out);
	for (uint32_t i = 0; i <= t->guard_mask; i++) {
		const struct guard_entry *g = &t->guards[i];

		if (!is_guarded(t, g, candidate) || ++count > GUARDS_SHOWN)
			continue;
		fputs("      ", out);
		print_atom(p, g->atom, out);
		fprintf(out, "   [%s]\n", lookup_of(p, g->atom));
	}
	if (count > GUARDS_SHOWN)
		fprintf(out, "      and %u more\n", count - GUARDS_SHOWN);
}

static void print_questions(struct walk *w, FILE *out)
{
	const struct plan *p = w->plan;
	uint32_t by_kind[LOOKUP_KIND_COUNT] = {0}, alone = 0, kept = 0;

	for (uint32_t a = 0; a < p->atom_count; a++) {
		if (bitset_has(w->bit_atoms, a)) {
			kept++;
		} else if (bitset_has(w->atoms, a)) {
			uint32_t lookup = p->atoms[a].lookup;

			if (lookup == PLAN_NONE)
				alone++;
			else
				by_kind[p->lookups[lookup].lookup->kind]++;
		}
	}
	fputs("    comparisons:\n", out);
	for (int kind = 0; kind < LOOKUP_KIND_COUNT; kind++)
		if (by_kind[kind])
			fprintf(out, "      %u answered by lookups that all rules share: %s\n",
				by_kind[kind], lookup_names[kind]);
	if (w->plain)
		fprintf(out, "      %u of numbers, flags and presence, compared in place\n",
			w->plain);
	if (kept)
		fprintf(out, "      %u asked once per process and kept with it\n", kept);
	if (!alone)
		return;
	fprintf(out, "      %u asked one by one\n", alone);
	for (uint32_t a = 0, shown = 0; a < p->atom_count && shown < GUARDS_SHOWN; a++) {
		if (!bitset_has(w->atoms, a) || bitset_has(w->bit_atoms, a) ||
		    p->atoms[a].lookup != PLAN_NONE)
			continue;
		fputs("        ", out);
		print_atom(p, a, out);
		fputc('\n', out);
		shown++;
	}
}

static void describe_in(const struct plan *p, const struct kind_table *t, uint32_t candidate,
			enum event_source source, FILE *out)
{
	struct walk w = {.plan = p};

	w.atoms = calloc(BITSET_WORDS(p->atom_count) + 1, sizeof(uint64_t));
	w.bit_atoms = calloc(BITSET_WORDS(p->atom_count) + 1, sizeof(uint64_t));
	w.seen = calloc(BITSET_WORDS(p->code_count) + 1, sizeof(uint64_t));
	if (!w.atoms || !w.bit_atoms || !w.seen)
		abort();
	walk_from(&w, t->candidates[candidate].entry, false);
	walk_all(&w);
	fputs("  for ", out);
	print_kinds(p, t, source, out);
	fprintf(out, ", with %u rule%s in all\n", t->count, t->count == 1 ? "" : "s");
	print_guards(p, t, candidate, out);
	print_questions(&w, out);
	free(w.atoms);
	free(w.bit_atoms);
	free(w.seen);
	VEC_FREE(&w.steps);
}

void plan_describe_rule(const struct plan *p, const struct rule *rule, FILE *out)
{
	size_t count = (size_t)SOURCE_COUNT * p->kind_count;
	uint64_t *done = calloc(BITSET_WORDS(p->table_count) + 1, sizeof(uint64_t));
	bool is_found = false;

	if (!done)
		abort();
	for (size_t i = 0; i < count; i++) {
		const struct kind_table *t = p->tables[i];

		if (!t || bitset_has(done, t->id))
			continue;
		bitset_add(done, t->id);
		for (uint32_t c = 0; c < t->count; c++) {
			if (t->candidates[c].rule != rule->id)
				continue;
			describe_in(p, t, c, (enum event_source)(i / p->kind_count), out);
			is_found = true;
		}
	}
	if (!is_found)
		fputs("  it can hold for no event, or is not enabled\n", out);
	free(done);
}
