/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events of captures: what they do to processes and descriptors, for the sources of state/ alone.
 *
 * An event of a capture has nothing but a thread's id and its parameters, so all that is known is
 * what the capture listed at its start and what events changed since. The rules are Falco's, so
 * that every field has the value that Falco prints; where it is wrong on purpose or by accident, a
 * comment says so.
 */
#ifndef SAKER_STATE_REPLAY_H
#define SAKER_STATE_REPLAY_H

#include "state/pod_event.h"
#include "state/state_internal.h"

enum { RECENTLY_EXITED = 8192 };

struct replaying;
typedef void replay_fn(struct replaying *r);

/* Whose an event is. */
enum replay_actor {
	ACTOR_NONE,
	ACTOR_KNOWN, /* the thread's, if it is known */
	ACTOR_ANY,   /* the thread's, which is made up if it is not known */
};

/* An address of the recorder's machine. */
struct local_address {
	struct ip_address ip, netmask;
};

/* What there is to do for the events of a code. */
struct replay_event {
	replay_fn *apply;   /* NULL: they change nothing */
	replay_fn *show;    /* fills event.fd where the descriptor is not known; NULL: no way */
	const void *detail; /* what the two have to know of them */
	uint8_t actor;      /* enum replay_actor */
	int8_t fd_param;    /* index of the descriptor that they use, -1: none */
	bool is_about_fd;
	bool is_activity; /* of their thread */
};

/* Threads that exited lately, found by their id; a number is that of an exit, from 1. */
struct exited_threads {
	struct exited_thread {
		uint64_t number;
		uint64_t before; /* of the one before it in its chain; it may be gone by now */
		uint64_t time;
		int32_t tid, ptid;
	} threads[RECENTLY_EXITED];
	uint64_t newest[RECENTLY_EXITED]; /* of each chain */
	uint64_t count;
};

struct replay {
	struct replay_event *events; /* by event code */
	VEC(struct local_address) addresses;
	struct pod_story *pods;       /* NULL: the capture has told of none */
	struct fd_table server_ports; /* of sockets that were listening when recording began */
	bool is_listed;               /* the lists at the start were complete: events came */
	/* A descriptor that the last event closed: it is known until the next one. */
	struct process *closing;
	uint64_t last_time; /* of the last event */
	int64_t closing_num;
	struct exited_threads exited;
};

/* One event on its way. */
struct replaying {
	struct state *s;
	struct event *e;
	const void *detail;       /* the handler's */
	struct thread *th;        /* NULL: not known */
	struct process *p;        /* of th */
	int64_t res;              /* what the call answered; 0 for events that are no calls */
	int64_t num;              /* of the descriptor that the event is about, -1: none */
	struct fd_entry *fd;      /* that descriptor; NULL: not known */
	struct fd_text *old_name; /* of fd before the event; a reference */
};

struct replay *replay_new(void);
void replay_free(struct state *s, struct replay *r);
void replay_bind(struct state *s, struct event *e);
/* See state_may_pass. */
bool replay_may_pass(const struct state *s, uint16_t code);
void replay_pass(struct state *s, const struct event_header *header);

/* The tables of handlers by the names of events end with a NULL. */
struct replay_handler {
	const char *event;
	replay_fn *apply;
	replay_fn *show;    /* NULL: none */
	const void *detail; /* handed to them; NULL: none */
};
extern const struct replay_handler replay_process_handlers[]; /* clone, exec, exit */
extern const struct replay_handler replay_fact_handlers[];    /* limits, memory, ids, users */
extern const struct replay_handler replay_fd_handlers[];
extern const struct replay_handler replay_socket_handlers[];
extern const struct replay_handler replay_container_handlers[];
/* The thread of that id; NULL, or one of which nothing is known, where there is none. */
struct thread *replay_thread(struct state *s, int64_t tid);
struct thread *replay_thread_or_unknown(struct state *s, int64_t tid);
/* Looks up the descriptor of that number, as the one that the event is about. */
void replay_use_fd(struct replaying *r, int64_t num);
/* Fills r->e->fd from what is known now. */
void replay_show_fd(struct replaying *r, replay_fn *show_unknown);
/* The directory of a relative name: "<UNKNOWN>" for a descriptor that is not known. */
struct str replay_directory(const struct process *p, int64_t dirfd);

static inline bool replay_has(const struct replaying *r, unsigned index)
{
	return index < r->e->nparams && r->e->params[index].n;
}

/* The values of parameters whose types are numbers. Those of their usual size take the short way.
 */
static inline uint64_t replay_u64(const struct replaying *r, unsigned index, uint64_t otherwise)
{
	uint64_t v = otherwise;

	if (index < r->e->nparams && r->e->params[index].n == sizeof(v))
		memcpy(&v, r->e->params[index].p, sizeof(v));
	else
		event_param_u64(r->e, index, &v);
	return v;
}

static inline int64_t replay_i64(const struct replaying *r, unsigned index, int64_t otherwise)
{
	return (int64_t)replay_u64(r, index, (uint64_t)otherwise);
}

static inline uint32_t replay_u32(const struct replaying *r, unsigned index, uint32_t otherwise)
{
	uint32_t v;

	if (index >= r->e->nparams || r->e->params[index].n != sizeof(v))
		return (uint32_t)replay_u64(r, index, otherwise);
	memcpy(&v, r->e->params[index].p, sizeof(v));
	return v;
}

/* Raw bytes; empty where there are none. */
static inline struct str replay_bytes(const struct replaying *r, unsigned index)
{
	return index < r->e->nparams ? r->e->params[index] : (struct str){"", 0};
}

/* The same of the event at the call's enter, where the capture has it. */
struct str replay_enter_bytes(const struct replaying *r, unsigned index);
struct str replay_enter_text(const struct replaying *r, unsigned index);
uint64_t replay_enter_u64(const struct replaying *r, unsigned index, uint64_t otherwise);
/* Text; "<NA>" where there is none, as old captures and Falco have it. */
struct str replay_text(const struct replaying *r, unsigned index);

#endif
