/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A recording that the monitor makes of the system's events: everything, or what a filter holds for
 * and what readers need to know the processes.
 */
#ifndef SAKER_APP_RECORDING_H
#define SAKER_APP_RECORDING_H

#include "probe/probe.h"
#include "source/capture_lists.h"
#include "source/recorder.h"

struct recording_options {
	const char *path;
	bool is_compressed; /* so is a file whose name ends with .gz */
	bool is_filtered;   /* by the monitor's plan */
	bool is_exit_only;  /* without the enter events that sysdig needs */
	uint64_t queue_bytes;
};

struct recording {
	struct recording_options options;
	struct recorder *recorder; /* NULL: not started */
	const struct state *state;
	_Alignas(8) uint8_t annex[RECORD_SIZE_MAX]; /* for what had to be looked up in /proc */
	uint64_t dropped_told;
};

/* Adds what a recording must hold to what the probe collects; is_filtered: facts alone. */
void recording_wants(const struct recording *r, struct probe_wants *wants);
/* The processes are known; the events come from now on. */
int recording_start(struct recording *r, struct state *state, const struct capture_host *host,
		    struct error *err);
/* Every event of the live source, bound; matches: the filter holds. */
void recording_event(struct recording *r, const struct event *e, bool matches);
/* What is known of a container, before the next event. */
void recording_container(struct recording *r, const struct record *container);
/* Now and then: warns of what was lost. */
void recording_look(struct recording *r);
/*
 * Writes what is left and says to stderr what was recorded; missed: events that were lost before
 * they came here. 0 or a negative errno.
 */
int recording_stop(struct recording *r, uint64_t missed);

#endif
