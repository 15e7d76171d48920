/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel side: loads and attaches the eBPF programs, tells them what the plan wants, and gives
 * access to the rings. Belongs to one thread, but for probe_counters.
 */
#ifndef SAKER_PROBE_PROBE_H
#define SAKER_PROBE_PROBE_H

#include "base/buffer.h"
#include "base/error.h"
#include "event/record.h"
#include "event/schema.h"

struct probe;

struct probe_options {
	uint32_t ring_bytes; /* of each common ring; a power of two */
	uint32_t critical_ring_bytes;
	uint32_t cpus_per_ring; /* 0: one ring for all */
	bool drop_failed;       /* drop_failed_exit: failed calls are not reported */
	uint32_t snaplen;       /* bytes of buffers that are carried */
};

/* What the programs must collect, by native syscall number and tracepoint. */
struct probe_wants {
	uint8_t wanted[SYSCALL_NR_LIMIT]; /* 0: return at once */
	uint32_t facts[SYSCALL_NR_LIMIT]; /* FACT_* of fields/field.h */
	bool page_faults, switches, signals;
};

/*
 * Opens, loads and attaches. Where that cannot work the error says what is missing and what to do:
 * no BTF, no privilege (which capability), lockdown, kernel too old.
 */
struct probe *probe_open(const struct probe_options *options, struct error *err);
void probe_close(struct probe *p);

/* May be called again while running: a reload. The maps change between two events. */
int probe_set_wants(struct probe *p, const struct probe_wants *wants, struct error *err);

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
 * All tasks there are, as records of execve-like form (event code 293, RECORD_STATE_ONLY), from the
 * BPF task iterator; each is given to visit. -EOPNOTSUPP where the kernel has none: /proc is read
 * then.
 */
int probe_iterate_tasks(struct probe *p,
			void (*visit)(void *context, const void *record, size_t size),
			void *context, struct error *err);

struct probe_counters {
	uint64_t events; /* emitted */
	uint64_t drops[DROP_CAUSE_COUNT];
	uint64_t faults; /* parameters that could not be read from user memory */
};
struct probe_counters probe_counters(const struct probe *p);
/* Drops of one event code by cause. */
uint64_t probe_drops_of(const struct probe *p, uint16_t code, enum drop_cause cause);

/* What this kernel offers, as text for --probe-info. */
void probe_describe(struct probe *p, struct buffer *out);

#endif
