/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events that outlive their record, because what they are judged by is not there yet: copies of the
 * record, of the thread, of the process and its ancestors as they were, with their own references
 * to what processes share. Live, and of recordings; of the state's thread.
 *
 * Of the evaluator's memory of processes nothing is copied. What is looked up in the state by an id
 * (users; who leads a session, where no ancestor does) is as of the time of asking.
 */
#ifndef SAKER_STATE_KEEP_H
#define SAKER_STATE_KEEP_H

#include "state/state.h"

enum { KEPT_ANCESTORS_MOST = 24 };

struct kept_event {
	struct event event;
	struct thread thread;
	size_t bytes; /* of all of it */
	uint32_t process_count;
	struct process processes[]; /* its own, then its ancestors */
};

/* Bytes that keeping the event takes, a multiple of 16. */
size_t state_keep_size(struct state *s, const struct event *e);
/* Makes it in memory of that size, aligned to 16. */
struct kept_event *state_keep(struct state *s, const struct event *e, void *memory);
/* Gives up the references; the memory is the caller's. */
void state_release_kept(struct state *s, struct kept_event *kept);

#endif
