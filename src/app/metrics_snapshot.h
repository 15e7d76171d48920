/* SPDX-License-Identifier: Apache-2.0 */
/* Takes snapshots of a running monitor, for app/metrics.h. From any thread. */
#ifndef SAKER_APP_METRICS_SNAPSHOT_H
#define SAKER_APP_METRICS_SNAPSHOT_H

#include "app/metrics.h"
#include "app/monitor.h"

struct metrics_source;

struct metrics_source *metrics_source_new(struct monitor *m); /* NULL without memory */
void metrics_source_free(struct metrics_source *s);           /* NULL is fine */

/* What one snapshot tells the next one of the same line. Zero-initialised at first. */
struct metrics_before {
	uint64_t time, events, kernel_events, drops;
};

/* before: is read and set; NULL: the snapshot stands alone. The caller frees it. */
struct metrics_snapshot *metrics_snapshot_take(struct metrics_source *s,
					       struct metrics_before *before);
void metrics_snapshot_free(struct metrics_snapshot *snapshot);

#endif
