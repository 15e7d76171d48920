/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/*
 * Modules are told of before they run: a call that loads one returns only when the module's first
 * function has, which may be never. So the call's event is made where the module stands in memory
 * and is about to be started, as a success, and not again when the call returns one. If the module
 * then says that it cannot, the call fails, which is an event of its own.
 */
#ifndef SAKER_PROBE_MODULE_BPF_H
#define SAKER_PROBE_MODULE_BPF_H

#include "probe/calls.bpf.h"

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
	first_args_load(s, regs, compat);
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
	bpf_map_update_elem(&modules_told, &who, &nr, BPF_ANY);
	return 0;
}

#endif
