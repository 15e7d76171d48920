/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The compiler: rule set → plan. A plan is immutable and shared: any number of evaluators (one per
 * thread) judge events by it. It refers to the rule set's arena, so the set must outlive it.
 */
#ifndef SAKER_ENGINE_PLAN_H
#define SAKER_ENGINE_PLAN_H

#include "rules/ruleset.h"

struct plan;
struct evaluator;

struct plan_options {
	bool all_matches; /* rule_matching: all; else the first rule that holds is the verdict */
	/*
	 * What runtimes tell of containers is not known yet: comparisons of it hold, negated ones
	 * too. Where no rule of such a plan holds, none will, whatever they tell.
	 */
	bool assume_metadata;
	bool want_discards; /* plan_discards is to be had */
};

/* What the probe must collect for this plan, per event kind. */
struct plan_needs {
	uint64_t *kinds;   /* BITSET of event_kind_count: kinds that a rule wants */
	uint32_t *facts;   /* per kind: FACT_* that conditions or outputs use */
	bool has_metadata; /* conditions ask what runtimes tell of containers */
};

struct plan *plan_compile(const struct rule_set *set, const struct plan_options *options,
			  struct error *err);
void plan_free(struct plan *p);
const struct plan_needs *plan_needs(const struct plan *p);

/*
 * Which events no rule can hold for, for the probe. NULL: none that it could tell, or the plan was
 * compiled without.
 */
struct discard_table;
const struct discard_table *plan_discards(const struct plan *p);

struct plan_statistics {
	size_t rules, comparisons, atoms, nodes; /* comparisons: before sharing */
	size_t bytes;
};
struct plan_statistics plan_statistics(const struct plan *p);

/* A comparison as people read it, and what answers it; lookup NULL: it is asked alone. */
struct rule_question {
	struct str text;
	const char *lookup;
};
struct rule_shared_lookup {
	const char *lookup;
	uint32_t count; /* of comparisons that it answers for the rule */
};

/* What a rule costs for kinds of events that have the same rules. */
struct rule_cost {
	uint16_t *kinds;
	size_t kind_count;
	uint32_t rule_count;    /* that these kinds have */
	bool is_always_visited; /* else only where one of the guards holds */
	struct rule_question *guards;
	size_t guard_count;
	struct rule_shared_lookup *shared; /* answered once for all rules */
	size_t shared_count;
	uint32_t in_place;          /* numbers, flags, presence */
	uint32_t kept_with_process; /* asked once a process */
	struct rule_question *alone;
	size_t alone_count;
};

/* All that the rule costs; answers how many, none where it can hold for no event. */
size_t plan_rule_costs(const struct plan *p, const struct rule *rule, struct arena *arena,
		       struct rule_cost **out);
/* The same as text. */
void plan_describe_rule(const struct plan *p, const struct rule *rule, FILE *out);

/*
 * A context for one thread: memo, scratch, field context. A small one remembers few processes, for
 * events that are judged now and then.
 */
struct evaluator *evaluator_new_sized(const struct plan *p, struct state *state,
				      const char *hostname, bool is_small);
static inline struct evaluator *evaluator_new(const struct plan *p, struct state *state,
					      const char *hostname)
{
	return evaluator_new_sized(p, state, hostname, false);
}
void evaluator_free(struct evaluator *ev);
/* For formatting alerts of the event that was judged last. */
struct field_context *evaluator_context(struct evaluator *ev);

/* One rule that holds, and under which name of the file. */
struct match {
	const struct rule *rule;
	enum name_view name_view;
};

/*
 * Judges an event that state_bind has bound. Fills at most room matches, in rule order, and answers
 * how many there are. No allocation, no lock, no system call.
 */
size_t evaluator_judge(struct evaluator *ev, struct event *e, struct match *matches, size_t room);
/* The same for an event of a kind that no rule wants, which therefore was not decoded. */
void evaluator_pass(struct evaluator *ev, const struct event_schema *schema, uint64_t time);

/*
 * Of the event that was judged last: the clauses of plan_discards whose part of its process may
 * hold. evaluator_recurs answers true now and then for events of threads that come again and again:
 * when the kernel is to be told that.
 */
uint64_t evaluator_clauses(struct evaluator *ev);
bool evaluator_recurs(struct evaluator *ev);

/*
 * Drops what is remembered of processes: after something changed that their scope_generation does
 * not tell of (users and groups were read again).
 */
void evaluator_forget(struct evaluator *ev);

/* It goes on where another left off: the times of the first event and of the last. */
void evaluator_follow(struct evaluator *ev, const struct evaluator *before);

/* Counts a match that another evaluator has found. */
void evaluator_count_match(struct evaluator *ev, const struct rule *rule);

/* How often each rule matched, indexed by rule id; any thread may read them, atomically. */
const uint64_t *evaluator_match_counts(const struct evaluator *ev);

/*
 * From now on one event in `every` (0: none) is judged with a look at the clock around each rule
 * (engine/rule_times.h). Without, that costs nothing. What rules took so far, in ns, by rule id,
 * from such samples; NULL: they were never timed. Any thread may read them, atomically.
 */
void evaluator_time_rules(struct evaluator *ev, uint32_t every);
const uint64_t *evaluator_rule_times(const struct evaluator *ev);

#endif
