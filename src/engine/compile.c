/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/discard.h"
#include "engine/group.h"
#include "engine/plan_internal.h"
#include "engine/program.h"

#include <errno.h>
#include <stdlib.h>

/* A rule on its way into tables. */
struct compiled_rule {
	const struct rule *rule;
	uint32_t root;
	uint32_t facts; /* of its output */
};

/* The candidates of a kind before the table is built: which rules, as which nodes. */
struct kind_rule {
	uint32_t rule; /* index of a compiled_rule */
	uint32_t root; /* the condition as it is for this kind */
};

struct kind_list {
	size_t first, count; /* in compiler.kind_rules */
	uint64_t hash;
	size_t guards_first, guards_count[VIEW_COUNT]; /* in compiler.guard_lookups */
	bool is_small;
	uint32_t small_id;
	const struct kind_table *table;
};

/* A lookup for the guards of a list's rules, and what at least one of those rules needs to hold. */
struct wanted_lookup {
	uint32_t lookup;
	uint32_t precondition; /* a node */
	uint64_t mask;         /* of small tables: the rules' places in the list */
};

struct compiler {
	struct plan *plan;
	struct formula formula;
	struct estimator estimator;
	struct program_builder program;
	struct lookup_groups groups;
	VEC(struct compiled_rule) rules;
	VEC(struct kind_rule) kind_rules;
	VEC(struct kind_list) lists;
	VEC(struct wanted_lookup) guard_lookups;
	struct discard_output discards;
	uint32_t *list_of; /* [source * kinds + kind]: index in lists; PLAN_NONE: no rule */
};

/* Moves a growing array into the plan's arena. */
static const void *keep(struct arena *arena, const void *items, size_t count, size_t size)
{
	void *copy = arena_alloc_array(arena, count, size);

	return count ? memcpy(copy, items, count * size) : copy;
}
#define KEEP(arena, vec) keep((arena), (vec)->items, (vec)->count, sizeof(*(vec)->items))

static void add_facts(const struct field_use *use, void *context)
{
	*(uint32_t *)context |= use->facts;
}

static int add_rules(struct compiler *c, const struct rule_set *set, struct error *err)
{
	for (size_t i = 0; i < set->rule_count; i++) {
		const struct rule *rule = &set->rules[i];
		struct compiled_rule r = {.rule = rule};

		if (!rule->is_enabled || !rule->condition)
			continue;
		int failed = formula_add(&c->formula, rule->condition, &r.root, err);

		if (failed) {
			error_locate(err, rule->position.file, rule->position.line,
				     rule->position.column);
			return failed;
		}
		template_visit(&rule->output, add_facts, &r.facts);
		VEC_PUSH(&c->rules, r);
	}
	return 0;
}

/* Kinds with the same rules in the same form share a list, and so a table. */
static uint32_t share_list(struct compiler *c, struct kind_list list)
{
	for (size_t i = 0; i < c->lists.count; i++) {
		const struct kind_list *l = &c->lists.items[i];

		if (l->hash == list.hash && l->count == list.count &&
		    memcmp(c->kind_rules.items + l->first, c->kind_rules.items + list.first,
			   list.count * sizeof(struct kind_rule)) == 0) {
			c->kind_rules.count = list.first;
			return (uint32_t)i;
		}
	}
	VEC_PUSH(&c->lists, list);
	return (uint32_t)c->lists.count - 1;
}

static void list_kind(struct compiler *c, enum event_source source, uint16_t kind)
{
	struct kind_list list = {.first = c->kind_rules.count};

	formula_begin_kind(&c->formula);
	for (uint32_t i = 0; i < c->rules.count; i++) {
		const struct compiled_rule *r = &c->rules.items[i];

		if (r->rule->source != source ||
		    (r->rule->event_kinds && !bitset_has(r->rule->event_kinds, kind)))
			continue;
		struct kind_rule k = {i, formula_for_kind(&c->formula, r->root, kind)};

		if (k.root == NODE_ID_FALSE)
			continue;
		VEC_PUSH(&c->kind_rules, k);
		list.hash = hash_u64(list.hash + ((uint64_t)k.rule << 32 | k.root));
		list.count++;
	}
	if (list.count)
		c->list_of[(size_t)source * c->plan->kind_count + kind] = share_list(c, list);
}

static void list_kinds(struct compiler *c)
{
	size_t count = (size_t)SOURCE_COUNT * c->plan->kind_count;

	c->list_of = malloc(count * sizeof(*c->list_of));
	if (!c->list_of)
		abort();
	memset(c->list_of, 0xff, count * sizeof(*c->list_of));
	for (int source = 0; source < SOURCE_COUNT; source++)
		for (uint16_t kind = 0; kind < c->plan->kind_count; kind++)
			list_kind(c, (enum event_source)source, kind);
}

/* While nodes may be added to the formula: their programs come with those of the rules. */
static void compile_discards(struct compiler *c)
{
	VEC(struct discard_rule) rules = {0};

	for (uint32_t kind = 0; kind < c->plan->kind_count; kind++) {
		uint32_t list_id = c->list_of[SOURCE_SYSCALL * c->plan->kind_count + kind];

		if (list_id == PLAN_NONE || discard_shape_of((uint16_t)kind) == DISCARD_NEVER)
			continue;
		const struct kind_list *list = &c->lists.items[list_id];

		for (size_t i = 0; i < list->count; i++)
			VEC_PUSH(&rules,
				 (struct discard_rule){(uint16_t)kind,
						       c->kind_rules.items[list->first + i].root});
	}
	c->discards = discard_compile(&c->formula, rules.items, rules.count, c->plan->arena);
	c->plan->discards = c->discards.table;
	VEC_FREE(&rules);
}

static void keep_discards(struct compiler *c)
{
	uint32_t count = c->discards.table ? c->discards.clause_count : 0;
	uint32_t *entries = ARENA_ARRAY(c->plan->arena, uint32_t, count);

	for (uint32_t i = 0; i < count; i++)
		entries[i] = program_entry(&c->program, c->discards.process_nodes[i]);
	c->plan->clause_entries = entries;
	c->plan->clause_count = count;
}

/* An atom that guards a candidate of the table being built. */
struct guarded {
	uint32_t atom;
	uint32_t candidate;
};

static int compare_guarded(const void *a, const void *b)
{
	const struct guarded *x = a, *y = b;

	if (x->atom != y->atom)
		return x->atom < y->atom ? -1 : 1;
	return (x->candidate > y->candidate) - (x->candidate < y->candidate);
}

static void build_guards(struct compiler *c, struct kind_table *t, struct guarded *all,
			 size_t count)
{
	struct arena *arena = c->plan->arena;
	uint32_t *guarded = ARENA_ARRAY(arena, uint32_t, count);
	uint32_t size = 4, atoms = 0, used = 0;

	if (count)
		qsort(all, count, sizeof(*all), compare_guarded);
	for (size_t i = 0; i < count; i++)
		atoms += !i || all[i].atom != all[i - 1].atom;
	while (size < atoms * 2)
		size *= 2;

	struct guard_entry *entries = ARENA_ARRAY(arena, struct guard_entry, size);

	for (uint32_t i = 0; i < size; i++)
		entries[i].atom = PLAN_NONE;
	for (size_t i = 0; i < count;) {
		struct guard_entry g = {.atom = all[i].atom, .first = used};

		for (; i < count && all[i].atom == g.atom; i++)
			if (used == g.first || guarded[used - 1] != all[i].candidate)
				guarded[used++] = all[i].candidate;
		g.count = used - g.first;
		for (uint32_t j = g.first; t->is_small && j < used; j++)
			g.mask |= UINT64_C(1) << guarded[j];

		uint32_t slot = guard_slot(g.atom, size - 1);

		while (entries[slot].atom != PLAN_NONE)
			slot = (slot + 1) & (size - 1);
		entries[slot] = g;
	}
	t->guards = entries;
	t->guard_mask = size - 1;
	t->guarded = guarded;
}

/* Preconditions of more alternatives cost more than the lookup that they might save. */
enum { ALTERNATIVES_MAX = 8 };

/*
 * What of a rule is known almost for free: flags that the event itself tells (is it opened for
 * writing?) and, with_process, what is remembered with the process. True where it has none.
 */
static uint32_t cheap_part(struct compiler *c, uint32_t root, bool with_process)
{
	const struct node *n = &c->formula.nodes.items[root];
	VEC(uint32_t) ids = {0};

	for (uint32_t i = 0; n->kind == NODE_AND && i < n->count; i++) {
		uint32_t id = c->formula.children.items[n->first + i];
		const struct node *child = &c->formula.nodes.items[id];

		if (child->flags & FORMULA_PROCESS) {
			if (with_process)
				VEC_PUSH(&ids, id);
		} else if (child->kind == NODE_LITERAL && !(child->flags & FORMULA_PATH)) {
			const struct atom *a = &c->formula.atoms.items[child->first];
			const struct subject *s = &c->formula.subjects.items[a->subject];

			if (s->expression->type == VALUE_BOOL)
				VEC_PUSH(&ids, id);
		}
	}
	uint32_t part = formula_join(&c->formula, NODE_AND, ids.items, ids.count);

	VEC_FREE(&ids);
	return part;
}

/* Which rule is found by which lookup. */
struct found_by {
	uint32_t lookup;
	uint32_t root;  /* the rule's */
	uint32_t place; /* in the list */
};

static int compare_found(const void *a, const void *b)
{
	const struct found_by *x = a, *y = b;

	if (x->lookup != y->lookup)
		return x->lookup < y->lookup ? -1 : 1;
	return (x->root > y->root) - (x->root < y->root);
}

/* What at least one of the rules needs to hold, as far as that is known almost for free. */
static uint32_t precondition(struct compiler *c, const struct found_by *rules, size_t count)
{
	VEC(uint32_t) parts = {0};
	uint32_t any = NODE_ID_TRUE;
	bool is_small = false;

	for (int with_process = 1; with_process >= 0 && !is_small; with_process--) {
		parts.count = 0;
		for (size_t i = 0; i < count; i++)
			if (!i || rules[i].root != rules[i - 1].root)
				VEC_PUSH(&parts, cheap_part(c, rules[i].root, with_process));
		any = formula_join(&c->formula, NODE_OR, parts.items, parts.count);
		is_small = c->formula.nodes.items[any].kind != NODE_OR ||
			   c->formula.nodes.items[any].count <= ALTERNATIVES_MAX;
	}
	VEC_FREE(&parts);
	return is_small ? any : NODE_ID_TRUE;
}

/* The lookups that find the list's rules, but for those that are kept with the process. */
static void list_lookups(struct compiler *c, struct kind_list *list)
{
	VEC(struct found_by) all = {0};

	for (size_t i = 0; i < list->count; i++) {
		uint32_t root = c->kind_rules.items[list->first + i].root;
		struct guard g = estimate_guard(&c->estimator, root);

		for (uint32_t j = 0; j < g.count; j++) {
			uint32_t atom = c->estimator.guard_atoms.items[g.first + j];

			if (!(c->formula.atoms.items[atom].flags & FORMULA_PROCESS))
				VEC_PUSH(&all, (struct found_by){c->groups.atom_lookups[atom], root,
								 (uint32_t)i});
		}
	}
	if (all.count)
		qsort(all.items, all.count, sizeof(*all.items), compare_found);
	list->guards_first = c->guard_lookups.count;
	for (int view = 0; view < VIEW_COUNT; view++) {
		for (size_t from = 0, to; from < all.count; from = to) {
			uint32_t lookup = all.items[from].lookup;

			for (to = from; to < all.count && all.items[to].lookup == lookup; to++)
				;
			if (c->groups.lookups[lookup].view != view)
				continue;
			struct wanted_lookup w = {lookup, NODE_ID_TRUE, 0};

			if (list->is_small)
				for (size_t i = from; i < to; i++)
					w.mask |= UINT64_C(1) << all.items[i].place;
			else
				w.precondition = precondition(c, all.items + from, to - from);
			VEC_PUSH(&c->guard_lookups, w);
			list->guards_count[view]++;
		}
	}
	VEC_FREE(&all);
}

static void keep_lookups(struct compiler *c, const struct kind_list *list, struct kind_table *t)
{
	size_t count = list->guards_count[VIEW_EVENT] + list->guards_count[VIEW_NAME];
	struct guard_lookup *lookups = ARENA_ARRAY(c->plan->arena, struct guard_lookup, count);

	for (size_t i = 0; i < count; i++) {
		const struct wanted_lookup *w = &c->guard_lookups.items[list->guards_first + i];

		lookups[i] = (struct guard_lookup){
		    w->lookup, program_entry(&c->program, w->precondition), w->mask};
	}
	t->lookups = lookups;
	for (int view = 0; view < VIEW_COUNT; view++)
		t->lookup_count[view] = (uint32_t)list->guards_count[view];
}

/* What of a rule is fixed per process: see formula_join. True where nothing is. */
static uint32_t process_part(const struct compiler *c, uint32_t root)
{
	const struct node *n = &c->formula.nodes.items[root];

	if (n->flags & FORMULA_PROCESS)
		return root;
	for (uint32_t i = 0; n->kind == NODE_AND && i < n->count; i++) {
		uint32_t id = c->formula.children.items[n->first + i];

		if (c->formula.nodes.items[id].flags & FORMULA_PROCESS)
			return id;
	}
	return NODE_ID_TRUE;
}

/* Numbers and flags that the event itself tells, whatever the name. */
static bool is_cheap(const struct compiler *c, uint32_t id)
{
	const struct node *n = &c->formula.nodes.items[id];

	if (n->kind != NODE_LITERAL || n->flags & (FORMULA_PROCESS | FORMULA_PATH))
		return false;
	const struct atom *a = &c->formula.atoms.items[n->first];
	const struct subject *s = &c->formula.subjects.items[a->subject];
	enum value_type type = s->expression->type;

	return s->is_scalar && s->expression->transformer == TRANSFORM_NONE &&
	       c->groups.atom_lookups[n->first] == PLAN_NONE && !a->comparison->right &&
	       (type == VALUE_BOOL || type == VALUE_I64 || type == VALUE_U64);
}

static void list_tests(struct compiler *c, const struct kind_list *list, struct kind_table *t)
{
	VEC(struct cheap_test) tests = {0};
	VEC(uint32_t) nodes = {0};

	for (size_t i = 0; i < list->count; i++) {
		uint32_t root = c->kind_rules.items[list->first + i].root;
		struct node n = c->formula.nodes.items[root];

		for (uint32_t j = 0; n.kind == NODE_AND && j < n.count; j++) {
			uint32_t id = c->formula.children.items[n.first + j];
			size_t k = 0;

			if (!is_cheap(c, id))
				continue;
			while (k < nodes.count && nodes.items[k] != id)
				k++;
			if (k == nodes.count) {
				VEC_PUSH(&nodes, id);
				VEC_PUSH(&tests,
					 (struct cheap_test){program_entry(&c->program, id), 0});
			}
			tests.items[k].mask |= UINT64_C(1) << i;
		}
	}
	t->tests = KEEP(c->plan->arena, &tests);
	t->test_count = (uint32_t)tests.count;
	VEC_FREE(&tests);
	VEC_FREE(&nodes);
}

static const struct kind_table *build_table(struct compiler *c, const struct kind_list *list)
{
	struct arena *arena = c->plan->arena;
	struct kind_table *t = ARENA_NEW(arena, struct kind_table);
	struct candidate *candidates = ARENA_ARRAY(arena, struct candidate, list->count);
	VEC(struct guarded) guarded = {0};

	t->id = c->plan->table_count++;
	t->count = (uint32_t)list->count;
	t->words = (uint32_t)BITSET_WORDS(list->count);
	t->summary_words = (uint32_t)BITSET_WORDS(t->words);
	t->is_small = list->is_small;
	t->small_id = list->small_id;
	uint64_t *always = ARENA_ARRAY(arena, uint64_t, t->words);
	uint64_t *always_summary = ARENA_ARRAY(arena, uint64_t, t->summary_words);
	uint64_t *has_path = ARENA_ARRAY(arena, uint64_t, t->words);

	for (uint32_t i = 0; i < t->count; i++) {
		const struct kind_rule *k = &c->kind_rules.items[list->first + i];
		struct guard g = estimate_guard(&c->estimator, k->root);

		candidates[i] = (struct candidate){
		    .entry = program_entry(&c->program, k->root),
		    .rule = c->rules.items[k->rule].rule->id,
		};
		if (t->is_small)
			candidates[i].process_entry =
			    program_entry(&c->program, process_part(c, k->root));
		if (c->formula.nodes.items[k->root].flags & FORMULA_PATH) {
			bitset_add(has_path, i);
			t->has_any_path = true;
		}
		if (!g.count && t->is_small) {
			t->small_always |= UINT64_C(1) << i;
		} else if (!g.count) {
			bitset_add(always, i);
			bitset_add(always_summary, i / 64);
		}
		for (uint32_t j = 0; j < g.count; j++)
			VEC_PUSH(&guarded,
				 (struct guarded){c->estimator.guard_atoms.items[g.first + j], i});
	}
	t->candidates = candidates;
	t->always = always;
	t->always_summary = always_summary;
	t->has_path = has_path;
	build_guards(c, t, guarded.items, guarded.count);
	keep_lookups(c, list, t);
	if (t->is_small)
		list_tests(c, list, t);
	VEC_FOREACH (g, &guarded)
		t->has_process_guard |=
		    (c->formula.atoms.items[g->atom].flags & FORMULA_PROCESS) != 0;
	if (t->count > c->plan->most_candidates)
		c->plan->most_candidates = t->count;
	VEC_FREE(&guarded);
	return t;
}

static void build_tables(struct compiler *c)
{
	struct plan *p = c->plan;
	size_t count = (size_t)SOURCE_COUNT * p->kind_count;

	for (size_t i = 0; i < c->kind_rules.count; i++)
		program_add_root(&c->program, c->kind_rules.items[i].root);
	VEC_FOREACH (w, &c->guard_lookups)
		program_add_root(&c->program, w->precondition);
	for (uint32_t i = 0; i < c->discards.clause_count; i++)
		program_add_root(&c->program, c->discards.process_nodes[i]);
	VEC_FOREACH (list, &c->lists)
		list->table = build_table(c, list);
	p->tables = ARENA_ARRAY(p->arena, const struct kind_table *, count);
	for (size_t i = 0; i < count; i++)
		if (c->list_of[i] != PLAN_NONE)
			p->tables[i] = c->lists.items[c->list_of[i]].table;
}

/* Which tables find rules by an atom that is fixed per process, and which lookups answer those. */
static void build_process_guards(struct compiler *c)
{
	struct plan *p = c->plan;
	uint32_t *guard_tables = ARENA_ARRAY(p->arena, uint32_t, c->formula.atoms.count);
	VEC(uint64_t) sets = {0};
	VEC(uint32_t) lookups = {0};

	memset(guard_tables, 0xff, c->formula.atoms.count * sizeof(*guard_tables));
	p->guard_table_words = (uint32_t)BITSET_WORDS(p->table_count);
	VEC_FOREACH (list, &c->lists) {
		const struct kind_table *t = list->table;

		for (uint32_t i = 0; i <= t->guard_mask; i++) {
			uint32_t atom = t->guards[i].atom;

			if (atom == PLAN_NONE ||
			    !(c->formula.atoms.items[atom].flags & FORMULA_PROCESS))
				continue;
			if (guard_tables[atom] == PLAN_NONE) {
				uint32_t lookup = c->groups.atom_lookups[atom];
				bool is_new = true;

				guard_tables[atom] = (uint32_t)sets.count;
				for (uint32_t w = 0; w < p->guard_table_words; w++)
					VEC_PUSH(&sets, 0);
				for (size_t j = 0; j < lookups.count && is_new; j++)
					is_new = lookups.items[j] != lookup;
				if (is_new)
					VEC_PUSH(&lookups, lookup);
			}
			bitset_add(sets.items + guard_tables[atom], t->id);
		}
	}
	p->guard_tables = guard_tables;
	p->guard_table_sets = KEEP(p->arena, &sets);
	p->process_lookups = KEEP(p->arena, &lookups);
	p->process_lookup_count = (uint32_t)lookups.count;
	VEC_FREE(&sets);
	VEC_FREE(&lookups);
}

static void build_needs(struct compiler *c)
{
	struct plan *p = c->plan;

	p->needs.kinds = ARENA_ARRAY(p->arena, uint64_t, BITSET_WORDS(p->kind_count));
	p->needs.facts = ARENA_ARRAY(p->arena, uint32_t, p->kind_count);
	for (uint32_t kind = 0; kind < p->kind_count; kind++) {
		uint32_t list_id = c->list_of[SOURCE_SYSCALL * p->kind_count + kind];

		if (list_id == PLAN_NONE)
			continue;
		bitset_add(p->needs.kinds, kind);
		const struct kind_list *list = &c->lists.items[list_id];

		for (size_t i = 0; i < list->count; i++) {
			const struct kind_rule *k = &c->kind_rules.items[list->first + i];
			const struct node *root = &c->formula.nodes.items[k->root];

			p->needs.facts[kind] |= root->facts | c->rules.items[k->rule].facts;
			/* The second judgement needs the second name. */
			if (root->flags & FORMULA_PATH)
				p->needs.facts[kind] |= FACT_RESOLVED_PATH;
		}
	}
}

static void keep_arrays(struct compiler *c)
{
	struct plan *p = c->plan;
	const struct formula *f = &c->formula;
	struct plan_subject *subjects =
	    ARENA_ARRAY(p->arena, struct plan_subject, f->subjects.count);
	struct plan_atom *atoms = ARENA_ARRAY(p->arena, struct plan_atom, f->atoms.count);

	for (size_t i = 0; i < f->subjects.count; i++) {
		const struct subject *s = &f->subjects.items[i];

		const struct expression *x = s->expression;
		bool is_field = x->transformer == TRANSFORM_NONE && !x->is_literal;

		subjects[i] = (struct plan_subject){
		    x, is_field ? &x->use : NULL, s->flags & FORMULA_PATH ? VIEW_NAME : VIEW_EVENT};
	}
	for (size_t i = 0; i < f->atoms.count; i++) {
		const struct atom *a = &f->atoms.items[i];

		atoms[i] = (struct plan_atom){a->comparison, a->subject, c->groups.atom_lookups[i],
					      a->flags & FORMULA_PATH ? VIEW_NAME : VIEW_EVENT};
	}
	p->subjects = subjects;
	p->subject_count = (uint32_t)f->subjects.count;
	p->atoms = atoms;
	p->atom_count = (uint32_t)f->atoms.count;
	p->lookups = c->groups.lookups;
	p->lookup_count = c->groups.count;
	p->most_hits = c->groups.most_atoms;
	p->code = KEEP(p->arena, &c->program.code);
	p->code_count = (uint32_t)c->program.code.count;
	p->constants = KEEP(p->arena, &c->program.constants);
	p->memos = KEEP(p->arena, &c->program.memos);
	p->memo_count = (uint32_t)c->program.memos.count;
	p->bit_entries = KEEP(p->arena, &c->program.bit_entries);
	p->bit_count = (uint32_t)c->program.bit_entries.count;
	p->statistics = (struct plan_statistics){
	    .rules = c->rules.count,
	    .comparisons = f->comparison_count,
	    .atoms = f->atoms.count,
	    .nodes = f->nodes.count,
	    .bytes = p->arena->bytes,
	};
}

static void compiler_free(struct compiler *c)
{
	program_free(&c->program);
	estimator_free(&c->estimator);
	formula_free(&c->formula);
	VEC_FREE(&c->rules);
	VEC_FREE(&c->kind_rules);
	VEC_FREE(&c->lists);
	VEC_FREE(&c->guard_lookups);
	free(c->list_of);
}

struct plan *plan_compile(const struct rule_set *set, const struct plan_options *options,
			  struct error *err)
{
	struct arena *arena = arena_new();
	struct plan *p = ARENA_NEW(arena, struct plan);
	__attribute__((cleanup(compiler_free))) struct compiler c = {.plan = p};

	p->arena = arena;
	p->set = set;
	p->all_matches = options && options->all_matches;
	p->kind_count = event_kind_count;
	formula_init(&c.formula, arena);
	c.formula.assume_metadata = options && options->assume_metadata;
	if (add_rules(&c, set, err)) {
		arena_free(arena);
		return NULL;
	}
	list_kinds(&c);
	if (options && options->want_discards)
		compile_discards(&c);
	c.groups = group_atoms(&c.formula, arena);
	estimator_init(&c.estimator, &c.formula, c.groups.atom_lookups);
	VEC_FOREACH (list, &c.lists) {
		list->is_small =
		    list->count <= SMALL_TABLE_MOST && p->small_count < SMALL_TABLES_MOST;
		if (list->is_small)
			list->small_id = p->small_count++;
		list_lookups(&c, list);
	}
	program_init(&c.program, &c.formula, &c.estimator, c.groups.atom_lookups);
	build_tables(&c);
	build_process_guards(&c);
	keep_discards(&c);
	build_needs(&c);
	p->needs.has_metadata = c.formula.has_metadata;
	keep_arrays(&c);
	return p;
}

void plan_free(struct plan *p)
{
	if (p)
		arena_free(p->arena);
}

const struct plan_needs *plan_needs(const struct plan *p)
{
	return &p->needs;
}

const struct discard_table *plan_discards(const struct plan *p)
{
	return p->discards;
}

struct plan_statistics plan_statistics(const struct plan *p)
{
	return p->statistics;
}
