/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reference evaluator: what a rule set says of an event, computed rule by rule and comparison
 * by comparison from the typed trees, with nothing shared and nothing remembered. Slow, and so
 * plain that it is believed. For tests and as a baseline in benchmarks.
 */
#ifndef SAKER_TESTS_REFERENCE_REFERENCE_H
#define SAKER_TESTS_REFERENCE_REFERENCE_H

#include "engine/plan.h"

bool reference_holds(const struct condition *c, struct field_context *ctx);

/* As evaluator_judge, but all rules of the set are asked. ctx->event is set to e. */
size_t reference_judge(const struct rule_set *set, bool all_matches, struct field_context *ctx,
		       struct event *e, struct match *matches, size_t room);

#endif
