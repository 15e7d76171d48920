/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* Who did it: the task facts that start every record. */
#ifndef SAKER_PROBE_FACTS_BPF_H
#define SAKER_PROBE_FACTS_BPF_H

#include "probe/core.bpf.h"

/* As the kernel shows device numbers to user space. */
static __always_inline __u32 encode_dev(__u32 dev)
{
	__u32 major = dev >> 20, minor = dev & 0xfffff;
	return (minor & 0xff) | (major << 8) | ((minor & ~0xffu) << 12);
}

/* Namespaces nest no deeper than that (the kernel's MAX_PID_NS_LEVEL). */
enum { PID_LEVELS = 32 };
#define INITIAL_PIDNS 0xeffffffcu

/* Number of a pid in its own namespace. */
static __always_inline __s32 pid_own_nr(bool known, struct pid *pid, __u32 level, __s32 global)
{
	if (!level)
		return global;
	__s32 nr = 0;
	/* A flexible array: only its start may be named. */
	void *entry = (void *)pid + bpf_core_field_offset(struct pid, numbers) +
		      INDEX(level, PID_LEVELS) * bpf_core_type_size(struct upid);
	if (HAS_RDONLY_CAST)
		return ((struct upid *)bpf_rdonly_cast(entry, bpf_core_type_id_kernel(struct upid)))
		    ->nr;
	bpf_core_read(&nr, sizeof(nr), &((struct upid *)entry)->nr);
	return nr;
}

static __always_inline struct pid_namespace *pid_own_ns(struct pid *pid, __u32 level)
{
	struct pid_namespace *ns = NULL;
	void *entry = (void *)pid + bpf_core_field_offset(struct pid, numbers) +
		      INDEX(level, PID_LEVELS) * bpf_core_type_size(struct upid);
	if (HAS_RDONLY_CAST)
		return ((struct upid *)bpf_rdonly_cast(entry, bpf_core_type_id_kernel(struct upid)))
		    ->ns;
	bpf_core_read(&ns, sizeof(ns), &((struct upid *)entry)->ns);
	return ns;
}

/* `known`: the verifier knows the pointers' type. Both are the same task; see task_plain. */
static __always_inline void task_facts_fill(struct task_facts *f, bool known,
					    struct task_struct *trusted, struct task_struct *task)
{
	struct task_struct *parent = FOLLOW(known, task, real_parent);
	struct signal_struct *signal = FOLLOW(known, task, signal);
	/* Those of the task itself, and not those that it borrows for a moment: requests of
	 * io_uring complete while it acts with a personality that it registered. */
	const struct cred *cred = FOLLOW(known, task, real_cred);
	struct pid *pid = FOLLOW(known, task, thread_pid);
	__u32 level = FOLLOW(known, pid, level);

	f->start_time = FOLLOW(known, task, group_leader, start_boottime);
	f->parent_start_time = FOLLOW(known, parent, group_leader, start_boottime);
	f->cgroup_id = FOLLOW(known, task, cgroups, dfl_cgrp, kn, id);
	f->exec_id = FOLLOW(known, trusted, self_exec_id);
	f->pid = FOLLOW(known, trusted, tgid);
	f->tid = FOLLOW(known, trusted, pid);
	f->ppid = FOLLOW(known, parent, tgid);

	struct pid *session = FOLLOW(known, signal, pids[PIDTYPE_SID_]);
	struct pid *group = FOLLOW(known, signal, pids[PIDTYPE_PGID_]);
	f->sid = FOLLOW(known, session, numbers[0].nr);
	f->pgid = FOLLOW(known, group, numbers[0].nr);
	if (!level) {
		f->vpid = f->pid;
		f->vtid = f->tid;
		f->vsid = f->sid;
		f->vpgid = f->pgid;
	} else {
		struct pid *leader = FOLLOW(known, signal, pids[PIDTYPE_TGID_]);
		f->vtid = pid_own_nr(known, pid, level, f->tid);
		f->vpid = pid_own_nr(known, leader, level, f->pid);
		/* Session and group may come from outside of the namespace: 0 there, as ps says. */
		f->vsid = FOLLOW(known, session, level) < level
			      ? 0
			      : pid_own_nr(known, session, level, f->sid);
		f->vpgid = FOLLOW(known, group, level) < level
			       ? 0
			       : pid_own_nr(known, group, level, f->pgid);
	}

	f->uid = FOLLOW(known, cred, euid.val);
	f->gid = FOLLOW(known, cred, egid.val);
	f->ruid = FOLLOW(known, cred, uid.val);
	f->rgid = FOLLOW(known, cred, gid.val);
	f->userns = FOLLOW(known, cred, user_ns, ns.inum);
	if (bpf_core_field_exists(struct task_struct, loginuid))
		f->loginuid = FOLLOW(known, trusted, loginuid.val);
	else
		f->loginuid = ~0u;

	struct tty_struct *tty = FOLLOW(known, signal, tty);
	f->tty = 0;
	if (tty) {
		struct tty_driver *driver = FOLLOW(known, tty, driver);
		__u32 dev = ((__u32)FOLLOW(known, driver, major) << 20) +
			    FOLLOW(known, driver, minor_start) + FOLLOW(known, tty, index);
		f->tty = encode_dev(dev);
	}

	/* Gone in a task that is exiting. */
	struct nsproxy *nsproxy = FOLLOW(known, task, nsproxy);
	f->mntns = 0;
	if (nsproxy)
		f->mntns = FOLLOW(known, nsproxy, mnt_ns, ns.inum);
	/* The initial namespace's number is the same on all kernels. */
	f->pidns = INITIAL_PIDNS;
	if (unlikely(level)) {
		struct pid_namespace *ns = pid_own_ns(pid, level);
		f->pidns = ns ? READ(pid_namespace, ns, ns.inum) : 0;
	}
	if (known) {
		*(__u64 *)&f->comm[0] = *(__u64 *)&trusted->comm[0];
		*(__u64 *)&f->comm[8] = *(__u64 *)&trusted->comm[8];
	} else {
		bpf_core_read(f->comm, sizeof(f->comm), &task->comm);
	}
}

/*
 * Starts a record in the slot: prefix and event header. The parameters follow, in order; then
 * params_end.
 */
static __always_inline void record_start(struct slot *s, __u16 code, __u32 nparams, __u16 nr,
					 __s64 ret, bool known, struct task_struct *trusted,
					 struct task_struct *task)
{
	struct record *r = (struct record *)s->data;
	struct event_header *header = (struct event_header *)(s->data + EVENT_AT);

	s->code = code;
	s->nr = nr;
	s->relative = 0;
	s->overflow = 0;
	s->event_size = 0;
	s->file = 0;
	s->task = (__u64)trusted;
	s->request_file = 0;
	s->sent.count = 0;
	r->annex_offset = 0;
	r->cpu = s->cpu;
	r->ret = ret;
	r->syscall_nr = nr;
	r->reserved[0] = r->reserved[1] = r->reserved[2] = 0;
	task_facts_fill(&r->task, known, trusted, task);
	s->flags = RECORD_HAS_TASK;
	if (unlikely(FOLLOW(known, trusted, flags) & PF_KTHREAD_))
		s->flags |= RECORD_KERNEL_THREAD;
	header->ts = s->ts;
	header->tid = r->task.tid;
	header->type = code;
	header->nparams = nparams;
	s->params_at = LENGTHS_AT + 2 * nparams;
	s->pos = s->params_at;
}

/* The lengths of parameters that nothing was written for are zero only if they are set so. */
static __always_inline void set_length(struct slot *s, __u32 i, __u32 length)
{
	*(__u16 *)(s->data + LENGTHS_AT + 2 * (i & 31)) = length;
}

#define DEFINE_PUT(name, type)                                                                     \
	static __always_inline void name(struct slot *s, __u32 i, type value)                      \
	{                                                                                          \
		__u32 pos = s->pos;                                                                \
		if (pos > PROBE_POS_LIMIT) {                                                       \
			s->overflow = 1;                                                           \
			return;                                                                    \
		}                                                                                  \
		*(type *)(s->data + pos) = value;                                                  \
		s->pos = pos + sizeof(type);                                                       \
		set_length(s, i, sizeof(type));                                                    \
	}
DEFINE_PUT(put_u64, __u64)
DEFINE_PUT(put_u32, __u32)
DEFINE_PUT(put_u16, __u16)
DEFINE_PUT(put_u8, __u8)

static __always_inline void put_empty(struct slot *s, __u32 i)
{
	set_length(s, i, 0);
}

/* Bytes without a length, for parameters of several parts. */
#define DEFINE_APPEND(name, type)                                                                  \
	static __always_inline void name(struct slot *s, type value)                               \
	{                                                                                          \
		__u32 pos = s->pos;                                                                \
		if (pos > PROBE_POS_LIMIT) {                                                       \
			s->overflow = 1;                                                           \
			return;                                                                    \
		}                                                                                  \
		*(type *)(s->data + pos) = value;                                                  \
		s->pos = pos + sizeof(type);                                                       \
	}
DEFINE_APPEND(append_u64, __u64)
DEFINE_APPEND(append_u32, __u32)
DEFINE_APPEND(append_u16, __u16)
DEFINE_APPEND(append_u8, __u8)

/* Bytes written, with the NUL; 0 and nothing where the memory cannot be read. */
static __always_inline __u32 append_user_str(struct slot *s, __u64 pointer)
{
	__u32 pos = s->pos;
	if (pos > PROBE_POS_LIMIT) {
		s->overflow = 1;
		return 0;
	}
	long n = bpf_probe_read_user_str(s->data + pos, RECORD_PATH_MAX, (void *)pointer);
	if (n <= 0) {
		if (pointer)
			s->flags |= RECORD_USER_FAULT;
		return 0;
	}
	if (n == RECORD_PATH_MAX)
		s->flags |= RECORD_ARGS_CUT;
	s->pos = pos + n;
	return n;
}

static __always_inline __u32 append_kernel_str(struct slot *s, const void *pointer, __u32 room)
{
	__u32 pos = s->pos;
	if (pos > PROBE_POS_LIMIT) {
		s->overflow = 1;
		return 0;
	}
	long n = bpf_probe_read_kernel_str(s->data + pos, room, pointer);
	if (n <= 0)
		return 0;
	s->pos = pos + n;
	return n;
}

/* At most 4096 bytes. */
static __always_inline __u32 append_user(struct slot *s, __u64 pointer, __u32 size)
{
	__u32 pos = s->pos;
	if (pos > PROBE_POS_LIMIT) {
		s->overflow = 1;
		return 0;
	}
	if (size > 4096)
		size = 4096;
	if (!size || !pointer)
		return 0;
	/* The verifier must see the bound on the very register that it checks. */
	BOUND(size);
	if (size > 4096)
		return 0;
	if (bpf_probe_read_user(s->data + pos, size, (void *)pointer)) {
		s->flags |= RECORD_USER_FAULT;
		return 0;
	}
	s->pos = pos + size;
	return size;
}

/* Where the bytes of a parameter stand, once all are there. */
__noinline int param_start(__u32 slot_index, __u32 param)
{
	struct slot *s = bpf_map_lookup_elem(&slots, &slot_index);
	if (!s)
		return 0;
	__u32 at = s->params_at;
#pragma clang loop unroll(disable)
	for (__u32 i = 0; i < PROBE_ROW_PARAMS; i++) {
		if (i >= param)
			break;
		at += *(__u16 *)(s->data + LENGTHS_AT + 2 * i);
	}
	return at;
}

/* Ends the parameters. */
static __always_inline void params_end(struct slot *s)
{
	s->event_size = s->pos - EVENT_AT;
}

#endif
