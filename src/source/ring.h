/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading BPF ring buffers in place, several merged by time.
 *
 * Layout (kernel, include/uapi/linux/bpf.h and kernel/bpf/ringbuf.c): one page with the consumer's
 * position, one with the producer's, then the data, a power of two in size. A record is a header of
 * 8 bytes, whose first four are the length with a busy and a discard bit on top, and its payload;
 * both together are padded to 8. Positions count bytes for ever.
 *
 * The data is mapped once, not twice in a row as libbpf does it, which halves what the mapping adds
 * to resident memory; a record that wraps is put together in a scratch block. Everything else is
 * handed out where it lies and stays there until its ring's consumer position has passed it.
 *
 * Order. ring_merge takes a moment and then a snapshot of all producers' positions; what was
 * committed before that moment is in the snapshot. Records with a time up to it are handed out in
 * the order of their times, so that no record comes before one that was committed before its own
 * time. Two things need care and are taken care of: a record that is still being written hides
 * committed ones behind it, and within a ring times may be out of order by as much as its producers
 * overlap. So it is looked ahead in each, and the earliest is handed out first, wherever it stands.
 */
#ifndef SAKER_SOURCE_RING_H
#define SAKER_SOURCE_RING_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	RING_WINDOW = 512,              /* records that are looked ahead */
	RING_SLACK = 64,                /* how far within a ring times may be out of order */
	RING_HIDDEN_MAX = 4096,         /* records behind a busy one that are looked at */
	RING_RELEASE_BYTES = 64 * 1024, /* the consumer's position is advanced in such steps */
};

struct ring_entry {
	uint64_t end;   /* position behind the record */
	uint64_t start; /* of its payload */
	uint64_t own;   /* its time */
	uint64_t time;  /* the least of its own and of those behind it in the window */
	uint32_t size;  /* of the payload; 0: nothing to hand out, or no more */
};

struct ring {
	unsigned long *consumer;
	const unsigned long *producer;
	const uint8_t *data;
	uint64_t mask;
	void *consumer_page, *producer_pages; /* of ring_map */
	size_t producer_bytes;

	uint64_t released; /* what the consumer's position says */
	uint64_t done;     /* handed out up to here */
	uint64_t scanned;  /* in the window up to here */
	uint64_t snapshot;
	uint64_t hidden_time; /* records from that time on may be hidden behind a busy one */
	bool is_blocked;      /* a busy record stands at `scanned` */
	struct ring_entry window[RING_WINDOW];
	uint32_t first, count;
	uint8_t *linear; /* for a record that wraps; made when there is one */
	uint64_t damaged;
};

/* Maps the ring buffer map fd of that size. */
int ring_map(struct ring *r, int fd, uint32_t bytes, struct error *err);
/* Over memory that the caller owns and has zeroed or filled: for tests. */
void ring_attach(struct ring *r, unsigned long *consumer, const unsigned long *producer,
		 const uint8_t *data, uint32_t bytes);
void ring_unmap(struct ring *r);

/* Time in a payload (ns, any clock); false where it is too short to have one. */
typedef bool ring_time_fn(const struct ring *r, uint64_t payload, uint32_t size, uint64_t *time);
typedef void ring_record_fn(void *context, const void *payload, uint32_t size);

/*
 * Hands out what the snapshot holds up to `now`, a time of the records' clock that was taken just
 * before this call. Answers how many records; afterwards all that was handed out is released.
 */
size_t ring_merge(struct ring *rings, size_t count, uint64_t now, ring_time_fn *time_of,
		  ring_record_fn *handle, void *context);

/* Whether all that producers have begun to write was handed out. */
bool ring_is_empty(const struct ring *r);

/* Copies bytes at a position, around the ring's end where they wrap. */
void ring_copy(const struct ring *r, uint64_t position, void *to, size_t size);

#endif
