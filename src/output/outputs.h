/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The outputs: each channel has a queue and a worker of its own, so that a slow one delays nobody.
 * outputs_send never blocks, from any thread: what a full queue cannot take is counted by channel.
 *
 * To add an output is to add a struct channel_type and a row in the table of outputs.c.
 *
 * Of every alert and channel exactly one of the counters says what became of it, so that sent,
 * dropped and failed together are the alerts that were sent to it, once it is drained.
 */
#ifndef SAKER_OUTPUT_OUTPUTS_H
#define SAKER_OUTPUT_OUTPUTS_H

#include "base/error.h"
#include "base/log.h"
#include "base/str.h"
#include "output/latency.h"

struct outputs;

enum {
	QUEUE_CAPACITY_DEFAULT = 8192,      /* alerts */
	QUEUE_BYTES_MAX = 16 * 1024 * 1024, /* of lines, whatever their number */
	/* Urgent alerts (Critical and above) find so much more room, as a part of both of these, so
	 * that no flood of others keeps them out; and for so many at least. */
	QUEUE_RESERVE_PART = 4,
	QUEUE_RESERVE_LEAST = 16,
	OUTPUT_TIMEOUT_DEFAULT = 2000, /* ms */
	CHANNELS_MAX = 8,
};

/* What becomes of an alert for which a channel's queue has no room. It is counted in any case. */
enum outputs_recovery {
	RECOVERY_CONTINUE, /* this alert is dropped */
	RECOVERY_EXIT,     /* likewise, and outputs_must_exit says so from then on */
	RECOVERY_EMPTY,    /* those that wait in the queue are dropped for it; urgent ones only for
			      one of their own */
};

/* Why an alert was dropped. */
enum outputs_drop {
	OUTPUT_DROP_FULL,    /* as many waited as may */
	OUTPUT_DROP_BYTES,   /* those that waited were as large together as they may be */
	OUTPUT_DROP_EMPTIED, /* it waited, and made room for another one */
	OUTPUT_DROP_MEMORY,  /* there was none for it */
	OUTPUT_DROP_COUNT
};
const char *outputs_drop_name(enum outputs_drop why); /* "queue_full" */

/* Texts are copied. Where a member is 0 or NULL, its default is meant. */
struct outputs_options {
	bool to_stdout;
	int stdout_fd;           /* 0: standard output */
	bool is_buffered;        /* flush only when the buffer is full */
	bool is_json;            /* what lines are: for the type of what is sent by HTTP */
	uint32_t queue_capacity; /* alerts per channel */
	enum outputs_recovery recovery;
	uint32_t timeout_ms; /* how long one alert may take; see docs/outputs.md for each channel */

	struct {
		bool is_enabled;
		const char *path;
		bool keep_alive; /* stays open */
	} file;
	struct {
		bool is_enabled;
		const char *journal_socket; /* journald's own */
		const char *socket;         /* /dev/log */
	} syslog;
	struct {
		bool is_enabled;
		const char *command; /* for sh -c */
		bool keep_alive;     /* runs on and takes all alerts */
	} program;
	struct http_options {
		bool is_enabled;
		const char *url, *user_agent;
		bool is_insecure;                          /* whatever certificate the server has */
		const char *ca_cert, *ca_bundle, *ca_path; /* the first that is not empty is used */
		bool is_mutual;                            /* show the server client_cert */
		const char *client_cert, *client_key;
		bool keep_alive; /* probe idle connections; those that can be are always reused */
		bool compress;   /* gzip */
		bool echo;       /* print what the server answers */
		unsigned max_consecutive_timeouts;
	} http;
};

/* Texts are views, copied where they must outlive the call. */
struct alert {
	enum severity priority;
	uint64_t time; /* of its event, ns since the epoch; 0: how long it takes is not measured */
	struct str line; /* as alert_format makes it: without line end */
	struct str rule, source;
	const struct str *tags;
	size_t tag_count;
};

struct channel_counters {
	const char *name;
	uint64_t sent;    /* delivered */
	uint64_t dropped; /* the queue was full; the sum of drops */
	uint64_t drops[OUTPUT_DROP_COUNT];
	uint64_t dropped_urgent; /* of them all: Critical and above */
	uint64_t failed;         /* the channel could not deliver them */
	uint64_t retries;        /* times that something was tried again, whatever came of it */
	uint64_t queued;         /* alerts that wait now */
	uint64_t capacity;
	/* From an alert's event until it is delivered. */
	struct latency latency;
	bool is_shared; /* other outputs have it, too: see outputs_renew */
};

/* Channels that cannot be opened now say so in the log and are tried again at each alert. */
struct outputs *outputs_new(const struct outputs_options *options, struct error *err);

/*
 * The same beside outputs that are in use, for a change of options: channels whose options are the
 * same are taken over, with all that waits in them, and then belong to both. What only the old ones
 * have ends when they are drained.
 */
struct outputs *outputs_renew(struct outputs *old, const struct outputs_options *old_options,
			      const struct outputs_options *options, struct error *err);

void outputs_send(struct outputs *o, const struct alert *alert);

/* These three take NULL for no outputs. */
/* Files are closed and opened again, programs ended and started again, between two alerts. */
void outputs_reopen(struct outputs *o);

/* Says in the log which channels have been blocked by one alert for longer than the time limit. */
void outputs_check(struct outputs *o);

/* An alert was dropped under RECOVERY_EXIT. */
bool outputs_must_exit(const struct outputs *o);

/*
 * Delivers what is queued (waiting up to timeout_ms) and stops the workers; what could not be
 * delivered in that time is counted as failed. Counters may be read until outputs_free.
 */
void outputs_drain(struct outputs *o, int timeout_ms);
/*
 * The same in two steps, for outputs that were replaced while alerts wait in them: nothing may be
 * sent to them any more; outputs_drain or outputs_free, when they are drained, wait for nothing.
 */
void outputs_begin_drain(struct outputs *o, int timeout_ms);
bool outputs_is_drained(const struct outputs *o);
void outputs_free(struct outputs *o); /* NULL is fine; drains without waiting if nobody did */

size_t outputs_counters(const struct outputs *o, struct channel_counters *counters, size_t room);

#endif
