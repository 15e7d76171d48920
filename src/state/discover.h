/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How the state comes to know a process, whether an event tells of its beginning or it has to be
 * asked of /proc, because its fork or exec was never seen. For the sources of state/ alone; off the
 * way of an event whose process is known.
 */
#ifndef SAKER_STATE_DISCOVER_H
#define SAKER_STATE_DISCOVER_H

#include "state/proc.h"
#include "state/state_internal.h"

/* NULL: the table is full. The thread may be there already; it counts as the process' by then. */
struct thread *state_add_thread(struct state *s, struct process *p, int32_t tid);
struct process *state_add_process(struct state *s, const struct task_facts *f);
/* The first process of a pid namespace tells when it began; all others look it up. */
void state_know_pidns(struct state *s, struct process *p);

/* The caller owns the one reference: process_give_program takes it. */
struct program *state_make_program(struct state *s, const struct program_strings *strings,
				   bool args_cut, bool env_cut);
/* How old the executed file was when the process started; see struct program. */
static inline uint64_t program_ctime_age(const struct process *p, const struct program *program)
{
	return p->clone_time && program->exe_ctime ? p->clone_time - program->exe_ctime : 0;
}

/* Reads a process from /proc into s->reading; false where it is gone. */
bool state_read_process(struct state *s, int32_t pid);
/*
 * The same for an event's process; false where it is another by now, too. Recorded events bring
 * what /proc told when they were live.
 */
bool state_look_up(struct state *s, const struct event *e, const struct task_facts *f);
/* What was read is what is known of the process. */
void state_take_proc(struct state *s, struct process *p, const struct proc_process *read);

/*
 * The record shows an exec that was never seen: asks /proc once what the program is. Where it is
 * too late for that the program is unknown, which is better than a wrong one.
 */
void state_heal_program(struct state *s, struct event *e, struct process *p,
			const struct task_facts *f);
/* A process whose fork was never seen; NULL: the table is full. */
struct process *state_discover(struct state *s, struct event *e, const struct task_facts *f);

#endif
