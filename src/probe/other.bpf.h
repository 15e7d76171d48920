/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* Signals, switches, page faults. */
#ifndef SAKER_PROBE_OTHER_BPF_H
#define SAKER_PROBE_OTHER_BPF_H

#include "probe/calls.bpf.h"

/* What has no call: attached only where it is wanted. */
static __always_inline struct slot *tracepoint_begin(__u16 code, __u32 nparams,
						     struct task_struct *task)
{
	if (task->tgid == own_tgid)
		return NULL;
	struct slot *s = event_begin(code, nparams, NO_SYSCALL, HAS_SURE_LOADS, task, task, true);
	if (s)
		s->is_critical = 0;
	return s;
}

/*
 * Who sent a signal: of all that a process sent, and of a child's end the child. A SIGKILL is
 * delivered without it.
 */
static __always_inline __s32 signal_sender(__u32 signal, struct kernel_siginfo *info)
{
	enum { CHILD = 17, BY_KILL = 0, BY_SIGQUEUE = -1, BY_MESSAGE_QUEUE = -3, BY_TKILL = -6 };
	__s32 code = BPF_CORE_READ(info, si_code);

	if (signal == CHILD && code > 0)
		return BPF_CORE_READ(info, _sifields._sigchld._pid);
	if (code == BY_KILL || code == BY_SIGQUEUE || code == BY_MESSAGE_QUEUE || code == BY_TKILL)
		return BPF_CORE_READ(info, _sifields._kill._pid);
	return 0;
}

SEC("tp_btf/signal_deliver")
int BPF_PROG(signal_delivered, int signal, struct kernel_siginfo *info)
{
	bool known = HAS_TASK_BTF;
	struct task_struct *task = current_task();
	if (FOLLOW(known, task, tgid) == own_tgid)
		return 0;
	struct slot *s =
	    event_begin(CODE_SIGNAL, SIGNAL_PARAMS, NO_SYSCALL, known, task, task, true);
	if (!s)
		return 0;
	s->is_critical = 0;
	put_u64(s, 0, (__s64)signal_sender(signal, info));
	put_u64(s, 1, (__s64)((struct record *)s->data)->task.tid);
	put_u8(s, 2, signal);
	params_end(s);
	slot_emit(s);
	return 0;
}

SEC("tp_btf/sched_switch")
int BPF_PROG(task_switched, bool preempt, struct task_struct *trusted, struct task_struct *next)
{
	struct task_struct *task = task_plain(trusted);
	struct slot *s = tracepoint_begin(CODE_SWITCH, SWITCH_PARAMS, task);
	if (!s)
		return 0;
	__u64 mm = (__u64)task->mm;
	put_u64(s, 0, (__s64)next->pid);
	put_u64(s, 1, task->maj_flt);
	put_u64(s, 2, task->min_flt);
	put_u32(s, 3, vm_size(mm));
	put_u32(s, 4, vm_rss(mm));
	put_u32(s, 5, vm_swap(mm));
	params_end(s);
	slot_emit(s);
	return 0;
}

static __always_inline int page_fault(__u64 address, __u64 ip, __u64 error)
{
	enum { NOT_PRESENT = 0x2, READ_ACCESS = 0x8, SUPERVISOR = 0x20 };
	bool known = HAS_TASK_BTF;
	struct task_struct *task = current_task();
	if (FOLLOW(known, task, tgid) == own_tgid)
		return 0;
	struct slot *s =
	    event_begin(CODE_PAGE_FAULT, FAULT_PARAMS, NO_SYSCALL, known, task, task, true);
	if (!s)
		return 0;
	s->is_critical = 0;
	put_u64(s, 0, address);
	put_u64(s, 1, ip);
	/* Some of scap's bits say that the processor's bit is not set. */
	put_u32(s, 2,
		translate(TRANSLATE_FAULT, error) | (error & 1 ? 0 : NOT_PRESENT) |
		    (error & 2 ? 0 : READ_ACCESS) | (error & 4 ? 0 : SUPERVISOR));
	params_end(s);
	slot_emit(s);
	return 0;
}

SEC("tp_btf/page_fault_user")
int BPF_PROG(fault_user, unsigned long address, struct pt_regs *regs, unsigned long error)
{
	return page_fault(address, INSTRUCTION(regs), error);
}

SEC("tp_btf/page_fault_kernel")
int BPF_PROG(fault_kernel, unsigned long address, struct pt_regs *regs, unsigned long error)
{
	return page_fault(address, INSTRUCTION(regs), error);
}

#endif
