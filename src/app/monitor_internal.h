/* SPDX-License-Identifier: Apache-2.0 */
/* The monitor's inside, for the sources monitor*.c alone. It belongs to the main thread, but for
 * what stands behind the lock and what is atomic. */
#ifndef SAKER_APP_MONITOR_INTERNAL_H
#define SAKER_APP_MONITOR_INTERNAL_H

#include "app/containers.h"
#include "app/discards.h"
#include "app/event_drops.h"
#include "app/event_sources.h"
#include "app/heart.h"
#include "app/judge.h"
#include "app/live.h"
#include "app/monitor.h"
#include "app/notify.h"
#include "app/regime.h"
#include "app/reload.h"
#include "app/replay_command.h"
#include "app/telemetry.h"
#include "app/users_watch.h"

#include <pthread.h>
#include <stdatomic.h>

struct monitor {
	const struct monitor_options *options;
	struct policy *start_policy; /* lives as long: its configuration is looked into */
	const struct config *config; /* its */
	bool is_replay;
	struct probe *probe; /* NULL: a capture is replayed */
	struct state *state;
	struct judge *judge;           /* of the main thread's source */
	struct containers *containers; /* NULL: nothing waits for runtimes */
	struct regime regime;
	struct reload *reload; /* NULL: nothing is reloaded */
	struct notify notify;
	uint64_t watchdog_at, status_at; /* when they are due, CLOCK_MONOTONIC */
	struct source *source;
	struct event_sources *others;
	struct telemetry *telemetry;
	struct replay replay;
	struct alert_capture *capture; /* NULL: alerts make no captures */
	bool has_seen_enough;          /* says the view */
	uint64_t pause_at;
	int signal_fd;
	int wake_fd; /* an eventfd: the main thread should look what there is */
	int stop_signal;
	char hostname[256];
	const char *host_root;
	uint64_t tasks_told; /* by the kernel's iterator, at the start */
	int own_pid;
	uint32_t own_pidns;
	int64_t boot_shift;           /* base/clock.h */
	uint64_t chores_at, users_at; /* when they are due, CLOCK_MONOTONIC */
	struct users_watch users;
	struct event_drops drops;
	struct heart heart;
	struct discards_check discards;
	bool must_end; /* lost events are a reason */

	pthread_mutex_t lock;     /* never waited for on the way of an event */
	struct counts counts;     /* of the last second */
	uint64_t counted_at;      /* CLOCK_MONOTONIC */
	atomic_bool wants_counts; /* before the second is over */
	atomic_bool is_over;      /* the judge is asked nothing any more */
};

/* monitor_start.c: what there is to be watched, opened and begun; 0 or a negative errno. */
int monitor_open_signals(struct monitor *m, struct error *err);
int monitor_start_live(struct monitor *m, struct error *err);
/*
 * Without a driver, or with the system calls left out: other sources only, of which there may be
 * none.
 */
int monitor_start_idle(struct monitor *m, struct error *err);
/* The events of a capture instead of the system's. Users and processes are those it lists. */
int monitor_start_replay(struct monitor *m, struct error *err);

/* monitor.c: events that no rule wants need not be decoded where nobody else sees them. */
void monitor_pass_events(struct monitor *m);

/* monitor_counts.c: counts for all who ask; where it is being read just now the next time will do.
 */
void monitor_take_counts(struct monitor *m);
/* What was counted, at the end. */
void monitor_print_counts(struct monitor *m);

#endif
