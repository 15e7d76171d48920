/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is in force while the monitor runs: the policy, the outputs, and the terms of each judge;
 * and how all of it is replaced while events pass.
 *
 * Nothing is lost where it is: the probe first collects what either policy wants; each judge goes
 * over to its new terms between two events; then the probe is told what the new policy alone wants,
 * and what was in force is freed. Channels of outputs whose configuration is the same are taken
 * over; others deliver what waits in them before they end.
 *
 * Belongs to the monitor's thread until the first regime_replace, then to the one that replaces
 * (app/reload.h), but for what is marked. None of it is on the way of an event.
 */
#ifndef SAKER_APP_REGIME_H
#define SAKER_APP_REGIME_H

#include "app/counts.h"
#include "app/live.h"

#include <pthread.h>

struct regime_judge {
	struct judge *judge;
	const struct judge_terms *terms; /* its newest */
	/* Makes it look for new terms. */
	void (*wake)(void *context);
	void *context;
	/* True: its thread is done with it and touches it no more. */
	bool (*has_ended)(void *context);
};

struct regime {
	const struct config *start; /* configuration of the start; outlives the regime */
	const char *hostname;
	bool has_outputs;
	struct policy *policy;
	struct outputs *outputs;
	struct regime_judge judges[SOURCE_COUNT];
	size_t judge_count;
	struct probe *probe;      /* NULL: none */
	struct live_options live; /* but its plan */

	pthread_mutex_t lock; /* of what follows, the policy and the judges' terms */
	uint64_t *carried;    /* matches before the last replacement, by rule id; NULL: none */
	/* Of channels that have ended, by type. */
	struct channel_counters ended[CHANNELS_MAX];
	size_t ended_count;
	const struct outputs *ending; /* those that were replaced, until they have; NULL: none */
	uint64_t replaced, failed;
};

/* Keeps the policy and opens its outputs (has_outputs). 0 or a negative errno with the reason. */
int regime_init(struct regime *r, struct policy *policy, const char *hostname, bool has_outputs,
		struct error *err);
/* Gives a judge its first terms. Judges are freed by who made them, before regime_release. */
int regime_add_judge(struct regime *r, const struct regime_judge *judge, struct error *err);
/* From now on the probe is told when wants change. */
void regime_set_probe(struct regime *r, struct probe *probe, const struct live_options *live);

/*
 * Puts a policy in force. Keeps it. Where that cannot be done what was in force stays, and the
 * reason is told. Waits until each judge has gone over, and until old channels have ended.
 */
int regime_replace(struct regime *r, struct policy *policy, struct error *err);
/* Counts one that came to nothing. */
void regime_count_failure(struct regime *r);

/*
 * From any thread. Adds outputs and replacements to counts (outputs: those that the caller's judge
 * sends to), or answers false where it would have to wait for another thread; how often each rule
 * of the policy in force matched since the start, under whichever policy.
 */
bool regime_add_counts(struct regime *r, const struct outputs *outputs, struct counts *counts);
void regime_each_rule(struct regime *r, rule_counts_fn *visit, void *context);

/* From any thread, too: the policy in force, which the caller releases; an alert of the monitor's
 * own, which no judge sends. */
struct policy *regime_policy(struct regime *r);
void regime_send(struct regime *r, const struct alert *alert);

/* How long outputs may take to deliver what waits when they end, ms. */
int regime_drain_ms(const struct regime *r);
void regime_release(struct regime *r); /* after its judges; drains without waiting */

#endif
