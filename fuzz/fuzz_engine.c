/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Eight bytes choose random rules and events, the rest is the condition of one more rule: the plan
 * must say of all events what the reference evaluator says.
 */
#include "reference/agreement.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct agreement_counts counts = {0};
	char message[4096];
	uint64_t seed = 0;
	size_t n = size < sizeof(seed) ? size : sizeof(seed);

	memcpy(&seed, data, n);
	if (!agreement_check(seed, (struct str){(const char *)data + n, size - n}, &counts, message,
			     sizeof(message))) {
		fprintf(stderr, "%s\n", message);
		abort();
	}
	return 0;
}
