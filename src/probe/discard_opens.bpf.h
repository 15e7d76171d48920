/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/*
 * Calls that open files, or tried to: their facts, and where those leave a question of the file's
 * name, discard_name.bpf.h.
 */
#ifndef SAKER_PROBE_DISCARD_OPENS_BPF_H
#define SAKER_PROBE_DISCARD_OPENS_BPF_H

#include "probe/discard_name.bpf.h"
#include "probe/discard_opened.bpf.h"

enum {
	CODE_CREAT = 59,
	OPEN_UNNAMED = 0x400000, /* of O_TMPFILE */
};

/* What DISCARD_OPEN's numbers are made of; NO_FACTS where the call is not to be discarded. */
enum { NO_FACTS = 1 << 16 };
static __always_inline __u32 open_facts(__u64 file, __u32 flags)
{
	__u32 facts = opened_facts(file, flags);

	if (flags & OPEN_UNNAMED)
		return NO_FACTS;
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

/* The verdict by the facts. A function because of its stack. */
__noinline int open_verdict(__u32 nr, __s64 ret, __u32 flags, __u32 number)
{
	struct discard_table *t = discard_table_again(number);
	__u32 facts = 0;

	if (!t || t->shape[INDEX(nr, DISCARD_CALLS)] != DISCARD_OPEN)
		return DISCARD_KEEP;
	if (ret >= 0) {
		__u64 file = file_of_fd(HAS_TASK_BTF, current_task(), ret);
		facts = file ? open_facts(file, flags) : NO_FACTS;
	}
	if (facts & NO_FACTS)
		return DISCARD_KEEP;
	return t->verdicts[INDEX(t->first[INDEX(nr, DISCARD_CALLS)] + (facts | result_class(ret)),
				 DISCARD_VERDICTS)];
}

/* By its name, in a slot. */
static __always_inline bool name_is_out(struct slot *s, const struct discard_table *t,
					__u64 clauses, bool known, struct task_struct *trusted,
					struct task_struct *task)
{
	if (!name_is_looked_at(s, t->number))
		return false;
	clauses &= s->run.may_hold;
	if (clauses & t->of_process)
		clauses &= process_clauses(t, known, trusted, task);
	return !clauses;
}

/* Whether the call is not to be reported. */
static __always_inline bool open_is_out(struct pt_regs *regs, __u32 nr,
					const struct collect_row *row, __s64 ret, bool compat,
					bool known, struct task_struct *trusted,
					struct task_struct *task)
{
	struct discard_table *t = discard_table_get();
	bool at = row->path_dir[0] != COLLECT_NONE;
	__u32 flags = at ? ARGUMENT(regs, compat, 2) : ARGUMENT(regs, compat, 1);

	if (!t)
		return false;
	if (row->code == CODE_CREAT)
		flags = OPEN_WRITE_ONLY | OPEN_CREAT;
	__u32 verdict = open_verdict(nr, ret, flags, t->number);
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
int BPF_PROG(discard_opens, struct pt_regs *regs, long returned)
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
	discard_end(ctx, nr, row, open_is_out(regs, nr, row, ret, compat, known, trusted, task));
	return 0;
}

#endif
