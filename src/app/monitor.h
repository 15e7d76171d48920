/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The monitor. Live it attaches the probe, learns what runs, judges events, sends alerts, until a
 * signal ends it; the events of captures take the same way. One thread reads and judges; each
 * output has one of its own.
 *
 * Order at the start, so that nothing between is lost: the probe is attached and its rings fill;
 * then the processes that exist are read; then the rings.
 */
#ifndef SAKER_APP_MONITOR_H
#define SAKER_APP_MONITOR_H

#include "app/config.h"
#include "app/recording.h"
#include "engine/plan.h"

/* An event for which a rule holds, bound and judged; gone when who is told of it returns. */
struct monitor_event {
	struct field_context *context;
	const struct rule *rule;
	uint64_t duration; /* ns from the call's enter event, 0: not known (see source/replay.h) */
};

/*
 * Who takes the events in place of the outputs. They are told nothing but by these: no counts at
 * the end, no progress of a capture.
 */
struct monitor_view {
	void *context;
	bool (*show)(void *context, const struct monitor_event *e); /* false: it has seen enough */
	/* Now and then, at least four times a second, and at the end; false likewise. */
	bool (*pause)(void *context, bool is_end);
};

struct monitor_options {
	const struct config *config;
	const struct rule_set *rules;
	const struct plan *plan;
	struct string_list captures; /* replayed one after the other; none: the system is watched */
	const struct monitor_view *view; /* NULL: alerts */
	struct recording *recording;     /* of what the system does; NULL: none */
	unsigned seconds;                /* 0: until a signal comes */
	uint64_t started_at; /* of the program, ns of CLOCK_MONOTONIC: for the start-up message */
};

/* Answers the exit status; errors have been logged. */
int monitor_run(const struct monitor_options *options);

#endif
