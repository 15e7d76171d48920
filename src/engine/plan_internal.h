/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a plan is made of: compact arrays that the evaluator walks. Written by the compiler
 * (compile.c, program.c), read by the evaluator (evaluate.c), seen by nobody else.
 */
#ifndef SAKER_ENGINE_PLAN_INTERNAL_H
#define SAKER_ENGINE_PLAN_INTERNAL_H

#include "base/bitset.h"
#include "engine/lookup.h"
#include "engine/plan.h"

#define PLAN_NONE UINT32_MAX

/*
 * Answers are remembered per view: what depends on a file's name is asked again when an event is
 * judged under its second name, everything else once per event.
 */
enum view { VIEW_EVENT, VIEW_NAME, VIEW_COUNT };

struct plan_subject {
	const struct expression *expression;
	const struct field_use *use; /* where the expression is a field alone; else NULL */
	uint8_t view;
};

/* What a lookup is given. */
enum lookup_input { INPUT_TEXT, INPUT_NUMBER, INPUT_ADDRESS };

struct plan_lookup {
	const struct lookup *lookup;
	const uint32_t *atoms; /* all that it answers */
	uint32_t atom_count;
	uint32_t subject;
	enum value_type type; /* of the values that it understands */
	uint8_t input;
	uint8_t view;
};

struct plan_atom {
	const struct comparison *comparison;
	uint32_t subject;
	uint32_t lookup; /* PLAN_NONE: none answers it */
	uint8_t view;
};

/*
 * Programs: instructions test something and go on at one of two places. A program ends by reaching
 * PC_ACCEPT or PC_REJECT.
 */
#define PC_ACCEPT UINT32_MAX
#define PC_REJECT (UINT32_MAX - 1)
#define PC_LIMIT PC_REJECT

enum test {
	TEST_LOOKUP,  /* operand: atom; the lookup is aux */
	TEST_PRESENT, /* operand: subject */
	TEST_EQUAL,   /* operand: subject, an integer; aux: constant */
	TEST_BELOW,   /* the same, unsigned order */
	TEST_ABOVE,
	TEST_BELOW_I64, /* signed order */
	TEST_ABOVE_I64,
	TEST_COMPARISON, /* operand: atom */
	TEST_MEMO,       /* operand: memo; a program of its own */
	TEST_BIT,        /* operand: bit of the process; a program of its own */
};

struct instruction {
	uint8_t test;
	uint8_t view;
	uint32_t operand;
	uint32_t aux; /* a constant: index in plan.constants */
	uint32_t on_true, on_false;
};

struct plan_memo {
	uint32_t entry;
	uint8_t view;
};

struct candidate {
	uint32_t entry;
	uint32_t process_entry; /* of what in it is fixed per process; small tables only */
	uint32_t rule;
};

/* Which of a table's candidates an atom is the guard of. */
struct guard_entry {
	uint32_t atom; /* PLAN_NONE: free */
	uint32_t first;
	uint32_t count;
	uint64_t mask; /* of small tables: the same candidates */
};

/* A lookup that finds rules, and when it is worth doing: where none of them is out anyway. */
struct guard_lookup {
	uint32_t lookup;
	uint32_t entry; /* of a program; small tables have the mask instead */
	uint64_t mask;  /* of small tables: the candidates it may find */
};

/* Something an event tells almost for free, and the candidates that need it to hold. */
struct cheap_test {
	uint32_t entry;
	uint64_t mask;
};

/*
 * Tables of no more rules than a word has bits are small: which of their candidates may still hold
 * is one word, narrowed from what is cheap to ask to what is not. There are no more of them either.
 */
enum { SMALL_TABLE_MOST = 64, SMALL_TABLES_MOST = 64 };

/* The rules that may hold for events of one kind; kinds with the same rules share a table. */
struct kind_table {
	uint32_t id;
	uint32_t count;
	const struct candidate *candidates; /* in rule order */
	uint32_t words, summary_words;      /* of sets of candidates, and of sets of their words */
	const uint64_t *always;             /* candidates without a guard */
	const uint64_t *always_summary;
	const uint64_t *has_path; /* candidates that a second name can make hold */
	bool has_any_path;
	bool has_process_guard;
	const struct guard_entry *guards; /* hash by atom */
	uint32_t guard_mask;
	const uint32_t *guarded; /* candidates, in slices of guard_entry */
	/* Of guards that are not fixed per process, by view. */
	const struct guard_lookup *lookups;
	uint32_t lookup_count[VIEW_COUNT];
	/* Small tables; their `always` is empty. */
	bool is_small;
	uint32_t small_id;
	uint64_t small_always;
	const struct cheap_test *tests;
	uint32_t test_count;
};

struct plan {
	struct arena *arena;
	const struct rule_set *set;
	bool all_matches;

	const struct plan_subject *subjects;
	uint32_t subject_count;
	const struct plan_lookup *lookups;
	uint32_t lookup_count;
	const struct plan_atom *atoms;
	uint32_t atom_count;
	const struct instruction *code;
	uint32_t code_count;
	const uint64_t *constants;
	const struct plan_memo *memos;
	uint32_t memo_count;
	const uint32_t *bit_entries; /* programs of what is remembered with the process */
	uint32_t bit_count;

	const struct kind_table **tables; /* [source * event_kind_count + kind]; NULL: no rule */
	uint32_t kind_count;
	uint32_t table_count, small_count;
	uint32_t most_candidates; /* of any table */
	uint32_t most_hits;       /* atoms of the largest lookup */

	/* Guards that are fixed per process: looked up once per process. */
	const uint32_t *process_lookups;
	uint32_t process_lookup_count;
	const uint32_t *guard_tables; /* by atom: index in guard_table_sets; PLAN_NONE: no guard */
	const uint64_t *guard_table_sets; /* which tables have the atom as a guard */
	uint32_t guard_table_words;

	struct plan_needs needs;
	const struct discard_table *discards; /* NULL: none */
	const uint32_t *clause_entries;       /* programs: may its part of the process hold? */
	uint32_t clause_count;
	struct plan_statistics statistics;
};

static inline uint32_t guard_slot(uint32_t atom, uint32_t mask)
{
	return (atom * 2654435769u >> 12) & mask;
}

#endif
