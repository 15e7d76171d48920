/* SPDX-License-Identifier: Apache-2.0 */
/* What the probe must collect: from what the plan needs, what state needs and what is configured.
 */
#ifndef SAKER_APP_WANTS_H
#define SAKER_APP_WANTS_H

#include "app/config.h"
#include "engine/plan.h"
#include "probe/probe.h"

/* What an event is recorded with, so that it means the same to any rules later. */
enum {
	WANTS_ALL_FACTS = FACT_RESOLVED_PATH | FACT_BASE_PATH | FACT_FD | FACT_BUFFER | FACT_FD_PATH
};

/*
 * Fills *wants. Names of base_syscalls.custom_set that are no system call are passed to unknown
 * (may be NULL). Answers how many system calls are wanted.
 */
size_t wants_of_plan(const struct plan_needs *needs, const struct config *config,
		     void (*unknown)(const char *name), struct probe_wants *wants);

/* Adds what others want. */
void wants_add(struct probe_wants *wants, const struct probe_wants *more);

/* How many system calls are wanted. */
size_t wants_count(const struct probe_wants *wants);

#endif
