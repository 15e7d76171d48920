/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recording: the thread that reads events pushes copies into a bounded queue, and a thread of the
 * recorder's own makes a capture of them. What the queue has no room for is dropped and counted;
 * so is what the disk does not take. Nothing of it can hold up the events.
 */
#ifndef SAKER_SOURCE_RECORDER_H
#define SAKER_SOURCE_RECORDER_H

#include "event/event.h"
#include "source/capture_write.h"

struct recorder;

struct recorder_options {
	size_t queue_bytes; /* 0: 64 MiB */
};

struct recorder_counters {
	uint64_t recorded;  /* events in the file, but for those that follow */
	uint64_t for_state; /* kept so that readers know the processes; saker shows none of them */
	uint64_t dropped;   /* the queue was full */
	uint64_t lost;      /* the disk did not take them */
	uint64_t bytes;     /* of the file */
	int last_error;     /* of writing, a negative errno; 0: none yet */
};

/*
 * Takes the writer over, with what it holds already: the lists. Writes from now on whatever
 * recorder_push gets.
 */
struct recorder *recorder_new(struct capture_writer *writer, const struct recorder_options *options,
			      struct error *err);
/*
 * For the thread that reads events. A live event, with the boot time by which the state told times
 * of processes (ns since the epoch), and items for its annex; is_for_state: not one that was asked
 * for, but readers need it to know the processes.
 */
void recorder_push(struct recorder *r, const struct event *e, struct str annex, uint64_t boot_time,
		   bool is_for_state);
/* A record that was made, for those who need it to know what the others are of. */
void recorder_push_record(struct recorder *r, const struct record *record, uint64_t boot_time);
/* Writes what has been pushed and ends the thread. */
void recorder_stop(struct recorder *r);
void recorder_free(struct recorder *r);

/* At any time, from any thread. */
struct recorder_counters recorder_counters(struct recorder *r);

#endif
