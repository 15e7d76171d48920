/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a state of live events knows of processes, as bytes, and back: so that a recording's replay
 * begins with just what was known when recording began.
 *
 * The bytes are of this program's own making and of this machine's byte order; they may come from
 * anywhere all the same, and every length in them is checked. The structures grow at their ends:
 * each tells its size, what is missing reads as zero, what is too much is passed over.
 */
#ifndef SAKER_STATE_SNAPSHOT_H
#define SAKER_STATE_SNAPSHOT_H

#include "state/state.h"

/* One process with its threads. The bytes live until the next call. */
typedef void snapshot_fn(void *context, struct str bytes);

/* All processes that are remembered, one by one. */
void state_save(struct state *s, snapshot_fn *take, void *context);

/*
 * Makes s, a state that is not live, one for events that bring their own task facts and annex as
 * live ones do: what captures list of processes and descriptors is passed over from now on. What
 * was known is forgotten.
 */
void state_become_recorded(struct state *s);
/* Adds what state_save gave; 0, or -EBADMSG where the bytes are damaged. */
int state_restore(struct state *s, struct str bytes);
/*
 * What the last state_bind had to look up in /proc, as an annex item for the event's record, so
 * that the recorded event is bound as the live one was. Answers its size, a multiple of 8; 0: it
 * looked nothing up, or there is no room.
 */
size_t state_lookup_annex(const struct state *s, uint8_t *memory, size_t room);
/* All are restored: finds parents, and forgets those that had exited and that nobody refers to. */
void state_restored(struct state *s);

#endif
