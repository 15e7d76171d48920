/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/*
 * Events that no rule can hold for end before anything of them is collected: the tables of
 * event/discard_table.h say which. What is not certain is kept. Three programs do it, each for
 * calls of its own, so that none touches memory that only the others need, its own instructions
 * included:
 *
 *   discard_opened  openings that succeeded, of files that are known
 *   discard_opens   all other openings, which may take a look at names
 *   discard_calls   what is decided by facts and the process alone
 *
 * Here is what they have in common.
 */
#ifndef SAKER_PROBE_DISCARD_VERDICT_BPF_H
#define SAKER_PROBE_DISCARD_VERDICT_BPF_H

#include "event/discard_table.h"
#include "probe/calls.bpf.h"
#include "probe/hooks.bpf.h"

/* What the loader makes of discard_table, or nothing. Replaced as a whole. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} discards SEC(".maps");

/* By the lower bits of the thread's number; written by the program where it lies. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, DISCARD_PROCESSES);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct discard_process);
} discard_processes SEC(".maps");

/* Discarded events by CPU and event code. No map by CPU: a lookup here is but a few instructions.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, PROBE_CODES); /* the loader makes it so many for each CPU */
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, __u64);
} discards_by_code SEC(".maps");

static __always_inline void count_discard(__u32 cpu, __u32 code)
{
	__u32 key = cpu * PROBE_CODES + code;
	__u64 *count = bpf_map_lookup_elem(&discards_by_code, &key);
	if (count)
		++*count;
}

static __always_inline __u32 result_class(__s64 ret)
{
	if (ret < 0)
		return ret == -EINPROGRESS_ ? DISCARD_UNDER_WAY : DISCARD_FAILED;
	return ret <= 2 ? DISCARD_LOW : DISCARD_HIGH;
}

static __always_inline struct discard_table *discard_table_get(void)
{
	__u32 zero = 0;
	void *inner = bpf_map_lookup_elem(&discards, &zero);
	return inner ? bpf_map_lookup_elem(inner, &zero) : NULL;
}

static __always_inline struct discard_table *discard_table_again(__u32 number)
{
	struct discard_table *t = discard_table_get();
	return t && t->number == number ? t : NULL;
}

/* The clauses whose part of the process may hold: all, where nothing was told of it as it is. */
static __always_inline __u64 process_clauses(const struct discard_table *t, bool known,
					     struct task_struct *trusted, struct task_struct *task)
{
	__u32 tid = FOLLOW(known, trusted, pid);
	__u32 index = INDEX(tid, DISCARD_PROCESSES);
	const struct discard_process *p = bpf_map_lookup_elem(&discard_processes, &index);
	struct discard_process is = {
	    .start_time = FOLLOW(known, task, group_leader, start_boottime),
	    .exec_id = FOLLOW(known, trusted, self_exec_id),
	    .cgroup_id = FOLLOW(known, task, cgroups, dfl_cgrp, kn, id),
	    .tid = tid,
	    .number = t->number,
	};

	if (known) {
		is.comm[0] = *(__u64 *)&trusted->comm[0];
		is.comm[1] = *(__u64 *)&trusted->comm[8];
	} else {
		bpf_core_read(is.comm, sizeof(is.comm), &task->comm);
	}
	if (!p || p->tid != tid || p->number != is.number || p->start_time != is.start_time ||
	    p->exec_id != is.exec_id || p->cgroup_id != is.cgroup_id || p->comm[0] != is.comm[0] ||
	    p->comm[1] != is.comm[1])
		return ~0ULL;
	__u64 clauses = p->clauses;
	return p->seal == discard_seal(&is, clauses) ? clauses | ~t->of_process : ~0ULL;
}

/* Of so many events that are discarded one is let through, marked. */
static __always_inline bool is_sample(__u32 cpu)
{
	__u32 every = discard_sample;

	BOUND(cpu);
	if (cpu >= PROBE_CPUS)
		return false;
	counters[cpu].discarded++;
	if (!every || ++counters[cpu].since_sample < every)
		return false;
	counters[cpu].since_sample = 0;
	counters[cpu].sampled++;
	counters[cpu].sample_of = bpf_get_current_pid_tgid() | (1ULL << 63);
	return true;
}

/* Ends the event, or collects it where it is one of those that are looked at all the same. */
static __always_inline bool discard_end(void *ctx, __u32 nr, const struct collect_row *row,
					bool is_out)
{
	__u32 cpu = bpf_get_smp_processor_id();

	if (is_out && !is_sample(cpu)) {
		count_discard(cpu, row->code);
		if (has_hooks && hooked[INDEX(nr, PROBE_SYSCALLS)])
			hook_forget();
		return true;
	}
	bpf_tail_call(ctx, &families, row->family);
	count_drop(bpf_get_smp_processor_id(), row->code, DROP_COLLECTOR);
	return false;
}

#endif
