/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events whose container is asked for, and not yet told of. Where a rule may hold for one, whatever
 * will be told, it waits: a copy with the facts of its own time, in memory of fixed size. It is
 * judged when the container is told of, or when it has waited long enough; then what is missing is
 * marked in the alert, and counted. So the alert waits, and the events behind it do not.
 *
 * Events of one container are judged in their order, so that the alerts of a process keep theirs.
 * Where the memory is full, an event is judged at once, by what is known.
 */
#ifndef SAKER_APP_WAITING_H
#define SAKER_APP_WAITING_H

#include "app/judge.h"
#include "state/keep.h"

enum { WAITING_BYTES = 8 * 1024 * 1024 };

struct waiting_counters {
	uint64_t waited;     /* events */
	uint64_t incomplete; /* of those, judged without what was asked for */
	uint64_t full;       /* judged at once for want of room */
};

struct waiting;

/* Told of each event that was judged late, with the judge's matches. */
typedef void waiting_judged_fn(void *context, struct judge *j, struct event *e);

/* Memory is touched as events need it. NULL without memory. */
struct waiting *waiting_new(struct state *state, size_t bytes, waiting_judged_fn *judged,
			    void *context);
/* Drops what still waits. */
void waiting_free(struct waiting *w);
void waiting_set_patience(struct waiting *w, uint64_t ns);

/* True: the event waits, or no rule can hold for it; false: it is to be judged now. */
bool waiting_take(struct waiting *w, struct judge *j, struct event *e);
/* Judges what has waited long enough. Between events. */
void waiting_look(struct waiting *w, struct judge *j);
/* Whether waiting_look has to be called soon, though no event comes. */
bool waiting_has_any(const struct waiting *w);
/* Judges all there is when it is told of or its time has come: at the end. */
void waiting_finish(struct waiting *w, struct judge *j);

/* Written by the judge's thread alone, readable from any. */
struct waiting_counters waiting_counters(const struct waiting *w);

#endif
