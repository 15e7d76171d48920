/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is known of the machine while events pass: processes and threads, users and groups,
 * containers, descriptors (in replay). One state per source; belongs to the thread that reads the
 * source. Binding an event neither blocks nor (once tables have their size) allocates: strings of
 * a process are copied into a block of its own at exec, not per event.
 */
#ifndef SAKER_STATE_STATE_H
#define SAKER_STATE_STATE_H

#include "base/error.h"
#include "event/event.h"
#include "state/container_set.h"
#include "state/listed.h"
#include "state/process.h"
#include "state/user.h"

struct state_options {
	bool is_live;          /* /proc may be asked for processes that were never seen */
	const char *host_root; /* "" or the prefix under which the host's files are */
	uint32_t max_threads;  /* further threads are judged without remembered state and counted */
};

struct state_counters {
	uint64_t processes, threads; /* now */
	uint64_t added, removed;     /* so far */
	uint64_t healed;             /* wrong or missing state put right from a record */
	uint64_t proc_lookups;       /* processes never seen, looked up in /proc */
	uint64_t proc_given_up;      /* of these, because the process kept us waiting */
	uint64_t table_full;         /* threads that were not remembered */
	uint64_t fds_full; /* captures: descriptors, or their names, that were not remembered */
	uint64_t args_cut;
};

struct state *state_new(const struct state_options *options, struct error *err);
void state_free(struct state *s);

/*
 * Times of processes are told since boot; what to add for times since the epoch. Live, state_new
 * takes it from the clocks; again where the clock was set, and for captures, who knows says so.
 */
void state_set_boot_time(struct state *s, uint64_t ns_since_epoch);
uint64_t state_boot_time(const struct state *s);

/* Reads all processes there are from /proc; the probe's iterator may have added them before. */
int state_scan_proc(struct state *s, struct error *err);

/*
 * Looks whether up to `count` of the remembered processes still exist, going on where it stopped
 * last, and forgets those that do not (their exit was lost): once an event came that is later than
 * when this was seen, for until then their own may be on the way. now: of the clock of events, ns
 * since boot. For a timer: system calls.
 */
void state_sweep(struct state *s, uint32_t count, uint64_t now);

/*
 * Binds an event: finds (or makes, or heals) its thread and process, applies what the event changes
 * (exec, clone, exit, set*id, chdir, prctl...) and fills e->thread, e->process and e->fd. Called
 * once per event in order. What an exiting process was stays readable until the next call.
 */
void state_bind(struct state *s, struct event *e);

/*
 * Captures: an event of which only the thread's activity is of interest may be passed over, instead
 * of bound, if its code is one of those that change nothing else.
 */
bool state_may_pass(const struct state *s, uint16_t code);
void state_pass(struct state *s, const struct event_header *header);

/*
 * Captures: what they list before their events (and again between them). Parents and sockets' roles
 * are told when the list is complete, which is with the first event, or said by state_listed.
 */
void state_list_process(struct state *s, const struct listed_process *p);
void state_list_fd(struct state *s, const struct listed_fd *fd);
void state_list_interface(struct state *s, const struct listed_interface *i);
void state_listed(struct state *s);
/* Another capture begins: forgets everything. */
void state_forget(struct state *s);

/* The newest process of every pid, in the order of pids; exited ones that are referred to, too. */
typedef void state_process_fn(void *context, const struct process *p);
void state_each_process(struct state *s, state_process_fn *visit, void *context);

struct state_counters state_counters(const struct state *s);
struct process_table *state_processes(struct state *s);
struct user_table *state_users(struct state *s);
/* By the names that a process (NULL: any of the host) knows users by. NULL: it has no name. */
const struct user *state_user_of(const struct state *s, const struct process *p, uint32_t uid);
const struct group *state_group_of(const struct state *s, const struct process *p, uint32_t gid);
struct container_set *state_containers(struct state *s);
/* Gives up containers that nobody has told of for so long. */
void state_expire_containers(struct state *s, uint64_t patience_ns);

#endif
