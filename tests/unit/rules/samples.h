/* SPDX-License-Identifier: Apache-2.0 */
/* Samples that lie beside the project: SAKER_SHARED names the folder. */
#ifndef SAKER_TESTS_UNIT_RULES_SAMPLES_H
#define SAKER_TESTS_UNIT_RULES_SAMPLES_H

#include "../unit.h"

static inline const char *shared_folder(void)
{
	const char *folder = getenv("SAKER_SHARED");

	return folder ? folder : "../shared";
}

/* Skips, or in CI fails, where the samples are not there. */
static inline void need_samples(const char *path)
{
	FILE *f = fopen(path, "r");
	const char *ci = getenv("CI");

	if (f) {
		fclose(f);
		return;
	}
	if (ci && strcmp(ci, "true") == 0)
		fail_msg("%s is missing", path);
	fprintf(stderr, "SKIP: %s is missing\n", path);
	skip();
}

#endif
