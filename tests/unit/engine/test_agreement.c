/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The plan says what the reference says: random rules on random events. SAKER_AGREEMENT_SECONDS
 * makes it run longer than a moment.
 */
#include "../unit.h"
#include "reference/agreement.h"

#include <time.h>

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void verdicts_are_those_of_the_reference(void **state)
{
	const char *wanted = getenv("SAKER_AGREEMENT_SECONDS");
	double seconds = wanted ? atof(wanted) : 3;
	double end = now() + seconds;
	struct agreement_counts counts = {0};
	uint64_t seed = wanted ? (uint64_t)time(NULL) : 1;
	(void)state;

	do {
		char message[4096];

		if (!agreement_check(seed, STR(""), &counts, message, sizeof(message)))
			fail_msg("%s", message);
		seed++;
	} while (now() < end);
	fprintf(stderr, "# %llu rules, %llu events, %llu matches\n",
		(unsigned long long)counts.rules, (unsigned long long)counts.events,
		(unsigned long long)counts.matches);
	assert_true(counts.matches > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(verdicts_are_those_of_the_reference),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
