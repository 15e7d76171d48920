/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bounded queue of records between two threads: one pushes copies, the other reads them in place
 * and releases them when it likes, so the queue also remembers what was pushed last. Pushing
 * neither blocks, locks, allocates nor, but to wake a reader that sleeps while the queue is half
 * full, makes a system call; where there is no room it refuses.
 *
 * Positions count bytes for ever.
 */
#ifndef SAKER_SOURCE_RECORD_QUEUE_H
#define SAKER_SOURCE_RECORD_QUEUE_H

#include "base/str.h"
#include "event/record.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

struct queued_record {
	uint64_t time;      /* of the event, ns since the epoch */
	uint64_t boot_time; /* likewise, as the state takes it */
	uint32_t size;    /* with this header; a multiple of 8; 0: go on at the queue's beginning */
	uint32_t is_told; /* whoever pushed it marked it */
			  /* then the struct record */
};

struct record_queue {
	uint8_t *memory;
	size_t size;
	size_t
	    wake_bytes; /* a sleeping reader is woken when so much waits; else half of the size */
	int wake_fd;
	atomic_bool is_sleeping;
	_Alignas(64) _Atomic uint64_t pushed;
	uint64_t released_seen; /* the pusher's */
	_Alignas(64) _Atomic uint64_t released;
};

/* bytes is rounded up to a power of two. 0 or a negative errno. */
int record_queue_init(struct record_queue *q, size_t bytes);
void record_queue_free(struct record_queue *q);

/* False where it is full. annex: items that are added to the record's own, padded to 8. */
bool record_queue_push(struct record_queue *q, const struct record *r, struct str annex,
		       uint64_t time, uint64_t boot_time, bool is_told);

/*
 * The reader's side: the record at *position, NULL: there is none yet. *position is moved to it
 * first where the queue goes on elsewhere; the next one is at *position + size.
 */
const struct queued_record *record_queue_at(struct record_queue *q, uint64_t *position);
/* Everything before that position may be overwritten. */
void record_queue_release(struct record_queue *q, uint64_t position);
uint64_t record_queue_end(struct record_queue *q); /* what has been pushed */

/* Sleeps until wake_bytes wait, record_queue_wake is called or that time has passed. */
void record_queue_wait(struct record_queue *q, int timeout_ms);
void record_queue_wake(struct record_queue *q);

#endif
