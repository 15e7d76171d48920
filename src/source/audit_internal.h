/* SPDX-License-Identifier: Apache-2.0 */
/* What the ways in which audit events come have in common. */
#ifndef SAKER_SOURCE_AUDIT_INTERNAL_H
#define SAKER_SOURCE_AUDIT_INTERNAL_H

#include "base/vec.h"
#include "event/tape.h"
#include "source/audit.h"
#include "source/source_internal.h"

#include <poll.h>
#include <stdatomic.h>

/* The events of one JSON value, as places in its text. */
struct audit_item {
	uint32_t at, size;
};

struct audit_batch {
	VEC(struct audit_item) items;
	uint32_t bad; /* items that are no events */
};

/*
 * Reads the JSON value at or behind `from` and adds its events. *end is behind it. -EBADMSG: no
 * JSON, with the offset of what is wrong; -ENODATA: the text ends before the value; -EPROTO: it is
 * no audit event, list or array of them. The batch is then of no use.
 */
int audit_batch_read(struct audit_batch *b, struct str text, size_t from, size_t *end,
		     struct error *err);

/* RFC 3339 to nanoseconds since the epoch; false where it is none or out of range. */
bool audit_time_read(struct str text, uint64_t *ns);

enum { AUDIT_WATCHED_MAX = 8 };

struct audit_source {
	struct source source; /* first: the interface's functions get this */
	struct audit_options options;
	struct tape *tape;
	struct record record;
	struct event_header header;
	uint64_t number;
	struct pollfd watched[AUDIT_WATCHED_MAX];
	nfds_t watched_count;
	struct error error;
	/* Of the source's thread, but refused, which has several writers. */
	_Atomic uint64_t events;
	_Atomic uint64_t refused[AUDIT_REFUSAL_COUNT];
	_Atomic uint64_t told_at; /* CLOCK_MONOTONIC, ns */
};

int audit_source_init(struct audit_source *s, const struct source_ops *ops,
		      const struct audit_options *options, struct error *err);
void audit_source_release(struct audit_source *s);

/* Gives the event out that this JSON object is; false where it is refused. */
bool audit_give(struct audit_source *s, struct str text, source_event_fn *handle, void *context);
/* Counts, and tells now and then. From any thread. */
void audit_refuse(struct audit_source *s, enum audit_refusal why, uint64_t count,
		  const char *detail);

int audit_watch(struct source *source, int fd, struct error *err);
const struct error *audit_error(const struct source *source);
/* -EINTR where a watched descriptor is readable, 1 where own_fd is (-1: none), 0: neither. */
int audit_wait(struct audit_source *s, int own_fd, int timeout_ms);

struct source *audit_files_new(const struct audit_options *options, struct error *err);
struct source *audit_web_new(const struct audit_options *options, struct error *err);

bool audit_web_is(const struct source *s);
void audit_web_counters(const struct source *s, struct audit_counters *c); /* its own of them */
uint16_t audit_web_port(const struct source *s);

#endif
