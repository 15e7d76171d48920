/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel side: loads and attaches the eBPF programs, tells them what the plan wants, and gives
 * access to the rings. Belongs to one thread, but for probe_counters.
 *
 * Which events. A system call is reported when it returns, by the native number of its row in
 * collect.tsv, 32-bit and x32 calls included. Some are reported otherwise, always, and with
 * RECORD_STATE_ONLY where no rule wants them:
 *   - an exec that succeeded, by sched_process_exec: event execve, whichever call it was, because
 *     the kernel forgets that before it can be asked; wanted by execve or execveat;
 *   - the child's side of clone, clone3, fork and vfork (res 0), by sched_process_fork and hence
 *     before anything that the child does; its task facts are the child's. The parent's side is an
 *     ordinary call;
 *   - the end of a thread, by sched_process_exit: event procexit; wanted by exit or exit_group;
 *   - a process' new name, by task_rename, but for that of an exec: event prctl, always as state
 *     only, beside the call's own where rules want that;
 *   - chdir, fchdir, chroot (with ANNEX_CWD) and setsid, where they succeed.
 * Calls of this process are not reported (but see probe_beat), those of its children are.
 *
 * Annex items and their subjects, as the facts of a call ask for them:
 *   FACT_RESOLVED_PATH  ANNEX_PATH_RESOLVED of the parameter that names an opened file, with
 *                       ANNEX_NOT_GIVEN where that is not its name; of calls that open nothing, of
 *                       each parameter that leads elsewhere than it says
 *   FACT_BASE_PATH      ANNEX_PATH_BASE of each path parameter that is relative
 *   FACT_CWD            ANNEX_CWD of the task
 *   FACT_FD             ANNEX_FILE, or ANNEX_SOCKET and ANNEX_UNIX_PATH, of the descriptor's
 *                       parameter (what an open or accept answered is its parameter 0)
 *   FACT_FD_PATH        ANNEX_PATH_RESOLVED of the descriptor's parameter; not for sockets, and not
 *                       where FACT_RESOLVED_PATH gives an opened file's path already. And
 *                       ANNEX_PATH_ORIGIN where the file has always been elsewhere
 *   FACT_BUFFER         the data parameter holds bytes; it is empty otherwise
 * Exec events have ANNEX_EXE and, where the call succeeded, ANNEX_CWD; forks have ANNEX_CREATOR
 * where that is not the parent.
 *
 * Waiting. A record wakes the reader only where it said that it waits (probe_reader_waits), or
 * where its ring is more than a quarter full. So a reader that has read something looks again after
 * a while, by its own clock; where there was nothing it says that it waits, looks once more, and
 * sleeps.
 */
#ifndef SAKER_PROBE_PROBE_H
#define SAKER_PROBE_PROBE_H

#include "base/buffer.h"
#include "base/error.h"
#include "event/discard_table.h"
#include "event/record.h"
#include "event/schema.h"

struct probe;

struct probe_options {
	uint32_t ring_bytes; /* of each common ring; a power of two */
	uint32_t critical_ring_bytes;
	uint32_t cpus_per_ring; /* 0: one ring for all CPUs */
	bool drop_failed;       /* drop_failed_exit: failed calls are not reported */
	uint32_t snaplen;       /* bytes of buffers that are carried */
};

/* What the programs must collect, by native syscall number and tracepoint. */
struct probe_wants {
	uint8_t wanted[SYSCALL_NR_LIMIT]; /* 0: return at once */
	uint32_t facts[SYSCALL_NR_LIMIT]; /* FACT_* of fields/field.h */
	bool page_faults, switches, signals, exits;
	/*
	 * Of these calls events are discarded where the table says that no rule can hold. Not
	 * owned, NULL: of none.
	 */
	uint8_t discards[SYSCALL_NR_LIMIT];
	const struct discard_table *discard_table;
	uint32_t
	    discard_sample; /* one in so many is reported all the same, RECORD_SAMPLED; 0: none */
};

/*
 * Opens, loads and attaches. Where that cannot work the error says what is missing and what to do:
 * no BTF, no privilege (which capability), lockdown, kernel too old.
 */
struct probe *probe_open(const struct probe_options *options, struct error *err);
void probe_close(struct probe *p);

/* May be called again while running: a reload. The maps change between two events. */
int probe_set_wants(struct probe *p, const struct probe_wants *wants, struct error *err);

/*
 * From now on no event of this call is discarded, whatever probe_set_wants says. False: none was
 * already. From any thread.
 */
bool probe_keep(struct probe *p, uint16_t nr);

/*
 * Tells which clauses of the table that is in use (event/discard_table.h) may hold for a thread
 * that is as these facts say. It is forgotten when there are too many, and with the table.
 */
void probe_tell_process(struct probe *p, const struct task_facts *facts, uint64_t clauses);

/* One line each for the start-up message: "tp_btf/sys_exit", "sched_process_exec", ... */
size_t probe_attached(const struct probe *p, const char **names, size_t room);

/* The rings, for the reader: map descriptors (pollable), which are those of BPF ring buffers. */
struct probe_ring {
	int fd;
	uint32_t bytes;
	enum ring_kind kind;
};
size_t probe_rings(const struct probe *p, struct probe_ring *rings, size_t room);

/*
 * The next record wakes whoever waits for its ring's descriptor; or not any more. What was written
 * before this call can be seen in the rings afterwards, what is written later wakes.
 */
void probe_reader_waits(struct probe *p, bool waits);

/*
 * All tasks there are, as records of execve-like form (event code 293, RECORD_STATE_ONLY), from the
 * BPF task iterator; each is given to visit. -EOPNOTSUPP where the kernel has none: /proc is read
 * then.
 */
int probe_iterate_tasks(struct probe *p,
			void (*visit)(void *context, const void *record, size_t size),
			void *context, struct error *err);

/*
 * Makes a call of our own (chdir to where we are) that is reported like everybody's, as state only
 * where no rule wants it: for a reader that wants to know that what happens still comes. Others of
 * our threads may be seen with it.
 */
void probe_beat(struct probe *p);

struct probe_counters {
	uint64_t events; /* emitted */
	uint64_t drops[DROP_CAUSE_COUNT];
	uint64_t faults;    /* parameters that could not be read from user memory */
	uint64_t discarded; /* not reported, because no rule could hold */
	uint64_t sampled;   /* reported all the same */
};
struct probe_counters probe_counters(const struct probe *p);
/* The same of one CPU; false where there is none of that number. From any thread. */
bool probe_counters_of_cpu(const struct probe *p, unsigned cpu, struct probe_counters *out);
/* Drops of one event code by cause. From any thread. */
uint64_t probe_drops_of(const struct probe *p, uint16_t code, enum drop_cause cause);
/* All of them: of each event code, cause and CPU that has any. */
typedef void probe_drop_fn(void *context, uint16_t code, enum drop_cause cause, unsigned cpu,
			   uint64_t count);
void probe_each_drop(const struct probe *p, probe_drop_fn *visit, void *context);

/* Events of that code that were discarded on a CPU, -1: on all of them. From any thread. */
uint64_t probe_discards_of(const struct probe *p, uint16_t code, int cpu);

/*
 * How often a program ran and for how long, by number from 0; false behind the last one. Zeros
 * where the kernel does not count (kernel.bpf_stats_enabled). From any thread.
 */
struct probe_run {
	const char *name;
	uint64_t count, ns;
	uint32_t instructions; /* as the verifier left them, of 8 bytes */
	uint32_t native_bytes; /* of machine code; 0 where it is interpreted */
	uint32_t verified;     /* instructions that the verifier went through; 0 before 5.16 */
};
bool probe_run(const struct probe *p, size_t number, struct probe_run *run);

/* What the running kernel offers to the programs. */
struct probe_abilities {
	bool has_btf, has_rings;
	bool has_task_loads; /* facts of tasks without a call for each */
	bool has_loop;       /* names can be followed, paths of any depth be made */
	bool has_file_loads; /* facts of files without a call for each */
	bool has_iterator;
	bool has_page_faults;
	bool has_module_loads;        /* modules are told of before they run */
	bool has_routes;              /* the kernel tells where datagrams go */
	bool has_notifiers;           /* the kernel tells of its end */
	const char *uring_submission; /* tracepoint; NULL: requests are not seen */
	bool has_hooks;               /* the kernel tells within a call where its name has led */
	bool has_names;               /* it tells what names calls were given */
	bool has_changes;             /* it tells which inodes calls change */
	int hook_refusal;             /* errno of why not; 0: it has no functions to be asked */
	int cpus;
};
struct probe_abilities probe_abilities(struct probe *p);

/* For --probe-info, as text: what this kernel offers, and which fact comes from where. */
void probe_describe(struct probe *p, struct buffer *out);
/* And how large its programs are, as a table. */
void probe_describe_programs(const struct probe *p, struct buffer *out);

#endif
