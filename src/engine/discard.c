/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/discard.h"

#include "base/bitset.h"
#include "engine/name_automaton.h"
#include "event/schema.h"

#include <errno.h>
#include <stdlib.h>

enum { SCRATCH_SIZE = 64 * 1024, FILES = DISCARD_FILE_DIRECTORY + 1 };

/* What a rule needs, beside the facts: of the name of a file of this type, and of the process. */
struct clause {
	uint32_t name, process; /* nodes */
	enum discard_file file;
};

/* What a node is in the question at hand; by node. */
struct memo {
	VEC(uint32_t) results;
	VEC(uint32_t) rounds;
	uint32_t round;
};

struct discard {
	struct formula *f;
	struct discard_facts facts;
	struct discard_table *table;
	struct clause clauses[DISCARD_CLAUSES];
	uint32_t clause_count;
	uint32_t set_count; /* of table->clauses */
	struct memo memo, parts;
	struct arena scratch;
	char *scratch_memory;
	/* Of the names: labels by atom and type of file. */
	uint32_t *labels; /* [atom * FILES + file]: label + 1; 0: none */
	uint32_t label_count;
	const uint64_t *holding[2]; /* labels that hold for the name at hand: in either set */
	enum discard_file file;
	bool only_prefixes; /* other patterns are taken to be not known */
};

static void memo_begin(struct memo *m, size_t nodes)
{
	while (m->rounds.count < nodes) {
		VEC_PUSH(&m->rounds, 0);
		VEC_PUSH(&m->results, 0);
	}
	m->round++;
}

static bool memo_has(const struct memo *m, uint32_t id)
{
	return id < m->rounds.count && m->rounds.items[id] == m->round;
}

static void memo_keep(struct memo *m, uint32_t id, uint32_t result)
{
	while (m->rounds.count <= id) {
		VEC_PUSH(&m->rounds, 0);
		VEC_PUSH(&m->results, 0);
	}
	m->rounds.items[id] = m->round;
	m->results.items[id] = result;
}

static uint32_t remaining_literal(struct discard *d, uint32_t id)
{
	const struct node *n = &d->f->nodes.items[id];

	switch (discard_atom(d->f, &d->f->atoms.items[n->first], &d->facts, &d->scratch)) {
	case DISCARD_FALSE:
		return n->is_negated ? NODE_ID_TRUE : NODE_ID_FALSE;
	case DISCARD_TRUE:
		return n->is_negated ? NODE_ID_FALSE : NODE_ID_TRUE;
	case DISCARD_BY_NAME:
	case DISCARD_BY_PROCESS:
		return id;
	case DISCARD_UNKNOWN:
		break;
	}
	return NODE_ID_TRUE;
}

/* What remains of a node under the facts: a constant, or a node of literals of name and process. */
static uint32_t remaining(struct discard *d, uint32_t id)
{
	struct node n = d->f->nodes.items[id];
	VEC(uint32_t) ids = {0};
	uint32_t result;
	uint32_t deciding = n.kind == NODE_AND ? NODE_ID_FALSE : NODE_ID_TRUE;

	if (n.kind == NODE_TRUE || n.kind == NODE_FALSE)
		return id;
	if (memo_has(&d->memo, id))
		return d->memo.results.items[id];
	if (n.kind == NODE_LITERAL) {
		result = remaining_literal(d, id);
	} else {
		for (uint32_t i = 0; i < n.count; i++) {
			uint32_t child = remaining(d, d->f->children.items[n.first + i]);

			VEC_PUSH(&ids, child);
			if (child == deciding)
				break;
		}
		result = formula_join(d->f, n.kind, ids.items, ids.count);
		VEC_FREE(&ids);
	}
	memo_keep(&d->memo, id, result);
	return result;
}

/*
 * The part of a node that speaks of the process, or else the one that speaks of the name: what it
 * says of the other is taken to hold.
 */
static uint32_t part(struct discard *d, uint32_t id, bool is_process)
{
	struct node n = d->f->nodes.items[id];
	VEC(uint32_t) ids = {0};
	uint32_t result = id;

	if (n.kind == NODE_TRUE || n.kind == NODE_FALSE)
		return id;
	if (memo_has(&d->parts, id))
		return d->parts.results.items[id];
	if (n.kind == NODE_LITERAL) {
		if (is_process == !(n.flags & FORMULA_PROCESS))
			result = NODE_ID_TRUE;
	} else {
		for (uint32_t i = 0; i < n.count; i++)
			VEC_PUSH(&ids, part(d, d->f->children.items[n.first + i], is_process));
		result = formula_join(d->f, n.kind, ids.items, ids.count);
		VEC_FREE(&ids);
	}
	memo_keep(&d->parts, id, result);
	return result;
}

/* The clause's bit, or none where the event is to be kept anyway. */
static uint64_t clause_of(struct discard *d, uint32_t node)
{
	struct clause c = {.file = d->facts.file};

	memo_begin(&d->parts, 0);
	c.name = part(d, node, false);
	memo_begin(&d->parts, 0);
	c.process = part(d, node, true);
	if (c.name == NODE_ID_TRUE)
		c.file = DISCARD_FILE_OTHER;
	if (c.name == NODE_ID_TRUE && c.process == NODE_ID_TRUE)
		return 0;
	for (uint32_t i = 0; i < d->clause_count; i++)
		if (d->clauses[i].name == c.name && d->clauses[i].process == c.process &&
		    d->clauses[i].file == c.file)
			return UINT64_C(1) << i;
	if (d->clause_count == DISCARD_CLAUSES)
		return 0;
	d->clauses[d->clause_count] = c;
	return UINT64_C(1) << d->clause_count++;
}

/* What remains of a rule, to the set; false where the event is to be kept anyway. */
static bool add_clauses(struct discard *d, uint32_t left, uint64_t *set)
{
	struct node n = d->f->nodes.items[left];
	uint64_t clause;

	if (n.kind == NODE_FALSE)
		return true;
	/* Alternatives are told apart, which leaves more of each. */
	for (uint32_t i = 0; n.kind == NODE_OR && i < n.count; i++)
		if (!add_clauses(d, d->f->children.items[n.first + i], set))
			return false;
	if (n.kind == NODE_OR)
		return true;
	clause = n.kind == NODE_TRUE ? 0 : clause_of(d, left);
	*set |= clause;
	return clause != 0;
}

static uint8_t verdict_of_set(struct discard *d, uint64_t set)
{
	uint32_t i = DISCARD_KEEP + 1;

	while (i < d->set_count && d->table->clauses[i] != set)
		i++;
	if (i == DISCARD_SETS)
		return DISCARD_KEEP;
	if (i == d->set_count)
		d->table->clauses[d->set_count++] = set;
	return (uint8_t)i;
}

static uint8_t verdict_of(struct discard *d, const struct discard_rule *rules, size_t count)
{
	uint64_t set = 0;

	memo_begin(&d->memo, d->f->nodes.count);
	for (size_t i = 0; i < count; i++)
		if (!add_clauses(d, remaining(d, rules[i].root), &set))
			return DISCARD_KEEP;
	return verdict_of_set(d, set);
}

/* Verdicts of one kind, from a place on; false where none of them is worth anything. */
static bool judge_kind(struct discard *d, const struct discard_rule *rules, size_t count,
		       enum discard_shape shape, uint8_t *verdicts)
{
	bool has_any = false;

	for (uint32_t number = 0; number < DISCARD_FACTS_LIMIT; number++) {
		verdicts[number] = DISCARD_KEEP;
		if (!discard_facts_of(shape, rules->kind, number, &d->facts))
			continue;
		verdicts[number] = verdict_of(d, rules, count);
		has_any |= verdicts[number] != DISCARD_KEEP;
	}
	return has_any;
}

static void enter_kind(struct discard *d, uint16_t kind, enum discard_shape shape, uint16_t first)
{
	for (uint16_t nr = 0; nr < DISCARD_CALLS; nr++) {
		const struct syscall_schema *s = syscall_schema_get(nr);

		if (!s || s->kind != kind)
			continue;
		d->table->first[nr] = first;
		d->table->shape[nr] = (uint8_t)shape;
	}
}

/* Names */

static bool is_prefix(const struct comparison *c)
{
	return c->operator== OP_EQ || c->operator== OP_IN || c->operator== OP_STARTSWITH || c->
	operator== OP_PMATCH;
}

/* A label for each name atom in the node. */
static void label_atoms(struct discard *d, uint32_t id, struct name_patterns *patterns)
{
	struct node n = d->f->nodes.items[id];
	uint32_t *label;

	if (memo_has(&d->memo, id))
		return;
	memo_keep(&d->memo, id, 0);
	for (uint32_t i = 0; n.kind != NODE_LITERAL && i < n.count; i++)
		label_atoms(d, d->f->children.items[n.first + i], patterns);
	if (n.kind != NODE_LITERAL)
		return;
	label = &d->labels[(size_t)n.first * FILES + d->file];
	if (*label || (d->only_prefixes && !is_prefix(d->f->atoms.items[n.first].comparison)))
		return;
	*label = ++d->label_count;
	discard_name_add(d->f, &d->f->atoms.items[n.first], d->file, patterns, *label - 1);
}

/* Whether the node may hold for the name of which the labels hold. */
static bool may_hold(struct discard *d, uint32_t id)
{
	struct node n = d->f->nodes.items[id];
	bool result = n.kind == NODE_AND || n.kind == NODE_TRUE;
	uint32_t label;

	if (memo_has(&d->memo, id))
		return d->memo.results.items[id];
	if (n.kind == NODE_LITERAL) {
		label = d->labels[(size_t)n.first * FILES + d->file];
		result = !label || (bitset_has(d->holding[0], label - 1) ||
				    bitset_has(d->holding[1], label - 1)) != n.is_negated;
	}
	for (uint32_t i = 0; n.kind != NODE_LITERAL && i < n.count; i++) {
		if (may_hold(d, d->f->children.items[n.first + i]) == result)
			continue;
		result = !result;
		break;
	}
	memo_keep(&d->memo, id, result);
	return result;
}

static uint64_t answers_of(struct discard *d)
{
	uint64_t answers = 0;

	for (uint32_t i = 0; i < d->clause_count; i++) {
		memo_begin(&d->memo, 0);
		d->file = d->clauses[i].file;
		if (may_hold(d, d->clauses[i].name))
			answers |= UINT64_C(1) << i;
	}
	return answers;
}

static int answer_sets(struct discard *d, const struct name_automaton *anchored,
		       const struct name_automaton *floating)
{
	uint64_t *answer = d->table->answers;

	if ((size_t)anchored->set_count * floating->set_count > DISCARD_ANSWERS)
		return -E2BIG;
	for (uint32_t i = 0; i < anchored->set_count; i++) {
		for (uint32_t k = 0; k < floating->set_count; k++, answer++) {
			d->holding[0] = anchored->labels + (size_t)i * anchored->label_words;
			d->holding[1] = floating->labels + (size_t)k * floating->label_words;
			*answer =
			    i == NAME_SET_ANY || k == NAME_SET_ANY ? ~UINT64_C(0) : answers_of(d);
		}
	}
	return 0;
}

/* The second automaton behind the first one. */
static int build_automata(struct discard *d, const struct name_patterns *patterns)
{
	struct discard_table *t = d->table;
	uint32_t classes = name_patterns_classes(patterns, t->classes), most;
	struct name_automaton anchored = {.classes = t->classes, .class_count = classes},
			      floating = anchored;
	int status;

	t->class_count = classes;
	most = DISCARD_STEPS / classes < DISCARD_STATES ? DISCARD_STEPS / classes : DISCARD_STATES;
	anchored.next = t->next;
	anchored.sets = t->sets;
	anchored.state_room = most;
	anchored.set_room = floating.set_room = UINT8_MAX + 1;
	status = name_automaton_build(patterns, NAME_ANCHORED, d->label_count, &anchored);
	t->floating = anchored.state_count;
	floating.next = t->next + (size_t)t->floating * classes;
	floating.sets = t->sets + t->floating;
	floating.state_room = most - t->floating;
	if (status == 0)
		status = name_automaton_build(patterns, NAME_FLOATING, d->label_count, &floating);
	for (size_t i = 0; status == 0 && i < (size_t)floating.state_count * classes; i++)
		floating.next[i] = (uint16_t)(floating.next[i] + t->floating);
	t->set_count = floating.set_count;
	if (status == 0)
		status = answer_sets(d, &anchored, &floating);
	free(anchored.labels);
	free(floating.labels);
	return status;
}

static int build_names(struct discard *d)
{
	struct name_patterns *patterns = name_patterns_new();
	int status;

	d->label_count = 0;
	memset(d->labels, 0, d->f->atoms.count * FILES * sizeof(*d->labels));
	for (uint32_t i = 0; i < d->clause_count; i++) {
		memo_begin(&d->memo, 0);
		d->file = d->clauses[i].file;
		label_atoms(d, d->clauses[i].name, patterns);
	}
	status = build_automata(d, patterns);
	name_patterns_free(patterns);
	return status;
}

/* Where not all patterns have room the rarer forms are left unknown, and if need be all. */
static void answer_names(struct discard *d)
{
	d->labels = calloc(d->f->atoms.count * FILES + 1, sizeof(*d->labels));
	if (!d->labels)
		abort();
	if (build_names(d) < 0) {
		d->only_prefixes = true;
		/* Then no name is asked, and who did it decides. */
		if (build_names(d) < 0)
			d->table->named = 0;
	}
	free(d->labels);
}

/* Rules of a kind that stand together. */
static void enter_rules(struct discard *d, const struct discard_rule *rules, size_t count,
			uint32_t *used)
{
	enum discard_shape shape = discard_shape_of(rules->kind);
	uint8_t verdicts[DISCARD_FACTS_LIMIT];
	uint32_t first = 0;

	if (shape == DISCARD_NEVER || !judge_kind(d, rules, count, shape, verdicts))
		return;
	while (first < *used && memcmp(d->table->verdicts + first, verdicts, sizeof(verdicts)) != 0)
		first += (uint32_t)sizeof(verdicts);
	if (first + sizeof(verdicts) > DISCARD_VERDICTS)
		return;
	if (first == *used) {
		memcpy(d->table->verdicts + first, verdicts, sizeof(verdicts));
		*used += (uint32_t)sizeof(verdicts);
	}
	enter_kind(d, rules->kind, shape, (uint16_t)first);
}

static void enter_clauses(struct discard *d, struct discard_output *out)
{
	for (uint32_t i = 0; i < d->clause_count; i++) {
		if (d->clauses[i].name != NODE_ID_TRUE)
			d->table->named |= UINT64_C(1) << i;
		if (d->clauses[i].process != NODE_ID_TRUE)
			d->table->of_process |= UINT64_C(1) << i;
		out->process_nodes[i] = d->clauses[i].process;
	}
	out->clause_count = d->clause_count;
	if (d->table->named)
		answer_names(d);
}

struct discard_output discard_compile(struct formula *f, const struct discard_rule *rules,
				      size_t count, struct arena *arena)
{
	struct discard_output out = {.table = ARENA_NEW(arena, struct discard_table)};
	struct discard d = {.f = f,
			    .table = out.table,
			    .set_count = DISCARD_KEEP + 1,
			    .scratch_memory = malloc(SCRATCH_SIZE)};
	uint32_t used = 0;

	if (!d.scratch_memory)
		abort();
	arena_fixed(&d.scratch, d.scratch_memory, SCRATCH_SIZE);
	for (size_t from = 0, to; from < count; from = to) {
		for (to = from; to < count && rules[to].kind == rules[from].kind; to++)
			;
		enter_rules(&d, rules + from, to - from, &used);
	}
	enter_clauses(&d, &out);
	if (!used)
		out.table = NULL;
	VEC_FREE(&d.memo.results);
	VEC_FREE(&d.memo.rounds);
	VEC_FREE(&d.parts.results);
	VEC_FREE(&d.parts.rounds);
	free(d.scratch_memory);
	return out;
}

/* The clauses whose part of the name may hold. */
static uint64_t ask_name(const struct discard_table *t, struct str name)
{
	uint32_t first = 0, second = t->floating;

	if (name.n > DISCARD_NAME_MAX)
		return ~UINT64_C(0);
	for (size_t i = 0; i < name.n; i++) {
		uint32_t class = t->classes[(uint8_t)name.p[i]];

		first = t->next[first * t->class_count + class];
		second = t->next[second * t->class_count + class];
	}
	return t->answers[t->sets[first] * t->set_count + t->sets[second]];
}

bool discard_decides(const struct discard_table *t, uint16_t nr, uint32_t number, uint64_t alive,
		     struct str given, struct str resolved)
{
	uint64_t clauses;
	uint8_t verdict;

	if (nr >= DISCARD_CALLS || t->shape[nr] == DISCARD_NEVER || number >= DISCARD_FACTS_LIMIT)
		return false;
	verdict = t->verdicts[t->first[nr] + number];
	if (verdict == DISCARD_KEEP)
		return false;
	clauses = t->clauses[verdict] & (alive | ~t->of_process);
	if (clauses & ~t->named)
		return false;
	return !clauses || !(clauses & (ask_name(t, given) | ask_name(t, resolved)));
}
