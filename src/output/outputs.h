/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The outputs: each channel has a queue and a worker of its own, so that a slow one delays nobody.
 * outputs_send never blocks, from any thread: what a full queue cannot take is counted by channel.
 *
 * To add an output is to add a struct channel_type and a row where outputs_new opens channels.
 */
#ifndef SAKER_OUTPUT_OUTPUTS_H
#define SAKER_OUTPUT_OUTPUTS_H

#include "base/error.h"
#include "base/log.h"
#include "base/str.h"

struct outputs;

enum {
	QUEUE_CAPACITY_DEFAULT = 8192,      /* alerts */
	QUEUE_BYTES_MAX = 16 * 1024 * 1024, /* of lines, whatever their number */
};

struct outputs_options {
	bool to_stdout;
	int stdout_fd;           /* 0: standard output */
	bool is_buffered;        /* flush only when the buffer is full */
	uint32_t queue_capacity; /* alerts per channel; 0: default */
};

struct channel_counters {
	const char *name;
	uint64_t sent;    /* delivered */
	uint64_t dropped; /* the queue was full */
	uint64_t failed;  /* the channel could not deliver them */
};

struct outputs *outputs_new(const struct outputs_options *options, struct error *err);

/* One alert, without its line end; copied. */
void outputs_send(struct outputs *o, enum severity priority, struct str line);

/*
 * Delivers what is queued (waiting up to timeout_ms) and stops the workers; what could not be
 * delivered in that time is counted as failed. Counters may be read until outputs_free.
 */
void outputs_drain(struct outputs *o, int timeout_ms);
void outputs_free(struct outputs *o); /* NULL is fine; drains without waiting if nobody did */

size_t outputs_counters(struct outputs *o, struct channel_counters *counters, size_t room);

#endif
