/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Captures around alerts. The thread that reads events pushes copies of all of them; a thread of
 * our own keeps the last ones, as many as fit in so many bytes, and what was known of processes
 * before them. An alert makes a capture of those, of the alert's own event and of what follows for
 * some time; a further alert in that time makes it longer. As with a recorder, nothing of it can
 * hold up the events: what the queue or the disk does not take is dropped and counted.
 */
#ifndef SAKER_SOURCE_CAPTURE_RING_H
#define SAKER_SOURCE_CAPTURE_RING_H

#include "event/event.h"
#include "source/capture_lists.h"

struct capture_ring;

struct capture_ring_options {
	const char *path_prefix;
	size_t before_bytes;     /* what is kept of the moments before an alert */
	uint64_t max_file_bytes; /* a capture ends when it is that large; 0: no limit */
	size_t max_files;        /* of that prefix; then the oldest are removed. 0: no limit */
	uint64_t max_bytes;      /* likewise, of all together */
	uint32_t max_threads;
	struct capture_host host; /* its strings must outlive the ring */
};

struct capture_ring_counters {
	uint64_t captures; /* files that were begun */
	uint64_t failed;   /* captures of which no file could be made */
	uint64_t events;   /* in the files */
	uint64_t dropped;  /* the queue was full */
	uint64_t lost;     /* the disk did not take them */
};

/* What the live state knows now is copied. NULL: an error. */
struct capture_ring *capture_ring_new(const struct capture_ring_options *options,
				      struct state *state, struct error *err);
/* Ends a capture that goes on, with what has been pushed, and the thread. */
void capture_ring_stop(struct capture_ring *r);
void capture_ring_free(struct capture_ring *r);

/* For the thread that reads events; see recorder_push. */
void capture_ring_push(struct capture_ring *r, const struct event *e, struct str annex,
		       uint64_t boot_time);
/* See recorder_push_record. */
void capture_ring_push_record(struct capture_ring *r, const struct record *record,
			      uint64_t boot_time);
/* An alert for that event, which has been pushed: the capture goes on until so long after it. */
void capture_ring_alert(struct capture_ring *r, const struct event *e, uint64_t duration_ns);
/* Whether a capture goes on at that event. */
bool capture_ring_is_active(const struct capture_ring *r, const struct event *e);
/* That event, which has been pushed, is the capture's last. */
void capture_ring_end(struct capture_ring *r, const struct event *e);

struct capture_ring_counters capture_ring_counters(struct capture_ring *r);

#endif
