/* SPDX-License-Identifier: Apache-2.0 */
#include "output/outputs.h"

#include "output/channel.h"
#include "output/queue.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { CHANNELS_MAX = 8 };

/* An alert on its way, shared by the channels' queues. */
struct line {
	atomic_uint references;
	enum severity priority;
	size_t n;
	char text[]; /* with its line end */
};

struct channel_clock {
	_Atomic int64_t deadline; /* ns of CLOCK_MONOTONIC; 0: none */
};

struct channel {
	const struct channel_type *type;
	void *context;
	struct queue queue;
	pthread_t worker;
	bool is_running;
	bool is_buffered;
	struct channel_clock clock;
	atomic_bool is_stopping;
	atomic_size_t queued_bytes;
	_Atomic uint64_t sent, dropped, failed;
};

struct outputs {
	struct channel channels[CHANNELS_MAX];
	size_t count;
};

static int64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

int channel_time_left(const struct channel_clock *clock)
{
	int64_t deadline = atomic_load(&clock->deadline), left;

	if (deadline == 0)
		return -1;
	left = (deadline - now_ns()) / 1000000;
	return left < 0 ? 0 : (int)left;
}

static void line_release(struct line *l)
{
	if (atomic_fetch_sub(&l->references, 1) == 1)
		free(l);
}

/* What deliver and flush answer; `lost` lines are gone where it is an error. */
static void count_delivery(struct channel *c, int result, uint64_t lost)
{
	if (result >= 0)
		atomic_fetch_add(&c->sent, (uint64_t)result);
	else
		atomic_fetch_add(&c->failed, lost);
}

static void flush(struct channel *c)
{
	size_t kept = c->type->flush ? c->type->kept(c->context) : 0;

	if (kept > 0)
		count_delivery(c, c->type->flush(c->context, &c->clock), kept);
}

static void deliver(struct channel *c, struct line *l)
{
	size_t kept = c->type->kept ? c->type->kept(c->context) : 0;
	int result =
	    c->type->deliver(c->context, &c->clock, l->priority, (struct str){l->text, l->n});
	size_t left = c->type->kept ? c->type->kept(c->context) : 0;

	/* An error may have cost what was kept before, and this line. */
	count_delivery(c, result, kept + 1 - left);
	atomic_fetch_sub(&c->queued_bytes, l->n);
	line_release(l);
}

static void *channel_work(void *argument)
{
	struct channel *c = argument;

	for (;;) {
		struct line *l = queue_pop(&c->queue);

		if (l) {
			deliver(c, l);
			continue;
		}
		if (!c->is_buffered)
			flush(c);
		if (!atomic_load(&c->is_stopping)) {
			queue_wait(&c->queue, -1);
			continue;
		}
		/* Stopped between the look into the queue and the one at the flag. */
		l = queue_pop(&c->queue);
		if (!l)
			break;
		deliver(c, l);
	}
	flush(c);
	return NULL;
}

static int channel_start(struct outputs *o, const struct channel_type *type, void *context,
			 const struct outputs_options *options, struct error *err)
{
	struct channel *c = &o->channels[o->count];
	uint32_t capacity =
	    options->queue_capacity ? options->queue_capacity : (uint32_t)QUEUE_CAPACITY_DEFAULT;
	sigset_t all, before;
	int status;

	if (!context)
		return error_set(err, -ENOMEM, "output %s: no memory", type->name);
	c->type = type;
	c->context = context;
	c->is_buffered = options->is_buffered;
	status = queue_init(&c->queue, capacity);
	if (status < 0) {
		type->close(context);
		return error_set(err, status, "output %s: cannot make its queue", type->name);
	}
	/* Signals are for the main thread. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	status = pthread_create(&c->worker, NULL, channel_work, c);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (status != 0) {
		queue_release(&c->queue);
		type->close(context);
		return error_set(err, -status, "output %s: cannot start its thread", type->name);
	}
	c->is_running = true;
	o->count++;
	return 0;
}

struct outputs *outputs_new(const struct outputs_options *options, struct error *err)
{
	struct outputs *o = aligned_alloc(_Alignof(struct outputs), sizeof(*o));

	if (!o) {
		error_set(err, -ENOMEM, "no memory for the outputs");
		return NULL;
	}
	memset(o, 0, sizeof(*o));
	if (options->to_stdout) {
		int fd = options->stdout_fd ? options->stdout_fd : STDOUT_FILENO;

		if (channel_start(o, &channel_stdout, channel_stdout_open(fd), options, err) < 0) {
			outputs_free(o);
			return NULL;
		}
	}
	return o;
}

void outputs_send(struct outputs *o, enum severity priority, struct str text)
{
	struct line *l;

	if (o->count == 0)
		return;
	l = malloc(sizeof(*l) + text.n + 1);
	if (!l) {
		for (size_t i = 0; i < o->count; i++)
			atomic_fetch_add(&o->channels[i].dropped, 1);
		return;
	}
	atomic_init(&l->references, (unsigned)o->count);
	l->priority = priority;
	l->n = text.n + 1;
	memcpy(l->text, text.p, text.n);
	l->text[text.n] = '\n';
	for (size_t i = 0; i < o->count; i++) {
		struct channel *c = &o->channels[i];
		size_t before = atomic_fetch_add(&c->queued_bytes, text.n + 1);

		if (before + text.n + 1 <= QUEUE_BYTES_MAX && queue_push(&c->queue, l))
			continue;
		atomic_fetch_sub(&c->queued_bytes, text.n + 1);
		atomic_fetch_add(&c->dropped, 1);
		line_release(l);
	}
}

void outputs_drain(struct outputs *o, int timeout_ms)
{
	int64_t deadline = now_ns() + (int64_t)timeout_ms * 1000000;

	for (size_t i = 0; i < o->count; i++) {
		atomic_store(&o->channels[i].clock.deadline, deadline);
		atomic_store(&o->channels[i].is_stopping, true);
		queue_wake(&o->channels[i].queue);
	}
	for (size_t i = 0; i < o->count; i++) {
		if (o->channels[i].is_running)
			pthread_join(o->channels[i].worker, NULL);
		o->channels[i].is_running = false;
	}
}

void outputs_free(struct outputs *o)
{
	if (!o)
		return;
	outputs_drain(o, 0);
	for (size_t i = 0; i < o->count; i++) {
		struct line *l;

		while ((l = queue_pop(&o->channels[i].queue)))
			line_release(l);
		queue_release(&o->channels[i].queue);
		o->channels[i].type->close(o->channels[i].context);
	}
	free(o);
}

size_t outputs_counters(struct outputs *o, struct channel_counters *counters, size_t room)
{
	size_t n = o->count < room ? o->count : room;

	for (size_t i = 0; i < n; i++) {
		const struct channel *c = &o->channels[i];

		counters[i] = (struct channel_counters){
		    .name = c->type->name,
		    .sent = atomic_load(&c->sent),
		    .dropped = atomic_load(&c->dropped),
		    .failed = atomic_load(&c->failed),
		};
	}
	return n;
}
