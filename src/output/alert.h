/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Alerts: a verdict made into text or JSON (Falco's formats), and the way to the channels. An alert
 * is copied out of the event before it goes into a queue: one block, no pointers into the event.
 */
#ifndef SAKER_OUTPUT_ALERT_H
#define SAKER_OUTPUT_ALERT_H

#include "base/buffer.h"
#include "base/log.h"
#include "engine/plan.h"

struct alert_options {
	bool is_json;
	bool include_output, include_message, include_output_fields,
	    include_tags; /* JSON properties */
	bool iso_8601;
	const char *hostname;
};

/* One line without its line end. The event of ctx is the one that matched. */
void alert_format(const struct alert_options *options, const struct rule *rule,
		  struct field_context *ctx, struct buffer *out);

/*
 * The outputs: each channel has a queue of its own and a worker, so that a slow one delays nobody.
 * outputs_send never blocks: what a full queue cannot take is counted by channel.
 */
struct outputs;

struct outputs_options {
	bool to_stdout;
	bool is_buffered;        /* flush only when the buffer is full */
	uint32_t queue_capacity; /* alerts per channel; 0: default */
};

struct channel_counters {
	const char *name;
	uint64_t sent, dropped, failed;
};

struct outputs *outputs_new(const struct outputs_options *options, struct error *err);
void outputs_send(struct outputs *o, enum severity priority, struct str line);
/* Delivers what is queued (waiting up to timeout_ms), stops the workers and frees. */
void outputs_drain(struct outputs *o, int timeout_ms);
void outputs_free(struct outputs *o);
size_t outputs_counters(struct outputs *o, struct channel_counters *counters, size_t room);

#endif
