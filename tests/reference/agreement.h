/* SPDX-License-Identifier: Apache-2.0 */
/* One round of comparing the plan's verdicts with the reference's, from one seed. */
#ifndef SAKER_TESTS_REFERENCE_AGREEMENT_H
#define SAKER_TESTS_REFERENCE_AGREEMENT_H

#include "base/str.h"

struct agreement_counts {
	uint64_t rules, events, matches;
};

/*
 * False where they differ; the message then tells rule, event and both answers. condition: one more
 * rule's, beside the random ones; it need not be valid.
 */
bool agreement_check(uint64_t seed, struct str condition, struct agreement_counts *counts,
		     char *message, size_t room);

#endif
