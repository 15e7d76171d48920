/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The evaluator: a loop over the plan's arrays. Answers carry the number of the judgement (epoch)
 * that they are good for, so that nothing has to be cleared between events. One file, so that what
 * each event runs through is compiled as a whole; evaluator.c has what is not done for each event.
 */
#include "base/clock.h"
#include "engine/evaluator_internal.h"

/* Values and atoms */

static uint32_t new_epoch(struct evaluator *ev)
{
	const struct plan *p = ev->plan;

	if (ev->next_epoch == UINT32_MAX) {
		/* Once in billions of judgements: old numbers must not be met again. */
		for (uint32_t i = 0; i < p->subject_count; i++)
			ev->subjects[i].epoch = 0;
		memset(ev->lookup_epochs, 0, p->lookup_count * sizeof(*ev->lookup_epochs));
		memset(ev->atom_epochs, 0, p->atom_count * sizeof(*ev->atom_epochs));
		memset(ev->memo_epochs, 0, p->memo_count * sizeof(*ev->memo_epochs));
		ev->next_epoch = 0;
	}
	return ++ev->next_epoch;
}

static void extract(struct evaluator *ev, const struct plan_subject *s, struct subject_answer *a)
{
	a->has_value = s->use ? field_extract(&ev->ctx, s->use, &a->value)
			      : expression_evaluate(&ev->ctx, s->expression, &a->value);
}

static inline const struct subject_answer *subject_value(struct evaluator *ev, uint32_t id)
{
	struct subject_answer *a = &ev->subjects[id];
	const struct plan_subject *s = &ev->plan->subjects[id];
	uint32_t epoch = ev->epochs[s->view];

	if (a->epoch != epoch) {
		a->epoch = epoch;
		extract(ev, s, a);
	}
	return a;
}

static bool is_understood(const struct plan_lookup *l, const struct value *v)
{
	return v->type == l->type || (l->input == INPUT_ADDRESS && v->type == VALUE_IP);
}

static void lookup_value(const struct plan_lookup *l, const struct value *v,
			 struct lookup_hits *hits)
{
	switch (l->input) {
	case INPUT_TEXT:
		lookup_text(l->lookup, v->str, hits);
		break;
	case INPUT_NUMBER:
		lookup_number(l->lookup, v->u64, hits);
		break;
	default:
		lookup_address(l->lookup, &v->ip, hits);
		break;
	}
}

/* Lists, and values of another type than their field says. */
static void lookup_unusual(struct evaluator *ev, const struct plan_lookup *l,
			   const struct value *value, struct lookup_hits *hits)
{
	if (is_understood(l, value)) {
		for (uint32_t i = 0; i < value->count; i++)
			lookup_value(l, &value->list[i], hits);
		return;
	}
	for (uint32_t i = 0; i < l->atom_count; i++) {
		uint32_t atom = l->atoms[i];

		if (comparison_holds_for(ev->plan->atoms[atom].comparison, &ev->ctx, true, value)) {
			hits->marks[atom] = hits->epoch;
			hits->atoms[hits->count++] = atom;
		}
	}
}

/* Marks the atoms that hold, and answers how many they are: ev->hits. */
static uint32_t run_lookup(struct evaluator *ev, uint32_t id)
{
	const struct plan_lookup *l = &ev->plan->lookups[id];
	const struct subject_answer *a = subject_value(ev, l->subject);
	struct lookup_hits hits = {ev->atom_epochs, ev->epochs[l->view], 0, ev->hits};

	ev->lookup_epochs[id] = hits.epoch;
	if (!a->has_value)
		return 0;
	if (!a->value.is_list && is_understood(l, &a->value))
		lookup_value(l, &a->value, &hits);
	else
		lookup_unusual(ev, l, &a->value, &hits);
	return hits.count;
}

/* As run_lookup, also where the lookup was done before. */
static uint32_t hits_of(struct evaluator *ev, uint32_t id)
{
	const struct plan_lookup *l = &ev->plan->lookups[id];
	uint32_t epoch = ev->epochs[l->view], count = 0;

	if (ev->lookup_epochs[id] != epoch)
		return run_lookup(ev, id);
	for (uint32_t i = 0; i < l->atom_count; i++)
		if (ev->atom_epochs[l->atoms[i]] == epoch)
			ev->hits[count++] = l->atoms[i];
	return count;
}

static bool atom_holds(struct evaluator *ev, uint32_t id)
{
	const struct plan_atom *a = &ev->plan->atoms[id];
	uint32_t epoch = ev->epochs[a->view];

	if (ev->atom_epochs[id] != epoch) {
		const struct subject_answer *s = subject_value(ev, a->subject);

		ev->atom_answers[id] =
		    comparison_holds_for(a->comparison, &ev->ctx, s->has_value, &s->value);
		ev->atom_epochs[id] = epoch;
	}
	return ev->atom_answers[id];
}

/* Programs */

static bool run(struct evaluator *ev, uint32_t pc);

static bool memo_holds(struct evaluator *ev, uint32_t id)
{
	const struct plan_memo *m = &ev->plan->memos[id];
	uint32_t epoch = ev->epochs[m->view];

	if (ev->memo_epochs[id] != epoch) {
		ev->memo_answers[id] = run(ev, m->entry);
		ev->memo_epochs[id] = epoch;
	}
	return ev->memo_answers[id];
}

static bool bit_holds(struct evaluator *ev, uint32_t id)
{
	uint64_t *known = slot_bits(ev, ev->slot);
	uint64_t *value = known + ev->bit_words;

	if (!bitset_has(known, id)) {
		if (run(ev, ev->plan->bit_entries[id]))
			bitset_add(value, id);
		bitset_add(known, id);
	}
	return bitset_has(value, id);
}

static inline __attribute__((always_inline)) bool test_holds(struct evaluator *ev,
							     const struct instruction *i)
{
	const uint64_t *constants = ev->plan->constants;
	const struct subject_answer *s;

	switch ((enum test)i->test) {
	case TEST_BIT:
		return bit_holds(ev, i->operand);
	case TEST_MEMO:
		return memo_holds(ev, i->operand);
	case TEST_LOOKUP:
		if (ev->lookup_epochs[i->aux] != ev->epochs[i->view])
			run_lookup(ev, i->aux);
		return ev->atom_epochs[i->operand] == ev->epochs[i->view];
	case TEST_PRESENT:
		return subject_value(ev, i->operand)->has_value;
	case TEST_EQUAL:
		s = subject_value(ev, i->operand);
		return s->has_value && s->value.u64 == constants[i->aux];
	case TEST_BELOW:
		s = subject_value(ev, i->operand);
		return s->has_value && s->value.u64 < constants[i->aux];
	case TEST_ABOVE:
		s = subject_value(ev, i->operand);
		return s->has_value && s->value.u64 > constants[i->aux];
	case TEST_BELOW_I64:
		s = subject_value(ev, i->operand);
		return s->has_value && s->value.i64 < (int64_t)constants[i->aux];
	case TEST_ABOVE_I64:
		s = subject_value(ev, i->operand);
		return s->has_value && s->value.i64 > (int64_t)constants[i->aux];
	case TEST_COMPARISON:
		break;
	}
	return atom_holds(ev, i->operand);
}

static bool run(struct evaluator *ev, uint32_t pc)
{
	while (pc < PC_LIMIT) {
		const struct instruction *i = &ev->plan->code[pc];

		pc = test_holds(ev, i) ? i->on_true : i->on_false;
	}
	return pc == PC_ACCEPT;
}

/* Candidates */

static void find_guarded(struct evaluator *ev, const struct kind_table *t, uint32_t atom)
{
	for (uint32_t slot = guard_slot(atom, t->guard_mask); t->guards[slot].atom != PLAN_NONE;
	     slot = (slot + 1) & t->guard_mask) {
		const struct guard_entry *g = &t->guards[slot];

		if (g->atom != atom)
			continue;
		for (uint32_t i = 0; i < g->count; i++) {
			uint32_t candidate = t->guarded[g->first + i];

			bitset_add(ev->found, candidate);
			bitset_add(ev->found_summary, candidate / 64);
		}
		return;
	}
}

static void find_by_event(struct evaluator *ev, const struct kind_table *t, enum view view)
{
	const struct guard_lookup *lookups =
	    t->lookups + (view == VIEW_NAME ? t->lookup_count[VIEW_EVENT] : 0);

	for (uint32_t i = 0; i < t->lookup_count[view]; i++) {
		if (lookups[i].entry != PC_ACCEPT && !run(ev, lookups[i].entry))
			continue;
		uint32_t hits = run_lookup(ev, lookups[i].lookup);

		for (uint32_t j = 0; j < hits; j++)
			find_guarded(ev, t, ev->hits[j]);
	}
}

/* The guards that hold for the slot's process. */
static void know_guards(struct evaluator *ev, struct slot *s)
{
	const struct plan *p = ev->plan;

	uint32_t *guards = slot_guards(ev, s);

	if (s->are_guards_known)
		return;
	s->are_guards_known = true;
	for (uint32_t i = 0; i < p->process_lookup_count; i++) {
		uint32_t hits = hits_of(ev, p->process_lookups[i]);

		for (uint32_t j = 0; j < hits; j++) {
			uint32_t set = p->guard_tables[ev->hits[j]];

			if (set == PLAN_NONE)
				continue;
			bitset_unite(slot_tables(ev, s), p->guard_table_sets + set,
				     p->guard_table_words);
			if (s->guard_count < SLOT_GUARDS_MAX)
				guards[s->guard_count++] = ev->hits[j];
			else
				s->has_too_many_guards = true;
		}
	}
}

static void find_by_process(struct evaluator *ev, const struct kind_table *t)
{
	const struct plan *p = ev->plan;
	struct slot *s = ev->slot;

	know_guards(ev, s);
	if (s->has_too_many_guards) {
		for (uint32_t i = 0; i < p->process_lookup_count; i++) {
			uint32_t hits = hits_of(ev, p->process_lookups[i]);

			for (uint32_t j = 0; j < hits; j++)
				find_guarded(ev, t, ev->hits[j]);
		}
	} else if (bitset_has(slot_tables(ev, s), t->id)) {
		for (uint32_t i = 0; i < s->guard_count; i++)
			find_guarded(ev, t, slot_guards(ev, s)[i]);
	}
}

/* Processes */

static inline uint64_t generation_of(const struct event *e)
{
	return e->thread && e->process ? e->thread->scope_generation + e->process->scope_generation
				       : 0;
}

static void clear_slot(const struct evaluator *ev, struct slot *s, const struct event *e)
{
	s->thread = e->thread;
	s->process = e->process;
	s->generation = generation_of(e);
	s->seen_tables = s->known_tables = 0;
	s->guard_count = 0;
	s->are_guards_known = s->has_too_many_guards = false;
	s->recurrences = 0;
	memset(slot_tables(ev, s), 0,
	       (ev->plan->guard_table_words + 2 * (size_t)ev->bit_words) * sizeof(uint64_t));
}

/* Slot 0 serves events without a process or thread; it is good for one event. */
static void choose_slot(struct evaluator *ev, const struct event *e)
{
	struct thread *th = e->thread;
	struct slot *s = slot_at(ev, 0);

	if (th && e->process) {
		bool is_ours = th->scope_serial == ev->serial;

		if (is_ours)
			s = th->scope_memory;
		if (is_ours && s->thread == th) {
			ev->slot = s;
			if (s->process == e->process && s->generation == generation_of(e))
				return;
		} else {
			s = slot_at(ev, ev->next_slot);
			ev->next_slot = ev->next_slot + 1 < ev->slot_count ? ev->next_slot + 1 : 1;
			th->scope_memory = s;
			th->scope_serial = ev->serial;
		}
	}
	ev->slot = s;
	clear_slot(ev, s, e);
}

/* Small tables */

static uint64_t guard_mask(const struct kind_table *t, uint32_t atom)
{
	uint32_t slot = guard_slot(atom, t->guard_mask);

	while (t->guards[slot].atom != atom) {
		if (t->guards[slot].atom == PLAN_NONE)
			return 0;
		slot = (slot + 1) & t->guard_mask;
	}
	return t->guards[slot].mask;
}

static uint64_t found_by_process(struct evaluator *ev, const struct kind_table *t)
{
	struct slot *s = ev->slot;
	uint64_t found = 0;

	if (!t->has_process_guard)
		return 0;
	know_guards(ev, s);
	if (s->has_too_many_guards)
		return ~UINT64_C(0);
	for (uint32_t i = 0; i < s->guard_count; i++)
		found |= guard_mask(t, slot_guards(ev, s)[i]);
	return found;
}

/*
 * What the process leaves of the table and what it finds in it. All of it is asked only of
 * processes that come again: many do one thing of a kind and end.
 */
static struct small_known know_small(struct evaluator *ev, const struct kind_table *t)
{
	struct slot *s = ev->slot;
	struct small_known *k = &s->small[t->small_id];
	uint64_t bit = UINT64_C(1) << t->small_id;

	if (s->known_tables & bit)
		return *k;
	if (!(s->seen_tables & bit)) {
		s->seen_tables |= bit;
		return (struct small_known){.ready = ~UINT64_C(0) >> (SMALL_TABLE_MOST - t->count),
					    .found = found_by_process(ev, t)};
	}
	s->known_tables |= bit;
	k->ready = 0;
	for (uint32_t i = 0; i < t->count; i++)
		if (run(ev, t->candidates[i].process_entry))
			k->ready |= UINT64_C(1) << i;
	k->found = found_by_process(ev, t) & k->ready;
	return *k;
}

static void find_by_lookups(struct evaluator *ev, const struct kind_table *t, enum view view)
{
	const struct guard_lookup *lookups =
	    t->lookups + (view == VIEW_NAME ? t->lookup_count[VIEW_EVENT] : 0);
	uint64_t found = ev->found[0];

	for (uint32_t i = 0; i < t->lookup_count[view]; i++) {
		if (!(lookups[i].mask & ev->ready & ~found))
			continue;
		uint32_t hits = run_lookup(ev, lookups[i].lookup);

		for (uint32_t j = 0; j < hits; j++)
			found |= guard_mask(t, ev->hits[j]) & ev->ready;
	}
	ev->found[0] = found;
	ev->found_summary[0] = found != 0;
}

static void find_in_small(struct evaluator *ev, const struct kind_table *t)
{
	struct small_known known = know_small(ev, t);

	for (uint32_t i = 0; i < t->test_count && known.ready; i++)
		if (t->tests[i].mask & known.ready && !run(ev, t->tests[i].entry))
			known.ready &= ~t->tests[i].mask;
	ev->ready = known.ready;
	ev->found[0] = (known.found | t->small_always) & known.ready;
	find_by_lookups(ev, t, VIEW_EVENT);
	find_by_lookups(ev, t, VIEW_NAME);
}

/* Judging */

static void find_candidates(struct evaluator *ev, const struct kind_table *t)
{
	if (t->is_small) {
		find_in_small(ev, t);
		return;
	}
	find_by_event(ev, t, VIEW_EVENT);
	find_by_event(ev, t, VIEW_NAME);
	if (t->has_process_guard)
		find_by_process(ev, t);
}

/* Those that the file's second name finds, too. */
static void find_by_second_name(struct evaluator *ev, const struct kind_table *t, struct event *e)
{
	e->name_view = NAME_RESOLVED;
	ev->epochs[VIEW_NAME] = new_epoch(ev);
	if (t->is_small)
		find_by_lookups(ev, t, VIEW_NAME);
	else
		find_by_event(ev, t, VIEW_NAME);
}

static inline bool run_candidate(struct evaluator *ev, const struct kind_table *t, uint32_t id)
{
	uint64_t began;
	bool holds;

	if (__builtin_expect(!ev->times.is_due, 1))
		return run(ev, t->candidates[id].entry);
	began = clock_monotonic_ns();
	holds = run(ev, t->candidates[id].entry);
	rule_times_add(&ev->times, t->candidates[id].rule, began);
	return holds;
}

/*
 * Runs the candidates below limit, in rule order, that are in `only` (NULL: all) and have not
 * fired. Answers the first that holds, or limit; with all_matches it runs on and collects them in
 * fired.
 */
static uint32_t run_candidates(struct evaluator *ev, const struct kind_table *t,
			       const uint64_t *only, uint32_t limit, bool all_matches)
{
	uint32_t first = limit;

	for (uint32_t w = 0; w < t->summary_words; w++) {
		uint64_t words = ev->found_summary[w] | t->always_summary[w];

		for (; words; words &= words - 1) {
			uint32_t word = w * 64 + (uint32_t)__builtin_ctzll(words);
			uint64_t bits = ev->found[word] | t->always[word];

			if (only)
				bits &= only[word];
			if (all_matches)
				bits &= ~ev->fired[word];
			for (; bits; bits &= bits - 1) {
				uint32_t id = word * 64 + (uint32_t)__builtin_ctzll(bits);

				if (id >= limit)
					return first;
				if (!run_candidate(ev, t, id))
					continue;
				if (!all_matches)
					return id;
				bitset_add(ev->fired, id);
				if (first == limit)
					first = id;
			}
		}
	}
	return first;
}

static void forget_candidates(struct evaluator *ev, const struct kind_table *t)
{
	for (uint32_t w = 0; w < t->summary_words; w++) {
		for (uint64_t words = ev->found_summary[w]; words; words &= words - 1)
			ev->found[w * 64 + (uint32_t)__builtin_ctzll(words)] = 0;
		ev->found_summary[w] = 0;
	}
}

/* One thread counts; others may read. */
static inline void count_match(struct evaluator *ev, uint32_t rule)
{
	uint64_t *count = &ev->match_counts[rule];

	__atomic_store_n(count, __atomic_load_n(count, __ATOMIC_RELAXED) + 1, __ATOMIC_RELAXED);
}

static size_t emit_all(struct evaluator *ev, const struct kind_table *t, const uint64_t *given,
		       struct match *matches, size_t room)
{
	size_t count = 0;

	BITSET_FOREACH (id, ev->fired, t->words) {
		uint32_t rule = t->candidates[id].rule;

		count_match(ev, rule);
		if (count < room)
			matches[count] =
			    (struct match){&ev->plan->set->rules[rule],
					   bitset_has(given, id) ? NAME_GIVEN : NAME_RESOLVED};
		count++;
	}
	return count;
}

static size_t judge_all(struct evaluator *ev, const struct kind_table *t, struct event *e,
			struct match *matches, size_t room)
{
	uint64_t *given = ev->fired + t->words;

	memset(ev->fired, 0, t->words * sizeof(*ev->fired));
	uint32_t first = run_candidates(ev, t, NULL, t->count, true);

	memcpy(given, ev->fired, t->words * sizeof(*given));
	if (e->has_second_name && t->has_any_path) {
		find_by_second_name(ev, t, e);
		uint32_t second = run_candidates(ev, t, t->has_path, t->count, true);

		first = second < first ? second : first;
		e->name_view = NAME_GIVEN;
	}
	return first < t->count ? emit_all(ev, t, given, matches, room) : 0;
}

static size_t judge_first(struct evaluator *ev, const struct kind_table *t, struct event *e,
			  struct match *matches, size_t room)
{
	enum name_view view = NAME_GIVEN;
	uint32_t first = run_candidates(ev, t, NULL, t->count, false);

	if (e->has_second_name && t->has_any_path && first) {
		find_by_second_name(ev, t, e);
		uint32_t second = run_candidates(ev, t, t->has_path, first, false);

		if (second < first) {
			first = second;
			view = NAME_RESOLVED;
		}
		e->name_view = NAME_GIVEN;
	}
	if (first >= t->count)
		return 0;
	uint32_t rule = t->candidates[first].rule;

	count_match(ev, rule);
	if (room)
		matches[0] = (struct match){&ev->plan->set->rules[rule], view};
	return 1;
}

static void begin_event(struct evaluator *ev, const struct event_schema *schema, uint64_t time)
{
	ev->ctx.previous_event_time = ev->last_time;
	ev->last_time = time;
	if (!ev->ctx.first_event_time && !(schema->flags & EVENT_META))
		ev->ctx.first_event_time = time;
}

void evaluator_pass(struct evaluator *ev, const struct event_schema *schema, uint64_t time)
{
	begin_event(ev, schema, time);
}

size_t evaluator_judge(struct evaluator *ev, struct event *e, struct match *matches, size_t room)
{
	const struct plan *p = ev->plan;
	const struct kind_table *t =
	    e->kind < p->kind_count ? p->tables[ev->ctx.source * p->kind_count + e->kind] : NULL;

	ev->ctx.event = e;
	begin_event(ev, e->schema, e->time);
	e->name_view = NAME_GIVEN;
	arena_reset_to(&ev->scratch, ev->scratch_memory);
	if (!t)
		return 0;
	if (__builtin_expect(ev->times.every != 0, 0))
		rule_times_count(&ev->times);
	ev->epochs[VIEW_EVENT] = new_epoch(ev);
	ev->epochs[VIEW_NAME] = ev->epochs[VIEW_EVENT];
	choose_slot(ev, e);
	find_candidates(ev, t);

	size_t count = p->all_matches ? judge_all(ev, t, e, matches, room)
				      : judge_first(ev, t, e, matches, room);

	forget_candidates(ev, t);
	if (count && room)
		e->name_view = matches[0].name_view;
	return count;
}

uint64_t evaluator_clauses(struct evaluator *ev)
{
	uint64_t clauses = 0;

	for (uint32_t i = 0; i < ev->plan->clause_count; i++)
		if (run(ev, ev->plan->clause_entries[i]))
			clauses |= UINT64_C(1) << i;
	return clauses;
}

bool evaluator_recurs(struct evaluator *ev)
{
	enum { FIRST = 8, AGAIN = 1024 };
	struct slot *s = ev->slot;

	if (s == slot_at(ev, 0))
		return false;
	s->recurrences++;
	return s->recurrences == FIRST || s->recurrences % AGAIN == 0;
}
