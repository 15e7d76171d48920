/* SPDX-License-Identifier: Apache-2.0 */
#include "output/queue.h"

#include "base/wake.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

int queue_init(struct queue *q, size_t capacity)
{
	size_t size = 2;

	while (size < capacity)
		size *= 2;
	*q = (struct queue){.mask = size - 1};
	q->cells = calloc(size, sizeof(*q->cells));
	if (!q->cells)
		return -ENOMEM;
	q->wake_fd = wake_open();
	if (q->wake_fd < 0) {
		free(q->cells);
		q->cells = NULL;
		return -errno;
	}
	for (size_t i = 0; i < size; i++)
		atomic_init(&q->cells[i].turn, i);
	return 0;
}

void queue_release(struct queue *q)
{
	if (!q->cells)
		return;
	close(q->wake_fd);
	free(q->cells);
	q->cells = NULL;
}

void queue_wake(struct queue *q)
{
	wake_send(q->wake_fd);
}

bool queue_push(struct queue *q, void *item)
{
	size_t tail = atomic_load_explicit(&q->tail, memory_order_relaxed);
	struct queue_cell *cell;

	for (;;) {
		cell = &q->cells[tail & q->mask];
		size_t turn = atomic_load_explicit(&cell->turn, memory_order_acquire);
		ptrdiff_t ahead = (ptrdiff_t)(turn - tail);

		if (ahead < 0)
			return false;
		if (ahead > 0)
			tail = atomic_load_explicit(&q->tail, memory_order_relaxed);
		else if (atomic_compare_exchange_weak_explicit(
			     &q->tail, &tail, tail + 1, memory_order_relaxed, memory_order_relaxed))
			break;
	}
	cell->item = item;
	/* Sequentially consistent, as is is_waiting: either we see that the consumer waits, or it
	 * sees the item before it sleeps. */
	atomic_store(&cell->turn, tail + 1);
	if (atomic_load(&q->is_waiting) && atomic_exchange(&q->is_waiting, false))
		queue_wake(q);
	return true;
}

static bool has_item(struct queue *q)
{
	size_t head = atomic_load(&q->head);

	return atomic_load(&q->cells[head & q->mask].turn) == head + 1;
}

void *queue_pop(struct queue *q)
{
	size_t head = atomic_load_explicit(&q->head, memory_order_relaxed);
	struct queue_cell *cell;
	void *item;

	for (;;) {
		cell = &q->cells[head & q->mask];
		size_t turn = atomic_load_explicit(&cell->turn, memory_order_acquire);
		ptrdiff_t ahead = (ptrdiff_t)(turn - (head + 1));

		if (ahead < 0)
			return NULL;
		if (ahead > 0)
			head = atomic_load_explicit(&q->head, memory_order_relaxed);
		else if (atomic_compare_exchange_weak_explicit(
			     &q->head, &head, head + 1, memory_order_relaxed, memory_order_relaxed))
			break;
	}
	item = cell->item;
	atomic_store_explicit(&cell->turn, head + q->mask + 1, memory_order_release);
	return item;
}

void queue_wait(struct queue *q, int other_fd, int timeout_ms)
{
	/* poll passes over negative descriptors. */
	struct pollfd fds[] = {{.fd = q->wake_fd, .events = POLLIN},
			       {.fd = other_fd, .events = POLLIN}};

	atomic_store(&q->is_waiting, true);
	if (!has_item(q) && poll(fds, 2, timeout_ms) > 0 && fds[0].revents)
		wake_take(q->wake_fd);
	atomic_store(&q->is_waiting, false);
}
