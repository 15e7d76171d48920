/* SPDX-License-Identifier: Apache-2.0 */
#include "output/worker.h"

#include "base/clock.h"
#include "output/confine.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { NS_PER_MS = 1000000, BACKOFF_LEAST_MS = 50, COMPLAINTS_MOST = 5 };
#define COMPLAIN_NS (60 * INT64_C(1000000000))

int64_t worker_now(void)
{
	return (int64_t)clock_monotonic_ns();
}

static struct str put(char **at, struct str s)
{
	struct str copy = {*at, s.n};

	if (s.n)
		memcpy(*at, s.p, s.n);
	*at += s.n;
	return copy;
}

struct shared_line *shared_line_new(const struct alert *alert, unsigned references)
{
	size_t size = alert->line.n + 1 + alert->rule.n + alert->source.n;
	struct shared_line *l;
	char *at, *tags;

	for (size_t i = 0; i < alert->tag_count; i++)
		size += alert->tags[i].n + 1;
	l = malloc(sizeof(*l) + size);
	if (!l)
		return NULL;
	atomic_init(&l->references, references);
	at = l->text;
	l->line.time = alert->time;
	l->line.priority = alert->priority;
	l->line.text = put(&at, alert->line);
	/* One alert is one line, whoever made it. */
	for (char *c = l->text; (c = memchr(c, '\n', (size_t)(at - c)));)
		*c = ' ';
	*at++ = '\n';
	l->line.text.n++;
	l->line.rule = put(&at, alert->rule);
	l->line.source = put(&at, alert->source);
	tags = at;
	for (size_t i = 0; i < alert->tag_count; i++) {
		put(&at, alert->tags[i]);
		*at++ = '\n';
	}
	l->line.tags = (struct str){tags, (size_t)(at - tags)};
	return l;
}

void shared_line_release(struct shared_line *l)
{
	if (atomic_fetch_sub(&l->references, 1) == 1)
		free(l);
}

static void add_pending(struct worker *w, uint64_t time)
{
	/* In order, so that none is taken for another one. */
	if (w->untimed > 0 || w->pending_count == PENDING_MAX)
		w->untimed++;
	else
		w->pending[(w->first_pending + w->pending_count++) % PENDING_MAX] = time;
}

/* What has come of the oldest ones is known. now: 0 where they did not arrive. */
static void take_pending(struct worker *w, uint64_t lines, uint64_t now)
{
	for (; lines > 0 && w->pending_count > 0; lines--, w->pending_count--) {
		uint64_t time = w->pending[w->first_pending];

		w->first_pending = (w->first_pending + 1) % PENDING_MAX;
		if (now && time)
			latency_add(&w->latency, now > time ? now - time : 0);
	}
	w->untimed -= lines < w->untimed ? lines : w->untimed;
}

void worker_sent(struct worker *w, uint64_t lines)
{
	atomic_fetch_add(&w->sent, lines);
	if (lines == 0)
		return;
	take_pending(w, lines, clock_realtime_ns());
}

void worker_lost(struct worker *w, uint64_t lines)
{
	atomic_fetch_add(&w->failed, lines);
	take_pending(w, lines, 0);
}

void worker_took_back(struct worker *w, uint64_t lines)
{
	atomic_fetch_add(&w->failed, lines);
	atomic_fetch_sub(&w->sent, lines);
}

void worker_retried(struct worker *w)
{
	atomic_fetch_add(&w->retries, 1);
}

static bool is_urgent(enum severity priority)
{
	return priority <= SEVERITY_CRITICAL;
}

void worker_count_dropped(struct worker *w, enum severity priority, enum outputs_drop why)
{
	atomic_fetch_add(&w->drops[why], 1);
	if (is_urgent(priority))
		atomic_fetch_add(&w->dropped_urgent, 1);
	if (w->recovery == RECOVERY_EXIT)
		atomic_store(&w->must_exit, true);
}

int worker_time_left(const struct worker *w)
{
	int64_t end = atomic_load(&w->deadline), left;

	if (w->limit && (end == 0 || w->limit < end))
		end = w->limit;
	if (end == 0)
		return -1;
	left = (end - worker_now()) / NS_PER_MS;
	return left < 0 ? 0 : left > INT_MAX ? INT_MAX : (int)left;
}

void worker_limit(struct worker *w, unsigned ms)
{
	w->limit = ms ? worker_now() + (int64_t)ms * NS_PER_MS : 0;
}

unsigned worker_timeout(const struct worker *w)
{
	return w->timeout_ms;
}

/* The next slice of a wait: a deadline may be set meanwhile. */
static int slice(int left, int most)
{
	if (most > WORKER_SLICE_MS)
		most = WORKER_SLICE_MS;
	return left < 0 || left > most ? most : left;
}

bool worker_pause(struct worker *w, unsigned ms)
{
	int64_t end = worker_now() + (int64_t)ms * NS_PER_MS;

	for (;;) {
		int64_t rest = end - worker_now();
		int left = worker_time_left(w);

		if (left == 0)
			return false;
		if (rest <= 0)
			return true;
		poll(NULL, 0, slice(left, (int)(rest / NS_PER_MS) + 1));
	}
}

int worker_await(struct worker *w, int fd, short events)
{
	struct pollfd wait = {.fd = fd, .events = events};

	for (;;) {
		int left = worker_time_left(w), ready = poll(&wait, 1, slice(left, INT_MAX));

		if (ready < 0 && errno != EINTR)
			return -errno;
		if (ready > 0)
			return 1;
		if (left == 0)
			return 0;
	}
}

int worker_write(struct worker *w, int fd, bool may_block, struct str bytes, size_t *written)
{
	size_t total = bytes.n;
	int status = 0;

	while (bytes.n > 0 && status == 0) {
		/* So much fits into a pipe that is ready, even where fd blocks. */
		size_t size = may_block && bytes.n > PIPE_BUF ? PIPE_BUF : bytes.n;
		ssize_t n;

		if (may_block) {
			status = worker_await(w, fd, POLLOUT);
			if (status <= 0) {
				status = status < 0 ? status : -ETIMEDOUT;
				break;
			}
			status = 0;
		}
		n = write(fd, bytes.p, size);
		if (n > 0)
			bytes = str_slice(bytes, (size_t)n, bytes.n);
		else if (n == 0)
			status = -ENOSPC;
		else if (errno != EINTR && (errno != EAGAIN || !may_block))
			status = -errno;
	}
	*written = total - bytes.n;
	return status;
}

void worker_complain(struct worker *w, const char *format, ...)
{
	int64_t now = worker_now();
	char text[512];
	va_list args;

	if (now - w->complaints_since >= COMPLAIN_NS) {
		w->complaints_since = now;
		w->complaints = 0;
	}
	if (w->complaints >= (w->is_failing ? 1 : COMPLAINTS_MOST)) {
		w->silenced++;
		return;
	}
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (w->silenced)
		log_error("output %s: %s (and %llu times before)", w->type->name, text,
			  (unsigned long long)w->silenced);
	else
		log_error("output %s: %s", w->type->name, text);
	w->is_failing = true;
	w->complaints++;
	w->silenced = 0;
}

void worker_works(struct worker *w)
{
	if (w->is_failing)
		log_notice("output %s: works again", w->type->name);
	w->is_failing = false;
}

unsigned channel_backoff(unsigned *last_ms, unsigned most_ms)
{
	unsigned next = *last_ms ? *last_ms * 2 : BACKOFF_LEAST_MS;
	/* Spread, so that many of us that lost one server do not come back all at once. */
	uint64_t random = hash_u64((uint64_t)worker_now());

	if (next > most_ms)
		next = most_ms;
	*last_ms = next;
	return next - next / 5 + (unsigned)(random % (2 * (next / 5) + 1));
}

static struct shared_line *take(struct worker *w)
{
	struct shared_line *l = queue_pop(&w->queue);

	if (l) {
		atomic_fetch_sub(&w->queued, 1);
		atomic_fetch_sub(&w->queued_bytes, l->line.text.n);
		if (is_urgent(l->line.priority))
			atomic_fetch_sub(&w->queued_urgent, 1);
	}
	return l;
}

static void begin(struct worker *w)
{
	w->limit = 0;
	atomic_store_explicit(&w->busy_since, worker_now(), memory_order_relaxed);
}

static void end(struct worker *w)
{
	atomic_store_explicit(&w->busy_since, 0, memory_order_relaxed);
	if (atomic_load_explicit(&w->is_blocked, memory_order_relaxed)) {
		atomic_store(&w->is_blocked, false);
		log_notice("output %s: no longer blocked", w->type->name);
	}
}

static void deliver(struct worker *w, struct shared_line *l)
{
	begin(w);
	add_pending(w, l->line.time);
	w->type->deliver(w->context, w, &l->line);
	end(w);
	shared_line_release(l);
}

static void flush(struct worker *w)
{
	if (!w->type->flush)
		return;
	begin(w);
	w->type->flush(w->context, w);
	end(w);
}

static bool is_readable(int fd)
{
	struct pollfd wait = {.fd = fd, .events = POLLIN};

	return fd >= 0 && poll(&wait, 1, 0) > 0;
}

static void *work(void *argument)
{
	struct worker *w = argument;

	if (!w->type->runs_programs && confine_thread() < 0)
		log_debug("output %s: this kernel has no seccomp", w->type->name);
	for (;;) {
		struct shared_line *l;
		int watched;

		if (atomic_load_explicit(&w->wants_reopen, memory_order_relaxed) &&
		    atomic_exchange(&w->wants_reopen, false) && w->type->reopen) {
			begin(w);
			w->type->reopen(w->context, w);
			end(w);
		}
		l = take(w);
		if (l) {
			deliver(w, l);
			continue;
		}
		watched = w->type->watched ? w->type->watched(w->context) : -1;
		if (!w->is_buffered || is_readable(watched))
			flush(w);
		if (!atomic_load(&w->is_stopping)) {
			if (!atomic_load(&w->wants_reopen))
				queue_wait(&w->queue, watched, -1);
			continue;
		}
		/* Stopped between the look into the queue and the one at the flag. */
		l = take(w);
		if (!l)
			break;
		deliver(w, l);
	}
	flush(w);
	if (w->type->finish) {
		begin(w);
		w->type->finish(w->context, w);
		end(w);
	}
	atomic_store(&w->is_done, true);
	return NULL;
}

/* Alerts for which there is room beyond the capacity, where they are urgent. */
static size_t reserve_of(const struct worker *w)
{
	size_t part = w->capacity / QUEUE_RESERVE_PART;

	return part > QUEUE_RESERVE_LEAST ? part : QUEUE_RESERVE_LEAST;
}

int worker_start(struct worker *w, const struct channel_type *type, void *context,
		 const struct outputs_options *options, struct error *err)
{
	sigset_t all, before;
	int status;

	if (!context)
		return error_set(err, -ENOMEM, "output %s: no memory", type->name);
	w->type = type;
	w->context = context;
	w->is_buffered = options->is_buffered;
	w->recovery = options->recovery;
	w->capacity =
	    options->queue_capacity ? options->queue_capacity : (uint32_t)QUEUE_CAPACITY_DEFAULT;
	w->timeout_ms =
	    options->timeout_ms ? options->timeout_ms : (uint32_t)OUTPUT_TIMEOUT_DEFAULT;
	status = queue_init(&w->queue, (size_t)w->capacity + reserve_of(w));
	if (status < 0) {
		type->close(context);
		return error_set(err, status, "output %s: cannot make its queue", type->name);
	}
	/* Signals are for the main thread. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	status = pthread_create(&w->thread, NULL, work, w);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (status != 0) {
		queue_release(&w->queue);
		type->close(context);
		return error_set(err, -status, "output %s: cannot start its thread", type->name);
	}
	w->has_thread = true;
	return 0;
}

/* OUTPUT_DROP_COUNT: it is in the queue. Else why not. */
static enum outputs_drop try_push(struct worker *w, struct shared_line *l)
{
	size_t size = l->line.text.n, most = w->capacity, most_bytes = QUEUE_BYTES_MAX;
	enum outputs_drop why = OUTPUT_DROP_FULL;
	bool urgent = is_urgent(l->line.priority);

	if (urgent) {
		most += reserve_of(w);
		most_bytes += QUEUE_BYTES_MAX / QUEUE_RESERVE_PART;
		atomic_fetch_add(&w->queued_urgent, 1);
	}
	/* The queue itself is rounded up; what counts is what was configured. */
	if (atomic_fetch_add(&w->queued, 1) < most) {
		why = OUTPUT_DROP_BYTES;
		if (atomic_fetch_add(&w->queued_bytes, size) + size <= most_bytes) {
			if (queue_push(&w->queue, l))
				return OUTPUT_DROP_COUNT;
			why = OUTPUT_DROP_FULL;
		}
		atomic_fetch_sub(&w->queued_bytes, size);
	}
	atomic_fetch_sub(&w->queued, 1);
	if (urgent)
		atomic_fetch_sub(&w->queued_urgent, 1);
	return why;
}

/* Drops those that wait; urgent ones go to the end, in their order, where they are to be kept. */
static void empty(struct worker *w, bool keeps_urgent)
{
	struct shared_line *l;

	for (size_t left = atomic_load(&w->queued); left > 0 && (l = take(w)); left--) {
		if (keeps_urgent && is_urgent(l->line.priority) &&
		    try_push(w, l) == OUTPUT_DROP_COUNT)
			continue;
		worker_count_dropped(w, l->line.priority, OUTPUT_DROP_EMPTIED);
		shared_line_release(l);
	}
}

/* To go through urgent ones that are kept must not be the price of every other alert. */
static bool is_worth_emptying(const struct worker *w)
{
	size_t all = atomic_load(&w->queued), urgent = atomic_load(&w->queued_urgent);

	return urgent < all - all / 4;
}

void worker_push(struct worker *w, struct shared_line *l)
{
	enum outputs_drop why = try_push(w, l);

	if (why != OUTPUT_DROP_COUNT && w->recovery == RECOVERY_EMPTY && is_worth_emptying(w)) {
		empty(w, true);
		why = try_push(w, l);
	}
	if (why != OUTPUT_DROP_COUNT && w->recovery == RECOVERY_EMPTY &&
	    is_urgent(l->line.priority)) {
		empty(w, false);
		why = try_push(w, l);
	}
	if (why == OUTPUT_DROP_COUNT)
		return;
	worker_count_dropped(w, l->line.priority, why);
	shared_line_release(l);
}

void worker_reopen(struct worker *w)
{
	atomic_store(&w->wants_reopen, true);
	queue_wake(&w->queue);
}

void worker_check(struct worker *w)
{
	int64_t since = atomic_load(&w->busy_since);

	if (!since || worker_now() - since < (int64_t)w->timeout_ms * NS_PER_MS ||
	    atomic_exchange(&w->is_blocked, true))
		return;
	log_error("output %s: blocked by one alert for more than %u ms; %zu wait behind it",
		  w->type->name, w->timeout_ms, atomic_load(&w->queued));
}

void worker_begin_stop(struct worker *w, int64_t deadline)
{
	atomic_store(&w->deadline, deadline);
	atomic_store(&w->is_stopping, true);
	queue_wake(&w->queue);
}

void worker_join(struct worker *w)
{
	if (w->has_thread)
		pthread_join(w->thread, NULL);
	w->has_thread = false;
}

void worker_release(struct worker *w)
{
	struct shared_line *l;

	while ((l = take(w)))
		shared_line_release(l);
	queue_release(&w->queue);
	w->type->close(w->context);
}
