/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* The beginning and the end of processes and threads, and their names. */
#ifndef SAKER_PROBE_FORK_BPF_H
#define SAKER_PROBE_FORK_BPF_H

#include "probe/early.bpf.h"
#include "probe/hooks.bpf.h"

/*
 * By thread: the flags of a clone3 under way. They are in the caller's memory, where another thread
 * may write others; with which the child was made the kernel tells within the call. Attached while
 * rules ask for that call.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u64);
	__type(value, __u64);
} clone_flags SEC(".maps");

SEC("tp_btf/task_newtask")
int BPF_PROG(task_made, struct task_struct *child, unsigned long flags)
{
	__u64 who = bpf_get_current_pid_tgid(), kept = flags;
	bool compat = is_compat(HAS_TASK_BTF, current_trusted());

	if (native_nr(false, current_regs(), compat) == NR_CLONE3 && wants[NR_CLONE3] & WANT_RULES)
		bpf_map_update_elem(&clone_flags, &who, &kept, BPF_ANY);
	return 0;
}

static __always_inline __u64 clone3_flags(__u64 arguments, bool is_made)
{
	__u64 who = bpf_get_current_pid_tgid(), flags = 0;
	__u64 *kept = is_made ? bpf_map_lookup_elem(&clone_flags, &who) : NULL;

	if (kept)
		return *kept;
	bpf_probe_read_user(&flags, sizeof(flags), (void *)arguments);
	return flags;
}

/* Flags of the clone call that `parent` is in, in scap's form. */
static __always_inline __u32 clone_call_flags(bool known, struct pt_regs *regs, __u32 nr,
					      bool compat, bool is_made)
{
	__u64 first = FIRST_ARGUMENT(known, regs, compat);
	switch (nr) {
	case NR_CLONE:
		return translate(TRANSLATE_CLONE, first);
	case NR_CLONE3:
		return translate(TRANSLATE_CLONE, clone3_flags(first, is_made));
	case NR_VFORK:
		return SCAP_CLONE_VFORK;
	default:
		return 0;
	}
}

/* Parameters 1 to 20 of clone events; 0 stands. */
static __always_inline void put_clone(struct slot *s, bool known, struct task_struct *task,
				      __u32 flags, bool is_child)
{
	struct record *r = (struct record *)s->data;
	__u64 mm = (__u64)FOLLOW(known, task, mm);
	struct pid *pid = FOLLOW(known, task, thread_pid);
	__u32 level = FOLLOW(known, pid, level);
	struct pid_namespace *ns = pid_own_ns(pid, level);
	__u64 reaper_start = 0;

	put_exe_args(s, mm);
	put_process(s, known, task, mm);
	if (level || (__u64)ns != (__u64)FOLLOW(known, task, nsproxy, pid_ns_for_children))
		flags |= SCAP_CHILD_IN_PIDNS;
	put_u32(s, 15, flags);
	put_u32(s, 16, r->task.uid);
	put_u32(s, 17, r->task.gid);
	put_u64(s, 18, (__s64)r->task.vtid);
	put_u64(s, 19, (__s64)r->task.vpid);
	if (is_child && ns) {
		__u64 reaper = (__u64)READ(pid_namespace, ns, child_reaper);
		if (reaper)
			reaper_start = READ(task_struct, reaper, start_time);
	}
	put_u64(s, 20, reaper_start);
	params_end(s);
}

static __always_inline __u16 clone_code(__u32 nr)
{
	switch (nr) {
	case NR_FORK:
		return CODE_FORK;
	case NR_VFORK:
		return CODE_VFORK;
	case NR_CLONE3:
		return CODE_CLONE3;
	default:
		return CODE_CLONE;
	}
}

/* Who made a process, where that is not its parent: it is what the process goes on to be. */
static __always_inline void annex_creator(struct slot *s, struct task_struct *creator,
					  struct task_struct *child)
{
	if (child->tgid == creator->tgid || ((struct record *)s->data)->task.ppid == creator->tgid)
		return;
	__u32 pos = annex_start(s, ANNEX_CREATOR, ANNEX_OF_TASK, 0, sizeof(struct annex_creator));
	if (!pos || pos > PROBE_POS_LIMIT + 64)
		return;
	struct annex_creator *a = (struct annex_creator *)(s->data + pos);
	a->start_time = BPF_CORE_READ(creator, group_leader, start_boottime);
	a->pid = creator->tgid;
	a->reserved = 0;
}

/* The child's event, before it can run. */
SEC("tp_btf/sched_process_fork")
int BPF_PROG(process_fork, struct task_struct *trusted, struct task_struct *trusted_child)
{
	struct task_struct *parent = task_plain(trusted), *child = task_plain(trusted_child);
	if (child->flags & PF_KTHREAD_ || parent->tgid == own_tgid)
		return 0;
	struct pt_regs *regs = current_regs();
	bool compat = is_compat(true, parent);
	__u32 nr = native_nr(false, regs, compat);
	if (nr != NR_FORK && nr != NR_VFORK && nr != NR_CLONE3)
		nr = NR_CLONE;
	struct slot *s = event_begin(clone_code(nr), CLONE_PARAMS, nr, true, trusted_child, child,
				     wants[INDEX(nr, PROBE_SYSCALLS)] & WANT_RULES);
	if (!s)
		return 0;
	s->is_critical = ROW_IMPORTANT;
	put_u64(s, 0, 0);
	put_clone(s, true, child, clone_call_flags(false, regs, nr, compat, true), true);
	annex_creator(s, parent, child);
	slot_emit(s);
	return 0;
}

/* The parent's side. */
SEC("tp_btf/sys_exit")
int BPF_PROG(collect_fork_calls, struct pt_regs *regs, long ret)
{
	const struct collect_row *row;
	struct slot *s = collect_begin(regs, ret, &row);
	if (!s)
		return 0;
	bool known = HAS_TASK_BTF;
	struct task_struct *task = current_task();
	struct event_header *header = (struct event_header *)(s->data + EVENT_AT);
	header->nparams = CLONE_PARAMS;
	s->params_at = s->pos = LENGTHS_AT + 2 * CLONE_PARAMS;
	put_u64(s, 0, ret);
	put_clone(s, known, task,
		  clone_call_flags(true, regs, s->nr, s->flags & RECORD_COMPAT, ret >= 0), false);
	if (s->nr == NR_CLONE3) {
		__u64 who = bpf_get_current_pid_tgid();
		bpf_map_delete_elem(&clone_flags, &who);
	}
	slot_emit(s);
	return 0;
}

enum {
	GROUP_THREADS_MAX = 32,
	ANCESTORS_MAX = 64,
	REAPER_UNKNOWN = -1, /* user space looks for it then */
};

/* A thread that is not about to end, of the group of the task at walk_node: its number, 0: none. */
__noinline int group_alive(__u32 slot_index)
{
	struct slot *s = bpf_map_lookup_elem(&slots, &slot_index);
	if (!s)
		return REAPER_UNKNOWN;
	__u64 task = s->walk_node;
	__u64 head = (__u64)READ(task_struct, task, signal) +
		     bpf_core_field_offset(struct signal_struct, thread_head);
	__u64 node = (__u64)READ(list_head, head, next);

	for (int i = 0; i < GROUP_THREADS_MAX; i++) {
		if (node == head)
			return 0;
		__u64 thread = node - bpf_core_field_offset(struct task_struct, thread_node);
		if (!(READ(task_struct, thread, flags) & PF_EXITING_))
			return READ(task_struct, thread, pid);
		node = (__u64)READ(list_head, node, next);
	}
	return REAPER_UNKNOWN;
}

/*
 * Who inherits a dying thread's children, as the kernel chooses it (find_new_reaper): another
 * thread of its process, the nearest ancestor in its pid namespace that asked to, the namespace's
 * init; 0: nobody, because there is nothing to inherit or the namespace dies with it.
 */
static __always_inline __s64 reaper_of(struct slot *s, struct task_struct *task)
{
	struct list_head *children = BPF_CORE_READ(task, children.next);
	if ((__u64)children == (__u64)task + bpf_core_field_offset(struct task_struct, children))
		return 0;
	s->walk_node = (__u64)task;
	int reaper = group_alive(s->index);
	if (reaper)
		return reaper;
	struct pid *pid = task->thread_pid;
	__u32 level = pid->level;
	struct pid_namespace *ns = pid_own_ns(pid, level);
	__u64 init = ns ? (__u64)READ(pid_namespace, ns, child_reaper) : 0;
	if (!init)
		return REAPER_UNKNOWN;
	if (init == (__u64)task)
		return 0;
	__s64 init_pid = READ(task_struct, init, pid);
	struct signal_struct *signal = BPF_CORE_READ(task, signal);
	if (!BPF_CORE_READ_BITFIELD_PROBED(signal, has_child_subreaper))
		return init_pid;
	__u64 ancestor = (__u64)BPF_CORE_READ(task, real_parent);
	for (int i = 0; i < ANCESTORS_MAX; i++) {
		__u64 own = (__u64)READ(task_struct, ancestor, thread_pid);
		if (ancestor == init || READ(pid, own, level) != level)
			return init_pid;
		signal = READ(task_struct, ancestor, signal);
		if (BPF_CORE_READ_BITFIELD_PROBED(signal, is_child_subreaper)) {
			s->walk_node = ancestor;
			reaper = group_alive(s->index);
			if (reaper)
				return reaper;
		}
		ancestor = (__u64)READ(task_struct, ancestor, real_parent);
	}
	return REAPER_UNKNOWN;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(process_exit, struct task_struct *trusted)
{
	struct task_struct *task = task_plain(trusted);
	if (task->flags & PF_KTHREAD_ || task->tgid == own_tgid)
		return 0;
	if (has_hooks && hooks_in_use)
		hook_forget();
	if (unlikely(routes_in_use))
		sent_forget();
	if (unlikely(wants[CALL_reboot] & WANT_RULES))
		reboot_ended(task);
	struct slot *s =
	    event_begin(CODE_PROCEXIT, EXIT_PARAMS, NO_SYSCALL, true, trusted, task, exits_wanted);
	if (!s)
		return 0;
	s->is_critical = ROW_IMPORTANT;
	__u32 status = task->exit_code;
	__u32 signal = status & 0x7f;
	put_u64(s, 0, (__s64)(__s32)status);
	put_u64(s, 1, status >> 8 & 0xff);
	put_u8(s, 2, signal == 0x7f ? 0 : signal);
	put_u8(s, 3, status >> 7 & 1);
	put_u64(s, 4, reaper_of(s, task));
	params_end(s);
	slot_emit(s);
	return 0;
}

/*
 * A process gets another name, by prctl or by what is written to /proc. Its next record would bring
 * that, but there may be none before a descendant's, whose ancestor it is. So it is told as the
 * prctl that it mostly is, for the state alone; execs have a record of their own.
 */
SEC("tp_btf/task_rename")
int BPF_PROG(process_renamed, struct task_struct *trusted, const char *name)
{
	/* Named by another thread it may be about to end. */
	bool known = HAS_SURE_LOADS;
	struct task_struct *task = task_plain(trusted);
	struct pt_regs *regs = current_regs();
	__u32 nr = native_nr(false, regs, is_compat(HAS_TASK_BTF, current_trusted()));

	if (trusted->pid != trusted->tgid || trusted->flags & PF_KTHREAD_ ||
	    trusted->tgid == own_tgid || nr == NR_EXECVE || nr == NR_EXECVEAT)
		return 0;
	struct slot *s =
	    event_begin(CODE_PRCTL, PRCTL_PARAMS, NO_SYSCALL, known, trusted, task, false);
	if (!s)
		return 0;
	struct record *r = (struct record *)s->data;
	s->is_critical = ROW_IMPORTANT;
	__builtin_memset(r->task.comm, 0, RECORD_COMM_SIZE);
	bpf_probe_read_kernel_str(r->task.comm, RECORD_COMM_SIZE, name);
	put_u64(s, 0, 0);
	put_u32(s, 1, PR_SET_NAME_);
	set_length(s, 2, append_kernel_str(s, r->task.comm, RECORD_COMM_SIZE));
	put_u64(s, 3, 0);
	params_end(s);
	slot_emit(s);
	return 0;
}

#endif
