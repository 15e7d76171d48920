/* SPDX-License-Identifier: Apache-2.0 */
/* What an output channel is, between outputs.c and the channels. */
#ifndef SAKER_OUTPUT_CHANNEL_H
#define SAKER_OUTPUT_CHANNEL_H

#include "base/error.h"
#include "base/log.h"
#include "base/str.h"

/*
 * Says how long a channel may still try. Whatever can block (a pipe that nobody reads, a server)
 * asks channel_time_left in between and gives up where it answers 0.
 */
struct channel_clock;
int channel_time_left(const struct channel_clock *clock); /* ms; -1: no end yet */

struct channel_type {
	const char *name;
	/* Takes a line (with its line end); may keep a copy until flush. Answers how many lines it
	 * delivered now, negative errno where this one is lost. */
	int (*deliver)(void *context, const struct channel_clock *clock, enum severity priority,
		       struct str line);
	/* Delivers what was kept and answers how many lines; NULL: nothing is ever kept. */
	int (*flush)(void *context, const struct channel_clock *clock);
	/* How many lines are kept. */
	size_t (*kept)(const void *context);
	void (*close)(void *context);
};

/* Standard output, or any other descriptor. NULL only without memory. */
extern const struct channel_type channel_stdout;
void *channel_stdout_open(int fd);

#endif
