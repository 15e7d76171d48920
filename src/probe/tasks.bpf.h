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
 * Every task there is, as if it had just been executed. Reads of another process's memory may
 * sleep, which this program may where the kernel lets it; where not, args and environment are
 * empty.
 */
static __always_inline __u32 append_task_memory(struct slot *s, struct task_struct *task,
						__u64 start, __u64 end, __u32 room)
{
	__u32 pos = s->pos;
	__u64 size = end > start ? end - start : 0;
	if (pos > PROBE_POS_LIMIT || !start)
		return 0;
	if (size > room) {
		size = room;
		s->flags |= RECORD_ARGS_CUT;
	}
	BOUND(size);
	if (!size || size > PROBE_ARGS_MAX)
		return 0;
	if (bpf_copy_from_user_task(s->data + pos, size, (void *)start, task, 0))
		return 0;
	__u64 last = pos + size - 1;
	s->pos = last + 1;
	BOUND(last);
	if (last < PROBE_POS_LIMIT + PROBE_ARGS_MAX)
		s->data[last] = 0;
	return size;
}

static __always_inline int task_dump(struct bpf_iter__task *ctx, bool can_sleep)
{
	struct task_struct *trusted = ctx->task;
	if (!trusted)
		return 0;
	struct task_struct *task = task_plain(trusted);
	struct slot *s =
	    event_begin(CODE_EXECVE, EXEC_PARAMS, NO_SYSCALL, true, trusted, task, false);
	if (!s)
		return 0;
	bool is_leader = task->pid == task->tgid;
	__u64 mm = is_leader ? (__u64)task->mm : 0;

	root_remember(s, true, task);
	put_u64(s, 0, 0);
	put_empty(s, 1);
	put_empty(s, 2);
	if (can_sleep && mm) {
		/* The first string is exe, the rest is args. */
		__u32 from = s->pos;
		__u32 size = append_task_memory(s, trusted, READ(mm_struct, mm, arg_start),
						READ(mm_struct, mm, arg_end), PROBE_ARGS_MAX);
		if (size && from <= PROBE_POS_LIMIT) {
			long n =
			    bpf_probe_read_kernel_str(s->path, RECORD_PATH_MAX, s->data + from);
			if (n < 0 || n > size)
				n = size;
			set_length(s, 1, n);
			set_length(s, 2, size - n);
		}
	}
	put_process(s, true, task, mm);
	put_empty(s, 15);
	if (can_sleep && mm)
		set_length(s, 15,
			   append_task_memory(s, trusted, READ(mm_struct, mm, env_start),
					      READ(mm_struct, mm, env_end), PROBE_ARGS_MAX));
	put_exec(s, true, task, mm);
	put_empty(s, 30);
	params_end(s);
	if (mm)
		annex_exe(s, mm);
	if (is_leader)
		annex_cwd(s, true, task, ANNEX_CWD, ANNEX_OF_TASK);

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

SEC("iter.s/task")
int dump_tasks(struct bpf_iter__task *ctx)
{
	return task_dump(ctx, true);
}

SEC("iter/task")
int dump_tasks_plain(struct bpf_iter__task *ctx)
{
	return task_dump(ctx, false);
}

#endif
