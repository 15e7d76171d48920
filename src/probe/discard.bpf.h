/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/*
 * Events that no rule can hold for end here, before anything of them is collected: the tables of
 * event/discard_table.h say which. The program between the dispatcher and the collectors gathers
 * the facts, looks up the verdict, and where that is a question of the file's name asks the
 * automaton, for both names under which an event is judged: the one that was given and the one that
 * the kernel says. What is not certain is kept.
 */
#ifndef SAKER_PROBE_DISCARD_BPF_H
#define SAKER_PROBE_DISCARD_BPF_H

#include "event/discard_table.h"
#include "probe/hooks.bpf.h"

enum {
	CODE_CREAT = 59,
	OPEN_WRITE_ONLY = 1,
	OPEN_CREAT = 0x40,
	OPEN_UNNAMED = 0x400000, /* of O_TMPFILE */
	GIVEN_AT = 0,            /* in the slot's path, at whose end the resolved one stands */
	NAME_STEP = 8,
	NAME_LOOPS = DISCARD_NAME_MAX / NAME_STEP,
};

/* What the loader makes of discard_table, or nothing. Replaced as a whole. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} discards SEC(".maps");

/* By thread. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, DISCARD_PROCESSES);
	__type(key, __u32);
	__type(value, struct discard_process);
} discard_processes SEC(".maps");

static __always_inline struct discard_table *discard_table_get(void)
{
	__u32 zero = 0;
	void *inner = bpf_map_lookup_elem(&discards, &zero);
	return inner ? bpf_map_lookup_elem(inner, &zero) : NULL;
}

static __always_inline __u32 result_class(__s64 ret)
{
	if (ret < 0)
		return ret == -EINPROGRESS_ ? DISCARD_UNDER_WAY : DISCARD_FAILED;
	return ret <= 2 ? DISCARD_LOW : DISCARD_HIGH;
}

/* What DISCARD_OPEN's numbers are made of; NO_FACTS where the call is not to be discarded. */
enum { NO_FACTS = 1 << 16 };
static __always_inline __u32 open_facts(struct slot *s, const struct collect_row *row)
{
	__u64 file = s->file;
	__u32 flags = s->values[row->path_dir[0] == COLLECT_NONE ? 1 : 2];
	__u32 facts = 0;

	if (row->code == CODE_CREAT)
		flags = OPEN_WRITE_ONLY | OPEN_CREAT;
	if (!file || flags & OPEN_UNNAMED)
		return NO_FACTS;
	__u32 access = flags & OPEN_ACCESS;
	if (access != OPEN_WRITE_ONLY)
		facts |= DISCARD_OPEN_READ;
	if (access == OPEN_WRITE_ONLY || access == 2)
		facts |= DISCARD_OPEN_WRITE;
	if (flags & OPEN_CREAT)
		facts |= DISCARD_OPEN_MAY_CREATE;
	if (READ(file, file, f_mode) & FMODE_CREATED_)
		facts |= DISCARD_OPEN_CREATED;
	__u64 inode = (__u64)READ(file, file, f_inode);
	switch (file_type((__u64)READ(file, file, f_path.dentry), (__u64)READ(inode, inode, i_sb),
			  READ(inode, inode, i_mode))) {
	case FD_FILE:
		return facts | DISCARD_FILE_PLAIN << DISCARD_FILE_SHIFT;
	case FD_DIRECTORY:
		return facts | DISCARD_FILE_DIRECTORY << DISCARD_FILE_SHIFT;
	default:
		return facts | DISCARD_FILE_OTHER << DISCARD_FILE_SHIFT;
	}
}

static __always_inline bool is_loopback4(__u32 address)
{
	return (address & 0xff) == 127;
}

/* ::1; and an IPv4 address that is written as IPv6. */
static __always_inline bool is_loopback6(const __u32 *address)
{
	return !address[0] && !address[1] && !address[2] && address[3] == __builtin_bswap32(1);
}
static __always_inline bool is_mapped_loopback(const __u32 *address)
{
	return !address[0] && !address[1] && address[2] == __builtin_bswap32(0xffff) &&
	       is_loopback4(address[3]);
}

static __always_inline __u32 socket_class(__u64 sk)
{
	__u16 family = READ(sock, sk, __sk_common.skc_family);
	__u32 local[4] = {0}, remote[4] = {0};
	bool is_tcp = READ(sock, sk, sk_protocol) == IPPROTO_TCP_;

	if (family == AF_UNIX_)
		return DISCARD_SOCKET_UNIX;
	if (!is_tcp && READ(sock, sk, sk_protocol) != PROTOCOL_UDP)
		return DISCARD_SOCKET_OTHER;
	if (family == AF_INET_) {
		if (is_loopback4(READ(sock, sk, __sk_common.skc_rcv_saddr)) &&
		    is_loopback4(READ(sock, sk, __sk_common.skc_daddr)))
			return is_tcp ? DISCARD_SOCKET_TCP4 : DISCARD_SOCKET_UDP4;
		return DISCARD_SOCKET_OTHER;
	}
	if (family != AF_INET6_)
		return DISCARD_SOCKET_OTHER;
	bpf_probe_read_kernel(local, 16, &((struct sock *)sk)->__sk_common.skc_v6_rcv_saddr);
	bpf_probe_read_kernel(remote, 16, &((struct sock *)sk)->__sk_common.skc_v6_daddr);
	if (is_loopback6(local) && is_loopback6(remote))
		return is_tcp ? DISCARD_SOCKET_TCP6 : DISCARD_SOCKET_UDP6;
	if (is_mapped_loopback(local) && is_mapped_loopback(remote))
		return is_tcp ? DISCARD_SOCKET_TCP4 : DISCARD_SOCKET_UDP4;
	return DISCARD_SOCKET_OTHER;
}

static __always_inline __u32 socket_facts(struct slot *s, const struct collect_row *row,
					  __u32 result)
{
	bool makes = row->fd_src == SOURCE_RET;
	__s32 given = s->values[0];
	bool may_send_elsewhere = false;
	__u32 facts = 0;

	if (!makes && (__u32)given <= 2)
		facts |= DISCARD_SOCKET_LOW;
	if (result == DISCARD_FAILED)
		return facts;
	/* Who sends with an address, or may, sends to another end than the socket's. */
	if (row->code == CODE_SENDTO ? s->values[4] != 0 : row->code == CODE_SENDMSG)
		may_send_elsewhere = true;
	__u64 sk = sock_of_file(
	    file_of_fd(HAS_TASK_BTF, slot_task(s), makes ? (__s32)s->values[SOURCE_RET] : given));
	__u32 class = sk ? socket_class(sk) : DISCARD_SOCKET_OTHER;
	if (may_send_elsewhere && (class == DISCARD_SOCKET_UDP4 || class == DISCARD_SOCKET_UDP6))
		class = DISCARD_SOCKET_OTHER;
	return facts | class << DISCARD_SOCKET_SHIFT;
}

/*
 * From here on each step is a global function, which the verifier looks at once; so it has to get
 * the table again, and to see that it is still the one that asked.
 */
static __always_inline struct discard_table *discard_table_again(__u32 number)
{
	struct discard_table *t = discard_table_get();
	return t && t->number == number ? t : NULL;
}

/* What the steps of a loop over a name go by; how far they are stands in the slot. */
struct name_run {
	struct slot *slot;
	struct discard_table *table;
};

/* Eight bytes of a name through the automata; 1 ends. */
static long name_run_step(__u32 step, void *context)
{
	struct name_run *run = context;
	struct slot *s = run->slot;
	struct discard_table *t = run->table;
	__u32 at = s->run.at, left = s->run.left, classes = t->class_count;
	__u32 first = s->run.first, second = s->run.second;

#pragma clang loop unroll(disable)
	for (__u32 i = 0; i < NAME_STEP; i++) {
		if (i >= left)
			break;
		__u32 class = t->classes[s->path[INDEX(at + i, RECORD_PATH_MAX)]];
		first = t->next[INDEX(first * classes + class, DISCARD_STEPS)];
		second = t->next[INDEX(second * classes + class, DISCARD_STEPS)];
	}
	s->run.first = first;
	s->run.second = second;
	s->run.at = at + NAME_STEP;
	s->run.left = left - NAME_STEP;
	return left <= NAME_STEP;
}

/* Eight bytes of the path and of the given name; 1 ends. */
static long given_compare_step(__u32 step, void *context)
{
	struct name_run *run = context;
	struct slot *s = run->slot;
	__u32 at = s->run.at, left = s->run.left, given = s->run.first;
	__u64 differs = *(__u64 *)(s->path + INDEX(at, RECORD_PATH_MAX)) ^
			*(__u64 *)(s->path + INDEX(given, RECORD_PATH_MAX));

	if (left < NAME_STEP)
		differs &= (1ULL << INDEX(left, NAME_STEP) * 8) - 1;
	s->run.at = at + NAME_STEP;
	s->run.first = given + NAME_STEP;
	s->run.left = left - NAME_STEP;
	s->run.differs = differs != 0;
	return differs || left <= NAME_STEP;
}

/* For kernels without bpf_loop: the verifier looks at a global function once. */
__noinline int name_run_alone(__u32 slot_index, __u32 number)
{
	struct name_run run = {bpf_map_lookup_elem(&slots, &slot_index),
			       discard_table_again(number)};
	return !run.slot || !run.table || name_run_step(0, &run);
}
__noinline int given_compare_alone(__u32 slot_index)
{
	struct name_run run = {bpf_map_lookup_elem(&slots, &slot_index), NULL};
	return !run.slot || given_compare_step(0, &run);
}

/* To the end of the name, in steps; how far it came stands in the slot. */
static __always_inline void name_run(struct slot *s, struct discard_table *t)
{
#ifdef PROBE_WITHOUT_LOOP
	__u32 slot_index = s->index, number = t->number;
	for (int i = 0; i < NAME_LOOPS; i++)
		if (name_run_alone(slot_index, number))
			break;
#else
	struct name_run run = {s, t};
	bpf_loop(NAME_LOOPS, name_run_step, &run, 0);
#endif
}
static __always_inline void given_compare(struct slot *s)
{
#ifdef PROBE_WITHOUT_LOOP
	__u32 slot_index = s->index;
	for (int i = 0; i < NAME_LOOPS; i++)
		if (given_compare_alone(slot_index))
			break;
#else
	struct name_run run = {s, NULL};
	bpf_loop(NAME_LOOPS, given_compare_step, &run, 0);
#endif
}

/* Whether one of the clauses may hold for the name that stands there in the slot's path. */
__noinline int name_may_match(__u32 slot_index, __u32 at, __u32 size, __u32 number)
{
	struct slot *s = bpf_map_lookup_elem(&slots, &slot_index);
	struct discard_table *t = discard_table_again(number);
	if (!s || !t)
		return 1;
	s->run.at = at;
	s->run.left = size;
	s->run.first = 0;
	s->run.second = t->floating;
	name_run(s, t);
	__u32 sets = t->sets[INDEX(s->run.first, DISCARD_STATES)] * t->set_count +
		     t->sets[INDEX(s->run.second, DISCARD_STATES)];
	return (t->answers[INDEX(sets, DISCARD_ANSWERS)] & s->run.clauses) != 0;
}

/* Whether the given name's bytes are the last ones of the path. */
__noinline int name_ends_path(__u32 slot_index, __u32 size)
{
	struct slot *s = bpf_map_lookup_elem(&slots, &slot_index);
	if (!s)
		return 0;
	s->run.at = RECORD_PATH_MAX - size;
	s->run.first = GIVEN_AT;
	s->run.left = size;
	s->run.differs = 1;
	given_compare(s);
	return !s->run.differs;
}

/*
 * Whether the path is what a relative name says, whose bytes end it: the directory that the name
 * starts from lies so many bytes higher, in the same mount. Then its own path begins the file's.
 */
__noinline int name_is_below_base(__u32 slot_index, __u32 size)
{
	struct slot *s = bpf_map_lookup_elem(&slots, &slot_index);
	if (!s)
		return 0;
	const struct collect_row *row = &collect_rows[INDEX(s->nr, PROBE_SYSCALLS)];
	__u64 file = s->file;
	__u64 above = climb((__u64)READ(file, file, f_path.dentry), size);
	struct place base = {0};

	return name_base(s, row, 0, HAS_TASK_BTF, slot_task(s), &base) && above &&
	       above == base.dentry && (__u64)READ(file, file, f_path.mnt) == base.mnt;
}

/* 1: for neither name of the slot's call one of the clauses may hold. */
__noinline int names_are_out(__u32 slot_index, __u32 number)
{
	struct slot *s = bpf_map_lookup_elem(&slots, &slot_index);
	bool known = HAS_TASK_BTF;
	if (!s)
		return 0;
	const struct collect_row *row = &collect_rows[INDEX(s->nr, PROBE_SYSCALLS)];
	__u64 pointer = s->values[row->path_dir[0] != COLLECT_NONE];
	long size = bpf_probe_read_user_str(s->path + GIVEN_AT, DISCARD_NAME_MAX + 1,
					    (const void *)pointer);

	if (size <= 1 || size > DISCARD_NAME_MAX)
		return 0;
	size--;
	bool is_relative = s->path[GIVEN_AT] != '/';
	if (!s->file)
		return !is_relative && !name_may_match(slot_index, GIVEN_AT, size, number);
	root_remember(s, known, slot_task(s));
	if (file_resolve_origin(s, s->file))
		return 0;
	__u32 flags = s->path_flags, at = s->path_at;
	if (flags & (ANNEX_CUT | ANNEX_DELETED | ANNEX_UNREACHED) || at >= RECORD_PATH_MAX)
		return 0;
	__u32 length = RECORD_PATH_MAX - at;
	if (length > DISCARD_NAME_MAX || name_may_match(slot_index, at, length, number))
		return 0;
	bool is_end = size <= length && name_ends_path(slot_index, size);
	if (!is_relative)
		return (is_end && size == length) ||
		       !name_may_match(slot_index, GIVEN_AT, size, number);
	return is_end && size < length && !flags && !root_is_own(s) &&
	       s->path[INDEX(RECORD_PATH_MAX - size - 1, RECORD_PATH_MAX)] == '/' &&
	       name_is_below_base(slot_index, size);
}

/* The verdict by the facts of the slot's call. */
__noinline int facts_verdict(__u32 slot_index, __u32 number)
{
	struct slot *s = bpf_map_lookup_elem(&slots, &slot_index);
	struct discard_table *t = discard_table_again(number);
	if (!s || !t)
		return DISCARD_KEEP;
	const struct collect_row *row = &collect_rows[INDEX(s->nr, PROBE_SYSCALLS)];
	__s64 ret = s->values[SOURCE_RET];
	__u32 result = result_class(ret), facts = 0;

	switch (t->shape[INDEX(s->nr, DISCARD_CALLS)]) {
	case DISCARD_BY_RESULT:
		break;
	case DISCARD_OPEN:
		if (ret >= 0)
			facts = open_facts(s, row);
		break;
	case DISCARD_SOCKET:
		facts = socket_facts(s, row, result);
		break;
	default:
		return DISCARD_KEEP;
	}
	if (facts & NO_FACTS)
		return DISCARD_KEEP;
	__u32 first = t->first[INDEX(s->nr, DISCARD_CALLS)];
	return t->verdicts[INDEX(first + (facts | result), DISCARD_VERDICTS)];
}

/* The clauses whose part of the process may hold: all, where nothing was told of it as it is. */
static __always_inline __u64 process_clauses(const struct discard_table *t, bool known,
					     struct task_struct *trusted, struct task_struct *task)
{
	__u32 tid = FOLLOW(known, trusted, pid);
	struct discard_process *p = bpf_map_lookup_elem(&discard_processes, &tid);
	__u64 comm[2] = {0};

	if (!p || p->number != t->number ||
	    p->start_time != FOLLOW(known, task, group_leader, start_boottime) ||
	    p->exec_id != FOLLOW(known, trusted, self_exec_id) ||
	    p->cgroup_id != FOLLOW(known, task, cgroups, dfl_cgrp, kn, id))
		return ~0ULL;
	if (known) {
		comm[0] = *(__u64 *)&trusted->comm[0];
		comm[1] = *(__u64 *)&trusted->comm[8];
	} else {
		bpf_core_read(comm, sizeof(comm), &task->comm);
	}
	if (comm[0] != *(__u64 *)&p->comm[0] || comm[1] != *(__u64 *)&p->comm[8])
		return ~0ULL;
	return p->clauses | ~t->of_process;
}

static __always_inline bool is_out(const struct discard_table *t, struct slot *s, bool known,
				   struct task_struct *trusted, struct task_struct *task)
{
	__u32 number = t->number;
	__u32 verdict = facts_verdict(s->index, number);

	if (verdict == DISCARD_KEEP)
		return false;
	__u64 clauses = t->clauses[INDEX(verdict, DISCARD_SETS)];
	if (clauses & t->of_process)
		clauses &= process_clauses(t, known, trusted, task);
	if (!clauses)
		return true;
	if (clauses & ~t->named)
		return false;
	s->run.clauses = clauses;
	return names_are_out(s->index, number);
}

/* Of so many events that are discarded one is let through, marked. */
static __always_inline bool is_sample(__u32 cpu)
{
	__u32 every = discard_sample;

	BOUND(cpu);
	if (cpu >= PROBE_CPUS)
		return false;
	__u64 count = ++counters[cpu].discarded;
	if (!every || count % every)
		return false;
	counters[cpu].sampled++;
	counters[cpu].sample_of = bpf_get_current_pid_tgid() | (1ULL << 63);
	return true;
}

SEC("tp_btf/sys_exit")
int BPF_PROG(discard_calls, struct pt_regs *regs, long returned)
{
	bool known = HAS_TASK_BTF;
	struct task_struct *trusted = current_trusted();
	struct task_struct *task = known ? task_plain(trusted) : trusted;
	bool compat = is_compat(known, trusted);
	__u32 nr = native_nr(true, regs, compat);
	struct discard_table *t = discard_table_get();
	__s64 ret = returned;

	if (nr >= PROBE_SYSCALLS)
		return 0;
	const struct collect_row *row = &collect_rows[INDEX(nr, PROBE_SYSCALLS)];
	struct slot *s = t ? slot_claim() : NULL;
	if (s) {
		if (compat)
			ret = call_result_32(ret);
		s->task = (__u64)trusted;
		s->request_file = 0;
		args_load(s, regs, compat);
		s->values[SOURCE_RET] = ret;
		s->values[SOURCE_ZERO] = 0;
		s->file = 0;
		if (row->flags & ROW_OPENS && ret >= 0)
			s->file = file_of_fd(known, task, ret);
		s->nr = nr;
		bool out = is_out(t, s, known, trusted, task);
		__u32 cpu = s->cpu;
		slot_release(s);
		if (out && !is_sample(cpu)) {
			if (has_hooks && hooked[INDEX(nr, PROBE_SYSCALLS)])
				hook_forget();
			return 0;
		}
	}
	bpf_tail_call(ctx, &families, row->family);
	count_drop(bpf_get_smp_processor_id(), row->code, DROP_COLLECTOR);
	return 0;
}

#endif
