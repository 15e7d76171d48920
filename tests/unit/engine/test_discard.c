/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the kernel discards no rule wants: random rules on random events, which the reference
 * judges. SAKER_AGREEMENT_SECONDS makes it run longer than a moment.
 */
#include "../unit.h"
#include "engine/discard.h"
#include "engine/name_automaton.h"
#include "reference/discards.h"
#include "reference/set.h"

#include <time.h>

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void no_rule_wants_what_is_discarded(void **state)
{
	const char *wanted = getenv("SAKER_AGREEMENT_SECONDS");
	double end = now() + (wanted ? atof(wanted) : 2);
	struct discards_counts counts = {0};
	uint64_t seed = wanted ? (uint64_t)time(NULL) : 1;
	(void)state;

	do {
		char message[4096];

		if (!discards_check(seed, &counts, message, sizeof(message)))
			fail_msg("%s", message);
		seed++;
	} while (now() < end);
	fprintf(stderr, "# %llu events, %llu discarded, %llu of them by their names\n",
		(unsigned long long)counts.events, (unsigned long long)counts.discarded,
		(unsigned long long)counts.by_name);
	assert_true(counts.by_name > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(no_rule_wants_what_is_discarded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
