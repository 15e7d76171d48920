/* SPDX-License-Identifier: Apache-2.0 */
#include "source/record_queue.h"

#include "base/wake.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int record_queue_init(struct record_queue *q, size_t bytes)
{
	size_t size = 2 * RECORD_SIZE_MAX;

	while (size & (size - 1))
		size &= size - 1;
	while (size < bytes)
		size *= 2;
	memset(q, 0, sizeof(*q));
	/* Pages that are never used are never taken. */
	q->memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (q->memory == MAP_FAILED) {
		q->memory = NULL;
		return -ENOMEM;
	}
	q->size = size;
	q->wake_bytes = size / 2;
	q->wake_fd = wake_open();
	if (q->wake_fd < 0) {
		munmap(q->memory, size);
		q->memory = NULL;
		return -errno;
	}
	return 0;
}

void record_queue_free(struct record_queue *q)
{
	if (!q->memory)
		return;
	munmap(q->memory, q->size);
	close(q->wake_fd);
	q->memory = NULL;
}

void record_queue_wake(struct record_queue *q)
{
	wake_send(q->wake_fd);
}

static bool has_room(struct record_queue *q, uint64_t end)
{
	if (end - q->released_seen <= q->size)
		return true;
	q->released_seen = atomic_load_explicit(&q->released, memory_order_acquire);
	return end - q->released_seen <= q->size;
}

bool record_queue_push(struct record_queue *q, const struct record *r, struct str annex,
		       uint64_t time, uint64_t boot_time, bool is_told)
{
	uint64_t at = atomic_load_explicit(&q->pushed, memory_order_relaxed);
	size_t offset = at & (q->size - 1), left = q->size - offset;
	struct queued_record header = {
	    .time = time,
	    .boot_time = boot_time,
	    .size = (uint32_t)(sizeof(header) + ((r->size + annex.n + 7u) & ~7u)),
	    .is_told = is_told,
	};

	/* A record is never divided: what is left at the end is passed over. */
	uint64_t start = header.size > left ? at + left : at;
	if (!has_room(q, start + header.size))
		return false;
	if (start != at && left >= sizeof(header))
		memset(q->memory + offset, 0, sizeof(header));
	offset = start & (q->size - 1);
	memcpy(q->memory + offset, &header, sizeof(header));
	memcpy(q->memory + offset + sizeof(header), r, r->size);
	if (annex.n) {
		uint32_t size = (uint32_t)(r->size + annex.n);

		memcpy(q->memory + offset + sizeof(header) + r->size, annex.p, annex.n);
		memcpy(q->memory + offset + sizeof(header) + offsetof(struct record, size), &size,
		       sizeof(size));
	}
	/* Sequentially consistent, as is is_sleeping: see record_queue_wait. */
	atomic_store(&q->pushed, start + header.size);
	if (start + header.size - q->released_seen > q->wake_bytes &&
	    atomic_load(&q->is_sleeping) && atomic_exchange(&q->is_sleeping, false))
		record_queue_wake(q);
	return true;
}

uint64_t record_queue_end(struct record_queue *q)
{
	return atomic_load_explicit(&q->pushed, memory_order_acquire);
}

const struct queued_record *record_queue_at(struct record_queue *q, uint64_t *position)
{
	uint64_t end = record_queue_end(q);
	size_t offset = *position & (q->size - 1), left = q->size - offset;
	const struct queued_record *item = (const void *)(q->memory + offset);

	if (*position >= end)
		return NULL;
	if (left < sizeof(*item) || item->size == 0) {
		*position += left;
		item = (const void *)q->memory;
	}
	return item;
}

void record_queue_release(struct record_queue *q, uint64_t position)
{
	atomic_store_explicit(&q->released, position, memory_order_release);
}

void record_queue_wait(struct record_queue *q, int timeout_ms)
{
	struct pollfd wake = {.fd = q->wake_fd, .events = POLLIN};

	atomic_store(&q->is_sleeping, true);
	if (poll(&wake, 1, timeout_ms) > 0)
		wake_take(q->wake_fd);
	atomic_store(&q->is_sleeping, false);
}
