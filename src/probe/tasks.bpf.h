/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* The tasks that are there already, and which of them we are. */
#ifndef SAKER_PROBE_TASKS_BPF_H
#define SAKER_PROBE_TASKS_BPF_H

#include "probe/exec.bpf.h"

/* Tells the loader its process's number in the initial namespace: run once, by hand. */
SEC("raw_tp")
int identify(void *ctx)
{
	own_tgid = bpf_get_current_pid_tgid() >> 32;
	return 0;
}

/*
 * Every task there is, as if it had just been executed. But for arguments and environment: those
 * are memory of the process, which may have put there what is never brought in, so that whoever
 * reads it waits for ever. State reads them where it need not wait (state/proc_wait.h).
 */
SEC("iter/task")
int dump_tasks(struct bpf_iter__task *ctx)
{
	bool known = HAS_SURE_LOADS;
	struct task_struct *trusted = ctx->task;
	if (!trusted)
		return 0;
	struct task_struct *task = task_plain(trusted);
	struct slot *s =
	    event_begin(CODE_EXECVE, EXEC_PARAMS, NO_SYSCALL, known, trusted, task, false);
	if (!s)
		return 0;
	bool is_leader = task->pid == task->tgid;
	__u64 mm = is_leader ? (__u64)task->mm : 0;

	root_remember(s, known, task);
	put_u64(s, 0, 0);
	put_empty(s, 1);
	put_empty(s, 2);
	put_process(s, known, task, mm);
	put_empty(s, 15);
	put_exec(s, known, task, mm);
	put_empty(s, 30);
	params_end(s);
	if (mm)
		annex_exe(s, mm);
	if (is_leader)
		annex_cwd(s, known, task, ANNEX_CWD, ANNEX_OF_TASK);

	struct record *r = (struct record *)s->data;
	__u32 size = (s->pos + 7) & ~7u;
	r->size = size;
	r->event_size = s->event_size;
	r->flags = s->flags;
	((struct event_header *)(s->data + EVENT_AT))->len = s->event_size;
	if (!r->annex_offset)
		r->annex_offset = size;
	BOUND(size);
	if (size <= RECORD_SIZE_MAX)
		bpf_seq_write(ctx->meta->seq, s->data, size);
	slot_release(s);
	return 0;
}

#endif
