/* SPDX-License-Identifier: Apache-2.0 */
#include "source/capture_ring.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "output/queue.h"
#include "source/capture_files.h"
#include "source/record_queue.h"
#include "state/container_event.h"
#include "state/snapshot.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

enum {
	QUEUE_BYTES_LEAST = 16 * 1024 * 1024, /* beside what is kept */
	ORDERS_MAX = 256,
	LOOK_MS = 50,
	RELEASE_STEP = 64 * 1024,
};
#define LONGER_NS                                                                                  \
	UINT64_C(200000000) /* by which further alerts make a capture longer, at least             \
			     */
#define FLUSH_NS UINT64_C(500000000)
/* Events come a little late; a capture whose time is over waits so long for them. */
#define LATE_NS UINT64_C(1000000000)

/* What the thread is to do. */
struct order {
	uint64_t time, number; /* of the event */
	uint64_t until;        /* ns since the epoch */
	bool is_end;
};

struct capture_ring {
	struct record_queue queue;
	struct queue orders;
	struct capture_ring_options options;
	pthread_t thread;
	bool is_running;
	uint64_t active_until; /* as the thread that reads events sees it */

	/* The thread's own. */
	struct state *state; /* as of the oldest event that is kept */
	uint64_t at;         /* its position in the queue */
	uint64_t released;
	struct capture_writer *writer; /* NULL: no capture goes on */
	char path[PATH_MAX];
	uint64_t until, flushed_at;
	uint64_t events_told, lost_told; /* of the writer, in the counters already */

	atomic_bool is_stopping;
	atomic_bool is_cut; /* a capture ended before its time: the next alert makes another */
	_Atomic uint64_t dropped, captures, failed, events, lost;
};

/* The thread */

static void count(struct capture_ring *r)
{
	struct capture_write_counters c = capture_writer_counters(r->writer);

	atomic_fetch_add(&r->events, c.events - r->events_told);
	atomic_fetch_add(&r->lost, c.lost - r->lost_told);
	r->events_told = c.events;
	r->lost_told = c.lost;
}

static void end_capture(struct capture_ring *r, const char *why)
{
	int status = capture_writer_flush(r->writer);
	struct capture_write_counters c = capture_writer_counters(r->writer);

	count(r);
	log_info("capture: %s has %llu events%s", r->path, (unsigned long long)c.events, why);
	if (c.lost)
		log_warning("capture: %s lacks %llu events: %s", r->path,
			    (unsigned long long)c.lost,
			    status < 0 ? strerror(-status) : "they could not be written");
	capture_writer_close(r->writer);
	r->writer = NULL;
	capture_files_limit(r->options.path_prefix, r->options.max_files, r->options.max_bytes);
}

static void begin_capture(struct capture_ring *r, const struct order *o)
{
	struct capture_write_options options = {.has_enter_events = true};
	struct capture_host host = r->options.host;
	struct user_table *users = user_table_new();
	struct error err = {.message = "its name is too long"};
	int status = 0;

	/* Room for the new one. */
	capture_files_limit(r->options.path_prefix,
			    r->options.max_files > 1 ? r->options.max_files - 1
						     : r->options.max_files,
			    r->options.max_bytes);
	if (capture_file_name(r->path, sizeof(r->path), r->options.path_prefix, o->time, o->number))
		r->writer = capture_writer_open(r->path, &options, &err);
	if (r->writer) {
		user_table_read(users, r->options.host.host_root, NULL);
		host.boot_time = state_boot_time(r->state);
		capture_write_lists(r->writer, r->state, users, &host);
		status = capture_writer_flush(r->writer);
	}
	user_table_free(users);
	if (!r->writer || status < 0) {
		log_warning("capture: %s", r->writer ? strerror(-status) : err.message);
		capture_writer_close(r->writer);
		if (r->writer)
			unlink(r->path);
		r->writer = NULL;
		atomic_fetch_add(&r->failed, 1);
		return;
	}
	r->until = o->until;
	r->events_told = r->lost_told = 0;
	r->flushed_at = clock_monotonic_ns();
	atomic_fetch_add(&r->captures, 1);
}

/* The oldest event is written and becomes part of what is known; or it ends the capture. */
static void take_oldest(struct capture_ring *r, const struct queued_record *q)
{
	const struct record *record = (const struct record *)(q + 1);
	struct event e;

	if (r->writer && q->time > r->until) {
		end_capture(r, "");
		return;
	}
	if (r->writer) {
		capture_write_boot_time(r->writer, q->boot_time);
		capture_write_record(r->writer, record, q->time, q->is_told);
	}
	state_set_boot_time(r->state, q->boot_time);
	if (event_decode(&e, record, record->size, NULL) == 0) {
		e.time = q->time;
		state_bind(r->state, &e);
	}
	r->at += q->size;
	if (r->at - r->released > RELEASE_STEP) {
		record_queue_release(&r->queue, r->at);
		r->released = r->at;
	}
}

static bool is_full(const struct capture_ring *r)
{
	return r->options.max_file_bytes &&
	       capture_writer_counters(r->writer).bytes >= r->options.max_file_bytes;
}

static void take_events(struct capture_ring *r)
{
	const struct queued_record *q;

	/* Without a capture the last ones stay. */
	while ((r->writer || record_queue_end(&r->queue) - r->at > r->options.before_bytes) &&
	       (q = record_queue_at(&r->queue, &r->at))) {
		take_oldest(r, q);
		if (r->writer && is_full(r)) {
			end_capture(r, "; it is as large as captures may be");
			atomic_store(&r->is_cut, true);
		}
	}
	record_queue_release(&r->queue, r->at);
	r->released = r->at;
}

static void write_to_end(struct capture_ring *r)
{
	const struct queued_record *q;

	while (r->writer && (q = record_queue_at(&r->queue, &r->at)))
		take_oldest(r, q);
	if (r->writer)
		end_capture(r, "");
}

static void take_orders(struct capture_ring *r)
{
	struct order *o;

	while ((o = queue_pop(&r->orders))) {
		/* An alert after the end of the last capture, which just was not reached yet. */
		if (r->writer && !o->is_end && o->time > r->until)
			write_to_end(r);
		if (o->is_end) {
			if (o->until < r->until)
				r->until = o->until;
		} else if (!r->writer) {
			begin_capture(r, o);
		} else if (o->until > r->until) {
			r->until = o->until;
		}
		free(o);
	}
}

static void *work(void *argument)
{
	struct capture_ring *r = argument;

	for (;;) {
		bool is_stopping = atomic_load(&r->is_stopping);

		take_orders(r);
		take_events(r);
		if (r->writer && clock_realtime_ns() > r->until + LATE_NS)
			end_capture(r, "");
		if (is_stopping)
			break;
		if (r->writer && clock_monotonic_ns() - r->flushed_at > FLUSH_NS) {
			capture_writer_flush(r->writer);
			count(r);
			r->flushed_at = clock_monotonic_ns();
		}
		record_queue_wait(&r->queue, LOOK_MS);
	}
	if (r->writer)
		end_capture(r, "");
	return NULL;
}

/* The thread that reads events */

static void take_saved(void *context, struct str process)
{
	state_restore(context, process);
}

static void take_container(void *context, const struct container *c)
{
	CLEANUP_FREE char *text =
	    c->metadata == CONTAINER_ASKED ? NULL : container_event_text(c, RECORD_SIZE_MAX);

	if (text)
		container_event_take(context, str_from(text));
}

struct capture_ring *capture_ring_new(const struct capture_ring_options *options,
				      struct state *state, struct error *err)
{
	struct capture_ring *r = aligned_alloc(_Alignof(struct capture_ring), sizeof(*r));
	struct state_options state_options = {.max_threads = options->max_threads};
	sigset_t all, before;
	int status;

	if (!r) {
		error_set(err, -ENOMEM, "no memory for captures");
		return NULL;
	}
	memset(r, 0, sizeof(*r));
	r->options = *options;
	r->state = state_new(&state_options, err);
	if (!r->state) {
		capture_ring_free(r);
		return NULL;
	}
	state_become_recorded(r->state);
	state_save(state, take_saved, r->state);
	state_restored(r->state);
	container_set_each(state_containers(state), take_container, state_containers(r->state));
	status = record_queue_init(&r->queue, options->before_bytes + QUEUE_BYTES_LEAST);
	if (status == 0)
		status = queue_init(&r->orders, ORDERS_MAX);
	if (status < 0) {
		error_set(err, status, "no memory for captures: %s", strerror(-status));
		capture_ring_free(r);
		return NULL;
	}
	/* What is kept is no reason to wake. */
	r->queue.wake_bytes = options->before_bytes + (r->queue.size - options->before_bytes) / 2;
	/* Signals are for the main thread. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	status = pthread_create(&r->thread, NULL, work, r);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (status != 0) {
		error_set(err, -status, "cannot start the thread of captures");
		capture_ring_free(r);
		return NULL;
	}
	r->is_running = true;
	return r;
}

void capture_ring_stop(struct capture_ring *r)
{
	if (!r->is_running)
		return;
	atomic_store(&r->is_stopping, true);
	record_queue_wake(&r->queue);
	pthread_join(r->thread, NULL);
	r->is_running = false;
}

void capture_ring_free(struct capture_ring *r)
{
	struct order *o;

	if (!r)
		return;
	capture_ring_stop(r);
	while (r->orders.cells && (o = queue_pop(&r->orders)))
		free(o);
	queue_release(&r->orders);
	record_queue_free(&r->queue);
	state_free(r->state);
	free(r);
}

void capture_ring_push(struct capture_ring *r, const struct event *e, struct str annex,
		       uint64_t boot_time)
{
	if (!record_queue_push(&r->queue, e->record, annex, e->time, boot_time,
			       e->record->flags & RECORD_STATE_ONLY))
		atomic_fetch_add_explicit(&r->dropped, 1, memory_order_relaxed);
}

void capture_ring_push_record(struct capture_ring *r, const struct record *record,
			      uint64_t boot_time)
{
	const struct event_header *header = (const struct event_header *)(record + 1);

	if (!record_queue_push(&r->queue, record, STR(""), header->ts, boot_time, true))
		atomic_fetch_add_explicit(&r->dropped, 1, memory_order_relaxed);
}

static void give_order(struct capture_ring *r, const struct order *order)
{
	struct order *o = malloc(sizeof(*o));

	if (!o)
		return;
	*o = *order;
	if (queue_push(&r->orders, o))
		record_queue_wake(&r->queue);
	else
		free(o);
}

void capture_ring_alert(struct capture_ring *r, const struct event *e, uint64_t duration_ns)
{
	uint64_t until = e->time + duration_ns;

	if (atomic_load_explicit(&r->is_cut, memory_order_relaxed) &&
	    atomic_exchange(&r->is_cut, false))
		r->active_until = 0;
	/* Each order is a system call: not for each of very many alerts. */
	if (capture_ring_is_active(r, e)) {
		if (until <= r->active_until)
			return;
		until += LONGER_NS;
	}
	r->active_until = until;
	give_order(r, &(struct order){.time = e->time, .number = e->number, .until = until});
}

bool capture_ring_is_active(const struct capture_ring *r, const struct event *e)
{
	return e->time <= r->active_until;
}

void capture_ring_end(struct capture_ring *r, const struct event *e)
{
	if (!capture_ring_is_active(r, e))
		return;
	r->active_until = 0;
	give_order(r, &(struct order){.until = e->time, .is_end = true});
}

struct capture_ring_counters capture_ring_counters(struct capture_ring *r)
{
	return (struct capture_ring_counters){
	    .captures = atomic_load(&r->captures),
	    .failed = atomic_load(&r->failed),
	    .events = atomic_load(&r->events),
	    .dropped = atomic_load(&r->dropped),
	    .lost = atomic_load(&r->lost),
	};
}
