/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/discard.h"

#include "base/bitset.h"
#include "engine/name_automaton.h"
#include "event/schema.h"

#include <errno.h>
#include <stdlib.h>

enum { SCRATCH_SIZE = 64 * 1024, FILES = DISCARD_FILE_DIRECTORY + 1 };

/* What is asked of a name: a node of name literals, of a file of this type. */
struct question {
	uint32_t node;
	enum discard_file file;
};

/* What a node is under the facts at hand, or whether it holds for a name; by node. */
struct memo {
	VEC(uint32_t) results;
	VEC(uint32_t) rounds;
	uint32_t round;
};

struct discard {
	struct formula *f;
	struct discard_facts facts;
	struct discard_table *table;
	struct question questions[DISCARD_QUESTIONS];
	uint32_t question_count;
	struct memo memo;
	struct arena scratch;
	char *scratch_memory;
	/* Of the names: atoms by label, and labels by atom and type of file. */
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
		return id;
	case DISCARD_UNKNOWN:
		break;
	}
	return NODE_ID_TRUE;
}

/* What remains of a node under the facts: a constant, or a node of name literals. */
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

static uint8_t ask(struct discard *d, uint32_t node)
{
	for (uint32_t i = 0; i < d->question_count; i++)
		if (d->questions[i].node == node && d->questions[i].file == d->facts.file)
			return (uint8_t)(DISCARD_ASK + i);
	if (d->question_count == DISCARD_QUESTIONS)
		return DISCARD_NO;
	d->questions[d->question_count] = (struct question){node, d->facts.file};
	return (uint8_t)(DISCARD_ASK + d->question_count++);
}

static uint8_t verdict_of(struct discard *d, uint32_t root)
{
	uint32_t left;

	memo_begin(&d->memo, d->f->nodes.count);
	left = remaining(d, root);
	switch ((enum node_kind)d->f->nodes.items[left].kind) {
	case NODE_FALSE:
		return DISCARD_YES;
	case NODE_TRUE:
		return DISCARD_NO;
	default:
		return ask(d, left);
	}
}

/* Verdicts of one kind, from a place on; false where none of them is worth anything. */
static bool judge_kind(struct discard *d, const struct discard_kind *k, enum discard_shape shape,
		       uint8_t *verdicts)
{
	bool has_any = false;

	for (uint32_t number = 0; number < DISCARD_FACTS_LIMIT; number++) {
		verdicts[number] = DISCARD_NO;
		if (!discard_facts_of(shape, k->kind, number, &d->facts))
			continue;
		verdicts[number] = verdict_of(d, k->root);
		has_any |= verdicts[number] != DISCARD_NO;
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
	discard_name_patterns(d->f, &d->f->atoms.items[n.first], d->file, patterns, *label - 1);
}

/* Whether the node may hold for the name of which the labels hold. */
static bool may_hold(struct discard *d, uint32_t id)
{
	struct node n = d->f->nodes.items[id];
	bool result = n.kind == NODE_AND;
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

	for (uint32_t i = 0; i < d->question_count; i++) {
		memo_begin(&d->memo, 0);
		d->file = d->questions[i].file;
		if (may_hold(d, d->questions[i].node))
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
			*answer = i == NAME_SET_ANY || k == NAME_SET_ANY ? ~UINT64_C(0)
									 : answers_of(d);
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
	for (uint32_t i = 0; i < d->question_count; i++) {
		memo_begin(&d->memo, 0);
		d->file = d->questions[i].file;
		label_atoms(d, d->questions[i].node, patterns);
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
		if (build_names(d) < 0) {
			d->question_count = 0;
			for (size_t i = 0; i < DISCARD_VERDICTS; i++)
				if (d->table->verdicts[i] >= DISCARD_ASK)
					d->table->verdicts[i] = DISCARD_NO;
		}
	}
	free(d->labels);
}

struct discard_table *discard_compile(struct formula *f, const struct discard_kind *kinds,
				      size_t count, struct arena *arena)
{
	struct discard_table *table = NULL;
	struct discard d = {.f = f, .scratch_memory = malloc(SCRATCH_SIZE)};
	uint8_t verdicts[DISCARD_FACTS_LIMIT];
	uint32_t used = 0;

	if (!d.scratch_memory)
		abort();
	arena_fixed(&d.scratch, d.scratch_memory, SCRATCH_SIZE);
	for (size_t i = 0; i < count; i++) {
		enum discard_shape shape = discard_shape_of(kinds[i].kind);
		uint16_t first = 0;

		if (shape == DISCARD_NEVER || !judge_kind(&d, &kinds[i], shape, verdicts))
			continue;
		if (!table)
			table = ARENA_NEW(arena, struct discard_table);
		d.table = table;
		while (first < used &&
		       memcmp(table->verdicts + first, verdicts, sizeof(verdicts)) != 0)
			first = (uint16_t)(first + sizeof(verdicts));
		if (first + sizeof(verdicts) > DISCARD_VERDICTS)
			break;
		if (first == used) {
			memcpy(table->verdicts + first, verdicts, sizeof(verdicts));
			used += (uint32_t)sizeof(verdicts);
		}
		enter_kind(&d, kinds[i].kind, shape, first);
	}
	if (table && d.question_count)
		answer_names(&d);
	VEC_FREE(&d.memo.results);
	VEC_FREE(&d.memo.rounds);
	free(d.scratch_memory);
	return table;
}

static bool name_may_match(const struct discard_table *t, uint32_t question, struct str name)
{
	uint32_t first = 0, second = t->floating;

	if (name.n > DISCARD_NAME_MAX)
		return true;
	for (size_t i = 0; i < name.n; i++) {
		uint32_t class = t->classes[(uint8_t)name.p[i]];

		first = t->next[first * t->class_count + class];
		second = t->next[second * t->class_count + class];
	}
	return t->answers[t->sets[first] * t->set_count + t->sets[second]] >> question & 1;
}

bool discard_decides(const struct discard_table *t, uint16_t nr, uint32_t number, struct str given,
		     struct str resolved)
{
	uint8_t verdict;

	if (nr >= DISCARD_CALLS || t->shape[nr] == DISCARD_NEVER || number >= DISCARD_FACTS_LIMIT)
		return false;
	verdict = t->verdicts[t->first[nr] + number];
	if (verdict < DISCARD_ASK)
		return verdict == DISCARD_YES;
	return !name_may_match(t, verdict - DISCARD_ASK, given) &&
	       !name_may_match(t, verdict - DISCARD_ASK, resolved);
}
