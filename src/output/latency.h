/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long alerts take from their event to their channel, as a histogram. One thread adds; any may
 * read, a little late.
 */
#ifndef SAKER_OUTPUT_LATENCY_H
#define SAKER_OUTPUT_LATENCY_H

#include <stddef.h>
#include <stdint.h>

enum { LATENCY_BUCKETS = 16 };

struct latency {
	uint64_t counts[LATENCY_BUCKETS + 1]; /* by bucket, not added up; the last: longer ones */
	uint64_t sum;                         /* ns */
};

/* Upper bound of a bucket, ns. */
uint64_t latency_bound(size_t bucket);
void latency_add(struct latency *l, uint64_t ns);
struct latency latency_read(const struct latency *l);
uint64_t latency_count(const struct latency *l);
/* Adds what both counted. */
void latency_merge(struct latency *l, const struct latency *more);
/* Upper bound of the bucket in which the share (0 to 1) of all is reached; UINT64_MAX: in the last
 * one. 0 where there are none. */
uint64_t latency_quantile(const struct latency *l, double share);

#endif
