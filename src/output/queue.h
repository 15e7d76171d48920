/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bounded queue of pointers between threads. Pushing neither blocks nor locks, from any number of
 * threads; one thread, the consumer, pops and sleeps while there is nothing. A full queue refuses;
 * who pushes may then pop what is oldest.
 *
 * Every cell carries the turn in which it may be written or read next, so that threads meet only at
 * cells, never at a common lock.
 */
#ifndef SAKER_OUTPUT_QUEUE_H
#define SAKER_OUTPUT_QUEUE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

struct queue {
	struct queue_cell {
		atomic_size_t turn;
		void *item;
	} * cells;
	size_t mask;
	int wake_fd;            /* an eventfd: readable when the consumer should look */
	atomic_bool is_waiting; /* the consumer sleeps or is about to */
	_Alignas(64) atomic_size_t tail;
	_Alignas(64) atomic_size_t head;
};

/* capacity is rounded up to a power of two. 0 or a negative errno. */
int queue_init(struct queue *q, size_t capacity);
void queue_release(struct queue *q); /* items left in it are the caller's to free first */

/* False where it is full. Wakes the consumer where it sleeps: the only system call there is. */
bool queue_push(struct queue *q, void *item);
/* NULL where it is empty. From any thread. */
void *queue_pop(struct queue *q);

/*
 * The consumer's: sleeps until something was pushed, queue_wake was called, other_fd is readable
 * (-1: none) or timeout_ms passed (-1: for ever).
 */
void queue_wait(struct queue *q, int other_fd, int timeout_ms);
void queue_wake(struct queue *q);

#endif
