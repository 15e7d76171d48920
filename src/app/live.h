/* SPDX-License-Identifier: Apache-2.0 */
/* The monitor's way to the system: the probe with what it collects, and the processes there are. */
#ifndef SAKER_APP_LIVE_H
#define SAKER_APP_LIVE_H

#include "app/alert_capture.h"
#include "app/recording.h"
#include "app/wants.h"

struct discards_check;

struct live_options {
	const struct config *config;
	const struct plan *plan;
	const struct recording *recording;   /* NULL: none */
	const struct alert_capture *capture; /* NULL: none */
	struct discards_check *discards;     /* told when wants change */
};

/* What the probe must collect for all of them; answers how many system calls that are. */
size_t live_wants(const struct live_options *options, struct probe_wants *wants);

/* Attaches the probe, whose rings fill from then on, and says so. NULL with the reason. */
struct probe *live_attach(const struct live_options *options, struct error *err);

/* Learns which processes there are; told: how many threads the kernel's iterator told of. */
int live_read_tasks(struct probe *probe, struct state *state, const struct config *config,
		    uint64_t *told, struct error *err);

#endif
