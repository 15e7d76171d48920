/* SPDX-License-Identifier: Apache-2.0 */
/* The state's inside, for the sources of state/ alone. */
#ifndef SAKER_STATE_STATE_INTERNAL_H
#define SAKER_STATE_STATE_INTERNAL_H

#include "state/bind_fd.h"
#include "state/state.h"
#include "state/table.h"

enum {
	NAME_MEMORY = 3 * RECORD_PATH_MAX,
	ENDED_REMEMBERED = 128,
};

/* Places of parameters: of clone events, and up to POS_CGROUPS of exec events too. */
enum {
	POS_RES,
	POS_EXE,
	POS_ARGS,
	POS_TID,
	POS_PID,
	POS_PTID,
	POS_CWD,
	POS_FDLIMIT,
	POS_PGFT_MAJ,
	POS_PGFT_MIN,
	POS_VM_SIZE,
	POS_VM_RSS,
	POS_VM_SWAP,
	POS_COMM,
	POS_CGROUPS,
	POS_CLONE_FLAGS,
	POS_CLONE_UID,
	POS_CLONE_GID,
	POS_CLONE_VTID,
	POS_CLONE_VPID,
	POS_CLONE_PIDNS_START,
	POS_EXEC_ENV = 15,
	POS_EXEC_TTY,
	POS_EXEC_VPGID,
	POS_EXEC_LOGINUID,
	POS_EXEC_FLAGS,
	POS_EXEC_CAP_INHERITABLE,
	POS_EXEC_CAP_PERMITTED,
	POS_EXEC_CAP_EFFECTIVE,
	POS_EXEC_INO,
	POS_EXEC_CTIME,
	POS_EXEC_MTIME,
	POS_EXEC_UID,
	POS_EXEC_TRUSTED_EXEPATH,
	POS_EXEC_PGID,
	POS_EXEC_GID,
};

struct replay;

struct state {
	struct process_table *processes;
	struct user_table *users;
	/* A pid namespace's inode -> the start of its first process, in the pointer's place. */
	struct u64map pidns_starts;
	struct state_counters counters;
	bool is_live;
	int proc_fd;                 /* -1: not live */
	struct proc_wait *proc_wait; /* NULL: not live */
	bool is_own_proc;
	uint64_t boot_time;
	int64_t boot_shift; /* of the times that /proc tells: base/clock.h */
	uint32_t max_threads;
	struct proc_process *reading; /* live, recorded: what /proc tells of one process */
	enum { READ_NOTHING, READ_PROCESS, READ_CGROUPS } read_of; /* for the last event */

	uint8_t *actions;                 /* by event code */
	struct fd_rule *fd_rules;         /* by code */
	struct fd_rule *generic_fd_rules; /* of the generic event, by kind */
	struct replay *replay;            /* captures; NULL live */

	struct thread *exiting; /* ended with the event before this one */
	int64_t exiting_reaper; /* captures: who takes its children, as the event said; -1 */
	/* Ended lately: records that were overtaken by their exit must not bring them back. */
	struct {
		int32_t pid;
		uint64_t start_time;
	} ended[ENDED_REMEMBERED];
	uint32_t ended_next;
	/* Stand in for what the full table does not remember. */
	struct process other_process;
	struct thread other_thread;
	uint32_t sweep_at;     /* next pid to look at */
	uint64_t newest_event; /* ns since boot */

	char name_memory[NAME_MEMORY];
};

/* bind.c: fills made[0 .. event_code_count - 1] with what events of each code do to processes. */
void bind_actions_make(uint8_t *made);
/* Forgets the thread that ended with the event before this one. */
void state_finish_exit(struct state *s);

/* The first annex item of a kind that an event has but one of. */
static inline const struct annex_item *annex_first(const struct event *e, enum annex_kind kind)
{
	const struct annex_item *i = e->annex ? event_annex_next(e, NULL) : NULL;

	while (i && i->kind != kind)
		i = event_annex_next(e, i);
	return i;
}

/* snapshot.c: what /proc told of a process, from an annex item; 0 or -EBADMSG. Views into bytes. */
int proc_restore(struct str bytes, struct proc_process *out);

#endif
