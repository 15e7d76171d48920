/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A capture as a source of events: what it lists feeds the state, what it recorded comes out as
 * events that look like live ones but for their task facts, which captures do not have.
 *
 * Events that belong to the lists at the start (containers, users) are marked RECORD_STATE_ONLY:
 * they are for the state, not for rules.
 *
 * evt.num counts as Falco does: also the enter events of old captures that it read for their
 * arguments' sake, which are not handed out.
 *
 * A damaged or truncated file gives what is readable; then source_poll answers a negative errno and
 * source_error the offset.
 */
#ifndef SAKER_SOURCE_REPLAY_H
#define SAKER_SOURCE_REPLAY_H

#include "source/capture.h"
#include "source/source.h"
#include "state/state.h"

/* path "-" is stdin. The state is one of state_new without is_live, and not owned. */
struct source *source_capture_new(const char *path, struct state *state, struct error *err);
/* The same over a capture that is open already, which the source owns from then on. */
struct source *source_capture_over(struct capture *capture, struct state *state, struct error *err);

/*
 * From now on events of kinds other than those of the bit set, which must outlive the source, are
 * passed over where state_may_pass and, in recordings of ours, they tell nothing new of their task:
 * they are counted, but not decoded, so that what is wrong with their parameters does not show.
 * Instead of the handler, `pass` is called, with its context.
 */
typedef void source_pass_fn(void *context, const struct event_header *header);
void source_capture_pass(struct source *s, const uint64_t *kinds, source_pass_fn *pass);

/* Facts of the capture's machine; all zero until the first event, and where it has none. */
const struct capture_machine *source_capture_machine(const struct source *s);
/* What has been read so far. */
struct capture_counters source_capture_counters(const struct source *s);
struct capture_position source_capture_position(const struct source *s);
/*
 * Of the event that is being handed out: ns since its enter event, 0 where the capture has none.
 */
uint64_t source_capture_duration(const struct source *s);

#endif
