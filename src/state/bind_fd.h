/* SPDX-License-Identifier: Apache-2.0 */
/* The descriptor of an event: what bind_fd.c fills e->fd from, for the sources of state/ alone. */
#ifndef SAKER_STATE_BIND_FD_H
#define SAKER_STATE_BIND_FD_H

#include "event/event.h"
#include "state/process.h"

enum fd_use {
	FD_USE_NONE,
	FD_USE_USES,    /* a descriptor that was there before */
	FD_USE_CREATES, /* a new one: the parameter holds it, or a negative errno */
	FD_USE_OPENS,   /* a new one of a named file */
	FD_USE_RESULT,  /* a new one that only the result tells */
};

/* How the events of one code name their descriptor. */
struct fd_rule {
	uint8_t use;  /* enum fd_use */
	uint8_t type; /* enum fd_type that the call makes, where nothing better is known */
	int8_t fd;    /* indexes of parameters, -1: none */
	int8_t twin;  /* of dup and its kin: the descriptor that the new one is a copy of */
	int8_t name;
	int8_t dirfd;
	int8_t tuple;
	int8_t flags;
	int8_t dev;
	int8_t ino;
	int8_t domain; /* of socket and socketpair */
	bool is_accept;
	bool is_send;
	bool is_connect;
	bool is_bind;
};

/* Fills rules[0 .. event_code_count - 1] from the schema. */
void fd_rules_make(struct fd_rule *rules);
/* Fills rules[0 .. event_kind_count - 1] for events of kinds that the generic event stands for. */
void fd_rules_make_generic(struct fd_rule *rules);

/* What an event's annex tells, but for what belongs to single calls; views of the record. */
struct annex_facts {
	const struct annex_item *file, *socket; /* of the descriptor; NULL: none */
	struct str cwd, unix_path, resolved, base;
	struct str origin; /* empty: as resolved */
	bool has_cwd, has_resolved, has_base;
	bool is_name_false;     /* the name that was given is not the opened file's */
	bool has_resolved_name; /* of any parameter that is a path */
};
void annex_gather(const struct fd_rule *rule, const struct event *e, struct annex_facts *facts);

/*
 * A descriptor other than the event's own, of which the annex tells by the parameter that holds it:
 * its number, type, file or ends, without a file's name. False: nothing is told.
 */
bool fd_other(const struct event *e, unsigned param, struct event_fd *out);

/* p may be NULL; names that have to be joined are written to memory. */
void fd_bind(const struct fd_rule *rule, struct event *e, const struct annex_facts *facts,
	     const struct process *p, char *memory, size_t room);

#endif
