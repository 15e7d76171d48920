/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Processes and their threads, keyed by pid and start time. Ids are those of the initial pid
 * namespace; times are ns since the epoch unless said otherwise.
 *
 * A process' strings live in one block that exec replaces. Parents are found by pid and start time,
 * so that a reused pid is never taken for an ancestor. Exited processes are kept while a child
 * still refers to them, for proc.aname and friends.
 *
 * Threads and processes come from pools, strings from free lists by size: at a steady number of
 * processes nothing is taken from the system, and that only by fork, exec, chdir and first sight.
 * Pointers hold until the next state_bind.
 */
#ifndef SAKER_STATE_PROCESS_H
#define SAKER_STATE_PROCESS_H

#include "base/map.h"
#include "base/str.h"
#include "event/record.h"
#include "state/fd_table.h"

/* Live, names are the kernel's (RECORD_COMM_SIZE); captures list longer ones of kernel threads. */
enum { PROCESS_NAME_SIZE = 64 };

struct container;

/* Beyond the bits of the execve_flags table: the file has always been elsewhere than exepath says.
 */
enum { EXE_MOVED = 1 << 16 };

/* What exec sets and fork inherits. Shared by processes that forked without exec; counted. */
struct program {
	uint32_t references;
	struct str exe;     /* argv[0], as proc.exe */
	struct str exepath; /* the kernel's path of the executed file */
	struct str args; /* arguments without argv[0], each with its NUL, as the args parameter */
	struct str env;  /* likewise */
	struct str comm; /* at exec */
	uint64_t exe_ino;
	uint64_t exe_ctime; /* of the inode */
	uint64_t exe_mtime;
	uint32_t exe_dev;
	uint32_t exe_flags; /* EXE_MOVED, and those of execve_flags: EXE_WRITABLE, EXE_UPPER_LAYER,
			       EXE_FROM_MEMFD, ... */
	uint64_t exe_ctime_age; /* from exe_ctime to the start of the process that did the exec, ns;
				   0: not known */
	bool args_cut;
	bool env_cut;
	char bytes[]; /* of the strings above */
};

struct shared_text;

struct process {
	/*
	 * Of the newest record; start_time and pid are the key. What /proc told has start times
	 * of clock tick precision until the first record brings the exact ones: a time that is a
	 * whole number of ticks is equal to any within that tick.
	 */
	struct task_facts facts;
	/* Here because each event reads them, too: they share the facts' cache lines. */
	uint64_t program_exec_id;    /* facts.exec_id since which program is right */
	uint64_t scope_generation;   /* changes whenever a process-scope value may have changed */
	uint64_t lineage_generation; /* the table's own */
	bool is_exec_id_known;
	bool is_unlisted; /* not of the table: one that was not remembered */

	char comm[PROCESS_NAME_SIZE]; /* of the main thread, NUL-padded; facts.comm may be
					 another's */
	struct program *program;      /* never NULL */
	struct str cwd;               /* with a trailing slash, as proc.cwd; empty: not known */
	struct str cgroups;           /* "subsystem=path\0"..., as the cgroups parameter */
	const struct container *container; /* NULL: host */
	uint64_t clone_time;               /* start, ns since the epoch */
	uint64_t exec_time;                /* of the last exec, 0: none seen */
	uint64_t pidns_start_time;
	uint64_t exe_ctime_in_pidns; /* from pidns_start_time to the exe_ctime of what it executed
					itself, ns; 0: not known */
	uint64_t cap_inheritable, cap_permitted, cap_effective;
	uint64_t fdlimit;
	uint64_t vm_size_kb, vm_rss_kb, vm_swap_kb;
	uint64_t pgft_maj, pgft_min;
	uint32_t thread_count; /* as far as known; threads that were never seen may be missing */
	uint32_t child_count;
	uint32_t references; /* children that name it as their parent */
	uint64_t
	    missing_since; /* live: when /proc was seen not to have it, ns since boot; 0: it has */
	bool is_exited;
	bool is_main_gone; /* the main thread has exited, others live */
	bool is_unknown;   /* captures: nothing is known but that a thread of that id did something;
			      its ids are -1, and it has neither relatives nor a working directory */
	bool is_in_pidns;  /* captures: its pid namespace is not the recorder's */
	int32_t parent_tid;  /* captures: the thread of the parent that made it; 0: not told */
	bool is_reaper;      /* captures: takes the children of its descendants that exit */
	struct fd_table fds; /* captures; empty live */
	bool is_partial;     /* made from a record's facts alone: no args, no exe */

	/* The table's own. */
	struct process *parent;      /* NULL: not found yet, or none */
	struct process *first_child; /* linked by next_sibling */
	struct process *next_sibling, *prev_sibling;
	struct process *older; /* exited, of the same pid, still referred to */
	struct thread *threads;
	struct shared_text *cwd_text, *cgroups_text;
	uint32_t known_threads;
};

struct thread {
	int32_t tid;
	struct process *process;
	void *scope_memory; /* the engine's: where it keeps what it found out about the thread */
	uint64_t scope_serial;
	uint64_t scope_generation; /* as the process', of what threads have to themselves */
	uint64_t last_event_time;  /* for latency and delta */
	char comm[PROCESS_NAME_SIZE];
	uint64_t clone_time;
	/* In captures a thread has these to itself; live the process' are right. */
	bool has_own;
	bool is_inverted; /* its own event of the clone came before that of who made it */
	int32_t vtid;
	uint32_t uid, gid;
	uint64_t vm_size_kb, vm_rss_kb, vm_swap_kb;
	uint64_t pgft_maj, pgft_min;
	struct thread *next; /* of the process */
};

struct process_table;

/* NULL where it is not known. A start_time of 0 takes whichever has that pid now. */
struct process *process_find(struct process_table *t, int32_t pid, uint64_t start_time);
struct thread *thread_find(struct process_table *t, int32_t tid);
struct process *process_parent(struct process_table *t, const struct process *p);
/* The n-th ancestor: 0 is the process itself, 1 its parent; NULL beyond the last. */
struct process *process_ancestor(struct process_table *t, struct process *p, unsigned n);
/* The descriptor of that number; NULL: not known, as always live. */
static inline const struct fd_entry *process_fd(const struct process *p, int64_t num)
{
	return fd_table_find(&p->fds, num);
}
/* The name of a process as events' pid parameters print it; empty where it is not known. */
struct str process_name(const struct process *p);

#endif
