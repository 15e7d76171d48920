/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sources of events. All give the same struct event; nothing behind them knows which one it was.
 */
#ifndef SAKER_SOURCE_SOURCE_H
#define SAKER_SOURCE_SOURCE_H

#include "base/error.h"
#include "event/event.h"

struct source;

/* Per event, in order of their causes. The event is gone when it returns. */
typedef void source_event_fn(void *context, struct event *e);

struct source_counters {
	uint64_t events;  /* given out */
	uint64_t damaged; /* records that could not be decoded */
	uint64_t dropped; /* lost before they got here; details: probe_counters */
};

/*
 * Hands over what there is, waiting up to timeout_ms (-1: for ever) for it. Answers the number of
 * events, 0 on timeout, -EINTR when a watched descriptor is readable or a signal came, -ENODATA at
 * the end of a source that has one, another negative errno where it cannot go on: source_error
 * tells why.
 */
int source_poll(struct source *s, int timeout_ms, source_event_fn *handle, void *context);
/* Descriptor that is readable when there may be events: for an outer loop's poll; -1: always. */
int source_fd(const struct source *s);
/* Another descriptor whose readiness ends a source_poll: a signalfd, a reload. */
int source_watch(struct source *s, int fd, struct error *err);
struct source_counters source_counters(const struct source *s);
/* Its message is empty where nothing was wrong. Valid until the source is freed. */
const struct error *source_error(const struct source *s);
/*
 * Takes nothing new in; what it has taken in already is still to be had by source_poll. From any
 * thread, while another may poll.
 */
void source_close(struct source *s);
void source_free(struct source *s);

/*
 * The live source. Rings are merged: a record is given out only when nothing that happened before
 * it can still be missing (source/ring.h).
 *
 * The records' own header keeps the time since boot, for the rings are read-only: event.time is
 * the one to use.
 */
struct probe;
struct source *source_syscalls_new(struct probe *probe, struct error *err);

/* One without events, whose source_poll waits for the watched descriptors alone. */
struct source *source_idle_new(struct error *err);

#endif
