/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The heartbeat of the way of events: a call of our own, every few seconds, that must come back
 * through the kernel's tracepoint, the probe and a ring to the thread that judges. Where it does
 * not, nothing else does: somebody has detached programs, or changed what they look at. Then an
 * alert says so, again and again while it is so, for a blinded monitor must not look healthy.
 *
 * Where the looks themselves are far apart somebody has held the whole monitor up: a signal, a
 * freezer, a tracer. That is told as well, once it goes on.
 *
 * Falco's own notice of silence ("Falco internal: timeouts notification") is given as well, after
 * syscall_event_timeouts.max_consecutives waits of 30 ms, as Falco's are.
 *
 * Of the main thread.
 */
#ifndef SAKER_APP_HEART_H
#define SAKER_APP_HEART_H

#include "app/judge.h"

struct heart {
	void (*beat)(void *context); /* makes the call; NULL: there is nothing to beat for */
	void *context;
	bool is_awaited; /* a beat that has not come yet */
	bool is_heard;   /* it came, which heart_look has not seen yet */
	bool is_blind;
	unsigned missed;               /* in a row */
	uint64_t beat_at, alerted_at;  /* ns of CLOCK_MONOTONIC */
	uint64_t looks;                /* since the beat */
	uint64_t dropped;              /* lost events, as of the beat: it may be one of them */
	uint64_t events, silent_since; /* events read, and when the last of them was counted */
	uint64_t last_event;           /* ns since the epoch; 0: none yet */
	uint64_t beats, lost;          /* all of them */
	uint64_t looked_at;            /* 0: not yet */
	uint64_t held_up;              /* times */
};

void heart_init(struct heart *h, void (*beat)(void *context), void *context);

/* An event of our own while a beat is awaited: whether it is the beat. */
bool heart_hears(struct heart *h, const struct event *e);

/*
 * Once a second, after the rings were read: read and dropped are counts of the source so far.
 */
void heart_look(struct heart *h, struct judge *judge, uint64_t read, uint64_t dropped,
		uint64_t now);

#endif
