/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bounded queue of pointers between threads. Pushing neither blocks nor locks, from any number of
 * threads; one thread pops and sleeps while there is nothing. A full queue refuses.
 *
 * Every cell carries the turn in which it may be written or read next, so that producers and the
 * consumer meet only at cells, never at a common lock.
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
	_Alignas(64) size_t head; /* the consumer's */
};

/* capacity is rounded up to a power of two. 0 or a negative errno. */
int queue_init(struct queue *q, size_t capacity);
void queue_release(struct queue *q); /* items left in it are the caller's to free first */

/* False where it is full. Wakes the consumer where it sleeps: the only system call there is. */
bool queue_push(struct queue *q, void *item);
/* NULL where it is empty. */
void *queue_pop(struct queue *q);

/* Sleeps until something was pushed, queue_wake was called or timeout_ms passed (-1: for ever). */
void queue_wait(struct queue *q, int timeout_ms);
void queue_wake(struct queue *q);

#endif
