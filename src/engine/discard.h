/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel half of a plan: from the rules' shared formula the tables by which the probe discards
 * events that no rule can hold for (event/discard_table.h).
 *
 * For each combination of facts that the probe knows beforehand, every comparison is true, false,
 * a question of the file's name, fixed with the process, or not known. What is not known is taken
 * to hold, and so is its negation; so what remains of the rules is never narrower than they are.
 * What remains of a rule is taken apart once more, into what it needs of the name and what of the
 * process.
 *
 * Inside engine/ but for plan_discards (engine/plan.h).
 */
#ifndef SAKER_ENGINE_DISCARD_H
#define SAKER_ENGINE_DISCARD_H

#include "engine/formula.h"
#include "event/discard_table.h"

#include <stdio.h>

/* What is known of an event before it is collected. */
struct discard_facts {
	enum discard_shape shape;
	uint16_t kind;
	enum discard_result result;
	uint32_t open;          /* DISCARD_OPEN_* */
	enum discard_file file; /* of an open that succeeded */
	enum discard_socket socket;
	bool is_low_fd; /* of a socket: DISCARD_SOCKET_LOW */
	bool is_of_ip;  /* DISCARD_OF_IP */
	enum discard_mark mark;
	bool makes_file; /* the result is the descriptor */
};

/* How a kind of events is looked at; DISCARD_NEVER: it is not. */
enum discard_shape discard_shape_of(uint16_t kind);
/* What an argument is shown as that is marked so, one or two; NULL: no such call has one. */
const char *const *discard_marked(uint16_t kind, enum discard_mark mark);
/* False where no event has that number. */
bool discard_facts_of(enum discard_shape shape, uint16_t kind, uint32_t number,
		      struct discard_facts *out);

enum discard_truth {
	DISCARD_FALSE,
	DISCARD_TRUE,
	DISCARD_BY_NAME,    /* an automaton can tell */
	DISCARD_BY_PROCESS, /* fixed while what struct discard_process has stays */
	DISCARD_UNKNOWN
};
/* Of an atom; scratch is at the callee's disposal. */
enum discard_truth discard_atom(const struct formula *f, const struct atom *a,
				const struct discard_facts *facts, struct arena *scratch);

struct name_patterns;
/* Whether such an atom can be patterns of a file of this type, and the patterns of one that can. */
bool discard_name_can(const struct formula *f, const struct atom *a, enum discard_file file);
void discard_name_add(const struct formula *f, const struct atom *a, enum discard_file file,
		      struct name_patterns *patterns, uint32_t label);

/* A rule's condition as it is for a kind of events. */
struct discard_rule {
	uint16_t kind;
	uint32_t root;
};

struct discard_output {
	struct discard_table *table; /* in the arena. NULL: nothing can be discarded */
	/* By clause: the node that says whether its part of the process holds. */
	uint32_t process_nodes[DISCARD_CLAUSES];
	uint32_t clause_count;
};

/* Tables for all kinds that are named; rules of one kind stand together. Adds nodes to f. */
struct discard_output discard_compile(struct formula *f, const struct discard_rule *rules,
				      size_t count, struct arena *arena);

/*
 * What becomes in the kernel of a kind of events, by the most frequent facts, as text without a
 * line end. False, and nothing: it knows none of it.
 */
bool discard_describe(const struct discard_table *t, uint16_t kind, FILE *out);

/*
 * What the kernel would do with an event of these facts and names (n 0: it has no such name), for
 * tests: true, discard it. alive: clauses whose part of the process may hold.
 */
bool discard_decides(const struct discard_table *t, uint16_t nr, uint32_t number, uint64_t alive,
		     struct str given, struct str resolved);

#endif
