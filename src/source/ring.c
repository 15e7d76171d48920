/* SPDX-License-Identifier: Apache-2.0 */
#include "source/ring.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define LENGTH_BUSY (UINT32_C(1) << 31)
#define LENGTH_DISCARD (UINT32_C(1) << 30)
enum { HEADER_SIZE = 8 };

int ring_map(struct ring *r, int fd, uint32_t bytes, struct error *err)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	void *consumer = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (consumer == MAP_FAILED)
		return error_set(err, -errno, "cannot map the ring's consumer page: %s",
				 strerror(errno));

	void *producer = mmap(NULL, page + bytes, PROT_READ, MAP_SHARED, fd, (off_t)page);

	if (producer == MAP_FAILED) {
		int status = -errno;

		munmap(consumer, page);
		return error_set(err, status, "cannot map a ring of %u bytes: %s", bytes,
				 strerror(-status));
	}
	ring_attach(r, consumer, producer, (const uint8_t *)producer + page, bytes);
	r->consumer_page = consumer;
	r->producer_pages = producer;
	r->producer_bytes = page + bytes;
	return 0;
}

void ring_attach(struct ring *r, unsigned long *consumer, const unsigned long *producer,
		 const uint8_t *data, uint32_t bytes)
{
	uint64_t position = *consumer;

	memset(r, 0, sizeof(*r));
	r->consumer = consumer;
	r->producer = producer;
	r->data = data;
	r->mask = bytes - 1;
	r->released = r->done = r->scanned = r->snapshot = position;
}

void ring_unmap(struct ring *r)
{
	if (r->consumer_page)
		munmap(r->consumer_page, (size_t)sysconf(_SC_PAGESIZE));
	if (r->producer_pages)
		munmap(r->producer_pages, r->producer_bytes);
	free(r->linear);
	*r = (struct ring){0};
}

bool ring_is_empty(const struct ring *r)
{
	return __atomic_load_n(r->producer, __ATOMIC_ACQUIRE) == r->done;
}

void ring_copy(const struct ring *r, uint64_t position, void *to, size_t size)
{
	size_t at = position & r->mask, until_end = r->mask + 1 - at;

	if (size <= until_end) {
		memcpy(to, r->data + at, size);
	} else {
		memcpy(to, r->data + at, until_end);
		memcpy((uint8_t *)to + until_end, r->data, size - until_end);
	}
}

/* Headers are aligned to 8 and so never wrap. */
static uint32_t length_at(const struct ring *r, uint64_t position)
{
	return __atomic_load_n((const uint32_t *)(const void *)(r->data + (position & r->mask)),
			       __ATOMIC_ACQUIRE);
}

static uint64_t record_end(uint64_t position, uint32_t length)
{
	uint32_t size = length & ~(LENGTH_BUSY | LENGTH_DISCARD);

	return position + (((uint64_t)size + HEADER_SIZE + 7) & ~UINT64_C(7));
}

/* The earliest time among the committed records behind the busy one at `position`. */
static uint64_t hidden_time(const struct ring *r, uint64_t position, ring_time_fn *time_of)
{
	uint64_t least = UINT64_MAX, time;

	for (unsigned i = 0; i < RING_HIDDEN_MAX && position < r->snapshot; i++) {
		uint32_t length = length_at(r, position);
		uint64_t end = record_end(position, length);

		if (end > r->snapshot)
			break;
		if (!(length & (LENGTH_BUSY | LENGTH_DISCARD)) &&
		    time_of(r, position + HEADER_SIZE, length, &time) && time < least)
			least = time;
		position = end;
	}
	return least;
}

/* Times of the window's entries up to `end`, an index behind the first, from what is behind them.
 */
static void set_times(struct ring *r, uint32_t end)
{
	struct ring_entry *window = r->window + r->first;
	uint64_t least = end < r->count ? window[end].time : UINT64_MAX;

	for (uint32_t i = end; i-- > 0;) {
		if (window[i].size && window[i].own < least)
			least = window[i].own;
		window[i].time = least;
	}
}

/* Passes over entries at the front that need not be handed out. */
static void skip_done(struct ring *r)
{
	while (r->count && r->window[r->first].size == 0) {
		r->done = r->window[r->first].end;
		r->first++;
		r->count--;
	}
}

/* Takes the earliest entry, which mostly is the first one, out of the window. */
static struct ring_entry take_earliest(struct ring *r)
{
	struct ring_entry *window = r->window + r->first, taken;
	uint32_t at = 0;

	while (window[at].size == 0 || window[at].own != window[0].time)
		at++;
	taken = window[at];
	window[at].size = 0;
	if (at)
		set_times(r, at + 1);
	skip_done(r);
	return taken;
}

/* Looks ahead until the window is full, the snapshot's end or a record that is still written. */
static void fill_window(struct ring *r, ring_time_fn *time_of)
{
	uint64_t time;

	memmove(r->window, r->window + r->first, r->count * sizeof(*r->window));
	r->first = 0;
	while (r->count < RING_WINDOW && r->scanned < r->snapshot && !r->is_blocked) {
		uint32_t length = length_at(r, r->scanned);
		struct ring_entry entry = {
		    .start = r->scanned + HEADER_SIZE,
		    .end = record_end(r->scanned, length),
		};

		if (length & LENGTH_BUSY) {
			r->is_blocked = true;
			r->hidden_time = hidden_time(r, r->scanned, time_of);
			break;
		}
		if (entry.end > r->snapshot) {
			/* No length of the kernel's: nothing behind it can be found. */
			r->damaged++;
			r->scanned = r->snapshot;
			entry.end = r->snapshot;
		} else if (length & LENGTH_DISCARD) {
			/* Skipped, but released with the others. */
		} else if (time_of(r, entry.start, length, &time)) {
			entry.size = length;
			entry.own = time;
		} else {
			r->damaged++;
		}
		r->scanned = entry.end;
		r->window[r->count++] = entry;
	}
	set_times(r, r->count);
	skip_done(r);
}

static bool must_fill(const struct ring *r)
{
	return r->count <= RING_SLACK && r->scanned < r->snapshot && !r->is_blocked;
}

static void release(struct ring *r)
{
	if (r->done == r->released)
		return;
	__atomic_store_n(r->consumer, (unsigned long)r->done, __ATOMIC_RELEASE);
	r->released = r->done;
}

static const void *payload_of(struct ring *r, const struct ring_entry *entry)
{
	size_t at = entry->start & r->mask;

	if (at + entry->size <= r->mask + 1)
		return r->data + at;
	if (!r->linear)
		r->linear = malloc(r->mask + 1);
	if (!r->linear)
		return NULL;
	ring_copy(r, entry->start, r->linear, entry->size);
	return r->linear;
}

size_t ring_merge(struct ring *rings, size_t count, uint64_t now, ring_time_fn *time_of,
		  ring_record_fn *handle, void *context)
{
	size_t handed = 0;
	uint64_t limit = now;

	for (size_t i = 0; i < count; i++) {
		struct ring *r = &rings[i];

		r->snapshot = __atomic_load_n(r->producer, __ATOMIC_ACQUIRE);
		r->is_blocked = false;
	}
	for (;;) {
		struct ring *next = NULL;
		uint64_t second = UINT64_MAX; /* the earliest of the other rings */

		for (size_t i = 0; i < count; i++) {
			struct ring *r = &rings[i];

			if (must_fill(r))
				fill_window(r, time_of);
			if (r->is_blocked && r->hidden_time <= limit)
				limit = r->hidden_time ? r->hidden_time - 1 : 0;
			if (r->count == 0)
				continue;
			if (!next || r->window[r->first].time < next->window[next->first].time) {
				if (next && next->window[next->first].time < second)
					second = next->window[next->first].time;
				next = r;
			} else if (r->window[r->first].time < second) {
				second = r->window[r->first].time;
			}
		}
		if (!next || next->window[next->first].time > limit)
			break;
		/* A run of one ring's records, so that many rings do not cost a look at all of them
		 * for each record. */
		do {
			uint64_t done = next->done;
			struct ring_entry entry = take_earliest(next);
			const void *payload = payload_of(next, &entry);

			if (payload) {
				handle(context, payload, entry.size);
				handed++;
			} else {
				next->damaged++;
			}
			if (next->done != done && next->done - next->released >= RING_RELEASE_BYTES)
				release(next);
		} while (next->count > 0 && !must_fill(next) &&
			 next->window[next->first].time <= second &&
			 next->window[next->first].time <= limit);
	}
	for (size_t i = 0; i < count; i++)
		release(&rings[i]);
	return handed;
}
