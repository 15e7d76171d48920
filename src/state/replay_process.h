/* SPDX-License-Identifier: Apache-2.0 */
/* Threads and processes of captures, for the sources of state/ that make, change and end them. */
#ifndef SAKER_STATE_REPLAY_PROCESS_H
#define SAKER_STATE_REPLAY_PROCESS_H

#include "state/replay.h"

/* Bits of the clone_flags table. */
enum {
	SCAP_CLONE_NEWPID = 0x40,
	SCAP_CLONE_PARENT = 0x100,
	SCAP_CLONE_THREAD = 0x2000,
	SCAP_CLONE_INVERTED = 0x10000,
	SCAP_CLONE_VFORK = 0x8000000,
	SCAP_CLONE_CHILD_IN_PIDNS = 0x20000000,
};

/* NULL, and counted, where the table is full. A process without a thread is given up then. */
struct process *replay_add_process(struct state *s, const struct task_facts *facts);
struct thread *replay_add_thread(struct state *s, struct process *p, int32_t tid);
/* A thread's process; of a main thread that has exited while others live, too. */
struct process *replay_process_of(struct state *s, int64_t tid);
/* Finds the parent by the id of one of its threads; without one that is known there is none. */
void replay_set_parent(struct state *s, struct process *p, int64_t ptid);
/* A thread that was unknown turns out to be of that process. */
struct thread *replay_make_known(struct state *s, struct thread *th, int64_t pid, int64_t ptid,
				 int64_t vtid, int64_t vpid);
/* Cut to PROCESS_NAME_SIZE. */
void replay_set_name(char *to, struct str name);
/* A thread's name, which is its process' if it is the main one. */
void replay_set_comm(struct replaying *r, struct process *p, struct thread *th, struct str name);
/* An argument list that is but one empty string is none. */
struct str replay_strings_of(struct str list);
/* The kernel's name of an executed file, without what it says of deleted ones. */
struct str replay_path_of_exe(struct str path);

/* replay_process.c: the thread that the last event ended goes. */
void replay_finish_exit(struct state *s);
/* replay.c: all that the last event left to be done. */
void replay_finish_last(struct state *s);

#endif
