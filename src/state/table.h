/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The process table's inside, for the sources of state/ alone: what state.c changes when events
 * pass. Lookup by tid is two array reads, whatever the number of threads.
 */
#ifndef SAKER_STATE_TABLE_H
#define SAKER_STATE_TABLE_H

#include "state/container_set.h"
#include "state/process.h"

enum { CLOCK_TICK_NS = 10000000 }; /* of the times in /proc/PID/stat: USER_HZ is 100 everywhere */

/* A string that processes share: working directories and cgroups. Counted. */
struct shared_text {
	uint32_t references;
	const struct container *container; /* of cgroups: told by the text */
	struct str text;
	char bytes[];
};

struct process_table *process_table_new(uint32_t max_threads);
void process_table_free(struct process_table *t);

struct fd_store *process_table_fds(struct process_table *t);
struct container_set *process_table_containers(struct process_table *t);
/* Says that what depends on any process may have changed. */
void process_table_changed(struct process_table *t);

size_t process_table_thread_count(const struct process_table *t);
size_t process_table_process_count(const struct process_table *t); /* exited ones included */

/* The newest process of the lowest pid that is at least from; NULL: none. Pids below 2^22 only. */
struct process *process_next(struct process_table *t, uint32_t from);

/* Start times as /proc and as the kernel tell them; see struct process. */
static inline bool start_time_equal(uint64_t a, uint64_t b)
{
	return a == b || ((a % CLOCK_TICK_NS == 0 || b % CLOCK_TICK_NS == 0) &&
			  a / CLOCK_TICK_NS == b / CLOCK_TICK_NS);
}

/*
 * A new process with nothing but its key, an unknown program and no threads; whatever has its pid
 * is taken for exited. NULL where the table is full.
 */
struct process *process_add(struct process_table *t, const struct task_facts *facts);
/* A new thread of it; whatever has that tid is taken for exited. NULL where the table is full. */
struct thread *thread_add(struct process_table *t, struct process *p, int32_t tid);
/* Removes a thread; with the last one, the process is exited, and freed when nobody refers to it.
 */
void thread_remove(struct process_table *t, struct thread *th);
/* Removes all threads but `keep` (NULL: none); the process stays if one is kept. */
void process_remove_threads(struct process_table *t, struct process *p, const struct thread *keep);

/* Looks for the parent that facts name and refers to it; cuts the link to any other. */
void process_find_parent(struct process_table *t, struct process *p);
/* Gives all children to another parent, as the kernel does when a process exits; NULL: to none. */
void process_reparent_children(struct process_table *t, struct process *p, struct process *to);

/* Says that what a thread has to itself has changed: its name, in captures its ids. */
static inline void thread_changed(struct thread *th)
{
	th->scope_generation++;
}
/* Says that what depends on the process has changed, for it and for all descendants. */
void process_changed(struct process *p);
void process_lineage_changed(struct process_table *t, struct process *p);
/* Renews p->scope_generation where an ancestor changed; once for each event of the process. */
void process_refresh_scope(struct process_table *t, struct process *p);

struct program_strings {
	struct str exe, exepath, args, env, comm;
};
struct program *program_new(struct process_table *t, const struct program_strings *strings);
struct program *program_unknown(struct process_table *t);
/* Refers to new, drops the old. */
void process_set_program(struct process_table *t, struct process *p, struct program *program);
void program_release(struct process_table *t, struct program *program);
/* The same, and gives up the caller's own reference to it. */
void process_give_program(struct process_table *t, struct process *p, struct program *program);
/* Gives up what a copy of a process refers to. */
void process_release_copy(struct process_table *t, const struct process *copy);
/* Working directory; a slash is put behind it where it has none. */
void process_set_cwd(struct process_table *t, struct process *p, struct str cwd);
void process_set_cgroups(struct process_table *t, struct process *p, struct str cgroups);
/* Shares program, cwd, cgroups and all that fork inherits. */
void process_inherit(struct process_table *t, struct process *p, const struct process *from);

#endif
