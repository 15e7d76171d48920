/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/*
 * Calls that are told of before they return, because they may never do so.
 *
 * One that loads a module returns only when the module's first function has. So its event is made
 * where the module stands in memory and is about to be started, as a success, and not again when
 * the call returns one. If the module then says that it cannot, the call fails, which is an event
 * of its own.
 *
 * One that ends the machine is told of when the kernel tells its own parts, or prints that; one
 * that ends a pid namespace when its caller ends within it (process_exit). Kernels before 6.6 tell
 * their parts without a tracepoint: there a hook has to do (hooks.c), or else what they print,
 * which of a restart comes too late for anybody to read.
 */
#ifndef SAKER_PROBE_EARLY_BPF_H
#define SAKER_PROBE_EARLY_BPF_H

#include "probe/calls.bpf.h"

enum { CAP_SYS_BOOT_ = 22, GENERIC_PARAMS = 2 };

SEC("tp_btf/module_load")
int BPF_PROG(module_loaded, void *module)
{
	bool known = HAS_TASK_BTF;
	struct task_struct *trusted = current_trusted();
	struct task_struct *task = known ? task_plain(trusted) : trusted;
	struct pt_regs *regs = current_regs();
	bool compat = is_compat(known, trusted);
	__u32 nr = native_nr(false, regs, compat);
	__u64 who = bpf_get_current_pid_tgid();

	if (!is_module_call(nr) || !(wants[INDEX(nr, PROBE_SYSCALLS)] & WANT_RULES))
		return 0;
	const struct collect_row *row = &collect_rows[INDEX(nr, PROBE_SYSCALLS)];
	struct slot *s = event_begin(row->code, row->nparams, nr, known, trusted, task, true);
	if (!s)
		return 0;
	if (compat)
		s->flags |= RECORD_COMPAT;
	s->facts = facts_wanted[INDEX(nr, PROBE_SYSCALLS)];
	args_read(s, regs, compat);
	s->values[SOURCE_RET] = 0;
	s->values[SOURCE_ZERO] = 0;
#pragma clang loop unroll(disable)
	for (__u32 i = 0; i < PROBE_ROW_PARAMS; i++) {
		if (i >= row->nparams)
			break;
		if (row->params[i].kind < KIND_PLAIN_END)
			collect_plain(s->index, i);
		else
			collect_misc(s->index, i);
	}
	call_end(s, row);
	bpf_map_update_elem(&calls_told, &who, &nr, BPF_ANY);
	return 0;
}

/* The reboot that the running task is in, as a success. */
static __always_inline void reboot_tell(struct pt_regs *regs, bool compat)
{
	bool known = HAS_TASK_BTF;
	struct task_struct *trusted = current_trusted();
	struct task_struct *task = known ? task_plain(trusted) : trusted;
	struct slot *s =
	    event_begin(CODE_GENERIC, GENERIC_PARAMS, CALL_reboot, known, trusted, task, true);

	if (!s)
		return;
	s->is_critical = IS_URGENT;
	if (compat)
		s->flags |= RECORD_COMPAT;
	args_read(s, regs, compat);
	put_u16(s, 0, collect_rows[CALL_reboot].scap_nr);
	put_u16(s, 1, CALL_reboot);
	params_end(s);
	annex_call(s);
	slot_emit(s);
}

static __always_inline bool is_within_reboot(struct pt_regs *regs, bool compat)
{
	return wants[CALL_reboot] & WANT_RULES && native_nr(false, regs, compat) == CALL_reboot &&
	       is_within_call(regs);
}

/* Something happens that does within a reboot, and elsewhere. */
static __always_inline int reboot_may_begin(void)
{
	bool known = HAS_TASK_BTF;
	struct task_struct *trusted = current_trusted();
	struct pt_regs *regs = current_regs();
	bool compat = is_compat(known, trusted);
	__u64 who = bpf_get_current_pid_tgid(), caps = 0;
	__u32 nr = CALL_reboot;

	if (!is_within_reboot(regs, compat) || bpf_map_lookup_elem(&calls_told, &who))
		return 0;
	/* A call that will be refused may be interrupted by whoever prints. */
	const struct cred *cred = FOLLOW(known, trusted, cred);
	bpf_core_read(&caps, sizeof(caps), &cred->cap_effective);
	if (!(caps >> CAP_SYS_BOOT_ & 1))
		return 0;
	reboot_tell(regs, compat);
	bpf_map_update_elem(&calls_told, &who, &nr, BPF_ANY);
	return 0;
}

/* On several tracepoints. */
SEC("raw_tp")
int reboot_begun(void *ctx)
{
	return reboot_may_begin();
}

SEC("fentry/blocking_notifier_call_chain")
int BPF_PROG(hook_reboot)
{
	return reboot_may_begin();
}

/* A thread that ends within reboot, as does the pid namespace that it is in. */
static __always_inline void reboot_ended(struct task_struct *task)
{
	struct pt_regs *regs = current_regs();
	bool compat = is_compat(true, task);

	if (task->exit_code == 0 && is_within_reboot(regs, compat))
		reboot_tell(regs, compat);
}

#endif
