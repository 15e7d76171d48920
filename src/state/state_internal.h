/* SPDX-License-Identifier: Apache-2.0 */
/* The state's inside, for the sources of state/ alone. */
#ifndef SAKER_STATE_STATE_INTERNAL_H
#define SAKER_STATE_STATE_INTERNAL_H

#include "state/bind.h"
#include "state/state.h"
#include "state/table.h"

enum {
	NAME_MEMORY = 3 * RECORD_PATH_MAX,
	ENDED_REMEMBERED = 128,
};

struct replay;

struct state {
	struct process_table *processes;
	struct user_table *users;
	/* A pid namespace's inode -> the start of its first process, in the pointer's place. */
	struct u64map pidns_starts;
	struct state_counters counters;
	bool is_live;
	int proc_fd; /* -1: not live */
	bool is_own_proc;
	uint64_t boot_time;
	uint32_t max_threads;
	struct proc_process *reading; /* live: what /proc tells of one process */

	uint8_t *actions; /* by event code */
	struct fd_rule *fd_rules;
	struct replay *replay; /* captures; NULL live */

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
	uint32_t sweep_at; /* next pid to look at */

	char name_memory[NAME_MEMORY];
};

#endif
