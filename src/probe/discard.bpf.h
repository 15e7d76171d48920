/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/*
 * Events that no rule can hold for end here, before anything of them is collected: the tables of
 * event/discard_table.h say which. The program between the dispatcher and the collectors gathers
 * the facts, looks up the verdict, and where that is a question of the file's name goes on in
 * discard_name.bpf.h. What is not certain is kept.
 */
#ifndef SAKER_PROBE_DISCARD_BPF_H
#define SAKER_PROBE_DISCARD_BPF_H

#include "probe/discard_name.bpf.h"
#include "probe/hooks.bpf.h"

enum {
	CODE_CREAT = 59,
	OPEN_WRITE_ONLY = 1,
	OPEN_CREAT = 0x40,
	OPEN_UNNAMED = 0x400000, /* of O_TMPFILE */
};

/* By thread. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, DISCARD_PROCESSES);
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

/* What DISCARD_OPEN's numbers are made of; NO_FACTS where the call is not to be discarded. */
enum { NO_FACTS = 1 << 16 };
static __always_inline __u32 open_facts(__u64 file, __u32 flags)
{
	__u32 access = flags & OPEN_ACCESS, facts = 0;

	if (flags & OPEN_UNNAMED)
		return NO_FACTS;
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

/* What of a call's arguments the facts are made of. */
struct asked {
	__u64 name;
	__u32 fd, flags;
	bool has_address;
};

/* Answers whether the arguments are where they mostly are. */
static __always_inline bool asked_read(struct asked *a, const struct collect_row *row,
				       struct pt_regs *regs, bool compat)
{
	__u64 v[5] = {ARGUMENT(regs, compat, 0), ARGUMENT(regs, compat, 1),
		      ARGUMENT(regs, compat, 2), ARGUMENT(regs, compat, 3),
		      ARGUMENT(regs, compat, 4)};
	bool at = row->path_dir[0] != COLLECT_NONE;

	a->fd = v[0];
	a->name = at ? v[1] : v[0];
	a->flags = row->code == CODE_CREAT ? OPEN_WRITE_ONLY | OPEN_CREAT : at ? v[2] : v[1];
	/* Who sends with an address, or may, sends to another end than the socket's. */
	a->has_address = row->code == CODE_SENDTO ? v[4] != 0 : row->code == CODE_SENDMSG;
	return !(compat && IS_MULTIPLEXED(regs));
}

static __always_inline __u32 socket_facts(const struct collect_row *row, __s64 ret, __s32 given,
					  bool has_address)
{
	bool makes = row->fd_src == SOURCE_RET;
	__u32 facts = 0;

	if (!makes && (__u32)given <= 2)
		facts |= DISCARD_SOCKET_LOW;
	if (result_class(ret) == DISCARD_FAILED)
		return facts;
	__u64 sk =
	    sock_of_file(file_of_fd(HAS_TASK_BTF, current_task(), makes ? (__s32)ret : given));
	__u32 class = sk ? socket_class(sk) : DISCARD_SOCKET_OTHER;
	if (has_address && (class == DISCARD_SOCKET_UDP4 || class == DISCARD_SOCKET_UDP6))
		class = DISCARD_SOCKET_OTHER;
	return facts | class << DISCARD_SOCKET_SHIFT;
}

/* The verdict by the facts of a call. */
enum { CALL_HAS_ADDRESS = 1 << 16 }; /* beside its number */
__noinline int facts_verdict(__u32 call, __s64 ret, __s32 fd, __u32 flags, __u32 number)
{
	struct discard_table *t = discard_table_again(number);
	__u32 nr = INDEX(call, DISCARD_CALLS), facts = 0;
	if (!t || unlikely(nr == CALL_connect && is_interrupted(ret)))
		return DISCARD_KEEP;
	switch (t->shape[nr]) {
	case DISCARD_BY_RESULT:
		break;
	case DISCARD_OPEN:
		if (ret >= 0) {
			__u64 file = file_of_fd(HAS_TASK_BTF, current_task(), ret);
			facts = file ? open_facts(file, flags) : NO_FACTS;
		}
		break;
	case DISCARD_SOCKET:
		facts = socket_facts(&collect_rows[INDEX(call, PROBE_SYSCALLS)], ret, fd,
				     call & CALL_HAS_ADDRESS);
		break;
	default:
		return DISCARD_KEEP;
	}
	if (facts & NO_FACTS)
		return DISCARD_KEEP;
	return t->verdicts[INDEX(t->first[nr] + (facts | result_class(ret)), DISCARD_VERDICTS)];
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

/* Whether the name of the call is that of the known file; by whom it is asked, and for whom. */
static __always_inline bool known_is_given(struct known_path *path, __u64 me, __u64 pointer)
{
	path->user = me;
	long size = bpf_probe_read_user_str(path->given, KNOWN_TEXT_ROOM, (const void *)pointer);

	if (size != path->size + 1)
		return false;
#pragma clang loop unroll(disable)
	for (__u32 i = 0; i < KNOWN_WORDS; i++) {
		__u32 done = i * WORD;
		if (done >= path->size)
			break;
		__u64 differs = *(__u64 *)(path->given + done) ^ *(__u64 *)(path->text + done);
		if (differs & word_mask(path->size - done))
			return false;
	}
	return path->user == me;
}

/*
 * 1: none of the clauses can hold for this opening of a file that is known, under its own name.
 * What most openings are on a machine that does the same over and over, so that it goes without
 * what others need: a slot, and a copy of the path.
 */
__noinline int known_is_out(__s32 fd, __u64 name, __u64 clauses, __u32 number)
{
	bool known = HAS_TASK_BTF;
	struct task_struct *task = current_task();
	struct {
		__u64 mnt, dentry;
	} at = {0};
	__u64 file = file_of_fd(known, task, fd);

	/* As numbers, which a look for what is known of them takes apart. */
	if (!file || bpf_core_read(&at, sizeof(at), &((struct file *)file)->f_path))
		return 0;
	struct known_path *path = known_get(at.dentry, KNOWN_FILE);
	if (!path || path->dentry != at.dentry || path->mnt != at.mnt || path->number != number)
		return 0;
	__u32 version = path->version;
	if (version & 1 || path->size > KNOWN_TEXT || clauses & path->may_hold ||
	    !READ(dentry, at.dentry, d_hash.pprev))
		return 0;
	struct fs_struct *fs = FOLLOW(known, task, fs);
	if (!fs)
		return 0;
	__u64 end_mnt = origin_mount(known, task), end_dentry;
	if (end_mnt) {
		end_dentry = (__u64)READ(vfsmount, end_mnt, mnt_root);
	} else {
		end_mnt = (__u64)FOLLOW(known, fs, root.mnt);
		end_dentry = (__u64)FOLLOW(known, fs, root.dentry);
	}
	__u64 sb = (__u64)READ(dentry, at.dentry, d_sb);
	if (READ(super_block, sb, s_magic) == OVERLAYFS_MAGIC_ &&
	    sb != (__u64)READ(vfsmount, end_mnt, mnt_sb))
		return 0;
	__u64 me = bpf_get_current_pid_tgid() | (1ULL << 63);
	return known_is_given(path, me, name) &&
	       known_is_there(path, KNOWN_FILE, me, end_dentry, end_mnt) &&
	       version == path->version;
}

/* By its name, in a slot. */
static __always_inline bool name_is_out(struct slot *s, const struct discard_table *t,
					__u64 clauses, bool known, struct task_struct *trusted,
					struct task_struct *task)
{
	if (!names_clauses(s->index, t->number))
		return false;
	clauses &= s->run.may_hold;
	if (clauses & t->of_process)
		clauses &= process_clauses(t, known, trusted, task);
	return !clauses;
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

/* Whether the call is not to be reported. */
static __always_inline bool is_out(struct pt_regs *regs, __u32 nr, const struct collect_row *row,
				   __s64 ret, bool compat, bool known, struct task_struct *trusted,
				   struct task_struct *task)
{
	struct discard_table *t = discard_table_get();
	struct asked asked;

	if (!t || !asked_read(&asked, row, regs, compat))
		return false;
	__u32 number = t->number;
	__u32 verdict = facts_verdict(nr | (asked.has_address ? CALL_HAS_ADDRESS : 0), ret,
				      asked.fd, asked.flags, number);
	if (verdict == DISCARD_KEEP)
		return false;
	__u64 clauses = t->clauses[INDEX(verdict, DISCARD_SETS)];
	/* The process first where it decides alone; else the name, which mostly is enough. */
	if (clauses & ~t->named && clauses & t->of_process)
		clauses &= process_clauses(t, known, trusted, task);
	if (!clauses)
		return true;
	if (clauses & ~t->named)
		return false;
	if (ret >= 0 && known_is_out(ret, asked.name, clauses, number))
		return true;
	struct slot *s = slot_claim();
	if (!s)
		return false;
	s->task = (__u64)trusted;
	s->request_file = 0;
	args_load(s, regs, compat);
	s->values[SOURCE_RET] = ret;
	s->values[SOURCE_ZERO] = 0;
	s->file = ret >= 0 ? file_of_fd(known, task, ret) : 0;
	s->nr = nr;
	bool out = name_is_out(s, t, clauses, known, trusted, task);
	slot_release(s);
	return out;
}

SEC("tp_btf/sys_exit")
int BPF_PROG(discard_calls, struct pt_regs *regs, long returned)
{
	bool known = HAS_TASK_BTF;
	struct task_struct *trusted = current_trusted();
	struct task_struct *task = known ? task_plain(trusted) : trusted;
	bool compat = is_compat(known, trusted);
	__u32 nr = native_nr(true, regs, compat);
	__s64 ret = compat ? call_result_32(returned) : returned;

	if (nr >= PROBE_SYSCALLS)
		return 0;
	const struct collect_row *row = &collect_rows[INDEX(nr, PROBE_SYSCALLS)];
	__u32 cpu = bpf_get_smp_processor_id();
	if (is_out(regs, nr, row, ret, compat, known, trusted, task) && !is_sample(cpu)) {
		count_discard(cpu, row->code);
		if (has_hooks && hooked[INDEX(nr, PROBE_SYSCALLS)])
			hook_forget();
		if (unlikely(routes_in_use) && is_sending(nr))
			sent_forget();
		return 0;
	}
	bpf_tail_call(ctx, &families, row->family);
	count_drop(bpf_get_smp_processor_id(), row->code, DROP_COLLECTOR);
	return 0;
}

#endif
