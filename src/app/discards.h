/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which events the probe discards, because no rule can hold for them (engine/plan.h), and the check
 * of that: of the events that it would discard it lets one in so many through.
 */
#ifndef SAKER_APP_DISCARDS_H
#define SAKER_APP_DISCARDS_H

#include "app/config.h"
#include "engine/plan.h"
#include "probe/probe.h"

/*
 * Adds to what wants_of_plan made of the same plan. Calls that the configuration names are reported
 * whether rules can hold or not.
 */
void discards_of_plan(const struct plan *plan, const struct config *config,
		      struct probe_wants *wants);

/* What samples tell. Set to zeros, with the probe, by who has it; readable from any thread. */
struct discards_check {
	struct probe *probe;
	_Atomic uint64_t since; /* ns since the epoch; older samples are of another table */
	_Atomic uint64_t wrong; /* samples for which a rule held: none should be */
};

/* Before the probe is told what is wanted, and after it was. */
void discards_change(struct discards_check *c);
void discards_changed(struct discards_check *c);

/*
 * A rule holds for an event: if that is a sample, it must not. Then no more events of this call are
 * discarded, and that is told. From the judge's thread.
 */
void discards_matched(struct discards_check *c, const struct event *e, const struct rule *rule);

/*
 * An event was judged by a plan: where its thread does such things again and again the probe is
 * told what of the rules its process leaves. A system call for few events. From the judge's thread.
 */
void discards_judged(struct discards_check *c, const struct plan *plan, struct evaluator *ev,
		     const struct event *e);

/* Nothing is discarded: for who wants events beyond what rules ask for. */
void discards_none(struct probe_wants *wants);

#endif
