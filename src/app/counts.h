/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a monitor counts, in one place: for the summary at its end, metrics, and alerts about the
 * monitor itself. Taken by the monitor's thread once a second, where any thread can read it.
 */
#ifndef SAKER_APP_COUNTS_H
#define SAKER_APP_COUNTS_H

#include "app/judge.h"
#include "metadata/kube.h"
#include "output/outputs.h"
#include "probe/probe.h"
#include "source/audit.h"
#include "source/source.h"
#include "state/state.h"

struct source_counts {
	enum event_source source;
	uint64_t read, judged, damaged, dropped; /* events */
};

/* Of containers' runtimes and of what waits for them. */
struct container_counts {
	bool is_watched; /* runtimes are asked; else there are but zeros */
	uint64_t asked, told, untold, late, refused;
	uint64_t waited, incomplete, full;
	uint64_t runtimes_up, runtime_errors;
};

struct counts {
	/* By source; the first is that of the main thread: system calls or captures. */
	struct source_counts sources[SOURCE_COUNT];
	size_t source_count;
	struct source_counts all; /* their sums */
	uint64_t alerts;
	uint64_t alerts_by_priority[SEVERITY_COUNT];

	struct probe_counters probe; /* zeros without a probe */
	uint64_t discards_wrong;     /* samples of discarded events for which a rule held */
	struct state_counters state; /* of the first source */
	uint64_t tasks_told;         /* threads, by the kernel's iterator at the start */
	struct audit_counters audit; /* zeros without that source */
	uint64_t blocks_skipped;     /* of captures: unknown ones */

	struct channel_counters channels[CHANNELS_MAX];
	size_t channel_count;

	struct container_counts containers;
	struct kube_counters kube; /* no server: zeros */
	struct pod_counters pods;

	bool is_blind; /* events do not arrive: app/heart.h */
	uint64_t heartbeats, heartbeats_lost;
	uint64_t held_up; /* times that the program did not run for long */

	uint64_t reloads;        /* that took effect */
	uint64_t reloads_failed; /* that left the old policy in place */
};

/* Of a rule. */
struct rule_counts {
	uint64_t matches;
	uint64_t ns; /* that it took, from samples; since the last reload; 0: not known */
};
typedef void rule_counts_fn(void *context, const struct rule *rule,
			    const struct rule_counts *counts);

/* Adds a judge's, and what its source counted, as one more source. */
void counts_add_source(struct counts *c, const struct judge *j, struct source_counters source);

/* matches: by rule id. To stderr, whatever the log level: it is what Ctrl-C is for. */
void counts_print(const struct counts *c, const struct rule_set *rules, const uint64_t *matches);

/* The same for each kind of event, cause and CPU. */
void counts_print_drops(const struct probe *probe);
/* Events that no rule could hold for, by kind of event. */
void counts_print_discards(const struct probe *probe);

#endif
