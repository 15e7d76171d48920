/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Event sources other than system calls: each runs on a thread of its own, with a judge and a state
 * of its own, under the same policy and into the same outputs as all others. (System calls and
 * captures are read on the main thread, by app/monitor.h.)
 *
 * To add one: a source (source/source_internal.h) whose poll hands out events and ends with -EINTR
 * when a watched descriptor is readable, and a row in event_source_types, whose open makes it of
 * the configuration. It runs where the configuration's `sources` have it (config_choose_sources),
 * which is where `plugins` has an entry of the row's plugin that load_plugins names. Its poll runs
 * on the thread; open, watch, counters and free do not, but never at the same time, counters
 * excepted: what it answers must be readable from any thread.
 * A source that ends answers -ENODATA: when all have ended, the program does. Any other error ends
 * the program with status 1, so that a service is started again.
 */
#ifndef SAKER_APP_EVENT_SOURCES_H
#define SAKER_APP_EVENT_SOURCES_H

#include "app/regime.h"
#include "source/source.h"

struct event_source_type {
	const char *plugin; /* name in `plugins` */
	/* NULL: it has no thread of its own. plugin is the entry. NULL with the reason. */
	struct source *(*open)(const struct config *config, const struct config_plugin *plugin,
			       struct error *err);
};

/* By enum event_source. */
extern const struct event_source_type event_source_types[SOURCE_COUNT];

struct event_sources;

/*
 * Opens those that are to run; none of them reads yet. Their judges are added to the regime.
 * ended_fd, an eventfd, is written to when one ends. NULL with the reason.
 */
struct event_sources *event_sources_open(struct regime *regime, int ended_fd, struct error *err);
int event_sources_start(struct event_sources *s, struct error *err);

/* How many there are, and what each (from 0) has counted. */
size_t event_sources_count(const struct event_sources *s);
void event_sources_add_counts(const struct event_sources *s, struct counts *counts);

/*
 * How many still run; status gets the first error of those that do not (0: none had one), which
 * has been logged.
 */
size_t event_sources_running(struct event_sources *s, int *status);
/* Ends them, when they have judged what they have taken in. */
void event_sources_stop(struct event_sources *s);
void event_sources_free(struct event_sources *s); /* NULL is fine */

#endif
