/* SPDX-License-Identifier: Apache-2.0 */
#include "source/recorder.h"
#include "base/clock.h"
#include "source/record_queue.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

enum {
	QUEUE_BYTES_DEFAULT = 64 * 1024 * 1024,
	LOOK_MS = 50,
	RELEASE_STEP = 64 * 1024,
};
#define FLUSH_NS UINT64_C(500000000) /* how long what was recorded may wait in memory */

struct recorder {
	struct record_queue queue;
	struct capture_writer *writer;
	pthread_t thread;
	bool is_running;
	atomic_bool is_stopping;
	uint64_t flushed_at;
	_Atomic uint64_t dropped, recorded, for_state, lost, bytes;
	atomic_int last_error;
};

static void tell_counters(struct recorder *r, int status)
{
	struct capture_write_counters c = capture_writer_counters(r->writer);

	atomic_store(&r->recorded, c.events - c.for_state);
	atomic_store(&r->for_state, c.for_state);
	atomic_store(&r->lost, c.lost);
	atomic_store(&r->bytes, c.bytes);
	if (status < 0)
		atomic_store(&r->last_error, status);
}

static void flush(struct recorder *r, uint64_t now)
{
	tell_counters(r, capture_writer_flush(r->writer));
	r->flushed_at = now;
}

static bool write_pushed(struct recorder *r, uint64_t *at)
{
	uint64_t released = *at;
	const struct queued_record *q;

	while ((q = record_queue_at(&r->queue, at))) {
		capture_write_boot_time(r->writer, q->boot_time);
		capture_write_record(r->writer, (const struct record *)(q + 1), q->time,
				     q->is_told);
		*at += q->size;
		if (*at - released > RELEASE_STEP) {
			record_queue_release(&r->queue, *at);
			released = *at;
		}
	}
	record_queue_release(&r->queue, *at);
	return *at != released;
}

static void *work(void *argument)
{
	struct recorder *r = argument;
	uint64_t at = 0;

	for (;;) {
		bool is_stopping = atomic_load(&r->is_stopping);

		write_pushed(r, &at);
		if (is_stopping)
			break;
		uint64_t now = clock_monotonic_ns();
		if (now - r->flushed_at > FLUSH_NS)
			flush(r, now);
		record_queue_wait(&r->queue, LOOK_MS);
	}
	flush(r, clock_monotonic_ns());
	return NULL;
}

struct recorder *recorder_new(struct capture_writer *writer, const struct recorder_options *options,
			      struct error *err)
{
	size_t bytes = options->queue_bytes ? options->queue_bytes : QUEUE_BYTES_DEFAULT;
	struct recorder *r = aligned_alloc(_Alignof(struct recorder), sizeof(*r));
	sigset_t all, before;
	int status;

	if (!r) {
		error_set(err, -ENOMEM, "no memory for recording");
		capture_writer_close(writer);
		return NULL;
	}
	memset(r, 0, sizeof(*r));
	r->writer = writer;
	status = record_queue_init(&r->queue, bytes);
	if (status < 0) {
		error_set(err, status, "no memory for recording: %s", strerror(-status));
		recorder_free(r);
		return NULL;
	}
	/* Signals are for the main thread. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	status = pthread_create(&r->thread, NULL, work, r);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (status != 0) {
		error_set(err, -status, "cannot start the thread that records");
		recorder_free(r);
		return NULL;
	}
	r->is_running = true;
	return r;
}

void recorder_push(struct recorder *r, const struct event *e, struct str annex, uint64_t boot_time,
		   bool is_for_state)
{
	if (!record_queue_push(&r->queue, e->record, annex, e->time, boot_time, is_for_state))
		atomic_fetch_add_explicit(&r->dropped, 1, memory_order_relaxed);
}

void recorder_push_record(struct recorder *r, const struct record *record, uint64_t boot_time)
{
	const struct event_header *header = (const struct event_header *)(record + 1);

	if (!record_queue_push(&r->queue, record, STR(""), header->ts, boot_time, true))
		atomic_fetch_add_explicit(&r->dropped, 1, memory_order_relaxed);
}

void recorder_stop(struct recorder *r)
{
	if (!r || !r->is_running)
		return;
	atomic_store(&r->is_stopping, true);
	record_queue_wake(&r->queue);
	pthread_join(r->thread, NULL);
	r->is_running = false;
}

void recorder_free(struct recorder *r)
{
	if (!r)
		return;
	recorder_stop(r);
	capture_writer_close(r->writer);
	record_queue_free(&r->queue);
	free(r);
}

struct recorder_counters recorder_counters(struct recorder *r)
{
	return (struct recorder_counters){
	    .recorded = atomic_load(&r->recorded),
	    .for_state = atomic_load(&r->for_state),
	    .dropped = atomic_load(&r->dropped),
	    .lost = atomic_load(&r->lost),
	    .bytes = atomic_load(&r->bytes),
	    .last_error = atomic_load(&r->last_error),
	};
}
