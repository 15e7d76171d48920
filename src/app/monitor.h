/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The monitor. Live it attaches the probe, learns what runs, judges events, sends alerts, until a
 * signal ends it; the events of captures take the same way. The main thread reads system calls or
 * captures and judges them; other event sources have a thread each (app/event_sources.h), and so
 * has each output.
 *
 * Order at the start, so that nothing between is lost: the probe is attached and its rings fill;
 * then the processes that exist are read; then the rings.
 */
#ifndef SAKER_APP_MONITOR_H
#define SAKER_APP_MONITOR_H

#include "app/counts.h"
#include "app/policy.h"
#include "app/recording.h"

struct monitor;

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
	struct policy *policy;       /* the one to begin with; the monitor keeps it */
	const struct cli *reloads;   /* what policies are loaded anew by; NULL: never */
	struct string_list captures; /* replayed one after the other; none: the system is watched */
	const struct monitor_view *view; /* NULL: alerts */
	struct recording *recording;     /* of what the system does; NULL: none */
	unsigned seconds;                /* 0: until a signal comes */
	/* When the program was, ns of CLOCK_MONOTONIC for the start-up message, of CLOCK_REALTIME
	 * for files that have changed since. */
	uint64_t started_at, started_time;
};

/* Answers the exit status; errors have been logged. */
int monitor_run(const struct monitor_options *options);

/*
 * For threads that tell others how the monitor is (metrics, web server): what was counted until
 * now, or until the last second where the main thread is too busy to answer at once; and what was
 * counted of each rule of the policy in use. Neither touches the way of an event.
 */
void monitor_read_counts(struct monitor *m, struct counts *out);
void monitor_each_rule(struct monitor *m, rule_counts_fn *visit, void *context);

/* What does not change while it runs. */
struct monitor_facts {
	const struct probe *probe; /* NULL: system calls are not watched */
	const char *hostname, *host_root;
	uint64_t started_at; /* of the program, ns of CLOCK_MONOTONIC */
};
struct monitor_facts monitor_facts(const struct monitor *m);

/* The policy in use, which the caller releases. */
struct policy *monitor_policy(struct monitor *m);

/* Sends an alert of the monitor's own to its outputs. */
void monitor_send(struct monitor *m, const struct alert *alert);

/* For how long, in ns, the main thread has not looked around, although it was just asked to. */
uint64_t monitor_silence(struct monitor *m);

#endif
