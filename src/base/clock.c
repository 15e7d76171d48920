/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"

#include "base/cleanup.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>

/* The offsets that /proc tells are those of processes that are still to come. */
static int offsets_are_ours(void)
{
	struct stat ours, theirs;

	return stat("/proc/self/ns/time", &ours) == 0 &&
	       stat("/proc/self/ns/time_for_children", &theirs) == 0 &&
	       ours.st_ino == theirs.st_ino;
}

int64_t clock_boot_shift_ns(void)
{
	CLEANUP_FCLOSE FILE *f =
	    offsets_are_ours() ? fopen("/proc/self/timens_offsets", "re") : NULL;
	int64_t seconds, ns;
	char line[128];

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "boottime %" SCNd64 " %" SCNd64, &seconds, &ns) == 2)
			return seconds * INT64_C(1000000000) + ns;
	return 0;
}
