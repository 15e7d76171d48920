/* SPDX-License-Identifier: Apache-2.0 */
/* A channel's queue and thread, between the outputs and the channels. */
#ifndef SAKER_OUTPUT_WORKER_H
#define SAKER_OUTPUT_WORKER_H

#include "output/channel.h"
#include "output/queue.h"

#include <pthread.h>

/* An alert, shared by the queues of all channels. */
struct shared_line {
	atomic_uint references;
	struct channel_line line; /* points into text */
	char text[];
};

/* NULL without memory. The caller has as many references as it asks for. */
struct shared_line *shared_line_new(const struct alert *alert, unsigned references);
void shared_line_release(struct shared_line *l);

enum { PENDING_MAX = 512 };

struct worker {
	const struct channel_type *type;
	void *context;
	struct queue queue;
	pthread_t thread;
	bool has_thread;     /* not joined yet */
	atomic_uint holders; /* outputs that send to it */
	bool is_buffered;
	enum outputs_recovery recovery;
	uint32_t capacity; /* alerts, as configured */
	uint32_t timeout_ms;

	_Atomic int64_t deadline; /* of the end, ns of CLOCK_MONOTONIC; 0: none */
	atomic_bool is_stopping, is_done, wants_reopen, must_exit;
	_Atomic int64_t busy_since; /* with a line; 0: idle */
	atomic_bool is_blocked;     /* and that was told */
	atomic_size_t queued, queued_bytes, queued_urgent;
	_Atomic uint64_t sent, failed, retries;
	_Atomic uint64_t drops[OUTPUT_DROP_COUNT], dropped_urgent;
	struct latency latency;

	/* The thread's own. */
	/* Times of alerts that the channel has and has not counted yet, a ring; and how many more
	 * there are behind them, for which it had no room. */
	uint64_t pending[PENDING_MAX];
	size_t first_pending, pending_count, untimed;
	int64_t limit; /* of this call of the channel; 0: none */
	bool is_failing;
	int64_t complaints_since; /* of the last minute in which there were some */
	unsigned complaints;      /* in it */
	uint64_t silenced;        /* since the last that was told */
};

/* Takes the context in any case. */
int worker_start(struct worker *w, const struct channel_type *type, void *context,
		 const struct outputs_options *options, struct error *err);

/* Takes the reference; counts it as dropped where there is no room. From any thread. */
void worker_push(struct worker *w, struct shared_line *l);
void worker_count_dropped(struct worker *w, enum severity priority, enum outputs_drop why);
void worker_reopen(struct worker *w);
void worker_check(struct worker *w);
void worker_begin_stop(struct worker *w, int64_t deadline);
void worker_join(struct worker *w);
void worker_release(struct worker *w); /* after worker_join */

int64_t worker_now(void); /* ns of CLOCK_MONOTONIC */

#endif
