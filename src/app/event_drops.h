/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `syscall_event_drops`: what is done about events of the kernel that were lost. Looked at once a
 * second, by Falco's rules: where the share of lost ones among all is above the threshold, and not
 * more often than a token bucket allows, it is logged, told in an alert, or the end of the program.
 * Of the main thread, between events.
 */
#ifndef SAKER_APP_EVENT_DROPS_H
#define SAKER_APP_EVENT_DROPS_H

#include "app/counts.h"
#include "app/drop_groups.h"

struct event_drops {
	const struct probe *probe;
	uint64_t at; /* the last look, ns of CLOCK_MONOTONIC; 0: none yet */
	double tokens;
	uint64_t events, dropped; /* as of the last look */
	struct probe_counters counters;
	uint64_t groups[DROP_GROUP_COUNT];
	uint64_t told; /* what the log was told of */
};

void event_drops_init(struct event_drops *d, const struct probe *probe,
		      const struct config *config);
/*
 * Looks, at most once a second, by the configuration that the judge has; the alert goes where the
 * judge's go. False: the program is to end, and why has been logged.
 */
bool event_drops_look(struct event_drops *d, struct judge *judge, const struct counts *counts,
		      uint64_t now);

#endif
