/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The live monitor: attaches the probe, learns what runs, judges events, sends alerts, until a
 * signal ends it. One thread reads and judges; each output has one of its own.
 *
 * Order at the start, so that nothing between is lost: the probe is attached and its rings fill;
 * then the processes that exist are read; then the rings.
 */
#ifndef SAKER_APP_MONITOR_H
#define SAKER_APP_MONITOR_H

#include "app/config.h"
#include "engine/plan.h"

struct monitor_options {
	const struct config *config;
	const struct rule_set *rules;
	const struct plan *plan;
	unsigned seconds;    /* 0: until a signal comes */
	uint64_t started_at; /* of the program, ns of CLOCK_MONOTONIC: for the start-up message */
};

/* Answers the exit status; errors have been logged. */
int monitor_run(const struct monitor_options *options);

#endif
