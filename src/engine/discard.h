/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel half of a plan: from the rules' shared formula the tables by which the probe discards
 * events that no rule can hold for (event/discard_table.h).
 *
 * For each combination of facts that the probe knows beforehand, every comparison is true, false,
 * a question of the file's name, or not known. What is not known is taken to hold, and so is its
 * negation; so what remains of the rules is never narrower than they are. Where nothing remains the
 * event is discarded, where only questions of the name do the name is asked.
 *
 * Inside engine/ but for plan_discards (engine/plan.h).
 */
#ifndef SAKER_ENGINE_DISCARD_H
#define SAKER_ENGINE_DISCARD_H

#include "engine/formula.h"
#include "event/discard_table.h"

/* What is known of an event before it is collected. */
struct discard_facts {
	enum discard_shape shape;
	uint16_t kind;
	enum discard_result result;
	uint32_t open;          /* DISCARD_OPEN_* */
	enum discard_file file; /* of an open that succeeded */
	enum discard_socket socket;
	bool is_low_fd;  /* of a socket: DISCARD_SOCKET_LOW */
	bool makes_file; /* the result is the descriptor */
};

/* How a kind of events is looked at; DISCARD_NEVER: it is not. */
enum discard_shape discard_shape_of(uint16_t kind);
/* False where no event has that number. */
bool discard_facts_of(enum discard_shape shape, uint16_t kind, uint32_t number,
		      struct discard_facts *out);

enum discard_truth { DISCARD_FALSE, DISCARD_TRUE, DISCARD_BY_NAME, DISCARD_UNKNOWN };
/* Of an atom; scratch is at the callee's disposal. DISCARD_BY_NAME: an automaton can tell. */
enum discard_truth discard_atom(const struct formula *f, const struct atom *a,
				const struct discard_facts *facts, struct arena *scratch);

struct name_patterns;
/* Whether such an atom can be a pattern of a file of this type; adds it where patterns is given. */
bool discard_name_patterns(const struct formula *f, const struct atom *a, enum discard_file file,
			   struct name_patterns *patterns, uint32_t label);

/* The rules of a kind of events; root: the OR of their conditions, as they are for this kind. */
struct discard_kind {
	uint16_t kind;
	uint32_t root;
};

/* Tables for all kinds that are named; in the arena. NULL: nothing can be discarded. */
struct discard_table *discard_compile(struct formula *f, const struct discard_kind *kinds,
				      size_t count, struct arena *arena);

/*
 * What the kernel would do with an event of these facts and names (n 0: it has no such name), for
 * tests: true, discard it.
 */
bool discard_decides(const struct discard_table *t, uint16_t nr, uint32_t number, struct str given,
		     struct str resolved);

#endif
